"""How good a classifier of texts is: what it finds and how rightly, how well its chances order texts, and whether they are true.

Everything is counted on texts that it has not learnt from; chances are (texts, labels), rows summing to 1.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
BINS = 10


def classification(chances: np.ndarray, right: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """Of all labels together and of each: {"texts", "accuracy", "macro_f1", "calibration", "labels": {label: …}}."""
    said = chances.argmax(1)
    each = {label: of_label(chances[:, n], right == n, said == n) for n, label in enumerate(labels)}
    there = [told["f1"] for told in each.values() if told["texts"]]
    table = calibration(chances.max(1), said == right)
    return {
        "texts": len(right),
        "accuracy": _round((said == right).mean() if len(right) else 0.0),
        "macro_f1": _round(np.mean(there) if there else 0.0),
        "log_loss": _round(
            -np.log(np.maximum(chances[np.arange(len(right)), right], 1e-12)).mean() if len(right) else 0
        ),
        "calibration_error": calibration_error(table),
        "calibration": table,
        "labels": each,
    }


def of_label(chance: np.ndarray, is_so: np.ndarray, said: np.ndarray) -> dict[str, Any]:
    """One label against all others: how often it is said rightly (precision), found (recall), and the area under its curve."""
    hits = int((is_so & said).sum())
    precision, recall = hits / max(1, int(said.sum())), hits / max(1, int(is_so.sum()))
    return {
        "texts": int(is_so.sum()),
        "precision": _round(precision),
        "recall": _round(recall),
        "f1": _round(2 * precision * recall / max(1e-12, precision + recall)),
        "auc": area(chance, is_so),
    }


def area(chance: np.ndarray, is_so: np.ndarray) -> float | None:
    """The chance that a text of the label scores above one of another (ties count half); None where one sort is missing."""
    yes = int(is_so.sum())
    no = len(is_so) - yes
    if not yes or not no:
        return None
    values, places, counts = np.unique(chance, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2  # the mean rank of equal scores, from 1
    return _round((ranks[places][is_so].sum() - yes * (yes + 1) / 2) / (yes * no))


def area_plainly(chance: Sequence[float], is_so: Sequence[bool]) -> float:
    """`area` as its definition says it."""
    pairs = [
        (a, b)
        for a, yes in zip(chance, is_so, strict=True)
        if yes
        for b, no in zip(chance, is_so, strict=True)
        if not no
    ]
    return sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs) / len(pairs)


def calibration(chance: np.ndarray, is_so: np.ndarray) -> list[dict[str, Any]]:
    """Of texts given a chance from … to …: how many, the mean chance, and the share for which it came true."""
    bins = np.minimum((chance * BINS).astype(int), BINS - 1)
    rows = []
    for n in range(BINS):
        inside = bins == n
        if inside.any():
            told = {"from": n / BINS, "to": (n + 1) / BINS, "texts": int(inside.sum())}
            rows.append(told | {"chance": _round(chance[inside].mean()), "true": _round(is_so[inside].mean())})
    return rows


def calibration_error(table: list[dict[str, Any]]) -> float:
    """How far chances are from what came true, on average over texts (expected calibration error)."""
    texts = sum(row["texts"] for row in table)
    return _round(sum(row["texts"] * abs(row["chance"] - row["true"]) for row in table) / max(1, texts))


def thresholds(chance: np.ndarray, is_so: np.ndarray, pool: np.ndarray | None = None) -> list[dict[str, Any]]:
    """What keeping texts above a chance brings: precision, recall, and the share kept (of the pool, if there is one)."""
    rows = []
    for least in THRESHOLDS:
        above = chance >= least
        kept = (chance if pool is None else pool) >= least
        rows.append(
            {
                "threshold": least,
                "precision": _round(is_so[above].mean()) if above.any() else None,
                "recall": _round(above[is_so].mean()) if is_so.any() else None,
                "kept": _round(kept.mean()) if len(kept) else 0.0,
            }
        )
    return rows


def _round(value: Any) -> float:
    return round(float(value), 4)
