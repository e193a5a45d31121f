"""Where tokens look at each other: every query meets every key that it may see and takes a share of its value.

Three ways to the same numbers: `steps` is the definition, one query at a time; `plain` two matrix products around a
softmax; `fused` one kernel of torch's. Which keys may be seen is decided once a forward pass, in `sight.py`.
"""

import math
import time as clock
import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.model.linear import Linear
from groundup.model.norms import NORMS
from groundup.model.positions import turn
from groundup.model.reading import Attend, Reading
from groundup.model.settings import ModelSettings
from groundup.model.sight import Sight

SLOW = 2048  # tokens from which on the definition is too slow for anything but reading it


def steps(q: Tensor, k: Tensor, v: Tensor, sight: Sight, scale: float | None = None, cap: float = 0.0) -> Tensor:
    """The definition: each query's shares are softmax(q·k / √width) over the keys it may see.

    q (batch, heads, time, width), k and v (batch, kv heads, slots, width). scale stands in for 1/√width; cap bends
    scores so that none is larger (Gemma 2).
    """
    batch, heads, time, width = q.shape
    if time > SLOW:
        warnings.warn(f"attention `steps` reads {time} tokens one by one: take `plain` or `fused`", stacklevel=2)
    out = q.new_empty(batch, heads, time, v.shape[-1])
    scale = 1 / math.sqrt(width) if scale is None else scale
    group = heads // k.shape[1]
    bias = None if sight.bias is None else whole(sight.bias, (batch, heads, time, k.shape[2]))
    for row in range(batch):
        for head in range(heads):
            keys, values = k[row, head // group], v[row, head // group]  # (slots, width)
            for at in range(time):
                scores = bent(keys @ q[row, head, at] * scale, cap)  # (slots)
                if bias is not None:
                    scores = scores + bias[row, head, at]
                out[row, head, at] = scores.softmax(-1) @ values
    return out


def plain(q: Tensor, k: Tensor, v: Tensor, sight: Sight, scale: float | None = None, cap: float = 0.0) -> Tensor:
    """Two batched products and a softmax: the fastest way in bf16 on processors, where torch's fused kernel is slow."""
    batch, heads, time, _ = q.shape
    shares = weights(q, k, sight, scale, cap)  # (batch·kv heads, group·time, slots)
    return shares.bmm(v.reshape(batch * v.shape[1], -1, v.shape[-1])).view(batch, heads, time, -1)


def weights(q: Tensor, k: Tensor, sight: Sight, scale: float | None = None, cap: float = 0.0) -> Tensor:
    """Each query's share of each key. The queries that share a key stand below each other:
    (batch·kv heads, group·time, slots)."""
    batch, heads, time, width = q.shape
    kv_heads, slots = k.shape[1], k.shape[2]
    group = heads // kv_heads
    scale = 1 / math.sqrt(width) if scale is None else scale
    q = q.reshape(batch * kv_heads, group * time, width)
    k = k.reshape(batch * kv_heads, slots, width).transpose(1, 2)
    bias = sight.bias
    if bias is not None:
        if bias.ndim == 2:  # all rows and heads alike
            bias = bias.repeat(group, 1)
        else:
            bias = whole(bias, (batch, heads, time, slots)).reshape(batch * kv_heads, group * time, slots)
    if cap or bias is None:
        scores = bent(torch.bmm(q, k) * scale, cap)
        scores = scores if bias is None else scores + bias
    else:
        scores = torch.baddbmm(bias, q, k, alpha=scale)
    return scores.softmax(-1)


def whole(bias: Tensor, shape: tuple[int, int, int, int]) -> Tensor:
    """A sight's bias for each row and head, without memory of its own."""
    return (bias[:, None] if bias.ndim == 3 else bias).expand(shape)


def bent(scores: Tensor, cap: float) -> Tensor:
    """cap · tanh(scores / cap): almost the same while small, never larger than the cap; as they are where it is 0."""
    return torch.tanh(scores / cap) * cap if cap else scores


def fused(q: Tensor, k: Tensor, v: Tensor, sight: Sight, scale: float | None = None, cap: float = 0.0) -> Tensor:
    """torch's scaled_dot_product_attention: never holds all scores at once. It knows no cap."""
    if cap:
        return plain(q, k, v, sight, scale, cap)
    grouped = q.shape[1] != k.shape[1]
    if sight.causal:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped, scale=scale)
    bias = sight.bias if sight.bias is None or sight.bias.ndim != 3 else sight.bias[:, None]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, enable_gqa=grouped, scale=scale)


ATTENTIONS: dict[str, Attend] = {"steps": steps, "plain": plain, "fused": fused}


def named(attention: str | Attend) -> Attend:
    """The function that a model attends by: one of ATTENTIONS, or a reader's own."""
    return ATTENTIONS[attention] if isinstance(attention, str) else attention


def quickest(
    settings: ModelSettings, rows: int, time: int, dtype: torch.dtype, device: str = "cpu", training: bool = True
) -> str:
    """Which attention takes a pass of this size fastest here, backwards included in training: a probe of some
    milliseconds, whose answer the caller writes down (a run that goes on must not choose again)."""
    shape = (rows, settings.heads, time, settings.head_width)
    q, k, v = (torch.ones(shape, dtype=dtype, device=device, requires_grad=training) for _ in range(3))
    sight = Sight.triangle(time, q.detach())
    seconds = {}
    for name in ("fused", "plain"):
        for _ in range(3):  # the first is for warming up, the best counts
            start = clock.perf_counter()
            ATTENTIONS[name](q, k, v, sight).sum().item()
            if training:
                torch.autograd.grad(ATTENTIONS[name](q, k, v, sight).sum(), (q, k, v))[0].sum().item()
            seconds[name] = min(seconds.get(name, float("inf")), clock.perf_counter() - start)
    return min(seconds, key=lambda name: seconds[name])


class Attention(nn.Module):
    """Queries, keys and values of one layer, and the way back. `kind` says which keys it looks at: see `sight.py`."""

    def __init__(self, settings: ModelSettings, layer: int, kind: str = "full"):
        super().__init__()
        self.layer, self.kind = layer, kind
        self.heads, self.kv_heads, self.head_width = settings.heads, settings.kv_heads, settings.head_width
        self.scale, self.cap = settings.attention_scale or None, settings.attention_cap
        width, bias = settings.width, settings.has_bias("qkv")
        queries, keys = self.heads * self.head_width, self.kv_heads * self.head_width
        self.q_proj = Linear(width, queries, bias, scale=0.5)
        self.k_proj = Linear(width, keys, bias, scale=0.5)
        self.v_proj = Linear(width, keys, bias, scale=0.5)
        # Zero: a layer begins as the identity.
        self.o_proj = Linear(queries, width, settings.has_bias("output"), scale=0)
        self.whole = settings.qk_norm == "whole"
        if settings.qk_norm:
            wide = (queries, keys) if self.whole else (self.head_width, self.head_width)
            self.q_norm, self.k_norm = (NORMS[settings.norm](each, settings.eps) for each in wide)
        else:
            self.q_norm = self.k_norm = nn.Identity()

    def forward(self, x: Tensor, reading: Reading) -> Tensor:
        """x (batch, time, width) -> what each token gathers (batch, time, width)."""
        batch, time, _ = x.shape
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        if self.whole:
            q, k = self.q_norm(q), self.k_norm(k)
        q, k, v = (each.view(batch, time, -1, self.head_width) for each in (q, k, v))
        if not self.whole:
            q, k = self.q_norm(q), self.k_norm(k)
        angles = reading.angles(self.kind)
        q, k = turn(q, angles), turn(k, angles)  # (batch, time, heads, head width)
        # (batch, kv heads, slots, head width)
        k, v, sight = reading.extend(self.layer, k.transpose(1, 2), v.transpose(1, 2), self.kind)
        y = reading.attend(q.transpose(1, 2), k, v, sight, self.scale, self.cap)  # (batch, heads, time, head width)
        return self.o_proj(y.transpose(1, 2).reshape(batch, time, -1))
