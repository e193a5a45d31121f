"""Near duplicates: texts most of whose runs of words are the same. The first one in input order stays.

MinHash signatures in bands name the candidates (with b bands of r rows a pair of similarity s meets with probability
1 - (1 - s^r)^b), the full sets of runs decide, and chains of decided pairs make a cluster.
"""

from collections.abc import Callable, Iterable

import numpy as np
from pydantic import Field

from groundup.config import Settings

CROWD = 40  # texts that meet in one place: more are compared with the first of them alone


class NearSettings(Settings):
    """When two texts are one and the same, written twice."""

    similarity: float = Field(0.75, gt=0, le=1, description="share of common runs (Jaccard) that makes texts the same")
    run: int = Field(5, ge=1, description="words in a run")
    bands: int = Field(20, ge=1, description="bands of the signature")
    rows: int = Field(5, ge=1, description="rows in a band")


class Signer:
    """Makes the signature of a text: its bands (bands,) uint64 in which it may meet others."""

    def __init__(self, settings: NearSettings):
        from groundup.kernels import minhash

        self.settings, self.keys = settings, minhash.keys(settings.bands * settings.rows)

    def sign(self, words: np.ndarray) -> np.ndarray:
        """words (n,) uint64, hashes as `words_of` makes them."""
        from groundup.kernels import hashing, minhash

        members = hashing.runs(words, self.settings.run)
        return minhash.bands(minhash.signature(members, *self.keys), self.settings.rows)


def words_of(lower: str) -> np.ndarray:
    """The hashes of a text's words (n,) uint64."""
    from groundup.kernels import hashing

    return hashing.word_hashes(np.frombuffer(lower.encode("utf-8", "replace"), np.uint8))


def runs_of(text: str, run: int) -> np.ndarray:
    """The sorted set of a text's runs of words."""
    from groundup.kernels import hashing

    return np.unique(hashing.runs(words_of(text.lower()), run))


def resemblance(one: np.ndarray, other: np.ndarray) -> float:
    """Jaccard's measure of two sorted sets."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / max(1, len(one) + len(other) - common)


def candidates(meetings: Iterable[list[int]]) -> list[tuple[int, int]]:
    """Pairs of documents that met in some band, each once and in order."""
    pairs: set[tuple[int, int]] = set()
    for meeting in meetings:
        present = sorted(meeting)
        for i, one in enumerate(present if len(present) <= CROWD else present[:1]):
            pairs.update((one, other) for other in present[i + 1 :])
    return sorted(pairs)


def clusters(pairs: list[tuple[int, int]], runs: Callable[[int], np.ndarray], similarity: float) -> dict[int, int]:
    """document -> the first document of its cluster, for all that are not the first.

    `runs(i)` are the runs of document i.
    """
    first: dict[int, int] = {}

    def root(i: int) -> int:
        while first.get(i, i) != i:
            first[i] = i = first.get(first[i], first[i])
        return i

    for one, other in pairs:
        left, right = sorted((root(one), root(other)))
        if left != right and resemblance(runs(one), runs(other)) >= similarity:
            first[right] = left
    return {i: root(i) for i in sorted(first) if root(i) != i}
