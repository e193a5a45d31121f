"""The S-curve on real texts: how often pairs of each similarity meet in the bands, beside how often they should.

The pairs are found with signatures of other hashes and much smaller bands, so that whether a pair was found tells
nothing about whether it meets.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from groundup.data.copies.near import NearSettings, Signer, candidates, meets, resemblance, runs_of, words_of

LENIENT = 100, 2  # bands and rows by which pairs are found: of similarity 0.2 that is 98 of 100
STEP = 0.05  # of similarity, to a bin
MOST = 20_000  # pairs that are measured
APART = 21  # what the other hashes are drawn from


@dataclass(frozen=True)
class Bin:
    """Pairs of about one similarity: how many there are, how many meet, and how many should."""

    low: float
    pairs: int
    met: int
    expected: float


def measured(texts: Iterable[str], settings: NearSettings) -> list[Bin]:
    """The bins of all pairs of texts that are alike at all, the least similar first; all texts are held."""
    from groundup.kernels import hashing, minhash

    bands, rows = LENIENT
    keys, signer = minhash.keys(bands * rows, APART), Signer(settings)
    runs, own = [], []
    places: dict[int, list[int]] = defaultdict(list)
    for number, text in enumerate(texts):
        words = words_of(text.lower())
        members = hashing.runs(words, settings.run)
        runs.append(runs_of(text, settings.run))
        own.append(signer.sign(words))
        for band in minhash.bands(minhash.signature(members, *keys), rows).tolist():
            places[band].append(number)
    pairs = candidates(numbers for numbers in places.values() if len(numbers) > 1)
    chosen = pairs[:: max(1, -(-len(pairs) // MOST))]
    told = [(resemblance(runs[one], runs[other]), bool((own[one] == own[other]).any())) for one, other in chosen]
    return _binned(told, settings)


def _binned(told: list[tuple[float, bool]], settings: NearSettings) -> list[Bin]:
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for similarity, met in told:
        bins[min(int(similarity / STEP + 1e-9), round(1 / STEP) - 1)].append((similarity, met))
    return [
        Bin(
            round(number * STEP, 2),
            len(found),
            sum(met for _, met in found),
            sum(float(meets(similarity, settings.bands, settings.rows)) for similarity, _ in found),
        )
        for number, found in sorted(bins.items())
    ]
