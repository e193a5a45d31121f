"""The same text in one form: one kind of line end, space and composed character, nothing invisible, no mojibake.

Comes after extraction, for web pages and plain files alike; indentation and paragraphs are part of a text and stay.
"""

import re
import unicodedata
from collections.abc import Callable

from groundup.data.cleaning.mend import mended

LINE_ENDS = re.compile(r"\r\n?|[\u2028\u2029\x85\x0b\x0c]")
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufff9-\ufffb]"
)
BLANKS = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
ENDS = re.compile(r"[ \t]+$", re.M)
GAPS = re.compile(r"\n{3,}")
SURROGATES = re.compile("[\ud800-\udfff]")


def normalise(text: str, mend: Callable[[str], str] = mended) -> str:
    """One document in its one form; doing it twice changes nothing more."""
    text = _once(text, mend)
    while not text.isascii() and (again := _once(text, mend)) != text:
        text = again
    return text


def _once(text: str, mend: Callable[[str], str]) -> str:
    if not text.isascii():
        text = SURROGATES.sub("\ufffd", text)
        text = unicodedata.normalize("NFC", mend(text))
        text = BLANKS.sub(" ", text)
    text = INVISIBLE.sub("", LINE_ENDS.sub("\n", text))
    return GAPS.sub("\n\n", ENDS.sub("", text)).strip("\n")
