"""`groundup dashboard`: a live page of the runs in a folder."""

from pathlib import Path

import typer

PANEL = "Ask and serve"


def dashboard(
    runs: Path = typer.Argument(
        Path("runs"), metavar="DIR", help="The folder whose runs are shown; nothing else is read."
    ),
    port: int = typer.Option(None, min=0, max=65535, help="Default: 6006, or the next that is free; 0: any."),
    host: str = typer.Option("127.0.0.1", help="The address to listen at; the default is this machine alone."),
    key: str = typer.Option(
        None, envvar="GROUNDUP_API_KEY", help="Visitors must give this as password; needed where others can come."
    ),
    webhook: str = typer.Option(None, metavar="URL", help="Send alerts there too, as JSON with a `text`."),
) -> None:
    """Watch trainings: losses, any metric, samples, layers, settings side by side, the machine, alerts.

    Example:  groundup dashboard runs/ --port 6006
    """
    from groundup.serving.dashboard.run import dashboard as show

    show(runs, host, port, key or None, webhook)


def add(app: typer.Typer) -> None:
    """Put this command into the table of contents."""
    app.command(rich_help_panel=PANEL)(dashboard)
