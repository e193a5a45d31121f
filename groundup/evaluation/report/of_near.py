"""The S-curve of bands of signatures as one page: how likely pairs are to meet, and how often real pairs met."""

from markupsafe import Markup

from groundup.data.copies.curve import STEP, Bin
from groundup.data.copies.near import NearSettings, meets, turn
from groundup.evaluation.report import charts
from groundup.evaluation.report.page import environment

FINE = 100  # points of the curve


def page(settings: NearSettings, found: list[Bin]) -> str:
    """The page as HTML."""
    bands, rows = settings.bands, settings.rows
    return (
        environment()
        .get_template("near.html.jinja")
        .render(
            bands=bands,
            rows=rows,
            run=settings.run,
            turn=f"{turn(bands, rows):.3f}",
            chart=chart(settings, found),
            found=found,
            step=STEP,
        )
    )


def chart(settings: NearSettings, found: list[Bin]) -> Markup:
    """The curve, and what was measured of it."""
    bands, rows = settings.bands, settings.rows
    points = [(i / FINE, float(meets(i / FINE, bands, rows))) for i in range(FINE + 1)]
    words = [f"similarity {x:.2f}" for x, _ in points]
    drawn = [charts.Curve("meets", "t1", points, words=words)]
    if len(found) > 1:
        own = [(min(1.0, each.low + STEP / 2), each.met / each.pairs) for each in found]
        said = [f"similarity {each.low:.2f} to {each.low + STEP:.2f}, {each.met:,} of {each.pairs:,}" for each in found]
        drawn.append(charts.Curve("your texts", "t2", own, dashed=True, words=said))
    marked = [(value / 10, f"{value / 10:g}") for value in range(0, 11, 2)]
    about = f"the share of pairs that meet in {bands} bands of {rows} rows, by similarity"
    return charts.curves(drawn, "similarity", "share that meets", about, marked, 680, 320)
