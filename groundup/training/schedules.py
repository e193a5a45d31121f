"""How much of its learning rate a step may use: a function of how far the training is, and of nothing else."""

import math
from collections.abc import Callable

from groundup.training.settings import ScheduleSettings

Schedule = Callable[[float, ScheduleSettings], float]


def constant(done: float, settings: ScheduleSettings) -> float:
    """done in [0, 1): the share of the training that lies behind this step."""
    return 1.0


def linear(done: float, settings: ScheduleSettings) -> float:
    """A straight line from the end of the warm-up down to the floor."""
    return _between(settings.floor, (1 - done) / (1 - settings.warmup) if settings.warmup < 1 else 1.0)


def cosine(done: float, settings: ScheduleSettings) -> float:
    """Half a wave from the end of the warm-up down to the floor (Loshchilov and Hutter 2017)."""
    behind = (done - settings.warmup) / (1 - settings.warmup) if settings.warmup < 1 else 0.0
    return _between(settings.floor, 0.5 * (1 + math.cos(math.pi * behind)))


def wsd(done: float, settings: ScheduleSettings) -> float:
    """Warm up, stay, decay: straight down over the last share `decay` of the training."""
    return _between(settings.floor, min(1.0, (1 - done) / settings.decay))


def inverse_square_root(done: float, settings: ScheduleSettings) -> float:
    """As 1/√step from the end of the warm-up on, wherever the training ends (Vaswani et al. 2017)."""
    return _between(settings.floor, math.sqrt(min(1.0, settings.warmup / done)) if done else 1.0)


def restarts(done: float, settings: ScheduleSettings) -> float:
    """Half a wave down to the floor, again and again, each `growth` times as long as the last (Loshchilov and Hutter 2017)."""
    lengths = [settings.growth**number for number in range(settings.cycles)]
    behind = (done - settings.warmup) / (1 - settings.warmup) * sum(lengths) if settings.warmup < 1 else 0.0
    for length in lengths[:-1]:
        if behind < length - 1e-9:  # so that rounding does not put off a restart by a step
            break
        behind -= length
    else:
        length = lengths[-1]
    return _between(settings.floor, 0.5 * (1 + math.cos(math.pi * max(0.0, behind) / length)))


SCHEDULES: dict[str, Schedule] = {
    "constant": constant,
    "linear": linear,
    "cosine": cosine,
    "wsd": wsd,
    "inverse_square_root": inverse_square_root,
    "one_cycle": cosine,  # Smith 2018: up in half a wave, down in another
    "restarts": restarts,
}


def straight(step: int, rising: float) -> float:
    """From nothing, which no step has, to all, which the first step after `rising` has."""
    return (step + 1) / (rising + 1)


def wave(step: int, rising: float) -> float:
    """Half a wave from a 25th to all."""
    return _between(1 / 25, 0.5 * (1 - math.cos(math.pi * step / rising)))


RISES = dict.fromkeys(SCHEDULES, straight) | {"one_cycle": wave}


def rate(step: int, steps: int, settings: ScheduleSettings) -> float:
    """The factor of all learning rates at a step: warm-up first, then the schedule of that name."""
    if step < settings.warmup * steps:
        return RISES[settings.kind](step, settings.warmup * steps)
    return SCHEDULES[settings.kind](step / steps, settings)


def curve(settings: ScheduleSettings, steps: int) -> list[float]:
    """The factor of every step, to be drawn."""
    return [rate(step, steps, settings) for step in range(steps)]


def _between(floor: float, share: float) -> float:
    return floor + (1 - floor) * share
