"""The end of a recipe: all that the stages found is gathered into `report.json` and told on one page, `report.html`.

By hand, for whatever there is (each part leaves out its section where it is missing):

    groundup report corpus=RUN/corpus tokens=RUN/tokens models.base=RUN/base evaluation=RUN/evaluation --into DIR
"""

import json
from pathlib import Path

from pydantic import Field

from groundup import config
from groundup.config import Input
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically
from groundup.run.content import home_of

VERSION = 3
SEEDED = False


class Settings(config.Settings):
    """What the report tells of; all of it may be left out, but not everything."""

    town: Input | None = Field(default=None, description="the invented internet")
    corpus: Input | None = Field(default=None, description="the cleaned corpus")
    tokenizer: Input | None = Field(default=None, description="the tokenizer")
    tokens: Input | None = Field(default=None, description="the token shards")
    models: dict[str, Input] = Field(default_factory=dict, description="name of each model and its training's folder")
    evaluation: Input | None = Field(default=None, description="the examination")
    int8: Input | None = Field(default=None, description="the quantised model")
    export: Input | None = Field(default=None, description="the exported model")


def run(settings: Settings, work: Work) -> None:
    """Numbers first, then the page that shows the same numbers."""
    from groundup.evaluation.report.figures import figures
    from groundup.evaluation.report.gather import gather
    from groundup.evaluation.report.page import page

    named = {name: getattr(settings, name) for name in type(settings).model_fields if name != "models"}
    if not settings.models and not any(named.values()):
        raise Problem("report has nothing to tell: name at least one folder, e.g. corpus=RUN/corpus.")
    try:
        found = gather(named, settings.models)
        told = figures(found, work.clock.seconds)
        shown = page(found, told, _shown(work.out.parent))
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        made_by_hand = [path for path in (*named.values(), *settings.models.values()) if path and not home_of(Path(path))]
        if not made_by_hand:
            raise
        raise Problem(f"{made_by_hand[0]} is not what a stage leaves: name the folder of a finished one") from error
    write_atomically(work.out / "report.json", json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    write_atomically(work.out / "report.html", shown)
    work.progress(1, 1, "pages")


def _shown(folder: Path) -> str:
    """The folder as one would type it from here, without telling where this machine keeps it."""
    here = Path.cwd()
    return folder.relative_to(here).as_posix() if folder != here and folder.is_relative_to(here) else folder.name


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """Small files are read and two are written."""
    return Estimate(memory_bytes=300_000_000, disk_bytes=1_000_000, seconds=2.0)
