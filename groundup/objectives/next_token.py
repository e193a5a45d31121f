"""Foretell the next token, of every text alike: how a model learns a language and what is told in it."""

from collections.abc import Sequence

from torch import nn

from groundup.data.tokens.batches import Batch, Source
from groundup.objectives.likelihood import surprise, vectors, weighted
from groundup.training.terms import Term


class NextToken:
    """Mean over all weighted tokens of -log p(next | before), in nats.

    Answers of conversations are the same objective: their batches have a weight only where the assistant speaks.
    """

    name = "next_token"

    def __init__(self, source: Source):
        self.source, self.rows, self.time = source, source.rows, source.time

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.source.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        return {self.name: float(batch.weights.sum(dtype="float64"))}

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        (told,) = surprise(model, vectors(model, batch), batch, [batch.weights.reshape(-1)[weighted(batch)]])
        return {self.name: Term(told, self.counts(batch)[self.name])}
