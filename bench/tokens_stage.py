"""How fast texts become shards: the tokens stage beside its encoder alone, on the same texts, by turns.

    python -m bench.tokens_stage TEXTS.jsonl[.xz] … [--size 8192 --turns 5 --megabytes 110]

The texts are put into Parquet once, as the corpus stage writes it. `stage` reads that, encodes, and writes and hashes the
shards. `bare` is encode_many over the texts in memory by a tokenizer that has seen no word yet, as the stage's; `warm` is
the same once more, when it has seen them all. Told are seconds on the clock and of the processor (which
other work on the machine does not stretch), and their ratios. Every run is added to bench/results/tokens_stage.jsonl.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from groundup import hardware
from groundup.data.documents import HASH, schemas
from groundup.data.sink import Parquet
from groundup.data.tokens.corpora import Corpora
from groundup.data.tokens.split import place as place_of
from groundup.run import Work
from groundup.stages import tokens
from groundup.tokenizer import Tokenizer

RESULTS = Path(__file__).parent / "results" / "tokens_stage.jsonl"


def timed(function: Callable[[], object]) -> tuple[float, float]:
    """Seconds on the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - clock, time.process_time() - processor


def ratio(ours: list[tuple[float, float]], theirs: list[tuple[float, float]], which: int) -> float:
    """The median over the turns."""
    return round(median(our[which] / their[which] for our, their in zip(ours, theirs, strict=True)), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("texts", nargs="+")
    for name, value in (("size", 8192), ("turns", 5), ("megabytes", 110)):
        parser.add_argument(f"--{name}", type=int, default=value)
    asked = parser.parse_args()
    texts, size = [], 0
    for document in Corpora(asked.texts).documents():
        texts.append(document)
        size += len(document)
        if size >= asked.megabytes * 1e6:
            break
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        sink = Parquet(place, "kept", schemas()["kept"])
        for number, text in enumerate(texts):
            sink.add({"id": str(number), "text": text.decode(), "source": "bench", HASH: place_of(text)})
        sink.close()
        tokenizer = Tokenizer.train(texts[:: max(1, len(texts) // 300)], asked.size, specials=["<|endoftext|>"])
        tokenizer.save(place / "tokenizer")
        chosen = tokens.Settings(corpus=str(place), tokenizer=str(place / "tokenizer"))
        bare, warm, stage = [], [], []
        for number in range(asked.turns):
            out = place / f"out-{number}"
            out.mkdir()
            work = Work(out, chosen, 0, hardware.look(), {}, lambda *_: None)
            known = Tokenizer.load(place / "tokenizer")
            known.encode("")
            bare.append(timed(lambda known=known: known.encode_many(texts)))
            warm.append(timed(lambda known=known: known.encode_many(texts)))
            stage.append(timed(lambda work=work: tokens.run(chosen, work)))
            shutil.rmtree(out)
        (bare_clock, bare_processor), (warm_clock, warm_processor), (clock, processor) = (
            map(median, zip(*runs, strict=True)) for runs in (bare, warm, stage)
        )
    line = {
        "bytes": size,
        "documents": len(texts),
        "size": asked.size,
        "turns": asked.turns,
        "cores": len(os.sched_getaffinity(0)),
        "cpu": hardware.look().cpu,
        "bare_mb_per_s": round(size / 1e6 / bare_clock, 2),
        "stage_mb_per_s": round(size / 1e6 / clock, 2),
        "warm_mb_per_s": round(size / 1e6 / warm_clock, 2),
        "bare_processor_s": round(bare_processor, 3),
        "warm_processor_s": round(warm_processor, 3),
        "stage_processor_s": round(processor, 3),
        "clock_ratio": ratio(stage, bare, 0),
        "processor_ratio": ratio(stage, bare, 1),
        "processor_ratio_to_warm": ratio(stage, warm, 1),
    }
    with open(RESULTS, "a") as file:
        file.write(json.dumps(line) + "\n")
    print(json.dumps(line, indent=1))


if __name__ == "__main__":
    main()
