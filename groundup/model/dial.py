"""One dial for a whole training: the depth gives width, heads, batch, horizon and learning rate.

The rule, for `depth` layers: 32 of width and one head of 32 for each layer; four tokens of text for each weight of the
layers' matrices; batches that grow as the root of the text, 4,096 tokens at four layers; steps that shrink as 1/√depth.
`size_for` turns the dial as far as some text and some time allow.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from groundup.hardware import Machine
from groundup.model.cost import flops_per_second, flops_per_token, matrices, training_bytes
from groundup.model.settings import ModelSettings

PASSES = 4  # over the same text: so many are worth almost as much as fresh text (Muennighoff et al. 2023)
TOKENS_PER_WEIGHT = 4  # at which a short training with Muon ends best: 0.8M weights beat 1.8M on 2.6M tokens
SHALLOWEST, DEEPEST = 2, 24
REFERENCE = 4  # the depth at which these were found best:
RATES = {  # of these, only those of Muon and AdamW were searched for
    "muon": 0.03,
    "adamw": 0.004,
    "adam": 0.004,
    "rmsprop": 0.004,
    "lion": 0.0015,
    "adafactor": 0.03,  # of the weights' own size
    "sgd": 0.1,
}
STEP = 4096  # tokens


@dataclass(frozen=True)
class Plan:
    """A model and its training, chosen by one dial, the depth."""

    model: ModelSettings
    steps: int
    rows: int
    time: int
    rate: float  # of matrices

    @property
    def tokens(self) -> int:
        """How many tokens the training reads."""
        return self.steps * self.rows * self.time


def meant(depth: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a model of that depth; those that are given win, and what depends on them follows them."""
    told: dict[str, Any] = {"depth": depth, "context": 256 if depth < 6 else 512}
    if not given.get("width"):
        told |= {"width": 32 * depth}
        if not given.get("heads") and not given.get("head_width"):
            told |= {"heads": depth}
    return told | dict(given)


def dial(depth: int, vocabulary: int = 0, **given: Any) -> ModelSettings:
    """The model of that depth."""
    return ModelSettings.model_validate(meant(depth, {"vocabulary": vocabulary} | given))


def plan(model: ModelSettings, optimizer: str = "muon", rows: int = 0, time: int = 0) -> Plan:
    """The training that a model deserves; rows and time may be given, and are followed by the steps."""
    time = time or max(2, model.context // 2)
    tokens = TOKENS_PER_WEIGHT * matrices(model)
    rows = rows or max(1, batch(tokens) // time)
    return Plan(model, max(1, round(tokens / (rows * time))), rows, time, rate(model.depth, optimizer))


def turned(depth: int, model: Any, training: Any) -> dict[str, Any]:
    """The settings `model` and `training` of a stage as the dial means them; what is given wins, what is wrong is left for others to refuse."""
    if not isinstance(model, Mapping) or not isinstance(training, Mapping):
        return {}
    model, optimizer = meant(depth, model), training.get("optimizer") or {}
    try:
        kind = optimizer.get("kind", "muon")
        found = plan(ModelSettings.model_validate(model), kind, training.get("rows", 0), training.get("time", 0))
    except (ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError):
        return {"model": model}
    optimizer = {**optimizer, "rate": optimizer.get("rate") or found.rate}
    told = {"steps": found.steps, "rows": found.rows, "time": found.time}
    return {"model": model, "training": {**told, **training, "optimizer": optimizer}}


def batch(tokens: int) -> int:
    """Tokens of one step, a power of two: as the root of all that is read (McCandlish et al. 2018, Bergsma et al. 2025)."""
    usual = TOKENS_PER_WEIGHT * matrices(dial(REFERENCE))
    return 2 ** round(math.log2(STEP * math.sqrt(tokens / usual)))


def rate(depth: int, optimizer: str = "muon") -> float:
    """Learning rate of the matrices."""
    return RATES[optimizer] * math.sqrt(REFERENCE / depth)


def size_for(tokens: int, seconds: float, machine: Machine, vocabulary: int = 4096) -> Plan:
    """The deepest model that `tokens` of text and `seconds` of this machine can still fill: it must see four tokens for
    each weight, none of them more than four times."""

    def readable(model: ModelSettings) -> float:
        """Tokens that there is text and time for."""
        return min(PASSES * tokens, seconds * flops_per_second(machine) / flops_per_token(model, 128, backward=True))

    filled = [
        depth
        for depth in range(SHALLOWEST, DEEPEST + 1)
        if readable(dial(depth, vocabulary)) >= TOKENS_PER_WEIGHT * matrices(dial(depth, vocabulary))
        and training_bytes(dial(depth, vocabulary), 32, 128) < machine.memory_bytes / 2
    ]
    model = dial(max(filled, default=SHALLOWEST), vocabulary)
    rows, time = 32, model.context // 2
    steps = max(1, math.floor(readable(model) / (rows * time)))
    return Plan(model, steps, rows, time, rate(model.depth))
