"""What a recipe would cost before anything runs: text, tokens, parameters, memory, disk and time of each stage.

Every stage estimates itself from the estimates of what it reads; what cannot fit this machine is refused by name.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from groundup import hardware
from groundup.errors import Problem
from groundup.hardware import catalogue
from groundup.recipe.bill import Tariff, energy, money
from groundup.recipe.console import amount, duration, size
from groundup.recipe.file import Planned, Recipe
from groundup.recipe.graph import Reference
from groundup.recipe.smaller import first_that_fits
from groundup.run import Estimate

GB = 1e9
WIDTH = 110  # of the table where the terminal does not say more
HALVINGS = 30  # how much smaller a setting is tried to find what would fit


@dataclass(frozen=True)
class Cost:
    """One stage of a plan."""

    name: str
    kind: str
    made: bool
    estimate: Estimate


def plan(recipe: Recipe, into: Path, made: Mapping[str, Path], machine: hardware.Machine) -> list[Cost]:
    """What each stage makes and needs; `made` are those that are there already."""
    known: dict[str, Estimate] = {}
    costs = []
    for name, planned in recipe.stages.items():
        known[name] = planned.module.estimate(planned.settings, before(planned, known), machine)
        costs.append(Cost(name, planned.kind, name in made, known[name]))
    return costs


def show(costs: list[Cost], title: str, tariff: Tariff | None = None) -> None:
    """Print a plan as a table, with what it costs if a tariff is given."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("stage", "state"):
        table.add_column(head, no_wrap=True)
    for head in ("text", "documents", "tokens", "parameters", "memory", "disk", "time"):
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("energy", "price") if tariff else ():
        table.add_column(head, justify="right", no_wrap=True)
    for cost in costs:
        table.add_row(cost.name, "made" if cost.made else "would run", *_figures(cost.estimate, tariff))
    left, total = sum(not cost.made for cost in costs), total_of(costs)
    table.add_row("", f"{left} to run", *_figures(total, tariff), style="bold")
    console = Console(highlight=False, width=max(Console().width, WIDTH))
    console.print(title, style="bold")
    console.print(table)


def total_of(costs: list[Cost]) -> Estimate:
    """What is still to be made, one stage after the other."""
    left = [cost.estimate for cost in costs if not cost.made]
    return Estimate(
        tokens=sum(each.tokens for each in left),
        memory_bytes=max((each.memory_bytes for each in left), default=0),
        disk_bytes=sum(each.disk_bytes for each in left),
        seconds=sum(each.seconds for each in left),
    )


def told(costs: list[Cost], tariff: Tariff) -> dict[str, Any]:
    """The same plan as plain numbers."""
    stages = [
        {"name": cost.name, "kind": cost.kind, "made": cost.made}
        | asdict(cost.estimate)
        | tariff.told(cost.estimate.seconds)
        for cost in costs
    ]
    total = total_of(costs)
    return {"stages": stages, "total": asdict(total) | tariff.told(total.seconds), "tariff": asdict(tariff)}


def _figures(told: Estimate, tariff: Tariff | None) -> list[str]:
    counts = [amount(told.documents), amount(told.tokens), amount(told.parameters)]
    sizes = [size(told.text_bytes), *counts, size(told.memory_bytes), size(told.disk_bytes), duration(told.seconds)]
    costs = [energy(tariff.kwh(told.seconds)), money(tariff.dollars(told.seconds))] if tariff else []
    return ["" if figure.split()[0] in ("0", "0.0") else figure for figure in [*sizes, *costs]]


def before(planned: Planned, known: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """The estimates of a stage's inputs by name; a list's parts also come together under the list's own name."""
    result: dict[str, Estimate] = {}
    for name, each in planned.inputs.items():
        found = known[each.name] if isinstance(each, Reference) else raw(each)
        result[name] = found
        head = name.split(".")[0]
        if head != name:
            result[head] = together(result[head], found) if head in result else found
    return result


def together(one: Estimate, other: Estimate) -> Estimate:
    """Two inputs read as one."""
    return Estimate(**{field.name: getattr(one, field.name) + getattr(other, field.name) for field in fields(Estimate)})


def raw(path: Path) -> Estimate:
    """Raw text is known by its size alone, tokens and models by what stands beside them."""
    for index in (path / "train" / "index.json", path / "model" / "config.json", path / "config.json"):
        if index.is_file():
            return _made(index)
    if path.is_file():
        return Estimate(text_bytes=path.stat().st_size, documents=1)
    if not path.is_dir():
        raise Problem(f"there is nothing at {path}: expected a file or folder to read")
    sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    return Estimate(text_bytes=sum(sizes), documents=len(sizes))


def _made(index: Path) -> Estimate:
    """Tokens or a model that somebody has made before."""
    told = json.loads(index.read_text(encoding="utf-8"))
    if index.name == "index.json":
        counts = {name: int(told.get(name, 0)) for name in ("text_bytes", "documents", "tokens")}
        return Estimate(**counts)
    from groundup.model import config_json, cost

    return Estimate(parameters=cost.parameters(config_json.from_config(told, str(index))[0]))


def refuse_what_cannot_fit(
    recipe: Recipe, into: Path, made: Mapping[str, Path], machine: hardware.Machine | None = None
) -> list[Cost]:
    """The plan, or a Problem that names the stage which does not fit and a setting with which it would."""
    where = "this machine" if machine is None else machine.gpus[0] if machine.gpus else machine.cpu
    machine = machine or hardware.look(folder=into)
    costs = plan(recipe, into, made, machine)
    disk = 0
    for cost in costs:
        if cost.made:
            continue
        need, room = cost.estimate.memory_bytes, room_for(cost.kind, machine)
        if need > room:
            hint = _what_would_fit(recipe, cost.name, costs, machine)
            raise Problem(
                f"{cost.name} needs about {need / GB:.1f} GB of memory and {where} has {room / GB:.1f} GB: {hint}"
            )
        disk += cost.estimate.disk_bytes
        if disk > machine.disk_free_bytes:
            raise Problem(
                f"the stages up to {cost.name} need about {disk / GB:.1f} GB of disk and {into} has "
                f"{machine.disk_free_bytes / GB:.1f} GB left: free some space, or choose another disk with --into"
            )
    return costs


def room_for(kind: str, machine: hardware.Machine) -> int:
    """Bytes of memory that a stage may fill: a training fills the card, if there is one."""
    return catalogue.room(machine) if kind == "train" else machine.memory_bytes


def proposal(recipe: Recipe, name: str, costs: list[Cost], machine: hardware.Machine) -> str | None:
    """Words that bring a training into the memory: none if it is there, None if nothing would."""
    planned = recipe.stages[name]
    inputs, room = before(planned, {cost.name: cost.estimate for cost in costs}), room_for("train", machine)
    fitting = first_that_fits(
        planned.settings, lambda settings: planned.module.estimate(settings, inputs, machine).memory_bytes <= room
    )
    if fitting is None:
        return None
    return " ".join(
        f"{name}.{word}" if len(recipe.stages) > 1 or name != "train" else word for word in fitting[0].split()
    )


def _what_would_fit(recipe: Recipe, name: str, costs: list[Cost], machine: hardware.Machine) -> str:
    """What brings a stage into the memory: a training in parts, recomputed or smaller, of others one smaller setting."""
    planned = recipe.stages[name]
    if planned.kind == "train" and (words := proposal(recipe, name, costs, machine)):
        return f"{words} would fit"
    inputs = before(planned, {cost.name: cost.estimate for cost in costs})
    fitting = []
    for spot, value in _sizes(planned.settings):
        for halvings in range(1, HALVINGS):
            smaller = value >> halvings
            settings = _changed(planned.settings, spot, smaller) if smaller else None
            if settings and planned.module.estimate(settings, inputs, machine).memory_bytes <= machine.memory_bytes:
                fitting.append((halvings, f"{name}.{'.'.join(spot)}={smaller}"))
                break
    return f"{min(fitting)[1]} would fit" if fitting else f"choose smaller settings for {name}, or a larger machine"


def _sizes(settings: BaseModel, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Every whole number above one in the settings, however deep."""
    for name in type(settings).model_fields:
        value: Any = getattr(settings, name)
        if isinstance(value, BaseModel):
            yield from _sizes(value, (*above, name))
        elif isinstance(value, int) and not isinstance(value, bool) and value > 1:
            yield (*above, name), value


def _changed(settings: BaseModel, spot: tuple[str, ...], value: int) -> BaseModel | None:
    """The settings with one number replaced, or None if they would not be valid."""
    told = settings.model_dump(exclude_unset=False)
    inner = told
    for part in spot[:-1]:
        inner = inner[part]
    inner[spot[-1]] = value
    try:
        return type(settings).model_validate(told)
    except (ValueError, Problem):
        return None
