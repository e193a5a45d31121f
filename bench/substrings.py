"""How fast repeated passages are found: exact substring deduplication of real texts, in MB/s of one core, and its memory.

    python -m bench.substrings TEXTS.jsonl[.xz] … [--megabytes 40 --length 50 --planted 0.05 --turns 3]

The texts are put into Parquet as the corpus stage holds them; to some of them a passage of another is added. Told are seconds
of the processor after the loops are compiled, the most memory beyond that of the imports, the bytes that lie on disk meanwhile,
and how many of the planted passages are cut. Every run is added to bench/results/substrings.jsonl.
"""

import argparse
import json
import random
import resource
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from groundup import hardware
from groundup.data.copies.repeated import SubstringSettings, repeated_passages
from groundup.data.copies.staged import Staged
from groundup.data.tokens.corpora import Corpora

RESULTS = Path(__file__).parent / "results" / "substrings.jsonl"
GROUP = 4 << 20  # bytes of text in a row group, as the corpus stage writes them
PASSAGE = 600  # characters that are planted


def staged(texts: list[str], path: Path) -> Staged:
    """Texts as the staged table that comparison reads."""
    schema = pa.schema(
        [("number", pa.int64()), ("id", pa.string()), ("text", pa.large_string()), ("reason", pa.string())]
    )
    with parquet.ParquetWriter(path, schema, compression="zstd") as writer:
        waiting, size = [], 0
        for number, text in enumerate(texts):
            waiting.append({"number": number, "id": str(number), "text": text, "reason": ""})
            size += len(text)
            if size >= GROUP or number == len(texts) - 1:
                writer.write_batch(pa.RecordBatch.from_pylist(waiting, schema))
                waiting, size = [], 0
    return Staged([path])


def planted(texts: list[str], share: float) -> list[tuple[int, str]]:
    """Ends some texts with a passage of an earlier one, in place; which ones, and with what."""
    dice, done = random.Random(5), []
    long = [number for number, text in enumerate(texts) if len(text) > 3 * PASSAGE]
    for number in sorted(dice.sample(range(1, len(texts)), int(share * len(texts)))):
        source = dice.choice([each for each in long if each < number] or long[:1])
        at = dice.randrange(len(texts[source]) - PASSAGE)
        passage = texts[source][at : at + PASSAGE]
        texts[number] += "\n\n" + passage
        done.append((number, passage))
    return done


def covered(spans: list[tuple[int, int]], begin: int, end: int) -> float:
    """The share of the bytes from begin to end that is cut; words that the passage begins and ends within are not."""
    return sum(max(0, min(b, end) - max(a, begin)) for a, b in spans) / (end - begin)


def measured(work: Callable[[], Any], folder: Path) -> tuple[float, int, int, Any]:
    """Seconds of the processor, the most memory and the most bytes in a folder while it works, and what it gave."""
    ended, most = threading.Event(), [0, 0]

    def watch() -> None:
        while not ended.wait(0.05):
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.exists())
            most[:] = max(most[0], resident()), max(most[1], size)

    watcher = threading.Thread(target=watch)
    before, start = resident(), time.process_time()
    watcher.start()
    found = work()
    seconds = time.process_time() - start
    ended.set()
    watcher.join()
    return seconds, most[0] - before, most[1], found


def resident() -> int:
    """Bytes of memory that this process holds now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("texts", nargs="+")
    for name, value in (("megabytes", 40), ("length", 50), ("turns", 3)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--planted", type=float, default=0.05)
    asked = parser.parse_args()
    texts, size = [], 0
    for document in Corpora(asked.texts).documents():
        texts.append(document.decode())
        size += len(document)
        if size >= asked.megabytes * 1e6:
            break
    passages = planted(texts, asked.planted)
    settings = SubstringSettings(length=asked.length)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        some = staged(texts[:20], place / "some.parquet")
        repeated_passages(some, place / "some", settings, np.ones(some.documents, bool))  # compiles
        table, runs = staged(texts, place / "all.parquet"), []
        for turn in range(asked.turns):
            spill = place / f"spill-{turn}"
            spill.mkdir()
            runs.append(
                measured(
                    lambda spill=spill: repeated_passages(table, spill, settings, np.ones(len(texts), bool)), spill
                )
            )
        cuts = runs[-1][3]
        raw = [text.encode() for text in texts]
        cut = sum(end - begin for number in range(len(texts)) for begin, end in cuts.of(number))
        found = sum(covered(cuts.of(n), len(raw[n]) - len(text.encode()), len(raw[n])) > 0.8 for n, text in passages)
    total = sum(map(len, raw))
    line = {
        "bytes": total,
        "documents": len(texts),
        "length": asked.length,
        "turns": asked.turns,
        "cpu": hardware.look().cpu,
        "mb_per_s_of_a_core": round(total / 1e6 / median(run[0] for run in runs), 2),
        "processor_s": [round(run[0], 3) for run in runs],
        "memory_mb": round(max(run[1] for run in runs) / 1e6, 1),
        "disk_mb": round(max(run[2] for run in runs) / 1e6, 1),
        "cut_share": round(cut / total, 4),
        "planted": len(passages),
        "planted_found": found,
    }
    with open(RESULTS, "a") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line, indent=1))


if __name__ == "__main__":
    main()
