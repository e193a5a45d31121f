"""What kind of character each code point is, frozen in a file: Unicode grows every year, a tokenizer must not change.

`unicode.json` holds runs of code points of one class. In format 1 all letters are of one class and marks are `other`, which is all
that most patterns ask for; format 2 tells upper, lower and other letters and marks apart, for o200k. Both are read.
"""

import json
from pathlib import Path

import numpy as np
import regex

from groundup.errors import Problem

CODE_POINTS = 0x110000
TABLE = Path(__file__).with_name("unicode.json")
CLASSES = {"other": 0, "letter": 1, "number": 2, "space": 3, "newline": 4}  # as in kernels.words
FINER = {"upper": 5, "lower": 6, "mark": 7}  # title case counts as upper; a `letter` is then one without case
KINDS = (
    ("letter", r"\p{L}+"),
    ("number", r"\p{N}+"),
    ("space", r"\s+"),
    ("newline", r"[\r\n]+"),
    ("upper", r"[\p{Lu}\p{Lt}]+"),
    ("lower", r"\p{Ll}+"),
    ("mark", r"\p{M}+"),
)


def classes_of_regex() -> np.ndarray:
    """The class of every code point as the installed `regex` package sees it (CODE_POINTS,) uint8, in the finer classes."""
    table = np.zeros(CODE_POINTS, np.uint8)
    every = "".join(map(chr, range(CODE_POINTS)))
    for name, kind in KINDS:
        for found in regex.finditer(kind, every):
            table[found.start() : found.end()] = (CLASSES | FINER)[name]
    return table


def is_finer(table: np.ndarray) -> bool:
    """Whether letters are told apart."""
    return int(table.max()) > max(CLASSES.values())


def coarse(table: np.ndarray) -> np.ndarray:
    """The same table in the classes of format 1."""
    letter, other = CLASSES["letter"], CLASSES["other"]
    return np.array([0, 1, 2, 3, 4, letter, letter, other], np.uint8)[table]


def fitting(table: np.ndarray, pattern: str, where: str = "this tokenizer") -> np.ndarray:
    """The table in the classes that a pattern asks for."""
    if not pattern.startswith("o200k"):
        return coarse(table) if is_finer(table) else table
    if not is_finer(table):
        raise Problem(
            f"{where} has a table of character classes without upper and lower letters, which {pattern} needs"
        )
    return table


def classes_as_text(table: np.ndarray) -> str:
    """A class table as runs: how many code points in a row, of which class."""
    starts = np.flatnonzero(np.diff(table, prepend=255))
    lengths = np.diff(starts, append=len(table))
    number, classes = (2, CLASSES | FINER) if is_finer(table) else (1, CLASSES)
    told = {"format": number, "classes": classes, "lengths": lengths.tolist(), "runs": table[starts].tolist()}
    return json.dumps(told, separators=(",", ":")) + "\n"


def read_classes(path: Path = TABLE) -> np.ndarray:
    """The class of every code point (CODE_POINTS,) uint8, from a file of `classes_as_text`."""
    try:
        told = json.loads(path.read_text())
        lengths, runs = np.array(told["lengths"], np.int64), np.array(told["runs"], np.uint8)
        highest = {1: max(CLASSES.values()), 2: max(FINER.values())}[told["format"]]
        if lengths.sum() == CODE_POINTS and lengths.min() > 0 and runs.max() <= highest:
            return np.repeat(runs, lengths)
    except (ValueError, KeyError, TypeError, OverflowError):
        pass
    raise Problem(
        f"{path} is not a table of character classes as groundup writes them: copy it again from where the tokenizer was made"
    )
