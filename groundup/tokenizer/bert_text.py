"""How BERT cleans a text and cuts it into words, before any WordPiece: the rules of its published tokenizer.

`words` takes the steps one by one, each over the whole text. All of them treat every character by itself (save the order of
combining marks), so `Words` looks each character up in a table that is filled as characters are met, and splits at blanks.
What is a mark, a control, a space is frozen in `bert.json`, as Hugging Face's `tokenizers` 0.23 sees it: its tables are from
about 2015, so that newer punctuation belongs to words. Characters younger than Unicode 14 are left as they are, and so are
marks whose order it does not know.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from pathlib import Path

import numpy as np

TABLE = Path(__file__).with_name("bert.json")
# The classes in bert.json. STILL: has no case and is never taken apart; ORDERED: changes places with its like in NFD.
KEPT, REMOVED, SPACE, PUNCTUATION, MARK, STILL, ORDERED = range(7)
REMOVED_SPACES = "\x0b\x0c\x85"  # controls for whoever cleans, spaces for whoever does not
ISLANDS = "\x1c\x1d\x1e\x1f"  # spaces for Python's `split`, never for BERT
IDEOGRAPHS = (
    (0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF), (0x2F800, 0x2FA1F),
)  # fmt: skip


@dataclass(frozen=True)
class Rules:
    """Which steps are taken."""

    clean: bool = True  # remove controls, make every white space a blank
    ideographs: bool = True  # a Chinese character is a word
    lowercase: bool = True
    strip_accents: bool = True


@cache
def classes() -> bytes:
    """The class of every code point."""
    told = json.loads(TABLE.read_text())
    return np.repeat(np.array(told["runs"], np.uint8), told["lengths"]).tobytes()


def words(text: str, rules: Rules) -> list[str]:
    """The words of a text; no white space is left, and each mark of punctuation is a word."""
    return [word for word in apart(normalised(text, rules)).split(" ") if word]


def normalised(text: str, rules: Rules) -> str:
    """The text as its words are written."""
    if rules.clean:
        text = "".join(" " if kind_of(c) == SPACE else c for c in text if kind_of(c) != REMOVED)
    if rules.ideographs:
        text = "".join(f" {c} " if is_ideograph(c) else c for c in text)
    if rules.strip_accents:
        text = "".join(c for c in decomposed(text) if kind_of(c) != MARK)
    if rules.lowercase:
        text = "".join(c if kind_of(c) == STILL else c.lower() for c in text)
    return text


def apart(text: str) -> str:
    """The text with a blank for each white space and blanks around punctuation."""
    return "".join(
        f" {c} " if kind_of(c) == PUNCTUATION else " " if kind_of(c) == SPACE or c in REMOVED_SPACES else c
        for c in text
    )


def kind_of(character: str) -> int:
    """Its class."""
    return classes()[ord(character)]


def all_of(kind: int) -> str:
    """All characters of a class."""
    return "".join(map(chr, np.flatnonzero(np.frombuffer(classes(), np.uint8) == kind).tolist()))


def is_ideograph(character: str) -> bool:
    """Whether BERT takes it for a Chinese one."""
    return any(first <= ord(character) <= last for first, last in IDEOGRAPHS)


def decomposed(text: str) -> str:
    """NFD: letters without their marks, then the marks in their order."""
    parts = groupby(text, lambda c: kind_of(c) == STILL)
    return "".join("".join(part) if still else unicodedata.normalize("NFD", "".join(part)) for still, part in parts)


class Characters(dict):
    """Code point -> what it becomes, for `str.translate`; filled as characters are met."""

    def __init__(self, rules: Rules):
        super().__init__()
        self.rules = rules

    def __missing__(self, point: int) -> str:
        self[point] = made = apart(normalised(chr(point), self.rules))
        return made


class Words:
    """`words` at the speed of Python's string methods."""

    def __init__(self, rules: Rules):
        self.rules, self.characters = rules, Characters(rules)
        self.ordered = re.compile(f"[{all_of(ORDERED)}]") if rules.strip_accents else None
        self.chunk = re.compile(f"[^{all_of(SPACE)}{'' if rules.clean else REMOVED_SPACES}]+")

    def __call__(self, text: str) -> Iterable[str]:
        """The words of a text."""
        if self.ordered and self.ordered.search(text):
            return words(text, self.rules)
        return filter(None, text.translate(self.characters).split(" "))

    def chunks(self, text: str) -> list[str]:
        """What stands between white space: the words of a text are those of its chunks."""
        if any(map(text.__contains__, REMOVED_SPACES + ISLANDS)):
            return self.chunk.findall(text)
        return text.split()
