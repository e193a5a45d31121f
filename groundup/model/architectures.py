"""What is built from settings: a family says which architecture it has, and here is the class of each."""

from typing import Any

import torch

from groundup.model.encoder_decoder import EncoderDecoder
from groundup.model.families import FAMILIES
from groundup.model.settings import ModelSettings
from groundup.model.stateful import StatefulModel
from groundup.model.transformer import Transformer

ARCHITECTURES: dict[str, type[Any]] = {
    "decoder": Transformer,
    "encoder_decoder": EncoderDecoder,
    "stateful": StatefulModel,
}


def build(
    settings: ModelSettings, seed: int | None = 0, attention: str = "plain", compute: torch.dtype | None = None
) -> Any:
    """The model that the settings describe, its start values drawn from the seed."""
    return ARCHITECTURES[FAMILIES[settings.family].architecture](settings, seed, attention, compute)
