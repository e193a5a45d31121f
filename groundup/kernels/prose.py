"""The words of a text as filters count them: the fast form of `data.filters.words.plain_words`.

UTF-8 comes in at an address, PAD bytes longer than it says; out goes a row of three numbers for each word: where it starts,
its hash, and its characters with what it can be. Hashes are keyed by the whole document: nobody can write a text whose words all fall into one slot of a table.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.characters import character
from groundup.kernels.compiled import load8, load32, load64, loop, store64
from groundup.kernels.hashing import mix
from groundup.kernels.marks import (
    ABBREVIATIONS,
    ALPHA,
    EDGE,
    ENDING,
    ENDS,
    LETTERED,
    LOWER,
    NUMBER,
    SIGN,
    SPACE,
    SPOKEN,
    UPPER,
)
from groundup.kernels.word_table import GOLDEN

ABBREVIATED = np.array(sorted(int.from_bytes(word.encode(), "little") for word in ABBREVIATIONS), np.int64)
DOT, DASH, PLUS, PERCENT, EQUALS, TILDE, COMMA = 46, 45, 43, 37, 61, 126, 44
MINUTE, QUOTE = 39, 0x9980E2  # ' and the bytes of ’
START, HASH, SIZE = 0, 1, 2  # the numbers of a row; a SIZE is characters << KIND_BITS | kind
ROW, KIND_BITS = 24, 8
JOINTS = (ord(":"), ord("<"), ord(">"), ord("="), ord("/"))


@loop
def digest(text, i, length, key):
    """64 bits of text[i:i+length] under a key."""
    h = key ^ uint64(length)
    while length > 8:
        h = (h ^ load64(text, i)) * GOLDEN
        h ^= h >> uint64(32)
        i += 8
        length -= 8
    if length > 0:
        h ^= load64(text, i) << uint64(64 - 8 * length)
    return mix(h)


@loop
def put(text, i, end, key, rows, m, size):
    """Write the m-th row; returns m + 1."""
    store64(rows, ROW * m, i)
    store64(rows, ROW * m + 8, int64(digest(text, i, end - i, key)))
    store64(rows, ROW * m + 16, size)
    return m + 1


@loop
def emit(text, i, end, table, key, rows, m):
    """Write the word text[i:end] as the m-th; returns m + 1."""
    size, kind, at, last = 0, 0, i, 0
    while at < end:
        told = character(text, at, end, table)
        last = told & 255
        if last & ALPHA:
            kind |= LETTERED | SPOKEN
        elif not last & SIGN:
            kind |= SPOKEN
        size += 1
        at += told >> 8
    if size == 1 and last & ENDS:
        kind |= ENDING
    return put(text, i, end, key, rows, m, size << KIND_BITS | kind)


@loop
def before(text, begin, i):
    """Where the character ends that stands before byte i; begin <= the result < i."""
    j = i - 1
    while j > begin and load8(text, j) & 0xC0 == 0x80:
        j -= 1
    return j


@loop
def dots(text, i, end):
    """How many full stops stand at i."""
    j = i
    while j < end and load8(text, j) == DOT:
        j += 1
    return j - i


@loop
def front(text, i, end, table):
    """How many bytes the sign at the front has that stands alone, or 0."""
    b = load8(text, i)
    if b == DOT:
        many = dots(text, i, end)
        return many if many > 1 else 0
    if b == PLUS:
        follows = character(text, i + 1, end, table) & NUMBER if i + 1 < end else 0
        return 0 if follows else 1
    if b == EQUALS or b == PERCENT:
        return 1
    told = character(text, i, end, table)
    return told >> 8 if told & EDGE else 0


@loop
def keeps_stop(text, i, end, table):
    """Whether a full stop belongs to the word text[i:end] before it: an initial, an abbreviation, nothing at all."""
    if i == end:
        return True
    if end - i <= 4:
        low = int64(0)
        for k in range(end - i):
            b = load8(text, i + k)
            low |= (b | 32 if 65 <= b <= 90 else b) << (8 * k)
        for k in range(len(ABBREVIATED)):
            if ABBREVIATED[k] == low:
                return True
    last = before(text, i, end)
    if not character(text, last, end, table) & UPPER:
        return False
    return last == i or not character(text, before(text, i, last), end, table) & UPPER


@loop
def back(text, i, end, table):
    """How many bytes the sign at the back has that stands alone, or 0."""
    b = load8(text, end - 1)
    if b == DOT:
        j = end
        while j > i and load8(text, j - 1) == DOT:
            j -= 1
        if end - j > 1:
            return end - j
        return 0 if keeps_stop(text, i, j, table) else 1
    last = before(text, i, end)
    if b == PERCENT or b == PLUS:
        return 1 if last > i and character(text, before(text, i, last), end, table) & NUMBER else 0
    return end - last if character(text, last, end, table) & EDGE else 0


@loop
def is_address(text, i, end):
    """Whether text[i:end] begins with a scheme and :// or with www."""
    j = i
    while j < end and 97 <= load8(text, j) | 32 <= 122:
        j += 1
    if j > i and j + 2 < end and load8(text, j) == 58 and load8(text, j + 1) == 47 and load8(text, j + 2) == 47:
        return True
    return j - i == 3 and j < end and load32(text, i) == 0x2E777777


@loop
def short_form(text, i, end):
    """Where n't, 's, 'm, 'd, 'll, 've or 're begins at the end of text[i:end]; else end."""
    last = load8(text, end - 1) | 32
    for letters in range(1, 3):
        at = end - letters
        if at - 1 >= i and load8(text, at - 1) == MINUTE:
            sign = at - 1
        elif at - 3 >= i and load32(text, at - 3) & 0xFFFFFF == QUOTE:
            sign = at - 3
        else:
            continue
        first = load8(text, at) | 32
        if letters == 2:
            pair = first << 8 | last
            return sign if pair == 0x6C6C or pair == 0x7665 or pair == 0x7265 else end
        if last == ord("t") and sign > i and load8(text, sign - 1) | 32 == ord("n"):
            return sign - 1
        return sign if last == ord("s") or last == ord("m") or last == ord("d") else end
    return end


@loop
def hyphen(text, i, end):
    """How many bytes the hyphen or dash at i has, or 0."""
    b = load8(text, i)
    if b == DASH or b == TILDE:
        return 1
    if b == 0xE2 and i + 2 < end and load8(text, i + 1) == 0x80 and load8(text, i + 2) | 7 == 0x97:
        return 3 if load8(text, i + 2) == 0x93 or load8(text, i + 2) == 0x94 else 0
    return 0


@loop
def joins(b, left, right, length):
    """Whether the sign b of that many bytes cuts a word between characters of the flags left and right."""
    if b == DASH or b == TILDE or b == 0xE2:
        if right & ALPHA:
            return left & (ALPHA | NUMBER) != 0
        return b == DASH and length == 1 and left & right & NUMBER != 0
    if b == COMMA:
        return left & right & ALPHA != 0
    if b == DOT:
        return left & LOWER != 0 and right & UPPER != 0
    return left & (ALPHA | NUMBER) != 0 and right & ALPHA != 0


@loop
def sign_end(text, i, end):
    """The end of what may cut a word at i, a run of hyphens, of dots or one sign; i itself where nothing may."""
    b = load8(text, i)
    size = hyphen(text, i, end)
    if size:
        while size:
            i += size
            size = hyphen(text, i, end) if i < end else 0
        return i
    if b == DOT:
        return i + dots(text, i, end)
    if b == COMMA or b == JOINTS[0] or b == JOINTS[1] or b == JOINTS[2] or b == JOINTS[3] or b == JOINTS[4]:
        return i + 1
    return i


@loop
def core(text, i, end, table, key, rows, m):
    """Cut what is left of a chunk at its joints; returns how many words there are now."""
    if is_address(text, i, end):
        return emit(text, i, end, table, key, rows, m)
    stem = short_form(text, i, end)
    if stem == i:
        return emit(text, i, end, table, key, rows, m)
    told = character(text, i, stem, table)
    left, at = told & 255, i + (told >> 8)
    while at < stem:
        over = sign_end(text, at, stem)
        if over == at:
            told = character(text, at, stem, table)
            left, at = told & 255, at + (told >> 8)
            continue
        right = character(text, over, stem, table) & 255 if over < stem else 0
        many_dots = load8(text, at) == DOT and over - at > 1
        if over < stem and (many_dots or joins(load8(text, at), left, right, over - at)):
            m = emit(text, i, at, table, key, rows, m) if at > i else m
            m = emit(text, at, over, table, key, rows, m)
            i = over
        left, at = SIGN, over
    m = emit(text, i, stem, table, key, rows, m) if stem > i else m
    return emit(text, stem, end, table, key, rows, m) if end > stem else m


@loop
def chunk(text, i, end, table, key, rows, m):
    """The words of text[i:end], in which no space is; returns how many there are now."""
    size = front(text, i, end, table)
    while size:
        m = emit(text, i, i + size, table, key, rows, m)
        i += size
        size = front(text, i, end, table) if i < end else 0
    stop = end
    size = back(text, i, stop, table) if i < stop else 0
    while size:
        stop -= size
        size = back(text, i, stop, table) if i < stop else 0
    m = core(text, i, stop, table, key, rows, m) if i < stop else m
    while stop < end:
        many = dots(text, stop, end)
        size = many if many else character(text, stop, end, table) >> 8
        m = emit(text, stop, stop + size, table, key, rows, m)
        stop += size
    return m


@loop
def split(text, i, end, table, key, rows, m):
    """The words of text[i:end], from the m-th on; returns how many there are now."""
    while i < end:
        j, b = i, load8(text, i)
        while j < end and b < 0x80 and load8(table, b) & ALPHA:
            j += 1
            b = load8(text, j)
        if j > i and (j == end or b < 0x80 and load8(table, b) & SPACE):  # most words: letters, then a space
            m = put(text, i, j, key, rows, m, (j - i) << KIND_BITS | LETTERED | SPOKEN)
            i = j + 1
            continue
        told = character(text, j, end, table) if j < end else SPACE
        while not told & SPACE:
            j += told >> 8
            told = character(text, j, end, table) if j < end else SPACE
        if j > i:
            m = chunk(text, i, j, table, key, rows, m)
        i = j + (told >> 8 if j < end else 1)
    return m


@loop
def most_words(text, n):
    """A number of words that the n bytes at text do not exceed: next to each is something other than a plain letter."""
    others = 0
    for i in range(n):
        low = load8(text, i) | 32
        others += low < 97 or low > 122
    return min(n, 2 * others + 1)


@loop
def words(raw, n, table):
    """(key, rows (words, 3) uint64) of the n bytes in raw, which is PAD longer."""
    text = int64(raw.ctypes.data)
    rows = np.empty((most_words(text, n), 3), np.uint64)
    key = digest(text, 0, n, uint64(0))
    m = split(text, 0, n, int64(table.ctypes.data), key, int64(rows.ctypes.data), 0)
    return key, rows[:m]
