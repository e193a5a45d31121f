"""Muon (Jordan 2024): a matrix moves along its momentum with all singular values made one; the rest moves by AdamW."""

# pyright: reportPrivateImportUsage=false

from collections.abc import Callable, Mapping
from typing import ClassVar

import torch
from torch import Tensor

from groundup.training.optimizers.adam import AdamW
from groundup.training.optimizers.grouped import Grouped, Now, penalise
from groundup.training.optimizers.orthogonal import POLYNOMIALS, orthogonalize, orthogonalize_by_decomposition
from groundup.training.optimizers.rules import Rule, by_shape, kind_of
from groundup.training.optimizers.storage import Whole, keep
from groundup.training.settings import OptimizerSettings


class Muon(Grouped):
    """Matrices of one shape are worked on together, in a stack; `rest` has all that is no matrix."""

    name: ClassVar[str] = "muon"

    def __init__(
        self, parameters: dict[str, Tensor], rules: dict[str, Rule], settings: OptimizerSettings, dtype: torch.dtype
    ):
        matrices = {name: value for name, value in parameters.items() if kind_of(name, value) == "matrix"}
        super().__init__({}, rules, settings, dtype)
        self.parameters = parameters
        rest = {name: value for name, value in parameters.items() if name not in matrices}
        self.rest = AdamW(rest, rules, settings, dtype)
        self.slots = dict(self.rest.slots)
        self.stacks: list[tuple[Rule, list[str], Tensor | None]] = []  # the momentum, where it is kept whole
        for names in by_shape(matrices):
            zeros = torch.stack([torch.zeros_like(matrices[name]) for name in names])
            for name, zero in zip(names, zeros, strict=True):
                kept = keep(settings.state, zero, f"muon.momentum.{name}")
                self.kept[name] = {"momentum": kept}
                self.slots |= kept.slots(f"muon.momentum.{name}")
            whole = isinstance(self.kept[names[0]]["momentum"], Whole)
            self.stacks.append((rules[names[0]], names, zeros if whole else None))
        if matrices and settings.state == "bf16":  # what keys the noise of rounding
            device = next(iter(matrices.values())).device
            self.slots["muon.steps"] = torch.zeros((), dtype=torch.float32, device=device)

    @torch.no_grad()
    def update(self, gradients: Mapping[str, Tensor], factor: float, strength: Tensor) -> None:
        """One step at `factor` times the rates; strength 1, or 0 to leave everything as it is."""
        self.rest.update(gradients, factor, strength)
        steps = self.slots["muon.steps"].add_(strength) if "muon.steps" in self.slots else strength
        for rule, group, whole in self.stacks:
            for names in [group] if whole is not None else self._bundles(group):
                held = [self.kept[name]["momentum"] for name in names]
                momentum = torch.stack([each.read() for each in held]) if whole is None else whole
                now = Now(rule.rate * factor, rule.decay, steps, strength.to(momentum.dtype))
                self._move(names, [gradients[name] for name in names], momentum, now)
                for each, value in zip(held, momentum, strict=True):
                    each.write(value, steps)

    def _move(self, names: list[str], gradients: list[Tensor], momentum: Tensor, now: Now) -> None:
        """One step of matrices of one shape; momentum (n, …, rows, columns) is changed in place."""
        keep, weights = self.settings.momentum, [self.parameters[name] for name in names]
        decay = penalise(gradients, weights, now.decay, self.settings.decay_way)
        gradient = torch.stack(gradients).masked_fill_(now.strength == 0, 0)
        momentum.mul_(1 - (1 - keep) * now.strength).add_(gradient, alpha=1 - keep)
        ahead = gradient.lerp_(momentum, keep)  # Nesterov: look one step ahead
        # A stack of experts is as many matrices: (names, experts, rows, columns).
        polynomials = POLYNOMIALS[self.settings.polynomial]
        direction = orthogonalize(ahead.flatten(0, -3), self.dtype, polynomials).view_as(ahead)
        if decay:
            torch._foreach_mul_(weights, 1 - now.rate * decay * now.strength)
        reach = STRETCHES[self.settings.stretch](momentum)
        step = direction.to(momentum.dtype) * (-now.rate * reach * now.strength)
        torch._foreach_add_(weights, list(step.unbind()))


def muon(
    weight: Tensor,
    gradient: Tensor,
    kept: dict[str, Tensor],
    step: int,
    rate: float,
    decay: float,
    settings: OptimizerSettings,
) -> tuple[Tensor, dict[str, Tensor]]:
    """m ← μm + (1-μ)g, U·S·Vᵀ = (1-μ)g + μm, w ← (1-ηλ)w - η·stretch·U·Vᵀ, by a real decomposition."""
    momentum = settings.momentum * kept["momentum"] + (1 - settings.momentum) * gradient
    ahead = (1 - settings.momentum) * gradient + settings.momentum * momentum
    direction = orthogonalize_by_decomposition(ahead) * STRETCHES[settings.stretch](weight)
    return (1 - rate * decay) * weight - rate * direction, {"momentum": momentum}


def by_shape_alone(matrix: Tensor) -> float:
    """A tall matrix of singular values one changes each output too little: √(rows / columns) mends it."""
    return max(1.0, matrix.shape[-2] / matrix.shape[-1]) ** 0.5


def as_adamw(matrix: Tensor) -> float:
    """A root mean square of 0.2, which is what AdamW's steps have: its rates and decays then fit (Liu et al. 2025)."""
    return 0.2 * max(matrix.shape[-2:]) ** 0.5


STRETCHES: dict[str, Callable[[Tensor], float]] = {"shape": by_shape_alone, "adamw": as_adamw}
