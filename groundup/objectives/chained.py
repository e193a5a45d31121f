"""Long texts read segment by segment: truncated backpropagation through time, and Transformer-XL's way to learn.

A row holds a chain of segments. Each is foretold with what the segments before it left in the layers, and no gradient
flows back over a border, so that a step needs the memory of one segment only. A step holds whole chains: between two
steps there is nothing to be kept, and a training that was killed goes on with the same bits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from torch import nn

from groundup.data.tokens.batches import Batch, Source
from groundup.errors import Problem
from groundup.model.settings import ModelSettings
from groundup.model.state import SegmentMemory
from groundup.model.stateful import LAYERS
from groundup.objectives.likelihood import on, told, weighted
from groundup.training.terms import Term


class Chained:
    """Mean over all weighted tokens of -log p(next | all that came before in the row), in nats.

    Rows of `source` are cut into `segments` of equal length. Where a position is 0 a text begins, blind to what stands
    before it, at a border as anywhere else.
    """

    name = "next_token"

    def __init__(self, source: Source, segments: int):
        if source.time % segments:
            raise Problem(f"rows of {source.time} tokens cannot be cut into {segments} segments of one length.")
        self.source, self.rows, self.time, self.segments = source, source.rows, source.time, segments

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.source.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        return {self.name: float(batch.weights.sum(dtype="float64"))}

    def losses(self, model: nn.Module, batch: Batch) -> Iterator[dict[str, Term]]:
        """The terms of one segment after the other; whoever wants gradients takes them before asking for the next."""
        device, memory = next(model.parameters()).device, SegmentMemory(len(batch.ids))
        for segment in cut(batch, self.segments):
            assert segment.positions is not None
            hidden = model.hidden(on(device, segment.ids), on(device, segment.positions), memory)  # type: ignore[operator]
            known = told(model, hidden, segment)
            weights = on(device, segment.weights.reshape(-1)[weighted(segment)])
            yield {self.name: Term(-(known * weights).sum(), self.counts(segment)[self.name])}

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        """All segments together."""
        terms = [segment[self.name] for segment in self.losses(model, batch)]
        return {self.name: Term(sum((term.sum for term in terms[1:]), terms[0].sum), sum(term.count for term in terms))}


def cut(batch: Batch, segments: int) -> list[Batch]:
    """A batch of chains -> its segments, first to last; a position goes on counting over their borders."""
    positions = batch.positions
    if positions is None:
        positions = np.tile(np.arange(batch.ids.shape[1]), (len(batch.ids), 1))
    parts = [np.split(array, segments, axis=1) for array in (batch.ids, batch.targets, batch.weights, positions)]
    return [
        replace(batch, ids=ids, targets=targets, weights=weights, segments=None, positions=at, columns={})
        for ids, targets, weights, at in zip(*parts, strict=True)
    ]


def check(kind: str, model: ModelSettings, texts: bool, recompute: bool) -> None:
    """A Problem if chains of segments mean nothing to such a training."""
    if model.family not in LAYERS:
        raise Problem(
            f"training.segments: a model of the family {model.family} carries nothing from segment to segment; leave "
            f"segments out and make training.time larger, or take one of {', '.join(LAYERS)}."
        )
    if kind != "next_token" or texts:
        raise Problem(
            "training.segments cuts pages into chains: set `data` and objective.kind next_token, and leave out texts, "
            "conversations and pairs."
        )
    if recompute:
        raise Problem(
            "training.recompute: a chain holds one segment at a time already, and its layers cannot be computed again "
            "once their state has moved on; leave recompute out, or make training.time smaller and segments more."
        )
