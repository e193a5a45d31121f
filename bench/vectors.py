"""How fast vectors are learnt by skip-gram, against gensim's Word2Vec: from lists of words to a table, on one core.

    python bench/vectors.py [--peers FOLDER]

Contestants take turns in one process on the same words with the same settings, counting of words included; time is that of
the processor, all threads together, and of the rounds the quickest counts. `agreement` is the share of the ten nearest words
of frequent words that two tables have in common; that of gensim with itself under another seed is the measure for it.
Every run is added to bench/results/vectors.jsonl. FOLDER: where gensim is installed, if not beside the others; without it
only our own speed is told.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import tokenizer_texts as texts_of

from groundup import hardware
from groundup.model.skipgram import SkipGram, learn, words_of
from groundup.model.vectors import Vectors

BYTES, ROUNDS, LOOKED_AT = 8_000_000, 3, 500
RESULTS = Path(__file__).parent / "results" / "vectors.jsonl"
Words = list[list[str]]


def ours(texts: Words, asked: SkipGram, seed: int) -> Vectors:
    """By groundup."""
    place: dict[str, int] = {}
    numbered = [np.array([place.setdefault(word, len(place)) for word in text], np.int64) for text in texts]
    return learn(list(place), numbered, asked, seed)


def theirs(texts: Words, asked: SkipGram, seed: int) -> Vectors:
    """By gensim."""
    from gensim.models import Word2Vec

    model = Word2Vec(
        texts,
        sg=1,
        hs=0,
        vector_size=asked.width,
        window=asked.window,
        negative=asked.negatives,
        epochs=asked.rounds,
        min_count=asked.least,
        sample=asked.subsample,
        alpha=asked.rate,
        min_alpha=asked.last_rate,
        workers=1,
        seed=seed,
    )
    return Vectors(model.wv.index_to_key, model.wv.vectors)


def agreement(one: Vectors, other: Vectors) -> float:
    """The share of nearest words that two tables have in common."""
    shared = [
        len({near for near, _ in one.nearest(word)} & {near for near, _ in other.nearest(word)}) / 10
        for word in one.words[:LOOKED_AT]
    ]
    return float(np.mean(shared))


def measured(texts: Words, asked: SkipGram) -> dict[str, Any]:
    """Words a second of each, their ratio, and how far the tables agree."""
    contestants: dict[str, Callable] = {"groundup": ours}
    if find_spec("gensim"):
        contestants["gensim"] = theirs
    ours(texts[:20], asked.model_copy(update={"least": 1}), 0)  # compiles
    best, made = dict.fromkeys(contestants, float("inf")), {}
    for seed in range(1, ROUNDS + 1):
        for name, run in contestants.items():
            started = time.process_time()
            made[name, seed] = run(texts, asked, seed)
            best[name] = min(best[name], time.process_time() - started)
    words = asked.rounds * sum(map(len, texts))
    speeds = {"words_per_s": {name: round(words / seconds) for name, seconds in best.items()}}
    if "gensim" not in contestants:
        return speeds
    assert set(made["groundup", 1].words) == set(made["gensim", 1].words)
    return speeds | {
        "ratio": round(best["gensim"] / best["groundup"], 2),
        "agreement": {
            "groundup with gensim": round(agreement(made["gensim", 1], made["groundup", 1]), 3),
            "gensim with itself": round(agreement(made["gensim", 1], made["gensim", 2]), 3),
        },
    }


def main() -> None:
    """Both widths, held to one core."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("--peers", default="")
    sys.path.append(told.parse_args().peers)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    texts = [words for words in words_of(texts_of.upto(texts_of.code(), BYTES)) if words]
    texts = [[word for word in text if word] for text in texts]
    for width in (100, 300):
        asked = SkipGram(width=width, rounds=2)
        line = {"width": width, "words": sum(map(len, texts)), "rounds": asked.rounds, "window": asked.window}
        line |= {"negatives": asked.negatives, "cores": 1, "cpu": hardware.look().cpu} | measured(texts, asked)
        print(json.dumps(line, indent=1), flush=True)
        RESULTS.parent.mkdir(exist_ok=True)
        with RESULTS.open("a") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
