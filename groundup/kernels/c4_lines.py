"""C4's rules about lines, in one pass: which lines stay, what is written in the margin of encyclopedias goes, how many
sentences are left. The plain form is `data.filters.c4.clean_plainly`.
"""

import numpy as np
from numba import int64

from groundup.kernels.characters import character
from groundup.kernels.compiled import load8, load64, loop
from groundup.kernels.marks import ENDING, SPACE, SPOKEN
from groundup.kernels.prose import DOT, KIND_BITS, most_words, split
from groundup.kernels.repeats import NEWLINE, trimmed_part

KEPT, FEW, FILLER, BRACKET = 0, 1, 2, 3  # verdicts on a document
FILLER_MARK, SCRIPT_MARK, BRACKET_MARK, POLICY_MARK, NO_MARK = (
    0,
    1,
    2,
    3,
    4,
)  # what was found in a line, the gravest first
EDIT, CITATION = b"edit]", b"citation needed]"
TERMINAL = (ord("."), ord("?"), ord("!"), ord('"'), ord("'"))


@loop
def spells(text, i, end, wanted):
    """Whether text[i:end] begins with the bytes wanted."""
    if i + len(wanted) > end:
        return False
    for k in range(len(wanted)):
        if load8(text, i + k) != wanted[k]:
            return False
    return True


@loop
def note_end(text, i, end):
    """The end of [12], [], [edit] or [citation needed] at the bracket i, or i itself."""
    j = i + 1
    while j < end and 48 <= load8(text, j) <= 57:
        j += 1
    if j < end and load8(text, j) == ord("]"):
        return j + 1
    if spells(text, i + 1, end, EDIT):
        return i + 1 + len(EDIT)
    return i + 1 + len(CITATION) if spells(text, i + 1, end, CITATION) else i


@loop
def spaced_words(text, i, end, table):
    """(how many words spaces part, the characters of the longest) of text[i:end]."""
    many, longest, size = 0, 0, 0
    while i < end:
        told = character(text, i, end, table)
        i += told >> 8
        if told & SPACE:
            size = 0
            continue
        many += size == 0
        size += 1
        longest = max(longest, size)
    return many, longest


@loop
def is_closed(text, i, end):
    """Whether text[i:end] ends as a sentence does, and not in three full stops."""
    if end == i:
        return False
    b = load8(text, end - 1)
    if b == DOT:
        return end - i < 3 or load8(text, end - 2) != DOT or load8(text, end - 3) != DOT
    return b == TERMINAL[1] or b == TERMINAL[2] or b == TERMINAL[3] or b == TERMINAL[4]


@loop
def sentences(rows, words):
    """How many sentences the words of a line make: a sign that ends one, and later a word that is no sign."""
    many, ended = 1, False
    for k in range(words):
        kind = int64(load64(rows, 24 * k + 16)) & ((1 << KIND_BITS) - 1)
        if kind & ENDING:
            ended = True
        elif ended and kind & SPOKEN:
            many += 1
            ended = False
    return many


@loop
def gravest(marks, kinds, p, begin, end):
    """(the gravest kind of the marks within begin..end, the first mark after them); p is the first one to look at."""
    found = NO_MARK
    while p < len(marks) and marks[p] < end:
        if marks[p] >= begin:
            found = min(found, int64(kinds[p]))
        p += 1
    return found, p


@loop
def kept_lines(raw, n, table, marks, kinds, closed, notes, least_words, longest_word, least_sentences, out):
    """(verdict, bytes in out, sentences counted, lines, lines kept) of the n bytes in raw; out is as long, and PAD more.

    closed: lines must end as sentences do; notes: marginal notes go. Sentences are counted until there are enough.
    """
    text, flags, to = int64(raw.ctypes.data), int64(table.ctypes.data), int64(out.ctypes.data)
    rows = np.empty((most_words(text, n), 3), np.uint64)
    m, p, counted, many, kept, start = 0, 0, 0, 0, 0, 0
    while start < n:
        end = start
        while end < n and load8(text, end) != NEWLINE:
            end += 1
        begin, stop = trimmed_part(text, start, end, flags)
        start = end + 1
        many += 1
        words, longest = spaced_words(text, begin, stop, flags)
        if longest > longest_word:
            continue
        at, i = m, begin
        while i < stop:
            b = load8(text, i)
            over = note_end(text, i, stop) if notes and b == 91 else i
            if over > i:
                i = over
                continue
            out[at] = b
            at += 1
            i += 1
        if closed and not is_closed(to, m, at) or words < least_words:
            continue
        mark, p = gravest(marks, kinds, p, begin, stop)
        if mark == FILLER_MARK:
            return FILLER, m, counted, many, kept
        if mark == BRACKET_MARK:
            return BRACKET, m, counted, many, kept
        if mark != NO_MARK:
            continue
        if counted < least_sentences:
            words = split(to, m, at, flags, np.uint64(0), int64(rows.ctypes.data), 0)
            counted += sentences(int64(rows.ctypes.data), words)
        out[at] = NEWLINE
        m = at + 1
        kept += 1
    return (KEPT if counted >= least_sentences else FEW), m, counted, many, kept
