"""Byte pairs as SentencePiece merges them: over characters, the best score first. The fast form of `sentencepiece_bpe.merged`.

A symbol is a number, a piece's id where it is one; `pairs` says which symbol two neighbours make, as in `bpe_merge`, and
`ranks` in which order: equal scores have equal ranks, and then the leftmost pair comes first.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.bpe_merge import NEVER, join
from groundup.kernels.bpe_train import push, replace_top
from groundup.kernels.charsmap import length_at
from groundup.kernels.compiled import load8, loop
from groundup.kernels.unigram_trie import VALUE, step

NONE = -1  # the symbol of a character that occurs in no piece
WHOLE, RUNS = 0, 1  # where words end: nowhere, before the marks that begin a word


@loop
def word_end(text, i, n, cut):
    """The end of the word at i: of marks and what follows them."""
    if cut == WHOLE:
        return n
    inside = False
    while i < n:
        mark = i + 2 < n and load8(text, i) == 0xE2 and load8(text, i + 1) == 0x96 and load8(text, i + 2) == 0x81
        if mark and inside:
            return i
        inside = inside or not mark
        i += 3 if mark else 1
    return n


@loop
def longest_at(nodes, text, i, n):
    """(bytes, number) of the longest entry that text[i:n] begins with, or (0, NONE)."""
    row, length, number = 0, 0, int64(NONE)
    for j in range(i, n):
        row = step(nodes, row, load8(text, j))
        if row < 0:
            break
        if nodes[row, VALUE] >= 0:
            length, number = j + 1 - i, int64(nodes[row, VALUE])
    return length, number


@loop
def symbols_of(text, i, n, symbols, characters, symbol, fixed, start):
    """The symbols of text[i:n] before any merging, whether each stays as it is, and where it starts; returns how many."""
    count = 0
    while i < n:
        length, number = longest_at(symbols, text, i, n)
        fixed[count], start[count] = length > 0, i
        if length == 0:
            length = length_at(text, i, n)
            found, number = longest_at(characters, text, i, i + length)
            if found < length:
                number = int64(NONE)
        symbol[count] = number
        i += length
        count += 1
    start[count] = n
    return count


@loop
def offer(keys, values, heap, k, j, count, symbol, fixed, pairs, ranks):
    """Put the pair of the neighbours k and j on the heap, if they make something; returns the heap's size."""
    if k < 0 or j >= count or fixed[k] or fixed[j] or symbol[k] < 0 or symbol[j] < 0:
        return heap
    made = join(pairs.ctypes.data, len(pairs) - 1, symbol[k], symbol[j])
    if made == NEVER:
        return heap
    return push(keys, values, heap, ~(uint64(ranks[made]) << uint64(32) | uint64(k)), k)


@loop
def merge_word(text, i, n, symbols, characters, pairs, ranks, size, byte_ids, unknown_id, out, m):
    """The ids of text[i:n] to out[m:]; returns how many. Symbols from `size` on are no pieces."""
    room = n - i + 1
    symbol, fixed, start = np.empty(room, np.int64), np.empty(room, np.bool_), np.empty(room, np.int64)
    count = symbols_of(text, i, n, symbols, characters, symbol, fixed, start)
    following, previous = np.arange(1, count + 1), np.arange(-1, count - 1)
    keys, values, heap = np.empty(3 * room, np.uint64), np.empty(3 * room, np.int32), 0
    for k in range(count - 1):
        heap = offer(keys, values, heap, k, k + 1, count, symbol, fixed, pairs, ranks)
    while heap > 0:
        k, rank = int64(values[0]), int64((~keys[0]) >> uint64(32))
        heap -= 1
        replace_top(keys, values, heap, keys[heap], values[heap])
        j = following[k]
        if symbol[k] < 0 or j >= count or symbol[j] < 0:
            continue
        made = join(pairs.ctypes.data, len(pairs) - 1, symbol[k], symbol[j])
        if made == NEVER or ranks[made] != rank or fixed[k] or fixed[j]:
            continue
        symbol[k], symbol[j], following[k] = made, NONE, following[j]
        if following[k] < count:
            previous[following[k]] = k
        heap = offer(keys, values, heap, previous[k], k, count, symbol, fixed, pairs, ranks)
        heap = offer(keys, values, heap, k, following[k], count, symbol, fixed, pairs, ranks)
    return written(text, count, symbol, following, start, size, byte_ids, unknown_id, out, m)


@loop
def written(text, count, symbol, following, start, size, byte_ids, unknown_id, out, m):
    """The ids of symbols, unknown ones as their bytes or as one id for a run; returns how many."""
    k, made, unknown_before = 0, 0, False
    while k < count:
        known = 0 <= symbol[k] < size
        if known:
            out[m + made] = symbol[k]
            made += 1
        elif len(byte_ids):
            for at in range(start[k], start[following[k]]):
                out[m + made] = byte_ids[load8(text, at)]
                made += 1
        elif not unknown_before:
            out[m + made] = unknown_id
            made += 1
        unknown_before = not known
        k = following[k]
    return made


@loop
def encode_documents(
    text, ends, first, last, cut, symbols, characters, pairs, ranks, size, byte_ids, unknown_id, out, out_ends
):
    """The ids of documents first..last, one after the other, in `out`, and where each ends; returns how many there are."""
    m = 0
    for d in range(first, last):
        i, n = ends[d], ends[d + 1]
        while i < n:
            end = word_end(text, i, n, cut)
            m += merge_word(text, i, end, symbols, characters, pairs, ranks, size, byte_ids, unknown_id, out, m)
            i = end
        out_ends[d + 1 - first] = m
    return m
