"""Every optimizer by its name, and beside it the formula that it must equal."""

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from groundup.training.optimizers.adafactor import Adafactor, adafactor
from groundup.training.optimizers.adam import AdamW, adamw
from groundup.training.optimizers.lion import Lion, lion
from groundup.training.optimizers.muon import Muon, muon
from groundup.training.optimizers.rmsprop import RMSProp, rmsprop
from groundup.training.optimizers.rules import rules_of
from groundup.training.optimizers.sgd import SGD, sgd
from groundup.training.settings import OptimizerSettings


class Optimizer(Protocol):
    """What the loop knows of an optimizer."""

    slots: dict[str, Tensor]  # its part of the state of the training

    def update(self, gradients: Mapping[str, Tensor], factor: float, strength: Tensor) -> None:
        """One step at `factor` times the rates; strength 1, or 0 to leave everything as it is. Gradients are used up."""
        ...


OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSProp,
    "adam": AdamW,  # its decay goes into the gradient: see OptimizerSettings.decay_way
    "adamw": AdamW,
    "lion": Lion,
    "adafactor": Adafactor,
    "muon": Muon,
}
# (weight, gradient, moments, step = 1, 2, …, rate, decoupled decay, settings) -> (weight, moments)
DEFINITIONS = {
    "sgd": sgd,
    "rmsprop": rmsprop,
    "adam": adamw,
    "adamw": adamw,
    "lion": lion,
    "adafactor": adafactor,
    "muon": muon,
}


def optimizer(parameters: dict[str, Tensor], settings: OptimizerSettings, dtype: torch.dtype) -> Optimizer:
    """The optimizer of that name over these parameters; matrix products inside it are done in `dtype`."""
    return OPTIMIZERS[settings.kind](parameters, rules_of(parameters, settings), settings, dtype)
