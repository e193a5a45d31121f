"""`groundup load`: a server under load, and how long people would wait for it."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from groundup.evaluation.load.answer import Target
    from groundup.evaluation.load.drive import Drive, Load
    from groundup.evaluation.load.orders import Order

PANEL = "Ask and serve"
INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def load(
    url: str = typer.Argument(..., metavar="URL", help="Of any server with OpenAI's API, like http://127.0.0.1:8000"),
    rate: str = typer.Option(
        "",
        metavar="R[,R…]",
        help="Requests/s that arrive whether or not the server keeps up; several: one after the other.",
    ),
    users: str = typer.Option(
        "", metavar="N[,N…]", help="Instead of a rate: users who each wait for their answer.  [default: 8]"
    ),
    requests: int = typer.Option(
        None, min=1, help="How many for each load.  [default: 100, or no limit with --seconds]"
    ),
    seconds: float = typer.Option(None, min=0.1, help="Send none after so many seconds; those under way may end."),
    model: str = typer.Option(None, help="A name from /v1/models.  [default: the first]"),
    key: str = typer.Option(None, envvar="GROUNDUP_API_KEY", help="The key that the server wants."),
    prompts: Path = typer.Option(
        None, metavar="FILE", help="A prompt on each line, or .jsonl with prompt or messages."
    ),
    words: str = typer.Option(
        "32-128", metavar="N|N-M", help="Length of prompts of random words, where there is no file."
    ),
    shared: int = typer.Option(0, min=0, help="Words that all those prompts begin with."),
    tokens: str = typer.Option("64", metavar="N|N-M", help="Length of the answers at most."),
    completions: bool = typer.Option(False, "--completions", help="Use /v1/completions; without it chats."),
    stream: bool = typer.Option(True, "--stream/--no-stream", help="Read answers as they are made, or in one piece."),
    body: str = typer.Option("", metavar="JSON", help='Further fields of each request, like {"temperature": 0}.'),
    patience: float = typer.Option(120.0, min=0.1, help="Seconds after which an answer counts as too slow."),
    seed: int = typer.Option(0, min=0, help="Of moments, prompts and lengths."),
    into: Path = typer.Option(None, metavar="DIR", help="Write load.json and a page with plots here."),
    as_json: bool = typer.Option(False, "--json", help="Print all numbers as JSON."),
) -> None:
    """Drive a server and measure it: throughput, time to first token, time between tokens, percentiles, errors.

    At a rate, times count from the planned moment of each request. Ctrl-C ends it early and tells what was measured.

    Examples:  groundup load http://127.0.0.1:8000 --users 1,8,32 --into runs/load
               groundup load http://127.0.0.1:8000 --rate 4 --seconds 60 --tokens 16-256
    """
    from groundup.evaluation.load import orders
    from groundup.evaluation.load.answer import Target
    from groundup.evaluation.load.connection import Connections

    loads = asked(rate, users, requests, seconds, seed)
    lengths = orders.span(tokens, "--tokens"), orders.span(words, "--words")
    told = orders.read(prompts) if prompts else None

    def source() -> Any:
        if told is not None:
            return orders.repeated(told, lengths[0], seed)
        return orders.invented(lengths[1], lengths[0], seed, shared)

    target = Target(Connections(url), model, key or None, not completions, stream, patience, fields(body))
    target, drives = asyncio.run(measured(target, loads, source, shown(sys.stderr.isatty())))
    tell(target, drives, seed, into, as_json)
    if any(drive.stopped for drive in drives):
        raise typer.Exit(INTERRUPTED)


def asked(rate: str, users: str, requests: int | None, seconds: float | None, seed: int) -> "list[Load]":
    """The loads that the words mean, in their order."""
    from groundup.errors import Problem
    from groundup.evaluation.load.drive import Load

    if rate and users:
        raise Problem("--rate and --users are two ways to load a server: give one of them")
    if requests is None and seconds is None:
        requests = 100
    shared = {"requests": requests, "seconds": seconds, "seed": seed}
    if rate:
        return [Load(rate=value, **shared) for value in numbers(rate, "--rate", float)]
    return [Load(users=value, **shared) for value in numbers(users or "8", "--users", int)]


def numbers(words: str, name: str, kind: type) -> list[Any]:
    """4 or 4,8,16: each above 0."""
    from groundup.errors import Problem

    try:
        found = [kind(word) for word in words.split(",")]
    except ValueError:
        found = []
    if not found or not all(0 < value <= 100_000 for value in found):
        raise Problem(f"{name} {words} is not understood: expected a number above 0, or several like 4,8,16")
    return found


def fields(body: str) -> dict[str, Any]:
    """Further fields of each request."""
    from groundup.errors import Problem

    try:
        told = json.loads(body or "{}")
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Problem(f'--body {body} is no JSON object: expected fields of a request, like {{"temperature": 0}}')
    return told


async def measured(
    target: "Target", loads: "list[Load]", source: Callable[[], Any], look: "Callable[[Drive], None]"
) -> "tuple[Target, list[Drive]]":
    """Every load, one after the other, until all are done or somebody says stop."""
    from groundup.evaluation.load.drive import drive
    from groundup.evaluation.load.greeting import met

    task = asyncio.current_task()
    assert task is not None
    first: Order = next(source())
    target = await met(target, first)
    drives: list[Drive] = []
    with stopped_by_signals(task.cancel):
        for each in loads:
            drives.append(await drive(target, source(), each, look))
            look(drives[-1])
            if drives[-1].stopped:
                break
    target.connections.close()
    return target, drives


@contextmanager
def stopped_by_signals(stop: Callable[[], Any]) -> Iterator[None]:
    """While it lasts, the first Ctrl-C or SIGTERM only calls `stop`; the second has its usual effect."""
    loop = asyncio.get_running_loop()

    def back() -> None:
        for number in SIGNALS:
            loop.remove_signal_handler(number)

    def once() -> None:
        back()
        stop()

    for number in SIGNALS:
        loop.add_signal_handler(number, once)
    try:
        yield
    finally:
        back()


def shown(live: bool) -> "Callable[[Drive], None]":
    """A line that is written over and over on a terminal; anywhere else nothing but the end of each load."""
    from groundup.evaluation.load.figures import figures

    def look(drive: "Drive") -> None:
        over = bool(drive.seconds)
        if not (live or over):
            return
        told = figures(drive)
        wrong = sum(told["errors"].values())
        waited = told["first_token"] or told["whole"]
        line = f"{told['load']}: {told['answered']} answered, {drive.running} under way, {wrong} failed, "
        line += f"{told['tokens_per_second']:,.1f} tokens/s"
        line += (
            f", {'first token' if told['first_token'] else 'answer'} p95 {1000 * waited['p95']:,.0f} ms"
            if waited
            else ""
        )
        print(f"\r\033[K{line}" if live else line, end="\n" if over else "", file=sys.stderr, flush=True)

    return look


def tell(target: "Target", drives: "list[Drive]", seed: int, into: Path | None, as_json: bool) -> None:
    """The numbers as a table or as JSON, and the page where one is wanted."""
    from groundup.evaluation.load.figures import PERCENTILES, WAITS, figures

    about = {"url": target.connections.url, "model": target.model, "stream": target.stream, "seed": seed}
    if into is not None:
        from groundup.evaluation.report import of_load

        told = of_load.write(about, drives, into)
    else:
        told = {**about, "runs": [figures(drive) for drive in drives]}
    if as_json:
        return typer.echo(json.dumps(told, indent=1))
    for run in told["runs"]:
        typer.echo(f"{run['load']}: {run['answered']} of {run['sent']} answered in {run['seconds']:.1f} s, ", nl=False)
        typer.echo(f"{run['requests_per_second']:.2f} requests/s, {run['tokens_per_second']:,.1f} tokens/s")
        for name, title in WAITS.items():
            if run[name]:
                values = "  ".join(f"p{each} {1000 * run[name][f'p{each}']:,.1f}" for each in PERCENTILES)
                typer.echo(f"  {title:<34}{values}  ms")
        for kind, many in run["errors"].items():
            typer.echo(f"  failed: {many} x {kind} ({run['examples'][kind]})")
        if run["stopped"]:
            typer.echo(f"  stopped before their end: {run['stopped']}")
    if into is not None:
        typer.echo(f"made {into}: load.html, load.json")


def add(app: typer.Typer) -> None:
    """Put this command into the table of contents."""
    app.command(rich_help_panel=PANEL)(load)
