"""Gopher's rules of quality: lengths, signs, bullets and the little words that no English prose does without.

The numbers are those of Rae et al. 2021 (appendix A.1.1). Words are those of `filters/words.py`; as in FineWeb's pipeline, words
of signs alone count among all words, but neither for the length of a text nor for the length of its words.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from groundup.config import Settings
from groundup.data.cleaning.markup import without_marks
from groundup.data.filters.finding import Finding
from groundup.data.filters.limits import outside
from groundup.data.filters.phrases import Text
from groundup.data.filters.words import is_sign, plain_words
from groundup.kernels.marks import ALPHA

BULLETS = ("-", "•")
ELLIPSES = ("...", "…")


class GopherQualitySettings(Settings):
    """Removes what Gopher's rules of quality remove (Rae et al. 2021)."""

    kind: Literal["gopher_quality"] = "gopher_quality"
    words: int = Field(50, ge=0, description="the fewest words of a text")
    most_words: int = Field(100_000, gt=0, description="the most words of a text")
    word_length: float = Field(3, ge=0, description="the least mean length of its words, in characters")
    most_word_length: float = Field(10, gt=0, description="the greatest mean length of its words")
    symbols: float = Field(0.1, ge=0, description="the most # or ellipses for each word")
    bullets: float = Field(0.9, ge=0, le=1, description="the greatest share of lines that begin with a bullet")
    ellipses: float = Field(0.3, ge=0, le=1, description="the greatest share of lines that end in an ellipsis")
    letters: float = Field(0.8, ge=0, le=1, description="the least share of words that have a letter")
    little_words: list[str] = Field(
        ["the", "be", "to", "of", "and", "that", "have", "with"], description="words that prose does not do without"
    )
    different: int = Field(2, ge=0, description="how many different ones of them a text must have")
    marks: Literal["counted", "stripped"] = Field(
        "counted",
        description="signs of Markdown, reStructuredText and HTML: words among others, as published, or left out of all counts",
    )


class GopherQuality:
    """Asks one rule after another and names the first that is broken."""

    reason = "gopher_quality"

    def __init__(self, settings: GopherQualitySettings):
        self.settings = settings
        listed = [word.encode("utf-8", "surrogatepass") for word in dict.fromkeys(settings.little_words)]
        self.listed = np.frombuffer(b"".join(listed) + bytes(8), np.uint8)
        self.ends = np.cumsum([0, *map(len, listed)], dtype=np.int64)

    def judge(self, text: Text) -> Finding | None:
        text = text if self.settings.marks == "counted" else Text(without_marks(text.text))
        return next((finding for finding in self._findings(text) if finding), None)

    def _findings(self, text: Text) -> Iterator[Finding | None]:
        from groundup.kernels import quality

        told, survey = self.settings, text.survey
        facts = quality.word_facts(survey.rows, self.listed, self.ends, survey.key)
        spoken, characters, lettered, different = map(int, facts)
        words = len(survey.rows)
        yield outside(self.reason, "words", spoken, told.words, told.most_words)
        if spoken:
            yield outside(self.reason, "mean word length", characters / spoken, told.word_length, told.most_word_length)
        if words:
            dots = survey.bytes.count(b"...") + survey.bytes.count("…".encode())
            yield outside(self.reason, "# per word", survey.bytes.count(b"#") / words, most=told.symbols)
            yield outside(self.reason, "ellipses per word", dots / words, most=told.symbols)
        lines, bullets, ellipses = map(int, quality.line_facts(survey.raw, survey.size, survey.table))
        if lines:
            yield outside(self.reason, "lines with a bullet", bullets / lines, most=told.bullets)
            yield outside(self.reason, "lines that end in an ellipsis", ellipses / lines, most=told.ellipses)
        if words:
            yield outside(self.reason, "words with a letter", lettered / words, told.letters)
        yield outside(self.reason, "different little words", different, told.different)


def count_plainly(text: str, little_words: list[str]) -> tuple[int, int, int, int, int, int, int]:
    """(spoken words, their characters, words with a letter, different little words, lines, with bullets, with ellipses)."""
    from groundup.data.filters.words import stripped, table

    words, flags = plain_words(text), table()
    spoken = [word for word in words if not is_sign(word)]
    lettered = [word for word in words if any(flags[ord(c)] & ALPHA for c in word)]
    lines = [stripped(line) for line in text.removesuffix("\n").split("\n")] if text else []
    return (
        len(spoken),
        sum(map(len, spoken)),
        len(lettered),
        len(set(words) & set(little_words)),
        len(lines),
        sum(line.startswith(BULLETS) for line in lines),
        sum(line.endswith(ELLIPSES) for line in lines),
    )
