"""Commands about tokenizers in files: what one makes of a text, and the same vocabulary in another format.

`groundup tokenizer` followed by anything else is the stage that learns one (`stages.py`).
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
import typer.main

if TYPE_CHECKING:
    from groundup.tokenizer import Tokenizer

MORE = "Also: groundup tokenizer show --help, groundup tokenizer convert --help"
FILE = typer.Argument(..., metavar="FILE", help="A tokenizer's folder or file: tokenizer.json, .tiktoken, vocab.json with merges.txt.")
PATTERN = typer.Option(None, metavar="NAME", help="How words are cut, where the file does not say it (.tiktoken, vocab.json).")
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
    to: Path = typer.Option(..., "--to", metavar="DIR|PATH", help="A new folder, a file .json (Hugging Face's) or .tiktoken (ranks)."),
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


def load(file: str, pattern: str | None, special: list[str]) -> "Tokenizer":
    """The tokenizer in a file; what it says itself is not said again."""
    from groundup import hardware
    from groundup.tokenizer import Tokenizer

    hardware.use_cache_folder()
    return Tokenizer.load(Path(file).expanduser(), pattern, special or None)


def named(word: str) -> Any:
    """The command of that name among these, or None."""
    these = typer.Typer(context_settings={"help_option_names": ["-h", "--help"]})
    for function in (show, convert):
        these.command()(function)
    group: Any = typer.main.get_command(these)
    return group.commands.get(word)
