"""How much of its learning rate a step may use: a function of how far the training is, and of nothing else."""

import math

from groundup.training.settings import ScheduleSettings


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


SCHEDULES = {"constant": constant, "linear": linear, "cosine": cosine, "wsd": wsd}


def rate(step: int, steps: int, settings: ScheduleSettings) -> float:
    """The factor of all learning rates at a step: warm-up first, then the schedule of that name."""
    if step < settings.warmup * steps:
        return (step + 1) / (settings.warmup * steps + 1)
    return SCHEDULES[settings.kind](step / steps, settings)


def _between(floor: float, share: float) -> float:
    return floor + (1 - floor) * share
