"""The recurrence that can be computed in parallel: h_t = a_t · h_{t-1} + b_t, each number on its own.

No h stands inside a bend, so the steps can be grouped in any order. minGRU and Mamba are made of it. Three ways to the
same numbers: step by step; in groups of steps, side by side; and, where all is positive, as sums of logarithms.
"""

import math

import torch
from torch import Tensor

WIDE = 4096  # numbers in one step from which on reading steps side by side gains nothing
SMALLEST = torch.finfo(torch.float32).tiny  # stands for nothing where a logarithm is taken


def by_steps(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """a, b (batch, time, …), start (batch, …) = h before the first step -> every h (batch, time, …)."""
    states, h = [], start
    for now, new in zip(a.unbind(1), b.unbind(1), strict=True):
        h = now * h + new
        states.append(h)
    return torch.stack(states, 1)


def in_chunks(a: Tensor, b: Tensor, start: Tensor) -> Tensor:
    """The same in about 2·√time steps: all chunks are read side by side as if each began with nothing, then each is
    told what the one before it ended with, faded by the product of its own a."""
    return Scan.apply(a, b, start)  # type: ignore[return-value]


def in_logs(log_a: Tensor, log_b: Tensor, start: Tensor) -> Tensor:
    """The same from the logarithms of a and b, for start ≥ 0: the parallel scan of minGRU (Feng et al. 2024, appendix B).

    With A_t = Σ log a up to t, h_t = Σ_s exp(A_t - A_s) · b_s; so log h_t = A_t + logcumsumexp(log b - A)_t. It needs no
    loop at all, but on processors exp and log cost twenty times what the loop costs, and A rounds away digits.
    """
    faded = log_a.cumsum(1)
    first = start.clamp(min=SMALLEST).log()[:, None]  # stands at s = 0, where A is 0
    return (faded + torch.cat((first, log_b - faded), 1).logcumsumexp(1)[:, 1:]).exp()


SCANS = {"steps": by_steps, "quick": in_chunks}


class Scan(torch.autograd.Function):
    """With its gradient, which is the same recurrence read backwards: g_t = grad_t + a_{t+1} · g_{t+1}."""

    @staticmethod
    def forward(ctx, a: Tensor, b: Tensor, start: Tensor) -> Tensor:
        states = b.clone(memory_format=torch.contiguous_format)
        states[:, 0].addcmul_(a[:, 0], start)
        accumulate(a, states)
        ctx.save_for_backward(a, states, start)
        return states

    @staticmethod
    def backward(ctx, *upstream: Tensor):
        a, states, start = ctx.saved_tensors
        to_b = fade(a, upstream[0])
        to_a = torch.empty_like(to_b)
        torch.mul(to_b[:, 0], start, out=to_a[:, 0])
        torch.mul(to_b[:, 1:], states[:, :-1], out=to_a[:, 1:])
        return to_a, to_b, to_b[:, 0] * a[:, 0]


def fade(a: Tensor, grad: Tensor) -> Tensor:
    """What each step's h is to blame for: its own share and, a for every step between, that of all later ones."""
    if grad[:, 0].numel() < WIDE:
        backwards = grad.flip(1)
        accumulate(torch.cat((a[:, :1], a[:, 1:].flip(1)), 1), backwards)  # the first a is not used
        return backwards.flip(1)
    grad = grad.clone(memory_format=torch.contiguous_format)
    for step in range(grad.shape[1] - 2, -1, -1):
        grad[:, step].addcmul_(a[:, step + 1], grad[:, step + 1])
    return grad


def accumulate(a: Tensor, h: Tensor) -> None:
    """In place: add to each step of h (batch, time, …) a times the step before it."""
    batch, time = h.shape[:2]
    size = math.isqrt(time)
    if h[:, 0].numel() >= WIDE or size < 4:
        for step in range(1, time):
            h[:, step].addcmul_(a[:, step], h[:, step - 1])
        return
    number = time // size
    whole = number * size
    alone, faded = h[:, :whole].unflatten(1, (number, size)), a[:, :whole].unflatten(1, (number, size)).clone()
    for step in range(1, size):
        alone[:, :, step].addcmul_(faded[:, :, step], alone[:, :, step - 1])
        faded[:, :, step].mul_(faded[:, :, step - 1])
    for chunk in range(1, number):
        alone[:, chunk].addcmul_(faded[:, chunk], alone[:, chunk - 1, -1:])
    for step in range(whole, time):
        h[:, step].addcmul_(a[:, step], h[:, step - 1])
