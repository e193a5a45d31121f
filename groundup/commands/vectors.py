"""Commands for word vectors: learn them from text, see which words they put beside each other, and look at them on a plane."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import typer.main
from typer.core import TyperCommand

if TYPE_CHECKING:
    from groundup.model.vectors import Vectors

PANEL = "Word vectors"
FILE = typer.Argument(..., metavar="FILE", help="Vectors: text of word2vec or GloVe, or word2vec's binary form.")
MANY = typer.Option(10, "--many", min=1, help="How many words are shown.")


def train(
    files: list[str] = typer.Argument(
        ..., metavar="TEXT…", help="Files and folders of text, Markdown, HTML, JSONL, parquet."
    ),
    into: Path = typer.Option(..., "--into", metavar="FILE", help="The file of vectors to write."),
    tokenizer: str = typer.Option(None, metavar="PATH", help="Learn vectors of this tokenizer's tokens, not of words."),
    form: str = typer.Option("word2vec", metavar="word2vec|glove", help="How the file is written."),
    width: int = typer.Option(100, help="Numbers in a vector."),
    window: int = typer.Option(5, help="Words to each side that count as neighbours."),
    negatives: int = typer.Option(5, help="Words drawn by chance for each neighbour."),
    rounds: int = typer.Option(5, help="Times that the text is read."),
    least: int = typer.Option(5, help="Occurrences that a word needs."),
    seed: int = typer.Option(0, min=0, help="Equal seeds give equal vectors on one machine."),
) -> None:
    """Learn a vector for each word of some texts (skip-gram): words in the same company come to lie side by side.

    A model may start from them: groundup train vectors.path=FILE …

    Examples:  groundup vectors train notes/ --into notes.vectors.txt
               groundup vectors train notes/ --tokenizer runs/tour/tokenizer --into tokens.txt
    """
    from groundup import config, hardware
    from groundup.errors import Problem
    from groundup.model.skipgram import SkipGram, learn_tokens, learn_words
    from groundup.model.vector_files import FORMS, write

    hardware.use_cache_folder()
    given = {"width": width, "window": window, "negatives": negatives, "rounds": rounds, "least": least}
    asked = config.build(SkipGram, given)
    if into.exists():
        raise Problem(f"{into} is there already: name a new file with --into")
    if form not in FORMS:
        raise Problem(f"--form is one of {', '.join(FORMS)}, not {form!r}")
    progress = Progress()
    with progress:
        if tokenizer is None:
            found = learn_words(documents(files), asked, seed, progress.told)
        else:
            from groundup.tokenizer import Tokenizer

            found = learn_tokens(
                documents(files), Tokenizer.load(Path(tokenizer).expanduser()), asked, seed, progress.told
            )
    into.parent.mkdir(parents=True, exist_ok=True)
    write(into, found, form)
    what = "words" if tokenizer is None else "tokens"
    typer.echo(
        f"made {into}: {len(found):,} {what} of {found.width} numbers, learnt from {progress.total // rounds:,} in the texts"
    )


def nearest(
    file: str = FILE,
    word: str = typer.Argument(..., help="A word of the file."),
    many: int = MANY,
) -> None:
    """Print the words that lie nearest to one, with the cosine of the angle between.

    Example:  groundup vectors nearest notes.vectors.txt Monday
    """
    from groundup.model.vector_files import read

    shown(read(Path(file).expanduser()).nearest(word, many))


def analogy(
    file: str = FILE,
    first: str = typer.Argument(..., metavar="A", help="As this word …"),
    second: str = typer.Argument(..., metavar="B", help="… is to this one,"),
    third: str = typer.Argument(..., metavar="C", help="so is this one to which?"),
    many: int = MANY,
) -> None:
    """Print what is to C as B is to A: the words nearest to B - A + C.

    Example:  groundup vectors analogy notes.vectors.txt man king woman
    """
    from groundup.model.vector_files import read

    shown(read(Path(file).expanduser()).analogy(first, second, third, many))


def map_words(
    what: str = typer.Argument(
        ..., metavar="FILE|MODEL", help="A file of vectors, or a model whose table is looked at."
    ),
    into: Path = typer.Option(..., "--into", metavar="DIR", help="Write map.html into this folder."),
    many: int = typer.Option(600, "--many", min=2, max=2000, help="How many words are shown, the first of the file."),
) -> None:
    """Lay words out on a plane, so that it can be seen who is beside whom.

    Examples:  groundup vectors map notes.vectors.txt --into runs/map
               groundup vectors map runs/tour --into runs/map --many 1000
    """
    from groundup.errors import Problem
    from groundup.evaluation.report.of_map import page
    from groundup.model.vectors import Vectors

    if into.is_file() or (into.is_dir() and any(into.iterdir()) and not (into / "map.html").exists()):
        raise Problem(f"{into} is there and holds something else: name a new folder with --into")
    found = table_of(Path(what).expanduser())
    few = Vectors(found.words[:many], found.table[:many], found.where)
    progress = Progress("laying words out", "steps")
    with progress:
        written = page(Path(what).resolve().name, few, len(found) - len(few), progress.told)
    into.mkdir(parents=True, exist_ok=True)
    (into / "map.html").write_text(written, encoding="utf-8")
    typer.echo(f"made {into / 'map.html'}")


def table_of(path: Path) -> "Vectors":
    """Vectors from a file, or the rows of a model's table for tokens that have a letter in them."""
    if not path.is_dir():
        from groundup.model.vector_files import read

        return read(path)
    from groundup.model import folder
    from groundup.model.start_vectors import vectors_of
    from groundup.tokenizer import Tokenizer

    source = folder.within(path)
    return vectors_of(folder.load(source, "f32"), Tokenizer.load(source), str(source))


def shown(found: list[tuple[str, float]]) -> None:
    """One line for each word."""
    for word, cosine in found:
        typer.echo(f"{cosine:6.3f}  {word}")


def documents(files: list[str]) -> Iterator[str]:
    """The text of every document; what cannot be read is said and left out."""
    from groundup.data.cleaning.extract import extract
    from groundup.data.documents import HTML
    from groundup.data.reading.encoding import decode
    from groundup.data.reading.files import Reader

    for record in Reader([str(Path(file).expanduser()) for file in files]):
        if record.problem:
            typer.echo(f"groundup: {record.source}: {record.problem}", err=True)
            continue
        text = decode(record.body, record.charset)
        yield extract(text) if record.kind == HTML else text


class Progress:
    """A line on standard error: first what it begins with, then how far it has come."""

    def __init__(self, first: str = "reading the texts", unit: str = "words"):
        from rich.console import Console

        self.total, self.unit = 0, unit
        self.doing = "learning vectors" if unit == "words" else first
        self.status = Console(stderr=True).status(first, spinner="dots")

    def __enter__(self) -> "Progress":
        self.status.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.status.stop()

    def told(self, done: int, total: int) -> None:
        """So many words (those of all rounds together) or steps."""
        self.total = total
        self.status.update(f"{self.doing}: {100 * done // total} % of {total:,} {self.unit}")


class Group(TyperCommand):
    """A line in the table of contents that opens a table of its own."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        these = typer.Typer(
            no_args_is_help=True,
            add_completion=False,
            rich_markup_mode="rich",
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        these.callback()(vectors)
        for function in (train, nearest, analogy):
            these.command()(function)
        these.command("map")(map_words)
        return typer.main.get_command(these).make_context(info_name, args, parent, **extra)


def vectors() -> None:
    """Learn vectors of words from text, and see which words they put side by side.

    Examples:  groundup vectors train notes/ --into notes.vectors.txt
               groundup vectors nearest notes.vectors.txt Monday
    """


def add(app: typer.Typer) -> None:
    """Put the group into the table of contents."""
    app.command(rich_help_panel=PANEL, cls=Group)(vectors)
