"""What a person should hear of: a loss that leaps or is no number, a run that stands still, a disk that is nearly full.

Each is said once, on the page and, while the run is going on, to a webhook.
"""

import json
import queue
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

from groundup.errors import Problem
from groundup.serving.dashboard.folders import Run
from groundup.serving.dashboard.lines import Lines

BEFORE, FEWEST = 50, 20  # losses before one that tell what is usual, and how many there must be
LEAP = 6.0  # standard deviations of the change from one line to the next, and
LEAST = 0.1  # a tenth of the loss: one that hardly moves has small deviations
STALL, PATIENCE = 60.0, 10.0  # a run stands still after a minute, or ten times its usual pause if that is longer
DISK_SHARE, DISK_BYTES = 0.02, 2e9  # that are left
MOST_OF_A_RUN, MOST = 20, 200
WAIT = 5.0  # seconds for the webhook to answer


@dataclass(frozen=True)
class Alert:
    """One thing that happened."""

    kind: str  # spike, nan, skipped, stall, disk
    run: str
    words: str
    at: float


class Watch:
    """Looks at runs as they change. `tell` gets what happens to a run that is going on, and to the disk."""

    def __init__(self, tell: Callable[[Alert], None]):
        self.tell, self.alerts = tell, []
        self.seen: dict[str, float] = {}  # run -> the last step whose loss was looked at
        self.counts: dict[str, int] = {}
        self.moved: dict[str, tuple[int, float]] = {}  # run -> (its changes, when they were first seen)
        self.standing: set[str] = set()
        self.full = False

    def look(self, run: Run, lines: Lines, now: float) -> None:
        """One run."""
        if self.moved.get(run.name, (-1, now))[0] != lines.changes:
            self._losses(run, lines)
        self._standing(run, lines, now)

    def disk(self, free: float, share_used: float) -> None:
        """The disk that the runs are on."""
        full = free < DISK_BYTES or 1 - share_used < DISK_SHARE
        if full and not self.full:
            self._add("disk", "", f"the disk is nearly full: {free / 1e9:.1f} GB are left", True)
        self.full = full

    def _losses(self, run: Run, lines: Lines) -> None:
        if "loss" not in lines.series:
            return
        steps, losses = list(lines.series["loss"].steps), list(lines.series["loss"].values)
        since = self.seen.get(run.name, -1.0)
        if steps and steps[-1] < since:  # went back to a checkpoint
            since = steps[-1]
        self.seen[run.name] = steps[-1] if steps else since
        live = run.state == "running"
        for at, (step, loss) in enumerate(zip(steps, losses, strict=True)):
            if step <= since:
                continue
            if not isfinite(loss):
                self._add("nan", run.name, f"step {step:.0f}: the loss is no finite number", live)
            elif usual := leap(loss, losses[max(0, at - BEFORE) : at]):
                self._add("spike", run.name, f"step {step:.0f}: the loss leapt from {usual:.3f} to {loss:.3f}", live)
        skipped = lines.series.get("skipped")
        for step, count in zip(skipped.steps, skipped.values, strict=True) if skipped else ():
            if step > since and count:
                words = f"step {step:.0f}: {count:.0f} steps were skipped, loss or gradient was not finite"
                self._add("skipped", run.name, words, live)

    def _standing(self, run: Run, lines: Lines, now: float) -> None:
        changes, since = self.moved.get(run.name, (-1, now))
        if run.state != "running" or lines.changes != changes:
            self.moved[run.name] = lines.changes, now
            self.standing.discard(run.name)
            return
        seconds = list(lines.series["loss"].seconds)[-20:] if "loss" in lines.series else []
        pause = (seconds[-1] - seconds[0]) / (len(seconds) - 1) if len(seconds) > 1 else 0.0
        if now - since > max(STALL, PATIENCE * pause) and run.name not in self.standing:
            self.standing.add(run.name)
            self._add("stall", run.name, f"no line of metrics for {now - since:.0f} s", True)

    def _add(self, kind: str, run: str, words: str, live: bool) -> None:
        self.counts[run] = self.counts.get(run, 0) + 1
        if self.counts[run] > MOST_OF_A_RUN and run:
            return
        alert = Alert(kind, run, words, time.time())
        self.alerts = [*self.alerts[1 - MOST :], alert]
        if live:
            self.tell(alert)


def leap(loss: float, before: list[float]) -> float | None:
    """What was usual just before, if this loss is far above it, measured by how much neighbours differ."""
    before = [value for value in before if isfinite(value)]
    if len(before) < FEWEST:
        return None
    usual = statistics.median(before[-10:])
    spread = statistics.pstdev(after - value for value, after in zip(before[:-1], before[1:], strict=True))
    return usual if loss > usual + max(LEAP * spread, LEAST * abs(usual)) else None


class Webhook:
    """Alerts as JSON to an address, from a thread of its own: {"text": …} is what most chats understand."""

    def __init__(self, url: str, say: Callable[[str], None] = print):
        if not url.startswith(("http://", "https://")):
            raise Problem(f"--webhook {url} is no address of the web: expected http://… or https://…")
        self.url, self.say, self.said = url, say, False
        self.waiting: queue.Queue[Alert] = queue.Queue(100)
        threading.Thread(target=self._post, name="webhook", daemon=True).start()

    def __call__(self, alert: Alert) -> None:
        """Send it soon; if a hundred wait already it is left to the page."""
        try:
            self.waiting.put_nowait(alert)
        except queue.Full:
            return

    def _post(self) -> None:
        while True:
            alert = self.waiting.get()
            body: dict[str, Any] = {"text": f"{alert.run or 'this machine'}: {alert.words}", **asdict(alert)}
            headers = {"content-type": "application/json", "user-agent": "groundup"}
            request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)
            try:
                urllib.request.urlopen(request, timeout=WAIT).close()
            except Exception as error:
                if not self.said:
                    self.said = True
                    self.say(f"the webhook cannot be reached ({error}); the page shows all alerts")
