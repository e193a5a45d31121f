"""How loss falls with size and text: L(N, D) = E + A / N^α + B / D^β, fitted to trainings and asked about the next one.

Parameters N, tokens D, loss in nats. Fitted as Hoffmann et al. (2022) do, by the Huber loss of log L; the best of many
starts, each with the linear part solved for given exponents. Intervals come from a bootstrap over the residuals.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import numpy as np
from numpy.typing import NDArray

from groundup.errors import Problem

Numbers = NDArray[np.float64]
DELTA = 1e-3  # of log loss: beyond it a run counts as an outlier
EXPONENTS = np.linspace(0.05, 1.25, 13)  # of starts, for size and for text
FREE = 5  # numbers that are fitted
FEWEST, APART = 3, 1.1  # sizes and lengths of text that must be there, and by how much they differ
STARTS, ROUNDS = 6, 200
STEEPEST, LOWEST = 3.0, -12.0  # exponent; log of E, where it might as well be nothing
LOW, HIGH = 0.05, 0.95  # quantiles of an interval


@dataclass(frozen=True)
class Point:
    """One training that came to its end."""

    name: str
    parameters: float
    tokens: float
    loss: float
    flops: float = 0.0


@dataclass(frozen=True)
class Law:
    """The five numbers."""

    floor: float  # E: what no model of this kind gets below on this text
    size: float  # A
    alpha: float
    text: float  # B
    beta: float

    def loss(self, parameters: float, tokens: float) -> float:
        """Of a model of that size after so much text."""
        return self.floor + self.size * parameters**-self.alpha + self.text * tokens**-self.beta

    def best_size(self, flops: float, per: float = 6.0) -> float:
        """The number of parameters that ends lowest where FLOPs = per · N · D."""
        if min(self.size * self.alpha, self.text * self.beta) <= 1e-12:
            raise Problem("the runs do not say how loss falls with size and with text: vary both of them more")
        ratio = self.alpha * self.size / (self.beta * self.text)
        return float((ratio * (flops / per) ** self.beta) ** (1 / (self.alpha + self.beta)))


def fit(points: Sequence[Point]) -> Law:
    """The law that these trainings follow best."""
    check(points)
    n, d, losses = _columns(points)
    return _law(_best(np.log(n), np.log(d), np.log(losses)), np.log(n).mean(), np.log(d).mean())


def check(points: Sequence[Point]) -> None:
    """At least one more training than numbers to fit, of three sizes and lengths, each with a finite loss."""
    if odd := next((point for point in points if not (np.isfinite(point.loss) and point.loss > 0)), None):
        raise Problem(f"{odd.name} ended with a loss of {odd.loss}: leave it out")
    if len(points) <= FREE:
        raise Problem(
            f"a law of {FREE} numbers needs at least {FREE + 1} trainings and there are {len(points)}: add some"
        )
    for what, found in (("sizes", [p.parameters for p in points]), ("numbers of tokens", [p.tokens for p in points])):
        if (count := distinct(found)) < FEWEST:
            raise Problem(f"an exponent needs {FEWEST} different {what} and the trainings have {count}: vary them more")


def distinct(values: Sequence[float]) -> int:
    """How many there are, those within a tenth of each other taken as one."""
    ordered = sorted(values)
    return 1 + sum(after > APART * before for before, after in pairwise(ordered))


def bootstrap(points: Sequence[Point], law: Law, draws: int = 100, seed: int = 1) -> Iterator[tuple[Law, float]]:
    """Laws that could as well have been found, each with a residual that a next training could as well have.

    The residuals (of log loss, widened by the freedom that the fit had) are dealt out again over the fitted curve.
    """
    n, d, losses = _columns(points)
    curve = np.log([law.loss(*pair) for pair in zip(n, d, strict=True)])
    residuals = (np.log(losses) - curve) * np.sqrt(len(points) / max(1, len(points) - FREE))
    start = _numbers(law, np.log(n).mean(), np.log(d).mean())
    dice = np.random.default_rng(seed)
    for _ in range(draws):
        dealt = curve + residuals[dice.integers(len(points), size=len(points))]
        found = _law(_best(np.log(n), np.log(d), dealt, start), np.log(n).mean(), np.log(d).mean())
        yield found, float(residuals[dice.integers(len(points))])


def interval(found: Sequence[float]) -> tuple[float, float]:
    """Between which nine in ten of them lie."""
    low, high = np.quantile(np.asarray(found), [LOW, HIGH])
    return float(low), float(high)


# --- the fit ---------------------------------------------------------------------------------------------------------


def _columns(points: Sequence[Point]) -> tuple[Numbers, Numbers, Numbers]:
    told = np.array([(point.parameters, point.tokens, point.loss) for point in points], dtype=np.float64)
    return told[:, 0], told[:, 1], told[:, 2]


def _law(numbers: Numbers, n_mean: float, d_mean: float) -> Law:
    """From (e, a, α, b, β), a and b being logs at the middle of the data."""
    e, a, alpha, b, beta = (float(number) for number in numbers)
    return Law(float(np.exp(e)), float(np.exp(a + alpha * n_mean)), alpha, float(np.exp(b + beta * d_mean)), beta)


def _numbers(law: Law, n_mean: float, d_mean: float) -> Numbers:
    a, b = np.log(max(law.size, 1e-300)) - law.alpha * n_mean, np.log(max(law.text, 1e-300)) - law.beta * d_mean
    return np.array([np.log(law.floor), a, law.alpha, b, law.beta])


def _best(n: Numbers, d: Numbers, losses: Numbers, start: Numbers | None = None) -> Numbers:
    """The best end of several starts; all arguments are logs."""
    n, d = n - n.mean(), d - d.mean()
    starts = _starts(n, d, losses)[:STARTS] if start is None else [start]
    ends = [_descend(each, n, d, losses) for each in starts]
    return min(ends, key=lambda end: end[1])[0]


def _starts(n: Numbers, d: Numbers, losses: Numbers) -> list[Numbers]:
    """For each pair of exponents the best E, A, B that are not negative, the best pairs first."""
    weight = np.exp(-losses)
    found = []
    for alpha, beta in product(EXPONENTS, EXPONENTS):
        columns = np.stack([np.ones_like(n), np.exp(-alpha * n), np.exp(-beta * d)], 1) * weight[:, None]
        solved = _not_negative(columns, np.ones_like(n))
        off = float(((columns @ solved - 1) ** 2).sum())
        e, a, b = np.log(np.maximum(solved, np.exp(LOWEST)))
        found.append((off, np.array([e, a, alpha, b, beta])))
    return [numbers for _, numbers in sorted(found, key=lambda pair: pair[0])]


def _not_negative(columns: Numbers, wanted: Numbers) -> Numbers:
    """Least squares with no negative coefficient: of three, every choice that may stay is tried."""
    best, least = np.zeros(3), np.inf
    square, right = columns.T @ columns, columns.T @ wanted
    for kept in ([0, 1, 2], [0, 1], [0, 2], [1, 2], [0], [1], [2]):
        part = square[np.ix_(kept, kept)] + 1e-12 * np.eye(len(kept))
        solved = np.zeros(3)
        solved[kept] = np.linalg.solve(part, right[kept])
        off = float(solved @ square @ solved - 2 * right @ solved)
        if (solved >= 0).all() and off < least:
            best, least = solved, off
    return best


def _predict(numbers: Numbers, n: Numbers, d: Numbers) -> tuple[Numbers, Numbers]:
    """log L at each point, and its derivative by each number (points, 5)."""
    e, a, alpha, b, beta = numbers
    parts = np.stack([np.full_like(n, e), a - alpha * n, b - beta * d])
    top = parts.max(0)
    told = top + np.log(np.exp(parts - top).sum(0))
    share = np.exp(parts - told)
    return told, np.stack([share[0], share[1], -share[1] * n, share[2], -share[2] * d], 1)


def _huber(residuals: Numbers) -> float:
    size = np.abs(residuals)
    return float(np.where(size <= DELTA, 0.5 * size**2, DELTA * (size - 0.5 * DELTA)).sum())


def _descend(numbers: Numbers, n: Numbers, d: Numbers, losses: Numbers) -> tuple[Numbers, float]:
    """Levenberg-Marquardt on the Huber loss: residuals beyond DELTA weigh as much as their distance is wide."""
    damping, told = 1e-2, _predict(numbers, n, d)
    least = _huber(told[0] - losses)
    for _ in range(ROUNDS):
        residuals, slope = told[0] - losses, told[1]
        weight = np.minimum(1.0, DELTA / np.maximum(np.abs(residuals), 1e-30))
        square = slope.T @ (slope * weight[:, None])
        step = np.linalg.solve(square + damping * np.diag(np.diag(square) + 1e-9), slope.T @ (weight * residuals))
        tried = _inside(numbers - step)
        there = _predict(tried, n, d)
        value = _huber(there[0] - losses)
        if value < least:
            done = least - value < 1e-7 * least + 1e-18
            numbers, told, least, damping = tried, there, value, max(damping / 3, 1e-10)
            if done:
                break
        else:
            damping *= 4
            if damping > 1e10:
                break
    return numbers, least


def _inside(numbers: Numbers) -> Numbers:
    """Exponents neither negative nor absurd, and nothing so small that its log would run away."""
    low = np.array([LOWEST, LOWEST, 0.0, LOWEST, 0.0])
    return np.clip(numbers, low, np.array([12.0, 12.0, STEEPEST, 12.0, STEEPEST]))
