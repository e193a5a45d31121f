"""Commands about the machine and about what lies on its disk: is it fit, is every byte still what was made."""

from pathlib import Path

import typer

PANEL = "This machine and its folders"


def doctor() -> None:
    """Say what this machine is and what is missing, and how to get it.

    Example:  groundup doctor
    """
    from groundup import hardware

    hardware.use_cache_folder()
    machine = hardware.look(devices=True)
    rows = hardware.doctor(machine)
    rows.append(("speed", _speed(machine), ""))
    rows.append(_decoding(machine))
    width = max(len(topic) for topic, _, _ in rows)
    for topic, finding, advice in rows:
        typer.echo(f"{topic:<{width}}  {finding}")
        if advice:
            typer.echo(f"{'':<{width}}  -> {advice}")


def verify(
    path: str = typer.Argument(..., metavar="PATH", help="A finished stage, a recipe's folder, or anything in them."),
) -> None:
    """Check every byte of a result, and of all that it was made from, back to the raw text.

    Example:  groundup verify runs/tour/model
    """
    from groundup import run
    from groundup.recipe.console import size

    checked = run.verify(path)
    for stage in checked.stages:
        typer.echo(f"intact  {stage}")
    typer.echo(
        f"{len(checked.stages)} stages, {checked.files} files, {size(checked.bytes)}: every byte is as it was made"
    )


def clean(
    folder: Path = typer.Argument(..., metavar="DIR", help="The folder of a recipe, as given to --into."),
    yes: bool = typer.Option(False, "--yes", help="Really remove; without it, only say what would go."),
) -> None:
    """Remove results of earlier settings: finished folders that no link leads to any more.

    Examples:  groundup clean runs/tour
               groundup clean runs/tour --yes
    """
    from groundup.recipe.clearing import forget, unused
    from groundup.recipe.console import size

    found = unused(folder)
    for path, amount in found.items():
        typer.echo(f"{'removed' if yes else 'would remove'} {path} ({size(amount)})")
    if yes:
        forget(folder, found)
    elif found:
        typer.echo(f"{size(sum(found.values()))} in all; `groundup clean {folder} --yes` removes them")
    else:
        typer.echo(f"nothing in {folder} is unused")


def schema(
    into: Path = typer.Option(..., "--into", metavar="DIR", help="Where to write one JSON schema for each kind."),
) -> None:
    """Write JSON schemas, so that an editor completes and checks recipes.

    Example:  groundup schema --into docs/schema
    """
    from groundup.recipe.schema import write

    for path in write(into):
        typer.echo(f"wrote {path}")


def _speed(machine) -> str:
    from groundup import hardware

    probed = hardware.probe(machine)
    chosen = hardware.precision(machine, probed)
    return (
        f"bf16 {probed['bf16_training_gflops']:.0f} GFLOP/s, f32 {probed['f32_training_gflops']:.0f} GFLOP/s, memory "
        f"{probed['memory_gb_per_s']:.0f} GB/s: trains in {chosen} with {hardware.threads(machine)} threads"
    )


def _decoding(machine) -> tuple[str, str, str]:
    from groundup.generation.compiled_step import which

    finding, advice = which()
    return ("decoding", finding if machine.device == "cpu" else f"on the processor: {finding}", advice)


def add(app: typer.Typer) -> None:
    """Put these commands into the table of contents."""
    for function in (doctor, verify, clean, schema):
        app.command(rich_help_panel=PANEL)(function)
