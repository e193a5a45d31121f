"""Pages to learn from, as the train stage's settings say it: one folder of tokens, or several that are mixed.

Settings come in; out comes what gives batches, and what looks at the text that each of the folders keeps back.
"""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from groundup.data.tokens.batches import Pages
from groundup.data.tokens.mixing import knots
from groundup.data.tokens.mixture import Domain, Mixture, check_caps
from groundup.data.tokens.order import key
from groundup.data.tokens.packed import PAGES, Packed
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.objectives.held_out import Look
from groundup.objectives.learning import SOURCES


def folders(data: Any) -> list[str]:
    """The folders of tokens that `data` names."""
    return [] if data is None else [data] if isinstance(data, str) else [domain.path for domain in data]


def pages_of(settings: Any, seed: int) -> Pages | Packed | Mixture | None:
    """What `data` holds, as rows of the training's size; a mixture that asks for too much of a text is refused."""
    data, training = settings.data, settings.training
    if data is None or settings.objective.kind in SOURCES:
        return None
    mask = training.mask or ("none" if training.packing == "concatenate" else "documents")
    read = partial(PAGES[training.packing], rows=training.rows, time=training.time * training.segments, mask=mask)
    if isinstance(data, str):
        return read(Shards(Path(data) / "train"), seed=seed)
    domains = []
    for domain in data:
        shards = Shards(Path(domain.path) / "train")
        source = read(shards, seed=key(seed, "domain", domain.name))
        domains.append(Domain(domain.name, source, len(shards.tokens), shards.documents, domain.epochs))
    # Beside texts, conversations and pairs only the replayed share of the rows is read, and it is that which is planned.
    replay = settings.objective.replay
    steps = math.ceil(training.steps * replay) if replay else training.steps
    sizes = [domain.tokens for domain in domains]
    found = knots(data, sizes, settings.mixture, steps)
    time = training.time * training.segments
    mixture = Mixture(domains, found, steps, training.rows, time, seed, settings.mixture.between)
    check_caps(mixture)
    return mixture


def mixed_looks(mixture: Mixture, looks: Mapping[str, Look | None]) -> Look | None:
    """`validation` of the whole mixture, each domain's weighed by its share of the training, and `validation.NAME` of each."""
    shares = {domain.name: int(rows) for domain, rows in zip(mixture.domains, mixture.before[-1], strict=True) if rows}
    known = {name: look for name, look in looks.items() if look is not None}
    weights = {name: shares[name] for name in known if name in shares}
    if not weights:
        return None
    whole = sum(weights.values())

    def look(model: nn.Module, step: int) -> dict[str, float]:
        each = {name: look(model, step) for name, look in known.items()}
        nats = sum(weights[name] * each[name]["validation"] for name in weights) / whole
        told = {"validation": nats}
        if all("bits_per_byte" in each[name] for name in weights):
            a_byte = math.log(2) * sum(  # bytes of the mixture's tokens: what makes its nats bits per byte
                weights[name] * each[name]["validation"] / math.log(2) / each[name]["bits_per_byte"] for name in weights
            )
            told["bits_per_byte"] = nats * whole / a_byte
        for name, found in each.items():
            told |= {f"{metric}.{name}": value for metric, value in found.items()}
        return told

    return look


def one_folder(data: Any, objective: str) -> str:
    """The folder of an objective that reads one alone."""
    if isinstance(data, str):
        return data
    raise Problem(
        f"objective {objective} reads one folder of tokens, and `data` names {len(data)}: make one of them, "
        "groundup tokens corpus='[A, B]' tokenizer=…."
    )
