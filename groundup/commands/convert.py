"""Other people's folders of the old kind: their pickled weights become safetensors, which nothing has to be trusted for."""

from pathlib import Path

import typer

PANEL = "One stage at a time"


def convert(
    folder: Path = typer.Argument(..., metavar="FOLDER", help="A folder with pytorch_model.bin, whole or in shards."),
    into: Path = typer.Option(..., "--into", metavar="FOLDER", help="The new folder."),
) -> None:
    """Turn a model's pytorch_model.bin into safetensors, in a process of its own that runs nothing from the file.

    Example:  groundup convert downloads/gpt2 --into models/gpt2
    """
    from groundup.model import legacy

    told = legacy.convert(folder, into)
    tied = f" (left out, being the same numbers as another: {', '.join(told['tied'])})" if told["tied"] else ""
    typer.echo(f"made {into}: {told['tensors']} tensors, {told['bytes']:,} bytes{tied}")


def add(app: typer.Typer) -> None:
    """Put this command into the table of contents."""
    app.command(rich_help_panel=PANEL)(convert)
