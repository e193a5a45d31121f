"""Markup that is left in plain texts goes, the words it marks stay: Markdown, HTML tags, wiki links, reStructuredText.

Code between fences stays as it is; what the marks mean (headings, links, tables) is lost.
"""

import html
import re
from typing import Literal

from groundup.config import Settings

FENCED = re.compile(r"^(?:```|~~~)[^\n]*\n(.*?)^(?:```|~~~)[ \t]*$", re.M | re.S)
TAGS = re.compile(r"<!--.*?-->|</?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,2000})?/?>", re.S)
RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"!\[([^\]\n]{0,500})\]\([^)\n]{0,2000}\)"), r"\1"),  # an image is what it shows in words
    (re.compile(r"\[([^\]\n]{1,500})\]\([^)\n]{0,2000}\)"), r"\1"),
    (re.compile(r"\[([^\]\n]{1,500})\]\[[^\]\n]{0,200}\]"), r"\1"),
    (re.compile(r"^ {0,3}\[[^\]\n]{1,200}\]:[ \t]+\S.*\n?", re.M), ""),  # where a link leads to
    (re.compile(r"\[\[(?:[^|\]\n]{1,200}\|)?([^\]\n]{1,200})\]\]"), r"\1"),
    (re.compile(r"`([^`<\n]{1,200}) <[^>\n]{1,2000}>`_{1,2}"), r"\1"),
    (re.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*$", re.M), r"\1"),
    (
        re.compile(r"^(?:=+|-{2,}|~{2,}|\*{3,}|_{3,}|\^{3,})[ \t]*\n?", re.M),
        "",
    ),  # lines under headings, and between parts
    (re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+", re.M), ""),
    (re.compile(r"^\|?[ \t]*:?-{2,}:?[ \t]*(?:\|[ \t]*:?-{2,}:?[ \t]*)*\|?[ \t]*\n?", re.M), ""),
    (re.compile(r"^\|[ \t]*(.*?)[ \t]*\|[ \t]*$", re.M), r"\1"),
    (re.compile(r"(\*{1,3})(?=\S)([^*\n]{1,1000})(?<=\S)\1"), r"\2"),
    (re.compile(r"(?<!\w)(_{1,3})(?=\S)([^_\n]{1,1000})(?<=\S)\1(?!\w)"), r"\2"),
    (re.compile(r"~~(?=\S)([^~\n]{1,1000})~~"), r"\1"),
    (re.compile(r"`{1,2}([^`\n]{1,1000})`{1,2}"), r"\1"),
)
GAPS = re.compile(r"\n{3,}")


class StripMarkupSettings(Settings):
    """Takes Markdown, tags and links off, and keeps the words."""

    kind: Literal["strip_markup"] = "strip_markup"


class StripMarkup:
    """Everything outside of fenced code; fences go, the code stays."""

    name = "strip_markup"

    def __init__(self, settings: StripMarkupSettings):
        self.settings = settings

    def change(self, text: str) -> str:
        return without_marks(text)


def without_marks(text: str) -> str:
    """A text without its markup."""
    parts, at = [], 0
    for fence in FENCED.finditer(text):
        parts += [_plain(text[at : fence.start()]), fence[1]]
        at = fence.end()
    return GAPS.sub("\n\n", "".join([*parts, _plain(text[at:])])).strip("\n")


def _plain(text: str) -> str:
    if "<" in text:
        text = TAGS.sub("", text)
    for pattern, instead in RULES:
        text = pattern.sub(instead, text)
    return html.unescape(text)
