"""How long a stage took and how much memory it needed, summed over all its attempts, however they ended."""

import json
import os
import resource
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

CLOCK = "clock.json"
EVERY = 2.0  # seconds between two notes: what a killed attempt can lose


class Clock:
    """Runs from `start` to `stop` and keeps its note in the stage's folder up to date meanwhile."""

    def __init__(self, folder: Path):
        self.path = folder / CLOCK
        told = _told(self.path)
        self.seconds_before, self.peak_before = float(told.get("seconds", 0.0)), float(told.get("peak_mb", 0.0))
        self.attempts = int(told.get("attempts", 0)) + 1
        self.started = time.monotonic()
        self.children_before = _children_mb()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._keep, name="clock", daemon=True)

    def start(self) -> None:
        """Begin an attempt; the kernel is asked to forget the memory peak of what this process did before."""
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        self.note()
        self.thread.start()

    def stop(self) -> None:
        """End the attempt and write down what it came to, if the disk lets us."""
        if self.stopped.is_set():
            return
        self.stopped.set()
        self.thread.join()
        with suppress(OSError):
            self.note()

    @property
    def seconds(self) -> float:
        """Of all attempts so far."""
        return self.seconds_before + time.monotonic() - self.started

    @property
    def peak_mb(self) -> float:
        """The most memory any attempt held at once, and its largest child if that was larger, in MB of 10^6 bytes.

        Linux counts for a child what its parent held when it was started, be it `true`: no more than our own says nothing.
        """
        own, children = _own_mb(), _children_mb()
        return max(self.peak_before, own + (children if children > max(own, self.children_before) else 0.0))

    def note(self) -> None:
        """Write the sums beside the work; a power cut may take one note, so nothing waits for the disk."""
        told = {"seconds": round(self.seconds, 3), "peak_mb": round(self.peak_mb, 1), "attempts": self.attempts}
        beside = self.path.with_name(f".{CLOCK}.writing")
        beside.write_text(json.dumps(told) + "\n")
        os.replace(beside, self.path)

    def _keep(self) -> None:
        while not self.stopped.wait(EVERY):
            with suppress(OSError):
                self.note()


def _told(path: Path) -> dict[str, float]:
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _own_mb() -> float:
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return _maxrss_mb(resource.RUSAGE_SELF)


def _children_mb() -> float:
    return _maxrss_mb(resource.RUSAGE_CHILDREN)


def _maxrss_mb(who: int) -> float:
    unit = 1 if sys.platform == "darwin" else 1024  # the one counts bytes, the other KiB
    return resource.getrusage(who).ru_maxrss * unit / 1e6
