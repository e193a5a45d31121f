"""Learning rates over a training: they rise, stay and fall as they are called to."""

from itertools import pairwise

import pytest

from groundup.training.schedules import SCHEDULES, rate
from groundup.training.settings import ScheduleSettings

STEPS = 200


def curve(**settings) -> list[float]:
    return [rate(step, STEPS, ScheduleSettings(**settings)) for step in range(STEPS)]


@pytest.mark.parametrize("kind", SCHEDULES)
def test_rates_stay_between_nothing_and_all(kind):
    for warmup in (0.0, 0.1, 1.0):
        told = curve(kind=kind, warmup=warmup, floor=0.05)
        assert all(0 < factor <= 1 for factor in told)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_warm_up_rises_evenly_to_the_whole_rate(kind):
    told = curve(kind=kind, warmup=0.1, decay=0.5)
    rises = [b - a for a, b in pairwise(told[:20])]
    assert rises == pytest.approx([rises[0]] * 19) and told[20] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", sorted(set(SCHEDULES) - {"constant"}))
def test_a_schedule_falls_to_its_floor(kind):
    told = curve(kind=kind, floor=0.1)
    assert all(a >= b for a, b in pairwise(told)) and told[-1] == pytest.approx(0.1, abs=0.02)


def test_wsd_stays_until_its_last_share():
    told = curve(kind="wsd", decay=0.4)
    assert told[:120] == [1.0] * 120 and told[160] == pytest.approx(0.5) and told[-1] == pytest.approx(1 / 80)


def test_constant_stays():
    assert curve(kind="constant") == [1.0] * STEPS
