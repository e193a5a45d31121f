"""Held-out accuracy as one page and as a table for the terminal: who guesses how much right, and how sure that is.

What was measured is in `report.json` beside it; the page needs no other file.
"""

from typing import Any

from groundup.evaluation.report import charts
from groundup.evaluation.report.charts import Mark
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.page import environment
from groundup.evaluation.report.wording import percent

TONES = 6
HEADS = ("model", "text", "asked", "right", "95 % interval", "guesses", "loss")


def rows(told: Facts) -> list[dict[str, Any]]:
    """One line for each model, text and thing that was asked."""
    return [
        {
            "model": model,
            "text": text,
            "asked": asked.replace("_", " "),
            "right": percent(share["value"], 1),
            "95 % interval": f"{percent(share['low'], 1)} to {percent(share['high'], 1)}",
            "guesses": f"{share['n']:,}",
            "loss": "" if share["loss"] is None else f"{share['loss']:.3f}",
            "share": share,
        }
        for model, texts in told["models"].items()
        for text, found in texts.items()
        for asked, share in found.items()
    ]


def table(told: Facts) -> str:
    """For the terminal."""
    lines = [HEADS, *(tuple(row[head] for head in HEADS) for row in rows(told))]
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADS))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*shown, "", "loss in nats for each guess, on text that was held out"]) + "\n"


def page(told: Facts) -> str:
    """The page as HTML."""
    tones = {name: f"t{number % TONES}" for number, name in enumerate(told["models"])}
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows(told):
        groups.setdefault((row["text"], row["asked"]), []).append(row)
    drawings = [
        (f"{text}: {asked}", charts.shares(_marks(found, tones), f"shares of right guesses, {text}, {asked}"))
        for (text, asked), found in groups.items()
    ]
    template = environment().get_template("accuracy.html.jinja")
    return template.render(lead=lead(told), heads=HEADS, rows=rows(told), tones=tones, drawings=drawings)


def lead(told: Facts) -> str:
    """Everything in a sentence."""
    best = max(rows(told), key=lambda row: row["share"]["value"])
    return (
        f"Asked about text that was held out, {best['model']} is right most often: {best['right']} of {best['guesses']} "
        f"guesses of {best['asked']} ({best['text']})."
    )


def _marks(found: list[dict[str, Any]], tones: dict[str, str]) -> list[Mark]:
    return [
        Mark(row["model"], tones[row["model"]], share["value"], share["low"], share["high"], share["n"])
        for row in found
        for share in [row["share"]]
    ]
