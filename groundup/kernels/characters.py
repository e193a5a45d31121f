"""Characters of UTF-8 text and their classes, and runs of them: what `words` is made of.

Classes come from a tokenizer's own frozen table, one byte a code point. A byte that is not UTF-8 is of class OTHER.
"""

from groundup.kernels.compiled import load8, loop

OTHER, LETTER, NUMBER, SPACE, NEWLINE = 0, 1, 2, 3, 4
UPPER, LOWER, MARK = 5, 6, 7  # in the finer tables, which o200k needs; LETTER is there a letter without case


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
def set_end(text, i, n, classes, wanted):
    """The end of the run of characters of the classes in the set `wanted` that starts at i."""
    while i < n:
        found = character(text, i, n, classes)
        if not wanted >> (found & 255) & 1:
            return i
        i += found >> 8
    return i
