"""What happens to a text before it is cut: the `normalizer` of a tokenizer.json, as a function from text to text.

Bytes that are no UTF-8 travel through as halves of surrogates, which no normalizer touches.
"""

import base64
import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Any

import regex

from groundup.errors import Problem
from groundup.tokenizer.charsmap import Charsmap

Change = Callable[[str], str]
BLANKS = "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
MARKS = regex.compile(r"\p{M}+")  # what combines with the letter before it
DROPPED = dict.fromkeys([*range(1, 9), 11, *range(14, 32), 127, 143, 159])  # by Nmt, which makes a blank of these:
BLANKED = dict.fromkeys([9, 10, 12, 13, 0x1680, *range(0x200B, 0x2010), 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD], " ")
NMT = DROPPED | BLANKED


def normalizer(told: dict[str, Any] | None, where: str) -> Change:
    """The function that a tokenizer.json describes; `where` is named when it cannot be meant."""
    if told is None:
        return unchanged
    kind = told.get("type")
    if kind not in KNOWN:
        raise Problem(
            f"{where} has the normalizer {kind!r}, which this reader does not know: it knows {', '.join(KNOWN)}"
        )
    try:
        return KNOWN[kind](told, where)
    except (KeyError, TypeError, AttributeError) as error:
        raise Problem(f"{where} has a normalizer {kind} that is not whole: {type(error).__name__} at {error}") from None


def unchanged(text: str) -> str:
    """The text as it is."""
    return text


def lower(text: str) -> str:
    """Each letter for itself, so that no letter depends on its place in the word, as a sigma would."""
    return text.replace("Σ", "σ").lower()


def sequence(told: dict[str, Any], where: str) -> Change:
    """One after the other."""
    steps = [normalizer(step, where) for step in told["normalizers"]]

    def all_steps(text: str) -> str:
        for step in steps:
            text = step(text)
        return text

    return all_steps


def prepend(told: dict[str, Any], where: str) -> Change:
    """Something before every text but the empty one."""
    before = told["prepend"]
    return lambda text: before + text if text else text


def strip(told: dict[str, Any], where: str) -> Change:
    """No blanks at the ends."""
    left, right = told["strip_left"], told["strip_right"]
    if left and right:
        return lambda text: text.strip(BLANKS)
    return (lambda text: text.lstrip(BLANKS)) if left else (lambda text: text.rstrip(BLANKS)) if right else unchanged


def replacing(told: dict[str, Any], where: str) -> Change:
    """One thing instead of another, wherever it stands."""
    wanted, content = told["pattern"], told["content"]
    if "String" in wanted:
        return lambda text: text.replace(wanted["String"], content)
    try:
        pattern = regex.compile(wanted["Regex"])
    except regex.error as error:
        raise Problem(
            f"{where} replaces {wanted['Regex']!r}, which is no regular expression that we read: {error}"
        ) from None
    return lambda text: pattern.sub(lambda _: content, text)


def precompiled(told: dict[str, Any], where: str) -> Change:
    """The replacements that SentencePiece compiled."""
    try:
        data = base64.b64decode(told["precompiled_charsmap"] or "", validate=True)
    except ValueError as error:
        raise Problem(
            f"{where} has a precompiled_charsmap that is not base64 ({error}): the file was altered"
        ) from None
    return Charsmap(data, where).by_graphemes if data else unchanged


KNOWN: dict[str, Callable[[dict[str, Any], str], Change]] = {
    **{
        form: lambda told, where: partial(unicodedata.normalize, told["type"])
        for form in ("NFC", "NFD", "NFKC", "NFKD")
    },
    "Lowercase": lambda told, where: lower,
    "StripAccents": lambda told, where: partial(MARKS.sub, ""),
    "Nmt": lambda told, where: lambda text: text.translate(NMT),
    "Replace": replacing,
    "Prepend": prepend,
    "Strip": strip,
    "Sequence": sequence,
    "Precompiled": precompiled,
}
