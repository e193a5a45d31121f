"""robots.txt: what a site asks of those who come by themselves, read as RFC 9309 says.

Groups of rules for named crawlers, of which all that name us hold together, or else those for everybody (`*`). Of the rules
that fit a path the longest decides, and of equally long ones the one that allows. `Crawl-delay` is no part of the RFC, but
people write it and mean it.
"""

import math
import re
from dataclasses import dataclass, field
from urllib.parse import quote

READ = 500 << 10  # bytes: the least that the RFC lets a crawler read
TOKEN = re.compile(r"[a-z_-]+")
ESCAPE = re.compile(r"%[0-9a-fA-F]{2}")
ITSELF = "/robots.txt"  # may always be asked for


@dataclass
class Rules:
    """What holds for one crawler: (pattern, allowed) of each rule, and the seconds to wait between pages."""

    rules: list[tuple[str, bool]] = field(default_factory=list)
    delay: float = 0.0

    def allows(self, path: str) -> bool:
        """Whether a path (with its query) may be asked for."""
        path = spelled(path)
        if path == ITSELF:
            return True
        best, allowed = -1, True
        for pattern, allow in self.rules:
            length = len(pattern)
            if (length > best or (length == best and allow)) and matches(pattern, path):
                best, allowed = length, allow
        return allowed


NOTHING = "/"  # the pattern that fits every path
FORBIDDEN = Rules([(NOTHING, False)])  # of a site whose robots.txt cannot be had because its server is in trouble


def parse(body: bytes, crawler: str) -> Rules:
    """What a robots.txt says to the crawler of that name."""
    named, everybody, open_to, speaking = Rules(), Rules(), [], True
    found = False
    for name, value in _lines(body):
        if name == "user-agent":
            if not speaking:
                open_to = []
            speaking = True
            if value.strip() == "*":
                open_to.append(everybody)
            elif _token(value) == crawler.lower():
                open_to.append(named)
                found = True
            continue
        speaking = speaking and name not in ("allow", "disallow", "crawl-delay")
        for group in open_to:
            _add(group, name, value)
    return named if found else everybody


def matches(pattern: str, path: str) -> bool:
    """Whether a pattern fits the beginning of a path; `*` is anything, a `$` at the end is the path's end."""
    ended = pattern.endswith("$")
    first, *parts = pattern.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    last = parts.pop() if ended and parts else None
    for part in parts:
        at = path.find(part, at)  # the first place leaves most room for the rest
        if at < 0:
            return False
        at += len(part)
    if last is not None:
        return len(path) - len(last) >= at and path.endswith(last)
    return not ended or at == len(path)


def matches_letter_by_letter(pattern: str, path: str) -> bool:
    """The same, written as it is meant: each letter fits itself, a `*` fits nothing or one more letter."""
    if pattern in ("", "$"):
        return pattern == "" or path == ""
    if pattern[0] == "*":
        return matches_letter_by_letter(pattern[1:], path) or (
            path != "" and matches_letter_by_letter(pattern, path[1:])
        )
    return path != "" and pattern[0] == path[0] and matches_letter_by_letter(pattern[1:], path[1:])


def spelled(path: str) -> str:
    """A path as rules are compared: percent signs in one spelling, everything beyond ASCII behind one."""
    path = quote(path, safe="".join(map(chr, range(0x21, 0x7F))))
    return ESCAPE.sub(lambda found: _plain(found[0]), path)


def _plain(escape: str) -> str:
    character = chr(int(escape[1:], 16))
    letter = character.isascii() and (character.isalnum() or character in "-._~")
    return character if letter else escape.upper()


def _lines(body: bytes) -> list[tuple[str, str]]:
    text = body[:READ].decode("utf-8", "replace").removeprefix("\ufeff")
    parts = (line.partition("#")[0].partition(":") for line in re.split(r"\r\n|\r|\n", text))
    return [(name.strip().lower(), value.strip()) for name, colon, value in parts if colon]


def _token(value: str) -> str:
    """The product's name at the beginning, without its version."""
    found = TOKEN.match(value.strip().lower())
    return found[0] if found else ""


def _add(group: Rules, name: str, value: str) -> None:
    if name in ("allow", "disallow") and value:  # an empty rule forbids nothing
        group.rules.append((spelled(value), name == "allow"))
    elif name == "crawl-delay":
        try:
            delay = float(value)
        except ValueError:
            return
        if math.isfinite(delay) and delay > 0:
            group.delay = max(group.delay, delay)
