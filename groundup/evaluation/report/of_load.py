"""A server under load as one page: what came in a second, how long people waited, and how each wait grows with the load.

What was measured is in `load.json` beside it; the page needs no other file.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from groundup.evaluation.load.drive import Drive
from groundup.evaluation.load.figures import PERCENTILES, WAITS, figures, waits
from groundup.evaluation.report import charts
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.page import TONES, environment
from groundup.evaluation.report.wording import count

POINTS = 100  # of a curve of shares
MILLISECONDS = 1000


def write(about: Facts, drives: Sequence[Drive], into: Path) -> Facts:
    """The page and its numbers, in a folder; the numbers come back."""
    told = {**about, "runs": [figures(drive) for drive in drives]}
    into.mkdir(parents=True, exist_ok=True)
    (into / "load.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (into / "load.html").write_text(page(told, drives), encoding="utf-8")
    return told


def page(told: Facts, drives: Sequence[Drive]) -> str:
    """The page as HTML. told: url, model, stream, seed and the figures of each run, in the order of the drives."""
    runs = told["runs"]
    return (
        environment()
        .get_template("load.html.jinja")
        .render(
            told=told,
            lead=lead(told),
            runs=[_row(run, number) for number, run in enumerate(runs)],
            waits=[_wait(name, title, runs) for name, title in WAITS.items() if any(run[name] for run in runs)],
            shares=[
                (title, shares([(drive.load.name, waits(drive.outcomes)[name]) for drive in drives], title))
                for name, title in WAITS.items()
                if any(run[name] for run in runs)
            ],
            timeline=timeline(drives),
            growth=growth(runs),
            percentiles=PERCENTILES,
            open_loop=any(run["rate"] is not None for run in runs),
            errors=[
                (run["load"], kind, many, run["examples"].get(kind, ""))
                for run in runs
                for kind, many in run["errors"].items()
            ],
        )
    )


def lead(told: Facts) -> str:
    """The best run in a sentence."""
    best = max(told["runs"], key=lambda run: run["tokens_per_second"])
    words = (
        f"{count(best['tokens_per_second'])} tokens/s and {best['requests_per_second']:g} requests/s at {best['load']}"
    )
    if waited := best["first_token"] or best["whole"]:
        of = "first token" if best["first_token"] else "whole answer"
        words += f"; 95 of 100 had their {of} within {waited['p95'] * MILLISECONDS:,.0f} ms"
    return words + "."


def _row(run: Facts, number: int) -> Facts:
    return {
        **{name: run[name] for name in ("load", "sent", "answered", "stopped", "most_at_once")},
        "tone": f"t{number % TONES}",
        "failed": sum(run["errors"].values()),
        "seconds": f"{run['seconds']:.1f}",
        "requests_per_second": f"{run['requests_per_second']:.2f}",
        "tokens_per_second": f"{run['tokens_per_second']:,.1f}",
    }


def _wait(name: str, title: str, runs: list[Facts]) -> Facts:
    """One table: a line for each run, in milliseconds."""
    keys = [*(f"p{percent}" for percent in PERCENTILES), "mean", "longest"]
    lines = [(run["load"], [f"{run[name][key] * MILLISECONDS:,.1f}" for key in keys]) for run in runs if run[name]]
    return {"title": title, "lines": lines}


def shares(found: Sequence[tuple[str, list[float]]], title: str) -> Markup:
    """How many of 100 waited at most how long."""
    curves = []
    for number, (name, times) in enumerate(found):
        if not times:
            continue
        places = [round(step * (len(times) - 1) / POINTS) for step in range(POINTS + 1)]
        points = [(times[place] * MILLISECONDS, 100.0 * (place + 1) / len(times)) for place in places]
        words = [f"within {x:,.1f} ms" for x, _ in points]
        curves.append(charts.Curve(name, f"t{number % TONES}", points, words=words))
    return charts.curves(curves, "milliseconds", "%", f"{title}: share of answers within a time")


def timeline(drives: Sequence[Drive]) -> Markup:
    """When each answer was asked for and how long it took to its first text, or to its end where nothing was streamed."""
    curves = []
    for number, drive in enumerate(drives):
        right = sorted((each for each in drive.outcomes if each.right), key=lambda each: each.planned)
        points = [(each.planned, ((each.pieces or [each.ended])[0] - each.planned) * MILLISECONDS) for each in right]
        every = max(1, len(points) // 400)
        words = [f"asked at {x:.2f} s" for x, _ in points[::every]]
        curves.append(charts.Curve(drive.load.name, f"t{number % TONES}", points[::every], words=words))
    return charts.curves(curves, "seconds since the start", "ms", "time to first text of each request", width=700)


def growth(runs: list[Facts]) -> list[tuple[str, list[tuple[str, str]], Markup]]:
    """What more load does, with a title and a legend; nothing where there was one load only."""
    drawn = []
    for kind, x_name in (("users", "users"), ("rate", "requests/s asked for")):
        some = [run for run in runs if run[kind] is not None]
        if len(some) < 2:
            continue
        title = f"tokens/s by {x_name}"
        drawn.append((title, [], _grown(some, kind, x_name, title, [("tokens/s", "t1", _speed)])))
        title = f"time to first text by {x_name}, ms"
        lines = [(f"{of} %", tone, _waited(f"p{of}")) for of, tone in ((50, "t2"), (95, "t0"), (99, "t4"))]
        drawn.append((title, [(name, tone) for name, tone, _ in lines], _grown(some, kind, x_name, title, lines)))
    return drawn


def _grown(runs: list[Facts], kind: str, x_name: str, title: str, lines: list[tuple[str, str, Any]]) -> Markup:
    curves = []
    for name, tone, value in lines:
        points = [(float(run[kind]), value(run)) for run in runs if value(run) is not None]
        curves.append(charts.Curve(name, tone, points, words=[f"{x:g} {x_name}" for x, _ in points]))
    return charts.curves(curves, x_name, "", title)


def _speed(run: Facts) -> float:
    return run["tokens_per_second"]


def _waited(key: str) -> Any:
    def value(run: Facts) -> float | None:
        waited = run["first_token"] or run["whole"]
        return waited[key] * MILLISECONDS if waited else None

    return value
