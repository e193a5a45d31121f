"""Gopher's rules against repetition: paragraphs, lines and runs of words that take up too much of a text.

The limits are those of Rae et al. 2021 (table A1), each a share of the text's characters or of its lines. The plain
counts in `filters/repeats.py` are the definition; `kernels/repeats.py` counts fast.
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from groundup.config import Settings
from groundup.data.filters.finding import Finding
from groundup.data.filters.limits import outside
from groundup.data.filters.phrases import Text

COMMONEST, REPEATED = 2, 5  # words in the shortest runs that are asked about
SHOWN = 60  # characters of the words that a finding quotes


class GopherRepetitionSettings(Settings):
    """Removes texts that repeat themselves (Rae et al. 2021)."""

    kind: Literal["gopher_repetition"] = "gopher_repetition"
    lines: float = Field(0.30, ge=0, description="the greatest share of lines that stood before")
    paragraphs: float = Field(0.30, ge=0, description="the greatest share of paragraphs that stood before")
    line_characters: float = Field(0.20, ge=0, description="the greatest share of characters in such lines")
    paragraph_characters: float = Field(0.20, ge=0, description="the greatest share of characters in such paragraphs")
    commonest: list[float] = Field(
        [0.20, 0.18, 0.16], description="the greatest share of characters in the commonest run of 2, 3, … words"
    )
    repeated: list[float] = Field(
        [0.15, 0.14, 0.13, 0.12, 0.11, 0.10],
        description="the greatest share of characters in runs of 5, 6, … words that stood before",
    )


class GopherRepetition:
    """Looks at paragraphs, lines and runs of words, in that order, and names the first that repeat too much."""

    reason = "gopher_repetition"

    def __init__(self, settings: GopherRepetitionSettings):
        self.settings = settings
        longest = max(COMMONEST + len(settings.commonest), REPEATED + len(settings.repeated))
        self.commonest, self.repeated = np.full(longest, np.inf), np.full(longest, np.inf)
        self.commonest[COMMONEST : COMMONEST + len(settings.commonest)] = settings.commonest
        self.repeated[REPEATED : REPEATED + len(settings.repeated)] = settings.repeated

    def judge(self, text: Text) -> Finding | None:
        return next((finding for finding in self._findings(text) if finding), None) if text.text else None

    def _findings(self, text: Text) -> Iterator[Finding | None]:
        from groundup.kernels import repeats

        told, survey = self.settings, text.survey
        raw, size, table, key = survey.raw, survey.size, survey.table, survey.key
        begin, end = repeats.trimmed(raw, size, table)
        many, again, covered = repeats.pieces(raw, begin, end, table, key, 2)
        yield outside(self.reason, "paragraphs repeated", again / many, most=told.paragraphs)
        share = covered / survey.characters
        yield outside(self.reason, "characters in repeated paragraphs", share, most=told.paragraph_characters)
        many, again, covered = repeats.pieces(raw, 0, size, table, key, 1)
        yield outside(self.reason, "lines repeated", again / many, most=told.lines)
        share = covered / survey.characters
        yield outside(self.reason, "characters in repeated lines", share, most=told.line_characters)
        found = repeats.first_repetition(survey.rows, key, survey.characters, self.commonest, self.repeated)
        yield self._run(text, *found)

    def _run(self, text: Text, which: int, n: int, share: float, first: int) -> Finding | None:
        if not which:
            return None
        words = text.survey.words_at(first, n).replace("\n", " ")[:SHOWN]
        measure, limits = ("characters in the commonest run", self.commonest)
        if which == 2:
            measure, limits = "characters in repeated runs", self.repeated
        finding = outside(self.reason, f"{measure} of {n} words", share, most=float(limits[n]))
        return finding and Finding(finding.reason, f"{finding.detail} ({words})")
