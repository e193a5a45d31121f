"""`groundup plan`: what a recipe, a training by hand or a machine would take, before anything runs."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from groundup.data.tokens.foreseen import Foreseen
    from groundup.hardware import Machine
    from groundup.recipe import Recipe
    from groundup.recipe.planning import Cost
    from groundup.recipe.probing import Probe

HARDWARE, ALL, TRAIN = "hardware=", "all", "train"


def plan(
    words: list[str] = typer.Argument(
        ..., metavar="RECIPE|train|hardware=NAME [NAME=VALUE]…", help="A recipe, `train` with settings, or a machine."
    ),
    into: Path = typer.Option(None, "--into", metavar="DIR", help="Where it would be made; default: runs/RECIPE."),
    probe: bool = typer.Option(False, "--probe", help="Time some steps of each training whose data is there."),
    probe_seconds: float = typer.Option(20.0, "--probe-seconds", min=0.1, help="How long to step for."),
    price: float = typer.Option(None, "--price", min=0, help="Dollars an hour; default: hardware/prices.json."),
    watts: float = typer.Option(None, "--watts", min=0, help="Of the whole computer at work; default: the table's."),
    hours: float = typer.Option(24.0, "--hours", min=0.001, help="With a machine alone: how long it may train."),
    vocabulary: int = typer.Option(32_768, "--vocabulary", min=2, help="With a machine alone: tokens of its models."),
    as_json: bool = typer.Option(False, "--json", help="Print all numbers as JSON."),
) -> None:
    """Say what a recipe or a training would make, need and cost, before anything runs.

    What cannot fit the memory or the disk is refused here, with settings that would fit.

    Examples:  groundup plan tour
               groundup plan train data=runs/tokens dial=6 --probe
               groundup plan tour hardware=t4
               groundup plan hardware=all --hours 8
    """
    from groundup import hardware
    from groundup.hardware import catalogue
    from groundup.recipe import bill, mixtures, planning
    from groundup.recipe.making import intact

    machine_name = next((word.removeprefix(HARDWARE) for word in words if word.startswith(HARDWARE)), "")
    words = [word for word in words if not word.startswith(HARDWARE)]
    if not words:
        return machines(machine_name, hours, price, vocabulary, as_json)
    offer = catalogue.named(machine_name) if machine_name else None
    found = asked(words)
    place = into or Path("runs") / found.name
    made = intact(found, place) if place.is_dir() else {}
    machine = offer.machine() if offer else hardware.look(devices=probe, folder=place)
    costs = planning.refuse_what_cannot_fit(found, place, made, machine if offer else None)
    probes = probed(found, place, made, probe_seconds) if probe and not offer else {}
    costs = [measured(cost, found, probes.get(cost.name)) for cost in costs]
    mixed = mixtures.mixtures(found, costs, made)
    tariff = bill.tariff(offer, price, watts) if offer else bill.here(machine, price, watts)
    if as_json:
        typer.echo(json.dumps(told(costs, tariff, probes, mixed), indent=1))
    else:
        show(found, costs, tariff, probes, machine, probe, mixed)


def machines(name: str, hours: float, price: float | None, vocabulary: int, as_json: bool) -> None:
    """What one machine of the table, or each, is good for."""
    from groundup.hardware import catalogue
    from groundup.recipe import machines

    offers = list(catalogue.offers().values()) if name == ALL else [catalogue.named(name)]
    found = machines.told(offers, hours, price, vocabulary)
    if as_json:
        typer.echo(json.dumps(found, indent=1))
    else:
        machines.show(found)


def asked(words: list[str]) -> "Recipe":
    """The recipe that the words mean; a training by hand is a recipe of one stage."""
    from groundup import config
    from groundup.errors import Problem
    from groundup.recipe import file

    bare = [word for word in words if "=" not in word]
    said = config.overrides([word for word in words if "=" in word])
    if len(bare) != 1:
        raise Problem(f"groundup plan takes one recipe, or `train`, and got {len(bare)}: {', '.join(bare) or words[0]}")
    return by_hand(said) if bare[0] == TRAIN else file.read(bare[0], said)


def by_hand(said: Any) -> "Recipe":
    """One training as a recipe."""
    from groundup import config
    from groundup.recipe.file import Planned, Recipe
    from groundup.stages import load

    module = load(TRAIN)
    settings = config.build(module.Settings, said)
    inputs = {spot: Path(path).expanduser().absolute() for spot, path in config.inputs_of(settings).items()}
    planned = Planned(TRAIN, TRAIN, module, settings, [], dict(inputs))
    return Recipe(TRAIN, "one training by hand", 1, {TRAIN: planned}, {})


def probed(recipe: "Recipe", place: Path, made: dict[str, Path], seconds: float) -> dict[str, "Probe"]:
    """Each training that is still to be made and has all that it reads."""
    from groundup.recipe.making import stage_of
    from groundup.recipe.probing import probe

    result = {}
    for name, planned in recipe.stages.items():
        if planned.kind == TRAIN and name not in made and all(needed in made for needed in planned.needs):
            settings = stage_of(planned, recipe.seed, place, made).ready()
            result[name] = probe(settings, recipe.seed, seconds)
    return result


def measured(cost: "Cost", recipe: "Recipe", probe: "Probe | None") -> "Cost":
    """A stage's cost with what its probe found in place of what was estimated."""
    from dataclasses import replace

    if probe is None:
        return cost
    settings: Any = recipe.stages[cost.name].settings
    seconds = probe.seconds(settings.training, bool(settings.samples.prompts))
    tokens = probe.steps * probe.tokens
    return replace(cost, estimate=replace(cost.estimate, seconds=seconds, memory_bytes=probe.peak_bytes, tokens=tokens))


def told(
    costs: list["Cost"], tariff: Any, probes: dict[str, "Probe"], mixed: dict[str, list["Foreseen"]]
) -> dict[str, Any]:
    """The plan, its probes and its mixtures as plain numbers."""
    from dataclasses import asdict

    from groundup.recipe import planning

    domains = {name: [asdict(each) | {"missing": each.missing} for each in found] for name, found in mixed.items()}
    probed = {name: asdict(each) for name, each in probes.items()}
    return planning.told(costs, tariff) | {"probes": probed, "mixtures": domains}


def show(
    recipe: "Recipe",
    costs: list["Cost"],
    tariff: Any,
    probes: dict[str, "Probe"],
    machine: "Machine",
    wanted: bool,
    mixed: dict[str, list["Foreseen"]],
) -> None:
    """The table, where its numbers come from, which texts run out, and the learning rate of each training."""
    from groundup.model import dial
    from groundup.recipe import mixtures, planning
    from groundup.training.drawn import curve

    planning.show(costs, f"{recipe.name}: {recipe.about}", tariff)
    typer.echo(f"\n${tariff.dollars_per_hour:g} an hour ({tariff.source}), {tariff.watts:g} W")
    for name, each in probes.items():
        typer.echo(f"{name}: {1e3 * each.step_seconds:,.1f} ms a step, the mean of {each.counted} that were probed")
    if probes and (busy := os.getloadavg()[0]) > machine.cpus + 1:
        typer.echo(f"this machine is busy (load {busy:.1f} on {machine.cpus} cores): times are those of a busy machine")
    missing = [cost.name for cost in costs if cost.kind == TRAIN and not cost.made and cost.name not in probes]
    if wanted and missing:
        typer.echo(f"not probed, for what they read is not there or the machine is another: {', '.join(missing)}")
    for name, found in mixed.items():
        typer.echo("\n".join(mixtures.sentences(name, found)))
    for cost in costs:
        settings: Any = recipe.stages[cost.name].settings
        if cost.kind == TRAIN and not cost.made:
            training = settings.training
            peak = training.optimizer.rate or dial.RATES.get(training.optimizer.kind)
            typer.echo(f"\nlearning rate of {cost.name}: {training.schedule.kind}")
            typer.echo(curve(training.schedule, training.steps, peak))
