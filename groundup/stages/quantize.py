"""Smaller weights as a stage: a trained model goes in, one of a quarter or an eighth of the bytes comes out, with its price.

By hand:

    groundup quantize model=RUN/aligned data=RUN/tokens --into RUN/small
    groundup quantize RUN/aligned kind='[int8, int4_g32, gptq, awq, nf4]' data=RUN/tokens questions=QUESTIONS --into RUN/kinds

The folder gets `model/` and `price.json`: bytes, bits per byte of the held-out text, how far the distribution over the next token
is from the original's, right answers where questions are given, before and after. With several kinds there is a model's folder for
each, under its name, and `price.html`. How fast each writes is in `metrics.jsonl`, for it differs from run to run.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from groundup import config
from groundup.config import Input
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

if TYPE_CHECKING:
    from groundup.model.quantize import Calibration, Scheme
    from groundup.model.transformer import Transformer

VERSION = 2
SEEDED = False
SPEED = 48  # tokens that are written to see how fast
LONGEST = 512  # tokens of a text to calibrate on
Kind = Literal[
    "int8", "int8_g32", "int8_g64", "int8_g128", "int4", "int4_g32", "int4_g64", "int4_g128", "gptq", "gptq_g32", "gptq_g64",
    "gptq_g128", "awq", "awq_g32", "awq_g64", "awq_g128", "nf4", "w8a8",
]  # fmt: skip


class Settings(config.Settings):
    """Write a model's weights in fewer bits and measure what that costs."""

    model: Input = Field(description="the model: its folder, or that of the stage that trained it")
    data: Input | None = Field(
        default=None,
        description="tokens on whose held-out part the price is measured; kinds gptq and awq read the other part",
    )
    kind: Kind | list[Kind] = Field(
        default="int8",
        description="one or several. int8: every matrix in 8 bits, one scale for each row; int8_g32: one for each 32 of a row; int4: 4 "
        "bits, rounded to the nearest; gptq: columns make up for each other's errors; awq: columns that meet large inputs are "
        "finer; nf4: quantiles of a normal distribution; w8a8: int8, and what comes in is rounded too. _g64 and the like: of groups",
    )
    group: Literal[32, 64, 128] = Field(
        default=32, description="of int4, gptq and awq where the kind does not say it: neighbours that share a scale"
    )
    zero: bool = Field(
        default=False, description="of kinds with groups: whether each has a zero point beside its scale"
    )
    keep: list[Literal["head", "embeddings"]] = Field(
        default_factory=list,
        description="what stays as it was: head, embeddings (one and the same where they are tied)",
    )
    act_order: bool = Field(default=True, description="of gptq: whether columns that meet large inputs come first")
    calibration: int = Field(
        default=64, gt=0, description="of gptq and awq: rows of text that are read to find the integers"
    )
    questions: Input | None = Field(
        default=None,
        description="questions as JSON lines, for the share of right answers: a file, or a folder with test.jsonl",
    )
    limit: int | None = Field(default=None, gt=0, description="ask only so many questions")
    rows: int = Field(default=256, gt=0, description="windows of text on which the price is measured")


def run(settings: Settings, work: Work) -> None:
    """Quantise in each kind, save, and measure what was saved beside what it was made from."""
    import torch

    from groundup.evaluation.questions import read_questions
    from groundup.evaluation.report import of_price
    from groundup.model import folder, quantize
    from groundup.tokenizer import Tokenizer, huggingface

    torch.set_num_threads(max(1, work.machine.threads))
    source = folder.within(settings.model)
    schemes = list(_schemes(settings))
    questions = [] if settings.questions is None else read_questions(settings.questions, settings.limit)
    before = folder.load(source)
    if there := quantize.scheme_of(before):
        raise Problem(f"{source} is {there.kind} already: name the model it was made from.")
    calibration = _calibration(settings, schemes, before)
    tokenizer = Tokenizer.load(source) if (source / huggingface.FILE).exists() else None
    steps = 2 * len(schemes) + 1
    known = {"bytes": _bytes(source)} | _measured(source, before, None, settings, questions)
    work.log(kind=None, writes_tokens_per_second=_speed(before))
    work.progress(1, steps, "steps", "measured as it was")
    prices = []
    for number, scheme in enumerate(schemes):
        place = work.out / ("model" if len(schemes) == 1 else scheme.kind)
        folder.save(place, quantize.quantised(before, scheme, calibration), tokenizer, folder.template(source))
        work.progress(2 * number + 2, steps, "steps", scheme.kind)
        after = folder.load(place)  # what was written is measured, not what is still in memory
        found = {"bytes": _bytes(place)} | _measured(place, after, before, settings, questions)
        work.log(kind=scheme.kind, writes_tokens_per_second=_speed(after))
        prices.append({"kind": scheme.kind} | _price(known, found))
        work.progress(2 * number + 3, steps, "steps", f"{scheme.kind} measured")
    price = prices[0] | ({"kinds": prices} if len(prices) > 1 else {})
    write_atomically(work.out / "price.json", json.dumps(price, indent=1) + "\n")
    if len(prices) > 1:
        write_atomically(work.out / "price.html", of_price.page(of_price.gathered(work.out)))


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """At most a model's bytes for each kind; the text that is measured on is read twice by each, and once by the model."""
    from groundup.model.cost import flops_per_second

    weights = before["model"].parameters if "model" in before else 0
    kinds = len(settings.kind) if isinstance(settings.kind, list) else 1
    flops = 0.0 if settings.data is None else (1 + 2 * kinds) * 2.0 * weights * settings.rows * 256
    return Estimate(
        parameters=weights,
        flops=flops,
        memory_bytes=400_000_000 + 12 * weights,
        disk_bytes=kinds * (weights + 500_000),
        seconds=1.0 + kinds + flops / flops_per_second(machine),
    )


def _schemes(settings: Settings) -> "Iterator[Scheme]":
    """Each kind once, with its groups and what is kept."""
    from groundup.model import quantize

    asked = settings.kind if isinstance(settings.kind, list) else [settings.kind]
    if not asked:
        raise Problem("kind is an empty list: name one kind or several, such as [int8, int4].")
    grouped = [kind for kind in asked if quantize.scheme(kind, group=settings.group).group]
    if settings.zero and not grouped:
        raise Problem(f"zero: {', '.join(asked)} has no groups that could have a zero point; say int4 or int8_g32.")
    made = [quantize.scheme(kind, settings.zero and kind in grouped, settings.keep, settings.group) for kind in asked]
    yield from dict.fromkeys(made)


def _calibration(settings: Settings, schemes: "list[Scheme]", model: "Transformer") -> "Calibration | None":
    """The text that is read to find integers, if a kind needs one: never the part that is measured on."""
    import torch

    from groundup.data.tokens.shards import Shards
    from groundup.generation.measure import windows
    from groundup.model import quantize

    needs = next((scheme.kind for scheme in schemes if quantize.KINDS[scheme.base].reads), None)
    if needs is None:
        return None
    if settings.data is None or not (Path(settings.data) / "train").is_dir():
        raise Problem(
            f"kind {needs} reads a text to find its integers: set `data` to a folder of tokens with a train/."
        )
    if model.settings.encoder is not None:
        raise Problem(
            f"kind {needs} reads pages, which a {model.settings.family} does not go on with: say int8 or int4."
        )
    shards = Shards(Path(settings.data) / "train")
    texts = windows(shards, settings.calibration, min(model.settings.context, LONGEST), torch.device("cpu"))
    return quantize.Calibration(torch.cat([rows[:, :-1] for rows in texts]), settings.act_order)


def _measured(
    place: Path, model: "Transformer", original: "Transformer | None", settings: Settings, questions: list[Any]
) -> dict[str, float]:
    """Bits per byte, and for a changed model how far it is from the original; right answers."""
    from groundup.generation.measure import bits_per_byte, compared, held_out

    told: dict[str, float] = {}
    if settings.data is not None:
        asked = held_out(Path(settings.data)), settings.rows, model.settings.context
        if original is None:
            told["bits_per_byte"] = bits_per_byte(model, *asked)
        else:
            found = compared(original, model, *asked)
            told |= {"bits_per_byte": found.bits_per_byte, "nats": found.nats, "same": found.same}
    return told | ({"accuracy": _accuracy(place, questions)} if questions else {})


def _accuracy(place: Path, questions: list[Any]) -> float:
    """The share of questions that the model in a folder answers right."""
    from groundup.evaluation.asking import load
    from groundup.evaluation.tasks import examine

    return examine(load(place), questions).scores["accuracy"]["all"]["value"]


def _price(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Both beside each other, and what changed."""
    told: dict[str, float] = {}
    for name in before:
        told |= {f"{name}_before": before[name], f"{name}_after": after[name]}
    if "bits_per_byte" in before:
        told["bits_per_byte_change"] = after["bits_per_byte"] / before["bits_per_byte"] - 1
        told |= {"nats_from_original": after["nats"], "same_likeliest_tokens": after["same"]}
    return told


def _speed(model: "Transformer") -> int | None:
    """tokens/s with which one text is written; None of a model that does not write."""
    from groundup.generation.measure import writing_speed
    from groundup.model.head_settings import WRITING

    if model.settings.encoder is not None or model.settings.head.kind not in WRITING:
        return None
    return round(writing_speed(model, SPEED))


def _bytes(model: Path) -> int:
    return sum(file.stat().st_size for file in model.glob("*.safetensors"))
