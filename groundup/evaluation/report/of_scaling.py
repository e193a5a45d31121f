"""A law of scaling as one page: what was trained, how loss fell with arithmetic, and what the next training would reach."""

import math
from typing import Any

from groundup.evaluation.report import charts
from groundup.evaluation.report.charts import Curve
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.page import environment
from groundup.evaluation.report.wording import count

TONES = 6
SIGNS = {"floor": "E", "size": "A", "alpha": "α", "text": "B", "beta": "β"}
WIDE = {"width": 720, "height": 330}


def page(told: Facts) -> str:
    """The page as HTML."""
    ahead = [
        ("twice the largest", told["next"]),
        *((f"{each['flops']:.3g} FLOP, best size", each) for each in told["optimal"]),
    ]
    rows = [{**point, "sizes": (count(point["parameters"]), count(point["tokens"]))} for point in told["points"]]
    return (
        environment()
        .get_template("scaling.html.jinja")
        .render(
            rows=rows,
            law=[(sign, told["law"][name], *told["intervals"][name]) for name, sign in SIGNS.items()],
            off=f"{100 * told['off']:.2g}",
            before=told["hindsight"],
            ahead=[
                (words, count(each["parameters"]), count(each["tokens"]), each["loss"], *each["interval"])
                for words, each in ahead
            ],
            plot=plot(told),
        )
    )


def plot(told: Facts) -> Any:
    """Loss against arithmetic, a curve for each size, dashed to what is predicted."""
    flops = [point["flops"] or told["per"] * point["parameters"] * point["tokens"] for point in told["points"]]
    first = math.log10(min(flops))
    by_size: dict[float, list[tuple[float, float, str]]] = {}
    for point, spent in zip(told["points"], flops, strict=True):
        words = f"{count(point['tokens'])} tokens, {spent:.3g} FLOP"
        by_size.setdefault(point["parameters"], []).append((math.log10(spent) - first, point["loss"], words))
    drawn = []
    for number, (size, found) in enumerate(sorted(by_size.items())):
        found.sort()
        points, words = [(x, y) for x, y, _ in found], [each for _, _, each in found]
        drawn.append(Curve(f"{count(size)} parameters", f"t{number % TONES}", points, False, words))
    best = [(math.log10(each["flops"]) - first, each["loss"]) for each in told["optimal"]]
    drawn.append(
        Curve("best size, predicted", "t0", best, True, [f"{each['flops']:.3g} FLOP" for each in told["optimal"]])
    )
    last = max([x for curve in drawn for x, _ in curve.points], default=1.0)
    marks = [(float(at - first), f"1e{at}") for at in range(math.ceil(first), math.floor(first + last) + 1)]
    return charts.curves(drawn, "FLOP", "nats", "loss of each training against its arithmetic", marks, **WIDE)
