"""A few words from a model in training, to be read beside its loss: the likeliest next token, again and again.

Rows are continued together from their prompts; what serving needs (caches, sampling, stops) is left to the engine.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn


@torch.no_grad()
def greedy(model: nn.Module, prompts: Sequence[np.ndarray], tokens: int, stops: Sequence[int] = ()) -> list[list[int]]:
    """prompts (each (time)) -> the ids that the model finds likeliest after each, up to `tokens` or a stop."""
    device = next(model.parameters()).device
    room = max(map(len, prompts)) + tokens
    ids = torch.zeros(len(prompts), room, dtype=torch.int64, device=device)
    lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt)] = torch.from_numpy(prompt.astype(np.int64)).to(device)
    for _ in range(tokens):
        known = ids[:, : int(lengths.max())]
        ids[torch.arange(len(ids), device=device), lengths] = model(known, last=lengths - 1).argmax(-1)
        lengths += 1
    made = [ids[row, len(prompt) : len(prompt) + tokens].tolist() for row, prompt in enumerate(prompts)]
    return [row[: next((at for at, token in enumerate(row) if token in stops), len(row))] for row in made]
