"""What happens between two steps: lines of metrics, checkpoints, looks at held-out text, samples, signals.

The loop tells it after each step; it tells the world through its hooks, and saves before anything that could fail.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from groundup.training import checkpoint
from groundup.training.meter import Meter

if TYPE_CHECKING:
    from groundup.training.loop import Training


def _quiet(*args: Any, **values: Any) -> None:
    """Says nothing."""


@dataclass
class Hooks:
    """What the loop asks and tells the world around it; each may be left out."""

    log: Callable[..., None] = _quiet  # log(step=…, name=value): one line of metrics
    rewind: Callable[[int], None] = _quiet  # forget lines after that step
    progress: Callable[[float, float, str, str], None] = _quiet  # (done, total, unit, note)
    stopping: Callable[[], bool] = lambda: False  # whether to save and leave
    say: Callable[[str], None] = _quiet  # a sentence for a person
    validate: Callable[[nn.Module, int], dict[str, float]] | None = None  # (model, step) -> metrics
    sample: Callable[[nn.Module, int], None] | None = None  # (model, step): write some text down
    meter: Meter = field(default_factory=Meter)
    advance: Callable[["Training", int], dict[str, Tensor]] = lambda training, step: training.advance(step)


class Keeper:
    """What happens between two steps: lines of metrics, checkpoints, looks at held-out text, samples, signals."""

    def __init__(self, training: "Training", folder: Path | None, run: str, hooks: Hooks):
        self.training, self.folder, self.run, self.hooks = training, folder, run, hooks
        self.settings = training.settings
        self.saved_step, self.saved_at = -1, time.monotonic()
        self.note = ""
        self.last: dict[str, float] = {}  # the line of this very step, if it has one

    def resume(self) -> int:
        """The step to go on from; what was said after it is forgotten."""
        found = None if self.folder is None else checkpoint.newest(self.folder, self.run, self.hooks.say)
        step = 0
        if found is not None:
            step = self.saved_step = found.step
            checkpoint.restore(self.training.state, found.state)
            self.last = found.notes.get("line", {})
        self.hooks.rewind(step - 1)
        if self.last:
            self.hooks.log(step=step, **self.last)
        return step

    def tell(self, step: int, means: dict[str, Tensor]) -> None:
        """After a step: count it, and every few steps wait for the device and say where we are."""
        hooks, meter = self.hooks, self.hooks.meter
        self.last = {}
        if step % self.settings.log_every == 0 or step == self.settings.steps:
            told = step * self.training.tokens
            self.last = {"tokens": told} | self.training.line(step, means)
            if hooks.meter.flops_per_token:
                self.last["flops"] = told * hooks.meter.flops_per_token
        tokens = self.training.tokens
        meter.count(tokens)
        if self.last:
            speed = {"tokens_per_s": round(meter.speed), "mfu": round(meter.utilisation, 4)}
            hooks.log(step=step, **self.last, **speed)
            self.note = f"loss {self.last['loss']:.3f}, {_learning(self.training, self.last['rate'])}"
            self.note += f", MFU {meter.utilisation:.0%}" if meter.utilisation else ""
            if skipped := self.last["skipped"]:
                hooks.say(f"step {step}: {skipped} steps were skipped, their loss or gradient was not finite")
        hooks.progress(step * tokens, self.settings.steps * tokens, "tokens", self.note)

    def after(self, step: int) -> None:
        """Save first, then look at held-out text and write samples: what fails there loses nothing."""
        hooks, settings, start = self.hooks, self.settings, time.perf_counter()
        last = step == settings.steps
        look = hooks.validate and (last or (settings.validate_every and step % settings.validate_every == 0))
        sample = hooks.sample and (last or step in settings.samples_at)
        stopping = hooks.stopping()
        if stopping or last or ((look or sample) and step) or self._due(step):
            self.save(step)
        if stopping and not last:
            raise KeyboardInterrupt
        if look and hooks.validate:
            hooks.log(step=step, **hooks.validate(self.training.model, step))
        if sample and hooks.sample:
            hooks.sample(self.training.model, step)
        hooks.meter.pause(time.perf_counter() - start)

    def save(self, step: int) -> None:
        """Write a checkpoint unless there is one of this step."""
        if self.folder is None or step == self.saved_step:
            return
        notes = {"line": {k: v for k, v in self.last.items() if math.isfinite(v)}} if self.last else {}
        checkpoint.save(self.folder, step, self.training.state, self.run, notes, self.settings.keep)
        self.saved_step, self.saved_at = step, time.monotonic()

    def _due(self, step: int) -> bool:
        every = self.settings.checkpoint_every
        if every and step and step % every == 0:
            return True
        return time.monotonic() - self.saved_at > self.settings.checkpoint_seconds


def _learning(training: "Training", factor: float) -> str:
    rate = training.settings.optimizer.rate  # of the matrices; left out, each kind of optimizer has its own
    return f"rate {factor * rate:.3g}" if rate else f"rate x{factor:.2f}"
