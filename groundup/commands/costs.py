"""`groundup cost`: what a model costs before it exists, for settings, a model's folder, a recipe's trainings or the dial."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from groundup.model.dial import Plan
    from groundup.model.settings import ModelSettings

PANEL = "This machine and its folders"
BYTES = {"f32": 4, "bf16": 2, "f16": 2}
VOCABULARY = 2048  # where neither the words nor a tokenizer says one
ROWS = 8

Asked = tuple["ModelSettings", int, int]  # a model, rows and tokens of one batch


def cost(
    words: list[str] = typer.Argument(
        None, metavar="[MODEL|RECIPE] [NAME=VALUE]…", help="A model's folder, a recipe, or settings of a model."
    ),
    dial: int = typer.Option(0, "--dial", min=0, max=64, metavar="DEPTH", help="What one dial gives; settings win."),
    rows: int = typer.Option(0, min=0, help="Texts at once; default: the training's, or 8."),
    time: int = typer.Option(0, min=0, help="Tokens of each; default: the training's, or the whole context."),
    precision: str = typer.Option("f32", metavar="f32|bf16|f16", help="Of what is computed."),
    as_json: bool = typer.Option(False, "--json", help="Print all numbers as JSON."),
) -> None:
    """Say what a model costs: parameters, arithmetic and memory, in training and in use.

    Examples:  groundup cost family=llama depth=12 width=768 vocabulary=32000
               groundup cost runs/tour/model --precision bf16
               groundup cost tour --json
               groundup cost --dial 8
    """
    from groundup.errors import Problem, did_you_mean

    if precision not in BYTES:
        raise Problem(f"--precision {precision} is not known; {did_you_mean(precision, BYTES)}")
    plan = dialled(dial, words or []) if dial else None
    if plan is not None:
        asked: dict[str, Asked] = {f"dial {dial}": (plan.model, plan.rows, plan.time)}
    else:
        asked = found(words or [])
    told = {
        name: figures(model, rows or own_rows, time or own_time, BYTES[precision])
        for name, (model, own_rows, own_time) in asked.items()
    }
    if plan is not None:
        told[f"dial {dial}"]["plan"] = training(plan)
    if as_json:
        typer.echo(json.dumps(told, indent=1))
    else:
        show(told, precision)


def dialled(depth: int, words: list[str]) -> "Plan":
    """The training that a depth gives; settings of the model win."""
    from groundup import config
    from groundup.model import dial
    from groundup.model.settings import ModelSettings

    given = dial.meant(depth, {"vocabulary": VOCABULARY} | config.overrides(words))
    return dial.plan(config.build(ModelSettings, given, "model"))


def training(plan: "Plan") -> dict[str, Any]:
    """The numbers of a plan, and how long it takes here."""
    from groundup import hardware
    from groundup.model.cost import flops_per_second, flops_per_token

    work = plan.tokens * flops_per_token(plan.model, plan.time, backward=True)
    sizes = plan.model.model_dump(include={"depth", "width", "heads", "head_width", "hidden", "context"})
    told = {"steps": plan.steps, "rows": plan.rows, "time": plan.time, "tokens": plan.tokens, "rate": plan.rate}
    return {**sizes, **told, "flops": work, "hours": work / flops_per_second(hardware.look()) / 3600}


def found(words: list[str]) -> dict[str, Asked]:
    """Name -> model and batch, of whatever the words mean."""
    from groundup import config
    from groundup.errors import Problem
    from groundup.model.settings import ModelSettings
    from groundup.recipe import file

    bare = [word for word in words if "=" not in word]
    said = [word for word in words if "=" in word]
    if not bare:
        given = {"vocabulary": VOCABULARY} | config.overrides(said)
        model = config.build(ModelSettings, given, "model")
        return {model.family: (model, ROWS, model.context)}
    if len(bare) > 1:
        raise Problem(f"groundup cost takes one model or recipe and got {len(bare)}: {', '.join(bare)}")
    if bare[0] in file.known() or bare[0].endswith((".yaml", ".yml")):
        return of_recipe(bare[0], said)
    if said:
        raise Problem(f"{bare[0]} says what it is made of: leave out {said[0]}")
    return of_folder(Path(bare[0]).expanduser())


def of_folder(path: Path) -> dict[str, Asked]:
    """A model as its config.json says it."""
    from groundup.commands.models import models_at
    from groundup.errors import Problem
    from groundup.model import config_json
    from groundup.model.folder import CONFIG, read_json, within

    name, place = next(iter(models_at(str(path)).items()))
    if Path(place).is_file():
        raise Problem(f"{place} is a file: groundup cost reads the folder of a model, with its {CONFIG}")
    at = within(place) / CONFIG
    model = config_json.from_config(read_json(at), str(at))[0]
    return {name: (model, ROWS, model.context)}


def of_recipe(name: str, words: list[str]) -> dict[str, Asked]:
    """Every training of a recipe that begins with fresh weights."""
    from groundup import config
    from groundup.errors import Problem
    from groundup.model.settings import ModelSettings
    from groundup.recipe import file

    stages = file.read(name, config.overrides(words)).stages
    sizes = [stage.settings.size for stage in stages.values() if stage.kind == "tokenizer"]  # type: ignore[attr-defined]
    asked: dict[str, Asked] = {}
    for stage in stages.values():
        settings: Any = stage.settings
        if stage.kind != "train" or settings.start is not None or settings.seconds is not None:
            continue
        model = settings.model or ModelSettings()
        model = model.with_vocabulary(max(model.vocabulary, *sizes, VOCABULARY if not sizes else 0))
        asked[stage.name] = model, settings.training.rows, settings.training.time
    if not asked:
        raise Problem(f"{name} trains no model whose size is known before: it starts from others, or goes by seconds")
    return asked


def figures(model: "ModelSettings", rows: int, time: int, number: int) -> dict[str, Any]:
    """The settings and what they cost."""
    from groundup.model import cost

    return {"model": model.model_dump(mode="json")} | cost.told(model, rows, time, number)


def show(told: dict[str, dict[str, Any]], precision: str) -> None:
    """One column for each model."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 3, 0, 0))
    table.add_column("")
    for name in told:
        table.add_column(name, justify="right")
    every = list(told.values())
    for title, read in LINES:
        cells = [read(each) for each in every]
        if any(cells):
            table.add_row(title, *cells)
    console = Console(highlight=False, markup=False)
    console.print(table)
    first = every[0]
    batches = " and ".join(dict.fromkeys(f"{each['rows']} × {each['time']:,} tokens" for each in every))
    console.print(f"\nMemory for {batches}, computed in {precision}; the optimizer's state and weights are f32.")
    if "plan" in first:
        show_plan(first["plan"], console)


def show_plan(plan: dict[str, Any], console: Any) -> None:
    """What the dial gives, as one would type it."""
    from groundup.recipe.console import amount, duration

    console.print(
        f"\ndepth {plan['depth']}: width {plan['width']}, {plan['heads']} heads of {plan['head_width']}, "
        f"context {plan['context']}\n"
        f"{plan['steps']:,} steps of {plan['rows']} × {plan['time']} tokens: {amount(plan['tokens'])} tokens at rate "
        f"{plan['rate']:.3g}\nabout {duration(plan['hours'] * 3600)} on this machine: "
        f"groundup train dial={plan['depth']} data=… --into …"
    )


def _count(name: str) -> Any:
    def read(told: dict[str, Any]) -> str:
        from groundup.recipe.console import amount

        place, _, part = name.partition("/")
        value = told[place][part] if part else told[place]
        return amount(value) if value else ""

    return read


def _size(name: str) -> Any:
    def read(told: dict[str, Any]) -> str:
        from groundup.recipe.console import size

        return size(told[name]) if told[name] else ""

    return read


LINES = (
    ("parameters", _count("parameters")),
    ("  table", _count("parameters_by_part/table")),
    ("  positions", _count("parameters_by_part/positions")),
    ("  attention", _count("parameters_by_part/attention")),
    ("  feed-forward", _count("parameters_by_part/feed-forward")),
    ("  norms", _count("parameters_by_part/norms")),
    ("  head", _count("parameters_by_part/head")),
    ("FLOPs of a token, forward", _count("flops_per_token_forward")),
    ("  were nothing hidden computed", _count("flops_per_token_needed_forward")),
    ("  backward", _count("flops_per_token_backward")),
    ("  layers computed again", _count("flops_per_token_recomputed")),
    ("activations", _size("activation_bytes")),
    ("  recomputed", _size("activation_bytes_recomputed")),
    ("cache of a token", _size("kv_bytes_per_token")),
    ("carried for a text", _size("carried_bytes_per_text")),
    ("memory in use", _size("inference_bytes")),
    ("memory in training", _size("training_bytes")),
    ("  recomputed", _size("training_bytes_recomputed")),
)


def add(app: typer.Typer) -> None:
    """Put this command into the table of contents."""
    app.command(rich_help_panel=PANEL)(cost)
