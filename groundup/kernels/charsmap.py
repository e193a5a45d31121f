"""A text as SentencePiece reads it: characters replaced by its rules, blanks thinned out and marked, one mark before it all.

The fast form of `tokenizer.charsmap.spaced`. The rules are a double array as darts-clone makes it, read where it lies.
"""

from numba import int64

from groundup.kernels.compiled import load8, loop
from groundup.kernels.unigram_trie import VALUE, step

BLANK = ord(" ")
AS_IT_IS, BROKEN = -1, -2  # in place of where a replacement stands


@loop
def length_at(text, i, n):
    """Bytes of the character at i; of what is no UTF-8, each byte counts alone."""
    b = load8(text, i)
    wanted = 1 if b < 0xC2 or b > 0xF4 else 2 if b < 0xE0 else 3 if b < 0xF0 else 4
    for k in range(1, wanted):
        if i + k >= n or load8(text, i + k) & 0xC0 != 0x80:
            return 1
    if wanted > 2:  # neither a longer form than needed, nor half of a surrogate pair, nor beyond the last code point
        second = load8(text, i + 1)
        if (b == 0xE0 and second < 0xA0) or (b == 0xED and second > 0x9F):
            return 1
        if (b == 0xF0 and second < 0x90) or (b == 0xF4 and second > 0x8F):
            return 1
    return wanted


@loop
def rule_at(text, i, n, units, size):
    """(bytes of the longest entry that text[i:n] begins with, where its replacement stands among `size` bytes)."""
    length, start, row = 0, int64(AS_IT_IS), int64(0)
    unit = int64(units[0])
    row ^= (unit >> 10) << ((unit & 512) >> 6)
    for j in range(i, n):
        byte = load8(text, j)
        row ^= byte
        if row >= len(units):
            break
        unit = int64(units[row])
        if unit & 0x800000FF != byte:
            break
        row ^= (unit >> 10) << ((unit & 512) >> 6)
        if unit >> 8 & 1 and row < len(units) and int64(units[row]) & 0x7FFFFFFF < size:
            length, start = j + 1 - i, int64(units[row]) & 0x7FFFFFFF
    return length, start


@loop
def next_at(text, i, n, units, size, symbols):
    """(bytes that are read at i, where their replacement stands, AS_IT_IS or BROKEN); symbols are never replaced."""
    row, longest = 0, 0
    for j in range(i, n):
        row = step(symbols, row, load8(text, j))
        if row < 0:
            break
        if symbols[row, VALUE] >= 0:
            longest = j + 1 - i
    if longest:
        return longest, int64(AS_IT_IS)
    if len(units):
        length, start = rule_at(text, i, n, units, size)
        if length:
            return length, start
    length = length_at(text, i, n)
    return length, int64(BROKEN if length == 1 and load8(text, i) > 0x7F else AS_IT_IS)


@loop
def put(out, m, byte):
    """One byte, or the mark for a blank, to out[m:]; the end of it."""
    if byte != BLANK:
        out[m] = byte
        return m + 1
    out[m], out[m + 1], out[m + 2] = 0xE2, 0x96, 0x81
    return m + 3


@loop
def spaced(text, n, units, strings, symbols, mark_first, thin_out, out):
    """text[:n] as its segmentation wants it, in `out`; returns how many bytes, or -1 if `out` is too short."""
    replacements = strings.ctypes.data
    i = 0
    while thin_out and i < n:
        length, start = next_at(text, i, n, units, len(strings), symbols)
        at = text + i if start == AS_IT_IS else replacements + start
        alone = length == 1 if start == AS_IT_IS else load8(at, 1) == 0
        if start == BROKEN or load8(at, 0) != BLANK or not alone:
            break
        i += length
    if i == n:
        return 0
    m = put(out, 0, BLANK) if mark_first else 0  # there is always room for one
    after_blank = thin_out
    while i < n:
        length, start = next_at(text, i, n, units, len(strings), symbols)
        i += length
        if m + 3 > len(out):
            return -1
        if start == BROKEN:
            out[m], out[m + 1], out[m + 2] = 0xEF, 0xBF, 0xBD
            m += 3
            after_blank = False
            continue
        at, size = (text + i - length, length) if start == AS_IT_IS else (replacements + start, 0)
        while start != AS_IT_IS and load8(at, size) != 0:
            size += 1
        if m + 3 * size + 3 > len(out):
            return -1
        k = 0
        while after_blank and k < size and load8(at, k) == BLANK:
            k += 1
        if k < size:
            for j in range(k, size):
                m = put(out, m, load8(at, j))
            after_blank = thin_out and load8(at, size - 1) == BLANK
    while thin_out and m >= 3 and out[m - 3] == 0xE2 and out[m - 2] == 0x96 and out[m - 1] == 0x81:
        m -= 3
    return m
