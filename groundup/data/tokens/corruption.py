"""T5's way to learn from pages alone: spans are cut out, and the model writes what is missing.

Windows of pages come in; out come sources in which a sentinel stands for each span, and targets in which each sentinel is
followed by what it stands for. What is cut out of a window depends on (seed, number of the window) alone.
"""

from collections.abc import Sequence
from itertools import count, takewhile
from typing import Any

import numpy as np

from groundup.data.tokens.batches import Batch, Pages
from groundup.data.tokens.order import key
from groundup.data.tokens.sequences import reading_and_writing
from groundup.errors import Problem


class Corrupted:
    """Raffel et al. 2020: `density` of the tokens are cut out, in spans of `mean` tokens on average.

    All windows are of one length, and so are then all sources and all targets: no token of a row is padding.
    """

    def __init__(
        self,
        pages: Pages,
        sentinels: Sequence[int],
        start_id: int,
        end_id: int,
        density: float = 0.15,
        mean: float = 3.0,
    ):
        self.pages, self.rows, self.start_id, self.end_id = pages, pages.rows, start_id, end_id
        self.cut, self.spans = amounts(pages.time, density, mean)
        self.time = pages.time + 2 * self.spans + 2
        if self.spans > len(sentinels):
            raise Problem(
                f"{self.spans} spans are cut out of {pages.time} tokens, and there are {len(sentinels)} sentinels to stand "
                f"for them: make `time` smaller, or give the tokenizer more of them."
            )
        self.sentinels = np.asarray(sentinels[: self.spans], np.int64)

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step."""
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        numbers = step * self.rows + which.astype(np.int64)
        pages, made = self.pages.read(numbers), []
        for number, ids in zip(numbers.tolist(), pages.ids, strict=True):
            dice = np.random.default_rng(key(self.pages.seed, "corruption", number))
            made.append(corrupt(ids, missing(len(ids), self.cut, self.spans, dice), self.sentinels, self.end_id))
        source, targets = (np.stack(side) for side in zip(*made, strict=True))
        everywhere = np.ones(source.shape, bool), np.ones(targets.shape, bool)
        return reading_and_writing(source, everywhere[0], targets, everywhere[1], self.start_id)


def sentinels_of(tokenizer: Any) -> list[int]:
    """The ids of <extra_id_0>, <extra_id_1>, …, as T5's tokenizers call them."""
    names = map("<extra_id_{}>".format, count())
    found = [tokenizer.specials[name] for name in takewhile(tokenizer.specials.__contains__, names)]
    if not found:
        raise Problem("the tokenizer has no <extra_id_0> to stand for what is cut out: train one with such specials")
    return found


def amounts(time: int, density: float, mean: float) -> tuple[int, int]:
    """How many of so many tokens are cut out, and in how many spans; something is always cut and something always stays."""
    if time < 2 or not 0 < density < 1 or mean < 1:
        raise Problem(
            f"Spans of {mean} tokens cannot be cut out of a share of {density} of {time} tokens: there must be 2 tokens, "
            f"a share between 0 and 1 and spans of 1 or more."
        )
    cut = min(max(round(time * density), 1), time - 1)
    return cut, min(max(round(cut / mean), 1), time - cut)


def missing(time: int, cut: int, spans: int, dice: np.random.Generator) -> np.ndarray:
    """Which of `time` tokens are cut out, bool: what stays and what goes take turns, what stays comes first."""
    lengths = np.stack([parted(time - cut, spans, dice), parted(cut, spans, dice)], 1)  # (spans, stays and goes)
    return np.repeat(np.tile([False, True], spans), lengths.reshape(-1))


def parted(whole: int, parts: int, dice: np.random.Generator) -> np.ndarray:
    """`whole` as a sum of `parts` numbers of at least 1, each way equally likely."""
    borders = np.sort(dice.choice(np.arange(1, whole), parts - 1, replace=False))
    return np.diff(np.concatenate([[0], borders, [whole]]))


def corrupt(ids: np.ndarray, gone: np.ndarray, sentinels: np.ndarray, end_id: int) -> tuple[np.ndarray, np.ndarray]:
    """ids, and which are cut out -> source and target, each with its end."""
    first = gone & ~np.concatenate([[False], gone[:-1]])  # of each span
    span = np.cumsum(first) - 1
    source = np.where(first, sentinels[np.maximum(span, 0)], ids)[~gone | first]
    kept = np.flatnonzero(gone)
    target = np.insert(ids[kept], np.flatnonzero(first[kept]), sentinels[: int(first.sum())])
    return np.append(source, end_id), np.append(target, end_id)
