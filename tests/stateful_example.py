"""Models that carry a state, small enough for a test, every parameter random and large."""

from typing import Any

import torch
from torch import Tensor

from groundup.model.settings import ModelSettings
from groundup.model.stateful import LAYERS, StatefulModel

torch.set_num_threads(1)  # small matrices, and other tests beside them

FAMILIES = list(LAYERS)
REACH = 7  # of Transformer-XL's memory: shorter than the texts of the tests
ONLY: dict[str, dict[str, Any]] = {
    "mingru": {"hidden": 48},
    "mamba": {"mamba": {"state": 4, "rank": 3}},
    "transformer_xl": {"transformer_xl": {"memory": REACH}, "hidden": 48, "heads": 2, "head_width": 12},
}


def settings(family: str, **changed: Any) -> ModelSettings:
    values = {"family": family, "depth": 2, "width": 32, "context": 128, "vocabulary": 90, **ONLY.get(family, {})}
    return ModelSettings.model_validate(values | changed)


def model(family: str, seed: int = 1, **changed: Any) -> StatefulModel:
    """Every parameter random: nothing that a mistake could hide behind is zero or one."""
    made = StatefulModel(settings(family, **changed)).eval()
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=dice) * 0.3)
    return made


def ids(rows: int = 2, time: int = 24, seed: int = 2) -> Tensor:
    return torch.randint(90, (rows, time), generator=torch.Generator().manual_seed(seed))
