"""fp16 reaches no further down than 6e-8, where many gradients are: the loss is made larger before the backward pass.

By how much is found on the way (Micikevicius et al. 2018): twice as much after many good steps, half as much after one whose
gradient was no number; that step is skipped. All of it is decided on the device, and kept in the state of the training.
"""

# pyright: reportPrivateImportUsage=false

import torch
from torch import Tensor

START, LEAST, MOST = 2.0**16, 1.0, 2.0**24  # powers of two: multiplying by them rounds nothing
PATIENCE = 1000  # good steps after which a larger scale is tried


class LossScale:
    """By what the loss is multiplied, and how many good steps have passed since that changed."""

    def __init__(self, device: torch.device | str = "cpu", start: float = START, patience: int = PATIENCE):
        self.patience = patience
        self.slots = {
            "scale.value": torch.tensor(start, dtype=torch.float32, device=device),
            "scale.good": torch.zeros((), dtype=torch.float32, device=device),
        }

    @property
    def value(self) -> Tensor:
        """The factor, a scalar on the device."""
        return self.slots["scale.value"]

    def undo(self, gradients: list[Tensor]) -> None:
        """Gradients of the scaled loss become those of the loss, in place."""
        torch._foreach_mul_(gradients, 1 / self.value)

    def learn(self, strength: Tensor) -> None:
        """After a step: strength 1 if its gradient was finite, 0 if it was skipped."""
        value, good = self.slots["scale.value"], self.slots["scale.good"]
        good.add_(1).mul_(strength)
        grown = (good >= self.patience).to(value.dtype)
        value.mul_(0.5 + 0.5 * strength).mul_(1 + grown).clamp_(LEAST, MOST)
        good.mul_(1 - grown)
