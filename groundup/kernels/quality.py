"""What Gopher's rules of quality count, in one pass over a text's words and one over its lines.

The plain form is `data.filters.gopher_quality.count_plainly`. Rows of words are those of `kernels/prose.py`.
"""

import numpy as np
from numba import int64

from groundup.kernels.characters import character
from groundup.kernels.compiled import load8, load32, loop
from groundup.kernels.marks import LETTERED, SPACE, SPOKEN
from groundup.kernels.prose import DOT, HASH, KIND_BITS, SIZE, before, digest

DASH, NEWLINE = 45, 10
BULLET, ELLIPSIS = 0xA280E2, 0xA680E2  # the bytes of • and …


@loop
def word_facts(rows, listed, ends, key):
    """(spoken words, their characters, words with a letter, how many of the listed words occur).

    listed is the bytes of the words asked for, PAD longer; word k is listed[ends[k]:ends[k + 1]].
    """
    many = len(ends) - 1
    wanted, met, at = np.empty(many, np.uint64), np.zeros(many, np.bool_), int64(listed.ctypes.data)
    longest = int64(0)
    for k in range(many):
        wanted[k] = digest(at, ends[k], ends[k + 1] - ends[k], key)
        longest = max(longest, ends[k + 1] - ends[k])
    spoken, characters, lettered = 0, 0, 0
    for row in range(len(rows)):
        told = int64(rows[row, SIZE])
        size = told >> KIND_BITS
        lettered += told & LETTERED
        if told & SPOKEN:
            spoken += 1
            characters += size
        if size <= longest:
            for k in range(many):
                if rows[row, HASH] == wanted[k]:
                    met[k] = True
    return spoken, characters, lettered, met.sum()


@loop
def line_facts(raw, n, table):
    """(lines, those that begin with a bullet, those that end in an ellipsis); a line end at the end begins no line."""
    text, flags = int64(raw.ctypes.data), int64(table.ctypes.data)
    many, bullets, ellipses, start = 0, 0, 0, 0
    while start < n:
        end = start
        while end < n and load8(text, end) != NEWLINE:
            end += 1
        many += 1
        i = start
        told = character(text, i, end, flags) if i < end else 0
        while told & SPACE:
            i += told >> 8
            told = character(text, i, end, flags) if i < end else 0
        bullets += i < end and (load8(text, i) == DASH or end - i >= 3 and load32(text, i) & 0xFFFFFF == BULLET)
        last = end
        while last > i and character(text, before(text, i, last), end, flags) & SPACE:
            last = before(text, i, last)
        ellipses += ends_in_ellipsis(text, i, last)
        start = end + 1
    return many, bullets, ellipses


@loop
def ends_in_ellipsis(text, i, end):
    """Whether text[i:end] ends in … or three full stops."""
    if end - i < 3:
        return False
    last = load32(text, end - 3) & 0xFFFFFF
    return last == ELLIPSIS or last == DOT << 16 | DOT << 8 | DOT
