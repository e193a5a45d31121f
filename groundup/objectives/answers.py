"""Answer as the assistant does: the next token again, but only where the assistant speaks, pages beside it or not."""

from collections.abc import Sequence

import numpy as np
from torch import nn

from groundup.data.tokens.batches import Batch, Source
from groundup.objectives.likelihood import surprise, vectors, weighted
from groundup.training.terms import Term


class Answers:
    """Two means of -log p in nats: over tokens of answers, and over tokens of replayed pages times `replay`.

    Texts are learnt in the same way, all of their tokens being answers; the term is then called so (`name`).
    """

    def __init__(self, source: Source, replay: float = 0.0, name: str = "answers"):
        self.source, self.rows, self.time, self.replay, self.name = source, source.rows, source.time, replay, name

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.source.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        weights, pages = _parts(batch)
        counts = {self.name: float(weights[~pages].sum(dtype="float64"))}
        return counts | ({"replay": float(weights[pages].sum(dtype="float64"))} if self.replay else {})

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        counts, (weights, pages) = self.counts(batch), _parts(batch)
        worths = [weights * ~pages, weights * pages] if self.replay else [weights * ~pages]
        told = surprise(model, vectors(model, batch), batch, worths)
        terms = {self.name: Term(told[0], counts[self.name])}
        return terms | ({"replay": Term(told[1], counts["replay"], self.replay)} if self.replay else {})


def _parts(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Of the places that matter: their weights, and which are of pages."""
    places = weighted(batch)
    pages = batch.columns.get("replay")
    return batch.weights.reshape(-1)[places], (
        np.zeros(len(places), bool) if pages is None else pages.reshape(-1)[places]
    )
