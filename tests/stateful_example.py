"""Models that carry a state, small enough for a test, every parameter random and large."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from groundup.model.mamba_settings import MambaSettings
from groundup.model.stateful import LAYERS, StatefulModel
from groundup.model.transformer_xl_settings import TransformerXLSettings

torch.set_num_threads(1)  # small matrices, and other tests beside them

FAMILIES = list(LAYERS)
REACH = 7  # of Transformer-XL's memory: shorter than the texts of the tests
ONLY: dict[str, dict[str, Any]] = {
    "mamba": {"mamba": MambaSettings(state=4, rank=3)},
    "transformer_xl": {"transformer_xl": TransformerXLSettings(memory=REACH), "norm": "layer", "biases": True},
}


def settings(family: str, **changed: Any) -> Any:
    values: dict[str, Any] = {
        "family": family, "depth": 2, "width": 32, "heads": 2, "head_width": 12, "hidden": 48, "context": 128, "vocabulary": 90,
        "tied": True, "norm": "rms", "eps": 1e-5, "feedforward": "gelu", "biases": False,
    } | ONLY.get(family, {}) | changed  # fmt: skip
    return SimpleNamespace(**values)


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
