"""What the report tells of mixtures: how much of each kind of text was wished, how much was read, and how that changed on the way.

Of `mixture.json` as a training wrote it; what its metrics say of shares draws the way from step to step.
"""

from collections.abc import Sequence

from markupsafe import Markup, escape

from groundup.evaluation.report import charts
from groundup.evaluation.report.gather import Facts, Findings, Training
from groundup.evaluation.report.wording import count, many, percent

TONES = 6
MOST = 60  # columns of a drawing: shares are logged with six digits, so what lies between two must not be too little
WIDTH, HEIGHT, LEFT, TOP, FOOT = 400, 180, 42, 10, 34
Column = tuple[int, int, dict[str, float]]  # from step, to step, share of each domain


def mixtures(found: Findings) -> Facts | None:
    """Of each model that read several kinds of text: a table of them, and their shares step by step."""
    told = [_model(name, each) for name, each in found.models.items() if each.mixture]
    return {"models": told} if told else None


def _model(name: str, each: Training) -> Facts:
    told: Facts = each.mixture or {}
    tones = {domain: f"t{number % TONES}" for number, domain in enumerate(told["domains"])}
    whole, phases = told["whole"], told["phases"]
    apart = max(abs(row["wished"] - row["realised"]) for row in whole.values())
    words = (
        f"{name} read {many(len(tones), 'kind')} of text, {count(told['rows'])} rows of {told['time']:,} tokens in each of "
        f"{phases[-1]['to_step']:,} steps. "
    )
    words += "Every share" if apart < 5e-5 else f"No share is further than {percent(apart, 2)} from what was wished"
    words += " is what was wished." if apart < 5e-5 else "."
    if len(phases) > 1:
        ways = {"steps": "jump", "linear": "go in a straight line"}
        words += f" Weights {ways[told['between']]} from one to the next at {many(len(phases) - 1, 'place')}."
    return {
        "name": name,
        "words": words,
        "tones": tones,
        "rows": [_row(domain, told["domains"][domain], whole[domain], tones[domain]) for domain in tones],
        "chart": drawn(columns(each), tones, f"share of each kind of text in {name}, by step"),
    }


def _row(domain: str, size: Facts, read: Facts, tone: str) -> Facts:
    most = size["most_epochs"]
    return {
        "name": domain,
        "tone": tone,
        "size": count(size["tokens"]),
        "wished": percent(read["wished"], 1),
        "realised": percent(read["realised"], 1),
        "tokens": count(read["tokens"]),
        "epochs": f"{read['epochs']:.2f}",
        "most": "" if most is None else f"{most:g}",
    }


def columns(each: Training) -> list[Column]:
    """What was read between two steps: as the metrics have it; where these say nothing, phase by phase."""
    told: Facts = each.mixture or {}
    names = list(told["domains"])
    lines = {line["step"]: line for line in each.lines if all(f"share.{name}" in line for name in names)}
    steps = sorted(lines)
    if len(steps) < 2:
        return [
            (phase["from_step"], phase["to_step"], {name: phase["domains"][name]["realised"] for name in names})
            for phase in told["phases"]
        ]
    every = -(-len(steps) // MOST)
    kept = [*steps[every - 1 :: every]]
    if kept[-1] != steps[-1]:
        kept.append(steps[-1])
    found, before, had = list[Column](), 0, dict.fromkeys(names, 0.0)
    for step in kept:
        now = {name: lines[step][f"share.{name}"] * step for name in names}
        found.append((before, step, {name: max(0.0, now[name] - had[name]) / (step - before) for name in names}))
        before, had = step, now
    return found


def drawn(found: Sequence[Column], tones: dict[str, str], about: str) -> Markup:
    """A band for each domain, as high in each stretch of steps as its share there; whoever rests on a stretch reads it."""
    last, high = max(found[-1][1], 1), HEIGHT - FOOT - TOP
    scale = (WIDTH - LEFT) / last
    marks, tops = [], [0.0] * len(found)
    for name, tone in tones.items():
        feet = [top + shares[name] for top, (_, _, shares) in zip(tops, found, strict=True)]
        edge = [*_edge(found, tops, 1), *_edge(found, feet, -1)]
        points = " ".join(f"{LEFT + step * scale:.1f},{TOP + high * share:.1f}" for step, share in edge)
        marks.append(f'<polygon points="{points}" class="dot {tone}"/>')
        tops = feet
    for first, end, shares in found:
        words = f"steps {first + 1:,} to {end:,}: " + ", ".join(f"{name} {percent(shares[name], 1)}" for name in tones)
        marks.append(
            f'<rect x="{LEFT + first * scale:.1f}" y="{TOP}" width="{(end - first) * scale:.1f}" height="{high}" '
            f'class="spot"><title>{escape(words)}</title></rect>'
        )
    for share in (0, 0.5, 1):
        marks.append(charts.text(LEFT - 6, TOP + 4 + high * (1 - share), percent(share), "tick", "end"))
    for step in charts.ticks(0, last, 4):
        anchor = "end" if step > 0.97 * last else "start" if not step else "middle"
        marks.append(charts.text(LEFT + step * scale, HEIGHT - FOOT + 16, f"{step:,.0f}", "tick", anchor))
    marks.append(charts.text(WIDTH, HEIGHT - 3, "step", "axis", "end"))
    return charts.svg(WIDTH, HEIGHT, "".join(marks), about)


def _edge(found: Sequence[Column], shares: Sequence[float], way: int) -> list[tuple[int, float]]:
    """The corners of a line of steps, from left to right or back."""
    corners = [(step, share) for (first, end, _), share in zip(found, shares, strict=True) for step in (first, end)]
    return corners[::way]
