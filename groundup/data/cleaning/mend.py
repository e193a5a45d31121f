"""Text that was decoded wrongly on its way here, beyond what `reading.encoding.repair` mends: rarer mistakes, one rule each.

Windows' punctuation left as control characters, a lost no-break space, UTF-8 that was read as Mac Roman or Windows-1251.
"""

import re
from collections.abc import Callable
from importlib import import_module

from groundup.data.reading.encoding import repair
from groundup.errors import Problem

CONTROLS = re.compile("[\x80-\x84\x86-\x9f]")  # \x85 ends lines
LOST_BLANK = re.compile(
    "(?<=[a-z])\u00c3 |(?<![A-Z\u00c0-\u00de])\u00c3 (?= )"
)  # "voilà" as UTF-8, its byte A0 become a blank


def _later(encoding: str) -> str:
    return re.escape(bytes(range(0x80, 0xC0)).decode(encoding, "ignore"))


MAC = re.compile(f"(?<=[A-Za-z])\u221a[{_later('mac_roman')}]|\u201a\u00c4[{_later('mac_roman')}]")  # é as √©, ’ as ‚Äô
CYRILLIC = re.compile(f"(?:[\u0420\u0421][{_later('cp1251')}]){{3,}}")


def mended(text: str) -> str:
    """Our own repair of all that is known to go wrong; sound text stays as it is."""
    if text.isascii():
        return text
    text = MAC.sub(_from("mac_roman"), LOST_BLANK.sub("\u00e0", text))
    text = repair(CYRILLIC.sub(_from("cp1251"), text))
    return CONTROLS.sub(_of_windows, text)  # last: they may be bytes of what was just repaired


def repairer(name: str) -> Callable[[str], str]:
    """Who repairs: `own`, the package ftfy where it is installed, or nobody (`off`)."""
    if name != "ftfy":
        return {"own": mended, "off": str}[name]
    try:
        module = import_module("ftfy")
    except ImportError as error:
        raise Problem(
            f"repair=ftfy needs the package ftfy, which cannot be imported here ({error}): "
            "install it with `pip install groundup[ftfy]`, or set repair=own"
        ) from None
    return module.fix_encoding


def _of_windows(found: re.Match[str]) -> str:
    return bytes([ord(found[0])]).decode("cp1252", "ignore")


def _from(encoding: str) -> Callable[[re.Match[str]], str]:
    def decoded(found: re.Match[str]) -> str:
        try:
            return found[0].encode(encoding).decode("utf-8")
        except UnicodeError:
            return found[0]

    return decoded
