"""How well a model foretells a text: bits for each byte, so that models with different tokenizers can be compared.

And what became of a model that was made smaller: how far its distribution over the next token is from what it was, and how
fast it writes.
"""

import math
import time as clock
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.generation.compiled_step import decoder_for
from groundup.generation.engine import Engine, Request

TOGETHER = 8  # rows in one forward pass


@torch.inference_mode()
def bits_per_byte(model: nn.Module, shards: Shards, rows: int, time: int) -> float:
    """Mean over up to `rows` windows of `time` tokens, spread evenly over the shards; a byte is a byte of the text."""
    nats, read = 0.0, 0
    for texts in windows(shards, rows, time, device_of(model)):
        logits = model(texts[:, :-1]).float().flatten(0, 1)
        nats += F.cross_entropy(logits, texts[:, 1:].flatten(), reduction="sum").double().item()
        read += texts[:, 1:].numel()
    return in_bits(nats, read, shards)


@dataclass(frozen=True)
class Compared:
    """What a changed model makes of a text beside the one it was: bits per byte, KL(before | after) in nats a token, and the
    share of places where both find the same token likeliest."""

    bits_per_byte: float
    nats: float
    same: float


@torch.inference_mode()
def compared(before: nn.Module, after: nn.Module, shards: Shards, rows: int, time: int) -> Compared:
    """Both models on the same windows as `bits_per_byte` reads."""
    nats, far, same, read = 0.0, 0.0, 0, 0
    for texts in windows(shards, rows, time, device_of(before)):
        told, known = (model(texts[:, :-1]).float().flatten(0, 1) for model in (after, before))
        nats += F.cross_entropy(told, texts[:, 1:].flatten(), reduction="sum").double().item()
        same += int((told.argmax(-1) == known.argmax(-1)).sum())
        p, q = known.log_softmax(-1), told.log_softmax(-1)
        far += (p.exp() * (p - q)).sum().double().item()
        read += len(told)
    return Compared(in_bits(nats, read, shards), far / read, same / read)


def windows(shards: Shards, rows: int, time: int, device: torch.device) -> Iterator[torch.Tensor]:
    """Up to `rows` windows of `time` tokens and the one after them, spread evenly, a few at a time (rows, time + 1)."""
    tokens = len(shards.tokens)
    time = min(time, tokens - 1)
    if time < 1 or not shards.text_bytes:
        raise Problem(f"{shards.folder} holds {tokens} tokens: too few to measure anything on.")
    there = (tokens - 1) // time
    starts = np.unique(np.linspace(0, there - 1, min(rows, there)).astype(np.int64)) * time
    for first in range(0, len(starts), TOGETHER):
        at = starts[first : first + TOGETHER, None] + np.arange(time + 1)
        yield torch.from_numpy(np.asarray(shards.tokens[at], np.int64)).to(device)


def in_bits(nats: float, read: int, shards: Shards) -> float:
    """The surprise at so many tokens, in bits for each byte of the text they stand for."""
    return nats / math.log(2) / (read * shards.text_bytes / len(shards.tokens))


def device_of(model: nn.Module) -> torch.device:
    """Where the model computes."""
    return next(iter(model.state_dict().values())).device


def writing_speed(model: Any, count: int) -> float:
    """tokens/s while one text alone is written, the way it would be served: `count` tokens after a prompt of sixteen, the
    faster of two times."""
    ids = [number % model.settings.vocabulary for number in range(16)][: model.settings.context - 1]
    count, best = min(count, model.settings.context - len(ids)), 0.0
    decoder = decoder_for(model)
    for _ in range(2):
        engine = Engine(model, slots=1, decoder=decoder)
        engine.add(Request(ids, max_tokens=count))
        engine.step()  # reads the prompt
        start, made = clock.perf_counter(), 0
        while not engine.idle:
            made += len(engine.step())
        best = max(best, made / max(clock.perf_counter() - start, 1e-9))
    return best


def held_out(data: Path) -> Shards:
    """The part of a folder of tokens that is kept back to measure on; all of it if it has no parts."""
    return Shards(data / "val" if (data / "val").is_dir() else data)
