"""Where text is cut into words before any merging: no token ever crosses these borders.

`words` is the reference, a published pattern and the `regex` package; `kernels.words` finds the same borders in one pass
over bytes. What is a letter, a number, a space comes there from a table frozen in `unicode.json`, so that a tokenizer
means the same in every Python and every year.
"""

import json
from pathlib import Path

import numpy as np
import regex

from groundup.errors import Problem

PATTERNS = {
    "gpt4": (
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"
    ),
    "gpt2": r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
}
CODE_POINTS = 0x110000
TABLE = Path(__file__).with_name("unicode.json")
CLASSES = {"other": 0, "letter": 1, "number": 2, "space": 3, "newline": 4}  # as in kernels.words


def words(text: str, pattern: str = "gpt4") -> list[str]:
    """The words of a text; joined, they are the text again."""
    return regex.findall(PATTERNS[pattern], text)


def known(pattern: str) -> str:
    """The name itself if there is such a pattern."""
    if pattern not in PATTERNS:
        raise Problem(f"there is no split pattern {pattern!r}: choose one of {', '.join(PATTERNS)}")
    return pattern


def classes_of_regex() -> np.ndarray:
    """The class of every code point as the installed `regex` package sees it (CODE_POINTS,) uint8."""
    table = np.zeros(CODE_POINTS, np.uint8)
    every = "".join(map(chr, range(CODE_POINTS)))
    for name, kind in (("letter", r"\p{L}+"), ("number", r"\p{N}+"), ("space", r"\s+"), ("newline", r"[\r\n]+")):
        for found in regex.finditer(kind, every):
            table[found.start() : found.end()] = CLASSES[name]
    return table


def classes_as_text(table: np.ndarray) -> str:
    """A class table as runs: how many code points in a row, of which class."""
    starts = np.flatnonzero(np.diff(table, prepend=255))
    lengths = np.diff(starts, append=len(table))
    told = {"format": 1, "classes": CLASSES, "lengths": lengths.tolist(), "runs": table[starts].tolist()}
    return json.dumps(told, separators=(",", ":")) + "\n"


def read_classes(path: Path = TABLE) -> np.ndarray:
    """The class of every code point (CODE_POINTS,) uint8, from a file of `classes_as_text`."""
    try:
        told = json.loads(path.read_text())
        lengths, runs = np.array(told["lengths"], np.int64), np.array(told["runs"], np.uint8)
        if told["format"] == 1 and lengths.sum() == CODE_POINTS and lengths.min() > 0 and runs.max() <= max(CLASSES.values()):
            return np.repeat(runs, lengths)
    except (ValueError, KeyError, TypeError, OverflowError):
        pass
    raise Problem(f"{path} is not a table of character classes as groundup writes them: copy it again from where the tokenizer was made")
