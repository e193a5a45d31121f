"""How much of each domain a training reads, step by step: weights that may change on the way become rows.

Knots (a step and a weight for each domain) come in; out comes how many rows every domain has had before each step. It
hangs on the knots alone, so any step can be asked for, and is never a row away from what was wished.
"""

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from groundup.data.tokens.mixing import Between, Knot

TOGETHER = 1 << 16  # steps that are rounded at once
BITS = 62  # of a product of rows, steps and parts of a row that stays within 64 bits


def wishes(knots: Sequence[Knot], steps: int, between: Between) -> np.ndarray:
    """The share of each domain in each step (steps, domains) f64; rows of it sum to one. Knots are in order, from 0 on."""
    given = np.array([knot.weights for knot in knots], np.float64)
    given /= given.sum(1, keepdims=True)
    places = np.array([knot.step for knot in knots])
    at = np.arange(steps)
    if between == "linear":
        return np.stack([np.interp(at, places, column) for column in given.T], 1)
    return given[np.searchsorted(places, at, "right") - 1]


def wished(shares: np.ndarray, bits: int) -> np.ndarray:
    """shares (steps, domains) -> their sums before each step (steps + 1, domains) int64 in 2^-bits; each row of it is whole.

    What rounding takes goes to whoever lost most, so that the parts of every step make one row.
    """
    table = np.zeros((len(shares) + 1, shares.shape[1]), np.int64)
    for start in range(0, len(shares), TOGETHER):
        table[start + 1 : start + 1 + TOGETHER] = whole(shares[start : start + TOGETHER], 1 << bits)
    return np.cumsum(table, 0, out=table)


def whole(shares: np.ndarray, one: int) -> np.ndarray:
    """Shares that sum to one in each row -> whole numbers that sum to `one`."""
    parts = np.floor(shares * one).astype(np.int64)
    missing = one - parts.sum(1)
    losers = np.argsort(parts - shares * one, axis=1, kind="stable")
    given = np.arange(shares.shape[1])[None] < missing[:, None]
    np.put_along_axis(parts, losers, np.take_along_axis(parts, losers, 1) + given, 1)
    return parts


def rows_before(shares: np.ndarray, rows: int) -> np.ndarray:
    """shares (steps, domains) -> rows of each domain before each step (steps + 1, domains) int64, `rows` to a step."""
    from groundup.hardware import use_cache_folder

    use_cache_folder()  # numba looks for it when it is first imported
    from groundup.kernels.shares import realised

    bits = precision(len(shares), rows)
    return realised(wished(shares, bits), rows, bits)


def precision(steps: int, rows: int) -> int:
    """Bits of a row that wishes are told in: as many as leave room for all rows."""
    return min(40, BITS - (steps * rows).bit_length())


def realised_by_definition(wished: np.ndarray, rows: int, bits: int) -> list[list[int]]:
    """What `kernels.shares.realised` gives, a row at a time as one would do it by hand."""
    wishes = [[int(value) * rows for value in step] for step in wished]
    one, before = 1 << bits, [0] * wished.shape[1]
    table = [before]
    for step in range(1, len(wishes)):
        now = [max(had, wish // one) for had, wish in zip(before, wishes[step], strict=True)]
        while sum(now) < step * rows:
            begun = [d for d, wish in enumerate(wishes[step]) if wish > now[d] * one]
            now[min(begun, key=lambda d: _due(wishes, d, now[d], one))] += 1
        table.append(now)
        before = now
    return table


def _due(wishes: list[list[int]], d: int, count: int, one: int) -> int:
    return bisect_right(wishes, count, key=lambda step: step[d] // one)
