"""From characters to bytes, rightly and wrongly declared: what a page says of its encoding and what it is.

A way has the meta tag, the HTTP header and the bytes. The truth keeps the name of the way, so that it can be told
which pages decode as they declare.
"""

from collections.abc import Callable
from itertools import accumulate
from typing import NamedTuple

TYPOGRAPHY = str.maketrans({"'": "\u2019", ";": " \u2013"})


def typographic(text: str) -> str:
    """Curly quotes and dashes, as word processors write them: the first characters beyond ASCII."""
    opened = text.replace(' "', " \u201c").translate(TYPOGRAPHY)
    if opened.startswith('"'):
        opened = "\u201c" + opened[1:]
    return opened.replace('"', "\u201d")


def _meta(charset: str) -> str:
    return f'<meta charset="{charset}">'


def _old_meta(charset: str) -> str:
    return f'<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset={charset}">'


def _western(text: str) -> bytes:
    """Windows-1252, which everybody called Latin-1; what it lacks becomes an entity."""
    return text.encode("cp1252", errors="xmlcharrefreplace")


def _garbled(text: str) -> str:
    """UTF-8 read as Windows-1252 once and written down that way: the five bytes that it lacks pass as Latin-1."""
    return text.encode().decode("latin-1").translate(_WESTERN)


_WESTERN = {byte: bytes([byte]).decode("cp1252", errors="ignore") or chr(byte) for byte in range(128, 160)}


class Way(NamedTuple):
    """How to encode: what the meta tag and the header say, and the bytes; `honest` where they fit together."""

    meta: str
    header: str
    encode: Callable[[str], bytes]
    honest: bool
    ascii_weight: float  # how often it befalls a page of plain ASCII, and a page with other characters
    other_weight: float


WAYS: dict[str, Way] = {
    "utf8": Way(_meta("utf-8"), "text/html; charset=utf-8", str.encode, True, 55, 25),
    "utf8_by_meta": Way(_old_meta("UTF-8"), "text/html", str.encode, True, 10, 10),
    "utf8_undeclared": Way("", "text/html", str.encode, True, 12, 10),
    "utf8_marked": Way("", "text/html", lambda text: text.encode("utf-8-sig"), True, 4, 6),
    "utf16_marked": Way("", "text/html", lambda text: b"\xff\xfe" + text.encode("utf-16-le"), True, 1, 2),
    "latin1": Way(_old_meta("iso-8859-1"), "text/html; charset=ISO-8859-1", _western, True, 8, 12),
    "cp1252": Way(_meta("windows-1252"), "text/html", _western, True, 4, 9),
    "utf8_called_latin1": Way(_old_meta("iso-8859-1"), "text/html; charset=iso-8859-1", str.encode, False, 3, 10),
    "cp1252_called_utf8": Way(_meta("utf-8"), "text/html; charset=utf-8", _western, False, 1, 7),
    "cp1252_undeclared": Way("", "text/html", _western, False, 1, 5),
    "mojibake": Way(_meta("utf-8"), "text/html; charset=utf-8", lambda text: _garbled(text).encode(), False, 1, 4),
}
NAMES = list(WAYS)
ASCII_WEIGHTS = list(accumulate(way.ascii_weight for way in WAYS.values()))
OTHER_WEIGHTS = list(accumulate(way.other_weight for way in WAYS.values()))
