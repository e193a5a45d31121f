"""What smaller weights or fewer of them cost, as a table for the terminal and as one page: bytes, speed, bits per byte, and what else changed.

Reads what the quantize stage left, `price.json` and the speeds in `metrics.jsonl`, or the prune stage's `pruned.json`. The page
needs no other file.
"""

import json
from pathlib import Path
from typing import Any

from groundup.evaluation.report import charts
from groundup.evaluation.report.charts import Curve
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.page import environment
from groundup.evaluation.report.wording import count, many, percent, size
from groundup.run.content import metrics_of

TONES = 6
AS_TRAINED = "as trained"
SPEED = "writes_tokens_per_second"
HEADS = {
    "kind": "kind",
    "bytes": "size",
    "smaller": "smaller",
    "parameters": "parameters",
    "removed": "zero",
    "speed": "tokens/s",
    "bits_per_byte": "bits/byte",
    "change": "change",
    "nats": "KL, nats/token",
    "same": "same token",
    "accuracy": "right answers",
}
WIDE = {"width": 720, "height": 330}


def gathered(folder: Path) -> list[Facts]:
    """One table of numbers for the model as it was trained and for each kind; what was not measured is not there."""
    price = json.loads((folder / "price.json").read_text(encoding="utf-8"))
    speeds = {told["kind"]: told[SPEED] for told in metrics_of(folder) if told.get(SPEED)}
    kinds = price.get("kinds", [price])
    measured = ("bytes", "bits_per_byte", "accuracy")
    found = [{"kind": AS_TRAINED} | {name: kinds[0].get(f"{name}_before") for name in measured}]
    for each in kinds:
        told = {name: each.get(f"{name}_after") for name in measured}
        told |= {"nats": each.get("nats_from_original"), "same": each.get("same_likeliest_tokens")}
        told |= {"smaller": each["bytes_before"] / each["bytes_after"], "change": each.get("bits_per_byte_change")}
        found.append({"kind": each["kind"]} | told)
    for each in found:
        each["speed"] = speeds.get(None if each["kind"] == AS_TRAINED else each["kind"])
    return found


def gathered_pruned(folder: Path) -> list[Facts]:
    """The same of what the prune stage left: `pruned.json`."""
    told = json.loads((folder / "pruned.json").read_text(encoding="utf-8"))
    before = {"parameters": told["parameters_before"], "bits_per_byte": told.get("bits_per_byte_before")}
    after = {"parameters": told["parameters_after"], "bits_per_byte": told.get("bits_per_byte_after")}
    after |= {"removed": told["removed"], "change": told.get("bits_per_byte_change")}
    after |= {"nats": told.get("nats_from_original"), "same": told.get("same_likeliest_tokens")}
    return [{"kind": AS_TRAINED} | before, {"kind": told["kind"]} | after]


def cells(each: Facts) -> dict[str, str]:
    """The numbers of one line as words, each with its unit or under a head that says it; nothing where nothing was measured."""
    forms: dict[str, Any] = {
        "bytes": size,
        "parameters": count,
        "removed": percent,
        "smaller": lambda value: f"{value:.1f}x",
        "speed": lambda value: f"{value:,.0f}",
        "bits_per_byte": lambda value: f"{value:.4f}",
        "change": lambda value: f"{100 * value:+.2f} %",
        "nats": lambda value: f"{value:.5f}",
        "same": percent,
        "accuracy": percent,
    }
    shown = {name: form(each[name]) for name, form in forms.items() if each.get(name) is not None}
    return {"kind": each["kind"]} | {name: shown.get(name, "") for name in forms}


def columns(found: list[Facts]) -> list[str]:
    """Those in which somebody has a number."""
    return [name for name in HEADS if any(cells(each)[name] for each in found)]


def table(found: list[Facts]) -> str:
    """For a terminal: names to the left, numbers to the right."""
    names = columns(found)
    lines = [[HEADS[name] for name in names], *([cells(each)[name] for name in names] for each in found)]
    wide = [max(len(line[at]) for line in lines) for at in range(len(names))]
    return "\n".join(
        "  ".join(
            word.rjust(width) if at else word.ljust(width)
            for at, (word, width) in enumerate(zip(line, wide, strict=True))
        )
        for line in lines
    )


def page(found: list[Facts]) -> str:
    """The page as HTML."""
    tones = {each["kind"]: f"t{number % TONES}" + " dots" * (number >= TONES) for number, each in enumerate(found)}
    names = columns(found)
    drawn = [
        ("How far the next token's distribution is from the original's", plot(found, tones, "nats", "nats a token")),
        ("How fast one text is written", plot(found, tones, "speed", "tokens/s")),
    ]
    return (
        environment()
        .get_template("price.html.jinja")
        .render(
            lead=lead(found),
            heads=[HEADS[name] for name in names],
            rows=[(tones[each["kind"]], [cells(each)[name] for name in names]) for each in found],
            tones=tones,
            charts=[(words, drawing) for words, drawing in drawn if drawing],
        )
    )


def lead(found: list[Facts]) -> str:
    """The price in a sentence or two."""
    smallest = min(found[1:], key=lambda each: each["bytes"])
    told = (
        f"One model, written in {many(len(found) - 1, 'kind')} of fewer bits. The smallest, {smallest['kind']}, takes "
    )
    told += f"{size(smallest['bytes'])} instead of {size(found[0]['bytes'])}."
    near = [each for each in found[1:] if each["nats"] is not None]
    if near:
        nearest = min(near, key=lambda each: each["nats"])
        told += f" Nearest to the original is {nearest['kind']}: {nearest['nats']:.5f} nats a token."
    return told


def plot(found: list[Facts], tones: dict[str, str], name: str, unit: str) -> Any:
    """A dot for each kind over its megabytes."""
    curves = [
        Curve(each["kind"], tones[each["kind"]], [(each["bytes"] / 1e6, each[name])], words=[size(each["bytes"])])
        for each in found
        if each.get(name) is not None
    ]
    return charts.curves(curves, "MB", unit, f"{unit} of each kind over its size", (), **WIDE)
