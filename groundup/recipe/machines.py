"""What each machine of the table is good for: the largest model by the dial in so many hours, and what becomes of recipes.

groundup plan hardware=t4 --hours 12
"""

from dataclasses import asdict, dataclass
from typing import Any

from groundup.errors import Problem
from groundup.hardware import catalogue
from groundup.hardware.catalogue import Offer
from groundup.recipe import file, planning
from groundup.recipe.bill import tariff
from groundup.recipe.smaller import cheaper
from groundup.run import Estimate
from groundup.stages import load

VOCABULARY = 32_768
DEEPEST = 64
TEXT = 10**9  # tokens taken to be there for recipes that size themselves to a text
AS_IT_IS = "as it is"
NO_TEXT = "."  # where a recipe asks for a path, to be read without it


@dataclass(frozen=True)
class Largest:
    """The deepest model of the dial that a machine trains to its end in some hours."""

    hardware: str
    memory_bytes: int
    precision: str
    depth: int
    parameters: int
    rows: int
    time: int
    words: str  # to type besides, so that it fits
    tokens: int
    need_bytes: int
    hours: float
    dollars: float
    kwh: float
    bound: str  # what a deeper one would lack: hours, memory, or depth of the dial


def largest(offer: Offer, hours: float, price: float | None = None, vocabulary: int = VOCABULARY) -> Largest:
    """The deepest that fits, found by halving: deeper ones need more of everything."""
    low, high, bound = 0, DEEPEST + 1, "depth"
    best: Any = None
    while high - low > 1:
        depth = (low + high) // 2
        found, lacks = _at(offer, depth, hours, price, vocabulary)
        if found is None:
            high, bound = depth, lacks
        else:
            low, best = depth, found
    if best is None:
        lacking = f"{hours:g} hours" if bound == "hours" else "its memory"
        raise Problem(
            f"not even one layer is trained within {lacking} on {offer.key}: say more --hours, or another machine"
        )
    return Largest(bound=bound, **best)


def _at(
    offer: Offer, depth: int, hours: float, price: float | None, vocabulary: int
) -> tuple[dict[str, Any] | None, str]:
    """What training the dial's model of a depth takes, or None and what it lacks."""
    from groundup.model import cost

    module, machine = load("train"), offer.machine()
    settings = module.Settings.model_validate({"dial": depth, "model": {"vocabulary": vocabulary}})
    model, training = settings.model, settings.training
    tokens = training.steps * training.rows * training.time
    room = catalogue.room(machine)
    needs = ((*way, module.estimate(way[1], {}, machine).memory_bytes) for way in cheaper(settings, ""))
    fitting = next(((words, changed, need) for words, changed, need in needs if need <= room), None)
    if fitting is None:
        return None, "memory"
    words, changed, need = fitting
    again = changed.training.recompute
    work = tokens * cost.flops_per_token(model, training.time, backward=True, recompute=again)
    seconds = work / cost.flops_per_second(machine)
    if seconds > 3600 * hours:
        return None, "hours"
    asked = tariff(offer, price)
    return {
        "hardware": offer.key,
        "memory_bytes": offer.memory_bytes,
        "precision": offer.precision,
        "depth": depth,
        "parameters": cost.parameters(model),
        "rows": training.rows,
        "time": training.time,
        "words": words,
        "tokens": tokens,
        "need_bytes": need,
        "hours": round(seconds / 3600, 3),
        "dollars": round(asked.dollars(seconds), 4),
        "kwh": round(asked.kwh(seconds), 4),
    }, ""


def fallbacks(offer: Offer) -> dict[str, dict[str, str]]:
    """For each recipe of the package, each of its trainings: what to type so that it fits, nothing if it does."""
    return {name: _fallback(name, offer) for name in file.known()}


def _fallback(name: str, offer: Offer) -> dict[str, str]:
    arguments = file.about(file.known()[name])[1]
    said = {word: NO_TEXT for word, told in arguments.items() if "default" not in told.model_fields_set}
    recipe, machine = file.read(name, said), offer.machine()
    text = Estimate(tokens=TEXT)
    costs = [planning.Cost(stage, planned.kind, False, text) for stage, planned in recipe.stages.items()]
    result = {}
    for stage, planned in recipe.stages.items():
        if planned.kind == "train":
            words = planning.proposal(recipe, stage, costs, machine)
            result[stage] = AS_IT_IS if words == "" else "does not fit" if words is None else words
    return result


def told(offers: list[Offer], hours: float, price: float | None, vocabulary: int) -> dict[str, Any]:
    """All of it as plain numbers."""
    result: dict[str, Any] = {"hours": hours, "vocabulary": vocabulary, "machines": []}
    for offer in offers:
        best = asdict(largest(offer, hours, price, vocabulary))
        source = tariff(offer, price).source
        result["machines"].append(best | {"price": source, "recipes": fallbacks(offer)})
    return result


def show(told: dict[str, Any]) -> None:
    """Print the table, then what becomes of recipes."""
    from rich.console import Console
    from rich.table import Table

    from groundup.recipe.bill import energy, money
    from groundup.recipe.console import amount, duration, size

    table = Table(box=None, padding=(0, 2, 0, 0))
    heads = (
        "hardware",
        "memory",
        "computes in",
        "depth",
        "parameters",
        "batch",
        "tokens",
        "needs",
        "time",
        "energy",
        "price",
    )
    for head in heads:
        table.add_column(head, justify="left" if head in ("hardware", "computes in") else "right", no_wrap=True)
    table.add_column("a deeper one lacks")
    for each in told["machines"]:
        precision = "f16, its loss scaled" if each["precision"] == "f16" else each["precision"]
        cells = [
            each["hardware"],
            size(each["memory_bytes"]),
            precision,
            str(each["depth"]),
            amount(each["parameters"]),
        ]
        cells += [f"{each['rows']} × {each['time']}", amount(each["tokens"]), size(each["need_bytes"])]
        cells += [duration(3600 * each["hours"]), energy(each["kwh"]), money(each["dollars"]), each["bound"]]
        table.add_row(*cells)
    console = Console(highlight=False, markup=False, width=max(Console().width, 150))
    console.print(
        f"The largest model by the dial that is trained to its end in {told['hours']:g} hours; vocabulary {told['vocabulary']:,}"
    )
    console.print(table)
    for each in told["machines"]:
        more = f" {each['words']}" if each["words"] else ""
        console.print(
            f"\n{each['hardware']}: groundup train dial={each['depth']}{more} data=… --into …   ({each['price']})"
        )
        console.print(_recipes(each["recipes"]))


def _recipes(found: dict[str, dict[str, str]]) -> str:
    """A line for those that fit, and one for each that has to be smaller."""
    fitting = [name for name, stages in found.items() if stages and set(stages.values()) == {AS_IT_IS}]
    lines = [f"  recipes that fit as they are: {', '.join(fitting) or 'none'}"]
    for recipe, stages in found.items():
        if recipe not in fitting:
            said = "; ".join(f"{stage}: {words}" for stage, words in stages.items() if words != AS_IT_IS)
            lines.append(f"  {recipe}: {said or 'has no training of its own to judge'}")
    return "\n".join(lines)
