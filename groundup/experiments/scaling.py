"""What a larger model on more text would reach: small trainings, the law that they follow, and its word on the next one.

Trainings come from run folders that are there, or are made here: each depth of the dial with each number of tokens, every
one a run of its own with its whole schedule. The folder holds runs/, scaling.json, table.txt and report.html.
"""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field

from groundup import config, run
from groundup.config import Section
from groundup.errors import Problem
from groundup.evaluation.report import of_scaling
from groundup.experiments.law import FREE, Law, Point, bootstrap, check, fit, interval
from groundup.experiments.search import Making, loss_of, make_by_stage
from groundup.recipe.console import amount
from groundup.run.content import metrics_of
from groundup.run.manifest import encode
from groundup.stages import load

TOLD, TEXT, PAGE = "scaling.json", "table.txt", "report.html"
AHEAD = (1, 10, 100)  # times the arithmetic of the largest training
USUAL = 6.0  # floating-point operations for each parameter and token, where no training says it
FAR = 0.02  # from the law, on the average: other seeds give less, so the trainings do not follow it
MOST_PASSES = 4  # over the same text, beyond which tokens are worth less than the law thinks


class Scaling(config.Settings):
    """Which trainings are made, and what is asked of the law."""

    runs: list[str] = Field(default_factory=list, description="folders of trainings that are there")
    settings: dict[str, Any] = Field(default_factory=dict, description="of the train stage, for every training made")
    depths: list[int] = Field(default_factory=list, description="of the dial, each trained on each number of tokens")
    tokens: list[int] = Field(default_factory=list, description="how many each depth is trained on")
    draws: int = Field(default=100, gt=9, description="of the bootstrap that intervals come from")
    seed: int = Field(default=1, ge=0, description="of every training and of the bootstrap")


def scaling(asked: Scaling, into: Path, making: Making = make_by_stage) -> dict[str, Any]:
    """Make what is asked for, fit the law, and write down what it says; the numbers of scaling.json."""
    into.mkdir(parents=True, exist_ok=True)
    lock = run.Lock(into)
    try:
        points = [read(Path(folder)) for folder in asked.runs]
        points += [read(made(asked, into, depth, tokens, making)) for depth in asked.depths for tokens in asked.tokens]
        told = says(points, asked.draws, asked.seed)
        run.write_atomically(into / TOLD, encode(told))
        run.write_atomically(into / TEXT, text(told))
        run.write_atomically(into / PAGE, of_scaling.page(told))
    finally:
        lock.release()
    return told


def made(asked: Scaling, into: Path, depth: int, tokens: int, making: Making) -> Path:
    """The run folder of one depth and so many tokens."""
    from groundup.recipe.making import nested

    module, given = load("train"), nested(asked.settings)
    shape = config.build(module.Settings, config.merge(given, nested({"dial": depth}))).training
    steps = max(1, round(tokens / (shape.rows * shape.time)))
    said: Section = config.merge(given, nested({"dial": depth, "training.steps": steps}))
    return making(said, into / "runs" / f"{depth}-{tokens}", asked.seed)


def read(folder: Path) -> Point:
    """What a finished training says of itself."""
    from groundup.model import config_json, cost

    manifest = run.read_manifest(folder.resolve())
    if manifest["groundup"]["kind"] != "train":
        raise Problem(f"{folder} is the result of a {manifest['groundup']['kind']} stage: expected a training")
    path = folder / "model" / "config.json"
    model = config_json.from_config(json.loads(path.read_text(encoding="utf-8")), str(path))[0]
    lines = metrics_of(folder)
    tokens = max((line.get("tokens", 0) for line in lines), default=0)
    loss = loss_of(lines)
    if not tokens or loss is None:
        raise Problem(f"{folder} does not say how many tokens it read or what loss it came to: leave it out")
    time = manifest["settings"]["training"]["time"]
    flops = tokens * cost.flops_per_token(model, time, backward=True)
    name = folder.resolve().name.removesuffix(f"-{manifest['fingerprint']}")
    return Point(name, cost.parameters(model), tokens, loss, flops)


def says(points: list[Point], draws: int = 100, seed: int = 1) -> dict[str, Any]:
    """The law and what follows from it, each number with the interval that nine in ten bootstrapped laws lie in."""
    check(points)
    law = fit(points)
    others = list(bootstrap(points, law, draws, seed))
    largest = max(points, key=lambda point: point.flops or point.parameters * point.tokens)
    per = _per(points)
    flops = largest.flops or per * largest.parameters * largest.tokens
    return {
        "points": [asdict(point) | {"fitted": law.loss(point.parameters, point.tokens)} for point in points],
        "law": asdict(law),
        "intervals": {name: interval([getattr(each, name) for each, _ in others]) for name in asdict(law)},
        "off": math.exp(_spread(points, law)) - 1,
        "hindsight": hindsight(points, largest),
        "per": per,
        "next": predicted(law, others, 2 * largest.parameters, 2 * largest.tokens, per),
        "optimal": [each for times in AHEAD if (each := optimal(law, others, times * flops, per))],
    }


def predicted(
    law: Law, others: list[tuple[Law, float]], parameters: float, tokens: float, per: float
) -> dict[str, Any]:
    """The loss of a training that nobody has made, and between which numbers it will lie, its own luck included."""
    drawn = [each.loss(parameters, tokens) * math.exp(luck) for each, luck in others]
    found = {"parameters": parameters, "tokens": tokens, "flops": per * parameters * tokens}
    return found | {"loss": law.loss(parameters, tokens), "interval": interval(drawn)}


def hindsight(points: list[Point], largest: Point) -> dict[str, Any] | None:
    """What a law without the largest training foretells of it; None where the others do not make a law."""
    try:
        foretold = fit([point for point in points if point is not largest]).loss(largest.parameters, largest.tokens)
    except Problem:
        return None
    return {"name": largest.name, "loss": largest.loss, "foretold": foretold, "off": foretold / largest.loss - 1}


def optimal(law: Law, others: list[tuple[Law, float]], flops: float, per: float) -> dict[str, Any] | None:
    """The size at which so much arithmetic ends lowest; None where the trainings do not tell."""
    sizes = []
    for each, _ in others:
        try:
            sizes.append(each.best_size(flops, per))
        except Problem:
            continue
    try:
        size = law.best_size(flops, per)
    except Problem:
        return None
    if len(sizes) < len(others) / 2:
        return None
    return predicted(law, others, size, flops / per / size, per) | {"flops": flops, "sizes": interval(sizes)}


def _per(points: list[Point]) -> float:
    """Floating-point operations for each parameter and token."""
    found = [point.flops / (point.parameters * point.tokens) for point in points if point.flops]
    return sum(found) / len(found) if found else USUAL


def _spread(points: list[Point], law: Law) -> float:
    """Root mean square of the residuals in log loss."""
    squares = [math.log(point.loss / law.loss(point.parameters, point.tokens)) ** 2 for point in points]
    return math.sqrt(sum(squares) / len(squares))


def text(told: dict[str, Any]) -> str:
    """The table for the terminal."""
    lines = [f"{'training':<20} {'parameters':>10} {'tokens':>8} {'loss':>8} {'the law':>8}"]
    for point in told["points"]:
        sizes = f"{amount(point['parameters']):>10} {amount(point['tokens']):>8}"
        lines.append(f"{point['name'][-20:]:<20} {sizes} {point['loss']:>8.4f} {point['fitted']:>8.4f}")
    law, spans = told["law"], told["intervals"]
    lines += ["", "L = E + A / N^α + B / D^β   (in brackets: nine in ten bootstrapped laws)"]
    for name, sign in (("floor", "E"), ("alpha", "α"), ("beta", "β"), ("size", "A"), ("text", "B")):
        low, high = spans[name]
        lines.append(f"  {sign} = {law[name]:.4g}  [{low:.4g}, {high:.4g}]")
    lines.append(f"  the trainings lie {told['off']:.2%} off it")
    if before := told["hindsight"]:
        words = f"without {before['name']} it foretells a loss of {before['foretold']:.4f} there, {before['off']:+.2%}"
        lines.append(f"  {words}: what lies beyond the largest may be off by more")
    lines += ["", _line("twice the largest", told["next"])]
    for each in told["optimal"]:
        low, high = each["sizes"]
        words = f"best for {each['flops']:.3g} FLOP"
        lines.append(_line(words, each) + f", the size between {amount(low)} and {amount(high)}")
    if not told["optimal"]:
        lines.append("no best size: these trainings do not tell how size and text trade against each other")
    if len(told["points"]) < 2 * FREE:
        few = f"{len(told['points'])} trainings barely fix {FREE} numbers: the intervals are too narrow, add some"
        lines.append(f"{few}; what lies beyond the largest is a guess")
    if told["off"] > FAR:
        lines.append("these trainings do not follow the law: train all of them longer, or on sizes less far apart")
    return "\n".join(lines) + "\n"


def _line(words: str, each: dict[str, Any]) -> str:
    low, high = each["interval"]
    sizes = f"{amount(each['parameters'])} parameters, {amount(each['tokens'])} tokens"
    return f"{words}: {sizes}: loss {each['loss']:.4f} [{low:.4f}, {high:.4f}]"
