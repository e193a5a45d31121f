"""Read a source and write its target: translation, summaries, and the spans that T5 was taught to restore."""

from collections.abc import Sequence

from torch import nn

from groundup.data.tokens.batches import Batch, Source
from groundup.objectives.likelihood import on, surprise, weighted
from groundup.training.terms import Term


class SequenceToSequence:
    """Mean over the tokens of targets of -log p(token | source, target before), in nats. Nothing is learnt of sources.

    Batches have the columns `source` int64 and `source_mask` bool (rows, slots).
    """

    name = "sequence_to_sequence"

    def __init__(self, source: Source):
        self.source, self.rows, self.time = source, source.rows, source.time

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.source.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        return {self.name: float(batch.weights.sum(dtype="float64"))}

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        device = next(model.parameters()).device
        read = (on(device, array) for array in (batch.columns["source"], batch.ids, batch.columns["source_mask"]))
        hidden = model.hidden(*read)  # type: ignore[operator]
        (told,) = surprise(model, hidden, batch, [batch.weights.reshape(-1)[weighted(batch)]])
        return {self.name: Term(told, self.counts(batch)[self.name])}
