"""A metrics.jsonl that is being written: read once, then only what is new, and thinned so that a page can draw it.

Of a file with a million lines a few thousand are read the first time, spread evenly, and all of its end. What is drawn
of a row of numbers is the smallest and the largest of each stretch, so that no spike is lost by being few pixels wide.
"""

import json
import math
import os
from array import array
from pathlib import Path
from typing import Any

import numpy as np

WHOLE = 16_000_000  # bytes of a file that is read from end to end
TAIL, SPREAD = 1_000_000, 8_000_000  # of a larger one: the end, and pieces from all over it
PIECE = 8192  # bytes of a piece, or twice the longest of the first lines
MOST = 8192  # points of one metric that are remembered after they were thinned
NOTES = 50
AXES = ("steps", "tokens", "flops", "hours")
SEVERE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Series:
    """One metric: (points) of step, seconds and value."""

    def __init__(self) -> None:
        self.steps, self.seconds, self.values = array("d"), array("d"), array("d")

    def add(self, step: float, seconds: float, value: float) -> None:
        """One more point."""
        self.steps.append(step)
        self.seconds.append(seconds)
        self.values.append(value)
        if len(self.values) >= 2 * MOST:
            kept = thin(np.array(self.values), MOST, np.array(self.steps))
            self.steps, self.seconds, self.values = (
                array("d", np.array(each)[kept]) for each in (self.steps, self.seconds, self.values)
            )


class Lines:
    """What is known of one file."""

    def __init__(self, path: Path):
        self.path = path
        self.forget()

    def forget(self) -> None:
        """As before the first look."""
        self.file, self.offset, self.changes = (0, 0), 0, 0
        self.series: dict[str, Series] = {}
        self.last: dict[str, float] = {}  # the newest value of each metric
        self.notes: list[str] = []
        self.sampled = False

    def refresh(self) -> bool:
        """Read what is new; whether there was something. A file that was written afresh is read afresh."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        except OSError:
            return False
        with open(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if (status.st_dev, status.st_ino) != self.file or status.st_size < self.offset:
                changes = self.changes
                self.forget()
                self.file, self.changes = (status.st_dev, status.st_ino), changes + 1
            if status.st_size == self.offset:
                return False
            if status.st_size - self.offset > WHOLE:
                self._spread(file, status.st_size - TAIL)
            file.seek(self.offset)
            raw = file.read(status.st_size - self.offset)
        whole = raw[: raw.rfind(b"\n") + 1]
        self.offset += len(whole)
        for line in whole.splitlines():
            self._take(line)
        self.changes += bool(whole)
        return bool(whole)

    def _spread(self, file: Any, end: int) -> None:
        """Whole lines from pieces all over the file up to `end`, where reading goes on."""
        self.sampled = True
        file.seek(self.offset)
        longest = max(map(len, file.read(8 * PIECE).splitlines()), default=0)
        piece = max(PIECE, 2 * longest)
        for start in np.linspace(self.offset, end - piece, max(2, SPREAD // piece)).astype(int).tolist():
            file.seek(start)
            raw = file.read(piece)
            first = 0 if start == self.offset else raw.find(b"\n") + 1
            for line in raw[first : raw.rfind(b"\n") + 1].splitlines():
                self._take(line)
        file.seek(end)
        self.offset = end + len(file.readline())

    def _take(self, line: bytes) -> None:
        try:
            told = json.loads(line)
        except ValueError:
            return
        if not isinstance(told, dict):
            return
        if isinstance(note := told.get("note"), str):
            self.notes = [*self.notes[1 - NOTES :], note[:500]]
        step, seconds = told.get("step"), told.get("seconds", 0.0)
        if not isinstance(step, int | float) or not isinstance(seconds, int | float):
            return
        for name, value in told.items():
            value = SEVERE.get(value, value) if isinstance(value, str) else value
            if name in ("step", "seconds") or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if name not in self.series:
                self.series[name] = Series()
            self.series[name].add(step, seconds, value)
            self.last[name] = value
        self.last["step"], self.last["seconds"] = step, seconds

    def points(self, name: str, axis: str, most: int) -> tuple[list[float], list[float | None]]:
        """x and y of one metric, at most so many points; empty where there is nothing to draw."""
        if name not in self.series:
            return [], []
        series = self.series[name]
        steps, values = np.array(series.steps), np.array(series.values)
        if axis == "hours":
            x = np.array(series.seconds) / 3600
        elif axis == "steps":
            x = steps
        elif axis in self.series:  # tokens and flops are metrics themselves, said at some of the steps
            known = self.series[axis]
            x = np.interp(steps, [0.0, *known.steps], [0.0, *known.values])
        else:
            return [], []
        kept = thin(values, most, steps)
        return x[kept].tolist(), [value if math.isfinite(value) else None for value in values[kept].tolist()]

    def layers(self, name: str, most: int) -> tuple[list[float], list[list[float | None]]]:
        """Steps, and (layers, steps) of the metrics called layer.N.`name`."""
        found: dict[int, Series] = {}
        for full, series in self.series.items():
            split = layer_of(full)
            if split and split[1] == name:
                found[split[0]] = series
        if not found:
            return [], []
        steps = np.unique(np.concatenate([np.array(series.steps) for series in found.values()]))
        if len(steps) > most:
            steps = steps[np.linspace(0, len(steps) - 1, most).astype(int)]
        table = []
        for number in range(max(found) + 1):
            series = found.get(number)
            if series is None:
                table.append([None] * len(steps))
                continue
            at = np.searchsorted(np.array(series.steps), steps, side="right") - 1
            values = np.where(at >= 0, np.array(series.values)[at], np.nan)
            table.append([value if math.isfinite(value) else None for value in values.tolist()])
        return steps.tolist(), table


def layer_of(name: str) -> tuple[int, str] | None:
    """layer.3.gradient -> (3, gradient)."""
    parts = name.split(".", 2)
    if len(parts) == 3 and parts[0] == "layer" and parts[1].isdecimal() and int(parts[1]) < 1000:
        return int(parts[1]), parts[2]
    return None


def thin(values: np.ndarray, most: int, steps: np.ndarray | None = None) -> np.ndarray:
    """Indices, in order, of at most so many values: of each equally long stretch of steps the first, smallest and largest.

    Stretches are of steps, not of points, so that what was thinned before is not thinned more than what is new.
    """
    if len(values) <= most:
        return np.arange(len(values))
    x = np.arange(len(values), dtype=float) if steps is None else np.maximum.accumulate(steps)
    edges = np.searchsorted(x, np.linspace(x[0], x[-1], max(1, most // 3) + 1))
    edges[-1] = len(values)
    kept = {len(values) - 1}
    low, high = np.nan_to_num(values, nan=np.inf), np.nan_to_num(values, nan=-np.inf)
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        if end > start:
            kept |= {start, start + int(low[start:end].argmin()), start + int(high[start:end].argmax())}
    return np.array(sorted(kept)[-most:])
