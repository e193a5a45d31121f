"""Words to token ids: the fast form of `tokenizer.bpe.encode`, with a memory of words already seen.

Natural text repeats its words, so most of them are one look-up. Words are found a block at a time, and the places in memory where
they may be are asked for before they are needed. Word r of the memory is two numbers: its hash, and its length, how many ids it
has, its only id or where its ids start, and where its bytes are (those of short words are the hash).
"""

from numba import int64, uint64

from groundup.kernels.bpe_merge import encode_long, encode_short
from groundup.kernels.compiled import PAD, load32, load64, loop, store32, store64
from groundup.kernels.word_table import BLOCK, find_block, home, same

SHORT = 64  # bytes; longer words are neither merged by the short way nor remembered
SCRATCH = SHORT + 2 * BLOCK
COUNT, PLACE, BYTES = 6, 12, 38  # the bits at which fields of the second number begin, after the length
FIELD = (1 << 26) - 1  # what fits into each of the last two
WORDS_KEPT, BYTES_KEPT, IDS_KEPT = 0, 1, 2  # what a memory's `state` counts


@loop
def find_kept(rows, mask, arena, text, i, length, h):
    """The address of the row of the word text[i:i+length], or of the empty one where it belongs."""
    slot = home(h, length) & mask
    while True:
        row = rows + (slot << 4)
        value = load64(row, 8)
        if value == 0:
            return row
        if load64(row, 0) == h and int64(value & uint64(63)) == length:
            if length <= 8 or same(arena, int64(value >> uint64(BYTES)), text, i, length):
                return row
        slot = (slot + 1) & mask


@loop
def copy_ids(value, ids, out):
    """The ids of a remembered word to the address `out`; returns how many."""
    count, place = int64(value >> uint64(COUNT)) & 63, int64(value >> uint64(PLACE)) & FIELD
    if count == 1:
        store32(out, 0, place)
        return count
    for k in range(count):
        store32(out, k << 2, load32(ids, (place + k) << 2))
    return count


@loop
def encode_until_full(
    text,
    ends,
    d,
    i,
    last,
    classes,
    pattern,
    merging,
    heads,
    bits,
    table,
    arena,
    ids,
    state,
    scratch,
    grows,
    out,
    m,
    out_ends,
):
    """Ids from byte i of document d on, into out from m on, the end of each document into out_ends; returns (d, i, m).

    Where the memory is full it stops if memory grows; else the memory stays as it is. scratch (SCRATCH,) is made by the
    caller: numba frees an array after the last line that names it, also where its address is still read.
    """
    size, used, ids_used = state[WORDS_KEPT], state[BYTES_KEPT], state[IDS_KEPT]
    rows, mask, bytes_of = int64(table.ctypes.data), len(table) - 1, int64(arena.ctypes.data)
    ids_of, to, how, ranks = (
        int64(ids.ctypes.data),
        int64(out.ctypes.data),
        int64(merging.ctypes.data),
        int64(scratch.ctypes.data),
    )
    ends_of, hash_of = ranks + 8 * SHORT, ranks + 8 * (SHORT + BLOCK)
    full = False
    while d < last:
        n = ends[d + 1]
        while i < n:
            found = find_block(text, i, n, classes, pattern, ends_of, hash_of, rows, mask, int64(4))
            for w in range(found):
                end, h = int64(load64(ends_of, w << 3)), load64(hash_of, w << 3)
                length = end - i
                row = find_kept(rows, mask, bytes_of, text, i, length, h)
                value = load64(row, 8)
                if value:
                    m += copy_ids(value, ids_of, to + (m << 2))
                    i = end
                    continue
                if length >= SHORT:
                    m += encode_long(text, i, length, to + (m << 2), how, heads, bits)
                    i = end
                    continue
                if 2 * size >= len(table) or used + length + PAD > len(arena) or ids_used + length > len(ids):
                    if grows:
                        full = True
                        break
                    m += encode_short(text, i, length, to + (m << 2), how, ranks)
                    i = end
                    continue
                made = encode_short(text, i, length, to + (m << 2), how, ranks)
                place = int64(load32(to, m << 2))
                if made > 1:
                    place = ids_used
                    for k in range(made):
                        store32(ids_of, (ids_used + k) << 2, load32(to, (m + k) << 2))
                    ids_used += made
                store64(row, 0, h)
                store64(row, 8, used << BYTES | place << PLACE | made << COUNT | length)
                if length > 8:
                    for k in range(0, length, 8):
                        store64(bytes_of, used + k, load64(text, i + k))
                    used += length
                size += 1
                m += made
                i = end
            if full:
                break
        if full:
            break
        d += 1
        out_ends[d] = m
    state[WORDS_KEPT], state[BYTES_KEPT], state[IDS_KEPT] = size, used, ids_used
    return d, i, m


@loop
def move(table, bigger):
    """The rows of a memory in one with more slots."""
    mask = len(bigger) - 1
    for r in range(len(table)):
        if table[r, 1]:
            slot = home(table[r, 0], table[r, 1] & uint64(63)) & mask
            while bigger[slot, 1]:
                slot = (slot + 1) & mask
            bigger[slot, 0], bigger[slot, 1] = table[r, 0], table[r, 1]
