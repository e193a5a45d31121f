"""Guess the hidden words from both sides, and tell whether the second part follows the first: how BERT learns."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from groundup.data.tokens.batches import Batch
from groundup.data.tokens.masked import MaskedPages
from groundup.objectives.likelihood import log_probability, on, weighted
from groundup.training.terms import Term


class MaskedWords:
    """Mean of -log p over the tokens to be guessed, in nats, and over rows for the order of their parts.

    `guessed` and `ordered` are watched beside them: the shares that are right.
    """

    def __init__(self, source: MaskedPages):
        self.source, self.rows, self.time = source, source.rows, source.time

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.source.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        words = float(batch.weights.sum(dtype="float64"))
        counts = {"masked": words, "guessed": words}
        return counts | (
            dict.fromkeys(("next_sentence", "ordered"), float(len(batch.ids))) if self.source.pairs else {}
        )

    def loss(self, model: Any, batch: Batch) -> dict[str, Term]:
        hidden, counts = vectors(model, batch), self.counts(batch)
        readout: Any = model.readout
        words = readout.masked if self.source.pairs else readout
        places = weighted(batch)
        targets = on(hidden.device, batch.targets.reshape(-1)[places])
        logits = words.logits(hidden.flatten(0, 1)[on(hidden.device, places)], model.model.embed_tokens)
        values = {"masked": -log_probability(logits, targets).sum(), "guessed": right(logits, targets)}
        if self.source.pairs:
            order = on(hidden.device, batch.columns["elsewhere"])
            logits = readout.choice(hidden, on(hidden.device, batch.segments) > 0)  # type: ignore[arg-type]
            values["next_sentence"] = F.cross_entropy(logits.float(), order, reduction="sum")
            values["ordered"] = right(logits, order)
        watched = ("guessed", "ordered")
        return {name: Term(value, counts[name], float(name not in watched)) for name, value in values.items()}


def vectors(model: Any, batch: Batch) -> Tensor:
    """What the encoder makes of a batch (rows, time, width)."""
    device = next(model.parameters()).device
    types = on(device, batch.columns["types"]) if model.settings.token_types > 1 else None
    assert batch.positions is not None and batch.segments is not None
    return model.hidden(on(device, batch.ids), on(device, batch.positions), on(device, batch.segments), types)


def right(logits: Tensor, targets: Tensor) -> Tensor:
    """How many of the likeliest are the true ones."""
    return (logits.detach().argmax(-1) == targets).to(torch.float32).sum()
