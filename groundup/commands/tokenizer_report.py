"""`groundup tokenizer report`: what a tokenizer makes of texts, beside others, as a table here and as a page to click through."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from groundup.errors import Problem

if TYPE_CHECKING:
    from groundup.tokenizer import Tokenizer

PATTERNS = {
    "r50k": "gpt2",
    "p50k": "gpt2",
    "gpt2": "gpt2",
    "cl100k": "cl100k",
    "o200k": "o200k",
}  # of rank files by name


def told(
    tokenizer: "Tokenizer", name: str, texts: Sequence[str], against: Sequence[str], sizes: str, megabytes: float
) -> dict[str, Any]:
    """The study of these texts."""
    from rich.console import Console

    from groundup.tokenizer.report.study import study

    groups = read(texts, int(megabytes * 1e6))
    others = {other: load(path) for other, path in map(named, against)}
    console = Console(stderr=True)
    with console.status(f"{name}: reading", spinner="dots") as status:
        return study(tokenizer, groups, others, numbers(sizes), lambda what: status.update(f"{name}: {what}"))


def read(texts: Sequence[str], most: int) -> dict[str, list[str]]:
    """Name -> documents, of each file or folder up to so many bytes."""
    from groundup.data.cleaning.extract import extract
    from groundup.data.documents import HTML
    from groundup.data.reading.encoding import decode
    from groundup.data.reading.files import Reader

    groups: dict[str, list[str]] = {}
    for name, path in map(named, texts):
        if name in groups:
            raise Problem(f"two texts are called {name!r}: give one a name of its own, NAME={path}")
        reader, documents, troubles, size = Reader([path]), [], list[str](), 0
        for record in reader:
            if record.problem:
                troubles.append(f"{record.source}: {record.problem}")
                continue
            text = decode(record.body, record.charset)
            documents.append(extract(text) if record.kind == HTML else text)
            size += len(record.body)
            if size >= most:
                typer.echo(f"groundup: {path} is read up to {size / 1e6:,.0f} MB: more with --megabytes", err=True)
                break
        if not any(documents):
            left = ", ".join(f"{count} {suffix}" for suffix, count in reader.skipped.items())
            why = "; ".join([*troubles[:3], *([f"files left out: {left}"] if left else [])])
            raise Problem(f"there is no text in {path}" + (f" ({why})" if why else ""))
        for trouble in troubles:
            typer.echo(f"groundup: {trouble}", err=True)
        groups[name] = documents
    return groups


def named(written: str) -> tuple[str, str]:
    """NAME=PATH, or a path whose own name will do."""
    name, equals, path = written.partition("=")
    if equals and name and not Path(written).exists():
        return name, str(Path(path).expanduser())
    file = Path(written).expanduser()
    return file.name.split(".")[0] or file.name, str(file)


def load(path: str) -> "Tokenizer":
    """A tokenizer to compare with; what a rank file does not say is known by its name."""
    from groundup.tokenizer import Tokenizer

    pattern = next((pattern for start, pattern in PATTERNS.items() if Path(path).name.startswith(start)), None)
    return Tokenizer.load(path, pattern if path.endswith(".tiktoken") else None)


def numbers(written: str) -> list[int]:
    """Sizes, as 1000,2000."""
    try:
        found = [int(part) for part in written.replace("_", "").split(",") if part.strip()]
    except ValueError:
        raise Problem(
            f"--sizes takes numbers with commas between them, like 1000,4000,16000, and not {written!r}"
        ) from None
    if any(not 256 <= size <= 1 << 20 for size in found):
        raise Problem("--sizes takes numbers from 256 to 1,048,576")
    return found


def table(found: dict[str, Any], name: str) -> None:
    """The figures for the terminal."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=None, padding=(0, 2, 0, 0), title="bytes per token", title_justify="left")
    grid.add_column("", style="bold", no_wrap=True)
    for head in (name, *found["others"]):
        grid.add_column(head, justify="right")
    for head in ("tokens / word", "whole words", "unknown"):
        grid.add_column(head, justify="right")
    whole = {"all": found["all"]} if len(found["groups"]) > 1 else {}
    for group, own in (found["groups"] | whole).items():
        others = [
            (other["all"] if group == "all" else other["groups"][group])["bytes_per_token"]
            for other in found["others"].values()
        ]
        cells = [f"{value:.3f}" for value in (own["bytes_per_token"], *others)]
        grid.add_row(group, *cells, f"{own['fertility']:.2f}", f"{100 * own['whole']:.0f} %", f"{own['unknown']:,}")
    console = Console(highlight=False, markup=False)
    console.print(grid)
    tokens, dearest = found["tokens"], [each["word"] for each in found["words"]["dearest"][:8]]
    console.print(
        f"\n{tokens['unused']:,} of {found['size']:,} tokens are not used here; {tokens['half']:,} make up half of the text"
    )
    if dearest:
        console.print(f"words that cost most: {', '.join(dearest)}")


def write(found: dict[str, Any], name: str, into: Path, width: int, context: int) -> None:
    """The page and its figures, in a folder."""
    from groundup.evaluation.report.of_tokenizer import page

    written = page(found, name, width, context)
    into.mkdir(parents=True, exist_ok=True)
    (into / "report.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (into / "report.html").write_text(written, encoding="utf-8")
    typer.echo(f"made {into / 'report.html'}")


def check(into: Path | None, width: int, context: int, megabytes: float) -> None:
    """What cannot be meant is said before anything is read."""
    if into is not None and (
        into.is_file() or (into.exists() and any(into.iterdir()) and not (into / "report.html").exists())
    ):
        raise Problem(f"{into} is there and holds something else: name a new folder with --into")
    if width < 1 or context < 1 or megabytes <= 0:
        raise Problem("--width, --context and --megabytes are more than 0")
