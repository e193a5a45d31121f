"""Words to the pieces of a segmentation drawn by chance: the fast form of `tokenizer.unigram.sampled`.

From the end of a word to its beginning the sums over all segmentations are formed, then pieces are drawn from the beginning on.
"""

import numpy as np

from groundup.kernels.charsmap import length_at
from groundup.kernels.compiled import load8, loop
from groundup.kernels.unigram_trie import VALUE, step
from groundup.kernels.unigram_viterbi import UNKNOWN, cut_end, written


@loop
def sums_behind(text, i, n, nodes, scores, unknown, alpha, behind):
    """behind[a]: the log of the sum over all segmentations of text[i + a:n] of their probabilities to the power alpha."""
    behind[: n - i] = -np.inf
    behind[n - i] = 0.0
    for a in range(n - i - 1, -1, -1):
        if a > 0 and load8(text, i + a) & 0xC0 == 0x80 and inside_character(text, i, i + a, n):
            continue
        alone, row, length, total = False, 0, length_at(text, i + a, n), -np.inf
        for j in range(i + a, n):
            row = step(nodes, row, load8(text, j))
            if row < 0:
                break
            if nodes[row, VALUE] >= 0:
                total = add_logs(total, alpha * scores[nodes[row, VALUE]] + behind[j + 1 - i])
                alone = alone or j + 1 - i - a == length
        if not alone:
            total = add_logs(total, alpha * unknown + behind[a + length])
        behind[a] = total


@loop
def inside_character(text, first, i, n):
    """Whether a character that begins before i reaches over it."""
    for k in range(1, 4):
        if i - k >= first and length_at(text, i - k, n) > k:
            return True
    return False


@loop
def add_logs(a, b):
    """log(exp(a) + exp(b))."""
    high, low = max(a, b), min(a, b)
    return high if low == -np.inf else high + np.log1p(np.exp(low - high))


@loop
def drawn(text, i, n, nodes, scores, unknown, alpha, behind, chance, start, piece):
    """One segmentation of text[i:n] as `likeliest` tells it, drawn with the probabilities that `behind` sums.

    chance: for each place a number from 0 to 1, which decides about the piece that begins there.
    """
    sums_behind(text, i, n, nodes, scores, unknown, alpha, behind)
    a = 0
    while i + a < n:
        alone, row, length, left = False, 0, length_at(text, i + a, n), chance[a]
        chosen, end = UNKNOWN, a + length
        for j in range(i + a, n):
            row = step(nodes, row, load8(text, j))
            if row < 0:
                break
            found = nodes[row, VALUE]
            if found < 0:
                continue
            b = j + 1 - i
            alone = alone or b - a == length
            share = np.exp(alpha * scores[found] + behind[b] - behind[a])
            if share > 0.0 and left >= 0.0:
                chosen, end = found, b
                left -= share
        if not alone and left >= 0.0 and np.exp(alpha * unknown + behind[a + length] - behind[a]) > 0.0:
            chosen, end = UNKNOWN, a + length
        start[end], piece[end] = a, chosen
        a = end


@loop
def draw_document(text, n, cut, classes, nodes, scores, unknown, byte_ids, unknown_id, space, alpha, chance, out):
    """The ids of one document whose words are segmented by chance; returns how many there are."""
    behind, start, piece, following = space
    i, m = 0, 0
    while i < n:
        end = cut_end(text, i, n, classes, cut)
        drawn(text, i, end, nodes, scores, unknown, alpha, behind, chance[i:], start, piece)
        m += written(text, i, end, start, piece, following, byte_ids, unknown_id, out, m)
        i = end
    return m
