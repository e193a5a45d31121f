"""Gibberish: letters that no English word would put together, and real words in an order that no sentence has.

Two small tables of English (english.npz, made by `fit` from public-domain books and technical papers) say how many
bits each letter costs after the two before it, and how much likelier a word becomes after the word before it.
"""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Literal

import numpy as np
from pydantic import Field

from groundup.config import Settings
from groundup.data.filters.finding import Finding
from groundup.data.filters.language import language_of
from groundup.data.filters.phrases import Text

LETTERS = 27  # a to z, and one for everything between words
BITS = 16  # the tables hold sixteenths of a bit
ALL = 0.85  # noise throughout
FOREIGN = 0.08  # little words of another language from which a text is in it, and these tables know nothing of it
WINDOW = 120  # letters judged together, so that a page half of which is noise is found
FUNCTION_WORDS = tuple(
    """
the a an this that these those his her its their my our your no some any each every all both one two of in on at by for
with from to into through over under after before between about against during without and or but nor so yet if when
while because although as than then i you he she it we they him them me us who which what whose is are was were be been
being am has have had do does did will would can could shall should may might must not there here how where why very
more most much many such only own other another same too also even just never always often again out up down off
said let
""".split()
)
ENDINGS = ("ing", "ed", "ly", "tion", "s", "er", "al", "ous", "ful", "")
CLASSES = len(FUNCTION_WORDS) + len(ENDINGS) + 2  # and one for numbers, one for the borders of sentences
NUMBER, BORDER = CLASSES - 2, CLASSES - 1
KEPT, LONGEST = 50_000, 30  # words whose classes are kept, and letters of the longest of them
WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|[0-9][0-9.,]*|[.!?;:()\[\]{}\"“”=<>|/\\_*#]|\n(?=\W)")

NAMES = re.compile(r"`[^`\n]{1,200}`|https?://[^\s<>]+|\{\{[^{}\n]{1,200}\}\}")  # which nobody reads as words


class GibberishSettings(Settings):
    """Removes what is no language at all: random letters, shuffled letters, shuffled words."""

    kind: Literal["gibberish"] = "gibberish"
    letter_bits: float = Field(4.7, gt=0, description="a stretch of text is noise above this many bits a letter")
    letters: int = Field(
        100, ge=20, description="fewer letters outside of code and addresses are not judged by themselves"
    )
    noisy: float = Field(0.35, gt=0, le=1, description="the share of noisy stretches above which a text is gibberish")
    order: float = Field(-0.15, description="word order below this many bits a word is that of a word salad")
    words: int = Field(25, gt=0, description="word order is judged from this many pairs of words")
    signs: float = Field(0.22, gt=0, description="more signs and borders per word than this is a table or code")
    technical: float = Field(0.36, gt=0, description="with so many signs only a text of noise throughout is gibberish")


class Gibberish:
    """Tells gibberish by its letters, or by the order of its words."""

    reason = "gibberish"

    def __init__(self, settings: GibberishSettings):
        self.settings = settings
        self.letters, self.pairs = tables()

    def judge(self, text: Text) -> Finding | None:
        language, share, accented = language_of(text.text)
        if max(share * (language != "en"), accented) >= FOREIGN:
            return None
        order, pairs, signs, numbers = word_order(text.lower, self.pairs)
        told = NAMES.sub(" ", text.text)
        noisy, bits = letter_noise(told, self.letters, self.settings.letter_bits, self.settings.letters)
        if noisy > (self.settings.noisy if signs + numbers < self.settings.technical else ALL):
            return Finding(self.reason, f"{noisy:.0%} of it is letter noise ({bits:.1f} bits a letter)")
        if pairs >= self.settings.words and order < self.settings.order and signs < self.settings.signs:
            return Finding(self.reason, f"its words are in no order ({order:.2f} bits a word)")
        return None


def letter_noise(text: str, table: np.ndarray, limit: float, least: int = 20) -> tuple[float, float]:
    """The share of stretches whose letters cost more than `limit` bits each, and the mean cost of a letter."""
    symbols = _symbols(text)
    if len(symbols) < 30 or np.count_nonzero(symbols) < least:
        return 0.0, 0.0
    last = symbols[2:]
    costs = table[symbols[:-2], symbols[1:-1], last].astype(np.float32)[last > 0] / BITS
    starts = np.arange(0, max(1, len(costs) - WINDOW // 2), WINDOW)
    means = np.add.reduceat(costs, starts) / np.diff(np.append(starts, len(costs)))
    return float((means > limit).mean()), float(costs.mean())


def word_order(text: str, table: np.ndarray) -> tuple[float, int, float, float]:
    """Bits by which words are likelier where they stand than anywhere, per pair; the pairs; the shares of signs, numbers."""
    classes = _classes(text)
    known = (classes[:-1] < NUMBER) & (classes[1:] < NUMBER)
    pairs = int(known.sum())
    if not pairs:
        return 0.0, 0, 1.0, 0.0
    lift = float(table[classes[:-1], classes[1:]][known].sum()) / BITS / pairs
    return lift, pairs, float((classes == BORDER).mean()), float((classes == NUMBER).mean())


def fit(texts: Iterable[str]) -> dict[str, np.ndarray]:
    """The two tables from English texts; `np.savez_compressed` keeps them."""
    letters = np.ones((LETTERS,) * 3)
    pairs = np.zeros((CLASSES, CLASSES))
    for text in texts:
        symbols = _symbols(text)
        np.add.at(letters, (symbols[:-2], symbols[1:-1], symbols[2:]), 1)
        classes = _classes(text)
        np.add.at(pairs, (classes[:-1], classes[1:]), 1)
    bits = -np.log2(letters / letters.sum(2, keepdims=True))
    expected = pairs.sum(1, keepdims=True) * pairs.sum(0, keepdims=True) / pairs.sum()
    lift = np.log2((pairs + 5) / (expected + 5))
    return {
        "letters": np.clip(np.rint(bits * BITS), 0, 255).astype(np.uint8),
        "pairs": np.clip(np.rint(lift * BITS), -127, 127).astype(np.int8),
    }


@cache
def tables() -> tuple[np.ndarray, np.ndarray]:
    """The tables that come with the package: (27, 27, 27) costs, (classes, classes) lifts, in sixteenths of a bit."""
    with resources.files("groundup.data.filters").joinpath("english.npz").open("rb") as file, np.load(file) as found:
        return found["letters"], found["pairs"]


_SYMBOL = np.zeros(256, np.uint8)
_SYMBOL[ord("a") : ord("z") + 1] = _SYMBOL[ord("A") : ord("Z") + 1] = np.arange(1, LETTERS)
_WORDS = {word: i for i, word in enumerate(FUNCTION_WORDS)}


def _symbols(text: str) -> np.ndarray:
    """Letters as 1 to 26; whatever stands between words as one 0."""
    symbols = _SYMBOL[np.frombuffer(text.encode("ascii", "replace"), np.uint8)]
    keep = np.ones(len(symbols), bool)
    keep[1:] = (symbols[1:] > 0) | (symbols[:-1] > 0)
    return symbols[keep]


def _classes(text: str) -> np.ndarray:
    return np.fromiter(map(_CLASS_OF.__getitem__, WORD.findall(text.lower())), np.int64)


class _Known(dict[str, int]):
    """Classes of words that came before: as many as are worth keeping, and none that are as long as no word is."""

    def __missing__(self, word: str) -> int:
        found = _class(word)
        if len(self) < KEPT and len(word) <= LONGEST:
            self[word] = found
        return found


_CLASS_OF = _Known()


def _class(word: str) -> int:
    if word in _WORDS:
        return _WORDS[word]
    if word[0].isdigit():
        return NUMBER
    if not word[0].isalpha():
        return BORDER
    return len(FUNCTION_WORDS) + next(i for i, ending in enumerate(ENDINGS) if word.endswith(ending))
