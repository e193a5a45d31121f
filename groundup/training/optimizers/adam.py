"""Adam (Kingma and Ba 2015): RMSProp with a mean of gradients too; AdamW keeps the decay apart (Loshchilov and Hutter 2019)."""

# pyright: reportPrivateImportUsage=false

from typing import ClassVar

import torch
from torch import Tensor

from groundup.training.optimizers.grouped import Grouped, Moments, Now
from groundup.training.settings import OptimizerSettings


class AdamW(Grouped):
    """By torch's one-pass kernel; `adamw` is the same in words. It is Adam where the decay went into the gradient."""

    name: ClassVar[str] = "adamw"
    squares: ClassVar[tuple[str, ...]] = ("square",)

    def zeros(self, name: str, parameter: Tensor) -> dict[str, Tensor]:
        return {"mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}

    def change(self, weights: list[Tensor], gradients: list[Tensor], moments: Moments, now: Now) -> None:
        torch._fused_adamw_(
            weights,
            gradients,
            moments["mean"],
            moments["square"],
            [],
            [now.steps] * len(weights),
            lr=now.rate,
            beta1=self.settings.beta1,
            beta2=self.settings.beta2,
            weight_decay=now.decay,
            eps=self.settings.eps,
            amsgrad=False,
            maximize=False,
            found_inf=(1 - now.strength).float(),
        )


def adamw(
    weight: Tensor,
    gradient: Tensor,
    kept: dict[str, Tensor],
    step: int,
    rate: float,
    decay: float,
    settings: OptimizerSettings,
) -> tuple[Tensor, dict[str, Tensor]]:
    """m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², w ← (1-ηλ)w - η·m̂/(√v̂ + ε); step `step` is 1, 2, …"""
    mean = settings.beta1 * kept["mean"] + (1 - settings.beta1) * gradient
    square = settings.beta2 * kept["square"] + (1 - settings.beta2) * gradient**2
    unbiased_mean, unbiased_square = mean / (1 - settings.beta1**step), square / (1 - settings.beta2**step)
    weight = (1 - rate * decay) * weight - rate * unbiased_mean / (unbiased_square.sqrt() + settings.eps)
    return weight, {"mean": mean, "square": square}
