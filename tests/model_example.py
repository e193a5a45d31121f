"""Models of every family small enough for a test, every parameter random and large; and the smallest cache there is."""

from typing import Any

import torch
from torch import Tensor

from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.tokenizer import Tokenizer, chat

torch.set_num_threads(1)  # small matrices, and other tests beside them

SHAPES: dict[str, dict[str, Any]] = {
    "qwen3": {"family": "qwen3", "heads": 4, "kv_heads": 2},
    "qwen3 untied": {"family": "qwen3", "heads": 3, "head_width": 16, "tied": False, "rope_base": 5_000.0},
    "llama": {"family": "llama", "heads": 4, "kv_heads": 2},
    "llama untied": {"family": "llama", "heads": 2, "tied": False},
    "gpt2": {"family": "gpt2", "heads": 4},
}
TEXT = "It's 12345 o'clock: the cat, 日本 and äöü sat.\n\n  On THE mat; they're done! "


def settings(shape: str = "qwen3", **changed: Any) -> ModelSettings:
    values = {"depth": 2, "width": 64, "hidden": 96, "context": 128, "vocabulary": 300, **SHAPES[shape], **changed}
    return ModelSettings(**values)


def model(shape: str = "qwen3", seed: int = 1, **changed: Any) -> Transformer:
    """Every parameter random: nothing that a mistake could hide behind is zero or one."""
    made = Transformer(settings(shape, **changed)).eval()
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=dice) * 0.3)
    return made


def ids(rows: int = 2, time: int = 24, vocabulary: int = 300, seed: int = 2) -> Tensor:
    return torch.randint(vocabulary, (rows, time), generator=torch.Generator().manual_seed(seed))


def tokenizer(size: int = 300) -> Tokenizer:
    return Tokenizer.train(TEXT * 20, size, specials=chat.specials("plain"))


class TinyCache:
    """All keys so far, side by side; rows may have different lengths, slots beyond a row's length are never seen."""

    def __init__(self, depth: int, rows: int):
        self.k: list[Tensor | None] = [None] * depth
        self.v: list[Tensor | None] = [None] * depth
        self.at: list[Tensor | None] = [None] * depth  # the position that each slot holds; -1: nothing
        self.lengths = torch.zeros(rows, dtype=torch.long)

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if self.k[layer] is not None:
            k, v = torch.cat((self.k[layer], k), 2), torch.cat((self.v[layer], v), 2)
            at = torch.cat((self.at[layer], positions), 1)
        else:
            at = positions
        self.k[layer], self.v[layer], self.at[layer] = k, v, at
        return k, v, (at[:, None, :] <= positions[:, :, None]) & (at >= 0)[:, None, :]
