"""Merging with dropout: the fast form of `tokenizer.bpe.encode_word_with_dropout`.

Pairs come from a heap, the lowest first. One that is dropped waits until the next merge and then comes back: pairs that a step
never looks at need no throw of the dice. Chance is a hash of (seed, place of the word, step, place in the word).
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.bpe_merge import BYTE_IDS, MASK, NEVER, PAIRS, join
from groundup.kernels.bpe_train import push, replace_top
from groundup.kernels.compiled import load8, load32, load64, loop
from groundup.kernels.words import word_end

FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)  # of splitmix64 (Steele et al. 2014)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@loop
def mixed(h, number):
    """A hash of a hash and one more number."""
    h = (h ^ uint64(number)) + GOLDEN
    h = (h ^ (h >> uint64(30))) * FIRST
    h = (h ^ (h >> uint64(27))) * SECOND
    return h ^ (h >> uint64(31))


@loop
def is_dropped(h, step, k, p):
    """Whether the pair at byte k of a word is dropped in this step; h is the hash of (seed, place of the word)."""
    return float(mixed(mixed(h, step), k) >> uint64(11)) * 2.0**-53 < p


@loop
def encode_word(text, i, n, out, m, merging, p, h):
    """Merge text[i:i+n]; the ids go to out[m:]; returns how many."""
    byte_ids = int64(load64(merging, BYTE_IDS << 3))
    pairs, mask = int64(load64(merging, PAIRS << 3)), int64(load64(merging, MASK << 3))
    symbol, following, previous = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    keys, values, heap = np.empty(4 * n, np.uint64), np.empty(4 * n, np.int32), 0
    waiting, waits, step = np.empty(4 * n, np.uint64), 0, 0
    for k in range(n):
        symbol[k], following[k], previous[k] = load32(byte_ids, load8(text, i + k) << 2), k + 1, k - 1
    for k in range(n - 1):
        r = join(pairs, mask, symbol[k], symbol[k + 1])
        if r != NEVER:
            heap = push(keys, values, heap, ~(uint64(r) << uint64(32) | uint64(k)), k)
    while heap > 0:
        top, k = keys[0], values[0]
        r = int64((~top) >> uint64(32))
        heap -= 1
        replace_top(keys, values, heap, keys[heap], values[heap])
        if symbol[k] < 0 or following[k] >= n or join(pairs, mask, symbol[k], symbol[following[k]]) != r:
            continue
        if is_dropped(h, step, k, p):
            waiting[waits] = top
            waits += 1
            continue
        step += 1
        j = following[k]
        symbol[k], symbol[j], following[k] = r, -1, following[j]
        for at in (int64(k), previous[k]):
            if at >= 0 and following[at] < n:
                previous[following[at]] = at
                r = join(pairs, mask, symbol[at], symbol[following[at]])
                if r != NEVER:
                    heap = push(keys, values, heap, ~(uint64(r) << uint64(32) | uint64(at)), at)
        for w in range(waits):
            heap = push(keys, values, heap, waiting[w], int64(~waiting[w] & uint64(0xFFFFFFFF)))
        waits = 0
    k, made = 0, 0
    while k < n:
        out[m + made] = symbol[k]
        made += 1
        k = following[k]
    return made


@loop
def encode_text(text, n, classes, pattern, merging, p, seed, out):
    """The ids of the n bytes at `text` into out; returns how many."""
    i, m = 0, 0
    while i < n:
        end = word_end(text, i, n, classes, pattern)
        m += encode_word(text, i, end - i, out, m, merging, p, mixed(mixed(uint64(0), seed), i))
        i = end
    return m
