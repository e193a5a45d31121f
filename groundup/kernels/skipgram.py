"""Skip-gram with negative sampling (Mikolov et al. 2013) as a compiled loop: the fast form of `learn_plainly`.

A word's vector x learns to be like the vector y of each word beside it, and unlike those of a few words drawn by chance:
a step down on -log σ(y·x) - Σ log σ(-y'·x). Chance is a hash of (seed, round, place in the text): the same text, seed
and machine give the same bits.
"""

import math
from collections.abc import Iterator

import numpy as np
from numba import njit, uint64

from groundup.kernels.bpe_dropout import FIRST, GOLDEN, SECOND, mixed
from groundup.kernels.compiled import loop, prefetch

STEEP, STEPS = 8, 128  # beyond ±STEEP a sigmoid is flat; between, STEPS entries for each unit, and lines between them
LOW = uint64(0xFFFFFFFF)
LINE = 64  # bytes that a processor fetches at once

# A sum of products may be added up in any order, so that several lanes of the processor work on it.
lanes = njit(cache=True, nogil=True, forceinline=True, fastmath={"reassoc", "contract", "nsz"})


def sigmoids() -> np.ndarray:
    """Of every 1/STEPS from -STEEP to STEEP and one more, float32."""
    x = np.arange(-STEEP * STEPS, STEEP * STEPS + 2) / STEPS
    return (1 / (1 + np.exp(-x))).astype(np.float32)


@loop
def sigmoid(value, table):
    """1 / (1 + e^-value), by the table."""
    steep, steps = np.float32(STEEP), np.float32(STEPS)
    at = (min(max(value, -steep), steep) + steep) * steps
    place = np.int64(at)
    return table[place] + (at - np.float32(place)) * (table[place + 1] - table[place])


@loop
def next_random(state):
    """(state, 64 random bits): splitmix64 (Steele et al. 2014)."""
    state += GOLDEN
    h = (state ^ (state >> uint64(30))) * FIRST
    h = (h ^ (h >> uint64(27))) * SECOND
    return state, h ^ (h >> uint64(31))


@loop
def drawn(h, draws):
    """A token by its probability (Walker 1977): any of all tokens, or else the other one that is noted in its place."""
    place = ((h >> uint64(32)) * uint64(len(draws))) >> uint64(32)
    entry = draws[place]
    return np.int64(place) if (h & LOW) < (entry >> uint64(32)) else np.int64(entry & LOW)


@lanes
def likeness(x, word, y, target):
    """The product of two rows."""
    total = np.float32(0)
    for k in range(x.shape[1]):
        total += x[word, k] * y[target, k]
    return total


@lanes
def pull(x, word, y, target, step, change):
    """change += step·y, then y += step·x, of two rows."""
    for k in range(x.shape[1]):
        change[k] += step * y[target, k]
        y[target, k] += step * x[word, k]


@lanes
def learn_pair(x, word, y, targets, steps, rate, table, change):
    """One step for a word beside targets[0], the others being drawn by chance."""
    for t in range(len(targets)):
        wanted = np.float32(t == 0)
        counts = np.float32(t == 0 or targets[t] != targets[0])
        steps[t] = (wanted - sigmoid(likeness(x, word, y, targets[t]), table)) * rate * counts
    change[:] = 0
    for t in range(len(targets)):
        pull(x, word, y, targets[t], steps[t], change)
    for k in range(len(change)):
        x[word, k] += change[k]


@loop
def learn(tokens, ends, first, last, keep, draws, x, y, table, window, negatives, rates, before, total, h):
    """Learn from texts first..last, tokens[ends[d]:ends[d + 1]]; x, y (vocabulary, width) float32 change in place.

    keep (vocabulary,): the chance to be looked at, in 2^32nds; draws: as `drawn` wants it; rates: the first and the last;
    before: tokens of earlier rounds, of `total` in all; h: the hash of (seed, round).
    """
    longest = 0
    for d in range(first, last):
        longest = max(longest, ends[d + 1] - ends[d])
    kept, states = np.empty(longest, np.int64), np.empty(longest, np.uint64)
    targets, steps = np.empty(negatives + 1, np.int64), np.empty(negatives + 1, np.float32)
    change, row, rows = np.empty(x.shape[1], np.float32), x.shape[1] * 4, y.ctypes.data
    for d in range(first, last):
        n = 0
        for i in range(ends[d], ends[d + 1]):
            state, draw = next_random(mixed(h, i))
            if (draw >> uint64(32)) < keep[tokens[i]]:
                kept[n], states[n] = tokens[i], state
                n += 1
        rate = np.float32(rates[0] + (rates[1] - rates[0]) * (before + ends[d]) / total)
        for at in range(n):
            state, draw = next_random(states[at])
            reach = 1 + np.int64(((draw >> uint64(32)) * uint64(window)) >> uint64(32))  # near words are met more often
            targets[0] = kept[at]
            for beside in range(max(0, at - reach), min(n, at + reach + 1)):
                if beside == at:
                    continue
                for t in range(1, negatives + 1):
                    state, draw = next_random(state)
                    targets[t] = drawn(draw, draws)
                    for k in range(0, row, LINE):
                        prefetch(rows, targets[t] * row + k)
                learn_pair(x, kept[beside], y, targets, steps, rate, table, change)


def learn_plainly(
    tokens, ends, first, last, keep, draws, x, y, table, window, negatives, rates, before, total, h
) -> None:
    """`learn` as its definition says it; the table of sigmoids is not needed."""
    for d in range(first, last):
        dice = [random_numbers(int(mixed(h, i))) for i in range(ends[d], ends[d + 1])]
        kept = [
            (token, dice[i])
            for i, token in enumerate(tokens[ends[d] : ends[d + 1]])
            if next(dice[i]) >> 32 < keep[token]
        ]
        rate = rates[0] + (rates[1] - rates[0]) * (before + ends[d]) / total
        for at, (centre, die) in enumerate(kept):
            reach = 1 + ((next(die) >> 32) * window >> 32)
            for word, _ in kept[max(0, at - reach) : at] + kept[at + 1 : at + reach + 1]:
                chance = [draw_plainly(next(die), draws) for _ in range(negatives)]
                targets = [(centre, 1.0), *((target, 0.0) for target in chance if target != centre)]
                steps = [
                    rate * (wanted - 1 / (1 + math.exp(-float(x[word] @ y[target])))) for target, wanted in targets
                ]
                change = np.zeros_like(x[word])
                for (target, _), step in zip(targets, steps, strict=True):
                    change += step * y[target]
                    y[target] += step * x[word]
                x[word] += change


def random_numbers(state: int) -> Iterator[int]:
    """`next_random` again and again."""
    while True:
        state = (state + int(GOLDEN)) % 2**64
        h = (state ^ state >> 30) * int(FIRST) % 2**64
        h = (h ^ h >> 27) * int(SECOND) % 2**64
        yield h ^ h >> 31


def draw_plainly(h: int, draws: np.ndarray) -> int:
    """`drawn`."""
    place = (h >> 32) * len(draws) >> 32
    chance, other = divmod(int(draws[place]), 2**32)
    return place if h % 2**32 < chance else other
