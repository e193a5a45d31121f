"""A contest as a stage: families and schemes of positions learn from the same tokens with the same compute.

By hand, from a folder of tokens:

    groundup shootout data=RUN/tokens steps=200 --into RUN/shootout
    groundup shootout data=RUN/tokens attentions.windowed=lessons/own_attention.py --into RUN/shootout

Each contestant is trained twice from nothing: on pages, and on a test of memory (data/tokens/recall.py). The folder gets `report.html`
with one table and one plot, `report.json` with the same numbers, `table.txt`, `model/`, the one that foretells held-out text
best, and `contestants/` with each one's results, so that a contest that was killed goes on after the last one who finished.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from groundup import config
from groundup.config import Input
from groundup.errors import Problem, did_you_mean
from groundup.hardware import Machine
from groundup.model.families import FAMILIES
from groundup.model.settings import ModelSettings
from groundup.run import Estimate, Work, write_atomically
from groundup.training.settings import OptimizerSettings, TrainSettings

if TYPE_CHECKING:
    from groundup.training.terms import Objective

VERSION = 2
SEEDED = True
SCHEMES: dict[str, dict[str, Any]] = {  # name -> parts of a model
    "none": {"positions": "none"},
    "sinusoidal": {"positions": "sinusoidal", "embedding_scale": 0.0},  # √width, as in 2017: waves would drown words
    "learned": {"positions": "learned"},
    "rotary": {"positions": "rotary"},
    "alibi": {"positions": "alibi"},
}
VOCABULARY = 2048  # assumed by estimates where the tokenizer is still to be trained
SMALL = 128  # width up to which one thread does a step
CURVE = 40  # points of a curve of losses


class SizeSettings(config.Settings):
    """What all contestants have in common."""

    depth: int = Field(default=2, gt=0, le=64, description="layers")
    width: int = Field(default=64, gt=0, le=4096, description="numbers that stand for one token")
    heads: int = Field(default=2, gt=0, description="queries of a token in a layer")
    context: int = Field(default=256, gt=1, description="longest text: up to here they are measured")


class Settings(config.Settings):
    """Let families and position schemes learn the same, and compare them."""

    data: Input = Field(description="a folder of tokens: what all learn from")
    families: list[str] = Field(
        default=["qwen3", "llama", "gpt2", "mixtral", "lfm2", "transformer_xl", "lstm", "mingru", "mamba"],
        min_length=1,
        description="who takes part; the first one sets the compute",
    )
    positions: list[str] = Field(
        default=list(SCHEMES), description=f"schemes tried on the first family: {', '.join(SCHEMES)}"
    )
    attentions: dict[str, Input] = Field(
        default_factory=dict,
        description="your own: name of a function and the Python file it is in, which is run (model/own_attention.py)",
    )
    size: SizeSettings = Field(default_factory=SizeSettings, description="of all contestants")
    steps: int = Field(default=80, gt=0, description="of the first family; others get as many as cost the same")
    rows: int = Field(default=16, gt=0, description="rows of text in one step")
    time: int = Field(default=128, gt=1, description="tokens in one row while learning")
    recall_steps: int = Field(default=100, gt=0, description="of the first family on the test of memory")
    recall_time: int = Field(default=64, gt=16, description="tokens in one row of it while learning")
    optimizer: OptimizerSettings = Field(default_factory=OptimizerSettings, description="who changes the weights")
    asked: int = Field(default=64, gt=0, description="questions at each distance, and rows of held-out text")
    lengths: list[int] = Field(
        default=[128, 256, 512, 1024, 2048, 4096], description="texts on which each attention is timed"
    )

    @field_validator("families")
    @classmethod
    def _families(cls, names: list[str]) -> list[str]:
        for name in names:
            if name not in FAMILIES:
                raise ValueError(f"{name} is not a family; {did_you_mean(name, FAMILIES)}")
            if FAMILIES[name].architecture not in ("decoder", "stateful"):
                raise ValueError(f"{name} does not foretell the next token of a page: leave it out")
        return names

    @field_validator("positions")
    @classmethod
    def _schemes(cls, names: list[str]) -> list[str]:
        if unknown := [name for name in names if name not in SCHEMES]:
            raise ValueError(f"{unknown[0]} is not a scheme of positions; {did_you_mean(unknown[0], SCHEMES)}")
        return names


@dataclass(frozen=True)
class Contestant:
    """One of them: what it is made of, and its own attention if a reader brought one."""

    name: str
    model: ModelSettings
    attention: Any = "plain"


def contestants(settings: Settings, vocabulary: int, own: dict[str, Any] | None = None) -> list[Contestant]:
    """Families, then other positions on the first of them, then a reader's attentions in its place."""
    common = settings.size.model_dump() | {"vocabulary": vocabulary}

    def made(family: str, **parts: Any) -> ModelSettings:
        return ModelSettings.model_validate({**common, "family": family, **parts})

    first = settings.families[0]
    found = [Contestant(family, made(family)) for family in settings.families]
    schemes = [scheme for scheme in settings.positions if scheme != found[0].model.positions]
    found += [Contestant(f"{first}, {scheme}", made(first, **SCHEMES[scheme])) for scheme in schemes]
    return found + [Contestant(name, made(first), attend) for name, attend in (own or {}).items()]


def steps_for(model: ModelSettings, first: ModelSettings, steps: int, time: int) -> int:
    """So many steps as cost what the first one's cost."""
    from groundup.model.cost import flops_per_token

    budget = steps * flops_per_token(first, time, backward=True)
    return max(1, round(budget / flops_per_token(model, time, backward=True)))


def run(settings: Settings, work: Work) -> None:
    """Train and measure one after the other; then time the attentions, and tell it all on one page."""
    import torch

    from groundup import hardware
    from groundup.data.tokens import recall
    from groundup.data.tokens.shards import Shards
    from groundup.evaluation.attention_lengths import by_length, warning
    from groundup.evaluation.counting import by_counts
    from groundup.evaluation.report.of_shootout import page, table
    from groundup.model import own_attention
    from groundup.tokenizer import Tokenizer

    few = settings.size.width <= SMALL  # a second thread would only wait
    torch.set_num_threads(work.choose("threads", lambda: 1 if few else hardware.threads(work.machine)))
    own = {name: own_attention.load(path, name) for name, path in settings.attentions.items()}
    vocabulary = Tokenizer.load(Path(settings.data) / "tokenizer").vocabulary
    readers = contestants(settings, vocabulary, own)
    rememberers = contestants(settings, recall.VOCABULARY, own)
    results = []
    for number, (reader, rememberer) in enumerate(zip(readers, rememberers, strict=True)):
        kept = work.out / "contestants" / f"{number:02}.json"
        if not kept.exists():
            work.progress(number, len(readers), "contestants", reader.name)
            bar = min((each["validation"] for each in results), default=float("inf"))
            result = of_pages(reader, readers[0], settings, work, bar) | of_recall(
                rememberer, rememberers[0], settings, work
            )
            kept.parent.mkdir(exist_ok=True)
            write_atomically(kept, json.dumps(result, indent=1) + "\n")
        results.append(json.loads(kept.read_text(encoding="utf-8")))
    work.progress(len(readers), len(readers), "contestants", "timing attentions")
    timed = by_length(settings.lengths, own)
    told = {"contestants": results, "attention": timed, "warning": warning(timed)}
    learnt, held = (Shards(Path(settings.data) / part).tokens for part in ("train", "val"))
    told["counts"] = by_counts(learnt, held)
    told |= {"time": settings.time, "recall_time": settings.recall_time, "seconds": round(work.clock.seconds, 1)}
    write_atomically(work.out / "report.json", json.dumps(told, indent=1) + "\n")
    write_atomically(work.out / "report.html", page(told))
    write_atomically(work.out / "table.txt", table(told))


def of_pages(who: Contestant, first: Contestant, settings: Settings, work: Work, bar: float) -> dict[str, Any]:
    """Train on pages; its losses on the way, and on held-out text by position. Who is below the bar is the best so far
    and is kept, unless its attention is nothing that a folder could hold."""
    from groundup.data.tokens.batches import pages
    from groundup.data.tokens.shards import Shards
    from groundup.evaluation.distance import by_position
    from groundup.model import cost, folder
    from groundup.objectives.held_out import held_out
    from groundup.objectives.next_token import NextToken

    data = Path(settings.data)
    objective = NextToken(pages(Shards(data / "train"), settings.rows, settings.time, work.seed))
    steps = steps_for(who.model, first.model, settings.steps, settings.time)
    training = training_of(settings, steps, settings.rows, settings.time)
    model, curve, seconds = trained(who, objective, training, work)
    per_step = settings.rows * settings.time * cost.flops_per_token(who.model, settings.time, backward=True)
    validate = held_out(settings.data, training, work.seed)
    if validate is None:
        raise Problem(
            f"{data} keeps no text back (there is no val/ of two windows of {settings.time} tokens): give more"
        )
    found = validate(model, steps)
    if found["validation"] < bar and isinstance(who.attention, str):
        folder.save(work.out / "model", model, data / "tokenizer", "plain")
    edges = edges_up_to(who.model.context)
    losses = by_position(model, Shards(data / "val"), edges, settings.asked)
    work.log(contestant=who.name, seconds_of_training=round(seconds, 2), loss=curve[-1][1])
    return {
        "name": who.name,
        "model": who.model.model_dump(mode="json"),
        "parameters": cost.parameters(who.model),
        "steps": steps,
        "tokens": steps * settings.rows * settings.time,
        "flops": steps * per_step,
        "flops_of_a_step": per_step,
        "seconds": round(seconds, 2),
        **found,
        "curve": [[step * per_step, loss] for step, loss in curve],
        "edges": edges,
        "by_position": losses,
    }


def of_recall(who: Contestant, first: Contestant, settings: Settings, work: Work) -> dict[str, Any]:
    """Train on the test of memory; the share of right answers by distance."""
    from groundup.data.tokens.recall import KEYS, Recall
    from groundup.evaluation.distance import recalled
    from groundup.objectives.next_token import NextToken

    objective = NextToken(Recall(settings.rows, settings.recall_time, work.seed))
    steps = steps_for(who.model, first.model, settings.recall_steps, settings.recall_time)
    model, _, _ = trained(who, objective, training_of(settings, steps, settings.rows, settings.recall_time), work)
    distances, room = [], who.model.context - KEYS
    while (distance := 4 << len(distances)) <= room:
        distances.append(distance)
    return {"distances": distances, "recall": recalled(model, distances, settings.asked, work.seed)}


def training_of(settings: Settings, steps: int, rows: int, time: int) -> TrainSettings:
    """One training of one contestant."""
    every = max(1, steps // CURVE)
    return TrainSettings(
        steps=steps, rows=rows, time=time, optimizer=settings.optimizer, precision="f32", log_every=every
    )


def trained(
    who: Contestant, objective: "Objective", training: TrainSettings, work: Work
) -> tuple[Any, list[tuple[int, float]], float]:
    """The model after its last step, (step, loss) on the way, and the seconds it took."""
    from groundup.data.tokens.order import key
    from groundup.model.architectures import build
    from groundup.training.keeper import Hooks
    from groundup.training.loop import train

    model = build(who.model, key(work.seed, "weights") >> 1, who.attention).train()
    curve: list[tuple[int, float]] = []

    def log(step: int, **values: Any) -> None:
        if "loss" in values:
            curve.append((step, values["loss"]))

    start = time.perf_counter()
    train(model, objective, training, hooks=Hooks(log=log, progress=told_by(work, who.name), stopping=work.stopping))
    return model.eval(), curve, time.perf_counter() - start


def told_by(work: Work, name: str) -> Callable[[float, float, str, str], None]:
    """Progress of one contestant, with its name."""
    return lambda done, total, unit, note: work.progress(done, total, unit, f"{name}, {note}" if note else name)


def edges_up_to(context: int) -> list[int]:
    """Where stretches of a text begin and end: 0, 4, 8, 16, …, the context."""
    edges = [0]
    while (edge := 4 << (len(edges) - 1)) < context:
        edges.append(edge)
    return [*edges, context]


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """As many trainings as there are contestants, all of the same compute."""
    from groundup.model import cost

    readers = contestants(settings, VOCABULARY)
    count, first = len(readers) + len(settings.attentions), readers[0].model
    tokens = settings.rows * (settings.steps * settings.time + settings.recall_steps * settings.recall_time)
    work = tokens * cost.flops_per_token(first, settings.time, backward=True)
    return Estimate(
        tokens=count * tokens,
        parameters=cost.parameters(first),
        flops=count * work,
        memory_bytes=400_000_000 + cost.training_bytes(first, settings.rows, settings.time),
        disk_bytes=2_000_000,
        seconds=10.0 + count * (3.0 + work / (cost.flops_per_second(machine) / 4)),  # small steps are slow steps
    )
