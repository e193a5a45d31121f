"""The sealed truth about each page, for evaluation alone: keep or remove and why, what to black out, what is told.

Shards write their truth as lines of JSON while they are made; at the end all lines become one parquet file.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from groundup.town.pages import Draft

SENTENCE = re.compile(r"(?<=[.!?])\s+")
WORD = re.compile(r"\w+")
OFTEN = (5, 20, 100)


@dataclass(frozen=True)
class Truth:
    """What is true of one page; `reason` is empty for a page to keep."""

    id: str
    reason: str
    cluster: str  # the URL of the page that this one copies, its own for a good page, empty for rubbish
    redact: tuple[tuple[str, str], ...]
    facts: tuple[str, ...]
    kind: str
    encoding: str
    text_bytes: int


def lines(told: Iterable[Truth]) -> str:
    """One JSON line for each page."""
    return "".join(json.dumps(vars(each)) + "\n" for each in told)


def seal(parts: Sequence[Path], path: Path) -> dict[str, Counter[str]]:
    """Put the truth of all shards into one parquet file; returns how often each reason, kind and encoding occurs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    private = pa.list_(pa.struct([("kind", pa.string()), ("value", pa.string())]))
    schema = pa.schema(
        [("id", pa.string()), ("keep", pa.bool_()), ("reason", pa.string()), ("cluster", pa.string())]
        + [("redact", private), ("facts", pa.list_(pa.string())), ("kind", pa.string())]
        + [("encoding", pa.string()), ("text_bytes", pa.int64())]
    )
    counts: dict[str, Counter[str]] = {
        name: Counter() for name in ("reason", "kind", "encoding", "redact", "bytes", "facts")
    }
    beside = path.with_name(f".{path.name}.writing")
    with pq.ParquetWriter(beside, schema, compression="zstd") as writer:
        for part in parts:
            rows = [json.loads(line) for line in part.read_text(encoding="utf-8").splitlines()]
            for row in rows:
                row["redact"] = [{"kind": kind, "value": value} for kind, value in row["redact"]]
                row["keep"] = not row["reason"]
                _count(counts, row)
            writer.write_table(pa.Table.from_pylist(rows, schema))
    with open(beside, "rb") as file:
        os.fsync(file.fileno())
    os.replace(beside, path)
    return counts


def _count(counts: dict[str, Counter[str]], row: dict) -> None:
    reason = row["reason"] or "good"
    for name in ("kind", "encoding"):
        counts[name][row[name]] += 1
    counts["reason"][reason] += 1
    counts["bytes"][reason] += row["text_bytes"]
    if row["keep"]:
        counts["redact"].update(each["kind"] for each in row["redact"])
        counts["facts"].update(row["facts"])


def repetition(drafts: Iterable[Draft]) -> dict[str, float | int]:
    """Shares of sentences that occur more than a few times, and of distinct ones and runs of four words."""
    sentences: Counter[str] = Counter()
    runs: set[int] = set()
    pages = total_runs = 0
    for draft in drafts:
        pages += 1
        for paragraph in draft.paragraphs:
            sentences.update(SENTENCE.split(paragraph))
            found = WORD.findall(paragraph.lower())
            runs.update(map(hash, zip(found, found[1:], found[2:], found[3:], strict=False)))
            total_runs += max(0, len(found) - 3)
    total = sum(sentences.values())
    told = {f"share_of_sentences_seen_more_than_{often}_times": _share(sentences, often) for often in OFTEN}
    most = sentences.most_common(1)[0][1] if sentences else 0
    return told | {
        "pages": pages,
        "sentences": total,
        "distinct_sentences": round(len(sentences) / max(1, total), 4),
        "distinct_runs_of_four_words": round(len(runs) / max(1, total_runs), 4),
        "most_often_a_sentence_was_seen": most,
    }


def _share(sentences: Counter[str], often: int) -> float:
    repeated = sum(count for count in sentences.values() if count > often)
    return round(repeated / max(1, sum(sentences.values())), 4)
