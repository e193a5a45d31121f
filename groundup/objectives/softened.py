"""Any objective that foretells tokens, less sure of itself: label smoothing and z-loss, as terms beside its own.

With ε of a target spread evenly over the vocabulary (Szegedy et al. 2016) a token costs (1-ε)·-log p(token) + ε·mean of -log p;
ζ·log²Σexp(logits) keeps logits where softmax does not care (Chowdhery et al. 2022). Each is a term: its sum, its count, its weight.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from groundup.data.batches import Batch
from groundup.errors import Problem
from groundup.objectives.answers import Answers
from groundup.objectives.balanced import Balanced
from groundup.objectives.likelihood import on, weighted
from groundup.objectives.next_token import NextToken
from groundup.objectives.sequence_to_sequence import SequenceToSequence
from groundup.training.settings import RegulariserSettings
from groundup.training.terms import Adjusting, Objective, Term

FORETELLING = (NextToken, Answers, SequenceToSequence)  # whose head reads the places that matter, once


class Softened:
    """The inner objective's terms weighed by 1-ε, and beside them `smoothing` weighed by ε and `z` by ζ."""

    def __init__(self, objective: Objective, smoothing: float, z: float):
        self.objective, self.smoothing, self.z = objective, smoothing, z
        self.rows, self.time = objective.rows, objective.time

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.objective.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        count = float(batch.weights.sum(dtype="float64"))
        return self.objective.counts(batch) | dict.fromkeys(self._extra(), count)

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        listening = Listening(model)
        terms = self.objective.loss(listening, batch)  # type: ignore[arg-type]
        (logits,) = listening.heard
        weights, count = on(logits.device, batch.weights.reshape(-1)[weighted(batch)]), self.counts(batch)
        spread, z = softness(logits)
        own = {
            name: term if name == "balance" else replace(term, coefficient=term.coefficient * (1 - self.smoothing))
            for name, term in terms.items()
        }
        values = {"smoothing": (spread, self.smoothing), "z": (z, self.z)}
        return own | {
            name: Term((value * weights).sum(), count[name], coefficient)
            for name, (value, coefficient) in values.items()
            if coefficient
        }

    def after_step(self) -> None:
        """What the inner objective does once the weights have moved."""
        if isinstance(self.objective, Adjusting):
            self.objective.after_step()

    def _extra(self) -> list[str]:
        return [name for name, weight in (("smoothing", self.smoothing), ("z", self.z)) if weight]


class Listening:
    """A model whose head is overheard; everything else is the model's own."""

    logits = "whole"  # never in chunks that nobody hears

    def __init__(self, model: Any):
        self.model_itself = model
        self.heard: list[Tensor] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model_itself, name)

    def head(self, x: Tensor) -> Tensor:
        """As the model's own, and remembered."""
        self.heard.append(self.model_itself.head(x))
        return self.heard[-1]


def softness(logits: Tensor) -> tuple[Tensor, Tensor]:
    """logits (n, vocabulary) -> for each row the mean of -log p over the vocabulary, and log²Σexp(logits); both (n)."""
    logits = logits.double() if logits.dtype.itemsize == 8 else logits.float()
    normal = logits.logsumexp(-1)
    return normal - logits.mean(-1), normal.square()


def softened(objective: Objective, settings: RegulariserSettings) -> Objective:
    """The objective with what the settings ask for, itself if that is nothing."""
    smoothing, z = settings.label_smoothing, settings.z_loss
    if not smoothing and not z:
        return objective
    inner = objective.objective if isinstance(objective, Balanced) else objective
    if not isinstance(inner, FORETELLING) or hasattr(inner, "losses"):
        raise Problem(
            "regularise.label_smoothing and z_loss are for objectives next_token, answers and sequence_to_sequence; say 0 "
            "with this one."
        )
    if smoothing and isinstance(inner, Answers) and inner.replay:
        raise Problem(
            "regularise.label_smoothing weighs all tokens alike, and objective.replay does not: say 0 in one of them."
        )
    return Softened(objective, smoothing, z)
