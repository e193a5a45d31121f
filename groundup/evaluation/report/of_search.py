"""A search as one page: its table, one scatter for each setting, and all of them at once as parallel lines."""

from typing import Any

from markupsafe import Markup, escape

from groundup.evaluation.report.charts import line, svg, text
from groundup.evaluation.report.gather import Facts
from groundup.evaluation.report.page import environment

WIDTH, HEIGHT = 340, 200  # of a scatter
ROOM, SIDE = 30, 44  # above and below, left and right
WIDE, TALL = 720, 300  # of the parallel lines


def page(told: Facts, trials: list[Facts], places: list[dict[str, float]]) -> str:
    """The page as HTML; `places` says for each trial where in its range each value stands."""
    good = [(trial, place) for trial, place in zip(trials, places, strict=True) if trial["loss"] is not None]
    names = told["over"]
    longest = max((trial["rung"] for trial, _ in good), default=0)
    best = min((trial["loss"] for trial, _ in good if trial["rung"] == longest), default=None)
    return (
        environment()
        .get_template("search.html.jinja")
        .render(
            lead=_lead(told, trials, best),
            names=names,
            rows=[{**each, "shown": _loss(each)} for each in trials],
            scatters=[(name, scatter(name, good)) for name in names],
            lines=parallel(names, good),
        )
    )


def _lead(told: Facts, trials: list[Facts], best: float | None) -> str:
    refused = sum(bool(each["refused"]) for each in trials)
    words = f"{len({each['trial'] for each in trials})} trials by {told['method']}, seed {told['seed']}"
    words += f"; the best ended at {best:.4f} nats" if best is not None else "; none came to an end"
    return words + (f"; {refused} could not be trained" if refused else "") + "."


def _loss(trial: Facts) -> str:
    return trial["refused"] or ("not finite" if trial["loss"] is None else f"{trial['loss']:.4f}")


def scatter(name: str, trials: list[tuple[Facts, dict[str, float]]]) -> Markup:
    """Loss against one setting; the longest trainings are the darkest."""
    if not trials:
        return Markup("")
    losses = [trial["loss"] for trial, _ in trials]
    low, high = min(losses), max(max(losses), min(losses) + 1e-9)
    drawn = [line(SIDE, HEIGHT - ROOM, WIDTH - 8, HEIGHT - ROOM, "grid")]
    for value, y in ((high, ROOM), (low, HEIGHT - ROOM - 8)):
        drawn.append(text(SIDE - 6, y + 4, f"{value:.3g}", "tick", "end"))
    for trial, place in trials:
        x = SIDE + 8 + place[name] * (WIDTH - SIDE - 24)
        y = ROOM + (high - trial["loss"]) / (high - low) * (HEIGHT - 2 * ROOM - 8)
        drawn.append(_dot(x, y, trial, name))
    ends = sorted(trials, key=lambda each: each[1][name])
    for (trial, _), x, anchor in ((ends[0], SIDE + 8, "start"), (ends[-1], WIDTH - 16, "end")):
        drawn.append(text(x, HEIGHT - 12, trial["values"][name], "tick", anchor))
    drawn.append(text(SIDE - 6, 14, "nats", "axis", "end"))
    return svg(WIDTH, HEIGHT, "".join(drawn), f"loss of each trial against {name}")


def parallel(names: list[str], trials: list[tuple[Facts, dict[str, float]]]) -> Markup:
    """One line a trial through all settings to its loss; the better, the stronger."""
    if not trials:
        return Markup("")
    order = sorted(trials, key=lambda each: -each[0]["loss"])
    low, high = order[-1][0]["loss"], max(order[0][0]["loss"], order[-1][0]["loss"] + 1e-9)
    axes = [*names, "loss"]
    gap = (WIDE - 2 * SIDE - 40) / max(1, len(axes) - 1)
    xs = [SIDE + 20 + at * gap for at in range(len(axes))]
    drawn = [line(x, ROOM, x, TALL - ROOM, "grid") for x in xs]
    for rank, (trial, place) in enumerate(order, 1):
        heights = [*(place[name] for name in names), (trial["loss"] - low) / (high - low)]
        points = " ".join(
            f"{x:.1f},{TALL - ROOM - h * (TALL - 2 * ROOM):.1f}" for x, h in zip(xs, heights, strict=True)
        )
        strength = 0.15 + 0.85 * rank / len(order)
        words = f"trial {trial['trial']}, {trial['steps']} steps: {trial['loss']:.4f}"
        drawn.append(
            f'<polyline points="{points}" class="curve t0" style="opacity:{strength:.2f}"><title>{escape(words)}</title></polyline>'
        )
    for x, name in zip(xs, axes, strict=True):
        drawn.append(text(x, TALL - 8, name.rsplit(".", 1)[-1], "axis", "middle"))
    drawn += [
        text(xs[-1] + 6, TALL - ROOM + 4, f"{low:.3g}", "tick"),
        text(xs[-1] + 6, ROOM + 4, f"{high:.3g}", "tick"),
    ]
    return svg(WIDE, TALL, "".join(drawn), "every trial as a line through its settings to its loss")


def _dot(x: float, y: float, trial: Facts, name: str) -> str:
    words = f"trial {trial['trial']}, {trial['steps']} steps, {name} {trial['values'][name]}: {trial['loss']:.4f}"
    tone: Any = f"t{trial['rung'] % 6}"
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="dot {tone}"><title>{escape(words)}</title></circle>'
