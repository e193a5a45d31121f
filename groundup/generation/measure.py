"""How well a model foretells a text: bits for each byte, so that models with different tokenizers can be compared."""

import math
import time as clock
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from groundup.data.shards import Shards
from groundup.errors import Problem

TOGETHER = 8  # rows in one forward pass


@torch.inference_mode()
def bits_per_byte(model: nn.Module, shards: Shards, rows: int, time: int) -> float:
    """Mean over up to `rows` windows of `time` tokens, spread evenly over the shards; a byte is a byte of the text."""
    tokens = len(shards.tokens)
    time = min(time, tokens - 1)
    if time < 1 or not shards.text_bytes:
        raise Problem(f"{shards.folder} holds {tokens} tokens: too few to measure anything on.")
    windows = (tokens - 1) // time
    starts = np.unique(np.linspace(0, windows - 1, min(rows, windows)).astype(np.int64)) * time
    device = next(iter(model.state_dict().values())).device
    nats = 0.0
    for first in range(0, len(starts), TOGETHER):
        at = starts[first : first + TOGETHER, None] + np.arange(time + 1)
        texts = torch.from_numpy(np.asarray(shards.tokens[at], np.int64)).to(device)
        logits = model(texts[:, :-1]).float().flatten(0, 1)
        nats += F.cross_entropy(logits, texts[:, 1:].flatten(), reduction="sum").double().item()
    bytes_read = len(starts) * time * shards.text_bytes / tokens
    return nats / math.log(2) / bytes_read


def held_out(model: Any, data: Path, rows: int) -> tuple[float, int]:
    """(bits per byte, tokens/s) on the held-out part of a folder of tokens, in windows of the model's context."""
    shards = Shards(data / "val" if (data / "val").is_dir() else data)
    length = min(model.settings.context, len(shards.tokens) - 1)
    start = clock.perf_counter()
    bits = bits_per_byte(model, shards, rows, length)
    read = min(rows, (len(shards.tokens) - 1) // max(1, length)) * length
    return bits, round(read / (clock.perf_counter() - start))
