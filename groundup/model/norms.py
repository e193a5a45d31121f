"""Bringing every vector to one length before a layer reads it, so that depth does not blow a text up.

RMSNorm divides by the root of the mean square; LayerNorm takes the mean away first. Each has a trained gain.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RMSNorm(nn.Module):
    """Zhang and Sennrich 2019: x / √(mean(x²) + eps) · gain."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(width))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        self.weight.fill_(1)

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps)


class LayerNorm(nn.Module):
    """Ba et al. 2016: (x - mean(x)) / √(variance(x) + eps) · gain + bias."""

    def __init__(self, width: int, eps: float):
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(width))
        self.bias = nn.Parameter(torch.empty(width))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        self.weight.fill_(1)
        self.bias.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.weight.to(x.dtype), self.bias.to(x.dtype), self.eps)


NORMS = {"rms": RMSNorm, "layer": LayerNorm}


def rms_norm(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    """x (…, width) -> the same, of mean square one, times the gain."""
    return F.rms_norm(x, x.shape[-1:], gain.to(x.dtype), eps)


def rms_norm_by_definition(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    """The formula as it is written."""
    wide = x.float()
    return (wide / (wide.square().mean(-1, keepdim=True) + eps).sqrt() * gain.float()).to(x.dtype)
