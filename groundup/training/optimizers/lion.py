"""Lion (Chen et al. 2023): every weight moves by the same amount, its momentum only says which way."""

# pyright: reportPrivateImportUsage=false

from typing import ClassVar

import torch
from torch import Tensor

from groundup.training.optimizers.grouped import Grouped, Moments, Now, fade, hush, shrink
from groundup.training.settings import OptimizerSettings


class Lion(Grouped):
    """`lion` for lists of tensors."""

    name: ClassVar[str] = "lion"

    def zeros(self, name: str, parameter: Tensor) -> dict[str, Tensor]:
        return {"mean": torch.zeros_like(parameter)}

    def change(self, weights: list[Tensor], gradients: list[Tensor], moments: Moments, now: Now) -> None:
        hush(gradients, now)
        shrink(weights, now)
        mean, beta1, beta2 = moments["mean"], self.settings.beta1, self.settings.beta2
        way = torch._foreach_mul(mean, beta1)
        torch._foreach_add_(way, gradients, alpha=1 - beta1)
        torch._foreach_sign_(way)
        torch._foreach_mul_(way, -now.rate * now.strength)
        torch._foreach_add_(weights, way)
        fade(mean, beta2, now)
        torch._foreach_add_(mean, gradients, alpha=1 - beta2)


def lion(
    weight: Tensor,
    gradient: Tensor,
    kept: dict[str, Tensor],
    step: int,
    rate: float,
    decay: float,
    settings: OptimizerSettings,
) -> tuple[Tensor, dict[str, Tensor]]:
    """w ← (1-ηλ)w - η·sign(β₁m + (1-β₁)g), then m ← β₂m + (1-β₂)g."""
    way = torch.sign(settings.beta1 * kept["mean"] + (1 - settings.beta1) * gradient)
    return (1 - rate * decay) * weight - rate * way, {
        "mean": settings.beta2 * kept["mean"] + (1 - settings.beta2) * gradient
    }
