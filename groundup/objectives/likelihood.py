"""How likely the model finds what was really written: the one measurement that all objectives are made of.

Only positions with a weight reach the head; log-probabilities are f32 whatever the logits are. Where there would be too
many logits to hold, `chunked.py` does the same a few rows at a time.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from groundup.data.tokens.batches import Batch
from groundup.model.cost import in_chunks
from groundup.objectives.chunked import told_in_chunks, weighed

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
    return told(model, vectors(model, batch), batch)


def vectors(model: Any, batch: Batch) -> Tensor:
    """What a model makes of a batch before its head (rows, time, width)."""
    device = next(model.parameters()).device
    return model.hidden(
        on(device, batch.ids),
        positions=None if batch.positions is None else on(device, batch.positions),
        segments=None if batch.segments is None else on(device, batch.segments),
    )


def told(model: Any, hidden: Tensor, batch: Batch) -> Tensor:
    """The same where `hidden` (rows, time, width) is what the model made of the batch already."""
    x, targets = met(hidden, batch)
    return log_probability_of(model, x, targets)


def met(hidden: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """The vectors of the places that matter (n, width) and their targets (n)."""
    hidden, targets = hidden.flatten(0, 1), batch.targets.reshape(-1)
    places = weighted(batch)  # found on the host: asking a device how many there are would stop it
    if len(places) < len(targets):
        hidden, targets = hidden[on(hidden.device, places)], targets[places]
    return hidden, on(hidden.device, targets)


def log_probability_of(model: Any, x: Tensor, targets: Tensor) -> Tensor:
    """Vectors that the head reads (n, width), targets (n) -> the log-probability of each target (n), f32."""
    if not chunked(model, len(targets)):
        return _known(model, x, targets)
    return told_in_chunks(model.taken_apart(x), targets)


def _known(model: Any, x: Tensor, targets: Tensor) -> Tensor:
    """All logits at once; a model that was compiled as a whole (`training/compiling_whole.py`) does it in one."""
    foretell = getattr(model, "foretell", None)
    if foretell is not None and torch.is_grad_enabled():
        return foretell(x, targets)
    return log_probability(model.head(x), targets)


def surprise(model: Any, hidden: Tensor, batch: Batch, worths: Sequence[np.ndarray]) -> list[Tensor]:
    """For each of some weights of the places that matter (n): Σ weight · -log p, what most objectives are sums of.

    hidden (rows, time, width). A place should have a weight in one of them: in chunks, each asks the head anew.
    """
    return surprise_of(model, *met(hidden, batch), worths)


def surprise_of(model: Any, x: Tensor, targets: Tensor, worths: Sequence[np.ndarray]) -> list[Tensor]:
    """The same for vectors (n, width) and targets (n) that were found already."""
    if not chunked(model, len(targets)):
        known = _known(model, x, targets)
        return [-(known * on(known.device, worth)).sum() for worth in worths]
    return [_surprise_in_chunks(model, x, targets, worth) for worth in worths]


def chunked(model: Any, places: int) -> bool:
    """Whether the logits of so many places are too many to be held at once: `model.logits` is auto, whole or chunked."""
    if not hasattr(model, "taken_apart"):
        return False
    return in_chunks(model.settings, places, 1, model.logits)


def _surprise_in_chunks(model: Any, x: Tensor, targets: Tensor, worth: np.ndarray) -> Tensor:
    places = np.flatnonzero(worth)
    if len(places) < len(worth):
        x, targets, worth = x[on(x.device, places)], targets[on(x.device, places)], worth[places]
    weigh = getattr(model, "weigh", weighed)  # whoever listens to a head (softened.py) asks more of it
    return weigh(model.taken_apart(x), targets, on(x.device, worth))


def on(device: torch.device, array: np.ndarray) -> Tensor:
    """A NumPy array as a tensor on the device."""
    tensor = torch.from_numpy(np.ascontiguousarray(array))
    if device.type == "cuda":
        tensor = tensor.pin_memory()  # from any other memory the copy would wait until the device has nothing to do
    return tensor.to(device, non_blocking=True)
