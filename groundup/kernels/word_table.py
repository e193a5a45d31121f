"""A hash table of words, and the counting of a text's words with it: the fast form of `tokenizer.bpe.count_words`.

A table is an array (slots, 4) of uint64, a power of two of them: hash, start of the word in the arena of bytes, its
length (0: an empty slot), a value. At most half of the slots are taken.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.compiled import PAD, load8, load64, loop, prefetch, store64
from groundup.kernels.words import word_end

HASH, START, LENGTH, VALUE = 0, 1, 2, 3
BLOCK = 64  # words that are found before the first of them is looked up
GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: multiplication by it spreads the bits upward


@loop
def hash_word(text, i, length):
    """64 bits; for words of up to 8 bytes and equal length no two words share them."""
    h = uint64(0)
    while length > 8:
        h = (h ^ load64(text, i)) * GOLDEN
        h ^= h >> uint64(32)
        i += 8
        length -= 8
    h = (h ^ load64(text, i) << uint64(64 - 8 * length)) * GOLDEN  # length >= 1
    return h ^ (h >> uint64(32))


@loop
def home(h, length):
    """Where to look for a word first: to be masked by the number of slots. Multiplied once more, all bits of the hash count:
    its own low bits know little more than how a word begins."""
    return int64((h + uint64(length)) * GOLDEN >> uint64(32))


@loop
def same(a, i, b, j, length):
    """Whether the words a[i:i+length] and b[j:j+length] are equal."""
    while length > 8:
        if load64(a, i) != load64(b, j):
            return False
        i += 8
        j += 8
        length -= 8
    spare = uint64(64 - 8 * length)
    return (load64(a, i) << spare) == (load64(b, j) << spare)


@loop
def find(table, mask, arena, text, i, length, h):
    """The slot of the word text[i:i+length], or the empty one where it belongs; table, arena and text are addresses."""
    slot = home(h, length) & mask
    while True:
        row = slot << 5
        found = int64(load64(table, row + 16))
        if found == 0:
            return slot
        alike = found == length and load64(table, row) == h
        if alike and (found <= 8 or same(arena, int64(load64(table, row + 8)), text, i, found)):
            return slot
        slot = (slot + 1) & mask


def slots(many):
    """An empty table whose rows begin where lines of the processor's cache do: none lies on two of them."""
    room = np.zeros(4 * many + 8, np.uint64)
    skip = (-room.ctypes.data & 63) >> 3
    return room[skip : skip + 4 * many].reshape(many, 4)


def enlarged(table):
    """The same words in twice the slots."""
    bigger = slots(2 * len(table))
    move(table, bigger)
    return bigger


@loop
def move(table, bigger):
    """The rows of a table in one with more slots."""
    mask = len(bigger) - 1
    for r in range(len(table)):
        if table[r, LENGTH]:
            slot = home(table[r, HASH], table[r, LENGTH]) & mask
            while bigger[slot, LENGTH]:
                slot = (slot + 1) & mask
            for k in range(4):
                bigger[slot, k] = table[r, k]


def lengthened(arena, used, need):
    """The arena with room for `need` more bytes."""
    if used + need + PAD <= len(arena):
        return arena
    bigger = np.zeros(2 * (used + need + PAD), np.uint8)
    bigger[:used] = arena[:used]
    return bigger


@loop
def find_block(text, i, n, classes, pattern, ends, hashes, rows, mask, row_bits):
    """The ends and hashes of up to BLOCK words from i on; returns how many. Asks for the rows where they may be (2^row_bits bytes)."""
    found = 0
    while i < n and found < BLOCK:
        end = word_end(text, i, n, classes, pattern)
        h = hash_word(text, i, end - i)
        prefetch(rows, (home(h, end - i) & mask) << row_bits)
        store64(ends, found << 3, end)
        store64(hashes, found << 3, int64(h))
        found += 1
        i = end
    return found


@loop
def count_until_full(table, arena, size, used, text, ends, d, i, last, classes, pattern, scratch):
    """Count words from byte i of document d on; stops where the table would be over half full or the arena too short.

    The arrays are never reassigned in this loop: numba would count references to them once a word. None that is read by
    address is made here: numba frees an array after the last line that names it.
    """
    rows, mask, bytes_of = int64(table.ctypes.data), len(table) - 1, int64(arena.ctypes.data)
    ends_of, hash_of = int64(scratch.ctypes.data), int64(scratch.ctypes.data) + 8 * BLOCK
    while d < last:
        n = ends[d + 1]
        while i < n:
            found = find_block(text, i, n, classes, pattern, ends_of, hash_of, rows, mask, int64(5))
            for w in range(found):
                end, h = int64(load64(ends_of, w << 3)), load64(hash_of, w << 3)
                length = end - i
                row = rows + (find(rows, mask, bytes_of, text, i, length, h) << 5)
                if load64(row, LENGTH << 3) == 0:
                    if 2 * size >= len(table) or used + length + PAD > len(arena):
                        return size, used, d, i
                    for k in range(length):
                        arena[used + k] = load8(text, i + k)
                    store64(row, HASH << 3, int64(h))
                    store64(row, START << 3, used)
                    store64(row, LENGTH << 3, length)
                    used += length
                    size += 1
                store64(row, VALUE << 3, int64(load64(row, VALUE << 3)) + 1)
                i = end
        d += 1
    return size, used, d, i


def count_words(table, arena, size, used, text, ends, first, last, classes, pattern):
    """The table of words, its arena, and how much of both is used, with the words of documents first..last added.

    Document d is text[ends[d]:ends[d + 1]]. Tables grow here and not in a loop: NumPy asks the system for large pages.
    """
    d, i, scratch = first, int(ends[first]), np.empty(2 * BLOCK, np.int64)
    while True:
        size, used, d, i = count_until_full(table, arena, size, used, text, ends, d, i, last, classes, pattern, scratch)
        if d == last:
            return table, arena, size, used
        if 2 * size >= len(table):
            table = enlarged(table)
        else:
            arena = lengthened(arena, used, max(len(arena), int(ends[d + 1]) - i))


def add_counts(table, arena, size, used, other, other_arena):
    """The words and counts of two tables in the first."""
    done = 0
    while True:
        size, used, done = add_until_full(table, arena, size, used, other, other_arena, done)
        if done == len(other):
            return table, arena, size, used
        if 2 * size >= len(table):
            table = enlarged(table)
        else:
            arena = lengthened(arena, used, max(len(arena), int(other[done, LENGTH])))


@loop
def add_until_full(table, arena, size, used, other, other_arena, first):
    """The rows of `other` from `first` on; stops where the table would be over half full or the arena too short."""
    rows, mask, bytes_of, theirs = (
        int64(table.ctypes.data),
        len(table) - 1,
        int64(arena.ctypes.data),
        int64(other_arena.ctypes.data),
    )
    for r in range(first, len(other)):
        length = int64(other[r, LENGTH])
        if length == 0:
            continue
        start, h = int64(other[r, START]), other[r, HASH]
        slot = find(rows, mask, bytes_of, theirs, start, length, h)
        if table[slot, LENGTH] == 0:
            if 2 * size >= len(table) or used + length + PAD > len(arena):
                return size, used, r
            for k in range(length):
                arena[used + k] = other_arena[start + k]
            table[slot, HASH], table[slot, START], table[slot, LENGTH] = h, used, length
            used += length
            size += 1
        table[slot, VALUE] += other[r, VALUE]
    return size, used, len(other)
