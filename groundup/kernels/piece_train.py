"""Which pairs of pieces to join, from the counts of words: the fast form of `tokenizer.word_pieces.train`.

Words lie behind each other as numbers of pieces. A pair knows its count and, as a linked list, the words where it was seen;
a word whose pair is gone is passed over. Only pairs with a count of at least `least` are candidates for the next join.
"""

import numpy as np
from numba import int64, uint64

from groundup.kernels.compiled import loop
from groundup.kernels.word_table import GOLDEN

NUMBER, ENTRIES, CANDIDATES = 0, 1, 2  # what `state` counts: pairs, entries of the lists, candidates


@loop
def slot_of(slots, a, b):
    """The slot of the pair, or the empty one where it belongs; a slot is (a << 32 | b, 1 + number of the pair)."""
    key, mask = uint64(a) << uint64(32) | uint64(b), uint64(len(slots) - 1)
    slot = (key * GOLDEN) >> uint64(32) & mask
    while slots[slot, 1] != 0 and slots[slot, 0] != key:
        slot = (slot + uint64(1)) & mask
    return slot


@loop
def pair_of(slots, pairs, heads, state, a, b):
    """The number of the pair, a new one if need be; pairs (pairs, 4): first, second, count, entries."""
    slot = slot_of(slots, a, b)
    if slots[slot, 1] == 0:
        p = state[NUMBER]
        slots[slot, 0], slots[slot, 1] = uint64(a) << uint64(32) | uint64(b), uint64(p + 1)
        pairs[p, 0], pairs[p, 1], pairs[p, 2], pairs[p, 3], heads[p] = a, b, 0, 0, -1
        state[NUMBER] += 1
        return p
    return int64(slots[slot, 1]) - 1


@loop
def enlarged(pairs, number, size):
    """The pairs in `size` slots."""
    bigger = np.zeros((size, 2), np.uint64)
    for p in range(number):
        slot = slot_of(bigger, pairs[p, 0], pairs[p, 1])
        bigger[slot, 0], bigger[slot, 1] = uint64(pairs[p, 0]) << uint64(32) | uint64(pairs[p, 1]), uint64(p + 1)
    return bigger


@loop
def enter(p, w, pairs, heads, entries, state):
    """Note that word w holds pair p; entries (entries, 2): word, the entry before."""
    e = state[ENTRIES]
    entries[e, 0], entries[e, 1], heads[p] = w, heads[p], e
    pairs[p, 3] += 1
    state[ENTRIES] += 1


@loop
def count(symbols, spans, slots, pairs, heads, entries, uses, state):
    """Count and list every pair; spans (words, 3): begin, length, how often; stops before the slots are half full.

    Returns the first word that is not counted yet; `state[3]` holds where to go on.
    """
    for w in range(state[3], len(spans)):
        begin, length, times = spans[w]
        if 2 * (state[NUMBER] + length) > len(slots):
            state[3] = w
            return w
        for k in range(begin, begin + length):
            uses[symbols[k]] += times
            if k + 1 < begin + length:
                p = pair_of(slots, pairs, heads, state, symbols[k], symbols[k + 1])
                pairs[p, 2] += times
                enter(p, w, pairs, heads, entries, state)
    return len(spans)


@loop
def choose(pairs, state, least, candidates, chosen):
    """Make all pairs of at least that count the candidates."""
    n = 0
    for p in range(state[NUMBER]):
        chosen[p] = pairs[p, 2] >= least
        if chosen[p]:
            candidates[n] = p
            n += 1
    state[CANDIDATES] = n


@loop
def best(pairs, uses, state, candidates, least, by_likelihood):
    """The candidate that scores highest, the smaller (first, second) of two alike; -1 if none has the count."""
    found, top = int64(-1), -1.0
    for c in range(state[CANDIDATES]):
        p = candidates[c]
        if pairs[p, 2] < least:
            continue
        score = float(pairs[p, 2])
        if by_likelihood:
            score /= float(uses[pairs[p, 0]]) * float(uses[pairs[p, 1]])
        if score > top:
            found, top = p, score
        elif score == top:
            a, b = pairs[p, 0], pairs[p, 1]
            if a < pairs[found, 0] or (a == pairs[found, 0] and b < pairs[found, 1]):
                found = p
    return found


@loop
def join(p, made, symbols, spans, slots, pairs, heads, entries, uses, state, candidates, chosen, least, fresh):
    """Put `made` wherever pair p stands, and count again in the words where that is; fresh: room for a word's flags."""
    a, b, e = pairs[p, 0], pairs[p, 1], heads[p]
    heads[p], pairs[p, 3] = -1, 0
    while e >= 0:
        w, e = entries[e, 0], entries[e, 1]
        begin, length, times = spans[w]
        end, there = begin + length, False
        for k in range(begin, end - 1):
            there |= symbols[k] == a and symbols[k + 1] == b
        if not there:
            continue
        for k in range(begin, end):
            uses[symbols[k]] -= times
            if k + 1 < end:
                pairs[pair_of(slots, pairs, heads, state, symbols[k], symbols[k + 1]), 2] -= times
        k, to = begin, begin
        while k < end:
            here = k + 1 < end and symbols[k] == a and symbols[k + 1] == b
            symbols[to], fresh[to - begin] = made if here else symbols[k], here
            k += 2 if here else 1
            to += 1
        spans[w, 1] = to - begin
        for k in range(begin, to):
            uses[symbols[k]] += times
            if k + 1 == to:
                break
            q = pair_of(slots, pairs, heads, state, symbols[k], symbols[k + 1])
            pairs[q, 2] += times
            if fresh[k - begin] or fresh[k - begin + 1]:
                enter(q, w, pairs, heads, entries, state)
            if not chosen[q] and pairs[q, 2] >= least:
                chosen[q] = True
                candidates[state[CANDIDATES]] = q
                state[CANDIDATES] += 1
