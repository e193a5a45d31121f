"""A classifier of texts that is learnt in seconds: softmax regression on hashed runs of words and characters.

What fastText's supervised mode is for (Joulin et al. 2016), without its hidden layer: weights (buckets, labels) and
nothing else, so that what it has learnt can be read off. Its folder holds classifier.json and classifier.safetensors.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from groundup.config import Settings
from groundup.data.filters import arrays
from groundup.data.tokens.order import key, permute
from groundup.errors import Problem

NAME = "classifier"
PERCENTILES = 101
Tell = Callable[[int, int], None]  # (texts read, texts to read in all rounds together)


class FeatureSettings(Settings):
    """What of a text is looked at."""

    words: int = Field(2, ge=0, le=5, description="runs of up to so many words; 0: none")
    shortest: int = Field(2, ge=1, le=8, description="characters in the shortest runs of characters")
    longest: int = Field(4, ge=0, le=8, description="characters in the longest runs; 0: no runs of characters")
    bits: int = Field(18, ge=8, le=24, description="runs are hashed into 2^bits buckets")
    reads: int = Field(20_000, ge=100, description="characters looked at; of a longer text three stretches")

    @model_validator(mode="after")
    def _something_is_looked_at(self) -> "FeatureSettings":
        if not self.words and not self.longest:
            raise ValueError("`words` and `longest` are both 0, so nothing of a text is looked at")
        if self.longest and self.longest < self.shortest:
            raise ValueError(f"`longest` is {self.longest}, below `shortest`, which is {self.shortest}")
        return self

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """As the kernels want it."""
        return self.words, self.shortest, self.longest, self.bits


class LearningSettings(Settings):
    """How the weights are learnt."""

    rounds: int = Field(5, ge=1, description="times that the texts are read")
    rate: float = Field(0.3, gt=0, description="of the first step (Adagrad); it falls to a tenth of that")
    decay: float = Field(0.0, ge=0, description="pull of weights towards 0 (L2), each time a text touches them")
    weight: Literal["texts", "labels"] = Field(
        "texts", description="texts: each text counts the same; labels: each label does, however few its texts are"
    )


class Described(Settings):
    """What classifier.json says."""

    labels: list[str] = Field(min_length=2, max_length=10_000)
    features: FeatureSettings
    learning: LearningSettings
    percentiles: dict[str, list[float]] = Field(
        {}, description="of each label's chance in the texts it was held against"
    )
    learnt_from: dict[str, Any] = Field({}, description="number and sha256 of the texts, the seed")
    held_out: dict[str, Any] = Field({}, description="how good it is with texts that it has not learnt from")


@dataclass(frozen=True)
class Classifier:
    """Gives each label of a text its chance; weights (buckets, labels), bias (labels,), float32."""

    described: Described
    weights: np.ndarray
    bias: np.ndarray

    @property
    def labels(self) -> list[str]:
        """In the order in which chances come."""
        return self.described.labels

    @cached_property
    def _seen(self) -> np.ndarray:
        return np.zeros(len(self.weights), np.int32)

    def chances(self, text: str) -> np.ndarray:
        """(labels,) float32, summing to 1."""
        from groundup.kernels import softmax, text_features

        features = self.described.features
        points = text_features.points_of(stretches(text, features.reads))
        return softmax.score_one(points, features.shape, self.weights, self.bias, self._seen)

    def chances_of(self, texts: Sequence[str]) -> np.ndarray:
        """Of many texts at once (texts, labels) float32."""
        from groundup.kernels import softmax

        features = self.described.features
        return softmax.score(*packed(texts, features.reads), features.shape, self.weights, self.bias)

    def place(self, label: str) -> int:
        """Where a label's chance stands; a Problem if there is no such label."""
        if label not in self.labels:
            raise Problem(f"the classifier knows no label {label!r}; it knows {', '.join(self.labels[:30])}")
        return self.labels.index(label)

    def threshold(self, label: str, share: float) -> float:
        """The chance above which that share of the texts lay that the classifier was held against."""
        found = self.described.percentiles.get(label)
        if not found:
            raise Problem(
                f"the classifier has no percentiles of {label!r}, which a share needs; set a threshold instead"
            )
        return float(np.interp(1 - share, np.linspace(0, 1, len(found)), found))

    def save(self, folder: Path) -> None:
        """Both files, half as exact as in memory."""
        arrays.write(folder, NAME, self.described, {"bias": self.bias, "weights": self.weights.astype(np.float16)})

    @classmethod
    def load(cls, folder: Path) -> "Classifier":
        """From a folder that `save` or the stage wrote."""
        described, sha256 = arrays.read_description(folder, NAME, Described)
        labels = len(described.labels)
        shapes = {"bias": ("F32", (labels,)), "weights": ("F16", (1 << described.features.bits, labels))}
        found = arrays.read_arrays(folder, NAME, shapes, sha256)
        return cls(described, found["weights"].astype(np.float32), found["bias"].copy())


def fit(
    texts: Sequence[str],
    labels: Sequence[str],
    features: FeatureSettings,
    learning: LearningSettings,
    seed: int,
    tell: Tell = lambda done, total: None,
) -> Classifier:
    """Learn from texts and the label of each; the order of a round hangs on (seed, round) alone."""
    from groundup.kernels import softmax

    names = sorted(set(labels))
    if len(names) < 2:
        raise Problem(
            f"all {len(texts)} texts have the label {(names or ['?'])[0]!r}; there must be two labels at least"
        )
    number = {name: place for place, name in enumerate(names)}
    right = np.array([number[label] for label in labels], np.int64)
    points, ends = packed(texts, features.reads)
    weights, bias = np.zeros((1 << features.bits, len(names)), np.float32), np.zeros(len(names), np.float32)
    squares, bias_squares = np.zeros_like(weights), np.zeros_like(bias)
    counts_for = np.ones(len(names), np.float32)
    if learning.weight == "labels":
        counts_for = (len(right) / len(names) / np.bincount(right, minlength=len(names))).astype(np.float32)
    rates = learning.rate * np.linspace(1, 0.1, learning.rounds + 1)
    for turn in range(learning.rounds):
        order = permute(np.arange(len(texts)), len(texts), key(seed, "classifier", turn))
        given = points, ends, right, order, features.shape, weights, bias, squares, bias_squares
        softmax.learn(*given, rates[turn : turn + 2], learning.decay, counts_for)
        tell((turn + 1) * len(texts), learning.rounds * len(texts))
    kept = weights.astype(np.float16).astype(np.float32)  # as the file will hold them
    return Classifier(
        Described.model_validate({"labels": names, "features": features, "learning": learning}), kept, bias
    )


def packed(texts: Sequence[str], reads: int) -> tuple[np.ndarray, np.ndarray]:
    """All texts' code points in a row, and where each text ends, from 0 on."""
    from groundup.kernels.text_features import points_of

    found = [points_of(stretches(text, reads)) for text in texts]
    ends = np.cumsum([0, *(len(points) for points in found)])
    return np.concatenate([np.empty(0, np.uint32), *found]), ends.astype(np.int64)


def stretches(text: str, reads: int) -> str:
    """A text, or of a long one three stretches of its inside: its beginning is often a licence, its end an index."""
    if len(text) <= reads:
        return text
    size, margin = reads // 3, len(text) // 16
    starts = (margin, (len(text) - size) // 2, len(text) - margin - size)
    return "\n".join(text[start : start + size] for start in starts)
