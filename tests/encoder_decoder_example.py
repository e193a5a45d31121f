"""Encoder-decoders small enough for a test, every parameter random; and the smallest cache they can write with."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from groundup.model.encoder_decoder import EncoderDecoder
from groundup.model.encoder_decoder_settings import EncoderSettings

torch.set_num_threads(1)


class Stand(SimpleNamespace):
    def model_copy(self, update):
        return Stand(**{**self.__dict__, **update})


BASE = dict(width=32, depth=2, heads=4, kv_heads=4, head_width=8, hidden=48, vocabulary=60, context=128, tied=True)
SHAPES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "t5": (
        dict(norm="rms", norm_place="pre", positions="none", feedforward="relu", biases=False, eps=1e-6),
        dict(depth=3, buckets=8, furthest=20, scaled_head=True),
    ),
    "t5 1.1": (
        dict(norm="rms", norm_place="pre", positions="none", feedforward="geglu", biases=False, eps=1e-6, tied=False),
        dict(depth=1, buckets=8, furthest=20),
    ),
    "2017": (
        dict(norm="layer", norm_place="post", positions="sinusoidal", feedforward="relu", biases=True, eps=1e-5),
        dict(depth=2, scaled_embedding=True),
    ),
    "marian": (
        dict(norm="layer", norm_place="post", positions="sinusoidal_halves", feedforward="silu", biases=True, eps=1e-5),
        dict(depth=3, scaled_embedding=True, head_bias=True, heads=2, hidden=40),
    ),
}


def settings(shape: str, **changed: Any):
    outer, inner = SHAPES[shape]
    return Stand(family=shape, **{**BASE, **outer, **changed}, encoder=EncoderSettings(**inner))


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

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor):
        at = positions
        if self.k[layer] is not None:
            k, v = torch.cat((self.k[layer], k), 2), torch.cat((self.v[layer], v), 2)
            at = torch.cat((self.at[layer], positions), 1)
        self.k[layer], self.v[layer], self.at[layer] = k, v, at
        return k, v, at

    def carry(self, layer: int, name: str, tensor: Tensor) -> None:
        self.kept[layer, name] = tensor

    def carried(self, layer: int, name: str) -> Tensor | None:
        return self.kept.get((layer, name))
