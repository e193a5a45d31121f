"""RMSProp (Hinton 2012): each weight's step is divided by how large its gradients usually are."""

# pyright: reportPrivateImportUsage=false

from typing import ClassVar

import torch
from torch import Tensor

from groundup.training.optimizers.grouped import Grouped, Moments, Now, fade, hush, shrink
from groundup.training.settings import OptimizerSettings


class RMSProp(Grouped):
    """`rmsprop` for lists of tensors."""

    name: ClassVar[str] = "rmsprop"
    squares: ClassVar[tuple[str, ...]] = ("square",)

    def zeros(self, name: str, parameter: Tensor) -> dict[str, Tensor]:
        return {"square": torch.zeros_like(parameter)}

    def change(self, weights: list[Tensor], gradients: list[Tensor], moments: Moments, now: Now) -> None:
        hush(gradients, now)
        shrink(weights, now)
        beta, square = self.settings.beta2, moments["square"]
        fade(square, beta, now)
        torch._foreach_addcmul_(square, gradients, gradients, value=1 - beta)
        size = torch._foreach_sqrt(square)
        torch._foreach_add_(size, self.settings.eps)
        torch._foreach_addcdiv_(weights, gradients, size, value=-now.rate)


def rmsprop(
    weight: Tensor,
    gradient: Tensor,
    kept: dict[str, Tensor],
    step: int,
    rate: float,
    decay: float,
    settings: OptimizerSettings,
) -> tuple[Tensor, dict[str, Tensor]]:
    """v ← βv + (1-β)g², w ← (1-ηλ)w - η·g/(√v + ε), β being `beta2`."""
    square = settings.beta2 * kept["square"] + (1 - settings.beta2) * gradient**2
    return (1 - rate * decay) * weight - rate * gradient / (square.sqrt() + settings.eps), {"square": square}
