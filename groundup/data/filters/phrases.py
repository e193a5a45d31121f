"""Lists of words and phrases as one regular expression that stays fast, however long the list.

Python tries the branches of an alternation one after another; sorted under their first letters it looks at few. The
lists are written in lower case and searched in lower-cased text, for the same reason.
"""

import itertools
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache

from groundup.data.filters.survey import Survey

LEADING = re.compile(r"\(\?:([^()]*)\)(\??)")
WORDS = re.compile(r"[a-z0-9]+(?:['’][a-z]+)?")


class Text:
    """A document as the filters look at it: as it is, in lower case, as words, and surveyed; each made once."""

    def __init__(self, text: str):
        self.text = text

    @cached_property
    def lower(self) -> str:
        return self.text.lower().replace("’", "'")

    @cached_property
    def words(self) -> list[str]:
        return WORDS.findall(self.lower)

    @cached_property
    def survey(self) -> Survey:
        return Survey(self.text)


class Lexicon:
    """Several lists searched at once: `find` gives each hit with the name of its list, the first that has it."""

    def __init__(self, lists: dict[str, str]):
        self.single = {kind: re.compile(any_of(written)) for kind, written in lists.items()}
        self.all = re.compile(any_of(*lists.values()))
        self.kind_of = lru_cache(10_000)(self._kind_of)

    def find(self, text: str) -> Iterator[tuple[str, re.Match[str]]]:
        return ((self.kind_of(found[0]), found) for found in self.all.finditer(text))

    def _kind_of(self, hit: str) -> str:
        return next((kind for kind, pattern in self.single.items() if pattern.fullmatch(hit)), "")


def any_of(*lists: str) -> str:
    """The pattern of whole words or phrases; written as patterns, apart by ` | ` or, in lists of words, blanks."""
    tree: dict[str, list[str]] = {}
    for phrase in itertools.chain.from_iterable(map(phrases, lists)):
        for spelled in _spelled(phrase):
            tree.setdefault(spelled[0], []).append(spelled[1:])
    branches = (f"{first}(?:{'|'.join(sorted(rest, key=len, reverse=True))})" for first, rest in sorted(tree.items()))
    return rf"\b(?:{'|'.join(branches)})(?!\w)"


def phrases(written: str) -> list[str]:
    """The single patterns of a list."""
    flat = " ".join(written.split())
    return [phrase.strip() for phrase in flat.split(" | ")] if " | " in flat else flat.split()


def _spelled(phrase: str) -> list[str]:
    """A phrase that begins with a choice, as the phrases that begin with each of its words."""
    found = LEADING.match(phrase)
    if not found:
        return [phrase]
    rest = phrase[found.end() :]
    choices = [choice + rest for choice in found[1].split("|")]
    return choices + _spelled(rest.lstrip()) if found[2] else choices
