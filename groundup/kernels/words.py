"""Where a word of UTF-8 text ends, by the published patterns: the fast form of `tokenizer.split.words`.

Text comes as bytes at an address; out go the ends of its words. Classes come from the tokenizer's own frozen table,
one byte a code point. Bytes that are not UTF-8 are words' ordinary members: of class OTHER, one byte long. Where a pattern
of one's own has cut the text already, there are marks in the place of classes: one byte a byte, 1 where a word begins.
"""

import numpy as np

from groundup.kernels.characters import (
    LETTER,
    LOWER,
    MARK,
    NEWLINE,
    NUMBER,
    OTHER,
    SPACE,
    UPPER,
    character,
    run_end,
    set_end,
)
from groundup.kernels.compiled import load8, loop

GPT4, CL100K, GPT2, O200K, MARKED = 0, 1, 2, 3, 4
SINGLY = 8  # added to one of them: each digit is a word
APOSTROPHE, BLANK, SLASH = ord("'"), ord(" "), ord("/")
# sets of classes: what o200k lets follow upper letters, and stand with signs
LOWERS = 1 << LETTER | 1 << LOWER | 1 << MARK
SIGNS = 1 << OTHER | 1 << MARK


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
def space_end(text, i, n, classes, pattern):
    r"""The end of \s*[\r\n] (not in gpt2) | \s+(?!\S) | \s+ at i; in cl100k all space before the end of the text is one."""
    after_newline, last, j = i, i, i
    while j < n:
        found = character(text, j, n, classes)
        if found & 255 != SPACE and found & 255 != NEWLINE:
            break
        last = j
        j += found >> 8
        if found & 255 == NEWLINE:
            after_newline = j
    if pattern == CL100K and j == n:
        return j
    if pattern != GPT2 and after_newline > i:
        return after_newline
    return j if j == n or last == i else last


@loop
def number_end(text, j, n, classes, singly):
    """The end of a number of up to three digits, of which the first ends at j."""
    for _ in range(0 if singly else 2):
        found = character(text, j, n, classes) if j < n else 0
        if j == n or found & 255 != NUMBER:
            return j
        j += found >> 8
    return j


@loop
def gpt4_end(text, i, n, classes, pattern, singly):
    """The end of the word at i by the GPT-4 pattern and its kin."""
    b = load8(text, i)
    found = character(text, i, n, classes)
    j = i + (found >> 8)
    kind = found & 255
    if kind == LETTER:
        return run_end(text, j, n, classes, LETTER)
    if kind == NUMBER:
        return number_end(text, j, n, classes, singly)
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
        return space_end(text, i, n, classes, pattern)
    j = run_end(text, j, n, classes, OTHER)
    while j < n and (load8(text, j) == 10 or load8(text, j) == 13):
        j += 1
    return j


@loop
def gpt2_end(text, i, n, classes, singly):
    """The end of the word at i by the GPT-2 pattern; in its form with single digits no blank stands before a digit."""
    b = load8(text, i)
    if b == APOSTROPHE:
        end = contraction_end(text, i, n, False)
        if end > i:
            return end
    j = i + 1 if b == BLANK and i + 1 < n else i
    found = character(text, j, n, classes)
    kind = found & 255
    if kind == NUMBER and singly:
        return j if j > i else j + (found >> 8)
    if kind < SPACE:
        return run_end(text, j + (found >> 8), n, classes, kind)
    return space_end(text, i, n, classes, GPT2)


@loop
def cased_end(text, i, n, classes):
    """The end of letters in o200k: upper and other ones, then lower and other ones; without a lower one, after the last other."""
    kept, j = i, i
    while j < n:
        found = character(text, j, n, classes)
        kind = found & 255
        if kind == LOWER:
            return set_end(text, j + (found >> 8), n, classes, LOWERS)
        if kind != UPPER and kind != LETTER and kind != MARK:
            break
        j += found >> 8
        if kind != UPPER:
            kept = j
    return kept if kept > i else j


@loop
def o200k_end(text, i, n, classes, singly):
    """The end of the word at i by the o200k pattern."""
    b = load8(text, i)
    found = character(text, i, n, classes)
    j = i + (found >> 8)
    kind = found & 255
    if kind == NUMBER:
        return number_end(text, j, n, classes, singly)
    if kind != NEWLINE:
        begin = j if kind == OTHER or kind == SPACE else i
        end = cased_end(text, begin, n, classes)
        if end > begin:
            return contraction_end(text, end, n, True) if end < n and load8(text, end) == APOSTROPHE else end
        if b == BLANK and j < n and character(text, j, n, classes) & 255 == OTHER:
            kind = OTHER
    if kind != OTHER:
        return space_end(text, i, n, classes, O200K)
    j = set_end(text, j, n, classes, SIGNS)
    while j < n and (load8(text, j) == 10 or load8(text, j) == 13 or load8(text, j) == SLASH):
        j += 1
    return j


@loop
def marked_end(i, n, marks):
    """The end of the word at i where marks stand at the beginnings of words."""
    i += 1
    while i < n and load8(marks, i) == 0:
        i += 1
    return i


@loop
def word_end(text, i, n, classes, pattern):
    """The end of the word at i."""
    family = pattern & 7
    if family <= CL100K:
        return gpt4_end(text, i, n, classes, family, pattern & SINGLY)
    if family == GPT2:
        return gpt2_end(text, i, n, classes, pattern & SINGLY)
    if family == O200K:
        return o200k_end(text, i, n, classes, pattern & SINGLY)
    return marked_end(i, n, classes)


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
