"""Repeated words in a row, lines and paragraphs: the fast form of the plain counts in `data.filters.repeats`.

Runs of words get numbers, a length at a time (Karp, Miller and Rosenberg 1972): a run of n words is a pair of runs of n - 1, and
only runs that occur twice can be part of longer ones that do. In prose few are left after the third length, so that ten
lengths cost little more than three; in a text that repeats itself throughout each length is still one look at each word.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.characters import character
from groundup.kernels.compiled import load8, loop
from groundup.kernels.hashing import mix
from groundup.kernels.marks import ENDS, SPACE
from groundup.kernels.prose import HASH, KIND_BITS, SIZE, before, digest

NEWLINE = 10
TOP, DUPLICATE = 1, 2


@loop
def slots_for(many):
    """A power of two of slots, at most half of which `many` things take."""
    slots = 16
    while slots < 2 * many:
        slots *= 2
    return slots


@loop
def number_of(keys, numbers, key, salt, following):
    """The number of a key, which is `following` if it is new; key 0 is kept for empty slots, so keys are one more."""
    mask = uint64(len(keys) - 1)
    at = mix(key ^ salt) & mask
    while keys[at] != 0:
        if keys[at] == key:
            return int64(numbers[at])
        at = (at + uint64(1)) & mask
    keys[at], numbers[at] = key, following
    return following


@loop
def repeated(names, places, count, counts, kinds):
    """Keep of the count runs those whose name occurs twice; returns how many they are. counts (kinds,)."""
    kept = 0
    for k in range(count):
        if counts[names[k]] > 1:
            names[kept], places[kept] = names[k], places[k]
            kept += 1
    return kept


@loop
def name_words(rows, salt, names, places, counts, firsts):
    """Number the words; returns how many different ones there are."""
    slots = slots_for(len(rows))
    keys, numbers, kinds = np.zeros(slots, np.uint64), np.empty(slots, np.int32), 0
    for k in range(len(rows)):
        key = rows[k, HASH]
        name = number_of(keys, numbers, key if key else uint64(1), salt, kinds)
        if name == kinds:
            counts[name], firsts[name] = 0, k
            kinds += 1
        counts[name] += 1
        names[k], places[k] = name, k
    return kinds


@loop
def name_longer(names, places, count, salt, counts, firsts):
    """Number the runs that are one word longer than the count ones given, of which each occurs twice; (runs, kinds)."""
    slots = slots_for(count)
    keys, numbers, kinds, runs = np.zeros(slots, np.uint64), np.empty(slots, np.int32), 0, 0
    for k in range(count - 1):
        if places[k + 1] != places[k] + 1:
            continue
        key = (uint64(names[k]) << uint64(32) | uint64(names[k + 1])) + uint64(1)
        name = number_of(keys, numbers, key, salt, kinds)
        if name == kinds:
            counts[name], firsts[name] = 0, places[k]
            kinds += 1
        counts[name] += 1
        names[runs], places[runs] = name, places[k]
        runs += 1
    return runs, kinds


@loop
def top_characters(counts, firsts, kinds, sums, words, n):
    """(characters, first word) of all that the commonest run of n words covers with its blanks, of equals the first one."""
    most, place = 1, 0
    for name in range(kinds):
        if counts[name] > most:
            most, place = int64(counts[name]), int64(firsts[name])
    return (sums[place + n] - sums[place] + n - 1) * most, place


@loop
def duplicate_characters(names, places, count, kinds, sums, n):
    """The characters of runs of n words that stood before; read from the left, none twice."""
    seen, total, after = np.zeros(kinds, np.bool_), 0, 0
    for k in range(count):
        place = int64(places[k])
        if place < after:
            continue
        if seen[names[k]]:
            total += sums[place + n] - sums[place]
            after = place + n
        seen[names[k]] = True
    return total


@loop
def first_repetition(rows, salt, characters, top_limits, duplicate_limits):
    """(which, n, share, first word) of the first share of a text's characters above its limit; which is 0 for none.

    Limits (longest + 1,) by the words of a run, infinite where nothing is asked.
    """
    words, longest = len(rows), len(top_limits) - 1
    names, places = np.empty(words, np.int32), np.empty(words, np.int32)
    counts, firsts = np.empty(words, np.int32), np.empty(words, np.int32)
    sums = np.zeros(words + 1, np.int64)
    for k in range(words):
        sums[k + 1] = sums[k] + int64(rows[k, SIZE] >> uint64(KIND_BITS))
    kinds, count = name_words(rows, salt, names, places, counts, firsts), words
    for n in range(1, longest + 1):
        if n > words:
            break
        if n > 1:
            count, kinds = name_longer(names, places, count, salt, counts, firsts)
        if top_limits[n] < np.inf:
            top, place = top_characters(counts, firsts, kinds, sums, words, n)
            if top / characters > top_limits[n]:
                return TOP, n, top / characters, place
        count = repeated(names, places, count, counts, kinds)
        if duplicate_limits[n] < np.inf:
            again = duplicate_characters(names, places, count, kinds, sums, n)
            if again / characters > duplicate_limits[n]:
                return DUPLICATE, n, again / characters, int64(places[0])
    return 0, 0, 0.0, 0


@loop
def newlines(text, i, end):
    """How many line ends text[i:end] has."""
    many = 0
    for k in range(i, end):
        many += load8(text, k) == NEWLINE
    return many


@loop
def measured(text, i, end, table):
    """(characters, whether all are spaces, the flags of the last one) of text[i:end]."""
    size, blank, last = 0, True, 0
    while i < end:
        told = character(text, i, end, table)
        last = told & 255
        blank = blank and last & SPACE != 0
        size += 1
        i += told >> 8
    return size, blank, last


@loop
def trimmed_part(text, begin, end, table):
    """(begin, end) of text[begin:end] without the spaces around it."""
    while begin < end:
        told = character(text, begin, end, table)
        if not told & SPACE:
            break
        begin += told >> 8
    while end > begin:
        last = before(text, begin, end)
        if not character(text, last, end, table) & SPACE:
            break
        end = last
    return begin, end


@loop
def trimmed(raw, n, table):
    """(begin, end) of the n bytes in raw without the spaces around them."""
    return trimmed_part(int64(raw.ctypes.data), 0, n, int64(table.ctypes.data))


@loop
def pieces(raw, begin, end, table, salt, gap):
    """(pieces, those that stood before, their characters) of raw[begin:end], cut where at least `gap` lines end in a row."""
    text, flags = int64(raw.ctypes.data), int64(table.ctypes.data)
    slots = slots_for(newlines(text, begin, end) + 1)
    keys, numbers, kinds = np.zeros(slots, np.uint64), np.empty(slots, np.int32), 0
    many, again, covered, start, i = 0, 0, 0, begin, begin
    while True:
        j = i
        while j < end and load8(text, j) == NEWLINE:
            j += 1
        if j - i < gap and i < end:
            i = max(j, i + 1)
            continue
        key = digest(text, start, i - start, salt)
        many += 1
        if number_of(keys, numbers, key if key else uint64(1), salt, kinds) < kinds:
            again += 1
            covered += measured(text, start, i, flags)[0]
        else:
            kinds += 1
        if i == end:
            return many, again, covered
        start = i = j


@loop
def line_facts(raw, n, table, salt, short):
    """Of the lines that are not blank: how many, how many end as sentences do, how many have at most `short` characters,
    how many characters stood in a line before; and the line ends of the whole text."""
    text, flags = int64(raw.ctypes.data), int64(table.ctypes.data)
    ends = newlines(text, 0, n)
    slots = slots_for(ends + 1)
    keys, numbers, kinds = np.zeros(slots, np.uint64), np.empty(slots, np.int32), 0
    many, ended, shorts, covered, start = 0, 0, 0, 0, 0
    while start <= n:
        i = start
        while i < n and load8(text, i) != NEWLINE:
            i += 1
        size, blank, last = measured(text, start, i, flags)
        if not blank:
            many += 1
            ended += last & ENDS != 0
            shorts += size <= short
            key = digest(text, start, i - start, salt)
            if number_of(keys, numbers, key if key else uint64(1), salt, kinds) < kinds:
                covered += size
            else:
                kinds += 1
        start = i + 1
    return many, ended, shorts, covered, ends
