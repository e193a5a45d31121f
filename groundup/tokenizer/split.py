"""Where text is cut into words before any merging: no token ever crosses these borders.

`words` is the reference, a published pattern and the `regex` package; `kernels.words` finds the same borders in one pass
over bytes. What is a letter, a number, a space comes there from a table frozen in `unicode.json`, so that a tokenizer
means the same in every Python and every year. A pattern of one's own is a regular expression instead of a name: it is
looked for by the `regex` package whenever text is cut, which is some ten times slower; `^` and `$` mean ends of lines, as in
a tokenizer.json, and what the expression leaves between its matches are words, too.
"""

from functools import cache

import regex

from groundup.errors import Problem

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
GPT4 = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
)
GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTIONS + "?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTIONS + "?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
THREE, ONE = r"\p{N}{1,3}", r"\p{N}"
PATTERNS = {
    "gpt4": GPT4,
    "gpt2": GPT2,
    "gpt2-digits": GPT2.replace(r" ?\p{N}+", ONE),  # a digit is a word
    "cl100k": GPT4.replace(
        r"|\s*[\r\n]|", r"|\s+(?![\s\S])|\s*[\r\n]|"
    ),  # as tiktoken has it: all space before the end is one
    "o200k": O200K,
    "o200k-digits": O200K.replace(THREE, ONE),
    "llama3": LLAMA3,  # cuts as gpt4 does, and is written as in Llama 3's files
    "qwen2": LLAMA3.replace(THREE, ONE),
}


def words(text: str, pattern: str = "gpt4") -> list[str]:
    """The words of a text; joined, they are the text again."""
    found, end = [], 0
    for match in expression(pattern).finditer(text):
        if match.start() > end:  # a pattern of one's own may leave something out
            found.append(text[end : match.start()])
        if match.end() > match.start():
            found.append(match.group())
        end = match.end()
    return [*found, text[end:]] if end < len(text) else found


@cache
def expression(pattern: str) -> regex.Pattern:
    """The regular expression of that name, or the one that it is."""
    try:
        return regex.compile(PATTERNS.get(pattern, pattern), regex.MULTILINE)
    except regex.error as error:
        raise Problem(f"{pattern!r} is no regular expression that the `regex` package reads: {error}") from None


def known(pattern: str) -> str:
    """The name of a pattern, also where its text is given; or the regular expression itself if it is one of one's own."""
    named = {text: name for name, text in PATTERNS.items()}
    if pattern in PATTERNS or pattern in named:
        return named.get(pattern, pattern)
    if not pattern or all(letter.isalnum() or letter in "-_" for letter in pattern):
        raise Problem(
            f"there is no split pattern {pattern!r}: choose one of {', '.join(PATTERNS)}, or give a regular expression"
        )
    expression(pattern)
    return pattern
