"""Lines that are no part of a text: cookie notices, sharing, navigation, copyright; and lines by rules of one's own.

What repeats across documents is the work of `copies`; here a line is judged by itself.
"""

import re
from collections.abc import Iterable
from typing import Literal

from pydantic import Field, field_validator

from groundup.config import Settings

GAPS = re.compile(r"\n{3,}")
PHRASES = re.compile(
    r"\b(?:(?:we|this (?:web)?site|our (?:web)?site) uses? cookies|cookies? (?:policy|settings|preferences|notice)|"
    r"(?:accept|reject|allow|manage) (?:all )?cookies|by (?:continuing|using this site)[^.]{0,40} you (?:agree|accept|consent)|"
    r"(?:subscribe|sign up) (?:to|for) (?:our|the|my) (?:[\w-]+ ){0,3}(?:newsletter|list|updates|feed|channel)|"
    r"(?:share|follow|like) (?:us |this )?(?:\w+ ){0,2}(?:on|via) (?:facebook|twitter|x|linkedin|instagram|pinterest|whatsapp|e?mail)|"
    r"all rights reserved|terms (?:of (?:use|service)|and conditions)|privacy policy|"
    r"(?:enable|activate) javascript|your browser (?:does not|doesn't) support|skip to (?:main )?content|"
    r"(?:log|sign) in to (?:comment|reply|continue|read)|leave a (?:comment|reply)|powered by \w+)\b",
    re.I,
)
COPYRIGHT = re.compile(r"(?:\bcopyright|\(c\)|©)[ ,:]{0,2}(?:©|\(c\))?[ ,:]{0,2}(?:by \w+ )?(?:19|20)\d\d\b", re.I)
WHOLE = re.compile(
    r"\W*(?:read|see|show|load|view|learn) (?:more|all|less)|\W*(?:(?:next|previous|older|newer) (?:page|posts?|articles?|entries)|"
    r"back to (?:top|home)|home|menu|search|share|tweet|print|reply|advertisements?|sponsored|related (?:posts|articles)|"
    r"click here|log ?in|sign ?(?:in|up)|register|subscribe|comments? ?(?:\(\d+\)|off)?|\d+ comments?|\d+ shares?|tags?:.*|"
    r"filed under:.*|posted (?:in|on|by):? .{0,40}|page \d+ of \d+)",
    re.I,
)
TRAIL = re.compile(r"(?:[\w'& ]{1,30} ?[|»›>•·/] ?){2,}[\w'& ]{1,30}")
NOTICE, ITEM = 200, 80  # the longest line that a phrase condemns, and that is read as a label


class BoilerplateSettings(Settings):
    """Drops lines of navigation, notices, sharing and copyright."""

    kind: Literal["boilerplate"] = "boilerplate"


class Boilerplate:
    """Long lines stay, whatever they mention: they are about something."""

    name = "boilerplate"

    def __init__(self, settings: BoilerplateSettings):
        self.settings = settings

    def change(self, text: str) -> str:
        return without_gaps(line for line in text.split("\n") if not is_boilerplate(line.strip()))


def is_boilerplate(line: str) -> bool:
    """Whether a line, by its words alone, belongs to the site and not to the text."""
    if not line or len(line) > NOTICE:
        return False
    if PHRASES.search(line) or COPYRIGHT.search(line):
        return True
    return len(line) <= ITEM and bool(WHOLE.fullmatch(line.rstrip(" .!:…»›>")) or TRAIL.fullmatch(line))


class LinesSettings(Settings):
    """Drops lines by rules; a line goes if one of them says so."""

    kind: Literal["lines"] = "lines"
    shortest: int = Field(
        0, ge=0, description="characters that a line must have (empty lines part paragraphs and stay)"
    )
    longest: int = Field(0, ge=0, description="characters that a line may have; 0: any number")
    words: int = Field(0, ge=0, description="words that a line must have")
    ended: bool = Field(False, description="keep only lines that end like a sentence")
    digits: float = Field(1.0, ge=0, le=1, description="share of a line's characters that may be digits")
    matching: list[str] = Field([], description="regular expressions; lines in which one is found go")

    @field_validator("matching")
    @classmethod
    def _compiles(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
        return patterns


class Lines:
    """A line is judged without the blanks around it."""

    name = "lines"
    ENDED = re.compile(r"[.!?…:;][\"'”’)\]]*$")

    def __init__(self, settings: LinesSettings):
        self.settings = settings
        self.matching = [re.compile(pattern) for pattern in settings.matching]

    def change(self, text: str) -> str:
        return without_gaps(line for line in text.split("\n") if not line.strip() or self.stays(line.strip()))

    def stays(self, line: str) -> bool:
        """Whether no rule is against a line."""
        rules = self.settings
        if len(line) < rules.shortest or (rules.longest and len(line) > rules.longest):
            return False
        if rules.words and len(line.split(None, rules.words)) < rules.words:
            return False
        if rules.ended and not self.ENDED.search(line):
            return False
        if rules.digits < 1 and sum(map(str.isdigit, line)) > rules.digits * len(line):
            return False
        return not any(pattern.search(line) for pattern in self.matching)


def without_gaps(lines: Iterable[str]) -> str:
    """Lines as a text, in which at most one is empty between two others."""
    return GAPS.sub("\n\n", "\n".join(lines)).strip("\n")
