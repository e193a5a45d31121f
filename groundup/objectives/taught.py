"""What a teacher thinks of every next token, as a loss: how far the pupil's distribution is from it, a chunk at a time.

A target says which token came; a teacher says of each token how likely it was. Both models' logits are made for a few rows
of text, compared, and let go, so that tokens x vocabulary numbers are never held.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from groundup.model.taken_apart import Pieces
from groundup.objectives.chunked import CHUNK, LEAST, WIDER, Walk, add_product, handed_on


def walk(pupil: Pieces, teacher: Pieces, worth: Tensor, temperature: float, wanted: tuple[bool, bool, bool]) -> Walk:
    """The cost of each token, and of Σ worth · cost the gradients by the pupil's x, weight and bias that are `wanted`."""
    x, weight, bias, _ = pupil
    wide = torch.promote_types(x.dtype, torch.float32)
    pupil, teacher = (each._replace(weight=each.weight.to(each.x.dtype)) for each in (pupil, teacher))
    costs = torch.empty(len(x), dtype=wide, device=x.device)
    by_x = torch.empty_like(x) if wanted[0] else None
    by_weight = torch.zeros_like(weight, dtype=wide) if wanted[1] else None
    by_bias = torch.zeros_like(bias, dtype=wide) if wanted[2] and bias is not None else None
    rows = max(LEAST, CHUNK.get(x.device.type, WIDER) // len(weight))
    for here in (slice(start, start + rows) for start in range(0, len(x), rows)):
        logits, told = (each._replace(x=each.x[here]).together().to(wide) for each in (pupil, teacher))
        costs[here], slope = cost_and_slope(logits, told, temperature)
        if pupil.cap:
            slope *= 1 - (logits / pupil.cap).square()  # logits are cap · tanh, whose slope is 1 - tanh²
        slope = (slope * worth[here, None]).to(x.dtype)
        if by_x is not None:
            torch.mm(slope, pupil.weight, out=by_x[here])
        if by_weight is not None:
            add_product(by_weight, slope, x[here])
        if by_bias is not None:
            by_bias += slope.sum(0, dtype=wide)
    return Walk(costs, by_x, by_weight, by_bias)


def cost_and_slope(logits: Tensor, told: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Logits of pupil and teacher (n, vocabulary) -> T²·KL(teacher | pupil) of each row (n), both softened by T (Hinton et
    al. 2015), and its slope by the pupil's logits, T·(q - p)."""
    p, q = (each.div(temperature).log_softmax(-1) for each in (told, logits))
    share = p.exp()
    costs = temperature**2 * (share * p.sub_(q)).sum(-1)
    return costs, q.exp_().sub_(share).mul_(temperature)


class Taught(torch.autograd.Function):
    """Σ worth · cost, one scalar, for one backward pass; the teacher gets no gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, rest: tuple[Any, ...]) -> Tensor:
        teacher, worth, cap, temperature = rest
        worth = worth.to(torch.promote_types(x.dtype, torch.float32))
        found = walk(Pieces(x, weight, bias, cap), teacher, worth, temperature, ctx.needs_input_grad[:3])
        ctx.found, ctx.dtypes = found[1:], (x.dtype, weight.dtype, None if bias is None else bias.dtype)
        return (found.parts * worth).sum()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        return *handed_on(ctx, upstream), None


def taught(pupil: Pieces, teacher: Pieces, worth: Tensor, temperature: float) -> Tensor:
    """Σ worth · T²·KL(teacher | pupil) over tokens, worth (n)."""
    x, weight, bias, cap = pupil
    return Taught.apply(x, weight, bias, (teacher, worth, cap, temperature))  # type: ignore[return-value]


def taught_by_definition(pupil: Pieces, teacher: Pieces, worth: Tensor, temperature: float) -> Tensor:
    """The same, as a textbook writes it, all logits at once."""
    q, p = ((each.together() / temperature).log_softmax(-1) for each in (pupil, teacher))
    return (worth * temperature**2 * (p.exp() * (p - q)).sum(-1)).sum()
