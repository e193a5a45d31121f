"""What a person sees while a recipe is made: one line a stage, its state, speed, time left and what came of it.

Nothing of a text passes here: recipe.py tells what happens, and it is drawn as a live tree on a terminal, as one plain
line every few seconds anywhere else.
"""

import json
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from groundup.recipe.plot import History, plot

if TYPE_CHECKING:
    from rich.console import RenderableType

WAITING, RUNNING, MADE, KEPT, STOPPED, FAILED = "waiting", "running", "made", "kept", "stopped", "failed"
MARKS = {WAITING: "·", RUNNING: "▸", MADE: "✓", KEPT: "=", STOPPED: "‖", FAILED: "✗"}
LOSS = re.compile(r"loss (\d+(?:\.\d+)?)\b")  # in a stage's note: what is drawn on a terminal
COLOURS = {WAITING: "dim", RUNNING: "bold cyan", MADE: "green", KEPT: "green", STOPPED: "yellow", FAILED: "bold red"}


def duration(seconds: float) -> str:
    """Seconds as a person says them: 7 s, 1:23, 2:05:00."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def amount(value: float) -> str:
    """A count with three figures that matter: 812, 46.2k, 1.4M."""
    for limit, divisor, letter in ((1e4, 1, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M"), (1e12, 1e9, "G")):
        if abs(value) < limit * (0.9995 if letter else 1):  # 999,960 is 1M, no 1e+03k
            shown = value / divisor
            return f"{shown:,.0f}" if not letter else f"{shown:.3g}{letter}"
    return f"{value / 1e12:.3g}T"


RESULTS = {  # a name in metrics.jsonl -> how it is said when a stage is made; the first two that are there are shown
    "bits_per_byte": "{:.3f} bits per byte",
    "validation": "validation loss {:.3f} nats",
    "loss": "loss {:.3f} nats",
    "bytes_per_token": "{:.2f} bytes per token",
    "bits_per_byte_change": "{:+.2%} bits per byte",
    "documents": "{:,} documents",
    "pages": "{:,} pages",
    "tokens": "{:,} tokens",
}


def result(folder: Path) -> str:
    """What came of a stage, in a few words: the last measures in its metrics, and the largest counts."""
    path, told = folder / "metrics.jsonl", {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        for name, value in json.loads(line).items():
            if name in RESULTS and isinstance(value, int | float):
                told[name] = max(value, told.get(name, value)) if isinstance(value, int) else value
    return ", ".join([words.format(told[name]) for name, words in RESULTS.items() if name in told][:2])


def size(count: float) -> str:
    """Bytes as a person says them: 812 B, 4.2 MB, 31 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


@dataclass
class Row:
    """What is known of one stage while the recipe is being made."""

    name: str
    state: str = WAITING
    done: float = 0
    total: float = 0
    unit: str = ""
    note: str = ""
    seconds: float = 0.0
    began: float = 0.0
    first: tuple[float, float] | None = None  # (moment, done) of the first report: a resumed stage starts beyond zero
    losses: History = field(default_factory=History)

    def report(self, done: float, total: float, unit: str, note: str, now: float) -> None:
        """Take in one report of the running stage."""
        if self.first is None or unit != self.unit or done < self.done:
            self.first = (now, done)
        if note != self.note and (told := LOSS.match(note)):
            self.losses.add(float(told[1]))
        self.done, self.total, self.unit, self.note = done, total, unit, note or self.note

    def speed(self, now: float) -> float:
        """Units a second since this stage first reported."""
        if self.first is None or now - self.first[0] < 0.5:
            return 0.0
        return (self.done - self.first[1]) / (now - self.first[0])

    def words(self, now: float) -> str:
        """The state in words: how far, how fast, how long still, and the stage's own note."""
        if self.state != RUNNING:
            return "  ".join(word for word in (duration(self.seconds) if self.seconds else "", self.note) if word)
        parts = []
        if self.total:
            parts.append(f"{amount(self.done)} of {amount(self.total)} {self.unit}")
        elif self.done:
            parts.append(f"{amount(self.done)} {self.unit}")
        if speed := self.speed(now):
            parts.append(f"{amount(speed)} {self.unit}/s")
            if self.total > self.done:
                parts.append(f"{duration((self.total - self.done) / speed)} left")
        if self.note:
            parts.append(self.note)
        return ", ".join(parts) or duration(now - self.began)


class Lines:
    """The plain face: a line when a stage begins or ends, and one every few seconds between."""

    def __init__(
        self, title: str, stages: list[str], out: TextIO, every: float = 5.0, clock: Callable = time.monotonic
    ):
        self.rows = {name: Row(name) for name in stages}
        self.out, self.every, self.clock, self.start = out, every, clock, clock()
        self.spoke = self.start
        self.say(title)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def say(self, line: str) -> None:
        """Print one line now."""
        print(line, file=self.out, flush=True)
        self.spoke = self.clock()

    def begin(self, name: str, note: str = "") -> None:
        """A stage starts to run."""
        row = self.rows[name]
        row.state, row.began, row.note = RUNNING, self.clock(), ""
        self.line(name, f"running{': ' + note if note else ''}")

    def report(self, name: str, done: float, total: float, unit: str = "documents", note: str = "") -> None:
        """A stage says how far it is."""
        now = self.clock()
        self.rows[name].report(done, total, unit, note, now)
        if now - self.spoke >= self.every:
            self.line(name, self.rows[name].words(now))

    def end(self, name: str, state: str, seconds: float = 0.0, note: str = "") -> None:
        """A stage is finished, kept from before, stopped or failed."""
        row = self.rows[name]
        row.state, row.seconds, row.note = state, seconds, note
        self.line(name, f"{state}  {row.words(self.clock())}".rstrip())

    def line(self, name: str, words: str) -> None:
        """One line about one stage, with the time since the start before it."""
        width = max(map(len, self.rows), default=0)
        self.say(f"{duration(self.clock() - self.start):>8}  {name:<{width}}  {words}")


class Live(Lines):
    """The face on a terminal: the whole recipe as a tree that is drawn over and over."""

    def __init__(self, title: str, stages: list[str], out: TextIO, clock: Callable = time.monotonic):
        from rich.console import Console
        from rich.live import Live as Screen

        self.title, self.console = title, Console(file=out)
        super().__init__(title, stages, out, clock=clock)
        self.screen = Screen(console=self.console, get_renderable=self.tree, refresh_per_second=4)

    def __enter__(self):
        self.screen.__enter__()
        return self

    def __exit__(self, *error):
        self.screen.__exit__(*error)

    def say(self, line: str) -> None:
        """Words that stay on the screen above the tree; the title is part of the tree."""
        if line != self.title:
            self.console.print(line, highlight=False, markup=False)

    def line(self, name: str, words: str) -> None:
        """The tree shows every stage at all times: nothing to add."""

    def tree(self) -> "RenderableType":
        """The recipe as it stands."""
        from rich.text import Text
        from rich.tree import Tree

        now = self.clock()
        tree = Tree(Text.assemble((self.title, "bold"), f"   {duration(now - self.start)}"), guide_style="dim")
        width = max(map(len, self.rows), default=0)
        for row in self.rows.values():
            label = Text(f"{MARKS[row.state]} {row.name:<{width}}  ", style=COLOURS[row.state], no_wrap=True)
            if row.state == RUNNING and row.total:
                filled = int(12 * min(row.done / row.total, 1.0))
                label.append("█" * filled + "░" * (12 - filled) + "  ")
            elif row.state != WAITING:
                label.append(f"{row.state}  ")
            label.append(row.words(now), style="default")
            label.truncate(max(self.console.width - 6, 20), overflow="ellipsis")
            branch = tree.add(label)
            if row.state == RUNNING and (drawn := plot(row.losses.values, self.console.width - 10)):
                branch.add(Text("\n".join(drawn), style="cyan", no_wrap=True))
        return tree


def face(title: str, stages: list[str], out: TextIO | None = None) -> Lines:
    """The live tree on a terminal, plain lines anywhere else."""
    stream = out if out is not None else sys.stderr
    return Live(title, stages, stream) if stream.isatty() else Lines(title, stages, stream)
