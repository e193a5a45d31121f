"""The funnel of a corpus as one page: what each step let through, how near copies meet, and what the steps took.

What was counted is in `report.json` beside it; the page needs no other file.
"""

import json
from collections.abc import Callable
from pathlib import Path

from groundup.data.copies.curve import Bin
from groundup.data.copies.near import NearSettings
from groundup.evaluation.report import of_near
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.of_text import STEPS
from groundup.evaluation.report.page import environment
from groundup.evaluation.report.wording import count, size


def page(table: Facts, settings: NearSettings, bins: list[Bin]) -> str:
    """The page as HTML. table: what a corpus's table.json holds; bins: pairs of its pages by similarity."""
    steps = table["steps"]
    first, last = steps[0], steps[-1]
    named = [(STEPS.get(step["name"], (step["name"], ""))[0], step) for step in steps]
    return (
        environment()
        .get_template("funnel.html.jinja")
        .render(
            lead=f"{count(first['documents_in'])} documents of {size(first['bytes_in'])} came in. "
            f"{count(last['documents_out'])} of {size(last['bytes_out'])} came out.",
            sides={
                "documents": [_side(name, step, "documents", first["documents_in"], count) for name, step in named],
                "bytes": [_side(name, step, "bytes", first["bytes_in"], size) for name, step in named],
            },
            steps=[_row(name, step) for name, step in named],
            bands=settings.bands,
            rows=settings.rows,
            curve=of_near.chart(settings, bins),
        )
    )


def write(table: Facts, settings: NearSettings, bins: list[Bin], into: Path) -> None:
    """The page and its numbers, in a folder."""
    into.mkdir(parents=True, exist_ok=True)
    told = {
        "steps": [_numbers(step) for step in table["steps"]],
        "removed": table["removed"],
        "pairs": [vars(each) for each in bins],
    }
    (into / "report.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (into / "report.html").write_text(page(table, settings, bins), encoding="utf-8")


def _numbers(step: Facts) -> Facts:
    return {name: value for name, value in step.items() if name != "examples"}


def _side(name: str, step: Facts, what: str, most: int, said: Callable[[float], str]) -> Facts:
    """What was left after a step and what it took, as parts of what came in at first."""
    before, after = step[f"{what}_in"], step[f"{what}_out"]
    return {
        "name": name,
        "entered": round(100 * max(before, after) / max(most, 1), 2),
        "left": round(100 * after / max(before, after, 1), 2),
        "after": said(after),
        "gone": f"\N{MINUS SIGN}{said(before - after)}" if before > after else "",
    }


def _row(name: str, step: Facts) -> Facts:
    gone = step["documents_in"] - step["documents_out"]
    example = next((each for each in step["examples"] if each.get("reason")), {})
    return {
        "name": name,
        "removed": count(gone) if gone else "",
        "documents": count(step["documents_out"]),
        "bytes": size(step["bytes_out"]),
        "why": example.get("reason", ""),
        "before": example.get("before", ""),
    }
