"""A tracker at arm's length: lines go into a queue, a thread of its own takes them out, the training never waits.

A tracker that raises, hangs or cannot be imported is said once, in a sentence, and is not spoken to again.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from groundup.training.keeper import Hooks

PATIENCE = 60.0  # seconds after which a tracker that is still busy with one line is given up
PARTING = 30.0  # seconds that all trackers together get at the end to take in what is left
WAITING = 1000  # lines that may wait; more are dropped


@dataclass(frozen=True)
class Facts:
    """What a tracker is told of a training before its first line."""

    project: str  # the folder of the recipe
    name: str  # the stage
    run: str  # names this very training: one that is resumed has it again
    folder: Path  # where files of trackers may lie
    settings: dict[str, Any]


class Tracker(Protocol):
    """Somebody else's place for metrics."""

    def log(self, step: int, values: dict[str, float]) -> None:
        """One line of metrics."""
        ...

    def rewind(self, step: int) -> None:
        """The training goes on after this step; what was told of later ones will be told again."""
        ...

    def close(self) -> None:
        """No more lines."""
        ...


class Follower:
    """One tracker, its queue and its thread. Every method returns at once, whatever the tracker does."""

    def __init__(self, name: str, begin: Callable[[], Tracker], patience: float = PATIENCE):
        self.name, self.begin, self.patience = name, begin, patience
        self.lines: queue.Queue[tuple[str, tuple[Any, ...]] | None] = queue.Queue(WAITING)
        self.trouble, self.told = "", False  # why it is not spoken to any more; whether that was said
        self.busy_since: float | None = None
        self.thread = threading.Thread(target=self._follow, name=f"tracker {name}", daemon=True)
        self.thread.start()

    def send(self, what: str, *values: Any) -> None:
        """Let the tracker have it when it comes to it."""
        if self._in_trouble():
            return
        try:
            self.lines.put_nowait((what, values))
        except queue.Full:
            self.trouble = f"{WAITING} lines waited for it"

    def complaint(self) -> str:
        """A sentence, the first time it is asked for after something went wrong."""
        if self.told or not self._in_trouble():
            return ""
        self.told = True
        return f"tracker {self.name}: {self.trouble}; it gets no more lines, metrics.jsonl has them all"

    def close(self, until: float) -> None:
        """Give it until a moment of the monotonic clock to take in what waits; then leave it behind."""
        if self._in_trouble():
            return
        try:
            self.lines.put_nowait(None)
        except queue.Full:
            self.trouble = f"{WAITING} lines waited for it"
            return
        self.thread.join(max(0.0, until - time.monotonic()))
        if self.thread.is_alive() and not self.trouble:
            self.trouble = "it did not come to an end"

    def _in_trouble(self) -> bool:
        since = self.busy_since
        if not self.trouble and since is not None and time.monotonic() - since > self.patience:
            self.trouble = f"it has been busy with one line for {self.patience:.0f} s"
        return bool(self.trouble)

    def _follow(self) -> None:
        try:
            self.busy_since = time.monotonic()
            tracker = self.begin()
            self.busy_since = None
            while (line := self.lines.get()) is not None:
                if self.trouble:
                    return
                what, values = line
                self.busy_since = time.monotonic()
                getattr(tracker, what)(*values)
                self.busy_since = None
            tracker.close()
        except ModuleNotFoundError as error:
            self.trouble = f"there is no package {error.name}: pip install {(error.name or '').split('.')[0]}"
        except BaseException as error:  # SystemExit too: some clients leave that way
            self.trouble = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


@contextmanager
def following(
    names: Sequence[str], hooks: "Hooks", facts: Facts, table: Mapping[str, str], patience: float = PATIENCE
) -> Iterator[None]:
    """While this lasts, the lines of a training go to these trackers too; what goes wrong there is said through `hooks`."""
    if not names:
        yield
        return
    followers = [Follower(name, lambda name=name: import_module(table[name]).begin(facts), patience) for name in names]
    log, rewind, say = hooks.log, hooks.rewind, hooks.say

    def complain() -> None:
        for follower in followers:
            if complaint := follower.complaint():
                say(complaint)

    def log_too(**values: Any) -> None:
        log(**values)
        step, numbers = values.get("step"), {name: float(value) for name, value in values.items() if _plain(value)}
        numbers.pop("step", None)
        if step is not None and numbers:
            for follower in followers:
                follower.send("log", int(step), numbers)
        complain()

    def rewind_too(step: int) -> None:
        rewind(step)
        for follower in followers:
            follower.send("rewind", step)

    hooks.log, hooks.rewind = log_too, rewind_too
    try:
        yield
    finally:
        hooks.log, hooks.rewind = log, rewind
        until = time.monotonic() + min(PARTING, patience)
        for follower in followers:
            follower.close(until)
        complain()


def _plain(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
