"""Transformer-XL: attention whose layers remember what they read in earlier segments (Dai et al. 2019).

Positions are distances, so that what is remembered keeps its meaning. Every token sees the `memory` tokens before it and
itself, as the authors' models do when they are measured (their `same_length`): then it does not matter where a text was
cut into segments. Each layer's memory is what went into it, and no gradient flows there.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.model.feedforward import feedforward
from groundup.model.linear import Linear
from groundup.model.norms import NORMS
from groundup.model.settings import ModelSettings
from groundup.model.state import State, Texts
from groundup.model.transformer_xl_settings import TransformerXLSettings


def waves(count: int, width: int, like: Tensor) -> Tensor:
    """The paper's R: a vector for each distance 0 … count - 1 (count, width), sines then cosines."""
    rate = torch.exp(torch.arange(0, width, 2, device=like.device) * (-math.log(10_000) / width))
    angle = torch.arange(count, device=like.device)[:, None] * rate
    return torch.cat((angle.sin(), angle.cos()), -1).to(like.dtype)


def sight(texts: Texts, slots: int, reach: int) -> Tensor:
    """Which slots a query may see: bool (batch, 1, time, slots). The last slots are the queries' own tokens; one that
    lies further back than its text is long holds another text, or nothing."""
    time = texts.positions.shape[1]
    queries = torch.arange(slots - time, slots, device=texts.positions.device)
    distance = queries[:, None] - torch.arange(slots, device=queries.device)  # (time, slots)
    return ((distance >= 0) & (distance <= texts.positions[..., None].clamp(max=reach)))[:, None]


def by_distance(q: Tensor, k: Tensor, v: Tensor, r: Tensor, biases: tuple[Tensor, Tensor], seen: Tensor) -> Tensor:
    """The definition, one distance after the other: score = ((q_i + u)·k_j + (q_i + v)·r_{i-j}) / √width.

    q (batch, heads, time, width), k, v (batch, heads, slots, width), r (heads, slots, width) for distances 0, 1, …,
    biases u, v (heads, 1, width), seen (batch, 1, time, slots) -> (batch, heads, time, width).
    """
    time, slots = q.shape[2], k.shape[2]
    content, position = biases
    scores = q.new_zeros(*q.shape[:3], slots)
    for distance in range(slots):
        nearest = slots - time - distance  # the slot that this distance means for the first query
        first = max(0, -nearest)  # the first query that has such a slot
        query, key = q[:, :, first:], k[:, :, nearest + first : nearest + time]
        score = ((query + content) * key).sum(-1) + ((query + position) * r[:, distance, None]).sum(-1)
        scores = torch.diagonal_scatter(scores, score, nearest, -2, -1)
    scores = (scores / math.sqrt(q.shape[-1])).masked_fill(~seen, float("-inf"))
    return scores.softmax(-1) @ v


def by_shift(q: Tensor, k: Tensor, v: Tensor, r: Tensor, biases: tuple[Tensor, Tensor], seen: Tensor) -> Tensor:
    """The same with all distances in one product, whose rows are then moved to where they belong."""
    content, position = biases
    far = shift((q + position) @ r.flip(1).transpose(1, 2)) / math.sqrt(q.shape[-1])
    return F.scaled_dot_product_attention(q + content, k, v, attn_mask=far.masked_fill(~seen, float("-inf")))


def shift(scores: Tensor) -> Tensor:
    """scores (…, time, slots) by distance, the furthest first -> by slot (the paper's appendix B).

    The last row is right already, each row above must go one further to the left. With one column more in front and the
    same numbers read as rows of `time`, each row has moved by itself. What falls in from the right lies in the future.
    """
    *rows, time, slots = scores.shape
    wider = F.pad(scores, (1, 0))  # (…, time, slots + 1)
    return wider.reshape(*rows, slots + 1, time)[..., 1:, :].reshape(*rows, time, slots)


RELATIVE = {"steps": by_distance, "quick": by_shift}


class RelativeAttention(nn.Module):
    """x (batch, time, width) and what lies before it -> what each token gathers (batch, time, width)."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        width, self.heads, self.head_width = settings.width, settings.heads, settings.head_width
        inner = self.heads * self.head_width
        self.reach = (settings.transformer_xl or TransformerXLSettings()).memory
        self.q_proj = Linear(width, inner, scale=0.5)
        self.k_proj = Linear(width, inner, scale=0.5)
        self.v_proj = Linear(width, inner, scale=0.5)
        self.r_proj = Linear(width, inner, scale=0.5)
        self.o_proj = Linear(inner, width, scale=0)
        self.content_bias = nn.Parameter(torch.empty(self.heads, self.head_width))  # u: what any query looks for
        self.position_bias = nn.Parameter(torch.empty(self.heads, self.head_width))  # v: where any query looks

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        self.content_bias.zero_()
        self.position_bias.zero_()

    def forward(self, x: Tensor, state: State, way: str) -> Tensor:
        batch, time, width = x.shape
        before = state.take("memory", x.new_zeros(batch, self.reach, width))
        known = torch.cat((before, x), 1)
        state.keep("memory", known[:, -self.reach :])
        known = known[:, self.reach - min(self.reach, state.earlier) :]  # no more than anyone here has read
        q, k, v = self._heads(self.q_proj(x)), self._heads(self.k_proj(known)), self._heads(self.v_proj(known))
        r = self._heads(self.r_proj(waves(known.shape[1], width, x)))
        biases = self.content_bias.to(x.dtype)[:, None], self.position_bias.to(x.dtype)[:, None]
        seen = sight(state.texts, known.shape[1], self.reach)
        y = RELATIVE[way](q, k, v, r, biases, seen)  # (batch, heads, time, head width)
        return self.o_proj(y.transpose(1, 2).reshape(batch, time, -1))

    def _heads(self, x: Tensor) -> Tensor:
        """(…, time, heads · head width) -> (…, heads, time, head width)."""
        return x.unflatten(-1, (self.heads, self.head_width)).transpose(-2, -3)


class TransformerXLLayer(nn.Module):
    """norm(x + attention(x)), then norm(x + feedforward(x))."""

    normed, small = False, 0.02  # each layer ends with a norm

    def __init__(self, settings: ModelSettings):
        super().__init__()
        self.self_attn = RelativeAttention(settings)
        self.post_attention_layernorm = NORMS[settings.norm](settings.width, settings.eps)
        self.mlp = feedforward(settings)
        self.post_feedforward_layernorm = NORMS[settings.norm](settings.width, settings.eps)

    def forward(self, x: Tensor, state: State, way: str) -> Tensor:
        x = self.post_attention_layernorm(x + self.self_attn(x, state, way))
        return self.post_feedforward_layernorm(x + self.mlp(x))
