"""What the forward pass keeps for the backward one waits in the host's memory instead of the device's.

On a processor both are one, and nothing is moved. Weights are left where they are.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

SMALL = 1 << 16  # bytes: moving less costs more than it spares


class OnHost:
    """Moves saved tensors to the host and back, each when autograd lays it down and asks for it; the same bits."""

    def __init__(self, weights: Iterable[Tensor] = (), least: int = SMALL):
        self.weights = {weight.untyped_storage().data_ptr() for weight in weights}
        self.least, self.moved = least, 0  # bytes, since it was made

    def keep(self, tensor: Tensor) -> tuple[torch.device, Tensor]:
        """Copied unless it is small or part of a weight. Pinned memory, so that the device does not wait for the copy."""
        if tensor.nbytes < self.least or tensor.untyped_storage().data_ptr() in self.weights:
            return tensor.device, tensor
        pinned = tensor.device.type == "cuda"
        host = torch.empty_strided(tensor.size(), tensor.stride(), dtype=tensor.dtype, pin_memory=pinned)
        self.moved += host.nbytes
        return tensor.device, host.copy_(tensor, non_blocking=pinned)

    def give_back(self, kept: tuple[torch.device, Tensor]) -> Tensor:
        """To where it was."""
        device, tensor = kept
        return tensor.to(device, non_blocking=True)

    def hooks(self) -> AbstractContextManager[Any]:
        """While this is open, whatever autograd saves goes through here."""
        return torch.autograd.graph.saved_tensors_hooks(self.keep, self.give_back)


def on_host(device: torch.device, weights: Iterable[Tensor]) -> OnHost | None:
    """What moves activations off a device; None on a processor."""
    return None if device.type == "cpu" else OnHost(weights)


def opened(mover: OnHost | None) -> AbstractContextManager[Any]:
    """Its hooks, or nothing."""
    return nullcontext() if mover is None else mover.hooks()
