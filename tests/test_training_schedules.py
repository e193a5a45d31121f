"""Learning rates over a training: they rise, stay and fall as they are called to."""

import math
from itertools import pairwise

import pytest

from groundup.training import schedules
from groundup.training.schedules import SCHEDULES
from groundup.training.settings import ScheduleSettings

STEPS = 200
RISING = {"inverse_square_root", "one_cycle"}  # which are nothing without a warm-up


def curve(**settings) -> list[float]:
    return schedules.curve(ScheduleSettings(**settings), STEPS)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_rates_stay_between_nothing_and_all(kind):
    for warmup in (0.1, 1.0) if kind in RISING else (0.0, 0.1, 1.0):
        told = curve(kind=kind, warmup=warmup, floor=0.05)
        assert all(0 < factor <= 1 for factor in told)


@pytest.mark.parametrize("kind", sorted(set(SCHEDULES) - {"one_cycle"}))
def test_a_warm_up_rises_evenly_to_the_whole_rate(kind):
    told = curve(kind=kind, warmup=0.1)
    rises = [b - a for a, b in pairwise(told[:20])]
    assert rises == pytest.approx([rises[0]] * 19) and told[20] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("kind", ["linear", "cosine", "wsd"])
def test_a_schedule_falls_to_its_floor(kind):
    told = curve(kind=kind, floor=0.1)
    assert all(a >= b for a, b in pairwise(told)) and told[-1] == pytest.approx(0.1, abs=0.02)


def test_linear_and_cosine_are_half_way_down_in_the_middle():
    for kind in ("linear", "cosine"):
        told = curve(kind=kind, warmup=0.2, floor=0.1)
        assert told[40] == pytest.approx(1) and told[120] == pytest.approx(0.55)
    assert curve(kind="cosine")[50] == pytest.approx(0.5 + 0.5 * math.sqrt(0.5))


def test_inverse_square_root_halves_in_four_times_the_warm_up():
    told = curve(kind="inverse_square_root", warmup=0.1)
    assert told[20] == 1 and told[80] == pytest.approx(1 / 2) and told[180] == pytest.approx(1 / 3)
    assert curve(kind="inverse_square_root", warmup=0.1, floor=0.2)[80] == pytest.approx(0.6)


def test_one_cycle_rises_from_a_25th_in_half_a_wave_and_falls_in_another():
    told = curve(kind="one_cycle", warmup=0.3, floor=0.01)
    assert told[0] == pytest.approx(1 / 25) and told[30] == pytest.approx(0.52) and told[60] == pytest.approx(1)
    assert told[130] == pytest.approx(0.505) and told[-1] == pytest.approx(0.01, abs=1e-3)
    assert told[:61] == sorted(told[:61]) and told[60:] == sorted(told[60:], reverse=True)


def test_restarts_begin_again_at_the_whole_rate():
    told = curve(kind="restarts", cycles=4, floor=0.1)
    assert [told[at] for at in (0, 50, 100, 150)] == pytest.approx([1] * 4)
    assert [told[at] for at in (25, 75, 125)] == pytest.approx([0.55] * 3)
    assert [told[at] for at in (49, 99, 149, 199)] == pytest.approx([0.1] * 4, abs=0.01)


def test_restarts_may_come_later_each_time():
    told = curve(kind="restarts", cycles=3, growth=2.0, warmup=0.3)  # 140 steps in parts of 20, 40 and 80
    assert [told[at] for at in (60, 80, 120)] == pytest.approx([1] * 3)
    assert [told[at] for at in (70, 100, 160)] == pytest.approx([0.5] * 3) and told[-1] < 0.01
    assert curve(kind="restarts", cycles=1) == curve(kind="cosine")


def test_wsd_stays_until_its_last_share():
    told = curve(kind="wsd", decay=0.4)
    assert told[:120] == [1.0] * 120 and told[160] == pytest.approx(0.5) and told[-1] == pytest.approx(1 / 80)


def test_constant_stays():
    assert curve(kind="constant") == [1.0] * STEPS


@pytest.mark.parametrize("kind", sorted(RISING))
def test_what_is_nothing_without_a_warm_up_says_so(kind):
    with pytest.raises(ValueError, match="warmup"):
        ScheduleSettings(kind=kind)


@pytest.mark.parametrize("given", [{"decay": 0.5, "kind": "cosine"}, {"cycles": 3}, {"growth": 2.0, "kind": "linear"}])
def test_settings_of_another_schedule_are_refused(given):
    with pytest.raises(ValueError, match="leave it out"):
        ScheduleSettings(**given)
