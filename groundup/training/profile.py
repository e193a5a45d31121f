"""Where the time of a few steps goes: shares of data, forward, backward and optimizer, and a trace that Perfetto opens.

Everything is put around the parts of a training from outside and taken away again, so that a training that is not asked
pays nothing, and one that is asked computes the same bits. Open trace.json at https://ui.perfetto.dev.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd import Variable
from torch.profiler import ProfilerActivity, profile, record_function

from groundup.run import write_atomically
from groundup.training.terms import Objective, Term

if TYPE_CHECKING:
    from groundup.training.loop import Training

WARM = 3  # steps of this process that are let pass: compilers and caches are not what is asked for
PHASES = ("data", "forward", "backward", "optimizer")


class Phases:
    """A clock for each phase; one phase at a time, the device waited for at both ends."""

    def __init__(self, device: torch.device):
        self.seconds: dict[str, float] = {name: 0.0 for name in PHASES}
        self.device, self.began, self.open = device, 0.0, None

    def begin(self, name: str) -> None:
        """A phase begins, and shows in the trace under its name."""
        self._wait()
        self.open = record_function(name)
        self.open.__enter__()
        self.began = time.perf_counter()

    def end(self, name: str) -> None:
        """It is over."""
        self._wait()
        self.seconds[name] += time.perf_counter() - self.began
        if self.open is not None:
            self.open.__exit__(None, None, None)
        self.open = None

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*values: Any) -> Any:
            self.begin(name)
            try:
                return function(*values)
            finally:
                self.end(name)

        return timed

    def _wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class Timed:
    """An objective whose batches, losses and backward passes are timed; all else is the objective's own."""

    def __init__(self, objective: Objective, phases: Phases):
        self.objective, self.phases = objective, phases
        self.batch = phases.around("data", objective.batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.objective, name)

    def loss(self, model: nn.Module, batch: Any) -> dict[str, Term]:
        """The terms; the first gradient that reaches one of them begins the backward pass."""
        terms = self.phases.around("forward", self.objective.loss)(model, batch)
        begun = []

        def begin(gradient: Tensor) -> None:
            if not begun:
                begun.append(True)
                self.phases.begin("backward")
                Variable._execution_engine.queue_callback(lambda: self.phases.end("backward"))

        for term in terms.values():
            if term.sum.requires_grad:
                term.sum.register_hook(begin)
        return terms


class Profile:
    """Takes the steps of a training: the first few as they are, then so many under the profiler, then again as they are."""

    def __init__(self, steps: int, folder: Path, say: Callable[[str], None]):
        self.folder, self.say = folder, say
        self.first, self.last, self.taken = WARM, WARM + steps, 0
        self.phases: Phases | None = None
        self.seconds = 0.0

    def advance(self, training: "Training", step: int) -> dict[str, Tensor]:
        """One step, as `Training.advance` does it."""
        now, self.taken = self.taken, self.taken + 1
        if not self.first <= now < self.last:
            return training.advance(step)
        if self.phases is None:
            self.phases = Phases(next(iter(training.parameters.values())).device)
            self.profiler = profile(activities=_activities(self.phases.device))
            self.profiler.start()
        means = self._timed(training, step)
        if now == self.last - 1 or step == training.settings.steps - 1:
            self.last = 0
            self._write(now - self.first + 1)
        return means

    def _timed(self, training: "Training", step: int) -> dict[str, Tensor]:
        assert self.phases
        objective, optimizer = training.objective, training.optimizer
        training.objective = Timed(objective, self.phases)  # type: ignore[assignment]
        optimizer.update = self.phases.around("optimizer", optimizer.update)  # type: ignore[method-assign]
        began = time.perf_counter()
        try:
            with record_function(f"step {step}"):
                means = training.advance(step)
                self.phases._wait()
        finally:
            training.objective = objective
            del optimizer.update  # the class's own comes to light again
        self.seconds += time.perf_counter() - began
        return means

    def _write(self, steps: int) -> None:
        """The trace, the shares beside it, and a sentence."""
        assert self.phases
        self.profiler.stop()
        told = shares(self.phases.seconds, self.seconds)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.profiler.export_chrome_trace(str(self.folder / "trace.json"))
        facts = {"steps": steps, "seconds_per_step": round(self.seconds / steps, 6), "shares": told}
        write_atomically(self.folder / "shares.json", json.dumps(facts, indent=1) + "\n")
        words = ", ".join(f"{name} {share:.0%}" for name, share in told.items())
        self.say(f"time of {steps} steps: {words}; the trace for ui.perfetto.dev is {self.folder / 'trace.json'}")


def shares(seconds: dict[str, float], whole: float) -> dict[str, float]:
    """The share of each phase in the whole, and that of all that is none of them: clipping, sums, Python itself."""
    told = {name: round(value / whole, 4) for name, value in seconds.items()}
    return told | {"rest": round(max(0.0, 1.0 - sum(told.values())), 4)}


def _activities(device: torch.device) -> Sequence[ProfilerActivity]:
    return (ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else []))
