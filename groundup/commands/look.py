"""`groundup look`: a person reads what a corpus kept and what it removed, with the reason and the evidence lit in the text.

`groundup card` tells of all documents together what this command shows of some.
"""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from groundup.evaluation.looking.finished import Corpus, Place
    from groundup.evaluation.looking.sheets import Sheet, Shown
    from groundup.evaluation.looking.wanted import Wanted

PANEL = "This machine and its folders"
SHOWN, ON_PAGE = 3_000, 6_000  # characters of a text in the terminal and on a page
COPIES = 3  # others of a cluster beside a document
UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)  # may move a terminal's cursor


def look(
    corpus: Path = typer.Argument(
        ..., metavar="CORPUS", help="A finished corpus, or the folder of a recipe that made one."
    ),
    kept: bool = typer.Option(False, "--kept", help="Only documents that stayed."),
    removed: bool = typer.Option(False, "--removed", help="Only documents that went."),
    reason: list[str] = typer.Option([], "--reason", metavar="NAME", help="Went for this reason, or in this step."),
    source: list[str] = typer.Option([], "--source", metavar="GLOB", help="Came from such a source."),
    id: list[str] = typer.Option([], "--id", metavar="ID", help="The document with this id."),
    find: str = typer.Option("", "--find", metavar="TEXT", help="These words stand in it."),
    count: int = typer.Option(
        20, min=1, max=10_000, help="So many documents; for a page: of each reason and of the kept."
    ),
    seed: int = typer.Option(None, min=0, help="Drawn in the random order of this seed; without: as they lie."),
    plain: bool = typer.Option(False, "--plain", help="All of them one after another, for pipes."),
    page: Path = typer.Option(None, "--page", metavar="FILE.html", help="Write one page to leaf through instead."),
) -> None:
    """Leaf through the documents that a corpus kept and removed.

    Examples:  groundup look runs/corpus --removed --seed 1
               groundup look runs/corpus --reason spam --source 'forum/*' --plain | less
               groundup look runs/corpus --page look.html
    """
    from groundup.errors import Problem
    from groundup.evaluation.looking import wanted
    from groundup.evaluation.looking.finished import KEPT, REMOVED, Corpus

    if kept and (removed or reason):
        raise Problem("--kept shows only what stayed: leave out --removed and --reason, or --kept")
    opened = Corpus(corpus.expanduser())
    sides = (KEPT,) if kept else (REMOVED,) if removed or reason else (KEPT, REMOVED)
    asked = wanted.Wanted(sides, tuple(reason), tuple(source), tuple(id), find)
    wanted.check(opened, asked)
    if page is not None:
        write(opened, asked, count, seed, page)
        return
    places = wanted.first(opened, asked, count) if seed is None else wanted.drawn(opened, asked, count, seed)
    if not places:
        raise Problem(f"no document of {opened.folder} fits")
    if plain or not (sys.stdout.isatty() and sys.stdin.isatty()):
        for number in range(len(places)):
            show(opened, places, number)
    else:
        leaf(opened, places)


def write(corpus: "Corpus", asked: "Wanted", count: int, seed: int | None, path: Path) -> None:
    """The page: so many of each heading, those that went first."""
    from groundup.errors import Problem
    from groundup.evaluation.looking.finished import KEPT
    from groundup.evaluation.looking.sheets import sheets
    from groundup.evaluation.looking.wanted import of_each
    from groundup.evaluation.report.of_look import page

    if path.is_dir():
        raise Problem(f"{path} is a folder: name a file, as {path / 'look.html'}")
    chosen = of_each(corpus, asked, count, 1 if seed is None else seed)
    headings = sorted(chosen.fitting, key=lambda name: (name == KEPT, -chosen.fitting[name], name))
    if not headings:
        raise Problem(f"no document of {corpus.folder} fits")
    found = sheets(corpus, [place for name in headings for place in chosen.places[name]], ON_PAGE, COPIES)
    written = page(corpus.name, corpus.table, found, {name: chosen.fitting[name] for name in headings})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(written, encoding="utf-8", errors="replace")
    typer.echo(f"made {path}")


def leaf(corpus: "Corpus", places: "list[Place]") -> None:
    """One document at a time; what is typed turns the leaves."""
    from rich.console import Console

    number, screen = 0, Console()
    while 0 <= number < len(places):
        screen.clear()
        show(corpus, places, number)
        typed = typer.prompt("enter: next, p: previous, q: stop", default="", show_default=False, prompt_suffix=" ")
        if typed.strip().lower().startswith("q"):
            return
        number = max(0, number - 1) if typed.strip().lower().startswith("p") else number + 1


def show(corpus: "Corpus", places: "list[Place]", number: int) -> None:
    """A document with its facts, its text, and of a copy the one that stayed."""
    from rich.console import Console
    from rich.rule import Rule
    from rich.text import Text

    from groundup.evaluation.looking.sheets import sheets

    (sheet,) = sheets(corpus, [places[number]], SHOWN, 1)
    console = Console(highlight=False, markup=False, soft_wrap=not sys.stdout.isatty())
    console.print(Rule(f"{number + 1} of {len(places)}", style="dim"))
    console.print(_heading(sheet))
    for name, value in _facts(sheet):
        console.print(Text.assemble((f"{name}: ", "dim"), seen(value)))
    console.print()
    console.print(_lit(sheet.text))
    for other in sheet.beside:
        alike = "" if other.similarity is None else f", {other.similarity:.2f} alike"
        console.print()
        console.print(Text(f"{'the one that stayed' if other.stays else 'went too'}: {seen(other.id)}{alike}", "bold"))
        console.print(_lit(other.text))
    console.print()


def _heading(sheet: "Sheet") -> Any:
    from rich.text import Text

    document = sheet.document
    if not document.reason:
        return Text("kept", "bold green")
    return Text.assemble((f"removed: {seen(document.reason)}", "bold red"), f"  {seen(document.detail)}")


def _facts(sheet: "Sheet") -> list[tuple[str, str]]:
    document = sheet.document
    told = [("id", document.id), ("source", document.source), ("address", document.url), ("licence", document.license)]
    step = [("step", document.step)] if document.step != document.reason else []
    return [(name, value) for name, value in [*told, *step] if value]


def _lit(shown: "Shown") -> Any:
    from rich.text import Text

    lit = "bold black on yellow" if sys.stdout.isatty() else ""
    marks = ("", "") if lit else ("⟦", "⟧")  # where there are no colours
    text = Text(f"… {shown.before:,} characters …\n" if shown.before else "")
    for piece, evidence in shown.pieces:
        text.append(f"{marks[0]}{seen(piece)}{marks[1]}" if evidence else seen(piece), lit if evidence else "")
    return text.append(f"\n… {shown.after:,} characters …" if shown.after else "")


def seen(text: str) -> str:
    """Texts are hostile: what would move the cursor or turn the writing round becomes a sign that can be seen."""
    return UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text).encode("utf-8", "replace").decode()


def add(app: typer.Typer) -> None:
    """Put this command into the table of contents."""
    app.command(rich_help_panel=PANEL)(look)
