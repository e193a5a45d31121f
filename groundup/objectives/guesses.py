"""What a model holds likeliest wherever it is asked something, beside what is true: held-out accuracy of every objective.

A batch goes in; out come guesses, each a choice among tokens or classes, with the row that it stood in.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from groundup.data.tokens.batches import Batch
from groundup.model.state import SegmentMemory
from groundup.objectives.chained import cut
from groundup.objectives.likelihood import log_probability, on, weighted
from groundup.objectives.masked import vectors


@dataclass(frozen=True)
class Guess:
    """Choices of one sort: logits (n, choices), what is true (n), and the row of each (n)."""

    name: str
    logits: Tensor
    targets: Tensor
    rows: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether the likeliest is the true one (n)."""
        return (self.logits.argmax(-1) == self.targets).cpu().numpy()

    @property
    def nats(self) -> float:
        """The sum of -log p(true)."""
        return -float(log_probability(self.logits, self.targets).sum())


def next_token(model: Any, batch: Batch, segments: int = 1) -> Iterator[Guess]:
    """Every token of pages; in chains, those of the first segment, which follow nothing, apart from those of later ones."""
    memory = SegmentMemory(len(batch.ids)) if segments > 1 else None
    device = next(model.parameters()).device
    for number, part in enumerate(cut(batch, segments)):
        assert part.positions is not None
        hidden = model.hidden(on(device, part.ids), on(device, part.positions), memory)
        name = "next_token" if segments == 1 else "first_segment" if number == 0 else "later_segments"
        yield _of_tokens(name, hidden, part, model.head)


def masked(model: Any, batch: Batch, segments: int = 1) -> Iterator[Guess]:
    """Hidden words, and whether the second part follows the first."""
    hidden, pairs = vectors(model, batch), "elsewhere" in batch.columns
    readout: Any = model.readout.masked if pairs else model.readout
    yield _of_tokens("masked", hidden, batch, lambda x: readout.logits(x, model.model.embed_tokens))
    if pairs:
        logits = model.readout.choice(hidden, on(hidden.device, batch.segments) > 0)  # type: ignore[arg-type]
        order = on(hidden.device, batch.columns["elsewhere"])
        yield Guess("next_sentence", logits, order, np.arange(len(batch.ids)))


def classes(model: Any, batch: Batch, segments: int = 1) -> Iterator[Guess]:
    """The class of each text."""
    device = next(model.parameters()).device
    logits = model(on(device, batch.ids), on(device, batch.segments) > 0)  # type: ignore[arg-type]
    yield Guess("classes", logits, on(device, batch.columns["label"]), np.arange(len(batch.ids)))


def targets(model: Any, batch: Batch, segments: int = 1) -> Iterator[Guess]:
    """The tokens of targets, each after the true ones before it; and whole targets, every one of whose tokens is right.

    A target whose every token is likeliest after the true ones before it is what the model writes by itself.
    """
    device = next(model.parameters()).device
    read = (on(device, array) for array in (batch.columns["source"], batch.ids, batch.columns["source_mask"]))
    yield _of_tokens("target_tokens", model.hidden(*read), batch, model.head)


GUESSES: dict[str, Callable[..., Iterator[Guess]]] = {
    "next_token": next_token,
    "masked": masked,
    "classify": classes,
    "sequence_to_sequence": targets,
    "spans": targets,
}
WHOLE = {"sequence_to_sequence": "whole_targets", "spans": "whole_targets"}  # rows that are right only as a whole


def _of_tokens(name: str, hidden: Tensor, batch: Batch, head: Callable[[Tensor], Tensor]) -> Guess:
    places = weighted(batch)
    logits = head(hidden.flatten(0, 1)[on(hidden.device, places)])
    true = on(hidden.device, batch.targets.reshape(-1)[places])
    return Guess(name, logits, true, places // batch.ids.shape[1])


@torch.no_grad()
def count(
    kind: str, model: Any, batch: Batch, segments: int = 1
) -> Iterator[tuple[str, np.ndarray, np.ndarray, float]]:
    """(name, whether each is right, the row of each, nats of all) of every sort of guess; whole rows beside their tokens."""
    for guess in GUESSES[kind](model, batch, segments):
        right = guess.right
        yield guess.name, right, guess.rows, guess.nats
        if kind in WHOLE:
            rows = np.unique(guess.rows)
            yield WHOLE[kind], np.array([right[guess.rows == row].all() for row in rows]), rows, float("nan")
