"""Which steps may reach the weights: none whose loss or gradient is no number or far outside what is usual.

All of it is decided on the device, from numbers that lie in the state: running mean and variance of the loss and of the
gradient's logarithm, and what became of each step since the last line of metrics, which the host reads only then.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

FORGET = 0.02  # the weight of a new step in the running mean and variance: about the last 50 steps count
YOUNG = 50  # steps before anything is called unusual
LEAST = 0.05  # nats, and logarithms of a length: no deviation counts as smaller, or a loss at rest could not stir
APPLIED, NOT_FINITE, UNUSUAL, ASKED = 0, 1, 2, 3
WHY = {
    NOT_FINITE: "its loss or gradient was not finite",
    UNUSUAL: "its loss or gradient was far above what is usual",
    ASKED: "training.skip says so",
}


class Guard:
    """Judges each step; `slots` is its part of the state."""

    def __init__(self, threshold: float, every: int, device: torch.device):
        self.threshold = threshold
        self.last: tuple[Tensor, Tensor] | None = None  # loss and length of the gradient of the last step judged
        self.slots = {
            "guard.became": torch.zeros(every, device=device),  # of step n at n % every: one of the four above
            "guard.learnt": torch.zeros((), device=device),  # steps that reached the weights, since the beginning
        }
        if threshold:
            self.slots |= {"guard.mean": torch.zeros(2, device=device), "guard.variance": torch.zeros(2, device=device)}

    def judge(self, step: int, loss: Tensor, norm: Tensor) -> Tensor:
        """1 if the step may be learnt from, else 0; loss and norm are scalars on the device."""
        self.last = loss, norm
        finite = norm.isfinite() & loss.isfinite()
        usual = self._usual(loss, norm, finite) if self.threshold else finite
        self.slots["guard.became"][step % len(self.slots["guard.became"])] = torch.where(
            finite, torch.where(usual, APPLIED, UNUSUAL), NOT_FINITE
        )
        strength = (finite & usual).to(norm.dtype)
        self.slots["guard.learnt"] += strength.float()
        return strength

    def leave_out(self, step: int) -> None:
        """Somebody asked for it beforehand."""
        self.slots["guard.became"][step % len(self.slots["guard.became"])] = ASKED

    def _usual(self, loss: Tensor, norm: Tensor, finite: Tensor) -> Tensor:
        """Whether neither is too far above its mean.

        What is too far counts as if it stood at the border: one leap is soon forgotten, and a new level is got used to.
        """
        mean, variance = self.slots["guard.mean"], self.slots["guard.variance"]
        seen = torch.stack([loss.float(), norm.float().clamp_min(1e-30).log()]).nan_to_num(0, 0, 0)
        border = mean + self.threshold * variance.sqrt().clamp_min(LEAST)
        young = self.slots["guard.learnt"] < YOUNG
        usual = (young | (seen <= border)).all()
        value = torch.where(young, seen, torch.minimum(seen, border))
        weight = torch.where(young, 1 / (self.slots["guard.learnt"] + 1), torch.full_like(mean[0], FORGET)) * finite
        away = value - mean
        mean += weight * away
        variance += weight * ((1 - weight) * away**2 - variance)
        return usual


def skipped(asked: Sequence[int | list[int]], step: int) -> bool:
    """Whether a step (1 is the first) is among those, or in one of those ranges, both ends included."""
    return any(step == one if isinstance(one, int) else one[0] <= step <= one[1] for one in asked)


def sentence(step: int, why: int, documents: Sequence[int]) -> str:
    """What a person is told of a step that was left out."""
    rows = ", ".join(map(str, documents)) or "unknown"
    return f"step {step} was skipped: {WHY[why]}; documents {rows}"
