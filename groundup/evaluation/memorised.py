"""How much of what a model writes by itself was copied: the share of its tokens that lie in a run of the training text.

A run is n tokens in the training text's own order. The held-out text is measured in the same way, since towns repeat
themselves too: only what lies above its share is memory.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from groundup.evaluation.asking import Subject

RUNS = (8, 16, 32)
TEXTS, LENGTH = 32, 96
LOOK = 4_000_000  # tokens of the training text that are looked through at most
FACTOR = np.uint64(0x9E3779B97F4A7C15)


def copied(texts: Sequence[np.ndarray], training: np.ndarray, run: int) -> float:
    """The share of the tokens in `texts` that lie in a run of so many tokens which `training` has as well."""
    runs = [hashes(np.asarray(text), run) for text in texts]
    wanted = np.sort(np.concatenate([np.zeros(0, np.uint64), *runs]))
    if not len(wanted):
        return 0.0
    there = hashes(training[:LOOK], run)
    places = np.minimum(wanted.searchsorted(there), len(wanted) - 1)
    known = np.zeros(len(wanted), bool)
    known[places[wanted[places] == there]] = True  # of equal runs the first
    inside = 0
    for text, each in zip(texts, runs, strict=True):
        found = np.flatnonzero(known[wanted.searchsorted(each)])
        covered = np.zeros(len(text) + 1, np.int64)
        np.add.at(covered, found, 1)
        np.add.at(covered, found + run, -1)
        inside += int((covered[:-1].cumsum() > 0).sum())
    return inside / max(sum(map(len, texts)), 1)


def hashes(ids: np.ndarray, run: int) -> np.ndarray:
    """A number for each run of tokens (tokens - run + 1,), equal for equal runs and hardly ever for others."""
    if len(ids) < run:
        return np.zeros(0, np.uint64)
    ids = ids.astype(np.uint64) + np.uint64(1)
    count = len(ids) - run + 1
    made = np.zeros(count, np.uint64)
    with np.errstate(over="ignore"):
        for place in range(run):
            made = made * FACTOR + ids[place : place + count]
            made ^= made >> np.uint64(29)
    return made


def free_texts(subject: "Subject", count: int = TEXTS, length: int = LENGTH, seed: int = 0) -> list[np.ndarray]:
    """Texts that the model writes after a bare separator, drawn at temperature 1."""
    from groundup.evaluation.threads import side_by_side
    from groundup.generation.batch import Answer, generate
    from groundup.generation.sample import Sampling
    from groundup.tokenizer import chat

    start = [*chat.separator_ids(subject.tokenizer), 0][0]
    length = min(length, subject.model.settings.context - 2)

    def some(numbers: list[int], done: Callable[[int], None]) -> list[Answer]:
        samplings = [Sampling(seed=seed + number) for number in numbers]
        return generate(subject.model, [[start]] * len(numbers), length, samplings, stop_ids=[start], done=done)

    return [np.asarray(answer.ids) for answer in side_by_side(subject.model, range(count), some)]


def shares(subject: "Subject", training: np.ndarray, held_out: np.ndarray) -> dict[str, dict[str, float]]:
    """Length of a run -> the share copied in the model's own texts, and in as much of the held-out text."""
    own = free_texts(subject)
    length = sum(map(len, own))
    return {
        str(run): {
            "written": round(copied(own, training, run), 4),
            "held_out": round(copied([np.asarray(held_out[:length])], training, run), 4),
        }
        for run in RUNS
    }
