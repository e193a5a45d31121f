"""What the gradients do to the weights: AdamW for anything, Muon for the matrices inside the layers.

Each keeps its own tensors in the state of the training, under names that say whose they are. A step whose gradient is
not finite has strength 0: decided on the device, it leaves weights and moments bit for bit as they were.
"""

# pyright: reportPrivateImportUsage=false
# (what torch's own optimizers call has names that torch does not export)

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from groundup.training.muon import orthogonalize
from groundup.training.settings import OptimizerSettings

State = dict[str, Tensor]


@dataclass(frozen=True)
class Rule:
    """How some parameters learn."""

    rate: float
    decay: float = 0.0


class AdamW:
    """Loshchilov and Hutter 2019, by torch's one-pass kernel; `adamw_by_definition` is the same in words."""

    def __init__(self, parameters: dict[str, Tensor], rules: dict[str, Rule], settings: OptimizerSettings):
        self.settings, self.slots = settings, {}
        self.groups: list[tuple[Rule, list[str]]] = []
        for rule in dict.fromkeys(rules[name] for name in parameters):
            self.groups.append((rule, [name for name in parameters if rules[name] == rule]))
        self.parameters = parameters
        for name, parameter in parameters.items():
            self.slots[f"adamw.mean.{name}"] = torch.zeros_like(parameter)
            self.slots[f"adamw.square.{name}"] = torch.zeros_like(parameter)
        if parameters:
            like = next(iter(parameters.values()))
            self.slots["adamw.steps"] = torch.zeros((), dtype=torch.float32, device=like.device)

    def update(self, gradients: dict[str, Tensor], factor: float, strength: Tensor) -> None:
        """One step at `factor` times the rates; strength 1, or 0 to leave everything as it is."""
        if not self.groups:
            return
        steps = self.slots["adamw.steps"].add_(strength)
        for rule, names in self.groups:
            torch._fused_adamw_(
                [self.parameters[name] for name in names],
                [gradients[name] for name in names],
                [self.slots[f"adamw.mean.{name}"] for name in names],
                [self.slots[f"adamw.square.{name}"] for name in names],
                [],
                [steps] * len(names),
                lr=rule.rate * factor,
                beta1=self.settings.beta1,
                beta2=self.settings.beta2,
                weight_decay=rule.decay,
                eps=self.settings.eps,
                amsgrad=False,
                maximize=False,
                found_inf=(1 - strength).float(),
            )


def adamw_by_definition(
    weight: Tensor, gradient: Tensor, mean: Tensor, square: Tensor, step: int, rule: Rule, settings: OptimizerSettings
) -> tuple[Tensor, Tensor, Tensor]:
    """(weight, mean, square) after step `step` = 1, 2, …: m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², w ← (1-ηλ)w - η·m̂/(√v̂+ε)."""
    mean = settings.beta1 * mean + (1 - settings.beta1) * gradient
    square = settings.beta2 * square + (1 - settings.beta2) * gradient**2
    unbiased_mean, unbiased_square = mean / (1 - settings.beta1**step), square / (1 - settings.beta2**step)
    weight = weight * (1 - rule.rate * rule.decay)
    return weight - rule.rate * unbiased_mean / (unbiased_square.sqrt() + settings.eps), mean, square


class Muon:
    """Jordan 2024: a matrix moves along its momentum with all singular values made one; the rest moves by AdamW."""

    def __init__(
        self, parameters: dict[str, Tensor], rules: dict[str, Rule], settings: OptimizerSettings, dtype: torch.dtype
    ):
        matrices = {name: value for name, value in parameters.items() if kind_of(name, value) == "matrix"}
        rest = {name: value for name, value in parameters.items() if name not in matrices}
        self.rest = AdamW(rest, rules, settings)
        self.settings, self.dtype, self.parameters = settings, dtype, parameters
        self.slots = dict(self.rest.slots)
        self.stacks: list[tuple[Rule, list[str], Tensor]] = []  # matrices of one shape are worked on together
        for names in by_shape(matrices):
            momentum = torch.zeros(len(names), *matrices[names[0]].shape, device=matrices[names[0]].device).to(
                matrices[names[0]].dtype
            )
            self.stacks.append((rules[names[0]], names, momentum))
            self.slots |= {f"muon.momentum.{name}": part for name, part in zip(names, momentum, strict=True)}

    def update(self, gradients: dict[str, Tensor], factor: float, strength: Tensor) -> None:
        """One step at `factor` times the rates; strength 1, or 0 to leave everything as it is."""
        self.rest.update(gradients, factor, strength)
        keep, failed = self.settings.momentum, strength == 0
        for rule, names, momentum in self.stacks:
            gradient = torch.stack([gradients[name] for name in names]).masked_fill_(failed, 0)
            momentum.mul_(1 - (1 - keep) * strength.to(momentum.dtype)).add_(gradient, alpha=1 - keep)
            ahead = gradient.lerp_(momentum, keep)  # Nesterov: look one step ahead
            # A stack of experts is as many matrices: (names, experts, rows, columns).
            direction = orthogonalize(ahead.flatten(0, -3), self.dtype).view_as(ahead)
            weights = [self.parameters[name] for name in names]
            if rule.decay:
                torch._foreach_mul_(weights, 1 - rule.rate * factor * rule.decay * strength)
            step = direction.to(momentum.dtype) * (-rule.rate * factor * stretch(momentum) * strength)
            torch._foreach_add_(weights, list(step.unbind()))


def stretch(matrix: Tensor) -> float:
    """A tall matrix of singular values one changes each output too little: √(rows / columns) mends it."""
    return max(1.0, matrix.shape[-2] / matrix.shape[-1]) ** 0.5


def by_shape(parameters: dict[str, Tensor]) -> Iterable[list[str]]:
    """Names of parameters, those of one shape together."""
    shapes: dict[torch.Size, list[str]] = {}
    for name, parameter in parameters.items():
        shapes.setdefault(parameter.shape, []).append(name)
    return shapes.values()


def kind_of(name: str, parameter: Tensor) -> str:
    """matrix, table (a row for each token or place, or the head) or vector: whatever no vector is multiplied with as a
    whole, like biases of each head, a filter of each channel, the speeds at which a state forgets."""
    weight = name.rsplit(".", 1)[-1].startswith("weight")
    if parameter.ndim < 2 or not weight or (parameter.ndim > 2 and parameter.shape[-2] == 1):
        return "vector"
    return "table" if any(part in name for part in ("embed_tokens", "positions", "lm_head")) else "matrix"


def rules_of(parameters: dict[str, Tensor], settings: OptimizerSettings) -> dict[str, Rule]:
    """Which rate and decay each parameter has: never a decay on norms and biases."""
    muon = settings.kind == "muon"
    rate = settings.rate or (0.03 if muon else 0.004)
    elsewhere = 0.012 if muon else rate
    rules = {
        "matrix": Rule(rate, settings.decay),
        "table": Rule(settings.table_rate or elsewhere, settings.decay_tables),
        "vector": Rule(settings.vector_rate or elsewhere),
    }
    return {name: rules[kind_of(name, parameter)] for name, parameter in parameters.items()}


OPTIMIZERS = {
    "adamw": lambda parameters, rules, settings, dtype: AdamW(parameters, rules, settings),
    "muon": Muon,
}


def optimizer(parameters: dict[str, Tensor], settings: OptimizerSettings, dtype: torch.dtype) -> AdamW | Muon:
    """The optimizer of that name over these parameters; matrix products inside it are done in `dtype`."""
    return OPTIMIZERS[settings.kind](parameters, rules_of(parameters, settings), settings, dtype)
