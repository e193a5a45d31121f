"""What a stage is handed while it works: its folder, its seed, its machine, and a few things it may say."""

import json
import math
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from groundup.config import Settings
from groundup.hardware import Machine
from groundup.run.clock import Clock
from groundup.run.content import METRICS, RESOLVED
from groundup.run.files import drop_torn_line, write_atomically
from groundup.run.manifest import encode
from groundup.run.reading import Read

Sink = Callable[[float, float, str, str], None]  # (done, total, unit, note)
Value = TypeVar("Value")
EVERY = 0.1  # seconds between two reports of progress
PATIENCE = 5.0  # seconds within which a stage that asks `stopping` is trusted to ask again


@dataclass(frozen=True)
class Estimate:
    """What a stage will make and need, before it runs; all zeros where nothing is known."""

    text_bytes: int = 0
    documents: int = 0
    tokens: int = 0
    parameters: int = 0
    flops: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0
    seconds: float = 0.0


def silent(done: float, total: float, unit: str, note: str) -> None:
    """The sink of whoever does not want to know."""


class Work:
    """One stage at work. Artifacts go into `out`, which may hold what an interrupted attempt left."""

    def __init__(self, out: Path, settings: Settings, seed: int, machine: Machine, inputs: dict[str, Read], sink: Sink):
        self.out, self.settings, self.seed, self.machine, self.inputs = out, settings, seed, machine, inputs
        self.sink, self.clock = sink, Clock(out)
        self._reported = self._asked = -math.inf
        self.noted: dict[str, Any] = {}
        self._patience, self._told = PATIENCE, (0.0, 0.0, "")
        self._stop = threading.Event()
        drop_torn_line(out / METRICS)

    def progress(self, done: float, total: float, unit: str = "documents", note: str = "") -> None:
        """Say how far the work is; cheap, so call it often."""
        now = time.monotonic()
        self._told = done, total, unit
        if now - self._reported >= EVERY or done >= total:
            self._reported = now
            self.sink(done, total, unit, note)

    def say(self, sentence: str) -> None:
        """A sentence for a person: to whoever watches, and as a `note` in metrics.jsonl."""
        self.log(note=sentence)
        self.sink(*self._told, sentence)

    def log(self, **values: Any) -> None:
        """Add one line to metrics.jsonl; `seconds` of work so far are added to it."""
        told = {"seconds": round(self.clock.seconds, 3)} | _plain(values)
        with open(self.out / METRICS, "a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")

    def note(self, **values: Any) -> None:
        """Add facts about this attempt to the manifest."""
        self.noted |= _plain(values)

    def rewind(self, step: int) -> None:
        """Forget metric lines of steps after `step`: they will be made again."""
        path = self.out / METRICS
        if not path.exists():
            return
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if not json.loads(line).get("step", -1) > step]
        if len(kept) < len(lines):
            write_atomically(path, "".join(kept))

    def choose(self, name: str, function: Callable[[], Value]) -> Value:
        """What `function` (a probe) decides the first time; a resumed attempt gets the same answer unasked."""
        path = self.out / RESOLVED
        chosen = json.loads(path.read_text()) if path.exists() else {}
        if name not in chosen:
            chosen[name] = function()
            write_atomically(path, encode(chosen))
        return chosen[name]

    def stopping(self, patience: float = PATIENCE) -> bool:
        """True once someone asked us to stop: save what is worth saving and raise KeyboardInterrupt.

        Whoever asks will ask again within so many seconds; 0 says that all is saved, and any signal may interrupt at once.
        """
        self._asked, self._patience = time.monotonic(), patience
        return self._stop.is_set()

    def ask_to_stop(self) -> None:
        """For the signal handler: a stage that asks `stopping` may end in order, any other is interrupted here."""
        second = self._stop.is_set()
        self._stop.set()
        if second or time.monotonic() - self._asked >= self._patience:
            raise KeyboardInterrupt


def _plain(value: Any) -> Any:
    """Numbers of any library as JSON; what JSON has no word for (nan, inf) as text."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, os.PathLike) else value
