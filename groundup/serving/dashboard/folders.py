"""Which runs there are below a folder: every folder with a metrics.jsonl, what made it, and whether it is being made now.

Nothing outside of that folder is ever opened: links are not followed, and a run is known by a name that was found here.
"""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from groundup.run.clock import CLOCK
from groundup.run.content import MANIFEST, METRICS
from groundup.run.stage import STAGE

DEEPEST = 6  # folders below the one that is watched
MOST = 1000  # runs
LARGEST = 8_000_000  # bytes of a JSON file, or of the end of one with lines, that are read
FRESH = 10.0  # seconds within which a running stage has told its clock
CLOSED = {"checkpoints", "model", "train", "val"}  # folders inside of runs that hold no runs


@dataclass
class Run:
    """One folder with metrics."""

    name: str  # its path below the folder that is watched
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)  # its manifest, or that of the attempt
    told: float = -1.0  # when the file with the facts was written

    @property
    def state(self) -> str:
        """running, stopped (to be gone on with) or finished."""
        if not self.folder.name.endswith(".partial"):
            return "finished"
        try:
            return "running" if time.time() - (self.folder / CLOCK).stat().st_mtime < FRESH else "stopped"
        except OSError:
            return "stopped"

    def learn(self) -> None:
        """Read the facts again if they were written since."""
        for name in (MANIFEST, STAGE):
            path = self.folder / name
            try:
                when = path.lstat().st_mtime
                if when == self.told:
                    return
                facts = json.loads(read_end(path, LARGEST))
            except (OSError, ValueError):
                continue
            if isinstance(facts, dict):
                self.facts, self.told = facts, when
                return

    @property
    def settings(self) -> dict[str, Any]:
        """Its settings under dotted names, and the other things in which runs differ."""
        flat: dict[str, Any] = {}
        _flatten(self.facts.get("settings"), "", flat)
        for name in ("seed", "commit"):
            if self.facts.get(name) is not None:
                flat[f"({name})"] = self.facts[name]
        for name, read in (self.facts.get("inputs") or {}).items():
            if isinstance(read, dict):
                flat[f"({name}, content)"] = str(read.get("fingerprint", ""))[:12]
        return flat

    @property
    def steps(self) -> int | None:
        """How many there will be, if its settings say so."""
        steps = self.settings.get("training.steps")
        return steps if isinstance(steps, int) else None

    @property
    def kind(self) -> str:
        """Which stage it is."""
        made = self.facts.get("groundup")
        return str(made.get("kind", "")) if isinstance(made, dict) else ""


def find(root: Path, known: dict[str, Run]) -> dict[str, Run]:
    """Name -> run, in order of names; runs that were known stay the same objects."""
    found = {}
    for folder in sorted(_folders(root)):
        name = folder.relative_to(root).as_posix()
        run = known.get(name) or Run(name, folder)
        run.learn()
        found[name] = run
        if len(found) == MOST:
            break
    return found


def _folders(root: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(root):
        path = Path(place)
        if METRICS in files and not (path / METRICS).is_symlink():
            yield path
        deep = len(path.relative_to(root).parts)
        folders[:] = [
            name for name in folders if deep < DEEPEST and not name.startswith(".") and name not in CLOSED
        ]  # `walk` does not follow links


def read_end(path: Path, most: int) -> bytes:
    """The last so many bytes of a file that is no link; from the start of a line if it is longer."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        file.seek(max(0, size - most))
        raw = file.read(most)
    return raw if size <= most else raw[raw.find(b"\n") + 1 :]


def samples(run: Run) -> list[dict[str, Any]]:
    """What the model said: [{step, prompt, text}], those of the last million bytes."""
    try:
        lines = read_end(run.folder / "samples.jsonl", 1_000_000).splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        try:
            told = json.loads(line)
            found.append({"step": int(told["step"]), "prompt": str(told["prompt"]), "text": str(told["text"])})
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _flatten(value: Any, name: str, into: dict[str, Any]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _flatten(inner, f"{name}.{key}" if name else str(key), into)
    else:
        into[name] = value if isinstance(value, str | int | float | bool | None) else json.dumps(value)
