"""How likely the model finds what was really written: the one measurement that all objectives are made of.

Only positions with a weight reach the head; log-probabilities are f32 whatever the logits are.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from groundup.data.batches import Batch

SLICE = 1 << 18  # logits worked on at once: their f32 copy stays in the cache


class LogProbability(torch.autograd.Function):
    """log softmax(logits)[target] in f32 without ever holding all of the softmax in f32.

    The gradient, onehot - softmax, is what the forward pass has in hand anyway: it is kept in the logits' precision,
    in which it would have to be handed back, and the logits themselves are let go.
    """

    @staticmethod
    def forward(ctx, logits: Tensor, targets: Tensor) -> Tensor:
        count, vocabulary = logits.shape
        wide = torch.float64 if logits.dtype == torch.float64 else torch.float32
        result = torch.empty(count, dtype=wide, device=logits.device)
        keep = ctx.needs_input_grad[0]
        slope = torch.empty_like(logits) if keep else None
        size = max(1, SLICE // vocabulary) if logits.device.type == "cpu" else count
        for start in range(0, count, size):
            here = slice(start, start + size)
            target = targets[here, None]
            shifted = logits[here].to(wide, copy=True)
            shifted.sub_(shifted.amax(-1, keepdim=True))
            told = shifted.gather(-1, target)
            share = shifted.exp_()
            norm = share.sum(-1, keepdim=True)
            result[here] = (told - norm.log()).squeeze(-1)
            if slope is not None:
                share.div_(norm).neg_().scatter_add_(-1, target, torch.ones_like(told))
                slope[here] = share
        if keep:
            ctx.save_for_backward(slope)
        return result

    @staticmethod
    def backward(ctx, *upstream: Tensor):
        (slope,) = ctx.saved_tensors
        return slope * upstream[0][:, None].to(slope.dtype), None


def log_probability(logits: Tensor, targets: Tensor) -> Tensor:
    """logits (n, vocabulary), targets (n) -> the log-probability of each target (n), f32."""
    return LogProbability.apply(logits, targets)  # type: ignore[return-value]


def log_probability_by_definition(logits: Tensor, targets: Tensor) -> Tensor:
    """The same, as a textbook writes it."""
    return F.log_softmax(logits.float(), -1).gather(-1, targets[:, None]).squeeze(-1)


def weighted(batch: Batch) -> np.ndarray:
    """Places of a batch, counted along its rows, whose target matters (n), int64."""
    return np.flatnonzero(batch.weights)


def foretold(model: Any, batch: Batch) -> Tensor:
    """With a model that has `hidden` and `head`: the log-probability of each target that matters (n), in the order of `weighted`."""
    device = next(model.parameters()).device
    hidden = model.hidden(
        on(device, batch.ids),
        positions=None if batch.positions is None else on(device, batch.positions),
        segments=None if batch.segments is None else on(device, batch.segments),
    )
    return told(model, hidden, batch)


def told(model: Any, hidden: Tensor, batch: Batch) -> Tensor:
    """The same where `hidden` (rows, time, width) is what the model made of the batch already."""
    device = hidden.device
    hidden, targets = hidden.flatten(0, 1), batch.targets.reshape(-1)
    places = weighted(batch)  # found on the host: asking a device how many there are would stop it
    if len(places) < len(targets):
        hidden, targets = hidden[on(device, places)], targets[places]
    return log_probability(model.head(hidden), on(device, targets))


def on(device: torch.device, array: np.ndarray) -> Tensor:
    """A NumPy array as a tensor on the device."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, non_blocking=True)
