"""What ways to spare memory take and give, as one page: bytes and seconds of a step, and the largest model within a budget.

What was measured is in `report.json` beside it; the page needs no other file.
"""

import json
from collections.abc import Callable
from pathlib import Path

from markupsafe import Markup

from groundup.evaluation.report import charts
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.page import environment
from groundup.evaluation.report.wording import count, size

NAMES, BAR, LINE = 190, 340, 26  # width of names and of the longest bar, height of a line


def page(told: Facts) -> str:
    """The page as HTML. told: budget, tokens, parameters; `each` way alone and the `rungs` of ways together."""
    first, last = told["rungs"][0], told["rungs"][-1]
    return (
        environment()
        .get_template("memory.html.jinja")
        .render(
            lead=f"Within {size(told['budget'])} a plain step trains {count(first['parameters'])} parameters at most, and "
            f"{count(last['parameters'])} once nothing is held that need not be: {last['parameters'] / first['parameters']:.0f} "
            f"times as many.",
            tokens=f"{told['tokens']:,}",
            parameters=count(told["parameters"]),
            each=[_row(way, told["each"][0]) for way in told["each"]],
            rungs=[_row(way, first) for way in told["rungs"]],
            bytes_drawn=bars([(way["name"], way["bytes"]) for way in told["each"]], size, "bytes of a step by way"),
            sizes_drawn=bars(
                [(way["name"], way["parameters"]) for way in told["rungs"]], count, "largest model by way"
            ),
        )
    )


def bars(values: list[tuple[str, float]], words: Callable[[float], str], about: str) -> Markup:
    """Names and bars, the longest all of the width."""
    longest, inside = max(value for _, value in values), ""
    for number, (name, value) in enumerate(values):
        y, width = LINE * number + 4, max(1.0, BAR * value / longest)
        inside += charts.text(0, y + 13, name, "label")
        inside += (
            f'<rect x="{NAMES}" y="{y}" width="{width:.1f}" height="16" rx="2" fill="currentColor" opacity=".55"/>'
        )
        inside += charts.text(NAMES + width + 6, y + 13, words(value), "label")
    return charts.svg(NAMES + BAR + 80, LINE * len(values) + 8, inside, about)


def write(told: Facts, into: Path) -> None:
    """The page and its numbers, in a folder."""
    into.mkdir(parents=True, exist_ok=True)
    (into / "report.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (into / "report.html").write_text(page(told), encoding="utf-8")


def _row(way: Facts, first: Facts) -> Facts:
    told = {"name": way["name"], "bytes": size(way["bytes"]), "seconds": f"{way['seconds']:.2f}"}
    if "parameters" in way:
        times = way["parameters"] / first["parameters"]
        return told | {"parameters": count(way["parameters"]), "times": f"{times:.1f}"}
    return told | {"what": way["what"], "share": f"{100 * way['bytes'] / first['bytes']:.0f} %"}
