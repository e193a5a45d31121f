"""How far back a model reads: what it recalls by distance, and how well it foretells by position.

Both go beyond the length that a model was trained on, where schemes of positions part ways.
"""

import numpy as np
import torch
from torch import Tensor

from groundup.data.tokens import recall
from groundup.data.tokens.order import key
from groundup.data.tokens.shards import Shards
from groundup.model.transformer import Transformer

ROWS = 32  # texts at once


@torch.inference_mode()
def recalled(model: Transformer, distances: list[int], rows: int, seed: int) -> dict[str, list[float]]:
    """needle and associative -> the share of right answers at each distance; a guess is right once in eight."""
    found: dict[str, list[float]] = {kind: [] for kind in recall.KINDS}
    for kind, shares in found.items():
        for distance in distances:
            dice = np.random.default_rng(key(seed, kind, distance))
            ids, answers = recall.at_distance(dice, kind, distance, rows)
            last = torch.full((rows,), ids.shape[1] - 1)
            told = model(torch.from_numpy(ids), last=last)[:, : recall.KEYS].argmax(-1)
            shares.append((told.numpy() == answers).mean().item())
    return found


@torch.inference_mode()
def by_position(model: Transformer, shards: Shards, edges: list[int], rows: int) -> list[float]:
    """The mean loss in nats between two neighbouring edges, over the first windows of held-out text."""
    time = edges[-1]
    rows = min(rows, (len(shards.tokens) - 1) // time)
    sums = torch.zeros(time, dtype=torch.float64)
    for first in range(0, rows, ROWS):
        count = min(ROWS, rows - first)
        tokens = np.asarray(shards.tokens[first * time : (first + count) * time + 1], np.int64)
        ids, targets = (torch.from_numpy(tokens[at : at + count * time]).view(count, time) for at in (0, 1))
        sums += losses(model(ids), targets).sum(0)
    mean = sums / rows
    return [mean[low:high].mean().item() for low, high in zip(edges, edges[1:], strict=False)]


def losses(logits: Tensor, targets: Tensor) -> Tensor:
    """logits (batch, time, vocabulary) -> nats of each target (batch, time), f64."""
    return -logits.double().log_softmax(-1).gather(-1, targets[..., None]).squeeze(-1)
