"""What a recipe would cost before anything runs: text, tokens, parameters, memory, disk and time of each stage.

Every stage estimates itself from the estimates of what it reads; what cannot fit this machine is refused by name.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from groundup import hardware
from groundup.errors import Problem
from groundup.recipe.console import amount, duration, size
from groundup.recipe.file import Planned, Recipe
from groundup.recipe.graph import Reference
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


def show(costs: list[Cost], title: str) -> None:
    """Print a plan as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in ("stage", "state"):
        table.add_column(head, no_wrap=True)
    for head in ("text", "documents", "tokens", "parameters", "memory", "disk", "time"):
        table.add_column(head, justify="right", no_wrap=True)
    for cost in costs:
        table.add_row(cost.name, "made" if cost.made else "would run", *_figures(cost.estimate))
    left = [cost.estimate for cost in costs if not cost.made]
    most = max((each.memory_bytes for each in left), default=0)
    total = Estimate(
        tokens=sum(each.tokens for each in left),
        memory_bytes=most,
        disk_bytes=sum(each.disk_bytes for each in left),
        seconds=sum(each.seconds for each in left),
    )
    table.add_row("", f"{len(left)} to run", *_figures(total), style="bold")
    console = Console(highlight=False, width=max(Console().width, WIDTH))
    console.print(title, style="bold")
    console.print(table)


def _figures(told: Estimate) -> list[str]:
    counts = [amount(told.documents), amount(told.tokens), amount(told.parameters)]
    sizes = [size(told.text_bytes), *counts, size(told.memory_bytes), size(told.disk_bytes), duration(told.seconds)]
    return ["" if figure.split()[0] in ("0", "0.0") else figure for figure in sizes]


def before(planned: Planned, known: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """The estimates of a stage's inputs by name; a list's parts also come together under the list's own name."""
    result: dict[str, Estimate] = {}
    for name, each in planned.inputs.items():
        found = known[each.name] if isinstance(each, Reference) else _raw(each)
        result[name] = found
        head = name.split(".")[0]
        if head != name:
            result[head] = together(result[head], found) if head in result else found
    return result


def together(one: Estimate, other: Estimate) -> Estimate:
    """Two inputs read as one."""
    return Estimate(**{field.name: getattr(one, field.name) + getattr(other, field.name) for field in fields(Estimate)})


def _raw(path: Path) -> Estimate:
    """Raw text is known by its size alone."""
    if path.is_file():
        return Estimate(text_bytes=path.stat().st_size, documents=1)
    if not path.is_dir():
        raise Problem(f"there is nothing at {path}: expected a file or folder to read")
    sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    return Estimate(text_bytes=sum(sizes), documents=len(sizes))


def refuse_what_cannot_fit(recipe: Recipe, into: Path, made: Mapping[str, Path]) -> list[Cost]:
    """The plan, or a Problem that names the stage which does not fit and a setting with which it would."""
    machine = hardware.look(folder=into)
    costs = plan(recipe, into, made, machine)
    disk = 0
    for cost in costs:
        if cost.made:
            continue
        need = cost.estimate.memory_bytes
        if need > machine.memory_bytes:
            hint = _what_would_fit(recipe, cost.name, costs, machine)
            raise Problem(
                f"{cost.name} needs about {need / GB:.1f} GB of memory and this machine has "
                f"{machine.memory_bytes / GB:.1f} GB: {hint}"
            )
        disk += cost.estimate.disk_bytes
        if disk > machine.disk_free_bytes:
            raise Problem(
                f"the stages up to {cost.name} need about {disk / GB:.1f} GB of disk and {into} has "
                f"{machine.disk_free_bytes / GB:.1f} GB left: free some space, or choose another disk with --into"
            )
    return costs


def _what_would_fit(recipe: Recipe, name: str, costs: list[Cost], machine: hardware.Machine) -> str:
    """One setting that, made smaller, brings a stage into the memory."""
    planned = recipe.stages[name]
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
