"""Where a token stands: every way of telling the model the order of its text.

Attention alone sees a bag of tokens. A scheme gives it order either added to the token's vector (`add`) or turned into
queries and keys (`turn`, by a table of angles that one forward pass makes once for all its layers).
"""

import math

import torch
from torch import Tensor, nn

from groundup.errors import Problem
from groundup.model.embedding import Embedding
from groundup.model.settings import ModelSettings

Angles = tuple[Tensor, Tensor]  # cosines and sines (batch or 1, time, 1, head width)


class Unordered(nn.Module):
    """No order at all: the start of every other scheme, and a baseline worth measuring."""

    def __init__(self, settings: ModelSettings):
        super().__init__()

    def add(self, x: Tensor, at: Tensor) -> Tensor:
        """x (batch, time, width), at (batch or 1, time) -> x with order added."""
        return x

    def angles(self, at: Tensor, dtype: torch.dtype) -> Angles | None:
        """The table by which `turn` turns, or nothing if this scheme turns nothing."""
        return None


class Sinusoidal(Unordered):
    """Vaswani et al. 2017: wavelengths from 2π to 10,000·2π, sine in even places, cosine in odd ones."""

    def __init__(self, settings: ModelSettings):
        super().__init__(settings)
        self.width = settings.width

    def add(self, x: Tensor, at: Tensor) -> Tensor:
        rate = torch.exp(torch.arange(0, self.width, 2, device=x.device) * (-math.log(10_000) / self.width))
        angle = at[..., None] * rate
        return x + torch.stack((angle.sin(), angle.cos()), -1).flatten(-2).to(x.dtype)


class SinusoidalHalves(Sinusoidal):
    """The same numbers as Marian stores them: all sines, then all cosines."""

    def add(self, x: Tensor, at: Tensor) -> Tensor:
        rate = torch.exp(torch.arange(0, self.width, 2, device=x.device) * (-math.log(10_000) / self.width))
        angle = at[..., None] * rate
        return x + torch.cat((angle.sin(), angle.cos()), -1).to(x.dtype)


class Learned(Unordered):
    """GPT-2: one trained vector for each place, hence a hard end to the context."""

    def __init__(self, settings: ModelSettings):
        super().__init__(settings)
        self.table = Embedding(settings.context, settings.width, deviation=0.02)

    def add(self, x: Tensor, at: Tensor) -> Tensor:
        try:
            return x + self.table(at).to(x.dtype)
        except Problem:
            raise Problem(
                f"Position {int(at.max())} is beyond the {self.table.rows} places that this model has learned: "
                f"shorten the text, or use a model with rotary positions."
            ) from None


class Rotary(Unordered):
    """Su et al. 2021: turn each pair of a query by its position, so that scores see only distances."""

    def __init__(self, settings: ModelSettings):
        super().__init__(settings)
        self.head_width, self.base = settings.head_width, settings.rope_base

    def angles(self, at: Tensor, dtype: torch.dtype) -> Angles:
        pair = torch.arange(0, self.head_width, 2, device=at.device, dtype=torch.float32)
        angle = at[:, :, None, None].float() * (1.0 / self.base ** (pair / self.head_width))
        return torch.cat((angle.cos(),) * 2, -1).to(dtype), torch.cat((-angle.sin(), angle.sin()), -1).to(dtype)


POSITIONS = {"none": Unordered, "sinusoidal": Sinusoidal, "sinusoidal_halves": SinusoidalHalves, "learned": Learned, "rotary": Rotary}


def turn(x: Tensor, angles: Angles | None) -> Tensor:
    """Queries or keys (batch, time, heads, head width), pair i being (i, i + half) as Llama stores it -> turned."""
    if angles is None:
        return x
    cosines, sines = angles
    left, right = x.chunk(2, -1)
    return x * cosines + torch.cat((right, left), -1) * sines


def turn_by_complex_numbers(x: Tensor, at: Tensor, base: float) -> Tensor:
    """Rotary as the formula says it: pair (a, b) is the number a + bi, multiplied by e^(i·position·rate)."""
    left, right = x.double().chunk(2, -1)
    rate = base ** (-torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1])
    turned = torch.complex(left, right) * torch.exp(1j * at[:, :, None, None] * rate)
    return torch.cat((turned.real, turned.imag), -1).to(x.dtype)
