"""A short convolution instead of attention (Liquid's LFM2): each token is mixed with the few before it, each number by
itself, and two gates made from the token decide what goes in and what comes out.

Of a text no more is kept than its last tokens. A token at position p looks back at most p tokens, whatever lies there:
so rows of a cache can be used again, and documents packed into one row stay apart.
"""

import torch
from torch import Tensor, nn

from groundup.model.linear import Linear
from groundup.model.reading import Reading
from groundup.model.settings import ModelSettings


def by_definition(x: Tensor, weight: Tensor, positions: Tensor) -> Tensor:
    """x (batch, earlier + time, width), weight (width, size), its last column the token's own, positions (batch, time)
    -> (batch, time, width), one token at a time."""
    time, size = positions.shape[1], weight.shape[1]
    out = []
    for row, at in zip(x, positions.tolist(), strict=True):
        for token, place in enumerate(range(len(row) - time, len(row))):
            back = range(min(size - 1, at[token], place) + 1)
            out.append(torch.stack([weight[:, size - 1 - steps] * row[place - steps] for steps in back]).sum(0))
    return torch.stack(out).view(len(x), time, -1)


def convolved(x: Tensor, weight: Tensor, positions: Tensor) -> Tensor:
    """The same for all tokens at once, one step back after the other; x must have size - 1 tokens before the first."""
    time, size = positions.shape[1], weight.shape[1]
    first = x.shape[1] - time
    y = x[:, first:] * weight[:, -1]
    for steps in range(1, size):
        before = x[:, first - steps : x.shape[1] - steps] * (positions >= steps)[..., None]
        y = y + before * weight[:, size - 1 - steps]
    return y


class Kernel(nn.Module):
    """What each number of a token and of those before it is multiplied by: weight (width, 1, size)."""

    def __init__(self, width: int, size: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, 1, size))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        bound = self.weight.shape[2] ** -0.5
        self.weight.copy_((torch.rand(self.weight.shape, generator=generator) * 2 - 1) * bound)


class ShortConvolution(nn.Module):
    """out(c · convolved(b · x)), where b, c and x are three projections of the token."""

    carries = True  # what was read before is in a state: nothing that is not text may be read behind a text

    def __init__(self, settings: ModelSettings, layer: int, kind: str = "conv"):
        super().__init__()
        self.layer, self.size, bias = layer, settings.convolution, settings.biases is True
        self.in_proj = Linear(settings.width, 3 * settings.width, bias)
        self.conv = Kernel(settings.width, self.size)
        self.out_proj = Linear(settings.width, settings.width, bias, scale=0)  # zero: a layer begins as the identity

    def forward(self, x: Tensor, reading: Reading) -> Tensor:
        """x (batch, time, width) -> each token mixed with those before it (batch, time, width)."""
        opening, closing, x = self.in_proj(x).chunk(3, -1)
        x = self.joined(opening * x, reading)
        y = convolved(x, self.conv.weight[:, 0].to(x.dtype), reading.positions)
        return self.out_proj(closing * y)

    def joined(self, x: Tensor, reading: Reading) -> Tensor:
        """x (batch, time, width) behind the tokens that were kept of the last pass (batch, size - 1 + time, width)."""
        cache = reading.cache
        before = None if cache is None else cache.carried(self.layer, "before")
        if before is None:
            before = x.new_zeros(len(x), self.size - 1, x.shape[-1])
        x = torch.cat((before, x), 1)
        if cache is not None:
            cache.carry(self.layer, "before", x[:, x.shape[1] - self.size + 1 :])
        return x
