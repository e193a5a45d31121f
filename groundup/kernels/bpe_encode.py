"""Words to token ids: the fast form of `tokenizer.bpe.encode_word`, with a table that remembers words already seen.

Natural text repeats its words, so most of them are one look-up. A word that is new is merged: a short one by looking for
its lowest pair again and again, a long one with a heap and a linked list, in n log n whatever a hostile text contains.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.bpe_train import push, replace_top
from groundup.kernels.compiled import PAD, load8, loop
from groundup.kernels.word_table import GOLDEN, HASH, LENGTH, START, VALUE, find, hash_word
from groundup.kernels.words import word_end

SHORT = 64  # bytes; longer words are neither merged by the short way nor remembered
MANY = np.uint64(1 << 63)  # value of a remembered word: its only id, or MANY | number of ids << 32 | where they start
NEVER = 1 << 40
WORDS, BYTES, IDS = 0, 1, 2  # what a memory's `state` counts: words remembered, bytes and ids used


@loop
def pair_table(first, second, made):
    """The table that `join` reads: slots of (a << 32 | b, 1 + the id of the token that a and b make)."""
    slots = 1 << 10
    while slots < 4 * len(made):
        slots *= 2
    table, mask = np.zeros((slots, 2), np.uint64), uint64(slots - 1)
    for m in range(len(made)):
        key = uint64(first[m]) << uint64(32) | uint64(second[m])
        slot = (key * GOLDEN) >> uint64(32) & mask
        while table[slot, 1]:
            slot = (slot + uint64(1)) & mask
        table[slot, 0], table[slot, 1] = key, uint64(made[m]) + uint64(1)
    return table


@loop
def join(pairs, a, b):
    """The id of what a and b make, NEVER if nothing; ids grow with the order of merges, so this is the pair's rank, too."""
    key, mask = uint64(a) << uint64(32) | uint64(b), uint64(len(pairs) - 1)
    slot = (key * GOLDEN) >> uint64(32) & mask
    while pairs[slot, 1] != 0:
        if pairs[slot, 0] == key:
            return int64(pairs[slot, 1]) - 1
        slot = (slot + uint64(1)) & mask
    return int64(NEVER)


@loop
def encode_short(text, i, n, out, m, byte_ids, pairs, rank):
    """Merge text[i:i+n], lowest pair first, leftmost first; the ids go to out[m:]; returns how many."""
    for k in range(n):
        out[m + k] = byte_ids[load8(text, i + k)]
    for k in range(n - 1):
        rank[k] = join(pairs, out[m + k], out[m + k + 1])
    while n > 1:
        k = 0
        for j in range(1, n - 1):
            if rank[j] < rank[k]:
                k = j
        if rank[k] == NEVER:
            break
        out[m + k] = rank[k]
        n -= 1
        for j in range(k + 1, n):
            out[m + j] = out[m + j + 1]
        for j in range(k + 1, n - 1):
            rank[j] = rank[j + 1]
        if k < n - 1:
            rank[k] = join(pairs, out[m + k], out[m + k + 1])
        if k > 0:
            rank[k - 1] = join(pairs, out[m + k - 1], out[m + k])
    return n


@loop
def encode_long(text, i, n, out, m, byte_ids, pairs):
    """The same for long words."""
    symbol, following, previous = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    keys, values, heap = np.empty(3 * n, np.uint64), np.empty(3 * n, np.int32), 0
    for k in range(n):
        symbol[k], following[k], previous[k] = byte_ids[load8(text, i + k)], k + 1, k - 1
    for k in range(n - 1):
        r = join(pairs, symbol[k], symbol[k + 1])
        if r != NEVER:
            heap = push(keys, values, heap, ~(uint64(r) << uint64(32) | uint64(k)), k)
    while heap > 0:
        k, r = values[0], int64((~keys[0]) >> uint64(32))
        heap -= 1
        replace_top(keys, values, heap, keys[heap], values[heap])
        if symbol[k] < 0 or following[k] >= n or join(pairs, symbol[k], symbol[following[k]]) != r:
            continue
        j = following[k]
        symbol[k], symbol[j], following[k] = r, -1, following[j]
        if following[k] < n:
            previous[following[k]] = k
            r = join(pairs, symbol[k], symbol[following[k]])
            if r != NEVER:
                heap = push(keys, values, heap, ~(uint64(r) << uint64(32) | uint64(k)), k)
        before = previous[k]
        if before >= 0:
            r = join(pairs, symbol[before], symbol[k])
            if r != NEVER:
                heap = push(keys, values, heap, ~(uint64(r) << uint64(32) | uint64(before)), before)
    k, made = 0, 0
    while k < n:
        out[m + made] = symbol[k]
        made += 1
        k = following[k]
    return made


@loop
def encode_documents(text, ends, first, last, classes, pattern, byte_ids, pairs, table, arena, ids, state, out, out_ends):
    """Ids of documents first..last into out, the end of each into out_ends; returns how many ids.

    table, arena, ids and state are the memory of words: a `word_table`, its bytes, the ids its values point to, and what
    of these is used. A memory that is full stays as it is.
    """
    size, used, ids_used = state[WORDS], state[BYTES], state[IDS]
    rank, m = np.empty(SHORT, np.int64), 0
    rows, mask, bytes_of = table.ctypes.data, len(table) - 1, arena.ctypes.data
    for d in range(first, last):
        i, n = ends[d], ends[d + 1]
        while i < n:
            end = word_end(text, i, n, classes, pattern)
            length = end - i
            h = hash_word(text, i, length)
            slot = find(rows, mask, bytes_of, text, i, length, h)
            if table[slot, LENGTH]:
                value = table[slot, VALUE]
                if value < MANY:
                    out[m] = value
                    m += 1
                else:
                    begin = int64(value & uint64(0xFFFFFFFF))
                    made = int64(value >> uint64(32) & uint64(0xFF))
                    for k in range(made):
                        out[m + k] = ids[begin + k]
                    m += made
                i = end
                continue
            if length >= SHORT:
                m += encode_long(text, i, length, out, m, byte_ids, pairs)
                i = end
                continue
            made = encode_short(text, i, length, out, m, byte_ids, pairs, rank)
            if 2 * size < len(table) and used + length + PAD <= len(arena) and ids_used + made <= len(ids):
                for k in range(length):
                    arena[used + k] = load8(text, i + k)
                table[slot, HASH], table[slot, START], table[slot, LENGTH] = h, used, length
                if made == 1:
                    table[slot, VALUE] = uint64(out[m])
                else:
                    table[slot, VALUE] = MANY | uint64(made) << uint64(32) | uint64(ids_used)
                    for k in range(made):
                        ids[ids_used + k] = out[m + k]
                    ids_used += made
                used += length
                size += 1
            m += made
            i = end
        out_ends[d + 1 - first] = m
    state[WORDS], state[BYTES], state[IDS] = size, used, ids_used
    return m
