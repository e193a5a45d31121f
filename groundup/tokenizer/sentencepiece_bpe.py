"""The byte pairs of a SentencePiece model: merged over characters, and whichever neighbours make the piece of best score first.

`merged` is the reference, `Merger` the same in compiled loops. What is done to a text before, and what bytes and unknown
characters become, is that of `pieces`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from groundup.errors import Problem
from groundup.tokenizer.kind import Texts
from groundup.tokenizer.pieces import BYTES, SHAPE, Pieces
from groundup.tokenizer.unigram import MARK


def merged(text: str, scores: dict[str, float], symbols: Sequence[str]) -> list[str]:
    """Merge neighbours, those that make the piece of the best score first, the leftmost first; symbols stay as they are."""
    by_length = sorted(symbols, key=len, reverse=True)
    parts = re.findall("|".join([*map(re.escape, by_length), r"(?s:.)"]), text)
    fixed = [part in symbols for part in parts]
    while len(parts) > 1:
        made = [None if fixed[k] or fixed[k + 1] else scores.get(a + b) for k, (a, b) in enumerate(pairwise(parts))]
        best = max((score for score in made if score is not None), default=None)
        if best is None:
            break
        k = made.index(best)
        parts[k : k + 2], fixed[k : k + 2] = [parts[k] + parts[k + 1]], [False]
    return parts


class ScoredPairs(Pieces):
    """A vocabulary of pieces whose scores are the order of merging."""

    name = "sentencepiece_bpe"

    @classmethod
    def train(
        cls,
        texts: Texts,
        size: int,
        threads: int | None = None,
        counted: Callable[[int], None] | None = None,
        **options: Any,
    ) -> "ScoredPairs":
        """Only read from files."""
        raise Problem(
            "byte pairs of SentencePiece's kind are read from its .model files and not trained here: train kind=bpe or unigram"
        )

    def sample(self, text: str | bytes, alpha: float = 0.1, seed: int = 0) -> np.ndarray:
        """Only for unigram."""
        raise Problem(
            "a sentencepiece_bpe tokenizer has no probabilities to draw segmentations with: use one of kind unigram"
        )

    @cached_property
    def _encoder(self) -> Any:
        from groundup.tokenizer.fast_scored_pairs import Merger

        numbers = {piece: number for number, (piece, _) in enumerate(self.vocabulary)}
        in_bytes = np.array([numbers[piece] for piece in BYTES]) if self.byte_fallback else None
        symbols = self.exact["symbols"] if self.exact else []
        return Merger([score for _, score in self.vocabulary], self.usable, symbols, in_bytes, self.unknown)

    @property
    def usable(self) -> dict[str, int]:
        """The pieces that a text can become, with their ids."""
        return {piece: number for number, (piece, _) in enumerate(self.vocabulary) if number not in self.kept_back}

    def described(self) -> dict[str, Any]:
        scores, usable = [score for _, score in self.vocabulary], self.usable
        merges = [
            (-scores[usable[a + b]], usable[a], usable[b], a, b)
            for a, b in halves(usable)
            if a in usable and b in usable
        ]
        model = {
            "type": "BPE",
            "dropout": None,
            "unk_token": self.vocabulary[self.unknown][0],
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": self.byte_fallback,
            "ignore_merges": False,
            "vocab": {piece: number for number, (piece, _) in enumerate(self.vocabulary)},
            "merges": [[a, b] for *_, a, b in sorted(merges)],
            "sentencepiece": (self.exact or {}) | {"scores": scores},
        }
        return self.shape | {"model": model}

    @classmethod
    def understood(cls, told: dict[str, Any], specials: dict[str, int], path: Path) -> "ScoredPairs":
        model, exact = told["model"], dict(told["model"]["sentencepiece"])
        scores = exact.pop("scores")
        names = {int(number): piece for piece, number in model["vocab"].items()}
        if sorted(names) != list(range(len(scores))):
            raise Problem(
                f"{path} numbers its {len(names):,} pieces with gaps, or has not a score for each: it was altered"
            )
        vocabulary = [(names[number], float(score)) for number, score in enumerate(scores)]
        control = [number for number in specials.values() if number < len(vocabulary)]
        unknown = int(model["vocab"][model["unk_token"]])
        shape = {part: told.get(part) for part in SHAPE}
        return cls(vocabulary, unknown, shape, bool(model["byte_fallback"]), control, exact, where=str(path))


def halves(pieces: Iterable[str]) -> list[tuple[str, str]]:
    """Every way of making a piece of two parts."""
    return [(piece[:k], piece[k:]) for piece in pieces for k in range(1, len(piece))]


def word_borders_hold(pieces: Iterable[str]) -> bool:
    """Whether no piece reaches from a word over the mark of the next, so that words can be merged one by one."""
    return not any(re.search(f"[^{MARK}]{MARK}", piece) for piece in pieces)
