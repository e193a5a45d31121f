"""Where a word of UTF-8 text ends, by the GPT-2 and GPT-4 patterns: the fast form of `tokenizer.split.words`.

Text comes as bytes at an address; out go the ends of its words. Classes come from the tokenizer's own frozen table,
one byte a code point. Bytes that are not UTF-8 are words' ordinary members: of class OTHER, one byte long.
"""

import numpy as np

from groundup.kernels.compiled import load8, loop

OTHER, LETTER, NUMBER, SPACE, NEWLINE = 0, 1, 2, 3, 4
GPT4, GPT2 = 0, 1
APOSTROPHE, BLANK = ord("'"), ord(" ")


@loop
def decode(text, i, n, classes):
    """class | length << 8 of the character at i that starts with a byte above 127."""
    b = load8(text, i)
    x = load8(text, i + 1) ^ 0x80 if i + 1 < n else 0xFF  # below 0x40: a continuation byte
    y = load8(text, i + 2) ^ 0x80 if i + 2 < n else 0xFF
    z = load8(text, i + 3) ^ 0x80 if i + 3 < n else 0xFF
    if x < 0x40:
        if 0xC2 <= b < 0xE0:
            return load8(classes, (b & 0x1F) << 6 | x) | 2 << 8
        if 0xE0 <= b < 0xF0 and y < 0x40:
            point = (b & 0x0F) << 12 | x << 6 | y
            if point >= 0x800:
                return load8(classes, point) | 3 << 8
        if 0xF0 <= b < 0xF5 and y < 0x40 and z < 0x40:
            point = (b & 0x07) << 18 | x << 12 | y << 6 | z
            if 0x10000 <= point < 0x110000:
                return load8(classes, point) | 4 << 8
    return OTHER | 1 << 8


@loop
def character(text, i, n, classes):
    """class | length << 8 of the character at i."""
    b = load8(text, i)
    return load8(classes, b) | 1 << 8 if b < 0x80 else decode(text, i, n, classes)


@loop
def run_end(text, i, n, classes, wanted):
    """The end of the run of characters of class `wanted` that starts at i."""
    while i < n:
        b = load8(text, i)
        if b < 0x80:
            if load8(classes, b) != wanted:
                return i
            i += 1
        else:
            found = decode(text, i, n, classes)
            if found & 255 != wanted:
                return i
            i += found >> 8
    return i


@loop
def contraction_end(text, i, n, any_case):
    """The end of 's 't 'd 'm 'll 've 're at the apostrophe i, or i itself; in any case the long s counts as one, too."""
    if i + 1 >= n:
        return i
    first = load8(text, i + 1)
    low = first | 32 if any_case else first
    if low == ord("s") or low == ord("t") or low == ord("d") or low == ord("m"):
        return i + 2
    if i + 2 >= n:
        return i
    second = load8(text, i + 2)
    if any_case and first == 0xC5 and second == 0xBF:  # U+017F
        return i + 3
    second = second | 32 if any_case else second
    if (low == ord("l") and second == ord("l")) or ((low == ord("v") or low == ord("r")) and second == ord("e")):
        return i + 3
    return i


@loop
def space_end(text, i, n, classes, split_at_newline):
    r"""The end of \s*[\r\n] (where asked for) | \s+(?!\S) | \s+ at i."""
    after_newline, last, j = i, i, i
    while j < n:
        found = character(text, j, n, classes)
        if found & 255 < SPACE:
            break
        last = j
        j += found >> 8
        if found & 255 == NEWLINE:
            after_newline = j
    if split_at_newline and after_newline > i:
        return after_newline
    return j if j == n or last == i else last


@loop
def gpt4_end(text, i, n, classes):
    """The end of the word at i by the GPT-4 pattern."""
    b = load8(text, i)
    found = character(text, i, n, classes)
    j = i + (found >> 8)
    kind = found & 255
    if kind == LETTER:
        return run_end(text, j, n, classes, LETTER)
    if kind == NUMBER:
        for _ in range(2):
            found = character(text, j, n, classes) if j < n else 0
            if j == n or found & 255 != NUMBER:
                return j
            j += found >> 8
        return j
    if b == APOSTROPHE:
        end = contraction_end(text, i, n, True)
        if end > i:
            return end
    if kind != NEWLINE and j < n:
        found = character(text, j, n, classes)
        if found & 255 == LETTER:
            return run_end(text, j + (found >> 8), n, classes, LETTER)
        if b == BLANK and found & 255 == OTHER:
            kind = OTHER
    if kind != OTHER:
        return space_end(text, i, n, classes, True)
    j = run_end(text, j, n, classes, OTHER)
    while j < n and (load8(text, j) == 10 or load8(text, j) == 13):
        j += 1
    return j


@loop
def gpt2_end(text, i, n, classes):
    """The end of the word at i by the GPT-2 pattern."""
    b = load8(text, i)
    if b == APOSTROPHE:
        end = contraction_end(text, i, n, False)
        if end > i:
            return end
    j = i + 1 if b == BLANK and i + 1 < n else i
    found = character(text, j, n, classes)
    if found & 255 < SPACE:
        return run_end(text, j + (found >> 8), n, classes, found & 255)
    return space_end(text, i, n, classes, False)


@loop
def word_end(text, i, n, classes, pattern):
    """The end of the word at i."""
    return gpt4_end(text, i, n, classes) if pattern == GPT4 else gpt2_end(text, i, n, classes)


@loop
def word_ends(text, n, classes, pattern):
    """The ends of all words of the n bytes at `text`."""
    ends = np.empty(n, np.int64)
    made, i = 0, 0
    while i < n:
        i = word_end(text, i, n, classes, pattern)
        ends[made] = i
        made += 1
    return ends[:made].copy()
