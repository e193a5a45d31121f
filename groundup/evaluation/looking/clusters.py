"""Who else is in a document's cluster of near copies, found in a pass over `clusters.parquet` and one over the ids."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from groundup.data.reading import parquets
from groundup.evaluation.looking.finished import CLUSTERS, Corpus, Document, Place

ROWS = 1 << 16
MEMBERS = 6  # of one cluster that are shown


@dataclass(frozen=True)
class Member:
    """One of a cluster; `similarity` to the one that stayed, where it was measured."""

    id: str
    survivor: str
    similarity: float | None


def clusters_of(corpus: Corpus, ids: Collection[str]) -> dict[str, list[Member]]:
    """For each id that is in a cluster its members, the survivor first, at most MEMBERS."""
    numbers: dict[str, int] = {}
    for batch in _rows(corpus):
        asked = (pair for pair in zip(batch["member"], batch["cluster"], strict=True) if pair[0] in ids)
        numbers.update(asked)
    wanted = set(numbers.values())
    members: dict[int, list[Member]] = defaultdict(list)
    for batch in _rows(corpus) if wanted else ():
        for place in np.flatnonzero(np.isin(batch["cluster"], list(wanted))).tolist():
            own = members[batch["cluster"][place]]
            member = Member(batch["member"][place], batch["survivor"][place], batch["similarity"][place])
            stays = member.id == member.survivor
            if stays:
                own.insert(0, member)
            elif len(own) < MEMBERS or member.id in ids:
                own.append(member)
    return {id: members[number] for id, number in numbers.items()}


def sizes(corpus: Corpus) -> dict[int, int]:
    """Size of a cluster -> how many clusters have it, counted row by row."""
    found: dict[int, int] = defaultdict(int)
    last, size = -1, 0
    for batch in _rows(corpus):  # a cluster's members lie in a row
        for number in batch["cluster"]:
            if number != last:
                if size:
                    found[size] += 1
                last, size = number, 0
            size += 1
    if size:
        found[size] += 1
    return dict(sorted(found.items()))


def documents_of(corpus: Corpus, ids: Collection[str]) -> dict[str, Document]:
    """The documents with these ids, wherever they lie."""
    if not ids:
        return {}
    places: dict[str, Place] = {}
    for part in corpus.parts(["id"]):
        for row, id in enumerate(part.batch.column("id").to_pylist()):
            if id in ids and id not in places:
                places[id] = Place(part.first.number + row, part.first.file, part.first.row + row)
    read = corpus.read(places.values())
    return {id: read[place] for id, place in places.items()}


def _rows(corpus: Corpus) -> Iterator[dict[str, list]]:
    path = corpus.folder / CLUSTERS
    if not path.is_file():
        return
    with parquets.reading(path) as file:
        for batch in file.iter_batches(ROWS, use_threads=False):
            yield batch.to_pydict()
