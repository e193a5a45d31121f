"""FineWeb's own rules: lines that end like sentences, lines that are not all short, lines that do not come again.

The numbers are those of Penedo et al. 2024 (section 3.5), found by comparing good and bad crawls; the rule on line ends for
each word is of the same pipeline's published code.
"""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from groundup.config import Settings
from groundup.data.filters.finding import Finding
from groundup.data.filters.limits import outside
from groundup.data.filters.phrases import Text
from groundup.data.filters.words import stripped, table
from groundup.kernels.marks import ENDS


class FineWebSettings(Settings):
    """Removes lists, menus and pages of repeated lines (Penedo et al. 2024)."""

    kind: Literal["fineweb"] = "fineweb"
    ended: float = Field(
        0.12, ge=0, le=1, description="the least share of lines that end in a sign that ends sentences"
    )
    short: float = Field(0.67, ge=0, le=1, description="the greatest share of short lines")
    short_line: int = Field(30, ge=0, description="characters up to which a line is short")
    repeated: float = Field(0.01, ge=0, le=1, description="the greatest share of characters in lines that stood before")
    line_ends: float = Field(0.3, ge=0, description="the most line ends for each word")


class FineWeb:
    """Looks at lines that are not blank."""

    reason = "fineweb"

    def __init__(self, settings: FineWebSettings):
        self.settings = settings

    def judge(self, text: Text) -> Finding | None:
        return next((finding for finding in self._findings(text) if finding), None)

    def _findings(self, text: Text) -> Iterator[Finding | None]:
        from groundup.kernels import repeats

        told, survey = self.settings, text.survey
        facts = repeats.line_facts(survey.raw, survey.size, survey.table, survey.key, told.short_line)
        lines, ended, short, covered, ends = map(int, facts)
        if not lines:
            yield Finding(self.reason, "no line has text")
            return
        yield outside(self.reason, "lines ended by a sign", ended / lines, told.ended)
        yield outside(self.reason, "short lines", short / lines, most=told.short)
        share = covered / (survey.characters - ends)
        yield outside(self.reason, "characters in repeated lines", share, most=told.repeated)
        yield outside(self.reason, "line ends per word", ends / len(survey.rows), most=told.line_ends)


def lines_plainly(text: str, short: int) -> tuple[int, int, int, int, int]:
    """(lines that are not blank, ended by a sign, short ones, characters of those that stood before, all line ends)."""
    lines = [line for line in text.split("\n") if stripped(line)]
    seen: set[str] = set()
    again = [line for line in lines if line in seen or seen.add(line)]
    ended = sum(bool(table()[ord(line[-1])] & ENDS) for line in lines)
    return len(lines), ended, sum(len(line) <= short for line in lines), sum(map(len, again)), text.count("\n")
