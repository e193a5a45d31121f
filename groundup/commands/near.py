"""`groundup near`: which near copies bands of signatures find, drawn as a curve, with the pairs of one's own texts on it."""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from groundup.data.copies.curve import Bin
    from groundup.data.copies.near import NearSettings

PANEL = "This machine and its folders"
WIDTH = 40  # signs of a bar


def near(
    files: list[str] = typer.Argument(None, metavar="[FILES…]", help="Texts whose pairs are measured."),
    like: str = typer.Option("", "--like", metavar="datatrove|fineweb|refinedweb", help="Settings as published."),
    bands: int = typer.Option(None, "--bands", min=1, help="Bands of the signature.", show_default="20"),
    rows: int = typer.Option(None, "--rows", min=1, help="Rows in a band.", show_default="5"),
    run: int = typer.Option(None, "--run", min=1, help="Words in a run.", show_default="5"),
    megabytes: float = typer.Option(20.0, "--megabytes", min=0.01, help="So much text is read."),
    plot: Path = typer.Option(None, "--plot", metavar="FILE.html", help="Write the curve as a page."),
) -> None:
    """Say which share of near copies would be found, by similarity, before a corpus is made.

    Examples:  groundup near --bands 14 --rows 8
               groundup near texts/*.jsonl --like fineweb --plot curve.html
    """
    from groundup import config
    from groundup.data.copies.curve import measured
    from groundup.data.copies.near import NearSettings
    from groundup.data.filters import examples
    from groundup.errors import Problem

    given = {"like": like or None, "bands": bands, "rows": rows, "run": run}
    said = {name: value for name, value in given.items() if value is not None}
    settings = config.build(NearSettings, said, "near")
    found = measured(examples.first(examples.plain(files), int(megabytes * 1e6)), settings) if files else []
    show(settings, found)
    if files and not found:
        typer.echo(f"no two texts of {', '.join(files)} have enough in common to be measured")
    if plot is not None:
        from groundup.evaluation.report.of_near import page

        try:
            plot.parent.mkdir(parents=True, exist_ok=True)
            plot.write_text(page(settings, found), encoding="utf-8")
        except OSError as error:
            raise Problem(
                f"--plot {plot} cannot be written ({error.strerror}): name a file, such as curve.html"
            ) from None
        typer.echo(f"made {plot}")


def show(settings: "NearSettings", found: "list[Bin]") -> None:
    """A bar for each similarity, and what was measured of it."""
    from groundup.data.copies.curve import STEP
    from groundup.data.copies.near import meets, turn

    bands, rows = settings.bands, settings.rows
    typer.echo(f"{bands} bands of {rows} rows over runs of {settings.run} words: half of all pairs meet at a", nl=False)
    typer.echo(f" similarity of {turn(bands, rows):.3f}")
    bins = {each.low: each for each in found}
    for number in range(round(1 / STEP)):
        low = round(number * STEP, 2)
        chance = float(meets(low + STEP / 2, bands, rows))
        each = bins.get(low)
        own = f"  {each.met:,} of {each.pairs:,} pairs met, {each.expected:,.1f} expected" if each else ""
        typer.echo(f"{low:.2f}-{low + STEP:.2f} {'#' * round(WIDTH * chance):{WIDTH}} {100 * chance:5.1f} %{own}")


def add(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(near)
