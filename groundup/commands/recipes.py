"""Commands for whole recipes: make, list; `plan` has a file of its own."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from groundup.commands.plans import plan

if TYPE_CHECKING:
    from groundup.recipe import Recipe

PANEL = "The whole way"
WORDS = typer.Argument(None, metavar="[seed=N] [NAME=VALUE] [STAGE.KEY=VALUE]…", help="What to change in the recipe.")
NAME = typer.Argument(..., metavar="RECIPE", help="A name that `groundup recipes` lists, or the path of a YAML file.")
TABLE = "table.txt"  # what a recipe offers under this name is shown when all is made
INTO = typer.Option(None, "--into", metavar="DIR", help="Where to make it; default: runs/RECIPE.")


def make(
    recipe: str = NAME,
    words: list[str] = WORDS,
    into: Path = INTO,
    rebuild: list[str] = typer.Option([], "--rebuild", metavar="STAGE", help="Make this stage again; may be repeated."),
    wait: bool = typer.Option(False, "--wait", help="Wait while another process makes the same folder."),
) -> None:
    """Make everything in a recipe that is not made yet.

    Ask with `groundup plan` first what it will take. Stop it at any moment and type the same again: it goes on.

    Examples:  groundup make tour --into runs/tour
               groundup make pocket seed=2 base.training.steps=50 --into runs/small
               groundup make own-text text=~/notes --into runs/notes
    """
    from groundup.recipe.making import make_recipe

    found = _read(recipe, words)
    made = make_recipe(found, _into(found, into), tuple(rebuild), wait)
    offers = ", ".join(str(made / name) for name in found.links)
    if TABLE in found.links:
        typer.echo((made / TABLE).read_text(encoding="utf-8"))
    typer.echo(f"made {made}" + (f": {offers}" if offers else ""))


def recipes() -> None:
    """List the recipes that come with groundup, and what each must be told.

    Example:  groundup recipes
    """
    from groundup.recipe import file

    for name, path in file.known().items():
        line, arguments = file.about(path)
        typer.echo(f"{name:<12} {line}")
        for argument, told in arguments.items():
            typer.echo(f"{'':<12}   {argument}=…  {told.about}")


def add(app: typer.Typer) -> None:
    """Put these commands into the table of contents."""
    for function in (make, plan, recipes):
        app.command(rich_help_panel=PANEL)(function)


def _read(recipe: str, words: list[str] | None) -> "Recipe":
    from groundup import config
    from groundup.recipe import file

    return file.read(recipe, config.overrides(words or []))


def _into(recipe: "Recipe", into: Path | None) -> Path:
    return into or Path("runs") / recipe.name
