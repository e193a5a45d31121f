"""What all optimizers do alike: go through the groups, add penalties to gradients, fetch moments and keep them again.

Each keeps its own tensors in the state of the training, under names that say whose they are. A step whose gradient is
not finite has strength 0: decided on the device, it leaves weights and moments bit for bit as they were.
"""

# pyright: reportPrivateImportUsage=false
# (what torch's own optimizers call has names that torch does not export)

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from groundup.training.optimizers.rules import Rule
from groundup.training.optimizers.storage import Kept, keep
from groundup.training.settings import OptimizerSettings

BUNDLE = 1 << 24  # numbers whose moments are wide at once, where they are not kept so
NEAR = (
    1 << 19
)  # numbers whose gradients are wide at once, where they come short: they stay in the cache until they are used

Moments = dict[str, list[Tensor]]


@dataclass(frozen=True)
class Now:
    """One step for one group: its rate and decoupled decay, how many steps there were with it, and 1 or 0."""

    rate: float
    decay: float
    steps: Tensor
    strength: Tensor


class Grouped:
    """Parameters, their moments and how they change. Subclasses say which moments there are and what a step is."""

    name: ClassVar[str]
    squares: ClassVar[tuple[str, ...]] = ()  # those of its moments that are means of squares

    def __init__(
        self, parameters: dict[str, Tensor], rules: dict[str, Rule], settings: OptimizerSettings, dtype: torch.dtype
    ):
        self.parameters, self.settings, self.dtype = parameters, settings, dtype
        self.slots: dict[str, Tensor] = {}
        self.kept: dict[str, dict[str, Kept]] = {}  # of each parameter
        groups: dict[tuple[Rule, tuple[str, ...]], list[str]] = {}
        for name, parameter in parameters.items():
            zeros = self.zeros(name, parameter)
            groups.setdefault((rules[name], tuple(zeros)), []).append(name)
            self.kept[name] = {}
            for moment, zero in zeros.items():
                full = f"{self.name}.{moment}.{name}"
                self.kept[name][moment] = keep(settings.state, zero, full, moment in self.squares)
                self.slots |= self.kept[name][moment].slots(full)
        self.groups = [(rule, names) for (rule, _), names in groups.items()]
        if parameters:
            like = next(iter(parameters.values()))
            self.slots[f"{self.name}.steps"] = torch.zeros((), dtype=torch.float32, device=like.device)

    def zeros(self, name: str, parameter: Tensor) -> dict[str, Tensor]:
        """The moments of a parameter before the first step."""
        raise NotImplementedError

    def change(self, weights: list[Tensor], gradients: list[Tensor], moments: Moments, now: Now) -> None:
        """One step of some parameters and their moments, in place. Gradients are used up."""
        raise NotImplementedError

    @torch.no_grad()
    def update(self, gradients: Mapping[str, Tensor], factor: float, strength: Tensor) -> None:
        """One step at `factor` times the rates; strength 1, or 0 to leave everything as it is. Gradients are used up."""
        if not self.groups:
            return
        steps = self.slots[f"{self.name}.steps"].add_(strength)
        for rule, group in self.groups:
            for names in self._bundles(group, not isinstance(gradients, dict)):
                weights = [self.parameters[name] for name in names]
                given = [gradients[name] for name in names]
                decay = penalise(given, weights, rule.decay, self.settings.decay_way)
                moments = {moment: [self.kept[name][moment].read() for name in names] for moment in self.kept[names[0]]}
                now = Now(rule.rate * factor, decay, steps, strength.to(weights[0].dtype))
                self.change(weights, given, moments, now)
                for moment, values in moments.items():
                    for name, value in zip(names, values, strict=True):
                        self.kept[name][moment].write(value, steps)

    def _bundles(self, names: list[str], short: bool = False) -> Iterator[list[str]]:
        """All at once where moments are wide anyway, else as many as may be wide together; fewer where gradients are `short`."""
        if self.settings.state == "f32" and not short:
            yield names
            return
        few, size, most = [], 0, NEAR if short else BUNDLE
        for name in names:
            if few and size + self.parameters[name].numel() > most:
                yield few
                few, size = [], 0
            few.append(name)
            size += self.parameters[name].numel()
        yield few


def penalise(gradients: list[Tensor], weights: list[Tensor], decay: float, way: str) -> float:
    """Adds to the gradients what a penalty on the weights would: λw for λ/2·‖w‖² (l2), λ·sign w for λ·‖w‖₁ (l1).
    Returns what is left to be done apart from the gradient."""
    if not decay or way == "decoupled":
        return decay
    slopes = weights if way == "l2" else torch._foreach_sign(weights)
    torch._foreach_add_(gradients, slopes, alpha=decay)
    return 0.0


def hush(gradients: list[Tensor], now: Now) -> None:
    """Zero instead of what a step of strength 0 may hold."""
    for gradient in gradients:
        gradient.masked_fill_(now.strength == 0, 0)


def fade(moments: list[Tensor], share: float, now: Now) -> None:
    """Keep so much of each moment; all of it in a step of strength 0."""
    torch._foreach_mul_(moments, 1 - (1 - share) * now.strength)


def shrink(weights: list[Tensor], now: Now) -> None:
    """Decoupled decay: w ← (1 - ηλ)·w."""
    if now.decay:
        torch._foreach_mul_(weights, 1 - now.rate * now.decay * now.strength)
