"""Bytes become characters: what encoding a text is really in, whatever it declares, and the repair of old mistakes.

UTF-8 that is valid is UTF-8 (Latin text is never that by chance); then what was declared, unless the letters speak
against it; then the encoding in which the letters read best (`guess`).
"""

import codecs
import re

from groundup.data.reading.guess import controls, guess, wide

META = re.compile(rb"<(?:meta\b[^>]{0,200}?charset|\?xml\b[^>]{0,80}?encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
WESTERN = {"ascii", "iso8859-1", "utf-8"}  # declared, yet not valid UTF-8: says nothing
NO_PAGES = {"punycode", "idna", "utf-7", "unicode-escape", "raw-unicode-escape", "undefined", "oem", "mbcs"}
STATEFUL = re.compile(rb"\x1b\$|\x1b\(")  # the escape sequences of ISO-2022


def decode(body: bytes, charset: str = "") -> str:
    """The characters of a document; `charset` is what was declared outside it. Never fails."""
    for mark, name in MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace") if name == "utf-8" else body.decode(name, "replace")
    if wide := _wide(body):
        return body.decode(wide, "replace")
    declared = _codec(charset) or _codec_inside(body)
    if STATEFUL.search(body) and (text := _stateful(body, declared)) is not None:
        return text
    try:
        if b"\0" not in body or not controls(body):
            return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    return _told_by_letters(body, declared)


def _stateful(body: bytes, declared: str) -> str | None:
    """Text whose escape sequences switch its alphabets; nothing where they are no such."""
    for name in dict.fromkeys([declared, "iso2022_jp_2", "iso2022_kr"]):
        try:
            if name.startswith("iso2022"):
                return body.decode(name)
        except UnicodeDecodeError:
            pass
    return None


def _told_by_letters(body: bytes, declared: str) -> str:
    """Damaged UTF-8, the encoding that was declared if its letters can be believed, or the one that reads best."""
    if _mostly_utf8(body):
        return body.decode("utf-8", "groundup.western")
    believed = declared if declared not in WESTERN and _holds(body, declared) else ""
    name = guess(body, believed) or believed or "cp1252"
    return body.decode(name, "groundup.western" if name == "cp1252" else "replace")


def _holds(body: bytes, name: str) -> bool:
    try:
        return bool(name) and isinstance(body.decode(name), str)
    except UnicodeDecodeError:
        return False


def _mostly_utf8(body: bytes) -> bool:
    """Whether three in four of its bytes beyond ASCII are parts of UTF-8."""
    high = len(body.translate(None, bytes(range(128))))
    sound = len(body.decode("utf-8", "ignore").encode().translate(None, bytes(range(128))))
    return sound * 4 >= high * 3


def _one_byte(error: UnicodeError) -> tuple[str, int]:
    """What Windows-1252 makes of the bytes that stopped a decoder; its five holes are Latin-1's controls."""
    assert isinstance(error, UnicodeDecodeError)
    damaged = error.object[error.start : error.end]
    return "".join(WINDOWS[byte] for byte in damaged), error.end


WINDOWS = [bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in range(256)]
codecs.register_error("groundup.western", _one_byte)


def _codec(name: str) -> str:
    """Python's name of a declared encoding of text, or nothing."""
    try:
        found = codecs.lookup(name) if name else None
    except (LookupError, ValueError):
        return ""
    if found is None or not found._is_text_encoding or found.name in NO_PAGES:
        return ""
    return found.name


def _codec_inside(body: bytes) -> str:
    found = META.search(body[:2048])
    return _codec(found[1].decode("ascii")) if found else ""


def _wide(body: bytes) -> str:
    """UTF-16 or UTF-32 without its mark: every other byte of western text, or two of four, are then zeros."""
    head = body[:2000]
    if len(head) < 8:
        return ""
    for name in ("utf-32-le", "utf-32-be"):
        if len(body) % 4 == 0 and head.count(0) * 3 > len(head) and _holds(head[: len(head) // 4 * 4], name):
            return name
    if head.count(0) >= len(head) * 0.3:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if odd > 9 * even or even > 9 * odd:
            return "utf-16-le" if odd > even else "utf-16-be"
    return wide(body)


# Mojibake: UTF-8 that somebody read as Windows-1252 and wrote as UTF-8 again, perhaps twice.
_LATER = "[" + "".join(re.escape(WINDOWS[byte]) + re.escape(chr(byte)) for byte in range(0x80, 0xC0)) + "]"
_QUOTES = "[" + "".join(re.escape(WINDOWS[byte]) for byte in (0x82, 0x84, 0x85, *range(0x91, 0x98))) + "]"
_MOJIBAKE = re.compile(
    f"[\u00f0-\u00f4]{_LATER}{{3}}|[\u00e0-\u00ef]{_LATER}{{2}}"
    f"|(?<![A-Z\u00c0-\u00de])[\u00c2-\u00df]{_LATER}|[\u00c2-\u00df](?!{_QUOTES}){_LATER}"
)
_BYTES = {**{chr(byte): byte for byte in range(256)}, **{WINDOWS[byte]: byte for byte in range(128, 256)}}


# The same with Cyrillic: each letter is then a Р or С and a sign; three of them in a row are no Russian.
_CYRILLIC = bytes(byte for byte in range(0x80, 0xC0) if byte != 0x98).decode("cp1251")
_OF_CYRILLIC = re.compile(f"(?:[РС][{re.escape(_CYRILLIC)}\x98][ -@]{{0,2}}){{3,}}")


def repair(text: str) -> str:
    """`CafÃ©` is `Café` again, and `donâ€™t` is `don’t`; text in which this never happened stays as it is."""
    for _ in range(3):
        mended = _OF_CYRILLIC.sub(_mend_cyrillic, _MOJIBAKE.sub(_mend, text))
        if mended == text:
            break
        text = mended
    return text


def _mend(found: re.Match[str]) -> str:
    try:
        return bytes(_BYTES[character] for character in found[0]).decode("utf-8")
    except UnicodeDecodeError:
        return found[0]


def _mend_cyrillic(found: re.Match[str]) -> str:
    try:
        return b"".join(b"\x98" if sign == "\x98" else sign.encode("cp1251") for sign in found[0]).decode("utf-8")
    except UnicodeError:
        return found[0]


def guessed(head: bytes) -> str:
    """The encoding that the beginning of a file of rows is in."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name
    if wide := _wide(head):
        return wide
    return "utf-8" if _holds(head, "utf-8") or _mostly_utf8(head) else guess(head) or "cp1252"
