"""Mamba: a recurrence that chooses for every token what to keep and what to let go (Gu and Dao 2023).

A layer is x + mix(norm(x)). Inside, each channel has a few numbers of memory: h' = exp(Δ·A) · h + Δ·B·x, y = C·h + D·x,
where Δ, B and C are made from the token. Before it a short convolution looks at the last tokens, after it a gate decides.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.model.linear import Linear
from groundup.model.mamba_settings import MambaSettings
from groundup.model.norms import NORMS
from groundup.model.scan import SCANS
from groundup.model.settings import ModelSettings
from groundup.model.state import State, wide

SHORTEST, LONGEST = 0.001, 0.1  # Δ at the start, spread evenly in its logarithm
BLOCK = 512  # tokens whose memories are held at once: each is `state` times as large as what the channels say
FOREVER = 1e30  # a step after which nothing is left, however slowly a channel forgets


class Convolution(nn.Module):
    """Each channel of a token mixed with itself in the tokens just before: y_t = bias + Σ_d weight_d · x_{t-d}."""

    def __init__(self, channels: int, kernel: int, bias: bool):
        super().__init__()
        self.kernel = kernel
        self.weight = nn.Parameter(torch.empty(channels, 1, kernel))  # the present token's is the last
        self.bias = nn.Parameter(torch.empty(channels)) if bias else None

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        bound = math.sqrt(1 / self.kernel)
        self.weight.copy_((torch.rand(self.weight.shape, generator=generator) * 2 - 1) * bound)
        if self.bias is not None:
            self.bias.zero_()

    def forward(self, x: Tensor, state: State) -> Tensor:
        """x (batch, time, channels) -> the same shape; no text is mixed with the one before it."""
        batch, time, channels = x.shape
        back = self.kernel - 1
        before = state.take("convolution", x.new_zeros(batch, back, channels))
        known = torch.cat((before, x), 1)
        state.keep("convolution", known[:, time:])
        taps = self.weight[:, 0].to(x.dtype).t()  # (kernel, channels)
        y = x * taps[back] if self.bias is None else torch.addcmul(self.bias.to(x.dtype), x, taps[back])
        for distance in range(1, self.kernel):
            earlier = known[:, back - distance : back - distance + time]
            y = y + _within(earlier, distance, state) * taps[back - distance]
        return y


def _within(earlier: Tensor, distance: int, state: State) -> Tensor:
    """Tokens `distance` before others; zeros where that lies before the text's first token."""
    if state.cache is None and not state.texts.packed:  # then there are only zeros there
        return earlier
    return earlier.masked_fill((state.texts.positions < distance)[..., None], 0)


class StepSize(Linear):
    """From a few numbers to what becomes each channel's Δ by softplus."""

    bias: nn.Parameter

    def __init__(self, rank: int, channels: int):
        super().__init__(rank, channels, bias=True, scale=1 / math.sqrt(3))

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        super().initialise(generator)
        steps = torch.rand(self.bias.shape, generator=generator) * math.log(LONGEST / SHORTEST) + math.log(SHORTEST)
        self.bias.copy_(steps.exp().expm1().log())  # softplus gives them back


class Mixer(nn.Module):
    """x (batch, time, width) -> what the channels remember of it (batch, time, width)."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        sizes = settings.mamba or MambaSettings()
        self.inner, self.state, width = sizes.expand * settings.width, sizes.state, settings.width
        self.rank = sizes.rank_of(width)
        self.in_proj = Linear(width, 2 * self.inner, settings.biases is True)
        self.conv1d = Convolution(self.inner, sizes.kernel, sizes.conv_bias)
        self.x_proj = Linear(self.inner, self.rank + 2 * self.state)
        self.dt_proj = StepSize(self.rank, self.inner)
        self.A_log = nn.Parameter(torch.empty(self.inner, self.state))
        self.D = nn.Parameter(torch.empty(self.inner))
        # Zero: each layer begins as the identity.
        self.out_proj = Linear(self.inner, width, settings.biases is True, scale=0)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        # A = -1, -2, …: each channel forgets at several speeds.
        self.A_log.copy_(torch.arange(1, self.state + 1).float().log().expand_as(self.A_log))
        self.D.fill_(1)

    def forward(self, x: Tensor, state: State, way: str) -> Tensor:
        x, gate = self.in_proj(x).chunk(2, -1)  # (batch, time, inner) each
        x = F.silu(self.conv1d(x, state))
        step, write, read = self.x_proj(x).split((self.rank, self.state, self.state), -1)
        told = (wide(x), F.softplus(wide(self.dt_proj(step))), wide(write), wide(read), state.texts.begins)
        memory = state.take("memory", told[0].new_zeros(len(x), self.inner, self.state))
        parts = []
        for block in zip(*(each.split(BLOCK, 1) for each in told), strict=True):
            y, memory = self.remember(block, memory, way)
            parts.append(y)
        state.keep("memory", memory)
        return self.out_proj((torch.cat(parts, 1) * F.silu(wide(gate))).to(gate.dtype))

    def remember(self, told: tuple[Tensor, ...], memory: Tensor, way: str) -> tuple[Tensor, Tensor]:
        """What is told of some tokens: x, step (Δ) (batch, time, inner), write (B), read (C) (batch, time, state), begins
        (batch, time); and the memory before (batch, inner, state) -> y (batch, time, inner), the memory after."""
        x, step, write, read, begins = told
        elapsed = step.masked_fill(begins[..., None], FOREVER)  # a text that begins has forgotten all before it
        fade = (elapsed[..., None] * -wide(self.A_log).exp()).exp()  # (batch, time, inner, state)
        states = SCANS[way](fade, (step * x)[..., None] * write[:, :, None], memory)
        return (states @ read[..., None])[..., 0] + wide(self.D) * x, states[:, -1]


class MambaLayer(nn.Module):
    """x + mix(norm(x))."""

    normed, small = True, 0.02

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.input_layernorm = NORMS[settings.norm](settings.width, settings.eps)
        self.mixer = Mixer(settings)

    def forward(self, x: Tensor, state: State, way: str) -> Tensor:
        return x + self.mixer(self.input_layernorm(x), state, way)
