"""Encoder-decoders small enough for a test, every parameter random; and the smallest cache they can write with."""

from typing import Any

import torch
from torch import Tensor

from groundup.model.encoder_decoder import EncoderDecoder
from groundup.model.settings import ModelSettings

torch.set_num_threads(1)

BASE: dict[str, Any] = {"width": 32, "depth": 2, "heads": 4, "head_width": 8, "hidden": 48, "vocabulary": 60}
SHAPES: dict[str, dict[str, Any]] = {
    "t5": {"family": "t5", "buckets": 8, "furthest": 20, "encoder": {"depth": 3, "scaled_head": True}},
    "t5 1.1": {
        "family": "t5", "buckets": 12, "furthest": 40, "feedforward": "geglu", "tied": False, "head_width": 10,
        "encoder": {"depth": 1},
    },
    "2017": {"family": "transformer2017", "encoder": {"depth": 2}},
    "marian": {
        "family": "marian", "feedforward": "silu", "embedding_scale": 32**0.5,
        "encoder": {"depth": 3, "heads": 2, "hidden": 40, "head_bias": True},
    },
}  # fmt: skip


def settings(shape: str, **changed: Any) -> ModelSettings:
    return ModelSettings(**{**BASE, **SHAPES[shape], **changed})


def model(shape: str, seed: int = 1, **changed: Any) -> EncoderDecoder:
    made = EncoderDecoder(settings(shape, **changed)).eval()
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=dice) * 0.3)
    return made


def ids(rows: int, time: int, seed: int = 2, vocabulary: int = 60) -> Tensor:
    return torch.randint(2, vocabulary, (rows, time), generator=torch.Generator().manual_seed(seed))


class TinyCache:
    """Keys so far side by side, with the position of each; and whatever is to be carried."""

    def __init__(self, depth: int, rows: int):
        self.k: list[Tensor | None] = [None] * depth
        self.v: list[Tensor | None] = [None] * depth
        self.at: list[Tensor | None] = [None] * depth
        self.lengths = torch.zeros(rows, dtype=torch.long)
        self.kept: dict[tuple[int, str], Tensor] = {}

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        at = positions
        if self.k[layer] is not None:
            k, v = torch.cat((self.k[layer], k), 2), torch.cat((self.v[layer], v), 2)
            at = torch.cat((self.at[layer], positions), 1)
        self.k[layer], self.v[layer], self.at[layer], self.places = k, v, at, at
        return k, v, at[:, None, :] <= positions[:, :, None]

    def carry(self, layer: int, name: str, state: Tensor) -> None:
        self.kept[layer, name] = state

    def carried(self, layer: int, name: str) -> Tensor | None:
        return self.kept.get((layer, name))
