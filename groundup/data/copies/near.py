"""Near duplicates: texts most of whose runs of words are the same.

MinHash signatures in bands name the candidates (with b bands of r rows a pair of similarity s meets with probability
1 - (1 - s^r)^b), the full sets of runs decide, and chains of decided pairs make a cluster, of which one document stays.
"""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from groundup.config import Settings

CROWD = 40  # texts that meet in one place: more are compared with the first of them alone
PRESETS: dict[str, dict[str, Any]] = {
    "datatrove": {"run": 5, "bands": 14, "rows": 8, "verified": False},  # its defaults, and no second look
    "fineweb": {"run": 5, "bands": 14, "rows": 8, "verified": False},  # Penedo et al. 2024: 112 hashes in 14 buckets
    "refinedweb": {"run": 5, "bands": 450, "rows": 20, "verified": False},  # Penedo et al. 2023: 9,000 hashes
}


class NearSettings(Settings):
    """When two texts are one and the same, written twice, and which of them stays."""

    like: Literal["datatrove", "fineweb", "refinedweb"] | None = Field(
        None, description="take run, bands, rows and verified as others published them; what else is set wins"
    )
    similarity: float = Field(0.75, gt=0, le=1, description="share of common runs (Jaccard) that makes texts the same")
    run: int = Field(5, ge=1, description="words in a run")
    bands: int = Field(20, ge=1, description="bands of the signature")
    rows: int = Field(5, ge=1, description="rows in a band")
    verified: bool = Field(True, description="measure the similarity of texts that meet; false: meeting is enough")
    keep: Literal["first", "longest", "source"] = Field(
        "first", description="who stays of a cluster: the first read, the longest, or who comes first in `sources`"
    )
    sources: list[str] = Field([], description="for keep=source: patterns of sources (wiki*), the best first")

    @model_validator(mode="before")
    @classmethod
    def _as_published(cls, given: Any) -> Any:
        known = PRESETS.get(given.get("like") or "", {}) if isinstance(given, dict) else {}
        return {**known, **given} if known else given


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


def meets(similarity: Any, bands: int, rows: int) -> Any:
    """The probability that two texts of this similarity meet in some band: the S-curve."""
    return 1 - (1 - similarity**rows) ** bands


def turn(bands: int, rows: int) -> float:
    """The similarity at which every second pair meets: where the S-curve crosses 1/2."""
    return (1 - 0.5 ** (1 / bands)) ** (1 / rows)


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
    from groundup.kernels import meetings

    shared = meetings.common(one, other)
    return shared / max(1, len(one) + len(other) - shared)


def candidates(met: Iterable[list[int]]) -> list[tuple[int, int]]:
    """Pairs of documents that met in some band, each once and in order: plainly, with all of them in memory."""
    from groundup.kernels.meetings import pairs_plainly

    return sorted(set(pairs_plainly([sorted(group) for group in met], CROWD)))


def clusters(pairs: list[tuple[int, int]], runs: Callable[[int], np.ndarray], similarity: float) -> dict[int, int]:
    """document -> the first document of its cluster, for all that are not the first: plainly.

    `runs(i)` are the runs of document i; `duplicates` does the same without holding them.
    """
    from groundup.kernels.unions import roots_plainly

    alike = [(one, other) for one, other in pairs if resemblance(runs(one), runs(other)) >= similarity]
    firsts = roots_plainly(1 + max((other for _, other in alike), default=0), alike)
    return {i: first for i, first in enumerate(firsts) if first != i}
