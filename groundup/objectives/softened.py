"""Any objective that foretells tokens, less sure of itself: label smoothing and z-loss, as terms beside its own.

With ε of a target spread evenly over the vocabulary (Szegedy et al. 2016) a token costs (1-ε)·-log p(token) + ε·mean of -log p;
ζ·log²Σexp(logits) keeps logits where softmax does not care (Chowdhery et al. 2022). Each is a term: its sum, its count, its weight.
Where the head is read in chunks, one walk over them does all of it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from groundup.data.tokens.batches import Batch
from groundup.errors import Problem
from groundup.model.taken_apart import Pieces
from groundup.objectives.answers import Answers
from groundup.objectives.balanced import Balanced
from groundup.objectives.chunked import Price, weighed, weighed_in_parts
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
        listening = Listening(model, Price(1 - self.smoothing, self.smoothing, self.z), self._alike())
        terms = self.objective.loss(listening, batch)  # type: ignore[arg-type]
        spread, square = listening.softness(batch.weights.reshape(-1)[weighted(batch)])
        own = {
            name: term if name == "balance" else replace(term, coefficient=term.coefficient * (1 - self.smoothing))
            for name, term in terms.items()
        }
        count, values = self.counts(batch), {"smoothing": (spread, self.smoothing), "z": (square, self.z)}
        return own | {
            name: Term(value, count[name], coefficient) for name, (value, coefficient) in values.items() if coefficient
        }

    def after_step(self) -> None:
        """What the inner objective does once the weights have moved."""
        if isinstance(self.objective, Adjusting):
            self.objective.after_step()

    def _extra(self) -> list[str]:
        return [name for name, weight in (("smoothing", self.smoothing), ("z", self.z)) if weight]

    def _alike(self) -> bool:
        """Whether all tokens weigh alike in the inner objective, and so as much as they do in the terms beside it."""
        inner = self.objective.objective if isinstance(self.objective, Balanced) else self.objective
        return not (isinstance(inner, Answers) and inner.replay)


class Listening:
    """A model whose head is overheard; everything else is the model's own."""

    def __init__(self, model: Any, price: Price, alike: bool):
        self.model_itself, self.price, self.alike = model, price, alike
        self.whole: list[Tensor] = []  # all logits of a head (n, vocabulary)
        self.chunks: list[tuple[Tensor, Tensor]] = []  # or of each walk in chunks Σ worth · spread and Σ worth · square

    foretell = None  # a head compiled together with its loss cannot be overheard

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model_itself, name)

    def head(self, x: Tensor) -> Tensor:
        """As the model's own, and remembered."""
        self.whole.append(self.model_itself.head(x))
        return self.whole[-1]

    def weigh(self, pieces: Pieces, targets: Tensor, worth: Tensor) -> Tensor:
        """Σ worth · surprise, and the rest is remembered.

        Where all tokens weigh alike the gradient of all three comes through this one number, and they are read in one walk.
        """
        if not self.alike:
            square = weighed(pieces, targets, worth, Price(0.0, 0.0, 1.0))
            self.chunks.append((torch.zeros_like(square), square))
            return weighed(pieces, targets, worth)
        cost, (surprise, spread, square) = weighed_in_parts(pieces, targets, worth, self.price)
        self.chunks.append((spread, square))
        return surprise + (cost - cost.detach()) / self.price.surprise

    def softness(self, weights: np.ndarray) -> tuple[Tensor, Tensor]:
        """Σ weight · spread and Σ weight · square over the places that matter, which have those weights (n)."""
        if self.chunks:
            spreads, squares = zip(*self.chunks, strict=True)
            return torch.stack(spreads).sum(), torch.stack(squares).sum()
        (logits,) = self.whole
        spread, square = softness(logits)
        worth = on(logits.device, weights)
        return (spread * worth).sum(), (square * worth).sum()


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
