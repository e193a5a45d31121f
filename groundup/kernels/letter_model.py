"""How surprising each character is after those before it: counts of runs in hash tables, mixed by Witten and Bell (1991).

With N occurrences of a context and T different characters after it, p(c) = (count + T p'(c)) / (N + T), where p' looks
one character less far back; at the end of that, every one of 65,536 characters is as likely as any other.
"""

import math
from collections import Counter

import numpy as np

from groundup.kernels.compiled import loop
from groundup.kernels.hashing import MIX_B, PRIME, SEED, mix

BLANK, NOUGHT = 32, 48
ANY = 1 / 65536
FULLEST = 0.75  # share of a table's slots beyond which no new runs are noted


@loop
def plainer(points):
    """Code points in lower case (n,) -> with one blank for each stretch of blanks, and 0 for each digit."""
    found = np.empty(len(points), np.uint32)
    n, before = 0, np.uint32(BLANK)
    for point in points:
        if point <= 32 or point == 0xA0:
            point = np.uint32(BLANK)
        elif 48 <= point <= 57:
            point = np.uint32(NOUGHT)
        if point != BLANK or before != BLANK:
            found[n] = point
            n += 1
        before = point
    return found[:n]


@loop
def _slot(checks, hashed):
    """Where a hash stands in a table, or the free slot where it may be put; the check of a free slot is 0."""
    last = np.uint64(len(checks) - 1)
    check = np.uint32(hashed >> np.uint64(32)) | np.uint32(1)
    at = hashed & last
    while checks[at] != 0 and checks[at] != check:
        at = (at + np.uint64(1)) & last
    return at, check


@loop
def _noted(checks, hashed, filled, which):
    """The slot of a hash, taken if it is free; -1 where the table is too full for another."""
    at, check = _slot(checks, hashed)
    if checks[at] == 0:
        if filled[which] >= FULLEST * len(checks):
            return np.int64(-1)
        checks[at] = check
        filled[which] += 1
    return np.int64(at)


@loop
def _run(context, symbol):
    """The hash of a context and the character after it."""
    return mix((context ^ np.uint64(symbol)) * MIX_B + PRIME)


@loop
def count(symbols, order, run_checks, counts, context_checks, totals, kinds, filled):
    """Add the runs of up to `order` characters of a text; the tables, powers of two long, and filled (2,) change in place."""
    for i in range(len(symbols)):
        context = SEED
        for k in range(min(order - 1, i) + 1):
            if k:
                context = (context ^ np.uint64(symbols[i - k])) * PRIME
            place = _noted(context_checks, mix(context), filled, 0)
            at = _noted(run_checks, _run(context, symbols[i]), filled, 1)
            if place < 0 or at < 0:
                break
            totals[place] += 1
            kinds[place] += counts[at] == 0
            counts[at] += 1


@loop
def bits(symbols, order, run_checks, counts, context_checks, totals, kinds):
    """-log2 of each character's chance (n,) float32."""
    found = np.empty(len(symbols), np.float32)
    for i in range(len(symbols)):
        context, chance = SEED, ANY
        for k in range(min(order - 1, i) + 1):
            if k:
                context = (context ^ np.uint64(symbols[i - k])) * PRIME
            place, _ = _slot(context_checks, mix(context))
            if context_checks[place] == 0:
                break
            at, _ = _slot(run_checks, _run(context, symbols[i]))
            chance = (counts[at] + kinds[place] * chance) / (totals[place] + kinds[place])
        found[i] = -math.log2(chance)
    return found


def count_plainly(texts: list[str], order: int) -> Counter[str]:
    """What `count` keeps: how often each run of up to `order` characters occurs."""
    return Counter(
        text[i - k : i + 1] for text in texts for i in range(len(text)) for k in range(min(order - 1, i) + 1)
    )


def bits_plainly(text: str, order: int, runs: Counter[str]) -> list[float]:
    """`bits` as its definition says it."""
    after: dict[str, list[int]] = {}
    for run, times in runs.items():
        after.setdefault(run[:-1], []).append(times)
    found = []
    for i in range(len(text)):
        chance = ANY
        for k in range(min(order - 1, i) + 1):
            following = after.get(text[i - k : i])
            if following is None:
                break
            chance = (runs[text[i - k : i + 1]] + len(following) * chance) / (sum(following) + len(following))
        found.append(-math.log2(chance))
    return found
