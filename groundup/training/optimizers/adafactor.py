"""Adafactor (Shazeer and Stern 2018): the mean of squares of a whole matrix from one number for each row and column.

Its rates are shares of the weights' own size, and no step is larger than so many root mean squares.
"""

from typing import ClassVar

import torch
from torch import Tensor

from groundup.training.optimizers.grouped import Grouped, Moments, Now, hush, shrink
from groundup.training.settings import OptimizerSettings

SMALLEST = 1e-3  # a weight's size is taken to be at least that
FORGETTING = -0.8  # the mean of squares after t steps is replaced by t^-0.8
LONGEST = 1.0  # root mean square of a step, before its rate


class Adafactor(Grouped):
    """`adafactor` without its matrix of squares and without asking the device for a number."""

    name: ClassVar[str] = "adafactor"
    squares: ClassVar[tuple[str, ...]] = ("rows", "columns", "square")

    def zeros(self, name: str, parameter: Tensor) -> dict[str, Tensor]:
        if parameter.ndim < 2:
            return {"square": torch.zeros_like(parameter)}
        return {
            "rows": torch.zeros_like(parameter[..., :1]),
            "columns": torch.zeros_like(parameter[..., :1, :]),
        }

    def change(self, weights: list[Tensor], gradients: list[Tensor], moments: Moments, now: Now) -> None:
        hush(gradients, now)
        steps = now.steps.to(now.strength.dtype).clamp(min=1)
        fresh = steps**FORGETTING * now.strength
        share = steps.rsqrt().clamp(max=now.rate) * now.strength
        sizes = [weight.norm() / weight.numel() ** 0.5 for weight in weights]  # before they decay
        shrink(weights, now)
        for number, (weight, gradient) in enumerate(zip(weights, gradients, strict=True)):
            kept = {moment: values[number] for moment, values in moments.items()}
            step = gradient * _usual(gradient, kept, fresh)
            longest = (step.norm() / (step.numel() ** 0.5 * LONGEST)).clamp(min=1)
            weight.sub_(step * (sizes[number].clamp(min=SMALLEST) * share / longest))


def _usual(gradient: Tensor, kept: dict[str, Tensor], fresh: Tensor) -> Tensor:
    """Moves the moments and gives 1/√v, which broadcasts to the gradient's shape."""
    eps = torch.finfo(gradient.dtype).eps
    if "square" in kept:
        return kept["square"].lerp_(gradient.square(), fresh).clamp(min=eps**2).rsqrt()
    square = gradient.square()
    rows = kept["rows"].lerp_(square.mean(-1, keepdim=True), fresh)
    columns = kept["columns"].lerp_(square.mean(-2, keepdim=True), fresh)
    return (rows / rows.mean(-2, keepdim=True).clamp(min=eps) * columns).clamp(min=eps**2).rsqrt()


def adafactor(
    weight: Tensor,
    gradient: Tensor,
    kept: dict[str, Tensor],
    step: int,
    rate: float,
    decay: float,
    settings: OptimizerSettings,
) -> tuple[Tensor, dict[str, Tensor]]:
    """β = 1 - t^-0.8; r ← βr + (1-β)·mean over columns of g², c ← the same over rows, v = r·c / mean r; u = g/√v, cut to a root
    mean square of one; w ← (1-ηλ)w - u · min(η, 1/√t) · max(rms w, 0.001)."""
    beta, eps = 1 - step**FORGETTING, torch.finfo(gradient.dtype).eps
    if weight.ndim < 2:
        square = beta * kept["square"] + (1 - beta) * gradient**2
        moments = {"square": square}
    else:
        rows = beta * kept["rows"] + (1 - beta) * (gradient**2).mean(-1, keepdim=True)
        columns = beta * kept["columns"] + (1 - beta) * (gradient**2).mean(-2, keepdim=True)
        square = rows @ columns / rows.mean(-2, keepdim=True).clamp(min=eps)
        moments = {"rows": rows, "columns": columns}
    step_ = gradient / square.clamp(min=eps**2).sqrt()
    step_ = step_ / max(1.0, _rms(step_) / LONGEST)
    size = max(_rms(weight), SMALLEST)
    return (1 - rate * decay) * weight - min(rate, step**-0.5) * size * step_, moments


def _rms(tensor: Tensor) -> float:
    return tensor.square().mean().sqrt().item()
