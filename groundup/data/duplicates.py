"""What only shows when documents are compared: which of them are copies of earlier ones, exactly or nearly.

Works on the staged table of prepared documents; Daft groups them, by their fingerprint and by the bands in which
their signatures meet.
"""

from pathlib import Path
from typing import Any

import numpy as np

from groundup.data.near import NearSettings, candidates, clusters, runs_of


def exact_copies(daft: Any, staged: Path) -> dict[int, int]:
    """number -> the number of the first document with the same text, for all that are not the first."""
    frame = _good(daft, staged).select("number", "exact")
    first = frame.groupby("exact").agg(daft.col("number").min().alias("first"))
    copies = frame.join(first, on="exact").where(daft.col("number") != daft.col("first")).to_pydict()
    return dict(sorted(zip(copies["number"], copies["first"], strict=True)))


def near_copies(daft: Any, staged: Path, settings: NearSettings, gone: dict[int, int]) -> dict[int, int]:
    """number -> the number of the first document of its cluster, among those not gone; not for the first."""
    met = _good(daft, staged).select("number", "bands").explode("bands").where(daft.col("bands").not_null())
    crowds = (
        met.groupby("bands")
        .agg(daft.col("number").list_agg().alias("numbers"))
        .where(daft.col("numbers").list_count() > 1)
        .select("numbers")
    )
    meetings = ([n for n in numbers if n not in gone] for numbers in crowds.to_pydict()["numbers"])
    pairs = candidates(meetings)
    runs = _runs(staged, {number for pair in pairs for number in pair}, settings.run)
    return clusters(pairs, runs.__getitem__, settings.similarity)


def _good(daft: Any, staged: Path) -> Any:
    return daft.read_parquet(str(staged)).where(daft.col("reason") == "")


def _runs(staged: Path, numbers: set[int], run: int) -> dict[int, np.ndarray]:
    """The runs of words of some documents."""
    import pyarrow.parquet as parquet

    found: dict[int, np.ndarray] = {}
    for batch in parquet.ParquetFile(staged).iter_batches(1024, columns=["number", "text"]):
        for i, number in enumerate(batch.column("number").to_pylist()):
            if number in numbers:
                found[number] = runs_of(batch.column("text")[i].as_py(), run)
    return found
