"""The S-curve on real texts: how often pairs of each similarity meet in the bands, beside how often they should.

The pairs are found with signatures of other hashes and much smaller bands, so that whether a pair was found tells
nothing about whether it meets.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

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


def texts_of(paths: list[str], most: int) -> Iterable[str]:
    """The texts of files, up to so many bytes of them."""
    from groundup.data.cleaning.clean import normalise
    from groundup.data.cleaning.extract import extract
    from groundup.data.documents import HTML
    from groundup.data.reading.encoding import decode
    from groundup.data.reading.files import Reader

    size = 0
    for record in Reader([str(Path(path).expanduser()) for path in paths]):
        if record.problem or size > most:
            continue
        text = decode(record.body, record.charset)
        size += len(record.body)
        yield normalise(extract(text) if record.kind == HTML else text)
