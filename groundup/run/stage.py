"""The life of one stage's folder: named by a fingerprint, worked on as NAME.partial, finished as NAME-FINGERPRINT.

`perform` is all that most callers need. The link NAME always leads to the result of the settings last asked for.
"""

import json
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from groundup.config import Settings, inputs_of, replace_inputs
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run.clock import CLOCK
from groundup.run.content import CHECKPOINTS, MANIFEST, RESOLVED, FileRecord, Files, content_of, records_of
from groundup.run.difference import differences
from groundup.run.files import WRITING, open_to_others, sentences, sync_folder, write_atomically
from groundup.run.lock import LOCK, Lock
from groundup.run.manifest import FORMAT, commit, encode, fingerprint, first_change, read_manifest, relative, versions
from groundup.run.reading import Read, read_input
from groundup.run.work import Sink, Work, silent

STAGE = "stage.json"  # in NAME.partial: whose attempt this is
OURS = {LOCK, STAGE, CLOCK}  # files of an attempt that a finished folder has no use for


@dataclass(frozen=True)
class Stage:
    """What is to be made and where: everything that decides the bytes, hence the name, of the result."""

    into: Path
    kind: str
    version: int
    settings: Settings  # as written: inputs are still `$stage` or whatever was typed
    seed: int | None
    inputs: dict[str, Read]

    @cached_property
    def fingerprint(self) -> str:
        """Of the settings as written, the stage's version, the seed and the content of the inputs."""
        contents = {name: read.fingerprint for name, read in self.inputs.items()}
        return fingerprint(self.kind, self.version, self.settings.model_dump(mode="json"), self.seed, contents)

    @property
    def folder(self) -> Path:
        """Where the finished result is."""
        return self.into.with_name(f"{self.into.name}-{self.fingerprint}")

    @property
    def partial(self) -> Path:
        """Where the work happens."""
        return self.into.with_name(f"{self.into.name}.partial")

    def ready(self) -> Settings:
        """The settings with every input replaced by its absolute path."""
        return replace_inputs(self.settings, {name: read.path for name, read in self.inputs.items()})

    def made(self) -> Path | None:
        """The finished folder if there is one; a finished folder that was changed afterwards is a Problem."""
        if not self.folder.is_dir():
            return None
        changed = first_change(self.folder)
        if changed:
            raise Problem(f"{changed}: remove {self.folder} to have it made again, or put the file back")
        return self.folder

    def link(self) -> Path:
        """Let NAME lead to this result, in one step that nobody can see half of."""
        self._refuse_foreign_target()
        if self.into.is_symlink() and os.readlink(self.into) == self.folder.name:
            return self.folder
        if self.into.is_dir() and not self.into.is_symlink():
            self.into.rmdir()
        beside = self.into.with_name(f".{self.into.name}{WRITING}")
        with suppress(FileNotFoundError):
            beside.unlink()
        beside.symlink_to(self.folder.name)
        os.replace(beside, self.into)
        sync_folder(self.into.parent)
        return self.folder

    def lock(self, wait_seconds: float = 0.0) -> Lock:
        """The right to work on this stage; whoever else has it is named in the Problem."""
        with sentences(self.partial):
            self._refuse_foreign_target()
            return Lock(self.partial, wait_seconds)

    @contextmanager
    def open(self, machine: Machine, sink: Sink = silent, lock: Lock | None = None) -> Iterator[Work]:
        """Work on this stage: leave normally to finish it, by an exception to keep what is done for next time."""
        lock = lock or self.lock()
        try:
            with sentences(self.partial):
                note = self._claim()
                work = Work(self.partial, self.ready(), self.seed or 0, machine, self.inputs, sink)
                work.clock.start()
                if note:
                    sink(0, 0, "", note)
                try:
                    with _signals(work):
                        yield work
                        work.stopping()  # from here on nobody is interrupted: the work is done and only has to be kept
                        work.clock.stop()
                        self._finish(work)
                        lock.release(self.folder)
                finally:
                    work.clock.stop()
            if work.stopping():
                raise KeyboardInterrupt
        finally:
            self.abandon(lock)

    def _refuse_foreign_target(self) -> None:
        if self.into.is_symlink():
            target = os.readlink(self.into)
            if not target.startswith(self.into.name + "-"):
                raise Problem(f"{self.into} is a link to {target}, not to a run: choose another folder with --into")
        elif self.into.is_file() or (self.into.is_dir() and any(self.into.iterdir())):
            raise Problem(f"{self.into} already exists and is not a run: choose another folder with --into")

    def _claim(self) -> str:
        """Make the partial folder this stage's own; what another attempt with other settings left goes."""
        if self.folder.exists():
            raise Problem(f"{self.folder} is already made")
        told = _told(self.partial)
        others = [path for path in self.partial.iterdir() if path.name not in OURS and not path.name.endswith(WRITING)]
        if told is None and others:
            raise Problem(f"{self.partial} holds {others[0].name} and is not an interrupted run: move it away")
        if told is not None and told.get("fingerprint") == self.fingerprint:
            _sweep(self.partial)
            return "going on where the last attempt stopped"
        if told is not None:
            self._refuse_to_lose(told)
        for path in self.partial.iterdir():
            if path.name != LOCK:
                shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        write_atomically(self.partial / STAGE, encode(self._identity()))
        return "settings or inputs differ from those of the interrupted attempt: starting afresh" if told else ""

    def _refuse_to_lose(self, told: dict[str, Any]) -> None:
        """An interrupted training may be the work of days: nobody removes that by the way."""
        folder = self.partial / CHECKPOINTS
        steps = [int(place.name) for place in folder.iterdir() if place.name.isdigit()] if folder.is_dir() else []
        if steps:
            others = differences(told, self._identity()) or ["something that it does not say"]
            raise Problem(
                f"{self.partial} is an interrupted {told['groundup']['kind']} at step {max(steps)} with other settings or "
                f"inputs: {'; '.join(others[:5])}. Put them back to go on, go on from it elsewhere with `groundup train "
                f"NAME=VALUE… --from {self.partial}@{max(steps)} --into OTHER`, or remove it to start afresh."
            )

    def _identity(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "groundup": {"kind": self.kind, "version": self.version},
            "fingerprint": self.fingerprint,
            "seed": self.seed,
            "settings": self.settings.model_dump(mode="json"),
            "inputs": {name: self._input(read) for name, read in self.inputs.items()},
        }

    def _input(self, read: Read) -> dict[str, Any]:
        told: dict[str, Any] = {"path": relative(read.path, self.into.parent), "fingerprint": read.fingerprint}
        return told | ({"files": read.files} if read.files is not None else {})

    def _finish(self, work: Work) -> None:
        """Hash and fsync every file, write the manifest, rename, fsync the folder above, switch the link."""
        open_to_others(self.partial)
        files = self._hash()
        for place, _, _ in os.walk(self.partial, topdown=False):
            sync_folder(Path(place))
        write_atomically(self.partial / MANIFEST, encode(self._manifest(work, files)))
        for name in (STAGE, CLOCK):
            (self.partial / name).unlink(missing_ok=True)
        sync_folder(self.partial)
        os.rename(self.partial, self.folder)
        sync_folder(self.into.parent)
        self.link()

    def _hash(self) -> Files:
        paths = [path for path in sorted(self.partial.rglob("*")) if path.is_file()]
        named = {path.relative_to(self.partial).as_posix(): path for path in paths}
        return records_of({name: path for name, path in named.items() if name not in OURS | {MANIFEST}}, durable=True)

    def _manifest(self, work: Work, files: Files) -> dict[str, Any]:
        chosen = self.partial / RESOLVED
        resolved = self.settings.model_dump(mode="json") | {
            "chosen": json.loads(chosen.read_text()) if chosen.exists() else {}
        }
        return self._identity() | {
            "resolved": resolved,
            "content": content_of(files),
            "files": files,
            "versions": versions(),
            "commit": commit(),
            "machine": asdict(work.machine),
            "seconds": round(work.clock.seconds, 3),
            "attempts": work.clock.attempts,
            "peak_mb": round(work.clock.peak_mb, 1),
            **work.noted,
        }

    def abandon(self, lock: Lock) -> None:
        """Let go of the folder; an attempt that made nothing leaves nothing."""
        with suppress(OSError):
            if lock.descriptor is not None and {path.name for path in self.partial.iterdir()} <= OURS:
                shutil.rmtree(self.partial)
        lock.release()


def stage(
    into: str | os.PathLike[str],
    kind: str,
    settings: Settings,
    *,
    version: int,
    seed: int | None = None,
    inputs: Mapping[str, str | os.PathLike[str]] | None = None,
) -> Stage:
    """A stage to be made at `into`, a path that will be a link to INTO-FINGERPRINT beside it.

    `inputs` maps names as `inputs_of` gives them to real paths; by hand, what is written in the settings is the path.
    """
    typed = Path(os.path.abspath(into))
    place = typed.parent.resolve() / typed.name
    paths = inputs if inputs is not None else inputs_of(settings)
    known = _known_files(place)
    reads = {name: read_input(path, known) for name, path in paths.items()}
    return Stage(place, kind, version, settings, seed, reads)


def perform(
    stage: Stage,
    function: Callable[[Any, Work], None],
    machine: Machine,
    sink: Sink = silent,
    wait_seconds: float = 0.0,
) -> Path:
    """The finished folder of a stage, made by `function(settings, work)` if it is not there yet; NAME leads to it."""
    with sentences(stage.into.parent):
        if stage.made():
            return stage.link()
        lock = stage.lock(wait_seconds)
        if stage.made():  # by whoever we waited for
            stage.abandon(lock)
            return stage.link()
    with stage.open(machine, sink, lock) as work:
        function(work.settings, work)
    return stage.folder


def _known_files(into: Path) -> dict[str, FileRecord]:
    """What the last result and an interrupted attempt know of raw input files: absolute path -> record."""
    known: dict[str, FileRecord] = {}
    sources = [_told(into.with_name(f"{into.name}.partial"))]
    with suppress(Problem):
        sources.append(read_manifest(into))
    for told in sources:
        for read in (told or {}).get("inputs", {}).values():
            base = Path(os.path.abspath(into.parent / read["path"]))
            for name, record in read.get("files", {}).items():
                known[os.path.normpath(base / name)] = record
    return known


def _told(partial: Path) -> dict[str, Any] | None:
    """Whose attempt a partial folder holds."""
    try:
        told = json.loads((partial / STAGE).read_text())
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def _sweep(folder: Path) -> None:
    """Remove files that a killed attempt was just writing: they were never whole."""
    for pattern in (f".*{WRITING}", ".tmp??????"):  # ours, and those of safetensors
        for path in folder.rglob(pattern):
            if path.is_file():
                path.unlink()


@contextmanager
def _signals(work: Work) -> Iterator[None]:
    """SIGINT and SIGTERM ask the stage to stop; the handlers found before come back afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: work.ask_to_stop()) for number in asked}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
