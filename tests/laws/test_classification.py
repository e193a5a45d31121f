"""Laws of how classifiers are measured: the area under the curve is its definition, and true chances are called true."""

import numpy as np
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from groundup.evaluation.classification import (
    area,
    area_plainly,
    calibration,
    calibration_error,
    classification,
    thresholds,
)

SCORED = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=2, max_size=30)


@how(deadline=None)
@given(SCORED)
def test_the_area_under_the_curve_is_its_definition(pairs):
    chance, is_so = (np.array(column) for column in zip(*pairs, strict=True))
    if is_so.all() or not is_so.any():
        assert area(chance, is_so) is None
    else:
        assert abs(area(chance, is_so) - area_plainly(chance.tolist(), is_so.tolist())) < 1e-4


def test_chances_that_come_true_as_often_as_they_say_are_not_off():
    dice = np.random.default_rng(0)
    chance = dice.uniform(0, 1, 50_000)
    assert calibration_error(calibration(chance, dice.uniform(0, 1, 50_000) < chance)) < 0.01
    assert calibration_error(calibration(chance, dice.uniform(0, 1, 50_000) < chance / 2)) > 0.2


def test_precision_and_recall_are_counted_by_label():
    chances = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    told = classification(chances, np.array([0, 1, 1, 0]), ["a", "b"])
    assert told["accuracy"] == 0.75
    assert (told["labels"]["a"]["precision"], told["labels"]["a"]["recall"]) == (0.6667, 1.0)
    assert (told["labels"]["b"]["precision"], told["labels"]["b"]["recall"]) == (1.0, 0.5)


def test_a_threshold_tells_what_would_be_kept_of_the_pool():
    chance, is_so = np.array([0.1, 0.5, 0.9, 0.95]), np.array([False, False, True, True])
    row = next(row for row in thresholds(chance, is_so, np.array([0.0, 0.0, 0.0, 0.99])) if row["threshold"] == 0.5)
    assert row == {"threshold": 0.5, "precision": 0.6667, "recall": 1.0, "kept": 0.25}
