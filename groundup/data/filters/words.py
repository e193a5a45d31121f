"""The words of a text as filters count them: what stands between spaces, with its signs and its joints cut off.

Nearly what spaCy's blank English tokenizer gives, which the published filters of FineWeb count with: a sign at an edge is a
word of its own, `well-known` is three words and `don't` two, an address is one. `plain_words` is the definition;
`kernels/prose.py` is its fast form.
"""

import re
from collections.abc import Iterator
from functools import cache

import numpy as np

from groundup.kernels.marks import ABBREVIATIONS, ALPHA, EDGE, ENDS, LOWER, NUMBER, SIGN, SPACE, UPPER
from groundup.tokenizer.classes import read_classes

# Signs that part from a word at either end; - / \ | @ ^ ~ and the like stay with it.
EDGES = "…,:;!?¿¡()[]{}<>_#*&·،؛؟٪।。？！，、；：～'\"”“`‘´’‚„»«「」『』（）〔〕【】《》〈〉⟦⟧–—$£€¥฿₽₴₹₺₿¢•●■▪◆★☆✓✔→←↑↓©®™°§"
FRONTS = "=%+"
HYPHENS = "-–—~"
JOINTS = ":<>=/"
ADDRESS = re.compile(r"[A-Za-z]+://|www\.")
SHORT_FORM = re.compile(r"(?:[nN]['’][tT]|['’](?:[sSmMdD]|[lL][lL]|[vV][eE]|[rR][eE]))\Z")
SENTENCE_ENDS = """
21 2e 3f 589 61d-61f 6d4 700-702 7f9 837 839 83d-83e 964-965 104a-104b 1362 1367-1368 166e 1735-1736 17d4-17d5 1803 1809
1944-1945 1aa8-1aab 1b5a-1b5b 1b5e-1b5f 1b7d-1b7e 1c3b-1c3c 1c7e-1c7f 203c-203d 2047-2049 2e2e 2e3c 2e53-2e54 3002 a4ff
a60e-a60f a6f3 a6f7 a876-a877 a8ce-a8cf a92f a9c8-a9c9 aa5d-aa5f aaf0-aaf1 abeb fe52 fe56-fe57 ff01 ff0e ff1f ff61
10a56-10a57 10f55-10f59 10f86-10f89 11047-11048 110be-110c1 11141-11143 111c5-111c6 111cd 111de-111df 11238-11239 1123b-1123c
112a9 1144b-1144c 115c2-115c3 115c9-115d7 11641-11642 1173c-1173e 11944 11946 11a42-11a43 11a9b-11a9c 11c41-11c42 11ef7-11ef8
11f43-11f44 16a6e-16a6f 16af5 16b37-16b38 16b44 16e98 1bc9f 1da88
"""  # Sentence_Terminal of Unicode 15 (PropList.txt)


@cache
def table() -> np.ndarray:
    """What each code point is (code points,) uint8, in the flags of `kernels/marks.py`; the same with every Python."""
    flags_of_kind = [SIGN, ALPHA, NUMBER, SPACE, SPACE, ALPHA | UPPER, ALPHA | LOWER, 0]
    flags = np.array(flags_of_kind, np.uint8)[read_classes()]
    flags[[ord(sign) for sign in EDGES]] |= EDGE
    for run in SENTENCE_ENDS.split():
        first, _, last = run.partition("-")
        flags[int(first, 16) : int(last or first, 16) + 1] |= ENDS
    return flags


def plain_words(text: str) -> list[str]:
    """The words of a text, in order, by the definition."""
    flags = table()
    spaced = "".join(" " if flags[ord(c)] & SPACE else c for c in text)
    return [word for chunk in spaced.split(" ") if chunk for word in _of_chunk(chunk, flags)]


def is_sign(word: str) -> bool:
    """Whether a word is made of signs alone."""
    return all(table()[ord(c)] & SIGN for c in word)


def ends_sentence(word: str) -> bool:
    """Whether a word is a sign that ends sentences."""
    return len(word) == 1 and bool(table()[ord(word)] & ENDS)


def stripped(text: str) -> str:
    """A text without the spaces around it, by the same table as words."""
    return text.strip(spaces())


@cache
def spaces() -> str:
    """Every character that parts words."""
    return "".join(map(chr, np.flatnonzero(table() & SPACE)))


def _of_chunk(chunk: str, flags: np.ndarray) -> Iterator[str]:
    begin, end, after = 0, len(chunk), []
    while begin < end and (size := _front(chunk, begin, end, flags)):
        yield chunk[begin : begin + size]
        begin += size
    while begin < end and (size := _back(chunk, begin, end, flags)):
        after.append(chunk[end - size : end])
        end -= size
    if begin < end:
        yield from _of_core(chunk[begin:end], flags)
    yield from reversed(after)


def _dots(text: str) -> int:
    return len(text) - len(text.lstrip("."))


def _front(chunk: str, begin: int, end: int, flags: np.ndarray) -> int:
    """How many characters the sign at the front has that stands alone, or 0."""
    dots = _dots(chunk[begin:end])
    if dots > 1:
        return dots
    if chunk[begin] == "+" and begin + 1 < end and flags[ord(chunk[begin + 1])] & NUMBER:
        return 0
    return 1 if chunk[begin] in FRONTS or flags[ord(chunk[begin])] & EDGE else 0


def _back(chunk: str, begin: int, end: int, flags: np.ndarray) -> int:
    """The same at the back; there a full stop parts from what it ends, but not from an initial or an abbreviation."""
    rest = chunk[begin:end]
    dots = _dots(rest[::-1])
    if dots > 1:
        return dots
    if dots == 1:
        return 0 if _keeps_stop(rest[:-1], flags) else 1
    if rest[-1] in "%+":
        return 1 if len(rest) > 1 and flags[ord(rest[-2])] & NUMBER else 0
    return 1 if flags[ord(rest[-1])] & EDGE else 0


def _keeps_stop(word: str, flags: np.ndarray) -> bool:
    if not word or word.isascii() and word.lower() in ABBREVIATIONS:
        return True
    last = flags[ord(word[-1])]
    return bool(last & UPPER) and (len(word) == 1 or not flags[ord(word[-2])] & UPPER)


def _of_core(core: str, flags: np.ndarray) -> Iterator[str]:
    ending = SHORT_FORM.search(core)
    if ADDRESS.match(core) or ending and ending.start() == 0:
        yield core
        return
    stem = core[: ending.start()] if ending else core
    begin, i = 0, 1
    while i < len(stem):
        size = _joint(stem, i, flags)
        if size:
            yield from filter(None, (stem[begin:i], stem[i : i + size]))
            begin = i + size
        i += size or 1
    yield from filter(None, (stem[begin:], core[len(stem) :]))


def _joint(core: str, i: int, flags: np.ndarray) -> int:
    """How many characters a joint at i has, or 0: it has a letter on either side, or it is an ellipsis."""
    before, run = flags[ord(core[i - 1])], HYPHENS if core[i] in HYPHENS else "." if core[i] == "." else ""
    size = len(core) - i - len(core[i:].lstrip(run)) if run else 1
    if i + size == len(core) or run and core[i - 1] in run:
        return 0
    after = flags[ord(core[i + size])]
    if core[i] in HYPHENS:
        good = before & (ALPHA | NUMBER) and after & ALPHA or core[i : i + size] == "-" and before & after & NUMBER
    elif core[i] == ".":
        good = size > 1 or before & LOWER and after & UPPER
    elif core[i] == ",":
        good = before & after & ALPHA
    else:
        good = core[i] in JOINTS and before & (ALPHA | NUMBER) and after & ALPHA
    return size if good else 0
