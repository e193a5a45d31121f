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
    "qwen2": {"family": "qwen2", "heads": 4, "kv_heads": 1},
    "mistral": {"family": "mistral", "heads": 4, "kv_heads": 2, "pattern": ["window"], "window": 7},
    "gemma2": {"family": "gemma2", "heads": 4, "kv_heads": 2, "head_width": 8, "window": 6, "attention_cap": 4.0,
               "logit_cap": 3.0, "attention_scale": 24**-0.5},
    "gemma3": {"family": "gemma3", "heads": 4, "kv_heads": 1, "pattern": ["window", "full"], "window": 5,
               "local_rope_base": 300.0},
    "olmo2": {"family": "olmo2", "heads": 4, "kv_heads": 2, "tied": False},
    "phi3": {"family": "phi3", "heads": 4, "kv_heads": 2, "rope_share": 0.5, "tied": False},
    "phi3 windows": {"family": "phi3", "heads": 2, "pattern": ["window"], "window": 7},
    "gpt_neox": {"family": "gpt_neox", "heads": 4, "tied": False},
    "gpt_neox in turn": {
        "family": "gpt_neox",
        "heads": 2,
        "parallel": False,
        "biases": "feedforward",
        "rope_share": 1.0,
    },
}  # fmt: skip
# Parts that no family of these has a name for: what holds for SHAPES must hold for them too.
VARIANTS: dict[str, dict[str, Any]] = {
    "blocks": {"pattern": ["blocks"], "window": 5},
    "strided": {"pattern": ["strided", "full"], "window": 4},
    "windows at times": {"pattern": ["window", "full"], "window": 6, "local_rope_base": 300.0},
    "alibi": {"positions": "alibi", "heads": 6, "head_width": 16, "kv_heads": 3},
    "alibi in windows": {"positions": "alibi", "pattern": ["window"], "window": 6},
    "relative": {"positions": "relative", "buckets": 8, "furthest": 20},
    "relative in windows": {
        "positions": "relative",
        "pattern": ["window", "full"],
        "window": 6,
        "heads": 8,
        "kv_heads": 2,
    },
    "sandwich": {"norm_place": "sandwich", "norm": "rms_one", "attention_cap": 3.0, "logit_cap": 5.0},
    "output": {"norm_place": "output", "qk_norm": "whole", "kv_heads": 1, "attention_scale": 0.2},
    "post": {"norm_place": "post", "norm": "layer", "positions": "sinusoidal", "feedforward": "relu"},
    "parallel": {"parallel": True, "rope_share": 0.5, "biases": True, "embedding_scale": 3.0},
    "relu2": {"feedforward": "relu2", "rope_scaling": {"kind": "yarn", "factor": 4, "original": 8}},
}
# Layers with experts, latents and convolutions; their families are held against transformers in files of their own.
ROUTED: dict[str, dict[str, Any]] = {
    "mixtral": {"family": "mixtral", "heads": 4, "kv_heads": 2, "experts": {"count": 4, "chosen": 2}},
    "shared experts": {
        "experts": {"count": 6, "chosen": 3, "hidden": 40, "shared": 56, "dense": 1, "scale": 1.5, "normalise": False},
    },
    "experts in groups": {
        "experts": {"count": 8, "chosen": 3, "hidden": 40, "groups": 4, "chosen_groups": 2, "router": "sigmoid",
                    "correction": True},
    },
    "lfm2": {"family": "lfm2", "heads": 4, "kv_heads": 2, "pattern": ["conv", "full"]},
    "long convolutions": {"pattern": ["full", "conv"], "convolution": 7},
    "latent": {"pattern": ["latent"], "latent": {"kv_rank": 20, "rope": 8, "plain": 12, "value": 10}, "heads": 4},
    "deepseek v3": {"family": "deepseek_v3", "heads": 4, "latent": {"query_rank": 24, "kv_rank": 16, "rope": 8, "plain": 12},
                    "experts": {"count": 6, "chosen": 3, "hidden": 40, "shared": 40, "dense": 1, "router": "sigmoid",
                                "correction": True, "groups": 3, "chosen_groups": 2},
                    "rope_scaling": {"kind": "yarn", "factor": 4, "original": 32, "mscale": 0.7, "mscale_all": 0.4}},
}  # fmt: skip
EVERY = SHAPES | VARIANTS | ROUTED
TEXT = "It's 12345 o'clock: the cat, 日本 and äöü sat.\n\n  On THE mat; they're done! "


def settings(shape: str = "qwen3", **changed: Any) -> ModelSettings:
    values = {"depth": 2, "width": 64, "hidden": 96, "context": 128, "vocabulary": 300, **EVERY[shape], **changed}
    return ModelSettings(**values)


def model(shape: str = "qwen3", seed: int = 1, **changed: Any) -> Transformer:
    """Every parameter random: nothing that a mistake could hide behind is zero or one."""
    made = Transformer(settings(shape, **changed)).eval()
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.state_dict().values():
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
        self.states: dict[tuple[int, str], Tensor] = {}

    @property
    def places(self) -> Tensor:
        return self.at[self.last]

    def carried(self, layer: int, name: str) -> Tensor | None:
        return self.states.get((layer, name))

    def carry(self, layer: int, name: str, state: Tensor) -> None:
        self.states[layer, name] = state

    def extend(self, layer: int, k: Tensor, v: Tensor, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        if self.k[layer] is not None:
            k, v = torch.cat((self.k[layer], k), 2), torch.cat((self.v[layer], v), 2)
            at = torch.cat((self.at[layer], positions), 1)
        else:
            at = positions
        self.k[layer], self.v[layer], self.at[layer], self.last = k, v, at, layer
        return k, v, (at[:, None, :] <= positions[:, :, None]) & (at >= 0)[:, None, :]
