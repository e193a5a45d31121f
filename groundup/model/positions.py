"""Where a token stands: every way of telling the model the order of its text.

Attention alone sees a bag of tokens. A scheme gives it order added to the token's vector (`add`), turned into queries
and keys (`turn`, by a table of angles that one forward pass makes once for all its layers), or added to scores (`bias`).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.errors import Problem
from groundup.model.embedding import Embedding
from groundup.model.relative_bias import buckets_of
from groundup.model.rope import GROWING, scaled
from groundup.model.settings import ModelSettings

Angles = tuple[Tensor, Tensor]  # cosines and sines (batch or 1, time, 1, numbers that are turned)


class Unordered(nn.Module):
    """No order at all: the start of every other scheme, and a baseline worth measuring."""

    biased = False  # whether `bias` adds something

    def __init__(self, settings: ModelSettings):
        super().__init__()

    def add(self, x: Tensor, at: Tensor) -> Tensor:
        """x (batch, time, width), at (batch or 1, time) -> x with order added."""
        return x

    def angles(self, at: Tensor, dtype: torch.dtype, kind: str = "full") -> Angles | None:
        """The table by which `turn` turns in layers of this kind, or nothing if this scheme turns nothing."""
        return None

    def bias(self, distance: Tensor, like: Tensor) -> Tensor | None:
        """distance (time, slots) or (batch, time, slots) back to a key -> what is added to scores, for each head."""
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
    """The same numbers as Marian has them: first all sines, then all cosines."""

    def add(self, x: Tensor, at: Tensor) -> Tensor:
        pairs = super().add(torch.zeros_like(x), at)
        return x + torch.cat((pairs[..., 0::2], pairs[..., 1::2]), -1)


class Learned(Unordered):
    """GPT-2: one trained vector for each place, hence a hard end to the context. RoBERTa begins some rows later."""

    def __init__(self, settings: ModelSettings):
        super().__init__(settings)
        self.offset = settings.position_offset
        self.table = Embedding(settings.context + self.offset, settings.width, deviation=0.02)

    def add(self, x: Tensor, at: Tensor) -> Tensor:
        try:
            return x + self.table(at + self.offset).to(x.dtype)
        except Problem:
            raise Problem(
                f"Position {int(at.max())} is beyond the {self.table.rows - self.offset} places that this model has learned: "
                f"shorten the text, or use a model with rotary positions."
            ) from None


class Rotary(Unordered):
    """Su et al. 2021: turn each pair of a query by its position, so that scores see only distances."""

    def __init__(self, settings: ModelSettings):
        super().__init__(settings)
        self.settings, self.turned = settings, settings.turned_width
        self._rates: dict[tuple[str, torch.device], tuple[Tensor, float]] = {}

    def rates(self, at: Tensor, kind: str) -> tuple[Tensor, float]:
        """Rates on the device of the positions; made once, unless they grow with the text."""
        settings = self.settings
        if kind == "window" and settings.local_rope_base:
            base, scaling = settings.local_rope_base, None
        else:
            kind, base, scaling = "full", settings.rope_base, settings.rope_scaling
        growing = scaling is not None and scaling.kind in GROWING
        key = kind, at.device
        if growing or key not in self._rates:
            longest = int(at.max()) + 1 if growing else 0
            rates, factor = scaled(base, self.turned, scaling, settings.context, longest)
            self._rates[key] = rates.to(at.device), factor
        return self._rates[key]

    def angles(self, at: Tensor, dtype: torch.dtype, kind: str = "full") -> Angles:
        rates, factor = self.rates(at, kind)
        angle = at[:, :, None, None].float() * rates
        cosine, sine = angle.cos() * factor, angle.sin() * factor
        return torch.cat((cosine, cosine), -1).to(dtype), torch.cat((-sine, sine), -1).to(dtype)


class ALiBi(Unordered):
    """Press et al. 2021: a key costs by its distance, in each head at another rate. It needs no training to go further."""

    biased = True

    def __init__(self, settings: ModelSettings):
        super().__init__(settings)
        self.slopes = slopes(settings.heads)

    def bias(self, distance: Tensor, like: Tensor) -> Tensor:
        rate = torch.tensor(self.slopes, device=like.device)[:, None, None]
        return (distance[..., None, :, :] * -rate).to(like.dtype).reshape(-1, len(self.slopes), *distance.shape[-2:])


class Relative(Unordered):
    """T5: each head has a trained opinion about each distance, far ones in buckets; all layers share it."""

    biased, both_ways = True, False

    def __init__(self, settings: ModelSettings):
        super().__init__(settings)
        self.buckets, self.furthest = settings.buckets, settings.furthest
        self.weight = nn.Parameter(torch.empty(settings.buckets, settings.heads))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        self.weight.copy_(
            torch.randn(self.weight.shape, generator=generator)
        )  # so that heads differ from the first step

    def bias(self, distance: Tensor, like: Tensor) -> Tensor:
        bucket = buckets_of(distance, self.buckets, self.furthest, self.both_ways)
        told = F.embedding(bucket, self.weight).to(like.dtype).movedim(-1, -3)  # (…, heads, time, slots)
        return told if told.ndim == 4 else told[None]


class RelativeBothWays(Relative):
    """The same where keys may come later: half of the buckets are theirs."""

    both_ways = True


def slopes(heads: int) -> list[float]:
    """2^(-8/n), 2^(-16/n), … for n heads; where n is no power of two, every other one of the next power's fills up."""
    power = 1 << (heads.bit_length() - 1)
    first = [2 ** (-8 * (head + 1) / power) for head in range(power)]
    return first if power == heads else first + slopes(2 * power)[0::2][: heads - power]


POSITIONS: dict[str, type[Unordered]] = {
    "none": Unordered,
    "sinusoidal": Sinusoidal,
    "learned": Learned,
    "rotary": Rotary,
    "alibi": ALiBi,
    "relative": Relative,
    "sinusoidal_halves": SinusoidalHalves,
}
BOTH_WAYS: dict[str, type[Unordered]] = {"relative": RelativeBothWays}  # schemes that are others for an encoder


def turn(x: Tensor, angles: Angles | None) -> Tensor:
    """Queries or keys (batch, time, heads, head width), pair i being (i, i + half) as Llama stores it -> turned.

    Where the angles are fewer than the numbers, the last numbers of each head stay as they are.
    """
    if angles is None:
        return x
    cosines, sines = angles
    count = cosines.shape[-1]
    if count < x.shape[-1]:
        return torch.cat((turn(x[..., :count], angles), x[..., count:]), -1)
    left, right = x.chunk(2, -1)
    return x * cosines + torch.cat((right, left), -1) * sines


def turn_by_complex_numbers(x: Tensor, at: Tensor, base: float) -> Tensor:
    """Rotary as the formula says it: pair (a, b) is the number a + bi, multiplied by e^(i·position·rate)."""
    left, right = x.double().chunk(2, -1)
    rate = base ** (-torch.arange(0, x.shape[-1], 2, dtype=torch.float64) / x.shape[-1])
    turned = torch.complex(left, right) * torch.exp(1j * at[:, :, None, None] * rate)
    return torch.cat((turned.real, turned.imag), -1).to(x.dtype)
