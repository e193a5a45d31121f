"""Which encoding bytes without a label are in: the one in which they read most like a language.

Every encoding is a way of reading the same bytes, so the likelihoods of its readings can be compared: pairs of letters,
as 38 languages have them (`letters.npz`, made by `fit` from the tldr pages, CC-BY-4.0, and the first three fifths of each
translation of the Universal Declaration of Human Rights). No byte that an encoding cannot hold is forgiven often.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

WEST = "de fr es it pt nl sv da fi ca is".split()
EAST = "pl cs sk hu ro hr sl".split()
CYRILLIC = "ru uk bg sr be mk".split()
BALTIC = "lt lv et".split()
# An encoding and the languages that were written in it, the likelier ones first: of two that read alike it is taken.
CANDIDATES: dict[str, Sequence[str]] = {
    "cp1252": WEST,
    "cp1251": CYRILLIC,
    "cp1250": EAST,
    "gb18030": ["zh"],
    "cp932": ["ja"],
    "euc_jp": ["ja"],
    "cp949": ["ko"],
    "cp950": ["zht"],
    "koi8_r": ["ru"],
    "koi8_u": ["ru", "uk"],
    "iso8859_2": EAST,
    "cp1254": ["tr"],
    "cp1253": ["el"],
    "iso8859_7": ["el"],
    "cp1256": ["ar", "fa"],
    "cp1255": ["he"],
    "cp874": ["th"],
    "cp1257": BALTIC,
    "cp1258": ["vi"],
    "iso8859_5": CYRILLIC,
    "iso8859_6": ["ar"],
    "iso8859_13": BALTIC,
    "iso8859_4": BALTIC,
    "cp866": ["ru", "uk", "bg"],
    "mac_cyrillic": ["ru", "uk", "bg"],
    "mac_roman": WEST,
    "cp850": WEST,
    "cp852": EAST,
}
WIDE = ["utf-16-le", "utf-16-be"]
SAMPLE = 6000  # bytes that are read in each encoding
FLOOR = 1e-6  # of a letter that a language does not have
STRANGE = 1e-8  # of a control, or of a sign that no language has
BROKEN = 18.0  # nats that a byte costs which an encoding does not have
FEW = 48  # bytes that are too few to tell two from one
UNLIKELY = -10.5  # nats a character: signs that chance put together have about -13, languages -3 to -9
TURN = 5.0  # nats that a capital inside of a word costs
USUAL = 15.0  # nats that Windows-1252 is ahead, as what pages without a label mostly are
SIGN = 4.0  # and for each of its quotation marks, apostrophes and dashes that stand where such a sign does
# They are letters in other encodings, which stand elsewhere; English has hardly any other byte beyond ASCII.
TYPOGRAPHY = re.compile(
    rb"(?<=[A-Za-z0-9.,!?])\x92(?=(?:s|t|d|m|ll|re|ve)?(?:[\s.,;:!?)<\x94\x97-]|\Z))"
    rb"|(?:(?<=[\s(>\x93])|\A)\x91(?=[A-Za-z0-9])|(?:(?<=[\s(\[>\x91\x97-])|\A)\x93(?=[A-Za-z0-9\x91])"
    rb"|(?<=[A-Za-z0-9.,!?;:\x92\x85])\x94(?=[\s.,;:!?)\]<\x97-]|\Z)|(?<=[\s\d])[\x96\x97](?=[\s\d])|(?<=\w)\x85(?=\s[A-Z<])"
)
LATER = 0.3  # nats that each place in the list costs
LATIN = 0x24F  # the last code point of Latin letters
MIXED = 0.002  # the share of a letter's own chance that it has beside one of another script
KEPT = 2500  # pairs kept of a language, and letters


def guess(body: bytes, declared: str = "") -> str:
    """The name of the encoding in which the bytes read most like a language; empty where nothing tells."""
    plain, signs = TYPOGRAPHY.subn(b" ", body)
    sample = sampled(plain)
    if not sample:
        return "" if not signs else declared if declared.startswith("cp125") else "cp1252"
    scores = {name: score(sample, name) - LATER * place for place, name in enumerate(CANDIDATES)}
    scores["cp1252"] += USUAL + SIGN * signs
    best = max(scores, key=lambda name: scores[name])
    if declared and score(sample, declared) > scores[best] - max(10.0, 0.5 * len(high(sample))):
        return declared
    return best


def wide(body: bytes) -> str:
    """UTF-16 in either order, if so many bytes are controls and two by two they are letters; empty otherwise."""
    if len(body) < FEW or not controls(body):
        return ""
    readings = {name: read(body[:SAMPLE], name) for name in WIDE}
    good = {name: text for name, (text, broken) in readings.items() if broken < 2 and _is_text(text)}
    likely = {name: max(likelihood(text, each) for each in tables()) / max(1, len(text)) for name, text in good.items()}
    best = max(likely, key=lambda name: likely[name], default="")
    return best if best and likely[best] > UNLIKELY else ""


def _is_text(text: str) -> bool:
    """Whether nearly all of it is letters, digits, signs and spaces."""
    return sum(unicodedata.category(sign)[0] in "LMNPZ" or sign in "\r\n\t" for sign in text) > 0.95 * len(text)


def sampled(body: bytes) -> bytes:
    """The words with bytes beyond ASCII, up to a few thousand bytes; spaces part characters in every encoding."""
    words, size = [], 0
    for word in re.finditer(rb"\S+", body):
        if word[0].isascii():
            continue
        words.append(word[0][:SAMPLE])
        size += len(words[-1]) + 1
        if size > SAMPLE:
            break
    return b" ".join(words)


def controls(body: bytes) -> bool:
    """Whether there are so many control bytes that two of them may be one character."""
    head = body[:SAMPLE]
    return len(head) - len(head.translate(None, bytes([*range(9), *range(14, 27), *range(28, 32)]))) > len(head) // 50


def high(sample: bytes) -> bytes:
    """The bytes beyond ASCII."""
    return sample.translate(None, bytes(range(128)))


def score(sample: bytes, codec: str) -> float:
    """The log of the likelihood (nats) of the bytes as text of the likeliest language of an encoding."""
    text, broken = read(sample, codec)
    languages = CANDIDATES.get(codec) or list(tables())
    return max(likelihood(text, language) for language in languages) - BROKEN * broken


def read(sample: bytes, codec: str) -> tuple[str, int]:
    """The bytes as text, and how many of them the encoding does not have."""
    try:
        return sample.decode(codec), 0
    except UnicodeDecodeError:
        text = sample.decode(codec, "replace")
        return text.replace("\ufffd", ""), text.count("\ufffd")


def likelihood(text: str, language: str) -> float:
    """The log of the likelihood (nats) of what is not ASCII in a text, each letter after the one before it."""
    import numpy as np

    pairs, singles = tables()[language]
    codes = letters_of(text)
    if len(codes) < 2:
        return 0.0
    before, after = codes[:-1], codes[1:]
    told = (before > 127) | (after > 127)
    before, after, text_pairs = before[told], after[told], (before[told] << 21) | after[told]
    seen, alone = found(pairs, text_pairs), found(singles, after)
    strange = (alone == 0) & ((after < 32) | ((after >= 127) & (after < 0xA0)) | (after >= 0xE000))
    mixed = (ascii_letter(before) & (after > LATIN)) | (ascii_letter(after) & (before > LATIN))
    chance = np.maximum(0.8 * seen + np.where(mixed, MIXED, 0.2) * alone, np.where(strange, STRANGE, FLOOR))
    return float(np.log(chance).sum() - TURN * turned(text))


def ascii_letter(codes: "np.ndarray") -> "np.ndarray":
    """Which code points are small letters of ASCII."""
    return (codes >= 97) & (codes <= 122)


def turned(text: str) -> int:
    """Capitals beyond ASCII inside of words that are not written in capitals."""
    return sum(1 for _ in TURNED.finditer(text))


TURNED = re.compile(r"[a-zß-öø-ÿа-яёα-ω](?=[À-ÖØ-ÞА-ЯЁΑ-Ω])")


def letters_of(text: str) -> "np.ndarray":
    """The code points of a text in small letters, with ASCII letters as one kind and its other signs as another."""
    import numpy as np

    codes = np.frombuffer(text.lower().encode("utf-32-le", "replace"), dtype=np.uint32).astype(np.int64)
    kind = np.where(ascii_letter(codes), codes, 32)
    return np.where((codes > 127) | (codes < 9) | ((codes > 13) & (codes < 32)), codes, kind)


def found(table: "tuple[np.ndarray, np.ndarray]", keys: "np.ndarray") -> "np.ndarray":
    """The chance of each key by a sorted table; 0 for what is not in it."""
    import numpy as np

    places = np.minimum(np.searchsorted(table[0], keys), len(table[0]) - 1)
    return np.where(table[0][places] == keys, table[1][places], 0.0)


@cache
def tables() -> "dict[str, tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]]":
    """Language -> (pairs, chance of the second after the first), (letters, chance)."""
    import numpy as np

    with resources.files("groundup.data.reading").joinpath("letters.npz").open("rb") as file, np.load(file) as found:
        kept = {name: found[name] for name in found.files}
    chance = {name: np.exp(array / -16.0) for name, array in kept.items() if name.endswith("chance")}
    return {
        name.removesuffix(" pairs"): (
            (np.cumsum(kept[name]), chance[name + " chance"]),
            (np.cumsum(kept[name.replace("pairs", "letters")]), chance[name.replace("pairs", "letters") + " chance"]),
        )
        for name in kept
        if name.endswith(" pairs")
    }


def fit(texts: "dict[str, str]") -> "dict[str, np.ndarray]":
    """Tables of letters from texts by language; sorted keys are kept as differences, chances in sixteenths of a nat."""
    import numpy as np

    made = {}
    for language, text in texts.items():
        codes = letters_of(text)
        before, after = codes[:-1].tolist(), codes[1:].tolist()
        first, pairs = Counter(before), Counter(zip(before, after, strict=True))
        singles, total = Counter(after), len(after)
        told = [(pair, n) for pair, n in pairs.most_common() if max(pair) > 127 and n > 1][:KEPT]
        letters = [(letter, n / total) for letter, n in singles.most_common(KEPT)]
        chances = {(a << 21) | b: n / first[a] for (a, b), n in told}
        for name, table in ((f"{language} pairs", chances), (f"{language} letters", dict(letters))):
            keys = np.array(sorted(table), np.int64)
            made[name] = np.diff(keys, prepend=0)
            made[f"{name} chance"] = np.array(
                [min(255, round(-16 * np.log(table[key]))) for key in keys.tolist()], np.uint8
            )
    return made
