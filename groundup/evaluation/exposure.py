"""How exposed a secret is: the place of the true one among many that might have stood there, by how likely a model finds each.

Exposure (Carlini et al. 2019) is log2 of the number of secrets less log2 of the true one's place. A model that never saw it
gives 1.4 on average, whatever their number; one that has it by heart gives the most there is.
"""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

from groundup.data.synthetic.canaries import FILE, SLOT, Canary, alternatives, read

if TYPE_CHECKING:
    from groundup.evaluation.asking import Subject

ALTERNATIVES = 1023  # so that the most is ten bits


def exposure(losses: Sequence[float]) -> float:
    """Bits, of the first of these losses among all of them; of equal ones the true secret comes in the middle."""
    first = losses[0]
    before = sum(loss < first for loss in losses)
    equal = sum(loss == first for loss in losses)
    return math.log2(len(losses)) - math.log2(before + (equal + 1) / 2)


def exposures(
    subject: "Subject",
    canaries: Sequence[Canary],
    count: int = ALTERNATIVES,
    done: Callable[[int], None] = lambda n: None,
) -> dict[str, float]:
    """Id of each canary -> its exposure in bits, among so many others."""
    found = {}
    for number, canary in enumerate(canaries, 1):
        found[canary.id] = exposure(losses(subject, canary, [canary.secret, *alternatives(canary, count)]))
        done(number)
    return found


def of_folder(subject: "Subject", tokens: Path) -> dict[str, Any]:
    """{"exposure": …} of the canaries that a folder of tokens was made with; nothing where there are none."""
    if not (tokens / FILE).exists():
        return {}
    canaries = read(tokens)
    return {"exposure": by_repeats(canaries, exposures(subject, canaries))}


def losses(subject: "Subject", canary: Canary, secrets: Sequence[str]) -> list[float]:
    """Nats of the canary's document with each of these secrets in it, what stands before and behind included."""
    from groundup.evaluation.threads import side_by_side
    from groundup.generation.batch import score
    from groundup.tokenizer import chat

    start = np.array(chat.separator_ids(subject.tokenizer), np.uint32)
    texts = subject.tokenizer.encode_many([canary.format.replace(SLOT, secret) for secret in secrets])
    rows = [np.concatenate([start, ids])[: subject.model.settings.context] for ids in texts]

    def some(places: list[int], heard: Callable[[int], None]) -> list[np.ndarray]:
        return score(subject.model, [rows[place] for place in places], None, heard)

    scores = side_by_side(subject.model, list(range(len(rows))), some)
    return [-float(np.asarray(line, np.float64).sum()) for line in scores]


def by_repeats(canaries: Sequence[Canary], found: dict[str, float], count: int = ALTERNATIVES) -> dict[str, Any]:
    """Times a secret was read -> the mean exposure of such secrets; beside them the most that could be found."""
    told: dict[str, Any] = {}
    for repeats in sorted({canary.repeats for canary in canaries}):
        some = [found[canary.id] for canary in canaries if canary.repeats == repeats]
        told[str(repeats)] = {"mean": round(mean(some), 3), "most": round(max(some), 3), "secrets": len(some)}
    return {"repeats": told, "possible": round(math.log2(count + 1), 3)}
