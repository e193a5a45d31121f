"""The funnel of a corpus, drawn: a band for each step, as wide on the left as documents are left and on the right as bytes are.

And the lengths of its documents, as bars. What a step took out is drawn in the colour of what is bad.
"""

from collections.abc import Sequence

from markupsafe import Markup, escape

from groundup.evaluation.report import charts
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.wording import count, size

WIDTH, ROW, BAR, HEAD = 680, 34, 18, 26
HALF, GAP = 158, 64  # the widest a side is, and how far each is from the middle, where names stand
LOW, LEFT, WIDEST = 150, 34, 64  # of bars


def funnel(steps: Sequence[Facts]) -> Markup:
    """The drawing; `steps` as table.json has them."""
    if not steps:
        return Markup("")
    middle, height = WIDTH / 2, HEAD + ROW * len(steps)
    drawn = [
        charts.text(middle - GAP, 14, "documents", "axis", "end"),
        charts.text(middle + GAP, 14, "bytes of text", "axis"),
    ]
    documents = max(steps[0]["documents_in"], 1)
    bytes_ = max(max(step["bytes_in"] for step in steps), 1)
    for number, step in enumerate(steps):
        y = HEAD + ROW * number
        drawn.append(charts.text(middle, y + BAR - 4, _short(step["name"]), "name", "middle"))
        drawn += _side(step, "documents", documents, y, -1, count)
        drawn += _side(step, "bytes", bytes_, y, 1, size)
    about = "documents and bytes of text after each step; what a step took out is marked"
    return charts.svg(WIDTH, height, "".join(drawn), about, "funnel")


def _side(step: Facts, what: str, most: float, y: float, way: int, said) -> list[str]:
    before, after = step[f"{what}_in"], step[f"{what}_out"]
    stays, was = HALF * min(before, after) / most, HALF * before / most
    was = max(was, stays + 1.5) if before > after else was  # what is little can be seen too
    edge = WIDTH / 2 + way * GAP
    words = f"{step['name']}: {said(before)} {what} in, {said(after)} out"
    drawn = [
        _bar(edge, way, 0, stays, y, "stays", words),
        _bar(edge, way, stays, max(was - stays, 0), y, "gone", words),
    ]
    anchor = "start" if way > 0 else "end"
    told = said(after) + (f"  −{said(before - after)}" if before > after else "")
    return [*drawn, charts.text(edge + way * (max(was, stays) + 6), y + BAR - 4, told, "", anchor)]


def _bar(edge: float, way: int, begin: float, width: float, y: float, style: str, words: str) -> str:
    x = edge + begin if way > 0 else edge - begin - width
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}" class="{style}">'
        f"<title>{escape(words)}</title></rect>"
    )


def _short(name: str) -> str:
    name = name.replace("_", " ")
    return name if len(name) <= 18 else name[:17] + "…"


def bars(values: Sequence[tuple[str, int]], about: str, unit: str) -> Markup:
    """A bar for each (name, number), the highest as high as the drawing."""
    if not values:
        return Markup("")
    most = max(max(number for _, number in values), 1)
    each = min(WIDEST, (WIDTH - LEFT) / len(values))
    drawn = []
    for value in charts.ticks(0, most, 3):
        y = 10 + LOW * (1 - value / most)
        drawn += [charts.line(LEFT, y, WIDTH, y, "grid"), charts.text(LEFT - 6, y + 4, count(value), "tick", "end")]
    every = max(1, round(len(values) / 10))
    for number, (name, many) in enumerate(values):
        high, x = LOW * many / most, LEFT + number * each
        words = escape(f"{name} {unit}: {many:,}")
        drawn.append(
            f'<rect x="{x + 1:.1f}" y="{10 + LOW - high:.1f}" width="{each - 2:.1f}" height="{high:.1f}" class="stays">'
            f"<title>{words}</title></rect>"
        )
        if number % every == 0:
            drawn.append(charts.text(x + each / 2, LOW + 26, name, "tick", "middle"))
    drawn.append(charts.text(WIDTH, LOW + 42, unit, "axis", "end"))
    return charts.svg(WIDTH, LOW + 46, "".join(drawn), about, "funnel")
