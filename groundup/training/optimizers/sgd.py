"""Stochastic gradient descent: down the slope, with the momentum of earlier steps (Polyak 1964, Nesterov 1983)."""

# pyright: reportPrivateImportUsage=false

from typing import ClassVar

import torch
from torch import Tensor

from groundup.training.optimizers.grouped import Grouped, Moments, Now, fade, hush, shrink
from groundup.training.settings import OptimizerSettings


class SGD(Grouped):
    """`sgd` for lists of tensors."""

    name: ClassVar[str] = "sgd"

    def zeros(self, name: str, parameter: Tensor) -> dict[str, Tensor]:
        return {"momentum": torch.zeros_like(parameter)} if self.settings.momentum else {}

    def change(self, weights: list[Tensor], gradients: list[Tensor], moments: Moments, now: Now) -> None:
        hush(gradients, now)
        shrink(weights, now)
        keep, step = self.settings.momentum, gradients
        if keep:
            momentum = moments["momentum"]
            fade(momentum, keep, now)
            torch._foreach_add_(momentum, gradients)
            if self.settings.nesterov:
                torch._foreach_add_(gradients, momentum, alpha=keep)
            step = gradients if self.settings.nesterov else momentum
        torch._foreach_add_(weights, torch._foreach_mul(step, -now.rate * now.strength))


def sgd(
    weight: Tensor,
    gradient: Tensor,
    kept: dict[str, Tensor],
    step: int,
    rate: float,
    decay: float,
    settings: OptimizerSettings,
) -> tuple[Tensor, dict[str, Tensor]]:
    """b ← μb + g, w ← (1-ηλ)w - ηb; Nesterov looks one step ahead: w ← (1-ηλ)w - η(g + μb)."""
    momentum = settings.momentum * kept.get("momentum", torch.zeros_like(weight)) + gradient
    direction = gradient + settings.momentum * momentum if settings.nesterov else momentum
    return (1 - rate * decay) * weight - rate * direction, {"momentum": momentum} if kept else {}
