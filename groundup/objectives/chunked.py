"""The loss without the logits: some rows of text at a time meet the head, are compared with what was written, and are let go.

Logits are the largest thing in a step of a small model with a large vocabulary: tokens x vocabulary numbers, and as many for
their gradient. Here a chunk of them lives at a time, and what it does to vectors and head is added up at once.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from groundup.model import cost
from groundup.model.taken_apart import Pieces

CHUNK = {"cpu": cost.CHUNK}  # logits held at a time; other devices need more to be busy
WIDER = 1 << 26
SLICE = 1 << 18  # logits worked on at once on a processor: their f32 copy stays in the cache
LEAST = 64  # rows of a chunk: fewer make a slow matrix product


class Price(NamedTuple):
    """What a token costs: a·(lse - logit[target]) + b·(lse - mean(logits)) + c·lse²  with lse = log Σ exp(logits)."""

    surprise: float = 1.0  # a; 1-ε where labels are smoothed (Szegedy et al. 2016)
    spread: float = 0.0  # b; ε there
    square: float = 0.0  # c; keeps the sum of exponentials near one (Chowdhery et al. 2022)


class Walk(NamedTuple):
    """What a walk over all chunks brings home; gradients are None where nobody asked."""

    parts: Tensor  # (3, n) f32: surprise, spread, square, 0 where they cost nothing; a teacher's cost has one part (n)
    x: Tensor | None  # (n, width)
    weight: Tensor | None  # (vocabulary, width) f32
    bias: Tensor | None  # (vocabulary) f32


def walk(pieces: Pieces, targets: Tensor, worth: Tensor, price: Price, wanted: tuple[bool, bool, bool]) -> Walk:
    """The cost of each token, and of Σ worth · cost the gradients by x, weight and bias that are `wanted`."""
    x, weight, bias, cap = pieces
    wide = torch.promote_types(x.dtype, torch.float32)
    count, vocabulary = len(x), len(weight)
    rounded, shift = weight.to(x.dtype), None if bias is None else bias.to(wide)
    parts = torch.zeros(3, count, dtype=wide, device=x.device)
    by_x = torch.empty_like(x) if wanted[0] else None
    by_weight = torch.zeros_like(weight, dtype=wide) if wanted[1] else None
    by_bias = torch.zeros_like(shift) if wanted[2] and shift is not None else None
    rows = max(1, min(count, max(LEAST, CHUNK.get(x.device.type, WIDER) // vocabulary)))
    held = x.new_empty(rows, vocabulary)
    size = max(1, SLICE // vocabulary) if x.device.type == "cpu" else rows
    for start in range(0, count, rows):
        here = slice(start, min(start + rows, count))
        chunk = torch.mm(x[here], rounded.T, out=held[: here.stop - start])
        for first in range(here.start, here.stop, size):
            part = slice(first, min(first + size, here.stop))
            logits = chunk[first - start : part.stop - start]
            parts[:, part] = parts_and_slope_(logits, shift, cap, targets[part], worth[part], price)
        if by_x is not None:
            torch.mm(chunk, rounded, out=by_x[here])
        if by_weight is not None:
            add_product(by_weight, chunk, x[here])
        if by_bias is not None:
            by_bias += chunk.sum(0, dtype=wide)
    return Walk(parts, by_x, by_weight, by_bias)


def parts_and_slope_(
    logits: Tensor, bias: Tensor | None, cap: float, targets: Tensor, worth: Tensor, price: Price
) -> Tensor:
    """What a few rows cost, in parts (3, n); their logits (n, vocabulary) give way, in place, to the slope of worth · cost."""
    wide = worth.dtype
    values, target = logits.to(wide, copy=True), targets[:, None]
    if bias is not None:
        values += bias
    bend = values.div_(cap).tanh_().clone() if cap else None
    if cap:
        values.mul_(cap)
    highest = values.amax(-1, keepdim=True)
    values.sub_(highest)  # from here on: huge logits would swallow what tells them apart
    told = values.gather(-1, target)
    average = values.mean(-1, keepdim=True) if price.spread else None
    share = values.exp_()
    norm = share.sum(-1, keepdim=True)
    lse = norm.log() + highest
    parts = torch.zeros(3, len(targets), dtype=wide, device=logits.device)
    parts[0] = (norm.log() - told).squeeze(-1)
    if average is not None:
        parts[1] = (norm.log() - average).squeeze(-1)
    if price.square:
        parts[2] = lse.square().squeeze(-1)
    share.mul_((price.surprise + price.spread + 2 * price.square * lse) / norm)
    if price.spread:
        share.sub_(price.spread / share.shape[-1])
    share.scatter_add_(-1, target, torch.full_like(told, -price.surprise))
    if bend is not None:
        share.mul_(1 - bend.square_())
    logits.copy_(share.mul_(worth[:, None]))
    return parts


def add_product(total: Tensor, slope: Tensor, x: Tensor) -> None:
    """total (vocabulary, width) += slopeᵀ · x, the sum over chunks never rounded below f32."""
    if total.dtype == x.dtype:
        total.addmm_(slope.T, x)
    else:
        total += slope.T @ x


class Weighed(torch.autograd.Function):
    """Σ worth · cost, and the sums of its three parts, of which nobody takes gradients.

    Gradients are known before anybody asks for them: backward is one multiplication.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, rest: tuple[Any, ...]
    ) -> tuple[Tensor, Tensor]:
        targets, worth, cap, price = rest
        wide = torch.promote_types(x.dtype, torch.float32)
        found = walk(Pieces(x, weight, bias, cap), targets, worth.to(wide), price, ctx.needs_input_grad[:3])
        ctx.found, ctx.dtypes = found[1:], (x.dtype, weight.dtype, None if bias is None else bias.dtype)
        sums = torch.stack([(part * worth).sum() for part in found.parts])
        ctx.mark_non_differentiable(sums)
        return price.surprise * sums[0] + price.spread * sums[1] + price.square * sums[2], sums

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        return *handed_on(ctx, upstream), None


def handed_on(ctx: Any, upstream: Tensor) -> list[Tensor | None]:
    """The gradients that a forward pass found, times what comes from above; scaled in place: there is no second time."""
    found, ctx.found = ctx.found, None
    if found is None:
        raise RuntimeError("a chunked loss keeps its gradients for one backward pass: compute the loss again")
    scaled = [None if each is None else each.mul_(upstream) for each in found]
    return [None if each is None else each.to(dtype) for each, dtype in zip(scaled, ctx.dtypes, strict=True)]


class Told(torch.autograd.Function):
    """The log-probability of each target (n), whatever is done with it: the backward pass makes every chunk again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, rest: tuple[Any, ...]) -> Tensor:
        ctx.targets, ctx.cap = rest
        ctx.save_for_backward(x, weight, bias)
        wide = torch.promote_types(x.dtype, torch.float32)
        nothing = torch.zeros(len(x), dtype=wide, device=x.device)
        pieces = Pieces(x, weight, bias, ctx.cap)
        return walk(pieces, ctx.targets, nothing, Price(), (False, False, False)).parts[0].neg()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias = ctx.saved_tensors
        pieces = Pieces(x, weight, bias, ctx.cap)
        found = walk(pieces, ctx.targets, -upstream, Price(), ctx.needs_input_grad[:3])
        by_bias = None if found.bias is None else found.bias.to(bias.dtype)
        return found.x, None if found.weight is None else found.weight.to(weight.dtype), by_bias, None


def weighed(pieces: Pieces, targets: Tensor, worth: Tensor, price: Price | None = None) -> Tensor:
    """Σ worth · cost over tokens; targets int64 (n), worth (n). Fit for one backward pass."""
    return weighed_in_parts(pieces, targets, worth, price)[0]


def weighed_in_parts(
    pieces: Pieces, targets: Tensor, worth: Tensor, price: Price | None = None
) -> tuple[Tensor, Tensor]:
    """The same, and beside it Σ worth · part of each of its three parts (3), without gradients and without their prices."""
    x, weight, bias, cap = pieces
    return Weighed.apply(x, weight, bias, (targets, worth, cap, price or Price()))  # type: ignore[return-value]


def told_in_chunks(pieces: Pieces, targets: Tensor) -> Tensor:
    """targets int64 (n) -> the log-probability of each (n), f32, for losses that are no weighted sum."""
    x, weight, bias, cap = pieces
    return Told.apply(x, weight, bias, (targets, cap))  # type: ignore[return-value]


def weighed_by_definition(pieces: Pieces, targets: Tensor, worth: Tensor, price: Price | None = None) -> Tensor:
    """The same, as a textbook writes it, all logits at once."""
    surprise, spread, square = price or Price()
    logits = pieces.together()
    lse = logits.logsumexp(-1)
    told = logits.gather(-1, targets[:, None]).squeeze(-1)
    return (worth * (surprise * (lse - told) + spread * (lse - logits.mean(-1)) + square * lse.square())).sum()
