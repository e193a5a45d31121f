"""Where tokens look at each other: every query meets every key that it may see and takes a share of its value.

Three ways to the same numbers: `steps` is the definition, one query at a time; `plain` two matrix products around a
softmax; `fused` one kernel of torch's. Which keys may be seen is decided once a forward pass, in `Sight`.
"""

import time as clock
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from groundup.model.linear import Linear
from groundup.model.norms import NORMS
from groundup.model.positions import Angles, turn
from groundup.model.settings import ModelSettings


class CacheLike(Protocol):
    """What the model asks of a cache: to keep a layer's new keys and values and hand back all there are."""

    lengths: Tensor  # (batch) how many tokens each row holds already

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        """k, v (batch, kv heads, time, head width), positions (batch, time) -> all k, all v (batch, kv heads, slots,
        head width) and which slots each query may see: bool (batch, time, slots), or None if every one."""
        ...


class Sight:
    """Which keys a query may see, worked out once and shared by all layers.

    `bias` is what is added to the scores, 0 or -inf: (time, slots), or (batch, time, slots) where rows differ, or None.
    `causal` says that it is the plain triangle, which some kernels know without being told.
    """

    def __init__(self, bias: Tensor | None, causal: bool = False):
        self.bias, self.causal = bias, causal

    @classmethod
    def triangle(cls, time: int, like: Tensor) -> "Sight":
        """No token sees a later one."""
        return cls(like.new_full((time, time), float("-inf")).triu(1), causal=True)

    @classmethod
    def within(cls, segments: Tensor, like: Tensor) -> "Sight":
        """segments (batch, time): nor one of another document that was packed into the same row."""
        same = segments[:, :, None] == segments[:, None, :]
        return cls.where(same.tril(), like)

    @classmethod
    def where(cls, seen: Tensor, like: Tensor) -> "Sight":
        """seen bool (batch, time, slots)."""
        return cls(like.new_zeros(()).masked_fill(~seen, float("-inf")))


def steps(q: Tensor, k: Tensor, v: Tensor, sight: Sight) -> Tensor:
    """The definition: each query's shares are softmax(q·k / √width) over the keys it may see."""
    out = torch.empty_like(q)
    batch, heads, time, width = q.shape
    group = heads // k.shape[1]
    for row in range(batch):
        bias = sight.bias if sight.bias is None or sight.bias.ndim == 2 else sight.bias[row]
        for head in range(heads):
            keys, values = k[row, head // group], v[row, head // group]  # (slots, width)
            for at in range(time):
                scores = keys @ q[row, head, at] / width**0.5  # (slots)
                if bias is not None:
                    scores = scores + bias[at]
                out[row, head, at] = scores.softmax(-1) @ values
    return out


def plain(q: Tensor, k: Tensor, v: Tensor, sight: Sight) -> Tensor:
    """Two batched products and a softmax: the fastest way in bf16 on processors, where torch's fused kernel is slow."""
    batch, heads, time, width = q.shape
    kv_heads, slots = k.shape[1], k.shape[2]
    group = heads // kv_heads
    # The queries that share a key stand below each other: (batch·kv heads, group·time, width).
    q = q.reshape(batch * kv_heads, group * time, width)
    k, v = k.reshape(batch * kv_heads, slots, width), v.reshape(batch * kv_heads, slots, width)
    bias = q.new_zeros(()) if sight.bias is None else sight.bias
    if bias.ndim < 3:  # all rows alike
        scores = torch.baddbmm(bias.repeat(group, 1) if bias.ndim else bias, q, k.transpose(1, 2), alpha=width**-0.5)
    else:
        bias = bias[:, None, None].expand(batch, kv_heads, group, time, slots).reshape(batch * kv_heads, -1, slots)
        scores = torch.baddbmm(bias, q, k.transpose(1, 2), alpha=width**-0.5)
    return scores.softmax(-1).bmm(v).view(batch, heads, time, width)


def fused(q: Tensor, k: Tensor, v: Tensor, sight: Sight) -> Tensor:
    """torch's scaled_dot_product_attention: never holds all scores at once."""
    grouped = q.shape[1] != k.shape[1]
    if sight.causal:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=grouped)
    bias = sight.bias if sight.bias is None or sight.bias.ndim == 2 else sight.bias[:, None]
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, enable_gqa=grouped)


ATTENTIONS = {"steps": steps, "plain": plain, "fused": fused}


def quickest(settings: ModelSettings, rows: int, time: int, dtype: torch.dtype, device: str = "cpu") -> str:
    """Which attention takes a training step of this size fastest here: a probe of some milliseconds, whose answer the
    caller writes down (a run that goes on must not choose again)."""
    shape = (rows, settings.heads, time, settings.head_width)
    q, k, v = (torch.ones(shape, dtype=dtype, device=device, requires_grad=True) for _ in range(3))
    sight = Sight.triangle(time, q.detach())
    seconds = {}
    for name in ("fused", "plain"):
        for _ in range(3):  # the first is for warming up, the best counts
            start = clock.perf_counter()
            ATTENTIONS[name](q, k, v, sight).sum().item()
            torch.autograd.grad(ATTENTIONS[name](q, k, v, sight).sum(), (q, k, v))[0].sum().item()
            seconds[name] = min(seconds.get(name, float("inf")), clock.perf_counter() - start)
    return min(seconds, key=lambda name: seconds[name])


class Attention(nn.Module):
    """Queries, keys and values of one layer, and the way back."""

    def __init__(self, settings: ModelSettings):
        super().__init__()
        width, bias = settings.width, settings.biases
        self.heads, self.kv_heads, self.head_width = settings.heads, settings.kv_heads, settings.head_width
        self.q_proj = Linear(width, self.heads * self.head_width, bias, scale=0.5)
        self.k_proj = Linear(width, self.kv_heads * self.head_width, bias, scale=0.5)
        self.v_proj = Linear(width, self.kv_heads * self.head_width, bias, scale=0.5)
        self.o_proj = Linear(self.heads * self.head_width, width, bias, scale=0)  # zero: a layer begins as identity
        if settings.qk_norm:
            self.q_norm = NORMS[settings.norm](self.head_width, settings.eps)
            self.k_norm = NORMS[settings.norm](self.head_width, settings.eps)
        else:
            self.q_norm = self.k_norm = nn.Identity()

    def forward(self, x: Tensor, angles: Angles | None, attend, remember) -> Tensor:
        """x (batch, time, width) -> what each token gathers (batch, time, width).

        `remember(k, v) -> k, v, sight` adds the keys of earlier calls; `attend` is one of ATTENTIONS.
        """
        batch, time, _ = x.shape
        q, k, v = (p(x).view(batch, time, -1, self.head_width) for p in (self.q_proj, self.k_proj, self.v_proj))
        q, k = turn(self.q_norm(q), angles), turn(self.k_norm(k), angles)  # (batch, time, heads, head width)
        k, v, sight = remember(k.transpose(1, 2), v.transpose(1, 2))  # (batch, kv heads, slots, head width)
        y = attend(q.transpose(1, 2), k, v, sight)  # (batch, heads, time, head width)
        return self.o_proj(y.transpose(1, 2).reshape(batch, time, -1))
