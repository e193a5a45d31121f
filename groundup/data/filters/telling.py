"""What a classifier looks for: the words that speak most for each label when they stand alone, and the runs of characters.

Buckets have no names; so the runs of some texts are hashed by the plain reference, and each bucket gets the name of the
run that fell into it most often.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from groundup.data.filters.classifier import Classifier, stretches

MANY = 15  # words and runs shown for each label
LEAST = 3  # texts in which they must occur
LENGTH = 3_000  # characters of each text
Told = dict[str, list[str]]


def telling_words(classifier: Classifier, texts: Sequence[str]) -> Told:
    """For each label the words whose own odds of it are highest above those of no word at all, frequent ones first."""
    counts = Counter(word for text in texts for word in set(_words(_read(classifier, text))))
    words = sorted(word for word, times in counts.items() if times >= LEAST)
    odds = _odds(classifier.chances_of(["", *words]).astype(np.float64))
    lift = (odds[1:] - odds[0]) * np.log1p([counts[word] for word in words])[:, None]
    return {label: _best(words, lift[:, n]) for n, label in enumerate(classifier.labels)}


def telling_runs(classifier: Classifier, texts: Sequence[str]) -> Told:
    """For each label the runs of characters whose weights are highest above the other labels'; `_` is a blank."""
    from groundup.kernels.text_features import features_plainly

    _, low, high, bits = classifier.described.features.shape
    names: dict[int, Counter[str]] = {}
    for text in texts:
        for run, bucket in set(features_plainly(_read(classifier, text), 0, low, high, bits)):
            names.setdefault(bucket, Counter())[run] += 1
    often = [(bucket, *runs.most_common(1)[0]) for bucket, runs in names.items()]
    often = [(bucket, run, times) for bucket, run, times in often if times >= LEAST]
    weights = classifier.weights[np.array([bucket for bucket, _, _ in often], np.int64)].astype(np.float64)
    lift = (weights - weights.mean(1, keepdims=True)) * np.log1p([times for _, _, times in often])[:, None]
    runs = [run for _, run, _ in often]
    return {label: _best(runs, lift[:, n]) for n, label in enumerate(classifier.labels)}


def _read(classifier: Classifier, text: str) -> str:
    return stretches(text, min(LENGTH, classifier.described.features.reads))


def _words(text: str) -> list[str]:
    from groundup.kernels.text_features import features_plainly

    return [word for word, _ in features_plainly(text, 1, 1, 0, 8)]


def _odds(chances: np.ndarray) -> np.ndarray:
    safe = np.clip(chances, 1e-9, 1 - 1e-9)
    return np.log(safe / (1 - safe))


def _best(names: list[str], lift: np.ndarray) -> list[str]:
    """The highest, without those that lie within a higher one."""
    kept: list[str] = []
    for place in np.argsort(-lift, kind="stable")[: 4 * MANY]:
        name = names[place]
        if lift[place] > 0 and not any(name.strip("_") in higher for higher in kept):
            kept.append(name)
    return kept[:MANY]
