"""Twenty seconds of the real training, in a process of its own, and what the whole of it will take from them.

The stage runs as it always does, in a folder that is thrown away: the same model, batches, optimizer and threads. What it
spends before its first step, in a step, in a look at held-out text and in a checkpoint is timed apart and put together.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from groundup import config, hardware
from groundup.errors import Problem
from groundup.run import Work
from groundup.stages import load

SECONDS = 20.0  # of steps
FEWEST = 3  # steps that count, however long they take
WARMING = 2  # steps that find their memory and choose their kernels
ENDLESS = 10**7  # steps: the training must not end before the probe
NEVER = 1e9


@dataclass(frozen=True)
class Probe:
    """What the parts of a training take on this machine."""

    setup_seconds: float  # from the start of the stage to its first step
    step_seconds: float
    step_cpu_seconds: float  # of all threads: what other people's work on the machine changes less
    look_seconds: float  # one look at held-out text; 0 where there is none
    sample_seconds: float  # one time of writing samples
    save_seconds: float  # one checkpoint
    peak_bytes: int
    steps: int  # of the whole training
    tokens: int  # of a step
    counted: int  # steps that were timed

    def seconds(self, training: Any, samples: bool) -> float:
        """Of the whole stage."""
        looks = (self.steps - 1) // training.validate_every + 1 if training.validate_every else 1
        written = len({*training.samples_at, self.steps}) if samples else 0
        at_work = self.setup_seconds + self.steps * self.step_seconds
        at_work += looks * self.look_seconds + written * self.sample_seconds
        saves = looks + written + at_work / training.checkpoint_seconds
        saves += self.steps / training.checkpoint_every if training.checkpoint_every else 0
        return at_work + (min(saves, self.steps) + 1) * self.save_seconds


class Watched(Work):
    """A stage's work with a clock at each of its words."""

    def watch(self, seconds: float) -> None:
        """Begin; steps are taken for so long."""
        self.began, self.seconds = time.perf_counter(), seconds
        self.asked: list[float] = []  # when `stopping` was asked: after each step, and before the first
        self.cpu: list[float] = []
        self.looked = self.left = 0.0
        self.tokens = self.total = 0.0

    def log(self, **values: Any) -> None:
        """A look at held-out text ends with its line."""
        super().log(**values)
        if len(self.asked) == 1 and "validation" in values:
            self.looked = time.perf_counter() - self.asked[0]

    def progress(self, done: float, total: float, unit: str = "documents", note: str = "") -> None:
        """How many tokens there are in a step, and in all."""
        self.tokens, self.total = done / max(1, len(self.asked)), total

    def stopping(self, patience: float = 1.0) -> bool:
        """Whether enough steps were timed; asked with no patience, all is saved and nobody has taken a step."""
        if not patience:
            return False
        now = time.perf_counter()
        self.asked.append(now)
        self.cpu.append(time.process_time())
        timed = len(self.asked) - 1 - WARMING
        if timed < FEWEST or now - self.asked[WARMING] < self.seconds:
            return False
        self.left = now
        return True

    def found(self, steps: int, ended: float) -> Probe:
        """The probe that this came to; `steps` 0: as many as the stage chose itself."""
        if len(self.asked) < WARMING + 2:
            raise Problem("the training ended before a step of it could be timed: there is nothing to plan")
        counted = len(self.asked) - 1 - WARMING
        step = (self.asked[-1] - self.asked[WARMING]) / counted
        first = self.asked[1] - self.asked[0] - self.looked - step
        return Probe(
            setup_seconds=self.asked[0] - self.began,
            step_seconds=step,
            step_cpu_seconds=(self.cpu[-1] - self.cpu[WARMING]) / counted,
            look_seconds=self.looked,
            sample_seconds=max(0.0, first) if self.settings.samples.prompts else 0.0,  # type: ignore[attr-defined]
            save_seconds=ended - (self.left or ended),
            peak_bytes=_peak(),
            steps=steps or round(self.total / self.tokens),
            tokens=round(self.tokens),
            counted=counted,
        )


def probe(settings: Any, seed: int = 1, seconds: float = SECONDS) -> Probe:
    """Time the parts of a training whose inputs are there, in a process of its own."""
    asked = {"settings": settings.model_dump(mode="json"), "seed": seed, "seconds": seconds}
    command = [sys.executable, "-m", "groundup.recipe.probing"]
    told = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True)
    if told.returncode:
        said = told.stderr.strip().splitlines() or ["it said nothing"]
        raise Problem(f"the training could not be probed: {said[-1]}")
    return Probe(**json.loads(told.stdout.strip().splitlines()[-1]))


def take(settings: Any, seed: int, seconds: float, folder: Path) -> Probe:
    """The same in this process, in a folder to throw away."""
    module = load("train")
    hardware.use_cache_folder()
    from groundup.training.compiling import LONG

    machine = hardware.look(devices=True, folder=folder)
    place = folder / "probe"
    place.mkdir()
    long = module.lasts(settings, machine) >= LONG
    work = Watched(place, endless(settings, long), seed, machine, {}, lambda *_: None)
    work.watch(seconds)
    try:
        module.run(work.settings, work)
    except KeyboardInterrupt:
        pass  # as it was asked to
    steps = settings.training.steps if settings.seconds is None else 0
    return work.found(steps, time.perf_counter())


def endless(settings: Any, long: bool) -> Any:
    """The same training, not ended nor saved before the probe says so, with one look and one sample at its start.

    Whether layers are compiled follows from its length, so a training that is not `long` is told that they are not.
    """
    training = {"steps": ENDLESS, "validate_every": ENDLESS, "checkpoint_every": 0, "checkpoint_seconds": NEVER}
    training |= {"samples_at": [0] if settings.samples.prompts else []}
    if settings.training.compile == "auto" and not long:
        training["compile"] = "off"
    inner = settings.training.model_copy(update=training)
    return settings.model_copy(update={"training": inner})


def _peak() -> int:
    """The most memory that was held: of the card where one computes, else of this process."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Settings come as JSON, the probe goes as JSON."""
    asked = json.load(sys.stdin)
    settings = config.build(load("train").Settings, asked["settings"])
    with tempfile.TemporaryDirectory(prefix="groundup-probe-") as folder:
        found = take(settings, asked["seed"], asked["seconds"], Path(folder))
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    try:
        main()
    except Problem as problem:
        print(problem, file=sys.stderr)
        sys.exit(problem.exit_code)
