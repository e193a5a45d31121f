"""The one thread that looks at the runs, and the picture it keeps for whoever asks: pages and their streams."""

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from groundup.run.content import METRICS
from groundup.serving.dashboard import folders
from groundup.serving.dashboard.alerts import Alert, Watch
from groundup.serving.dashboard.folders import Run
from groundup.serving.dashboard.lines import Lines
from groundup.serving.dashboard.load import Load

EVERY, SEARCH = 1.0, 5.0  # seconds between two looks at the files known, and at folders and machine


def _nobody(alert: Alert) -> None:
    """The page is enough."""


class Watching:
    """Everything below one folder, as it was at the last look."""

    def __init__(self, root: Path, tell: Callable[[Alert], None] = _nobody):
        self.root = root
        self.runs: dict[str, Run] = {}
        self.lines: dict[str, Lines] = {}
        self.watch, self.load = Watch(tell), Load(root)
        self.lock = threading.Lock()  # of `runs` and `lines`
        self.version, self.searched = 0, 0.0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._go_on, name="watching", daemon=True)

    def start(self) -> None:
        """Look once, then again and again."""
        self.look()
        self.thread.start()

    def stop(self) -> None:
        """No more looks."""
        self.ended.set()

    def _go_on(self) -> None:
        while not self.ended.wait(EVERY):
            try:
                self.look()
            except OSError:  # a folder that goes while it is looked at
                continue

    def look(self) -> None:
        """Read what is new."""
        now = time.monotonic()
        if not self.searched or now - self.searched >= SEARCH:
            self.searched = now
            found = folders.find(self.root, self.runs)
            load = self.load.look()
            self.watch.disk(load["disk_free"], load["disk"])
            with self.lock:
                self.runs = found
                self.lines = {name: self.lines.get(name) or Lines(run.folder / METRICS) for name, run in found.items()}
            self.version += 1
        for name, run in list(self.runs.items()):
            lines, state = self.lines[name], run.state
            if state == "finished" and lines.changes:  # such a folder never changes again
                continue
            with self.lock:
                changed = lines.refresh()
            self.watch.look(run, lines, now)
            self.version += changed

    def state(self) -> dict[str, Any]:
        """What a page shows without being asked for more."""
        with self.lock:
            runs = [self._about(run, self.lines[name]) for name, run in self.runs.items() if self._shown(name)]
        return {
            "version": self.version,
            "folder": self.root.name,
            "runs": runs,
            "load": list(self.load.history),
            "alerts": [asdict(alert) for alert in self.watch.alerts],
        }

    def _shown(self, name: str) -> bool:
        run = self.runs[name]
        return "step" in self.lines[name].last or (run.kind == "train" and run.state != "finished")

    def _about(self, run: Run, lines: Lines) -> dict[str, Any]:
        return {
            "name": run.name,
            "state": run.state,
            "kind": run.kind,
            "steps": run.steps,
            "last": {
                name: value if value == value and abs(value) < 1e308 else None for name, value in lines.last.items()
            },
            "metrics": sorted(lines.series),
            "notes": lines.notes,
            "changes": lines.changes,
            "sampled": lines.sampled,
        }

    def series(self, name: str, metric: str, axis: str, most: int) -> dict[str, Any] | None:
        """Points of one metric; None where there is no such run."""
        with self.lock:
            if name not in self.lines:
                return None
            x, y = self.lines[name].points(metric, axis, most)
            return {"run": name, "metric": metric, "axis": axis, "changes": self.lines[name].changes, "x": x, "y": y}

    def layers(self, name: str, metric: str, most: int) -> dict[str, Any] | None:
        """The table of a metric of every layer; None where there is no such run."""
        with self.lock:
            if name not in self.lines:
                return None
            steps, table = self.lines[name].layers(metric, most)
            return {"run": name, "metric": metric, "steps": steps, "layers": table}
