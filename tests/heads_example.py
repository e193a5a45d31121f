"""Models under every head, small enough for a test, every parameter random and large; and texts of different lengths."""

from typing import Any

import torch
from torch import Tensor

from groundup.model.architectures import build
from groundup.model.settings import ModelSettings

torch.set_num_threads(1)

SIZES = {"depth": 2, "width": 48, "hidden": 80, "heads": 4, "context": 64, "vocabulary": 90}
ENCODERS: dict[str, dict[str, Any]] = {
    "bert masked": {"family": "bert", "head": {"kind": "masked"}},
    "bert next sentence": {"family": "bert", "head": {"kind": "next_sentence"}},
    "bert pretraining": {"family": "bert", "token_types": 3},
    "bert classes": {"family": "bert", "head": {"kind": "classify_first", "classes": 5}},
    "roberta masked": {"family": "roberta"},
    "roberta classes": {"family": "roberta", "head": {"kind": "classify_first", "classes": 3}, "position_offset": 5},
}
DECODERS: dict[str, dict[str, Any]] = {
    f"{family} {kind}": {"family": family, "head": head, **parts}
    for family, parts in {
        "llama": {"kv_heads": 2, "tied": False}, "qwen3": {"kv_heads": 2}, "gpt2": {}, "qwen2": {}, "mistral": {},
    }.items()
    for kind, head in {"classes": {"kind": "classify_last", "classes": 3}, "reward": {"kind": "reward"}}.items()
}  # fmt: skip
# Heads that nobody else has a class for.
OURS: dict[str, dict[str, Any]] = {
    "value": {"family": "qwen3", "head": {"kind": "value"}},
    "value of an encoder": {"family": "bert", "head": {"kind": "value"}},
    "reward of an encoder": {"family": "roberta", "head": {"kind": "reward"}},
    "classes of an encoder's last": {"family": "bert", "head": {"kind": "classify_last", "classes": 4}},
    "masked, untied": {"family": "bert", "head": {"kind": "masked"}, "tied": False},
    "masked, other parts": {"family": "bert", "positions": "rotary", "norm_place": "pre", "norm": "rms"},
    "masked, alibi": {"family": "roberta", "positions": "alibi", "feedforward": "swiglu"},
}
HEADED = ENCODERS | DECODERS | OURS


def settings(shape: str, **changed: Any) -> ModelSettings:
    return ModelSettings(**{**SIZES, **HEADED.get(shape, {}), **changed})


def shaken(made: Any, seed: int = 1) -> Any:
    """Every parameter random."""
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=dice) * 0.3)
    return made.eval()


def model(shape: str, seed: int = 1, **changed: Any) -> Any:
    return shaken(build(settings(shape, **changed)), seed)


def ids(rows: int = 3, time: int = 20, vocabulary: int = 90, seed: int = 2, first: int = 6) -> Tensor:
    """Ids of words alone: those below `first` are kept for padding and its like."""
    return torch.randint(first, vocabulary, (rows, time), generator=torch.Generator().manual_seed(seed))


def lengths(time: int = 20) -> Tensor:
    """Where there is a token (3, time): all, half, three."""
    return torch.arange(time)[None] < torch.tensor([time, time // 2, 3])[:, None]
