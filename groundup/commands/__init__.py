"""What can be typed after `groundup`, in the order of a text's way: from pages to answers.

Nothing heavy is imported until a command runs, so that `groundup --help` answers at once.
"""

import typer

from groundup.commands import (
    card,
    convert,
    costs,
    dashboard,
    experiments,
    load,
    look,
    models,
    near,
    recipes,
    stages,
    this_machine,
    trainings,
    vectors,
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Language models from the ground up: from raw pages to a live API, every step readable and measured.",
    epilog="Start with: groundup make tour --into runs/tour. "
    "--traceback after any command shows all of a crash. Exit codes: 0 done, 1 crashed, 2 wrong input, 130 stopped.",
)


def _say_version(wanted: bool) -> None:
    if wanted:
        from groundup import __version__

        typer.echo(__version__)
        raise typer.Exit()


@app.callback()
def _groundup(
    version: bool = typer.Option(
        False, "--version", help="Say which version this is.", is_eager=True, callback=_say_version
    ),
) -> None:
    """What holds for every command."""


recipes.add(app)
stages.add(app)
experiments.add(app)
convert.add(app)
vectors.add(app)
models.add(app)
load.add(app)
look.add(app)
card.add(app)
dashboard.add(app)
costs.add(app)
near.add(app)
trainings.add(app)
this_machine.add(app)
