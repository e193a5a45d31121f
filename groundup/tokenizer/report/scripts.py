"""Which script a text is written in, run by run: what a tokenizer costs its readers depends on it more than on anything else.

A run begins with a letter of a script and goes on through blanks, digits and signs until a letter of another. What comes
before the first letter is a run of its own. So each run can be encoded by itself, whatever the kind of tokenizer.
"""

from collections.abc import Iterable, Iterator
from functools import cache

import regex

SIGNS, OTHERS = "signs and digits", "other scripts"
SCRIPTS = """Latin Cyrillic Greek Han Hiragana Katakana Hangul Arabic Hebrew Devanagari Bengali Gurmukhi Gujarati Oriya Tamil
Telugu Kannada Malayalam Sinhala Thai Lao Tibetan Myanmar Georgian Armenian Ethiopic Khmer Mongolian""".split()


def runs(text: str) -> Iterator[tuple[str, str]]:
    """The script and the text of each run, in order; all of them in a row are the text."""
    for found in expression().finditer(text):
        yield (found.lastgroup or SIGNS).replace("_", " "), found.group()


@cache
def expression() -> "regex.Pattern[str]":
    """One alternative for each script, one for letters of all others, one for what is no letter."""
    neutral = r"\p{Common}\p{Inherited}\p{Unknown}"
    named = "".join(rf"\p{{{name}}}" for name in SCRIPTS)
    each = [rf"(?P<{name}>\p{{{name}}}[\p{{{name}}}{neutral}]*+)" for name in SCRIPTS]
    others = rf"(?P<{OTHERS.replace(' ', '_')}>[^{named}{neutral}][^{named}]*+)"
    return regex.compile("|".join([*each, others, rf"[{neutral}]++"]))


def by_script(texts: Iterable[str]) -> dict[str, list[str]]:
    """The runs of each script, in the order in which the scripts appear."""
    found: dict[str, list[str]] = {}
    for text in texts:
        for script, run in runs(text):
            found.setdefault(script, []).append(run)
    return found
