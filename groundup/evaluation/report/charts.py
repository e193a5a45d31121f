"""Charts as SVG, drawn by hand: curves, shares with their intervals, and the arcs between stages.

Colours and type come from the page's style through classes, so that a chart follows light and dark by itself. Whatever
comes from data is escaped; every mark says its numbers when one rests on it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

Point = tuple[float, float]
WIDTH, HEIGHT = 340, 200  # of a chart of curves
LEFT, RIGHT, TOP, BOTTOM = 30, 8, 20, 34
ROW, FOOT = 20, 26  # of shares: height of one mark's line, and of the scale
LANE, STEP = 13, 46  # of arcs: width of a lane, height of a stage


@dataclass(frozen=True)
class Curve:
    """One line of a chart; `tone` is the class that gives it its colour."""

    name: str
    tone: str
    points: Sequence[Point]
    dashed: bool = False
    words: Sequence[str] = ()  # where each point stands, if its x alone does not say so


@dataclass(frozen=True)
class Mark:
    """A share with its interval."""

    name: str
    tone: str
    value: float
    low: float
    high: float
    n: int


def svg(width: float, height: float, inside: str, about: str, style: str = "") -> Markup:
    """A drawing that scales to the width it is given; `about` is read to those who do not see it."""
    return Markup(
        f'<svg class="chart {style}" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{escape(about)}">{inside}</svg>'
    )


def text(x: float, y: float, words: object, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers between low and high: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def curves(
    found: Sequence[Curve],
    x_name: str,
    y_name: str,
    about: str,
    marked: Sequence[tuple[float, str]] = (),
    width: float = WIDTH,
    height: float = HEIGHT,
) -> Markup:
    """Lines over a common scale, the lowest value not far above the foot; `marked`: places of x with their names."""
    found = [curve for curve in found if curve.points]
    if not found:
        return Markup("")
    xs = [x for curve in found for x, _ in curve.points]
    ys = sorted(y for curve in found for _, y in curve.points)
    top = ys[min(len(ys) - 1, int(len(ys) * 0.995))] if len(ys) > 200 else ys[-1]  # a first step may be far off
    low, high = ys[0], max(top, ys[0] + abs(ys[0]) / 10, ys[0] + 1e-6)  # a flat curve is shown as flat
    low, high = low - (high - low) * 0.06, high + (high - low) * 0.06
    first, last = min(0.0, min(xs)), max(xs) or 1.0

    def place(point: Point) -> Point:
        x = LEFT + (point[0] - first) / (last - first or 1) * (width - LEFT - RIGHT)
        y = TOP + (high - min(point[1], high)) / (high - low) * (height - TOP - BOTTOM)
        return x, y

    drawn = []
    for value in ticks(low, high):
        y = place((first, value))[1]
        drawn += [line(LEFT, y, width - RIGHT, y, "grid"), text(LEFT - 8, y + 4, f"{value:g}", "tick", "end")]
    for value, words in marked or [(value, f"{value:,.0f}") for value in ticks(first, last, 4)]:
        x = place((value, low))[0]
        anchor = "end" if x > width - 20 else "middle"
        drawn.append(text(x, height - BOTTOM + 16, words, "tick", anchor))
    drawn.append(text(width - RIGHT, height - 3, x_name, "axis", "end"))
    drawn.append(text(0, TOP - 9, y_name, "axis"))
    for curve in found:
        drawn.append(_path([place(point) for point in curve.points], curve))
        x, y = place(curve.points[-1])
        drawn.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" class="dot {curve.tone}"/>')
        drawn += [_spot(place(point), f"{curve.name}, {words}: {point[1]:.4g}") for point, words in _some(curve)]
    return svg(width, height, "".join(drawn), about)


def _path(points: Sequence[Point], curve: Curve) -> str:
    steps = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{steps}" class="curve {curve.tone}{" dashed" if curve.dashed else ""}"/>'


def _some(curve: Curve, most: int = 60) -> list[tuple[Point, str]]:
    """Points to rest on, with where they stand: all of a short curve, evenly some of a long one."""
    every = max(1, math.ceil(len(curve.points) / most))
    words = curve.words or [f"step {x:,.0f}" for x, _ in curve.points]
    return list(zip(curve.points, words, strict=True))[::every]


def _spot(place: Point, words: str) -> str:
    return f'<circle cx="{place[0]:.1f}" cy="{place[1]:.1f}" r="7" class="spot"><title>{escape(words)}</title></circle>'


def shares(marks: Sequence[Mark], about: str, goal: float | None = None) -> Markup:
    """One line for each mark on a scale from none to all: the interval as a bar, the value as a dot; no words."""
    height = ROW * len(marks) + 4
    drawn = [line(x, 0, x, height, "grid") for x in (0.5, 50, 100, 150, 199.5)]
    if goal is not None:
        drawn.append(line(200 * goal, 0, 200 * goal, height, "goal"))
    for number, mark in enumerate(marks):
        y = ROW * (number + 0.5) + 2
        words = (
            f"{mark.name}: {100 * mark.value:.1f} % (95 % interval {100 * mark.low:.1f} to {100 * mark.high:.1f} %, "
            f"n = {mark.n})"
        )
        low, high = 200 * mark.low, 200 * mark.high
        drawn.append(
            f"<g><title>{escape(words)}</title>"
            f'<rect x="0" y="{y - ROW / 2:.1f}" width="200" height="{ROW}" class="spot"/>'
            f'<rect x="{low:.2f}" y="{y - 3.5:.1f}" width="{max(high - low, 0.8):.2f}" height="7" rx="3.5" '
            f'class="interval {mark.tone}"/>'
            f'<rect x="{min(max(200 * mark.value - 1.25, 0), 197.5):.2f}" y="{y - 6.5:.1f}" width="2.5" height="13" '
            f'class="value {mark.tone}"/></g>'
        )
    return Markup(
        f'<svg class="chart shares" viewBox="0 0 200 {height}" preserveAspectRatio="none" '
        f'style="height:{height}px" role="img" aria-label="{escape(about)}">{"".join(drawn)}</svg>'
    )


def arcs(names: Sequence[str], needs: dict[str, Sequence[str]]) -> tuple[Markup, int]:
    """Who reads whom, as arcs left of a list of stages whose rows are STEP high; and the width they need.

    What is implied by other arcs is drawn faintly. An arc keeps to a lane of its own as long as it runs.
    """
    order = {name: number for number, name in enumerate(names)}
    found = [(order[need], order[name]) for name in names for need in needs.get(name, ()) if need in order]
    direct = {arc for arc in found if not _implied(arc, found)}
    lanes = _lanes(sorted(found, key=lambda arc: (arc[1] - arc[0], arc)))
    width = LANE * (max(lanes.values(), default=0) + 1) + 14
    drawn = []
    for start, end in sorted(found, key=lambda arc: (arc in direct, arc)):
        x, top, bottom = width - 10, STEP * (start + 0.5), STEP * (end + 0.5)
        out = x - LANE * (lanes[start, end] + 0.8)
        bend = min(14.0, (bottom - top) / 2)
        drawn.append(
            f'<path d="M{x} {top} C{out} {top} {out} {top} {out:.1f} {top + bend:.1f} V{bottom - bend:.1f} '
            f'C{out} {bottom} {out} {bottom} {x} {bottom}" class="arc{"" if (start, end) in direct else " faint"}" '
            f'data-from="{escape(names[start])}" data-to="{escape(names[end])}">'
            f"<title>{escape(names[end])} reads {escape(names[start])}</title></path>"
        )
    drawn += [
        f'<circle cx="{width - 10}" cy="{STEP * (number + 0.5)}" r="4.5" class="stop"/>' for number in order.values()
    ]
    height = STEP * len(names)
    inside = "".join(drawn)
    return Markup(
        f'<svg class="arcs" width="{width}" height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="which stage reads which">{inside}</svg>'
    ), width


def _implied(arc: tuple[int, int], arcs: Sequence[tuple[int, int]]) -> bool:
    """Whether there is another way from the start to the end."""
    reached, fresh = set(), {end for start, end in arcs if start == arc[0] and (start, end) != arc}
    while fresh:
        reached |= fresh
        fresh = {end for start, end in arcs if start in fresh} - reached
    return arc[1] in reached


def _lanes(arcs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The innermost lane for each arc in which it crosses none that is there already; short ones first."""
    taken: list[list[tuple[int, int]]] = []
    lanes = {}
    for start, end in arcs:
        lane = next(
            (
                number
                for number, others in enumerate(taken)
                if all(end <= other[0] or other[1] <= start or start == other[0] for other in others)
            ),
            len(taken),
        )
        if lane == len(taken):
            taken.append([])
        taken[lane].append((start, end))
        lanes[start, end] = lane
    return lanes
