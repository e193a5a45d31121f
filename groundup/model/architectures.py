"""What is built from settings: a family says which architecture it has, its head which class reads it out."""

from typing import Any

import torch

from groundup.errors import Problem
from groundup.model.config_json import checked
from groundup.model.encoder import Encoder
from groundup.model.encoder_decoder import EncoderDecoder
from groundup.model.families import FAMILIES
from groundup.model.foreseeing import Foreseeing
from groundup.model.head_settings import WRITING, HeadSettings
from groundup.model.headed import Headed
from groundup.model.settings import ModelSettings
from groundup.model.stateful import StatefulModel
from groundup.model.transformer import Transformer

# architecture -> head -> class; under "" the class for all other heads.
ARCHITECTURES: dict[str, dict[str, type[Any]]] = {
    "decoder": {"next_token": Transformer, "ahead": Foreseeing, "": Headed},
    "encoder": {"": Encoder},
    "encoder_decoder": {"": EncoderDecoder},
    "stateful": {"": StatefulModel},
}


def build(
    settings: ModelSettings, seed: int | None = 0, attention: str = "plain", compute: torch.dtype | None = None
) -> Any:
    """The model that the settings describe, its start values drawn from the seed."""
    classes = ARCHITECTURES[FAMILIES[settings.family].architecture]
    return classes.get(settings.head.kind, classes.get("", Transformer))(settings, seed, attention, compute)


def with_head(model: Any, head: HeadSettings, seed: int = 0) -> Any:
    """The same layers under a fresh head of another kind: what was learnt of a language is put to another use."""
    values = model.settings.model_dump() | {"head": head.model_dump()}
    made = build(checked(values, "the new head"), seed, model.attention, model.compute)
    kept, shapes = model.state_dict(), made.state_dict()
    made.load_state_dict(
        {name: kept[name] for name in kept if name in shapes and not name.startswith("readout.")}, strict=False
    )
    return made.to(next(model.parameters()).device)


def must_write(settings: ModelSettings) -> None:
    """A Problem if a model of these settings only reads."""
    if settings.head.kind not in WRITING:
        what = "an encoder" if FAMILIES[settings.family].architecture == "encoder" else "a decoder"
        raise Problem(
            f"this model reads and does not write: it is {what} of the family {settings.family} with the head "
            f"{settings.head.kind}. Load it with groundup.model.folder.load to read with it; to write, take a model whose "
            f"head is next_token."
        )
