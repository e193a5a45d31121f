"""Making a recipe: the stages in the order of dependence, each made only if its result is not there yet.

What is made is known by content: a stage runs again when its settings, its version or the bytes it reads have changed,
and for nothing else. DIR may be left at any moment, by Ctrl-C, a kill or a power cut, and the same command goes on.
"""

import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from groundup import config, hardware, run
from groundup.config import Place, Section
from groundup.errors import Problem, did_you_mean
from groundup.recipe import console
from groundup.recipe.file import Planned, Recipe, read
from groundup.recipe.graph import Reference
from groundup.recipe.planning import refuse_what_cannot_fit
from groundup.run.files import WRITING, sentences, sync_folder
from groundup.stages import STAGES
from groundup.training.allocator import give_back_memory

Faces = Callable[[str, list[str]], console.Lines]


def make(
    recipe: str | os.PathLike[str],
    into: str | os.PathLike[str] | None = None,
    *,
    rebuild: tuple[str, ...] = (),
    wait: bool = False,
    faces: Faces = console.face,
    kinds: Mapping[str, str] = STAGES,
    **settings: Any,
) -> Path:
    """Build everything in a recipe that is not yet made; the folder it is in.

    `groundup.make("tour", into="runs/tour", seed=2, **{"chat.training.steps": 100})`
    """
    said = nested(settings)
    found = read(recipe, said, kinds)
    return make_recipe(found, Path(into or Path("runs") / found.name), rebuild, wait, faces)


def nested(settings: Mapping[str, Any]) -> Section:
    """`{"base.model.depth": 6}` as the settings `{"base": {"model": {"depth": 6}}}`, paths as text."""
    result = Section()
    for name, value in settings.items():
        place = Place(f"in {name}={value!r}")
        value = _plain(value, place)
        for part in reversed(name.split(".")):
            section = Section(place)
            section.put(part, value, place)
            value = section
        result = config.merge(result, value)
    return result


def _plain(value: Any, place: Place) -> Any:
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        section = Section(place)
        for name, inner in value.items():
            section.put(name, _plain(inner, place), place)
        return section
    return [_plain(inner, place) for inner in value] if isinstance(value, list | tuple) else value


def make_recipe(
    recipe: Recipe, into: Path, rebuild: tuple[str, ...] = (), wait: bool = False, faces: Faces = console.face
) -> Path:
    """Make every stage of a recipe in `into` and switch its links; one process at a time."""
    for name in rebuild:
        if name not in recipe.stages:
            raise Problem(f"{recipe.name} has no stage {name} to rebuild; {did_you_mean(name, recipe.stages)}")
    into = Path(os.path.abspath(into))
    with sentences(into), run.Lock(into, math.inf if wait else 0.0):
        made = intact(recipe, into) if not rebuild else {}
        if len(made) < len(recipe.stages):
            refuse_what_cannot_fit(recipe, into, made)
        with faces(f"{recipe.name} -> {_shown(into)}   seed {recipe.seed}", list(recipe.stages)) as face:
            maker = Maker(recipe, into, set(rebuild), face)
            for stage in recipe.stages.values():
                maker.make(stage)
        for name, target in recipe.links.items():
            _link(into, name, maker.folders[target.name].name, target)
        sync_folder(into)
    return into


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    with suppress(ValueError):
        return str(path.relative_to(Path.cwd()))
    return str(path)


class Maker:
    """One walk over a recipe's stages: knows the folder of each that is done."""

    def __init__(self, recipe: Recipe, into: Path, rebuild: set[str], face: console.Lines):
        self.recipe, self.into, self.rebuild, self.face = recipe, into, rebuild, face
        self.folders: dict[str, Path] = {}
        self.machine: hardware.Machine | None = None

    def make(self, planned: Planned) -> None:
        """Find a stage's result or make it."""
        stage = stage_of(planned, self.recipe.seed, self.into, self.folders)
        if planned.name in self.rebuild and stage.folder.is_dir():
            _discard(stage.folder)
        if _made(stage, planned.name):
            self.folders[planned.name] = stage.link()
            self.face.end(planned.name, console.KEPT, note=console.result(stage.folder))
            return
        began = time.monotonic()
        self.face.begin(planned.name)
        try:
            self.folders[planned.name] = run.perform(stage, planned.module.run, self._look(), self._sink(planned.name))
        except KeyboardInterrupt:
            self.face.end(planned.name, console.STOPPED, time.monotonic() - began)
            raise
        except BaseException:
            self.face.end(planned.name, console.FAILED, time.monotonic() - began)
            raise
        finally:
            give_back_memory()  # the next stage in this process should not carry what this one is done with
        self.face.end(planned.name, console.MADE, time.monotonic() - began, console.result(self.folders[planned.name]))

    def _look(self) -> hardware.Machine:
        """The machine with its accelerators; looked at once, and only when something is to be made."""
        if self.machine is None:
            hardware.use_cache_folder()
            self.machine = hardware.look(devices=True, folder=self.into)
        return self.machine

    def _sink(self, name: str) -> run.Sink:
        return lambda done, total, unit, note: self.face.report(name, done, total, unit, note)


def stage_of(planned: Planned, seed: int, into: Path, folders: Mapping[str, Path]) -> run.Stage:
    """The run folder of a stage whose inputs are all made."""
    inputs = {
        name: folders[each.name] / each.within if isinstance(each, Reference) else each
        for name, each in planned.inputs.items()
    }
    for name, path in inputs.items():
        if not path.exists():
            raise Problem(f"{planned.name}.{name}: there is nothing at {path}; expected a file or folder to read")
    entering = seed if planned.module.SEEDED else None
    return run.stage(
        into / planned.name,
        planned.kind,
        planned.settings,
        version=planned.module.VERSION,
        seed=entering,
        inputs=inputs,
    )


def intact(recipe: Recipe, into: Path) -> dict[str, Path]:
    """The stages whose results are there, as far as their inputs are there too: name -> folder."""
    folders: dict[str, Path] = {}
    for name, planned in recipe.stages.items():
        if all(needed in folders for needed in planned.needs):
            stage = stage_of(planned, recipe.seed, into, folders)
            if _made(stage, name):
                folders[name] = stage.folder
    return folders


def _made(stage: run.Stage, name: str) -> Path | None:
    try:
        return stage.made()
    except Problem as problem:
        raise Problem(f"{problem}; --rebuild {name} does the first, and groundup verify finds every change") from None


def _discard(folder: Path) -> None:
    """Remove a finished folder so that a kill in between leaves no half of it under its name."""
    doomed = folder.with_name(f".{folder.name}.discarded")
    shutil.rmtree(doomed, ignore_errors=True)
    os.rename(folder, doomed)
    shutil.rmtree(doomed)


def _link(into: Path, name: str, folder: str, target: Reference) -> None:
    """Let DIR/name lead into a stage's folder, in one step that nobody can see half of."""
    path, leads = into / name, f"{folder}/{target.within}".rstrip("/")
    if not (into / leads).exists():
        raise Problem(f"the link {name} leads to {target} ({target.place}), which that stage did not make")
    if path.is_symlink() and os.readlink(path) == leads:
        return
    if path.exists() and not path.is_symlink():
        raise Problem(f"{path} is in the way of a link to {leads}: move it, then run the same command again")
    beside = into / f".{name}{WRITING}"
    beside.unlink(missing_ok=True)
    beside.symlink_to(leads)
    os.replace(beside, path)
