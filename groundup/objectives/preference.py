"""Prefer one answer to another: direct preference optimisation, without a reward model and without rollouts.

What the frozen start model thinks of each answer is measured once, before training (`annotate`), and travels as a column
of the batch; the loss never runs a second model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.data.tokens.batches import Batch, Source
from groundup.data.tokens.examples import Pairs
from groundup.objectives.likelihood import foretold, on, weighted
from groundup.training.terms import Term


@dataclass(frozen=True)
class Places:
    """Where, among the places of a batch that matter, each pair's answers are."""

    pairs: int
    side: np.ndarray  # int64 (n): 2 · pair + side; one more than all for replayed pages
    pages: np.ndarray  # bool (n)
    chosen: np.ndarray  # bool (n)


class Preference:
    """Rafailov et al. 2023: -log σ(β·((log π/ρ)(chosen) - (log π/ρ)(rejected))), π the model, ρ where it started.

    `smoothing`: the share of pairs believed to be labelled the wrong way round. `anchor` times the mean -log π of the
    chosen tokens keeps their likelihood from falling along with that of the rejected; `replay` does so for pages.
    """

    def __init__(
        self, source: Source, beta: float = 0.1, smoothing: float = 0.0, anchor: float = 0.0, replay: float = 0.0
    ):
        self.source, self.rows, self.time = source, source.rows, source.time
        self.beta, self.smoothing, self.anchor, self.replay = beta, smoothing, anchor, replay

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        return self.source.batch(step, rows)

    def counts(self, batch: Batch) -> dict[str, float]:
        places = places_of(batch)
        counts = {name: float(places.pairs) for name in ("preference", "margin", "accuracy")}
        counts["anchor"] = float(places.chosen.sum())
        return counts | ({"replay": float(places.pages.sum())} if self.replay else {})

    def loss(self, model: nn.Module, batch: Batch) -> dict[str, Term]:
        known, places, counts = foretold(model, batch), places_of(batch), self.counts(batch)
        device = known.device
        answers = sums(known, places)  # (pairs, 2)
        reference = on(device, batch.columns["reference"]) if places.pairs else answers.detach()
        moved = answers - reference
        margin = self.beta * (moved[:, 0] - moved[:, 1])
        right, wrong = -F.logsigmoid(margin), -F.logsigmoid(-margin)
        values = {
            "preference": ((1 - self.smoothing) * right + self.smoothing * wrong).sum(),
            "anchor": -(known * on(device, places.chosen)).sum(),
            "margin": margin.detach().sum(),
            "accuracy": (margin.detach() > 0).float().sum(),
        }
        coefficients = {"preference": 1.0, "anchor": self.anchor, "replay": self.replay}
        if self.replay:
            values["replay"] = -(known * on(device, places.pages)).sum()
        return {name: Term(value, counts[name], coefficients.get(name, 0.0)) for name, value in values.items()}


def places_of(batch: Batch) -> Places:
    """Read off the columns of a batch."""
    at = weighted(batch)
    if "pair" not in batch.columns:  # nothing but pages in these rows
        return Places(0, np.zeros(len(at), np.int64), np.ones(len(at), bool), np.zeros(len(at), bool))
    pair, side = (batch.columns[name].reshape(-1)[at].astype(np.int64) for name in ("pair", "side"))
    pairs, pages = int(pair.max(initial=-1)) + 1, pair < 0
    return Places(pairs, np.where(pages, 2 * pairs, 2 * pair + side), pages, ~pages & (side == 0))


def sums(known: Tensor, places: Places) -> Tensor:
    """Log-probabilities of tokens (n) -> of whole answers (pairs, 2)."""
    empty = known.new_zeros(2 * places.pairs + 1)
    return empty.index_add(0, on(known.device, places.side), known)[:-1].view(-1, 2)


@torch.no_grad()
def annotate(
    model: nn.Module, pairs: Pairs, progress: Callable[[int, int], None] = lambda done, total: None
) -> np.ndarray:
    """What the model thinks of every answer, f32 (all pairs, 2): the column `reference`, measured before training."""
    result = np.zeros((len(pairs.pairs), 2), np.float32)
    total = len(pairs.packed)
    for first in range(0, total, pairs.rows):
        batch = pairs.at(range(first, min(total, first + pairs.rows)))
        assert batch.documents is not None
        result[batch.documents] = sums(foretold(model, batch), places_of(batch)).float().cpu().numpy()
        progress(min(total, first + pairs.rows), total)
    return result
