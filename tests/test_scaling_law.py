"""The law of scaling: found again where it is known, honest where it is not."""

import numpy as np
import pytest

from groundup.errors import Problem
from groundup.experiments.law import Law, Point, bootstrap, fit, interval

CHINCHILLA = Law(1.69, 406.4, 0.34, 410.7, 0.28)  # Hoffmann et al. 2022
SMALL = Law(1.2, 30.0, 0.42, 90.0, 0.38)  # as small models on small texts behave


def runs(law: Law, noise: float = 0.0, seed: int = 1, sizes: int = 5, lengths: int = 4) -> list[Point]:
    dice = np.random.default_rng(seed)
    grid = [(n, d) for n in np.geomspace(1e5, 1e7, sizes) for d in np.geomspace(1e6, 1e8, lengths)]
    return [Point(f"{n:.0f}/{d:.0f}", n, d, law.loss(n, d) * float(np.exp(dice.normal(0, noise)))) for n, d in grid]


@pytest.mark.parametrize("law", [CHINCHILLA, SMALL])
def test_a_law_without_noise_is_found_again(law):
    found = fit(runs(law))
    assert found.alpha == pytest.approx(law.alpha, rel=0.01) and found.beta == pytest.approx(law.beta, rel=0.01)
    assert found.floor == pytest.approx(law.floor, rel=0.01)
    assert found.size == pytest.approx(law.size, rel=0.05) and found.text == pytest.approx(law.text, rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_noise_of_half_a_percent_leaves_the_exponents_within_a_quarter(seed):
    found = fit(runs(SMALL, 0.005, seed, 6, 6))
    assert found.alpha == pytest.approx(SMALL.alpha, rel=0.25) and found.beta == pytest.approx(SMALL.beta, rel=0.25)
    assert found.loss(4e7, 4e8) == pytest.approx(SMALL.loss(4e7, 4e8), rel=0.03)  # four times beyond both ends


def test_one_run_gone_wrong_changes_little():
    points = runs(SMALL, 0.001)
    points[7] = Point("spoilt", points[7].parameters, points[7].tokens, 1.5 * points[7].loss)
    assert fit(points).loss(2e7, 2e8) == pytest.approx(SMALL.loss(2e7, 2e8), rel=0.01)


def test_intervals_hold_what_is_true_and_widen_with_noise():
    held, widths = [], []
    for noise in (0.002, 0.01):
        for seed in range(3):
            points = runs(SMALL, noise, seed)
            law = fit(points)
            drawn = [each.loss(3e7, 3e8) * float(np.exp(off)) for each, off in bootstrap(points, law, 30, seed)]
            low, high = interval(drawn)
            held.append(low <= SMALL.loss(3e7, 3e8) <= high)
            widths.append(high - low)
    assert sum(held) >= 5 and np.mean(widths[3:]) > 2 * np.mean(widths[:3])


def test_the_same_seed_draws_the_same():
    points = runs(SMALL, 0.01)
    law = fit(points)
    assert list(bootstrap(points, law, 3, 5)) == list(bootstrap(points, law, 3, 5))


@pytest.mark.parametrize("flops", [1e15, 1e18])
def test_the_best_size_is_the_lowest_of_all_sizes(flops):
    best = CHINCHILLA.best_size(flops)
    sizes = np.geomspace(best / 30, best * 30, 4001)
    assert sizes[np.argmin([CHINCHILLA.loss(n, flops / 6 / n) for n in sizes])] == pytest.approx(best, rel=0.005)


def test_text_that_teaches_nothing_has_no_best_size():
    with pytest.raises(Problem, match="vary both"):
        Law(1.0, 10.0, 0.3, 0.0, 0.3).best_size(1e12)


def test_too_few_or_too_equal_runs_are_refused():
    points = runs(SMALL)
    with pytest.raises(Problem, match="at least 6 trainings and there are 5"):
        fit(points[:5])
    with pytest.raises(Problem, match="3 different sizes and the trainings have 1"):
        fit([Point("a", 1e5, 1e6 * k, 3.0) for k in range(1, 8)])
    with pytest.raises(Problem, match="3 different numbers of tokens and the trainings have 2"):
        fit([Point("a", 1e5 * k, d * (1 + k / 1000), 3.0) for k in range(1, 5) for d in (1e6, 2e6)])
    with pytest.raises(Problem, match="bad ended with a loss of nan"):
        fit([*points, Point("bad", 1e5, 1e6, float("nan"))])
