"""Bytes become characters: what encoding a text is really in, whatever it declares, and the repair of old mistakes.

UTF-8 that is valid is UTF-8 (Latin text is never that by chance); then what the bytes show, then what was declared,
then Windows' western European code page, which the web means when it says ISO-8859-1.
"""

import codecs
import re

META = re.compile(rb"<(?:meta\b[^>]{0,200}?charset|\?xml\b[^>]{0,80}?encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.I)
MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
WESTERN = {"ascii", "iso8859-1", "utf-8"}  # declared, yet not valid UTF-8: Windows-1252 is meant
STATEFUL = re.compile(rb"\x1b\$|\x1b\(")  # the escape sequences of ISO-2022


def decode(body: bytes, charset: str = "") -> str:
    """The characters of a document; `charset` is what was declared outside it. Never fails."""
    for mark, name in MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, "replace") if name == "utf-8" else body.decode(name, "replace")
    if wide := _wide(body):
        return body.decode(wide, "replace")
    declared = _codec(charset) or _codec_inside(body)
    try:
        if not (declared.startswith("iso2022") and STATEFUL.search(body)):
            return body.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if declared and declared not in WESTERN:
        try:
            return body.decode(declared)
        except UnicodeDecodeError:
            pass
    return _western(body)


def _western(body: bytes) -> str:
    """UTF-8 with damage where most of its non-ASCII bytes are UTF-8; Windows-1252 where they are not."""
    high = len(body.translate(None, bytes(range(128))))
    sound = len(body.decode("utf-8", "ignore").encode().translate(None, bytes(range(128))))
    return body.decode("utf-8" if sound * 4 >= high * 3 else "cp1252", "groundup.western")


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
    return found.name if found is not None and found._is_text_encoding else ""


def _codec_inside(body: bytes) -> str:
    found = META.search(body[:2048])
    return _codec(found[1].decode("ascii")) if found else ""


def _wide(body: bytes) -> str:
    """UTF-16 without its mark: every other byte of western text is then a zero."""
    head = body[:2000]
    if len(head) < 8 or head.count(0) < len(head) * 0.3:
        return ""
    even, odd = head[::2].count(0), head[1::2].count(0)
    if odd > 9 * even:
        return "utf-16-le"
    return "utf-16-be" if even > 9 * odd else ""


# Mojibake: UTF-8 that somebody read as Windows-1252 and wrote as UTF-8 again, perhaps twice.
_LATER = "[" + "".join(re.escape(WINDOWS[byte]) + re.escape(chr(byte)) for byte in range(0x80, 0xC0)) + "]"
_QUOTES = "[" + "".join(re.escape(WINDOWS[byte]) for byte in (0x82, 0x84, 0x85, *range(0x91, 0x98))) + "]"
_MOJIBAKE = re.compile(
    f"[\u00f0-\u00f4]{_LATER}{{3}}|[\u00e0-\u00ef]{_LATER}{{2}}"
    f"|(?<![A-Z\u00c0-\u00de])[\u00c2-\u00df]{_LATER}|[\u00c2-\u00df](?!{_QUOTES}){_LATER}"
)
_BYTES = {**{chr(byte): byte for byte in range(256)}, **{WINDOWS[byte]: byte for byte in range(128, 256)}}


def repair(text: str) -> str:
    """`CafÃ©` is `Café` again, and `donâ€™t` is `don’t`; text in which this never happened stays as it is."""
    for _ in range(3):
        mended = _MOJIBAKE.sub(_mend, text)
        if mended == text:
            break
        text = mended
    return text


def _mend(found: re.Match[str]) -> str:
    try:
        return bytes(_BYTES[character] for character in found[0]).decode("utf-8")
    except UnicodeDecodeError:
        return found[0]
