"""The sums of unigram training in compiled loops: substrings, expected counts, losses, as `tokenizer.unigram` defines them.

Words are text[ends[w]:ends[w + 1]], UTF-8, none so long that a product of probabilities over it could vanish.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.compiled import load8, loop
from groundup.kernels.unigram_trie import VALUE, step
from groundup.kernels.word_table import HASH as KEY
from groundup.kernels.word_table import LENGTH, START, enlarged, find, hash_word, slots
from groundup.kernels.word_table import VALUE as COUNT


@loop
def begins(text, i):
    """Whether a character begins at i."""
    return load8(text, i) & 0xC0 != 0x80


@loop
def count_in_word(table, size, text, i, n, count, longest):
    """Count the substrings of text[i:n] of up to `longest` characters; returns how many words the table has then."""
    rows, mask = table.ctypes.data, len(table) - 1
    for a in range(i, n):
        if not begins(text, a):
            continue
        characters, b = 0, a
        while b < n and characters < longest:
            b += 1
            while b < n and not begins(text, b):
                b += 1
            characters += 1
            h = hash_word(text, a, b - a)
            slot = find(rows, mask, text, text, a, b - a, h)
            if table[slot, LENGTH] == 0:
                table[slot, KEY], table[slot, START], table[slot, LENGTH] = h, a, b - a
                size += 1
            table[slot, COUNT] += uint64(count)
    return size


@loop
def count_until_full(table, size, text, ends, counts, first, longest):
    """Count the substrings of the words from `first` on; stops where the next could fill the table over half."""
    for w in range(first, len(counts)):
        if 2 * (size + (ends[w + 1] - ends[w]) * longest) > len(table):
            return size, w
        size = count_in_word(table, size, text, ends[w], ends[w + 1], counts[w], longest)
    return size, len(counts)


def substrings(text, ends, counts, longest):
    """(start, bytes, characters, occurrences) of each different substring (substrings, 4) int64; text is an address."""
    table, size, w = slots(1 << 13), 0, 0
    while True:
        size, w = count_until_full(table, size, text, ends, counts, w, longest)
        if w == len(counts):
            return listed(table, text, np.empty((size, 4), np.int64))
        table = enlarged(table)


@loop
def listed(table, text, found):
    """The rows of `substrings`, into `found`."""
    m = 0
    for r in range(len(table)):
        if table[r, LENGTH]:
            start, length, characters = int64(table[r, START]), int64(table[r, LENGTH]), 0
            for k in range(length):
                characters += begins(text, start + k)
            found[m, 0], found[m, 1], found[m, 2], found[m, 3] = start, length, characters, int64(table[r, COUNT])
            m += 1
    return found


@loop
def expected(text, ends, counts, first, last, nodes, pieces, used):
    """Add the expected counts of words first..last to `used`; returns their log likelihood. pieces: probabilities."""
    longest, likelihood = 0, 0.0
    for w in range(first, last):
        longest = max(longest, ends[w + 1] - ends[w])
    before, behind = np.empty(longest + 1), np.empty(longest + 1)
    for w in range(first, last):
        i, n, count = ends[w], ends[w + 1] - ends[w], counts[w]
        before[: n + 1] = 0.0
        behind[: n + 1] = 0.0
        before[0], behind[n] = 1.0, 1.0
        for a in range(n):
            row = 0
            for b in range(a, n if begins(text, i + a) else a):
                row = step(nodes, row, load8(text, i + b))
                if row < 0:
                    break
                if nodes[row, VALUE] >= 0:
                    before[b + 1] += before[a] * pieces[nodes[row, VALUE]]
        for a in range(n - 1, -1, -1):
            row = 0
            for b in range(a, n if begins(text, i + a) else a):
                row = step(nodes, row, load8(text, i + b))
                if row < 0:
                    break
                found = nodes[row, VALUE]
                if found >= 0:
                    behind[a] += pieces[found] * behind[b + 1]
                    used[found] += count * before[a] * pieces[found] * behind[b + 1] / before[n]
        likelihood += count * np.log(before[n])
    return likelihood


@loop
def losses(text, ends, used, nodes, pieces):
    """How much likelihood goes with each piece (pieces,); -1 for a single character. Pieces are text[ends[p]:ends[p + 1]]."""
    found = np.empty(len(used))
    longest = 0
    for p in range(len(used)):
        longest = max(longest, ends[p + 1] - ends[p])
    best = np.empty(longest + 1)
    for p in range(len(used)):
        i, n, characters = ends[p], ends[p + 1] - ends[p], 0
        best[: n + 1] = 0.0
        best[0] = 1.0
        for a in range(n):
            row = 0
            characters += begins(text, i + a)
            for b in range(a, n if begins(text, i + a) else a):
                row = step(nodes, row, load8(text, i + b))
                if row < 0:
                    break
                other = nodes[row, VALUE]
                if other >= 0 and other != p:
                    best[b + 1] = max(best[b + 1], best[a] * pieces[other])
        found[p] = used[p] * np.log(pieces[p] / best[n]) if characters > 1 else -1.0
    return found
