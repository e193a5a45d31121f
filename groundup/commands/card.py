"""`groundup card`: the data card of a finished corpus, as a page, as Markdown and as figures."""

import json
from collections.abc import Callable
from pathlib import Path

import typer

PANEL = "This machine and its folders"


def card(
    corpus: Path = typer.Argument(
        ..., metavar="CORPUS", help="A finished corpus, or the folder of a recipe that made one."
    ),
    into: Path = typer.Option(..., "--into", metavar="DIR", help="Write card.html, card.md and card.json into it."),
    tokenizer: str = typer.Option("", "--tokenizer", metavar="FOLDER", help="Count tokens with it."),
    sample: int = typer.Option(5_000, min=1, help="Documents read for languages, tokens and who is mentioned."),
    seed: int = typer.Option(1, min=0, help="Of the sample."),
) -> None:
    """Say what is in a corpus: sizes, sources, languages, licences, steps, copies, private data, whom it speaks of.

    Example:  groundup card runs/corpus --into runs/card
    """
    from rich.console import Console

    from groundup.errors import Problem
    from groundup.evaluation.looking.figures import figures
    from groundup.evaluation.looking.finished import Corpus
    from groundup.evaluation.looking.in_markdown import card as in_markdown
    from groundup.evaluation.report.of_card import page

    opened, into = Corpus(corpus.expanduser()), into.expanduser()
    if into.is_file() or (into.is_dir() and any(into.iterdir()) and not (into / "card.json").exists()):
        raise Problem(f"{into} is there and holds something else: name a new folder with --into")
    count = counter(tokenizer) if tokenizer else None
    with Console(stderr=True).status("reading", spinner="dots"):
        told = figures(opened, sample, seed, count)
    written = {
        "card.html": page(told),
        "card.md": in_markdown(told),
        "card.json": json.dumps(told, ensure_ascii=False, indent=1) + "\n",
    }
    into.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (into / name).write_text(text, encoding="utf-8", errors="replace")
    typer.echo(f"made {into / 'card.html'}")


def counter(path: str) -> Callable[[str], int]:
    """How many tokens a text is."""
    from groundup.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(path)
    return lambda text: len(tokenizer.encode(text))


def add(app: typer.Typer) -> None:
    """Put this command into the table of contents."""
    app.command(rich_help_panel=PANEL)(card)
