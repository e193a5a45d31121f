"""Who stays of a cluster of near copies, and the list of all clusters, for somebody to look at.

`clusters.parquet` has a row for each member: the number of its cluster, its id, the survivor's id, and how similar the
two are, where that was measured.
"""

from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from groundup.data.copies.duplicates import Clusters
from groundup.data.copies.near import NearSettings
from groundup.data.copies.spill import groups
from groundup.data.copies.staged import StagedTable, names_of
from groundup.errors import Problem

FILE = "clusters.parquet"
ROWS = 1 << 16  # written at once


def survivors(staged: StagedTable, settings: NearSettings, clusters: Clusters, out: Path) -> np.ndarray:
    """first (documents,): the number of the survivor of each one's cluster; the clusters are written into `out`."""
    label = clusters.label
    members = np.flatnonzero(np.bincount(label, minlength=len(label))[label] > 1)
    order = np.lexsort((members, RANKS[settings.keep](staged, settings, members), label[members]))
    ordered = members[order]  # cluster after cluster, the survivor first in each
    begins, ends = groups(label[ordered])
    first = np.arange(staged.documents)
    first[ordered] = np.repeat(ordered[begins], ends - begins)
    _write(staged, clusters, members, first, out / FILE)
    return first


def _first(staged: StagedTable, settings: NearSettings, members: np.ndarray) -> np.ndarray:
    return np.zeros(len(members), np.int64)


def _longest(staged: StagedTable, settings: NearSettings, members: np.ndarray) -> np.ndarray:
    import pyarrow.compute as compute

    sizes = [compute.binary_length(batch.column("text")) for batch in staged.batches(["text"], _mask(staged, members))]  # type: ignore[attr-defined]
    return -np.concatenate([size.to_numpy() for size in sizes]) if sizes else members


def _by_source(staged: StagedTable, settings: NearSettings, members: np.ndarray) -> np.ndarray:
    if not settings.sources:
        raise Problem("near.keep=source needs near.sources: patterns of sources, the best first, as [wiki*, books/*]")
    known: dict[str, int] = {}
    ranks = []
    for batch in staged.batches(["source"], _mask(staged, members)):
        for source in batch.column("source").to_pylist():
            if source not in known:
                fits = [fnmatchcase(source, pattern) for pattern in settings.sources]
                known[source] = fits.index(True) if True in fits else len(fits)
            ranks.append(known[source])
    return np.array(ranks, np.int64)


RANKS = {"first": _first, "longest": _longest, "source": _by_source}  # the smallest stays; of equals the first


def _mask(staged: StagedTable, members: np.ndarray) -> np.ndarray:
    wanted = np.zeros(staged.documents, bool)
    wanted[members] = True
    return wanted


def _write(staged: StagedTable, clusters: Clusters, members: np.ndarray, first: np.ndarray, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as parquet

    names = names_of(staged, members)
    text = pa.large_string()
    schema = pa.schema([("cluster", pa.int64()), ("member", text), ("survivor", text), ("similarity", pa.float32())])
    place = np.argsort(clusters.label[members], kind="stable")
    numbered = np.unique(clusters.label[members], return_inverse=True)[1]
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        for begin in range(0, len(place), ROWS):
            at = place[begin : begin + ROWS]
            stays = np.searchsorted(members, first[members[at]])
            alike = [_alike(clusters, one, other) for one, other in zip(members[stays], members[at], strict=True)]
            columns = [
                numbered[at],
                names.take(pa.array(at)),
                names.take(pa.array(stays)),
                pa.array(alike, pa.float32()),
            ]
            writer.write_batch(pa.RecordBatch.from_arrays([pa.array(column) for column in columns], schema=schema))


def _alike(clusters: Clusters, survivor: int, member: int) -> float | None:
    if clusters.runs is None:
        return None
    return 1.0 if survivor == member else clusters.runs.alike(survivor, member)
