"""Which parameters learn how: matrices, tables and vectors by their shape and name, each with a rate and a decay.

Norms and biases never decay: nothing is gained by drawing them towards zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from groundup.model.dial import RATES
from groundup.training.settings import OptimizerSettings

BESIDE_MUON = 0.012  # of what AdamW does for it


@dataclass(frozen=True)
class Rule:
    """How some parameters learn."""

    rate: float
    decay: float = 0.0


def by_shape(parameters: dict[str, Tensor]) -> Iterable[list[str]]:
    """Names of parameters, those of one shape together."""
    shapes: dict[tuple[int, ...], list[str]] = {}
    for name, parameter in parameters.items():
        shapes.setdefault(tuple(parameter.shape), []).append(name)
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
    rate = settings.rate or RATES[settings.kind]
    elsewhere = BESIDE_MUON if settings.kind == "muon" else rate
    rules = {
        "matrix": Rule(rate, settings.decay),
        "table": Rule(settings.table_rate or elsewhere, settings.decay_tables),
        "vector": Rule(settings.vector_rate or elsewhere),
    }
    return {name: rules[kind_of(name, parameter)] for name, parameter in parameters.items()}
