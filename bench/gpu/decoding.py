"""Writing on one card: tokens/s of one text and of several, by the model as it is, by steps of fixed shapes, and by graphs."""

import time
from typing import Any

import torch

from bench.gpu.contestants import Contestant
from bench.gpu.training import Card
from groundup.generation.captured_step import CapturedStep
from groundup.generation.engine import Engine, Request
from groundup.generation.static_step import StaticStep
from groundup.model.transformer import Transformer

READ = 64  # tokens of a prompt


def ways(model: Transformer, card: Card) -> dict[str, Any]:
    """What writes, by name."""
    found: dict[str, Any] = {"model": None, "static": StaticStep(model)}
    return found | ({"graphs": CapturedStep(model)} if card.device == "cuda" else {})


def speeds(who: Contestant, vocabulary: int, card: Card, texts: int, written: int) -> dict[str, Any]:
    """tokens/s after everybody has warmed up on a text of the same length, the ways taking turns, the better of two counts."""
    model = Transformer(who.sizes(vocabulary)).to(card.device, card.precision).eval()
    model.attention = "fused"
    found: dict[str, float] = {}
    contestants = ways(model, card)
    for turn in range(3):
        for name, decoder in contestants.items():
            speed = tokens_a_second(model, decoder, texts, written)
            if turn:
                found[name] = max(found.get(name, 0.0), speed)
    weights = sum(tensor.nbytes for tensor in model.state_dict().values())
    best = max(found.values())
    return {
        "part": "decode",
        "model": who.name,
        "texts": texts,
        "written": written,
        "tokens_per_s": {name: round(speed, 1) for name, speed in found.items()},
        "weights_read_gb_per_s": round(weights * best / texts / 1e9, 2),
    }


def tokens_a_second(model: Transformer, decoder: Any, texts: int, written: int) -> float:
    """The whole engine, choosing of tokens included; prompts do not count.

    A graph belongs to one cache, so the engine is new each time and its first few steps go without.
    """
    engine = Engine(model, texts, READ + written + 1, store="pages", decoder=decoder)
    dice = torch.Generator().manual_seed(texts)
    for _ in range(texts):
        ids = torch.randint(model.settings.vocabulary, (READ,), generator=dice).tolist()
        engine.add(Request(ids, written, logprobs=False))
    while engine.ready < texts:
        engine.step()
    start, made = time.perf_counter(), 0
    while not engine.idle:
        made += len(engine.step())
    return made / (time.perf_counter() - start)
