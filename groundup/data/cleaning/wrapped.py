"""Hard-wrapped lines, as old books and mails have them, become paragraphs of one line each.

Only where a text is plainly wrapped: most of its lines must end near one width. Verse, lists, tables and code stay.
"""

import re
from statistics import quantiles
from typing import Literal

from pydantic import Field

from groundup.config import Settings

FENCE = re.compile(r"(?:```|~~~)")
OWN = re.compile(r"\s|[-*+•>|#]|\d{1,3}[.)] |[=~_^-]{3}")  # a line that begins so is no continuation
HYPHEN = re.compile(r"(?<=[a-zà-ÿ])-$")


class WrapSettings(Settings):
    """Joins lines that were broken at a fixed width."""

    kind: Literal["wrap"] = "wrap"
    widths: tuple[int, int] = Field(
        (50, 90), description="the narrowest and the widest column at which lines are broken"
    )


class Wrap:
    """A line is joined with the next one if the next one's first word would not have fitted into it."""

    name = "wrap"

    def __init__(self, settings: WrapSettings):
        self.settings = settings

    def change(self, text: str) -> str:
        width = self.width(text)
        if not width:
            return text
        return "\n".join(joined for block in _blocks(text) for joined in _joined(block, width))

    def width(self, text: str) -> int:
        """The column at which a text is wrapped, or 0 where it is not."""
        lengths = [len(line) for block in _blocks(text) for line in block[:-1]]
        if len(lengths) < 5:
            return 0
        narrowest, widest = self.settings.widths
        nine_tenths = int(quantiles(lengths, n=10)[8])
        near = sum(nine_tenths - 15 <= length <= nine_tenths + 6 for length in lengths)
        return nine_tenths if narrowest <= nine_tenths <= widest and near * 3 >= len(lengths) * 2 else 0


def _blocks(text: str) -> list[list[str]]:
    """Runs of lines between empty ones; code between fences is lines by themselves."""
    blocks: list[list[str]] = [[]]
    fenced = False
    for line in text.split("\n"):
        fence = bool(FENCE.match(line))
        if fence or fenced or not line.strip():
            blocks += [[line], []]
        else:
            blocks[-1].append(line)
        fenced ^= fence
    return [block for block in blocks if block]


def _joined(block: list[str], width: int) -> list[str]:
    lines = [block[0]]
    last = block[0]
    for line in block[1:]:
        full = len(last) + 1 + len(line.split(None, 1)[0]) > width - 4
        if full and not OWN.match(line) and not last.startswith(("|", "#", "    ", "\t")):
            lines[-1] = HYPHEN.sub("", lines[-1]) + line if HYPHEN.search(lines[-1]) else f"{lines[-1]} {line}"
        else:
            lines.append(line)
        last = line
    return lines
