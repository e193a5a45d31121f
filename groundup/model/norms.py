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


class RMSNormFromOne(RMSNorm):
    """Gemma: the same with a gain of 1 + weight, so that weights that are pulled to zero leave vectors as they are.

    Reckoned in f32 whatever comes in, as there: in bf16 the one would swallow most of a small weight.
    """

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        self.weight.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return rms_norm(x.float(), 1 + self.weight.float(), self.eps).to(x.dtype)


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


NORMS = {"rms": RMSNorm, "rms_one": RMSNormFromOne, "layer": LayerNorm}


class FastRMSNorm(torch.autograd.Function):
    """The same with its gradient worked out by hand: torch's own is put together from a dozen small kernels on
    processors, which made norms a fifth of a training step."""

    @staticmethod
    def forward(ctx, x: Tensor, gain: Tensor, eps: float) -> Tensor:
        wide = torch.promote_types(x.dtype, torch.float32)
        square = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=wide).square_()
        scale = square.div_(x.shape[-1]).add_(eps).rsqrt_().to(x.dtype)  # (…, 1)
        normed = x * scale
        ctx.save_for_backward(normed, gain, scale)
        return normed * gain

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        normed, gain, scale = ctx.saved_tensors
        share = grad * normed
        to_gain = share.flatten(0, -2).sum(0)
        along = share.mul_(gain).mean(-1, keepdim=True)  # what would only change the length is taken out again
        return (grad * gain).addcmul_(normed, along, value=-1).mul_(scale), to_gain, None


def rms_norm(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    """x (…, width) -> the same, of mean square one, times the gain."""
    return FastRMSNorm.apply(x, gain.to(x.dtype), eps)


def rms_norm_by_definition(x: Tensor, gain: Tensor, eps: float) -> Tensor:
    """The formula as it is written."""
    wide = x.float()
    return (wide / (wide.square().mean(-1, keepdim=True) + eps).sqrt() * gain.float()).to(x.dtype)
