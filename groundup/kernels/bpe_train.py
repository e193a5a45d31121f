"""Which pairs to merge, in order, from the counts of words: the fast form of `tokenizer.bpe.merge_pairs`.

Every byte of every distinct word is a position. A position knows its symbol, its neighbours, how often its word occurs
and the number of the pair that starts there. A pair knows its count and the positions where it was seen; an entry goes
stale when a neighbour merges (the position then no longer names the pair) and is skipped. The most frequent pair is on
top of a heap whose keys may be too high; a stale top is put back by its count of now. Nothing is ever searched.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.compiled import loop
from groundup.kernels.word_table import LENGTH, START, VALUE


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
def merge_pairs(table, arena, used, size, min_frequency):
    """(merges, 2) int32: the pairs that make tokens 256, 257, …, at most up to `size`; ties go to the smaller (a, b).

    Ends where no pair occurs `min_frequency` times.
    """
    symbol, weight = np.empty(used, np.int32), np.empty(used, np.int64)
    following, previous = np.empty(used, np.int32), np.empty(used, np.int32)
    pair_at = np.empty(used, np.int32)
    bound = 3 * used + 16  # every merge of a position makes at most two new pairs; pages never touched cost nothing
    first, second, count = np.empty(bound, np.int32), np.empty(bound, np.int32), np.empty(bound, np.int64)
    start, seen, where = np.empty(bound, np.int64), np.empty(bound, np.int32), np.empty(bound, np.int32)
    keys, values = np.empty(bound, np.uint64), np.empty(bound, np.int32)
    bits = uint64(1)
    while (1 << bits) < size:
        bits += uint64(1)
    low = (uint64(1) << (bits + bits)) - uint64(1)  # a key: count, then (a, b) turned round so that smaller is greater

    number, pairs = np.full((256, 256), -1, np.int32), 0
    for r in range(len(table)):
        begin, length = int64(table[r, START]), int64(table[r, LENGTH])
        for k in range(begin, begin + length):
            symbol[k], weight[k] = arena[k], int64(table[r, VALUE])
            previous[k] = k - 1 if k > begin else -1
            following[k] = k + 1 if k + 1 < begin + length else -1
            if k + 1 == begin + length:
                pair_at[k] = -1
                continue
            p = number[arena[k], arena[k + 1]]
            if p < 0:
                p = pairs
                pairs += 1
                number[arena[k], arena[k + 1]] = p
                first[p], second[p], count[p], seen[p] = arena[k], arena[k + 1], 0, 0
            count[p] += weight[k]
            seen[p] += 1
            pair_at[k] = p
    top = 0
    for p in range(pairs):
        start[p] = top
        top += seen[p]
        seen[p] = 0
    for k in range(used):
        p = pair_at[k]
        if p >= 0:
            where[start[p] + seen[p]] = k
            seen[p] += 1
    heap = 0
    for p in range(pairs):
        order = low - (uint64(first[p]) << bits | uint64(second[p]))
        heap = push(keys, values, heap, uint64(count[p]) << (bits + bits) | order, p)

    left, right = (
        np.full(size, -1, np.int32),
        np.full(size, -1, np.int32),
    )  # number of the new pair (x, made), (made, y)
    touched, touched_pair = np.empty(bound, np.int32), np.empty(bound, np.int32)
    merges, made = np.empty((size - 256, 2), np.int32), 256
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
        new, m = pairs, 0
        for entry in range(start[p], start[p] + seen[p]):
            i = where[entry]
            if pair_at[i] != p:
                continue
            j, before, w = following[i], previous[i], weight[i]
            after = following[j]
            symbol[i], following[i], pair_at[i] = made, after, -1
            if after >= 0:
                previous[after] = i
                count[pair_at[j]] -= w
                y = symbol[after]
                q = right[y]
                if q < 0:
                    q = pairs
                    pairs += 1
                    right[y] = q
                    first[q], second[q], count[q], seen[q] = made, y, 0, 0
                count[q] += w
                seen[q] += 1
                pair_at[i] = q
                touched[m], touched_pair[m] = i, q
                m += 1
            pair_at[j] = -1
            if before >= 0:
                count[pair_at[before]] -= w
                x = symbol[before]
                q = left[x]
                if q < 0:
                    q = pairs
                    pairs += 1
                    left[x] = q
                    first[q], second[q], count[q], seen[q] = x, made, 0, 0
                count[q] += w
                seen[q] += 1
                pair_at[before] = q
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
    return merges[: made - 256].copy()
