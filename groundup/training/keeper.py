"""What happens between two steps: lines of metrics, checkpoints, looks at held-out text, samples, signals.

The loop tells it after each step; it tells the world through its hooks, and saves before anything that could fail.
"""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from groundup.errors import Problem
from groundup.training import checkpoint, guard
from groundup.training.meter import Meter
from groundup.training.writing import Writing

if TYPE_CHECKING:
    from groundup.training.loop import Training


HOPELESS = 10  # steps, none of which had a finite loss, after which a training that has just begun is given up
NAMED = 5  # steps that were left out between two lines and are told of one by one


def _quiet(*args: Any, **values: Any) -> None:
    """Says nothing."""


@dataclass
class Hooks:
    """What the loop asks and tells the world around it; each may be left out."""

    log: Callable[..., None] = _quiet  # log(step=…, name=value): one line of metrics
    rewind: Callable[[int], None] = _quiet  # forget lines after that step
    progress: Callable[[float, float, str, str], None] = _quiet  # (done, total, unit, note)
    stopping: Callable[[], bool] = lambda: False  # whether to save and leave
    saved: Callable[[], bool] = lambda: False  # all is saved, interrupt at will; whether that was asked for already
    say: Callable[[str], None] = _quiet  # a sentence for a person
    fork: Path | None = None  # a checkpoint of another run that a training without any of its own goes on from
    place: dict[str, Any] = field(default_factory=dict)  # what computes: where it is the same, so are the bits
    validate: Callable[[nn.Module, int], dict[str, float]] | None = None  # (model, step) -> metrics
    sample: Callable[[nn.Module, int], None] | None = None  # (model, step): write some text down
    meter: Meter = field(default_factory=Meter)
    advance: Callable[["Training", int], dict[str, Tensor]] = lambda training, step: training.advance(step)


class Keeper:
    """What happens between two steps: lines of metrics, checkpoints, looks at held-out text, samples, signals."""

    def __init__(self, training: "Training", folder: Path | None, run: str, hooks: Hooks):
        self.training, self.folder, self.run, self.hooks = training, folder, run, hooks
        self.settings = training.settings
        self.writing = Writing(folder or Path())
        self.saved_step, self.saved_at = -1, time.monotonic()
        self.note = ""
        self.ended = False  # by a look at held-out text that was one too many without a better one
        self.last: dict[str, float] = {}  # the line of this very step, if it has one

    def resume(self) -> int:
        """The step to go on from; what was said after it is forgotten."""
        if self.settings.regularise.patience and self.hooks.validate is None:
            raise Problem("regularise.patience ends a training by its held-out text, and there is none: say 0")
        found = None if self.folder is None else checkpoint.newest(self.folder, self.run, self.hooks.say)
        step = 0
        if found is not None:
            step = self.saved_step = found.step
            checkpoint.restore(self.training.state, found.state)
        elif self.hooks.fork is not None:
            found = checkpoint.load(self.hooks.fork)
            step = self._fork(found)
        self.hooks.rewind(step - 1)
        if found is not None:
            self._compare(step, found.notes.get("place", {}))
            self.last = found.notes.get("line", {})
        if self.last:
            self.hooks.log(step=step, **self.last)
        return step

    def _fork(self, found: checkpoint.Checkpoint) -> int:
        """Take another run's state; what only its optimizer knew and ours does not starts afresh."""
        if found.step >= self.settings.steps:
            raise Problem(
                f"{self.hooks.fork} has made {found.step} steps and training.steps is {self.settings.steps}: "
                "ask for more steps, or go on from an earlier one."
            )
        fresh = checkpoint.graft(self.training.state, found.state)
        slots = [name for name in fresh if name in self.training.optimizer.slots]
        more = f"; {len(slots)} tensors of the optimizer start afresh, {slots[0]} first" if slots else ""
        self.hooks.say(f"going on from step {found.step} of {self.hooks.fork}{more}")
        return found.step

    def _compare(self, step: int, before: dict[str, Any]) -> None:
        """Say so if what computes now is not what computed before."""
        changed = [
            f"{name} {now} (before: {before[name]})"
            for name, now in self.hooks.place.items()
            if before.get(name, now) != now
        ]
        if changed:
            self.hooks.say(
                f"going on from step {step} with {', '.join(changed)}: losses will agree to about a thousandth with those "
                "of an undisturbed run, not to the last bit"
            )

    def tell(self, step: int, means: dict[str, Tensor], watched: dict[str, float] | None = None) -> None:
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
            self.note = f"loss {self.last['loss']:.3f}, {_learning(self.training, self.last['rate'])}"
            self.note += f", MFU {meter.utilisation:.0%}" if meter.utilisation else ""
        self.last |= watched or {}
        if self.last:
            speed = {"tokens_per_s": round(meter.speed), "mfu": round(meter.utilisation, 4)}
            hooks.log(step=step, **self.last, **speed)
        if self.last.get("skipped"):
            self._tell_skipped(step)
        hooks.progress(step * tokens, self.settings.steps * tokens, "tokens", self.note)

    def _tell_skipped(self, step: int) -> None:
        """Which steps were left out since the last line, why, and whose texts they would have learnt from."""
        left_out = self.training.left_out(step)
        for at, why in list(left_out.items())[:NAMED]:
            documents = self.training.objective.batch(at - 1).documents
            self.hooks.say(guard.sentence(at, why, [] if documents is None else documents.tolist()))
        if len(left_out) > NAMED:
            self.hooks.say(f"and {len(left_out) - NAMED} more steps up to step {step}")
        if step >= HOPELESS and guard.ASKED not in left_out.values() and not self.training.guard.slots["guard.learnt"]:
            raise Problem(
                f"the loss or the gradient was not finite in any of the first {step} steps, so nothing was learnt: set "
                "training.precision to f32 or training.optimizer.rate lower, and look at what `groundup replay` says of step 1."
            )

    def after(self, step: int) -> None:
        """Save first, then look at held-out text and write samples: what fails there loses nothing."""
        hooks, settings, start = self.hooks, self.settings, time.perf_counter()
        self.writing.check()
        last = step == settings.steps
        look = hooks.validate and (last or (settings.validate_every and step % settings.validate_every == 0))
        sample = hooks.sample and (last or step in settings.samples_at)
        stopping = hooks.stopping()
        if stopping or last or ((look or sample) and step) or self._due(step):
            self.save(step)
        if stopping or last or look or sample:
            self.writing.wait()
            if hooks.saved() or stopping:
                raise KeyboardInterrupt
        with self.training.shown() if look or sample else nullcontext():
            if look and hooks.validate:
                told = hooks.validate(self.training.model, step)
                hooks.log(step=step, **told)
                self._judge(step, told)
                self.ended = self.training.patience.over(told.get("validation"), step)
            if hooks.sample and (sample or self.ended):
                hooks.sample(self.training.model, step)
        if self.ended and not last:
            patience = self.training.patience
            kept = f" with the weights of step {patience.step.item()}" if patience.kept else ""
            hooks.say(
                f"step {step}: held-out text was foretold no better than {patience.best.item():.4f} nats for a while; "
                f"training ends{kept}"
            )
        hooks.meter.pause(time.perf_counter() - start)

    def save(self, step: int) -> None:
        """Have a checkpoint written, unless there is one of this step, while training goes on."""
        if self.folder is None or step == self.saved_step:
            return
        notes = {"line": {k: v for k, v in self.last.items() if math.isfinite(v)}} if self.last else {}
        notes["place"] = self.hooks.place
        folder, run, keep = self.folder, self.run, self.settings.keep
        self.writing.start(
            self.training.state,
            lambda state: checkpoint.save(folder, step, state, run, notes, keep, self.settings.stays),
        )
        self.saved_step, self.saved_at = step, time.monotonic()

    def rest(self) -> None:
        """The training is over, one way or another: let the write in flight end."""
        self.writing.rest()

    def _judge(self, step: int, told: dict[str, float]) -> None:
        if self.settings.keep_best and self.folder is not None and step and "validation" in told:
            checkpoint.judge(self.folder, step, told["validation"])

    def _due(self, step: int) -> bool:
        every = self.settings.checkpoint_every
        if step and ((every and step % every == 0) or self.settings.stays(step)):
            return True
        return not self.writing.busy and time.monotonic() - self.saved_at > self.settings.checkpoint_seconds


def _learning(training: "Training", factor: float) -> str:
    rate = training.settings.optimizer.rate  # of the matrices; left out, each kind of optimizer has its own
    return f"rate {factor * rate:.3g}" if rate else f"rate x{factor:.2f}"
