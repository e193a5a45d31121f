"""Merging one word: the fast form of `tokenizer.bpe.encode_word`, by two ways that give the same.

A short word is searched for its lowest pair again and again. In a long one each pair waits in a list for its rank, and
the ranks are visited once, in order: what a merge makes can only be part of later merges. That is linear, whatever a text contains.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.compiled import load8, load32, load64, loop, store32, store64
from groundup.kernels.word_table import GOLDEN

NEVER = (1 << 31) - 1  # the rank of two tokens that make nothing
ID_BITS = 21  # two ids and what they make are one number of 63 bits
LIMIT = 1 << ID_BITS  # ids are less
BYTE_IDS, BYTE_PAIRS, PAIRS, MASK = 0, 1, 2, 3  # the addresses, and the mask, that stand at `merging`


@loop
def pair_table(first, second, made):
    """What `join` reads: one number for each merge, in slots of which at most a half is taken."""
    slots = 1 << 10
    while slots < 2 * len(made):
        slots *= 2
    table, mask = np.full(slots, -1, np.int64), slots - 1
    for m in range(len(made)):
        key = first[m] << ID_BITS | second[m]
        slot = int64((uint64(key) * GOLDEN) >> uint64(32)) & mask
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = key << ID_BITS | made[m]
    return table


@loop
def byte_pair_table(byte_ids, pairs):
    """What any two bytes make (65536,) int32: for the first look at a word this needs no search."""
    made = np.empty(65536, np.int32)
    for x in range(256):
        for y in range(256):
            made[x << 8 | y] = join(pairs.ctypes.data, len(pairs) - 1, byte_ids[x], byte_ids[y])
    return made


@loop
def join(pairs, mask, a, b):
    """The id of what a and b make, or NEVER; ids grow with the order of merges, so this is the pair's rank, too."""
    key = a << ID_BITS | b
    slot = int64((uint64(key) * GOLDEN) >> uint64(32)) & mask
    while True:
        found = int64(load64(pairs, slot << 3))
        if found >> ID_BITS == key:
            return found & (LIMIT - 1)
        if found < 0:
            return int64(NEVER)
        slot = (slot + 1) & mask


@loop
def encode_short(text, i, n, out, merging, rank):
    """Merge text[i:i+n], lowest pair first, leftmost first; the ids go to the address `out`; returns how many."""
    byte_ids, byte_pairs = int64(load64(merging, BYTE_IDS << 3)), int64(load64(merging, BYTE_PAIRS << 3))
    pairs, mask = int64(load64(merging, PAIRS << 3)), int64(load64(merging, MASK << 3))
    before, lowest = load8(text, i), int64(NEVER) << 8
    store32(out, 0, load32(byte_ids, before << 2))
    for k in range(1, n):
        now = load8(text, i + k)
        store32(out, k << 2, load32(byte_ids, now << 2))
        r = load32(byte_pairs, (before << 8 | now) << 2) << 8 | (k - 1)
        store64(rank, (k - 1) << 3, r)
        lowest = min(lowest, r)
        before = now
    while lowest < NEVER << 8:
        k = lowest & 255
        a = lowest >> 8
        store32(out, k << 2, a)
        n -= 1
        for j in range(k + 1, n):
            store32(out, j << 2, load32(out, (j + 1) << 2))
        for j in range(k + 1, n - 1):
            store64(rank, j << 3, int64(load64(rank, (j + 1) << 3)) - 1)
        if k < n - 1:
            store64(rank, k << 3, join(pairs, mask, a, load32(out, (k + 1) << 2)) << 8 | k)
        if k > 0:
            store64(rank, (k - 1) << 3, join(pairs, mask, load32(out, (k - 1) << 2), a) << 8 | (k - 1))
        lowest = int64(NEVER) << 8
        for j in range(n - 1):
            lowest = min(lowest, int64(load64(rank, j << 3)))
    return n


@loop
def wait(heads, bits, following, places, entries, r, k):
    """Put position k into the list of rank r; returns the number of entries."""
    following[entries], places[entries] = heads[r], k
    heads[r] = entries
    bits[r >> 6] |= uint64(1) << uint64(r & 63)
    return entries + 1


@loop
def lowest_bit(word):
    """The place of the lowest bit that is set."""
    place = 0
    while word & uint64(0xFF) == 0:
        word >>= uint64(8)
        place += 8
    while word & uint64(1) == 0:
        word >>= uint64(1)
        place += 1
    return place


@loop
def sift(numbers, i, n):
    """Let numbers[i] sink below all that are greater in the heap of n."""
    number = numbers[i]
    while 2 * i + 1 < n:
        child = 2 * i + 1
        if child + 1 < n and numbers[child + 1] > numbers[child]:
            child += 1
        if numbers[child] <= number:
            break
        numbers[i] = numbers[child]
        i = child
    numbers[i] = number


@loop
def sort(numbers, n):
    """The first n numbers in ascending order; NumPy's own sort takes four seconds to compile."""
    for i in range(n // 2 - 1, -1, -1):
        sift(numbers, i, n)
    for last in range(n - 1, 0, -1):
        numbers[0], numbers[last] = numbers[last], numbers[0]
        sift(numbers, 0, last)


@loop
def encode_long(text, i, n, out, merging, heads, bits):
    """The same for long words; heads (ids,) of -1 and bits (ids / 64 + 1,) of 0 are left as they were."""
    byte_ids, byte_pairs = int64(load64(merging, BYTE_IDS << 3)), int64(load64(merging, BYTE_PAIRS << 3))
    pairs, mask = int64(load64(merging, PAIRS << 3)), int64(load64(merging, MASK << 3))
    symbol, after, before = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    following, places, entries = np.empty(3 * n, np.int32), np.empty(3 * n, np.int32), 0
    todo = np.empty(n, np.int32)
    for k in range(n):
        symbol[k], after[k], before[k] = load32(byte_ids, load8(text, i + k) << 2), k + 1, k - 1
    for k in range(n - 2, -1, -1):
        r = load32(byte_pairs, (load8(text, i + k) << 8 | load8(text, i + k + 1)) << 2)
        if r != NEVER:
            entries = wait(heads, bits, following, places, entries, r, k)
    for w in range(len(bits)):
        while bits[w]:
            r = w << 6 | lowest_bit(bits[w])
            bits[w] &= bits[w] - uint64(1)
            entry, count, ascending = heads[r], 0, True
            heads[r] = -1
            while entry >= 0:
                todo[count] = places[entry]
                ascending &= count == 0 or todo[count] > todo[count - 1]
                count += 1
                entry = following[entry]
            if not ascending:
                sort(todo, count)  # aaa merges from the left
            for t in range(count):
                k = int64(todo[t])
                j = int64(after[k])
                if symbol[k] < 0 or j >= n or join(pairs, mask, int64(symbol[k]), int64(symbol[j])) != r:
                    continue
                symbol[k], symbol[j], after[k] = r, -1, after[j]
                if after[k] < n:
                    before[after[k]] = k
                    made = join(pairs, mask, r, int64(symbol[after[k]]))
                    if made != NEVER:
                        entries = wait(heads, bits, following, places, entries, made, k)
                if before[k] >= 0:
                    made = join(pairs, mask, int64(symbol[before[k]]), r)
                    if made != NEVER:
                        entries = wait(heads, bits, following, places, entries, made, int64(before[k]))
    k, made = 0, 0
    while k < n:
        store32(out, made << 2, int64(symbol[k]))
        made += 1
        k = int64(after[k])
    return made
