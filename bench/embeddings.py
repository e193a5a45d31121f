"""Vectors learnt before against vectors learnt along: one small model, four beginnings of its table, equal steps.

    python bench/embeddings.py

The text is Python's standard library: all of its modules but the held-out ones teach skip-gram vectors of tokens, the model learns
from few of them (so that there is something to gain) and is measured on modules that neither saw. The table begins from chance or from the vectors, and is
tuned or frozen; every model's head is its own. Every run is added to bench/results/embeddings.jsonl, with the mean over seeds.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent))
import tokenizer_texts as texts_of

from groundup import hardware
from groundup.model.architectures import build
from groundup.model.settings import ModelSettings
from groundup.model.skipgram import SkipGram, learn_tokens
from groundup.model.start_vectors import embedding_of, freeze, start_from
from groundup.model.vectors import Vectors
from groundup.tokenizer import Tokenizer

BYTES, SHARE, HELD_OUT = 3_000_000, 0.05, 0.05  # of text; what the model learns from; what is measured on
STEPS, ROWS, TIME, WIDTH, SEEDS = 200, 16, 64, 64, (1, 2)
RESULTS = Path(__file__).parent / "results" / "embeddings.jsonl"
BEGINNINGS = {  # name -> (whether from vectors, whether frozen)
    "random, tuned": (False, False),
    "random, frozen": (False, True),
    "skip-gram, tuned": (True, False),
    "skip-gram, frozen": (True, True),
}


def loss(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    """Nats a token, ids (rows, time + 1)."""
    logits = model(ids[:, :-1])
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())


def trained(
    beginning: str, vectors: Vectors, words: Tokenizer, text: torch.Tensor, held: torch.Tensor, seed: int
) -> dict[int, float]:
    """Step -> held-out nats a token."""
    given, frozen = BEGINNINGS[beginning]
    model = build(ModelSettings(depth=2, width=WIDTH, context=TIME, vocabulary=words.vocabulary, tied=False), seed)
    if given:
        start_from(model, vectors, words)
    if frozen:
        freeze(model, [embedding_of(model)[0]])
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)
    dice, found = torch.Generator().manual_seed(seed), {}
    for step in range(1, STEPS + 1):
        starts = torch.randint(len(text) - TIME - 1, (ROWS, 1), generator=dice)
        optimizer.zero_grad()
        loss(model, text[starts + torch.arange(TIME + 1)]).backward()
        optimizer.step()
        if step in (STEPS // 4, STEPS // 2, STEPS):
            with torch.no_grad():
                found[step] = round(loss(model, held).item(), 4)
    return found


def main() -> None:
    """All beginnings, each with every seed."""
    torch.set_num_threads(1)
    texts = texts_of.upto(texts_of.code(), BYTES)
    started = time.perf_counter()
    cut = max(1, int(len(texts) * HELD_OUT))
    order = np.random.default_rng(0).permutation(len(texts))
    measured, rest = [texts[k] for k in order[:cut]], [texts[k] for k in order[cut:]]
    words = Tokenizer.train(rest, 2048)
    vectors = learn_tokens(rest, words, SkipGram(width=WIDTH, rounds=3), 0)
    few = rest[: max(1, int(len(rest) * SHARE))]
    text, held = (
        torch.from_numpy(np.concatenate(words.encode_many(part)).astype(np.int64)) for part in (few, measured)
    )
    windows = held[: (min(len(held), 32_768) - 1) // (TIME + 1) * (TIME + 1)].view(-1, TIME + 1)
    line: dict[str, Any] = {
        "text_tokens": len(text),
        "held_out_tokens": windows.numel(),
        "steps": STEPS,
        "rows": ROWS,
        "time": TIME,
    }
    line |= {"width": WIDTH, "seeds": len(SEEDS), "cpu": hardware.look().cpu, "nats_per_token": {}}
    for beginning in BEGINNINGS:
        runs = [trained(beginning, vectors, words, text, windows, seed) for seed in SEEDS]
        line["nats_per_token"][beginning] = {
            step: {"mean": round(float(np.mean([run[step] for run in runs])), 4), "seeds": [run[step] for run in runs]}
            for step in runs[0]
        }
        print(f"{beginning:18s}", line["nats_per_token"][beginning], flush=True)
    line["seconds"] = round(time.perf_counter() - started)
    with RESULTS.open("a") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
