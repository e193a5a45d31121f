"""Made tasks whose answers are known: dates to be rewritten and paragraphs of an invented town to be sorted.

By hand, and then a model that reads before it writes:

    groundup exercises rewritings=8000 --into RUN/exercises
    groundup train start=RUN/t5 sequences='[RUN/exercises/rewritings/train.jsonl]' objective.kind=sequence_to_sequence --into RUN/dates

Leaves `rewritings/` (lines with `source` and `target`), `sortings/` (lines with `text` and `label`), each as train.jsonl and
test.jsonl, and `report.json` with the names of the labels.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field

from groundup.config import Settings as BaseSettings
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

VERSION = 1
SEEDED = True


class Settings(BaseSettings):
    """How many exercises."""

    rewritings: int = Field(8000, ge=0, description="dates to be rewritten, to learn from")
    sortings: int = Field(4000, ge=0, description="paragraphs to be sorted, to learn from")
    test: int = Field(400, gt=0, description="of each, kept for the test")
    people: int = Field(40, ge=4, le=60, description="people of the town that paragraphs tell of")
    places: int = Field(24, ge=6, le=28, description="places of the town")


def run(settings: Settings, work: Work) -> None:
    """Tests first, so that nothing of them is ever learnt."""
    from groundup.town import exercises, world

    seed, town = work.seed, world.build(work.seed, settings.people, settings.places)
    if settings.rewritings:
        for name, count in (("test", settings.test), ("train", settings.rewritings)):
            _write(work.out / "rewritings" / f"{name}.jsonl", exercises.rewritings(seed, count, name == "test"))
    work.progress(1, 2, "exercises")
    if settings.sortings:
        test = exercises.sortings(town, seed, settings.test, True)
        known = frozenset(each["text"] for each in test)
        _write(work.out / "sortings" / "test.jsonl", test)
        learnt = exercises.sortings(town, seed, settings.sortings, False, known)
        _write(work.out / "sortings" / "train.jsonl", learnt)
    told = {"labels": list(exercises.SORTS), **settings.model_dump()}
    write_atomically(work.out / "report.json", json.dumps(told, indent=1) + "\n")
    work.progress(2, 2, "exercises")


def _write(path: Path, records: Iterable[dict]) -> None:
    path.parent.mkdir(exist_ok=True)
    write_atomically(path, "".join(json.dumps(record) + "\n" for record in records))


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """Paragraphs take the time."""
    count = settings.rewritings + settings.sortings + 2 * settings.test
    return Estimate(
        documents=count,
        text_bytes=400 * count,
        memory_bytes=150_000_000,
        disk_bytes=450 * count,
        seconds=0.5 + settings.sortings / 4000,
    )
