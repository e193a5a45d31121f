"""Foretell several next tokens at once, so that the shared layers learn to plan further than one word."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from groundup.data.tokens.batches import Batch, Source
from groundup.objectives.likelihood import on, surprise_of
from groundup.training.terms import Term


class Ahead:
    """Gloeckle et al. 2024: the mean of -log p(token 1, 2, … places on), in nats, each a term of its own; they are added.

    The first is what `NextToken` learns. A token beyond the row's end, or of another document, is nobody's to foretell.
    """

    def __init__(self, source: Source, count: int):
        self.source, self.rows, self.time = source, source.rows, source.time
        self.names = ["next_token", *(f"ahead_{number}" for number in range(2, count + 1))]

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.source.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        return {name: float(ahead(batch, by)[1].sum(dtype="float64")) for by, name in enumerate(self.names)}

    def loss(self, model: Any, batch: Batch) -> dict[str, Term]:
        device = next(model.parameters()).device
        positions = None if batch.positions is None else on(device, batch.positions)
        segments = None if batch.segments is None else on(device, batch.segments)
        heard, terms = model.vectors(on(device, batch.ids), positions, segments), {}
        for by, (name, x) in enumerate(zip(self.names, heard, strict=True)):
            targets, weights = ahead(batch, by)
            places = np.flatnonzero(weights)
            x, wanted = x.flatten(0, 1)[on(device, places)], on(device, targets.reshape(-1)[places])
            (told,) = surprise_of(model, x, wanted, [weights.reshape(-1)[places]])
            terms[name] = Term(told, float(weights.sum(dtype="float64")))
        return terms


def ahead(batch: Batch, by: int) -> tuple[np.ndarray, np.ndarray]:
    """The targets that stand `by` places after those of the batch, and how much each matters; both (rows, time)."""
    if by == 0:
        return batch.targets, batch.weights
    targets, weights = np.zeros_like(batch.targets), np.zeros_like(batch.weights)
    targets[:, :-by], weights[:, :-by] = batch.targets[:, by:], batch.weights[:, by:] * (batch.weights[:, :-by] > 0)
    if batch.segments is not None:
        weights[:, :-by] *= batch.segments[:, by:] == batch.segments[:, :-by]
    return targets, weights
