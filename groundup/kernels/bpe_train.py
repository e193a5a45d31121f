"""Which pairs to merge, in order, from the counts of words: the fast form of `tokenizer.bpe.merge_pairs`.

Every byte of every distinct word is a position. A position knows its symbol, its neighbours, how often its word occurs
and the number of the pair that starts there. A pair knows its count and the positions where it was seen; an entry goes
stale when a neighbour merges (the position then no longer names the pair) and is skipped. The most frequent pair is on
top of a heap whose keys may be too high; a stale top is put back by its count of now. Nothing is ever searched.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.compiled import loop, prefetch
from groundup.kernels.word_table import LENGTH, START, VALUE

AHEAD = 6  # positions
PAIR, SYMBOL, AFTER, BEFORE = (
    0,
    1,
    2,
    3,
)  # what is known of a position, side by side: a number each, NONE where there is none
NONE = -1


@loop
def push(keys, values, n, key, value):
    """Add (key, value) to a heap of n with the greatest key on top; returns n + 1."""
    i = n
    while i > 0 and keys[(i - 1) >> 1] < key:
        keys[i] = keys[(i - 1) >> 1]
        values[i] = values[(i - 1) >> 1]
        i = (i - 1) >> 1
    keys[i] = key
    values[i] = value
    return n + 1


@loop
def replace_top(keys, values, n, key, value):
    """Put (key, value) in the place of the greatest of n."""
    i = 0
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and keys[child + 1] > keys[child]:
            child += 1
        if keys[child] <= key:
            break
        keys[i] = keys[child]
        values[i] = values[child]
        i = child
    keys[i] = key
    values[i] = value


@loop
def rows_in_order(table, used, row_at):
    """The rows of words in the order in which the words lie in the arena, in the beginning of row_at (used,)."""
    for r in range(len(table)):
        if table[r, LENGTH]:
            row_at[table[r, START]] = r
    n, k = 0, 0
    while k < used:
        row_at[n] = row_at[k]
        k += int64(table[row_at[n], LENGTH])
        n += 1
    return row_at[:n]


def merge_pairs(table, arena, used, size, min_frequency):
    """(merges, 2) int32: the pairs that make tokens 256, 257, …, at most up to `size`; ties go to the smaller (a, b).

    Ends where no pair occurs `min_frequency` times. The arrays are made here: NumPy asks the system for large pages, numba
    does not, and a tenth of a second goes into small ones.
    """
    bound = 3 * used + 16  # every merge of a position makes at most two new pairs; pages never touched cost nothing
    positions = np.empty((used, 4), np.int32), np.empty(used, np.int64), np.empty(used, np.int32)
    pairs = tuple(np.empty(bound, kind) for kind in (np.int32, np.int32, np.int64, np.int64, np.int32, np.int32))
    waiting = tuple(np.empty(bound, kind) for kind in (np.uint64, np.int32, np.int32, np.int32))
    numbers = np.full((256, 256), NONE, np.int32), np.full(size, NONE, np.int32), np.full(size, NONE, np.int32)
    merges = np.empty((size - 256, 2), np.int32)
    return merges[: merge(table, arena, used, size, min_frequency, positions, pairs, waiting, numbers, merges)]


@loop
def merge(table, arena, used, size, min_frequency, positions, pairs_known, waiting, numbers, merges):
    """Puts them into `merges` and returns how many; the arrays: of positions, of pairs, for the heap and what a merge touches,
    and the number of the pair of two bytes, of (x, made) and of (made, y)."""
    places, weight, row_at = positions
    first, second, count, start, seen, where = pairs_known
    keys, values, touched, touched_pair = waiting
    number, left, right = numbers
    bits = uint64(1)
    while (1 << bits) < size:
        bits += uint64(1)
    low = (uint64(1) << (bits + bits)) - uint64(1)  # a key: count, then (a, b) turned round so that smaller is greater
    places_of, weight_of = places.ctypes.data, weight.ctypes.data

    pairs = 0
    for r in rows_in_order(table, used, row_at):
        begin, length, times = int64(table[r, START]), int64(table[r, LENGTH]), int64(table[r, VALUE])
        for k in range(begin, begin + length):
            place = places[k]
            place[SYMBOL], weight[k] = arena[k], times
            place[BEFORE] = k - 1 if k > begin else NONE
            place[AFTER] = k + 1 if k + 1 < begin + length else NONE
            if k + 1 == begin + length:
                place[PAIR] = NONE
                continue
            p = number[arena[k], arena[k + 1]]
            if p < 0:
                p = pairs
                pairs += 1
                number[arena[k], arena[k + 1]] = p
                first[p], second[p], count[p], seen[p] = arena[k], arena[k + 1], 0, 0
            count[p] += times
            seen[p] += 1
            place[PAIR] = p
    top = 0
    for p in range(pairs):
        start[p] = top
        top += seen[p]
        seen[p] = 0
    for k in range(used):
        p = places[k, PAIR]
        if p >= 0:
            where[start[p] + seen[p]] = k
            seen[p] += 1
    heap = 0
    for p in range(pairs):
        order = low - (uint64(first[p]) << bits | uint64(second[p]))
        heap = push(keys, values, heap, uint64(count[p]) << (bits + bits) | order, p)

    made = 256
    while made < size and heap > 0:
        p = values[0]
        now = uint64(count[p]) << (bits + bits) | (keys[0] & low)
        if now != keys[0] and count[p] > 0:
            replace_top(keys, values, heap, now, p)
            continue
        stale = now != keys[0]
        heap -= 1
        replace_top(keys, values, heap, keys[heap], values[heap])
        if stale:
            continue
        if count[p] < min_frequency:
            break
        merges[made - 256, 0], merges[made - 256, 1] = first[p], second[p]
        new, m, last = pairs, 0, start[p] + seen[p]
        for entry in range(start[p], last):
            if entry + AHEAD < last:  # what lies anywhere in memory is asked for before it is wanted
                prefetch(places_of, where[entry + AHEAD] << 4)
                prefetch(weight_of, where[entry + AHEAD] << 3)
            i = where[entry]
            if places[i, PAIR] != p:
                continue
            j, before, w = places[i, AFTER], places[i, BEFORE], weight[i]
            after = places[j, AFTER]
            places[i, SYMBOL], places[i, AFTER], places[i, PAIR] = made, after, NONE
            if after >= 0:
                places[after, BEFORE] = i
                count[places[j, PAIR]] -= w
                y = places[after, SYMBOL]
                q = right[y]
                if q < 0:
                    q = pairs
                    pairs += 1
                    right[y] = q
                    first[q], second[q], count[q], seen[q] = made, y, 0, 0
                count[q] += w
                seen[q] += 1
                places[i, PAIR] = q
                touched[m], touched_pair[m] = i, q
                m += 1
            places[j, PAIR] = NONE
            if before >= 0:
                count[places[before, PAIR]] -= w
                x = places[before, SYMBOL]
                q = left[x]
                if q < 0:
                    q = pairs
                    pairs += 1
                    left[x] = q
                    first[q], second[q], count[q], seen[q] = x, made, 0, 0
                count[q] += w
                seen[q] += 1
                places[before, PAIR] = q
                touched[m], touched_pair[m] = before, q
                m += 1
        count[p] = 0
        for q in range(new, pairs):
            start[q] = top
            top += seen[q]
            seen[q] = 0
            if first[q] == made:
                right[second[q]] = -1
            if second[q] == made:
                left[first[q]] = -1
            if count[q] > 0:
                order = low - (uint64(first[q]) << bits | uint64(second[q]))
                heap = push(keys, values, heap, uint64(count[q]) << (bits + bits) | order, q)
        for entry in range(m):
            q = touched_pair[entry]
            where[start[q] + seen[q]] = touched[entry]
            seen[q] += 1
        made += 1
    return made - 256
