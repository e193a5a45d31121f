"""A search over settings of a training: trials are drawn, made as run folders, ranked, and the best of them made longer.

`random` trains every trial to its end. `halving` trains all of them a little, the best third three times as long, and so
on (successive halving, Jamieson and Talwalkar 2016); each time from the start, for the schedule is a share of all steps.

The folder holds search.json (what was asked), trials/NNN-STEPS (a run folder each), table.json, table.txt, report.html. All
of the table follows from the trials' folders, so a search that was killed and taken up again ends with the same one.
"""

import json
import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from groundup import config, run
from groundup.config import Section
from groundup.errors import Problem
from groundup.evaluation.report import of_search
from groundup.experiments.space import Dimension, dimensions, drawn, laid_over
from groundup.recipe import make_stage
from groundup.run.content import metrics_of
from groundup.run.manifest import encode
from groundup.stages import load

QUESTION, TABLE, TEXT, PAGE = "search.json", "table.json", "table.txt", "report.html"
Making = Callable[[Section, Path, int], Path]  # settings, where, seed -> the finished run folder


class Search(config.Settings):
    """What is searched, how, and how much it may take."""

    over: dict[str, Any] = Field(
        description="setting -> where it is drawn from: log:LOW..HIGH, lin:LOW..HIGH, or values"
    )
    settings: dict[str, Any] = Field(default_factory=dict, description="of the train stage, for every trial")
    method: Literal["random", "halving"] = Field(default="random", description="how trials are dropped")
    trials: int = Field(default=9, gt=0, description="how many are drawn at most")
    steps: int = Field(default=0, ge=0, description="of all trials together at most; 0: as many as the trials take")
    seconds: float = Field(default=0.0, ge=0, description="of all trials together; no trial begins later; 0: no limit")
    reduction: int = Field(
        default=3, gt=1, description="of halving: one in so many is kept, and trained so many times longer"
    )
    seed: int = Field(default=1, ge=0, description="of what is drawn, and of every training")


@dataclass(frozen=True)
class Trial:
    """One training of a search, as its folder tells it."""

    trial: int
    rung: int
    steps: int
    values: dict[str, Any]
    loss: float | None  # None where there is none, and `refused` says why
    refused: str = ""


def make_by_stage(said: Section, into: Path, seed: int) -> Path:
    """A trial as the train stage makes it."""
    return make_stage("train", said, into, seed)


def search(asked: Search, into: Path, making: Making = make_by_stage) -> list[Trial]:
    """Make every trial that is not made yet; the table, best first."""
    over = dimensions(asked.over)
    into.mkdir(parents=True, exist_ok=True)
    _keep_question(asked, into)
    lock = run.Lock(into)
    try:
        found = [trial for rung in _rungs(asked, over, into, making) for trial in rung]
        table = ranked(found)
        write(asked, over, table, into)
    finally:
        lock.release()
    return table


def ranked(found: list[Trial]) -> list[Trial]:
    """The longest trained first, and of those the lowest loss; what was refused comes last."""
    return sorted(found, key=lambda each: (bool(each.refused), -each.rung, _worth(each), each.trial))


def _worth(trial: Trial) -> float:
    return math.inf if trial.loss is None or not math.isfinite(trial.loss) else trial.loss


# --- trials ----------------------------------------------------------------------------------------------------------


def ladder(asked: Search, steps: int) -> list[tuple[int, float]]:
    """(how many trials, which share of their steps) of each rung, within the budget of steps."""
    for trials in range(asked.trials, 0, -1):
        found = _ladder(asked, trials)
        if not asked.steps or sum(count * max(1, round(share * steps)) for count, share in found) <= asked.steps:
            return found
    raise Problem(f"steps={asked.steps} is not enough for one trial of {steps} steps: allow more, or train for fewer")


def _ladder(asked: Search, trials: int) -> list[tuple[int, float]]:
    if asked.method == "random":
        return [(trials, 1.0)]
    rungs = 0
    while asked.reduction ** (rungs + 1) <= trials:
        rungs += 1
    return [(max(1, trials // asked.reduction**rung), asked.reduction ** (rung - rungs)) for rung in range(rungs + 1)]


def _rungs(asked: Search, over: list[Dimension], into: Path, making: Making) -> list[list[Trial]]:
    """All trials, rung after rung; who goes on is decided by the loss of the rung before."""
    said = _section(asked.settings)
    steps = {trial: _steps(said, drawn(over, asked.seed, trial)) for trial in range(asked.trials)}
    usual = max((count for count in steps.values() if count), default=0)
    if not usual:
        raise Problem(f"no trial of this search can be trained: {_refusal(said, drawn(over, asked.seed, 0))}")
    going, done, spent = list(range(asked.trials)), [], 0.0
    for rung, (count, share) in enumerate(ladder(asked, usual)):
        found = []
        for trial in going[:count]:
            if asked.seconds and spent >= asked.seconds:
                break
            each, seconds = _trial(said, over, asked, trial, rung, share, steps[trial], into, making)
            found.append(each)
            spent += seconds
        done.append(found)
        going = [each.trial for each in ranked(found) if math.isfinite(_worth(each))]
    return done


def _trial(
    said: Section,
    over: list[Dimension],
    asked: Search,
    trial: int,
    rung: int,
    share: float,
    steps: int,
    into: Path,
    making: Making,
) -> tuple[Trial, float]:
    """One trial and the seconds that it took, made now or before."""
    values = drawn(over, asked.seed, trial)
    count = max(1, round(share * steps))
    try:
        laid = laid_over(said, values | {"training.steps": count})
        config.build(load("train").Settings, laid, f"trial {trial}")
        folder = making(laid, into / "trials" / f"{trial:03}-{count}", asked.seed)
    except Problem as problem:
        return Trial(trial, rung, count, values, None, str(problem)), 0.0
    seconds = float(run.read_manifest(folder)["seconds"])
    return Trial(trial, rung, count, values, loss_of(metrics_of(folder))), seconds


def loss_of(lines: Iterable[dict[str, Any]]) -> float | None:
    """What a training ended with by the lines that it logged: on held-out text if it looked at any."""
    told: dict[str, Any] = {}
    for line in lines:
        told |= line
    value = told.get("validation", told.get("loss"))
    return float(value) if value is not None else None


def _steps(said: Section, values: dict[str, Any]) -> int:
    """Steps of a whole trial; 0 for one whose settings do not fit together."""
    try:
        return config.build(load("train").Settings, laid_over(said, values)).training.steps
    except Problem:
        return 0


def _refusal(said: Section, values: dict[str, Any]) -> str:
    try:
        config.build(load("train").Settings, laid_over(said, values))
    except Problem as problem:
        return str(problem)
    return "nothing was drawn"


def _section(told: dict[str, Any]) -> Section:
    from groundup.recipe.making import nested

    return nested(told)


# --- what is written -------------------------------------------------------------------------------------------------


def _keep_question(asked: Search, into: Path) -> None:
    """A folder answers one question."""
    path, told = into / QUESTION, asked.model_dump(mode="json")
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        odd = sorted(name for name in told if before.get(name) != told[name])
        if odd:
            raise Problem(f"{into} is a search that asked otherwise (its {odd[0]}): choose another folder with --into")
    elif any(into.iterdir()):
        raise Problem(f"{into} is not a search: choose another folder with --into")
    else:
        run.write_atomically(path, encode(told))


def write(asked: Search, over: list[Dimension], table: list[Trial], into: Path) -> None:
    """The table as JSON, as text and as a page."""
    told = {"seed": asked.seed, "method": asked.method, "over": [each.name for each in over]}
    rows = [asdict(each) | {"loss": _finite(each.loss)} for each in table]
    run.write_atomically(into / TABLE, encode(told | {"trials": rows}))
    run.write_atomically(into / TEXT, text(over, table))
    places = [{each.name: each.place(trial.values[each.name]) for each in over} for trial in table]
    run.write_atomically(into / PAGE, of_search.page(told, rows, places))


def text(over: list[Dimension], table: list[Trial]) -> str:
    """The table for the terminal."""
    heads = ["", "trial", "steps", *(each.name for each in over), "loss"]
    lines = [heads]
    for number, each in enumerate(table, 1):
        loss = each.refused or ("not finite" if _finite(each.loss) is None else f"{each.loss:.4f}")
        lines.append([str(number), str(each.trial), str(each.steps), *(str(each.values[at.name]) for at in over), loss])
    widths = [max(len(line[at]) for line in lines) for at in range(len(heads) - 1)]
    shown = ["  ".join([*(c.rjust(w) for c, w in zip(line, widths, strict=False)), line[-1]]) for line in lines]
    return "\n".join(each.rstrip() for each in shown) + "\n"


def _finite(loss: float | None) -> float | None:
    return loss if loss is not None and math.isfinite(loss) else None
