"""How large may the learning rate be? A short training whose rates grow from step to step until its loss runs away.

Smith 2017: where the loss falls fastest is a good rate to begin with; where it stops falling is too much.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from groundup.training.loop import Training
from groundup.training.settings import ScheduleSettings, TrainSettings

AWAY = 0.5  # nats above the lowest loss: it ran away
SMOOTH = 0.8  # of the running mean in which single batches are not seen any more


@dataclass(frozen=True)
class Found:
    """factors (of all learning rates) and the smoothed loss after each step."""

    factors: list[float]
    losses: list[float]
    fastest: float  # factor at which the loss fell fastest
    lowest: float  # factor at which it was lowest


class Rising:
    """An optimizer whose rates are multiplied by a factor from outside."""

    def __init__(self, optimizer: Any):
        self.optimizer, self.slots, self.factor = optimizer, optimizer.slots, 1.0

    def update(self, gradients: Mapping[str, Tensor], factor: float, strength: Tensor) -> None:
        """One step at `factor` times the rates, times ours."""
        self.optimizer.update(gradients, factor * self.factor, strength)


def flat(settings: TrainSettings, steps: int) -> TrainSettings:
    """The same training with nothing that moves its rates by itself."""
    update = {"steps": steps, "schedule": ScheduleSettings(kind="constant"), "guard": 0.0, "skip": [], "log_every": 1}
    return settings.model_copy(update=update)


def range_test(
    training: Training, steps: int, low: float, high: float, progress: Callable[[float, float, str, str], None]
) -> Found:
    """Train for some steps at factors from `low` to `high`, evenly spaced by their logarithms; ends where the loss runs away."""
    rising: Any = Rising(training.optimizer)
    training.optimizer = rising
    factors, losses, mean = [], [], 0.0
    for step in range(steps):
        rising.factor = low * (high / low) ** (step / max(1, steps - 1))
        training.advance(step)
        assert training.guard.last is not None
        loss = training.guard.last[0].item()
        mean = SMOOTH * mean + (1 - SMOOTH) * loss
        smooth = mean / (1 - SMOOTH ** (step + 1))
        progress(step + 1, steps, "steps", f"loss {smooth:.3f}")
        if not smooth < min([smooth, *losses]) + AWAY:  # not a number is not less either
            break
        factors.append(rising.factor)
        losses.append(smooth)
    return Found(factors, losses, _fastest(factors, losses), factors[losses.index(min(losses))] if losses else low)


def _fastest(factors: list[float], losses: list[float], width: int = 3) -> float:
    """Where the loss falls most over a few steps, which are evenly spaced by the logarithm of the factor."""
    falls = [losses[at] - losses[at + 2 * width] for at in range(len(losses) - 2 * width)]
    return factors[falls.index(max(falls)) + width] if falls else (factors[0] if factors else 0.0)
