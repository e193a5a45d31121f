"""Words to the pieces of the likeliest segmentation: the fast form of `tokenizer.unigram.segmented`.

Whatever the language, each place of a text asks the trie for the pieces that begin there. Words already seen are remembered,
as in `bpe_encode`. A character that no piece is made of costs `unknown` and comes out as its bytes, or as one id for a run.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.charsmap import length_at
from groundup.kernels.compiled import PAD, load8, loop
from groundup.kernels.unigram_trie import VALUE, step
from groundup.kernels.word_table import HASH, LENGTH, START, find, hash_word
from groundup.kernels.word_table import VALUE as REMEMBERED
from groundup.kernels.words import word_end

WHOLE, MARKED, ROUNDED = (
    -1,
    -2,
    -3,
)  # ways of cutting beside the patterns of `words`: not at all, before each mark, not at
# all and with sums that are rounded to four bytes, which in a long text decide where two segmentations are almost alike
SHORT = 64  # bytes; longer words are not remembered
MANY = np.uint64(1 << 63)  # value of a remembered word: its only id, or MANY | number of ids << 32 | where they start
WORDS, BYTES, IDS = 0, 1, 2  # what a memory's `state` counts: words remembered, bytes and ids used
UNKNOWN = -1  # in place of a piece's id


@loop
def is_mark(text, i, n):
    """Whether U+2581, which stands for a blank, is at i."""
    return i + 2 < n and load8(text, i) == 0xE2 and load8(text, i + 1) == 0x96 and load8(text, i + 2) == 0x81


@loop
def cut_end(text, i, n, classes, cut):
    """The end of the word at i."""
    if cut >= 0:
        return word_end(text, i, n, classes, cut)
    if cut == WHOLE or cut == ROUNDED:
        return n
    i += 1
    while i < n and not is_mark(text, i, n):
        i += 1
    return i


@loop
def summed(a, b, rounded):
    """a + b, with four bytes if `rounded`."""
    return np.float64(np.float32(a + b)) if rounded else a + b


@loop
def likeliest(text, i, n, nodes, scores, unknown, rounded, best, start, piece):
    """The best segmentation of text[i:n]: the last piece of each beginning, its start and the sum up to there.

    rounded: whether sums have four bytes, as SentencePiece has them.
    """
    for j in range(n - i + 1):
        best[j], start[j] = 0, -1
    a = 0
    while i + a < n:
        alone, row, length = False, 0, length_at(text, i + a, n)
        for j in range(i + a, n):
            row = step(nodes, row, load8(text, j))
            if row < 0:
                break
            found = nodes[row, VALUE]
            if found < 0:
                continue
            b = j + 1 - i
            total = summed(best[a], scores[found], rounded)
            if start[b] < 0 or total > best[b]:
                best[b], start[b], piece[b] = total, a, found
            alone = alone or b - a == length
        if not alone:
            b = a + length
            before = best[b]
            best[b] = summed(best[a], unknown, rounded)
            if start[b] < 0 or best[b] > before:
                start[b], piece[b] = a, UNKNOWN
            else:
                best[b] = before
        a += length


@loop
def written(text, i, n, start, piece, following, byte_ids, unknown_id, out, m):
    """The ids of the segmentation that `start` and `piece` tell, to out[m:]; returns how many."""
    b = n - i
    while b > 0:
        following[start[b]] = b
        b = start[b]
    count, a, unknown_before = 0, 0, False
    while a < n - i:
        b = following[a]
        if piece[b] != UNKNOWN:
            out[m + count] = piece[b]
            count += 1
        elif len(byte_ids):
            for k in range(a, b):
                out[m + count] = byte_ids[load8(text, i + k)]
                count += 1
        elif not unknown_before:
            out[m + count] = unknown_id
            count += 1
        unknown_before = piece[b] == UNKNOWN
        a = b
    return count


@loop
def encode_documents(
    text,
    ends,
    first,
    last,
    cut,
    classes,
    nodes,
    scores,
    unknown,
    byte_ids,
    unknown_id,
    space,
    table,
    arena,
    ids,
    state,
    out,
    out_ends,
):
    """The ids of documents first..last, one after the other, in `out`, and where each ends; returns how many there are.

    space: the arrays best, start, piece and following. A memory of words is (table, arena, ids, state): a `word_table`, its
    bytes, the ids its values point to, and what of these is used. One that is full stays as it is.
    """
    best, start, piece, following = space
    size, used, ids_used = state[WORDS], state[BYTES], state[IDS]
    m, rows, mask, bytes_of = 0, table.ctypes.data, len(table) - 1, arena.ctypes.data
    for d in range(first, last):
        i, n = ends[d], ends[d + 1]
        while i < n:
            end = cut_end(text, i, n, classes, cut)
            length, slot, h = end - i, 0, uint64(0)
            if length < SHORT:
                h = hash_word(text, i, length)
                slot = find(rows, mask, bytes_of, text, i, length, h)
                if table[slot, LENGTH]:
                    value = table[slot, REMEMBERED]
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
            likeliest(text, i, end, nodes, scores, unknown, cut == ROUNDED, best, start, piece)
            made = written(text, i, end, start, piece, following, byte_ids, unknown_id, out, m)
            roomy = 2 * size < len(table) and used + length + PAD <= len(arena) and ids_used + made <= len(ids)
            if length < SHORT and roomy:
                for k in range(length):
                    arena[used + k] = load8(text, i + k)
                table[slot, HASH], table[slot, START], table[slot, LENGTH] = h, used, length
                if made == 1:
                    table[slot, REMEMBERED] = uint64(out[m])
                else:
                    table[slot, REMEMBERED] = MANY | uint64(made) << uint64(32) | uint64(ids_used)
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
