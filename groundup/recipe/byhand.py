"""One stage by hand: the same settings as in a recipe, the result in a folder of one's own choosing."""

import os
from pathlib import Path
from typing import Any

from groundup import config, hardware, run
from groundup.config import Section
from groundup.recipe import console
from groundup.recipe.making import nested
from groundup.stages import load


def make_stage(
    kind: str, said: Section, into: str | os.PathLike[str], seed: int = 1, faces=console.face, wait: bool = False
) -> Path:
    """Make one stage of a kind from settings as they are said; its finished folder, which `into` leads to."""
    module = load(kind)
    settings = config.build(module.Settings, said)
    stage = run.stage(into, kind, settings, version=module.VERSION, seed=seed if module.SEEDED else None)
    name = Path(into).name
    with faces(f"{kind} -> {into}", [name]) as face:
        if stage.made():
            face.end(name, console.KEPT)
            return stage.link()
        face.begin(name)
        hardware.use_cache_folder()
        machine = hardware.look(devices=True, folder=Path(into).parent)
        try:
            folder = run.perform(
                stage,
                module.run,
                machine,
                lambda done, total, unit, note: face.report(name, done, total, unit, note),
                float("inf") if wait else 0.0,
            )
        except BaseException as error:
            face.end(name, console.STOPPED if isinstance(error, KeyboardInterrupt) else console.FAILED)
            raise
        face.end(name, console.MADE, note=console.result(folder))
    return folder


def train(into: str | os.PathLike[str], *, seed: int = 1, **settings: Any) -> Path:
    """Train one model: `groundup.train("runs/mine", data="runs/tour/tokens", **{"model.depth": 6})`; its run folder."""
    return make_stage("train", nested(settings), into, seed)
