"""From verdicts to figures: shares with the interval in which they would lie had other questions been drawn.

Questions that ask the same thing in other words are not independent, so they count as clusters: intervals are Wilson's
(1927) with the number of questions divided by how much more than chance the clusters agree (Kish's design effect).
"""

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

NORMAL = 1.959964  # standard deviations that hold 95 % of a normal distribution
RESAMPLES = 2000


def share(right: Sequence[bool], clusters: Sequence[Hashable] | None = None) -> dict[str, Any]:
    """The share that is right: {"value", "low", "high", "n"}, low and high with 95 % confidence."""
    n = len(right)
    if not n:
        return {"value": 0.0, "low": 0.0, "high": 1.0, "n": 0}
    value = sum(right) / n
    low, high = wilson(value, n / (design_effect(right, clusters) if clusters is not None else 1.0))
    return {"value": round(value, 4), "low": round(low, 4), "high": round(high, 4), "n": n}


def wilson(value: float, n: float) -> tuple[float, float]:
    """Wilson's score interval of a share `value` of n."""
    z2 = NORMAL * NORMAL
    middle = (value + z2 / (2 * n)) / (1 + z2 / n)
    half = NORMAL / (1 + z2 / n) * math.sqrt(value * (1 - value) / n + z2 / (4 * n * n))
    return max(0.0, middle - half), min(1.0, middle + half)


def design_effect(right: Sequence[bool], clusters: Sequence[Hashable]) -> float:
    """How many times larger the variance of the mean is than that of independent questions; at least 1."""
    values = np.asarray(right, float)
    mean, n = values.mean(), len(values)
    sums = _sums(values - mean, clusters)
    count = len(sums)
    if count < 2 or mean in (0.0, 1.0):
        return 1.0
    return max(1.0, float((sums**2).sum() * count / (count - 1) / (n * mean * (1 - mean))))


def change(
    before: Sequence[bool], after: Sequence[bool], clusters: Sequence[Hashable], seed: int = 0
) -> dict[str, float]:
    """Of the same questions, how much larger the share is after than before, by a paired bootstrap over clusters."""
    difference = np.asarray(after, float) - np.asarray(before, float)
    sums, sizes = _sums(difference, clusters), _sums(np.ones(len(difference)), clusters)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"value": round(float(difference.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def _sums(values: np.ndarray, clusters: Sequence[Hashable]) -> np.ndarray:
    """The sum of the values of each cluster, clusters in the order in which they appear."""
    places: dict[Hashable, int] = {}
    index = np.array([places.setdefault(cluster, len(places)) for cluster in clusters], np.int64)
    return np.bincount(index, values)
