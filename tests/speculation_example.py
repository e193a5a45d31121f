"""Models of a dozen tokens whose texts can be counted out exactly, drafts for them, and how far counts lie from chances."""

import math
from itertools import product

import torch

from groundup.generation.engine import Engine, Request
from groundup.generation.sample import Sampling
from groundup.generation.speculation.acceptance import chances
from groundup.generation.speculation.drafters import drafter
from groundup.generation.speculation.lookup import Lookup
from groundup.generation.speculation.small_model import SmallModel
from groundup.model.architectures import build
from groundup.model.settings import ModelSettings

torch.set_num_threads(1)
TOKENS = 12


def made(seed: int = 1, **changed):
    """Every weight random and large, so that the model has opinions."""
    settings = {"depth": 3, "width": 32, "heads": 2, "vocabulary": TOKENS, "context": 40, **changed}
    model, dice = build(ModelSettings(**settings)).eval(), torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.data.normal_(0, 0.25, generator=dice)
    return model


def drafting(name: str, rows: int = 4):
    """A model and a drafter for it."""
    if name == "heads":
        model = made(head={"kind": "ahead", "ahead": 4})
        return model, drafter("heads", model, rows)
    model = made()
    if name == "small model":
        return model, SmallModel(made(seed=2, depth=1, width=16), model, rows)
    if name == "lookup":
        return model, Lookup(longest=3, shortest=1)
    return model, drafter(name, model, rows)


NAMES = ["small model", "lookup", "self", "self:1", "skip", "heads"]


def written(model, requests: list[Request], slots: int, speculation=None, decoder=None) -> list[list[int]]:
    """The tokens of each request, by an engine."""
    engine = Engine(model, slots, speculation=speculation, decoder=decoder)
    numbers = {engine.add(request): place for place, request in enumerate(requests)}
    texts: list[list[int]] = [[] for _ in requests]
    while not engine.idle:
        for event in engine.step():
            texts[numbers[event.request]].append(event.token)
    return texts


def exact(model, prompt: list[int], sampling: Sampling, length: int) -> dict[tuple[int, ...], float]:
    """The chance of each continuation of so many tokens that has any."""
    found = {(): 1.0}
    with torch.inference_mode():
        for _ in range(length):
            texts = list(found)
            logits = model(torch.tensor([[*prompt, *text] for text in texts]))[:, -1:]
            lines = chances(logits, [sampling] * len(texts))[:, 0].tolist()
            pairs = product(zip(texts, lines, strict=True), range(model.settings.vocabulary))
            found = {(*text, token): found[text] * line[token] for (text, line), token in pairs if line[token]}
    return found


def surprise(counts: dict[tuple[int, ...], int], expected: dict[tuple[int, ...], float]) -> float:
    """Pearson's chi-square of counts against chances, as standard deviations above its mean (Wilson and Hilferty 1931).

    Cells that are expected fewer than five times are one cell; a text that cannot be is infinitely surprising.
    """
    total = sum(counts.values())
    if set(counts) - set(expected):
        return math.inf
    cells = [(counts.get(text, 0), total * chance) for text, chance in expected.items()]
    large = [cell for cell in cells if cell[1] >= 5]
    small = [cell for cell in cells if cell[1] < 5]
    if small:
        large.append((sum(count for count, _ in small), sum(mean for _, mean in small)))
    chi = sum((count - mean) ** 2 / mean for count, mean in large if mean)
    free = len(large) - 1
    return ((chi / free) ** (1 / 3) - (1 - 2 / (9 * free))) / math.sqrt(2 / (9 * free))
