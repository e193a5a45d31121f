"""Shares and their intervals, held against published figures and against what repetition must not do."""

import random

import pytest

from groundup.evaluation.metrics import change, design_effect, share, wilson


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_intervals_are_those_that_newcombe_printed(right, n, low, high):
    assert wilson(right / n, n) == pytest.approx((low, high), abs=5e-5)  # Newcombe 1998, table I, method 3


def test_a_share_lies_in_its_interval():
    told = share([True] * 3 + [False])
    assert told["low"] < told["value"] == 0.75 < told["high"]
    assert told["n"] == 4


def test_asking_everything_twice_makes_nothing_surer():
    dice = random.Random(1)
    once = [dice.random() < 0.6 for _ in range(300)]
    twice = [right for right in once for _ in range(2)]
    names = [number for number in range(300) for _ in range(2)]
    assert design_effect(twice, names) == pytest.approx(2, rel=0.01)
    sure, clustered = share(once), share(twice, names)
    assert clustered["low"] == pytest.approx(sure["low"], abs=1e-3)
    assert clustered["high"] == pytest.approx(sure["high"], abs=1e-3)


def test_questions_that_are_asked_once_are_not_clusters():
    right = [number % 3 == 0 for number in range(100)]
    assert share(right, list(range(100)))["low"] == pytest.approx(share(right)["low"], abs=2e-3)


def test_nothing_asked_tells_nothing():
    assert share([]) == {"value": 0.0, "low": 0.0, "high": 1.0, "n": 0}


def test_a_paired_difference_knows_more_than_two_shares():
    before = [number % 2 == 0 for number in range(400)]
    after = [right or number % 40 == 1 for number, right in enumerate(before)]  # ten more are right, none is lost
    told = change(before, after, list(range(400)))
    assert told["value"] == 0.025
    assert 0 < told["low"] < 0.025 < told["high"] < 0.05


def test_no_change_is_no_change_for_sure():
    assert change([True, False] * 9, [True, False] * 9, list(range(18))) == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_clusters_widen_the_interval_of_a_difference():
    before, after = [False] * 200, [number < 100 for number in range(200)]
    alone = change(before, after, list(range(200)))
    together = change(before, after, [number // 20 for number in range(200)])
    assert together["high"] - together["low"] > 2 * (alone["high"] - alone["low"])
