"""Commands that make many trainings: `groundup search` and `groundup scaling`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from groundup.experiments.search import Search

PANEL = "One stage at a time"


def search(
    words: list[str] = typer.Argument(
        None, metavar="[search.yaml] [NAME=VALUE]…", help="A search in a file, and settings of the train stage."
    ),
    into: Path = typer.Option(..., "--into", metavar="DIR", help="Where trials, table and report come."),
    over: list[str] = typer.Option([], "--over", metavar="NAME=VALUES", help="log:LOW..HIGH, lin:LOW..HIGH or 2,4,8."),
    method: str = typer.Option("", "--method", metavar="random|halving", help="Default: random."),
    trials: int = typer.Option(0, "--trials", min=0, help="How many are drawn at most; default: 9."),
    steps: int = typer.Option(0, "--steps", min=0, help="Of all trials together at most."),
    seconds: float = typer.Option(0.0, "--seconds", min=0, help="Of all trials together; none begins later."),
    seed: int = typer.Option(-1, "--seed", help="Of what is drawn, and of every training; default: 1."),
) -> None:
    """Find settings of a training that learn best: trials are drawn, trained and ranked.

    Stop it at any moment and type the same again: it goes on. Every trial is a run folder.

    Examples:  groundup search data=runs/tokens model.depth=4 --over training.optimizer.rate=log:1e-3..1e-1 --into runs/rates
               groundup search search.yaml --method halving --trials 27 --into runs/search
    """
    from groundup.experiments.search import TEXT
    from groundup.experiments.search import search as make

    said = {"method": method, "trials": trials, "steps": steps, "seconds": seconds}
    said = {name: value for name, value in said.items() if value} | ({"seed": seed} if seed >= 0 else {})
    make(asked(words or [], over, said), into)
    typer.echo((into / TEXT).read_text(encoding="utf-8"), nl=False)
    typer.echo(f"made {into}: table.json, report.html")


def asked(words: list[str], over: list[str], said: dict[str, Any]) -> "Search":
    """The search that a file and the words of the command line ask for; the words win."""
    from groundup import config
    from groundup.errors import Problem
    from groundup.experiments.search import Search

    files = [word for word in words if "=" not in word]
    if len(files) > 1:
        raise Problem(f"groundup search takes one file and got {len(files)}: {', '.join(files)}")
    told: dict[str, Any] = dict(config.read_yaml(files[0])) if files else {}
    given = config.overrides([word for word in words if "=" in word])
    settings = told.get("settings") or config.Section()
    told = told | said | {"settings": config.merge(settings, given)}
    for word in over:
        name, equals, values = word.partition("=")
        if not equals:
            raise Problem(f"--over {word}: expected NAME=VALUES, as in model.depth=2,4,8")
        told["over"] = {**(told.get("over") or {}), name: values}
    told.setdefault("over", {})
    return config.build(Search, told, "search")


def scaling(
    words: list[str] = typer.Argument(
        None, metavar="[RUN]… [NAME=VALUE]…", help="Folders of trainings, and settings of those to be made."
    ),
    into: Path = typer.Option(..., "--into", metavar="DIR", help="Where trainings, law and report come."),
    depths: str = typer.Option("", "--depths", metavar="2,3,4", help="Of the dial: these are trained."),
    tokens: str = typer.Option("", "--tokens", metavar="1e5,2e5", help="Each depth on each of so many tokens."),
    draws: int = typer.Option(100, "--draws", min=10, help="Of the bootstrap that intervals come from."),
    seed: int = typer.Option(1, "--seed", min=0, help="Of every training and of the bootstrap."),
) -> None:
    """Fit how loss falls with size and text, and predict the next training, with intervals.

    Examples:  groundup scaling data=runs/tokens --depths 2,3,4 --tokens 5e5,1e6,2e6 --into runs/scaling
               groundup scaling runs/small/* --into runs/law
    """
    from groundup import config
    from groundup.experiments.scaling import TEXT, Scaling
    from groundup.experiments.scaling import scaling as make

    runs = [word for word in words or [] if "=" not in word]
    settings = config.overrides([word for word in words or [] if "=" in word])
    told = {"runs": runs, "settings": settings, "draws": draws, "seed": seed}
    told |= {"depths": whole("--depths", depths), "tokens": whole("--tokens", tokens)}
    make(config.build(Scaling, told, "scaling"), into)
    typer.echo((into / TEXT).read_text(encoding="utf-8"), nl=False)
    typer.echo(f"made {into}: scaling.json, report.html")


def whole(option: str, written: str) -> list[int]:
    """Whole numbers with commas between them; 1e5 is one."""
    from groundup.errors import Problem

    try:
        found = [float(part) for part in written.split(",") if part.strip()]
    except ValueError:
        found = [0.0]
    if any(number < 1 or number != int(number) for number in found):
        raise Problem(f"{option} {written}: expected whole numbers above 0, as in 2,3,4")
    return [int(number) for number in found]


def add(app: typer.Typer) -> None:
    """Put these commands into the table of contents."""
    for function in (search, scaling):
        app.command(rich_help_panel=PANEL)(function)
