"""A text as bare words, for classification and search: lower case, without punctuation or stop words, perhaps stemmed.

A language model needs all of this to write; none of these changes belongs into its corpus.
"""

import re
from typing import Literal

from pydantic import Field

from groundup.config import Settings
from groundup.data.cleaning.stop_words import words_of

PUNCTUATION = re.compile(r"(?<=\w)['’](?=\w)|[^\w\s]|_")  # an apostrophe within a word goes without leaving a blank
BLANKS = re.compile(r"[^\S\n]+")
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]*)?")
ENGLISH = re.compile(r"\b[a-z]{4,}\b")
VOWEL = re.compile(r"[aeiouy]")
ENDINGS = (
    ("sses", "ss"),
    ("ies", "y"),
    ("ss", "ss"),
    ("ied", "y"),
    ("ing", ""),
    ("edly", ""),
    ("ed", ""),
    ("ly", ""),
    ("s", ""),
)
EDGES = re.compile(r" ?\n ?")


class LowerSettings(Settings):
    """Writes everything in lower case."""

    kind: Literal["lower"] = "lower"


class Lower:
    """Lower case, letter by letter, so that nothing grows longer than it was."""

    name = "lower"

    def __init__(self, settings: LowerSettings):
        self.settings = settings

    def change(self, text: str) -> str:
        return text.lower()


class PunctuationSettings(Settings):
    """Takes away everything that is neither letter, digit nor blank."""

    kind: Literal["punctuation"] = "punctuation"


class Punctuation:
    """Words stay apart where punctuation parted them; `don't` becomes `dont`."""

    name = "punctuation"

    def __init__(self, settings: PunctuationSettings):
        self.settings = settings

    def change(self, text: str) -> str:
        return single_blanks(PUNCTUATION.sub(lambda found: "" if found[0] in "'’" and found.start() else " ", text))


class StopWordsSettings(Settings):
    """Takes away the words that hold sentences together."""

    kind: Literal["stop_words"] = "stop_words"
    languages: list[Literal["english", "german", "french", "spanish", "italian", "dutch"]] = Field(
        ["english"], min_length=1, description="whose articles, pronouns, prepositions and auxiliaries go"
    )


class StopWords:
    """Whole words, in capitals or not; punctuation stays where it was."""

    name = "stop_words"

    def __init__(self, settings: StopWordsSettings):
        self.settings = settings
        self.words = words_of(tuple(settings.languages))

    def change(self, text: str) -> str:
        return single_blanks(WORD.sub(self._kept, text))

    def _kept(self, found: re.Match[str]) -> str:
        return "" if found[0].lower().replace("’", "'") in self.words else found[0]


class StemSettings(Settings):
    """Cuts the endings of English words, so that forms of one word count as one."""

    kind: Literal["stem"] = "stem"


class Stem:
    """Plurals, -ed, -ing, -ly, after the first step of Porter (1980); what is left must hold a vowel and three letters."""

    name = "stem"

    def __init__(self, settings: StemSettings):
        self.settings = settings

    def change(self, text: str) -> str:
        return ENGLISH.sub(lambda found: stem(found[0]), text)


def stem(word: str) -> str:
    """A word in lower case without its ending."""
    for ending, instead in ENDINGS:
        left = word.removesuffix(ending)
        if left == word or len(left) < 3 or not VOWEL.search(left):
            continue
        if ending in ("ed", "ing") and left[-1] == left[-2] and left[-1] not in "lsz":
            return left[:-1]  # stopped, stop
        return left + instead
    return word


def single_blanks(text: str) -> str:
    """One blank between words, none at the ends of lines; lines stay lines."""
    return EDGES.sub("\n", BLANKS.sub(" ", text)).strip()
