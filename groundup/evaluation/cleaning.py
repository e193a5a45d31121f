"""Was the corpus cleaned of what it should be cleaned of? What was kept and removed is held against the sealed truth.

For each kind of rubbish: recall, the share of such pages that are gone, for whatever reason; precision, the share of the
pages removed for this reason that are such pages. Of a cluster of copies exactly one is to stay, whichever it is.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from groundup.data.reading.parquets import rows
from groundup.errors import Problem

COPIES = ("duplicate", "near_duplicate")
REASONS = (*COPIES, "gibberish", "spam", "toxic", "language", "leak")


def cleaning(corpus: str | Path, sealed: str | Path) -> dict[str, Any]:
    """For each kind of rubbish and for private data {"precision", "recall", counts}; `removed_as` tells what was taken
    for what; `good` how many good pages are left."""
    truth = {row["id"]: row for row in rows(_sealed(Path(sealed)), "id", "keep", "reason", "cluster", "redact")}
    corpus = Path(corpus)
    kept = {row["id"]: row["text"] for file in _files(corpus, "kept-*.parquet") for row in rows(file, "id", "text")}
    removed = {
        row["id"]: row["reason"]
        for file in sorted((corpus / "removed").glob("*.parquet"))
        for row in rows(file, "id", "reason")
    }
    truth = {name: row for name, row in truth.items() if name in kept or name in removed} or truth
    truth = _with_one_of_each_cluster(truth, kept)
    found: dict[str, Any] = {reason: _of_reason(reason, truth, kept, removed) for reason in REASONS}
    found["pii"] = _private(corpus / "redactions.parquet", truth, kept)
    good = [name for name, row in truth.items() if not row["reason"]]
    lost = Counter(removed.get(name, "missing") for name in good if name not in kept)
    found["good"] = {"pages": len(good), "kept": len(good) - lost.total(), "lost_as": dict(sorted(lost.items()))}
    found["removed_as"] = {
        reason: dict(sorted(Counter(removed.get(name, "kept") for name in _named(truth, reason)).items()))
        for reason in REASONS
    }
    return found


def _with_one_of_each_cluster(truth: dict[str, Any], kept: dict[str, str]) -> dict[str, Any]:
    """The truth with the copy that was left in the place of an original that was removed instead of it."""
    clusters: dict[str, list[str]] = {}
    for name, row in truth.items():
        if row["cluster"] and (not row["reason"] or row["reason"] in COPIES):
            clusters.setdefault(row["cluster"], []).append(name)
    told = dict(truth)
    for names in clusters.values():
        originals = [name for name in names if not truth[name]["reason"]]
        left = [name for name in names if name in kept]
        if left and originals and not any(name in kept for name in originals):
            first, stays = truth[originals[0]], truth[left[0]]
            told[originals[0]] = {**first, "reason": stays["reason"]}
            told[left[0]] = {**stays, "reason": ""}
    return told


def _of_reason(reason: str, truth: dict[str, Any], kept: dict[str, str], removed: dict[str, str]) -> dict[str, Any]:
    """A copy that another cleaning step made exact, or a filter saw as nearly so, is a copy all the same."""
    same = COPIES if reason in COPIES else (reason,)
    pages = _named(truth, reason)
    taken = [name for name, why in removed.items() if why == reason and name in truth]
    gone = sum(name not in kept for name in pages)
    right = sum(truth[name]["reason"] in same for name in taken)
    return _figures(right, len(taken), gone, len(pages))


def _private(redactions: Path, truth: dict[str, Any], kept: dict[str, str]) -> dict[str, Any]:
    """Values that are no longer in the text, and of the spans blacked out those that there was a reason for."""
    blacked: Counter[tuple[str, str]] = Counter()
    if redactions.exists():
        for row in rows(redactions, "id", "kind", "count"):
            if row["id"] in kept and row["id"] in truth:
                blacked[row["id"], row["kind"]] += row["count"]
    private: Counter[tuple[str, str]] = Counter()
    gone: Counter[tuple[str, str]] = Counter()
    for name in kept.keys() & truth.keys():
        for span in truth[name]["redact"] or ():
            private[name, span["kind"]] += 1
            gone[name, span["kind"]] += span["value"] not in kept[name]
    told = _of_spans(blacked, private, gone, None)
    kinds = sorted({kind for _, kind in (*blacked, *private)})
    return told | {"kinds": {kind: _of_spans(blacked, private, gone, kind) for kind in kinds}}


def _of_spans(blacked: Counter, private: Counter, gone: Counter, wanted: str | None) -> dict[str, Any]:
    def total(counts: Counter) -> int:
        return sum(count for (_, kind), count in counts.items() if wanted in (None, kind))

    return _figures(total(blacked & private), total(blacked), total(gone), total(private))


def _figures(right: int, taken: int, gone: int, there: int) -> dict[str, Any]:
    """Nothing taken is nothing taken wrongly; where there was nothing to find, nothing was missed."""
    return {
        "precision": round(right / taken, 4) if taken else 1.0,
        "recall": round(gone / there, 4) if there else 1.0,
        "removed": taken,
        "there": there,
        "missed": there - gone,
        "wrong": taken - right,
    }


def _named(truth: dict[str, Any], reason: str) -> list[str]:
    return [name for name, row in truth.items() if row["reason"] == reason]


def _sealed(path: Path) -> Path:
    file = path if path.is_file() else path / "pages.parquet"
    if not file.exists():
        raise Problem(f"there is no {file}: expected the sealed truth about each page, as `invent` writes it")
    return file


def _files(folder: Path, pattern: str) -> list[Path]:
    files = sorted(folder.glob(pattern))
    if not files:
        raise Problem(f"{folder} has no {pattern}: give the folder that the corpus stage made")
    return files
