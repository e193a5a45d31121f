"""minGRU: a GRU whose gates no longer look at the state, so that all tokens are read at once (Feng et al. 2024).

h_t = (1 - z_t) · h_{t-1} + z_t · g(W_h·x_t) with z_t = σ(W_z·x_t): a moving average whose speed the token itself chooses.
Around it the layer of the paper's language models: x + mix(norm(x)), then x + feedforward(norm(x)).
"""

import torch
from torch import Tensor, nn

from groundup.model.feedforward import feedforward
from groundup.model.linear import Linear
from groundup.model.norms import NORMS
from groundup.model.scan import SCANS
from groundup.model.settings import ModelSettings
from groundup.model.state import State, wide


class MinGRU(nn.Module):
    """x (batch, time, width) -> what the averages say (batch, time, width)."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        width, bias = settings.width, settings.biases is True
        self.width = width
        self.update_proj = Linear(width, width, bias)
        self.new_proj = Linear(width, width, bias)
        self.o_proj = Linear(width, width, bias, scale=0)  # zero: each layer begins as the identity

    def forward(self, x: Tensor, state: State, way: str) -> Tensor:
        gate, new = wide(self.update_proj(x)), wide(self.new_proj(x))
        keep = (-gate).sigmoid().masked_fill(state.texts.begins[..., None], 0)  # a text that begins forgets all
        start = state.take("h", gate.new_zeros(len(x), self.width))
        mean = SCANS[way](keep, gate.sigmoid() * positive(new), start)
        state.keep("h", mean[:, -1])
        return self.o_proj(mean.to(x.dtype))


def positive(x: Tensor) -> Tensor:
    """The paper's g: x + ½ above zero, σ(x) below, so that averages have a logarithm."""
    return torch.where(x >= 0, x + 0.5, x.sigmoid())


class MinGRULayer(nn.Module):
    """x + mix(norm(x)), then x + feedforward(norm(x))."""

    normed, small = True, 0.02

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.input_layernorm = NORMS[settings.norm](settings.width, settings.eps)
        self.mixer = MinGRU(settings)
        self.post_attention_layernorm = NORMS[settings.norm](settings.width, settings.eps)
        self.mlp = feedforward(settings)

    def forward(self, x: Tensor, state: State, way: str) -> Tensor:
        x = x + self.mixer(self.input_layernorm(x), state, way)
        return x + self.mlp(self.post_attention_layernorm(x))
