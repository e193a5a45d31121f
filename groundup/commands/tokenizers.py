"""Commands about tokenizers in files: what one makes of a text or of many, and the same vocabulary in another format.

`groundup tokenizer` followed by anything else is the stage that learns one (`stages.py`).
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import typer.main

if TYPE_CHECKING:
    from groundup.tokenizer import Tokenizer

MORE = "Also: groundup tokenizer show --help, groundup tokenizer convert --help, groundup tokenizer report --help"
FILE = typer.Argument(
    ..., metavar="FILE", help="A tokenizer's folder or file: tokenizer.json, .tiktoken, vocab.json with merges.txt."
)
PATTERN = typer.Option(
    None, metavar="NAME", help="How words are cut, where the file does not say it (.tiktoken, vocab.json)."
)
SPECIAL = typer.Option([], metavar="TOKEN", help="A special token that such a file does not say; may be repeated.")


def show(
    file: str = FILE,
    text: str = typer.Argument(None, help="The text; without it, what comes in through standard input."),
    pattern: str = PATTERN,
    special: list[str] = SPECIAL,
) -> None:
    """Print a text cut into tokens, with their ids.

    Example:  groundup tokenizer show runs/tour/tokenizer "Anna's boat"
    """
    from groundup.tokenizer.report import shown

    tokenizer = load(file, pattern, special)
    data = sys.stdin.buffer.read() if text is None else text.encode(errors="surrogateescape")
    ids = tokenizer.encode(data).tolist()
    width = len(str(tokenizer.vocabulary))
    for token in ids:
        typer.echo(f"{token:>{width}}  {shown(tokenizer, token)!r}")
    each = f", {len(data) / len(ids):.2f} bytes a token" if ids else ""
    typer.echo(f"{len(data)} bytes, {len(ids)} tokens{each}")


def convert(
    file: str = FILE,
    to: Path = typer.Option(
        ..., "--to", metavar="DIR|PATH", help="A new folder, a file .json (Hugging Face's) or .tiktoken (ranks)."
    ),
    pattern: str = PATTERN,
    special: list[str] = SPECIAL,
) -> None:
    """Write a tokenizer in another format.

    Examples:  groundup tokenizer convert runs/tour/tokenizer --to town.tiktoken
               groundup tokenizer convert town.tiktoken --pattern gpt4 --to town
    """
    from groundup.errors import Problem

    tokenizer = load(file, pattern, special)
    if to.exists() and not (to.is_dir() and not any(to.iterdir()) and not to.suffix):
        raise Problem(f"{to} is there already: name a new folder or file with --to")
    if to.suffix not in ("", ".json", ".tiktoken"):
        raise Problem(f"{to} is of no format that is written here: name a folder, a file .json or a file .tiktoken")
    tokenizer.save(to)
    typer.echo(f"made {to}: {tokenizer.size} tokens and {len(tokenizer.specials)} special ones")


def report(
    file: str = FILE,
    texts: list[str] = typer.Argument(
        ..., metavar="[NAME=]TEXT…", help="Files and folders of text, Markdown, HTML, JSONL, parquet."
    ),
    against: list[str] = typer.Option(
        [], metavar="[NAME=]FILE", help="Another tokenizer to compare with; may be repeated."
    ),
    into: Path = typer.Option(None, metavar="DIR", help="Write report.html and report.json into this folder."),
    sizes: str = typer.Option(
        "", metavar="N,N…", help="Sizes of vocabulary to compare; larger than its own: trained on the texts."
    ),
    width: int = typer.Option(768, help="Of the embedding whose cost is told."),
    context: int = typer.Option(2048, help="Tokens that the model reads at once."),
    megabytes: float = typer.Option(20.0, help="Of each text read so much at most."),
    pattern: str = PATTERN,
    special: list[str] = SPECIAL,
) -> None:
    """Tell what a tokenizer makes of texts: bytes a token by language and script, worst words, unused tokens, other sizes.

    Examples:  groundup tokenizer report runs/tour/tokenizer notes/ --into runs/tokens
               groundup tokenizer report mine english=en.txt german=de.txt --against gpt4=cl100k_base.tiktoken
    """
    from groundup.commands import tokenizer_report

    tokenizer_report.check(into, width, context, megabytes)
    name = Path(file).resolve().name
    found = tokenizer_report.told(load(file, pattern, special), name, texts, against, sizes, megabytes)
    tokenizer_report.table(found, name)
    if into is None:
        typer.echo("\nwith --into DIR: a page with curves, and each text to click through token by token")
    else:
        tokenizer_report.write(found, name, into, width, context)


def load(file: str, pattern: str | None, special: list[str]) -> "Tokenizer":
    """The tokenizer in a file; what it says itself is not said again."""
    from groundup import hardware
    from groundup.tokenizer import Tokenizer

    hardware.use_cache_folder()
    return Tokenizer.load(Path(file).expanduser(), pattern, special or None)


def named(word: str) -> Any:
    """The command of that name among these, or None."""
    these = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
    for function in (show, convert, report):
        these.command()(function)
    group: Any = typer.main.get_command(these)
    return group.commands.get(word)
