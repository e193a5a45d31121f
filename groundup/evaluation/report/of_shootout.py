"""A contest of models as one page and as a table for the terminal: who learnt most from the same compute, and who remembers.

What was measured is in `report.json` beside it; the page needs no other file.
"""

import math
from typing import Any

from groundup.evaluation.report import charts
from groundup.evaluation.report.charts import Curve
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.page import environment
from groundup.evaluation.report.wording import count, duration, many, percent, size

TONES = 6
TITLES = {
    "contest": "The same tokens, the same compute",
    "position": "Loss by position",
    "recall": "Recall by distance",
    "attention": "What attention takes",
}
WIDE = {"width": 720, "height": 330}


def page(told: Facts) -> str:
    """The page as HTML."""
    found = told["contestants"]
    marks = {
        each["name"]: (f"t{number % TONES}" + " dots" * (number >= 2 * TONES), number >= TONES)
        for number, each in enumerate(found)
    }
    return (
        environment()
        .get_template("shootout.html.jinja")
        .render(
            lead=lead(told),
            sections=TITLES,
            number={name: f"{number:02}" for number, name in enumerate(TITLES, 1)},
            marks=marks,
            rows=rows(told),
            counting=counting(told),
            plot=losses(found, marks),
            position=positions(told, marks),
            recall=recalls(told, marks),
            attention=attentions(told["attention"]),
            lengths=[each["length"] for each in told["attention"]["plain"]],
            takes=takes(told["attention"]),
            warning=told["warning"],
            time=told["time"],
            recall_time=told["recall_time"],
        )
    )


def lead(told: Facts) -> str:
    """The contest in two sentences."""
    found = told["contestants"]
    best = min(found, key=lambda each: each["validation"])
    first = found[0]
    return (
        f"{many(len(found), 'model')[0].upper()}{many(len(found), 'model')[1:]} learnt from the same pages in the same order, "
        f"each with {count(first['flops'])}FLOP of arithmetic. {best['name']} foretells held-out text best: "
        f"{best['validation']:.3f} nats for each token."
    )


def rows(told: Facts) -> list[Facts]:
    """One line for each contestant, as words; the best of a column is marked."""
    found = told["contestants"]
    columns = {
        "validation": (lambda each: each["validation"], "{:.3f}", min),
        "bits": (lambda each: each["bits_per_byte"], "{:.3f}", min),
        "beyond": (lambda each: beyond(each, told["time"]), "{:.3f}", min),
        "needle": (lambda each: share(each, "needle", told["recall_time"]), "", max),
        "associative": (lambda each: share(each, "associative", told["recall_time"]), "", max),
        "far": (lambda each: far(each, told["recall_time"]), "", max),
        "speed": (lambda each: each["tokens"] / each["seconds"], "{:,.0f}", max),
    }
    best = {name: choose(map(read, found)) for name, (read, _, choose) in columns.items()}
    result = []
    for each in found:
        cells = {"name": each["name"], "parameters": count(each["parameters"]), "tokens": count(each["tokens"])}
        cells |= {"steps": f"{each['steps']:,}", "flops": f"{each['flops'] / 1e9:,.1f}"}
        for name, (read, form, _) in columns.items():
            value = read(each)
            words = form.format(value) if form else percent(value)
            cells[name] = {"value": words, "best": value == best[name]}
        result.append(cells)
    return result


def beyond(each: Facts, time: int) -> float:
    """Mean loss at the places that no row of the training had; at its last ones where there are none."""
    stretches = list(zip(each["edges"], each["edges"][1:], each["by_position"], strict=False))
    later = [(high - low, loss) for low, high, loss in stretches if low >= time] or [(1, stretches[-1][2])]
    return sum(length * loss for length, loss in later) / sum(length for length, _ in later)


def share(each: Facts, kind: str, time: int) -> float:
    """Right answers at distances that the training had."""
    near = [right for distance, right in zip(each["distances"], each["recall"][kind], strict=True) if distance < time]
    return sum(near) / len(near)


def far(each: Facts, time: int) -> float:
    """The needle, further away than ever before; the furthest one where there is no such distance."""
    pairs = list(zip(each["distances"], each["recall"]["needle"], strict=True))
    shares = [right for distance, right in pairs if distance >= time] or [pairs[-1][1]]
    return sum(shares) / len(shares)


Marks = dict[str, tuple[str, bool]]


def losses(found: list[Facts], marks: Marks) -> Any:
    """The one plot: loss against arithmetic."""
    curves = [
        Curve(
            each["name"],
            marks[each["name"]][0],
            [(flops / 1e9, loss) for flops, loss in each["curve"]],
            marks[each["name"]][1],
            [f"{flops / 1e9:.1f} GFLOP" for flops, _ in each["curve"]],
        )
        for each in found
    ]
    return charts.curves(curves, "GFLOP", "nats", "loss of each contestant against arithmetic", (), **WIDE)


def positions(told: Facts, marks: Marks) -> Any:
    """Held-out loss where a token stands."""
    curves, ends = [], []
    for each in told["contestants"]:
        ends = [f"{low:,}-{high - 1:,}" for low, high in zip(each["edges"], each["edges"][1:], strict=False)]
        points = [(float(at), loss) for at, loss in enumerate(each["by_position"])]
        curves.append(Curve(each["name"], marks[each["name"]][0], points, marks[each["name"]][1], ends))
    return charts.curves(curves, "position", "nats", "held-out loss by position", list(enumerate(ends)), **WIDE)


def recalls(told: Facts, marks: Marks) -> list[tuple[str, Any]]:
    """Right answers by distance, for each kind of text."""
    drawn = []
    for kind, words in (("needle", "One pair, then fillers"), ("associative", "Eight pairs, then fillers")):
        curves = []
        for each in told["contestants"]:
            at = [f"{distance:,} tokens back" for distance in each["distances"]]
            points = [(float(place), 100 * right) for place, right in enumerate(each["recall"][kind])]
            curves.append(Curve(each["name"], marks[each["name"]][0], points, marks[each["name"]][1], at))
        ticks = [(float(place), f"{each}") for place, each in enumerate(told["contestants"][0]["distances"])]
        drawn.append((words, charts.curves(curves, "tokens back", "%", f"{kind}: right answers by distance", ticks)))
    return drawn


def attentions(found: dict[str, list[Facts]]) -> list[tuple[str, Any]]:
    """Seconds and memory of each attention, both on a scale of doublings."""
    drawn = []
    for what, unit, low in (("seconds", "ms", 1e-3), ("bytes", "MB", 1e6)):
        curves = []
        for number, (name, every) in enumerate(found.items()):
            points = [(math.log2(each["length"]), math.log10(max(each[what] / low, 1e-3))) for each in every]
            words = [f"{each['length']:,} tokens, {each[what] / low:,.3g} {unit}; the power of ten" for each in every]
            curves.append(Curve(name, f"t{number % TONES}", points, False, words))
        shortest = min(each["length"] for each in found["plain"])
        at = [(math.log2(each["length"]), f"{each['length']:,}") for each in found["plain"]]
        moved = [
            Curve(c.name, c.tone, [(x - math.log2(shortest), y) for x, y in c.points], c.dashed, c.words)
            for c in curves
        ]
        ticks = [(x - math.log2(shortest), words) for x, words in at]
        title = f"{'Time' if what == 'seconds' else 'Memory'}, powers of ten of a {'millisecond' if unit == 'ms' else 'megabyte'}"
        drawn.append((title, charts.curves(moved, "tokens", "", title, ticks)))
    return drawn


def takes(found: dict[str, list[Facts]]) -> list[Facts]:
    """The same in numbers."""
    return [
        {
            "name": name,
            "tone": f"t{number % TONES}",
            "cells": [f"{1e3 * each['seconds']:,.3g} ms" for each in every],
            "memory": [size(each["bytes"]) for each in every],
        }
        for number, (name, every) in enumerate(found.items())
    ]


def counting(told: Facts) -> str:
    """What counts of tokens reach, to read the losses by."""
    alone, pairs, triples = told["counts"]
    return (
        f"Counting tokens alone reaches {alone:.3f} nats, pairs of them {pairs:.3f}, triples {triples:.3f}: who is no better than "
        "pairs has not yet learnt to look further back than one token, for which recurrences and convolutions are made and "
        "attention needs more steps."
    )


HEADS = (
    ("contestant", "name"), ("parameters", "parameters"), ("steps", "steps"), ("tokens", "tokens"), ("GFLOP", "flops"),
    ("loss", "validation"), ("bits/byte", "bits"), ("loss beyond", "beyond"), ("needle", "needle"),
    ("associative", "associative"), ("far needle", "far"), ("tokens/s", "speed"),
)  # fmt: skip


def table(told: Facts) -> str:
    """The one table, for the terminal."""
    lines = [[head for head, _ in HEADS]]
    for row in rows(told):
        cells = [row[name] for _, name in HEADS]
        lines.append([cell if isinstance(cell, str) else cell["value"] + "*" * cell["best"] for cell in cells])
    widths = [max(len(line[at]) for line in lines) for at in range(len(HEADS))]
    shown = [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    foot = f"* best of its column; loss in nats a token on held-out text, beyond: at places after the first {told['time']}; "
    foot += f"right answers within {told['recall_time']} tokens, far: beyond; {duration(told['seconds'])} in all"
    return "\n".join([*shown, "", foot, counting(told), *([told["warning"]] if told["warning"] else [])]) + "\n"
