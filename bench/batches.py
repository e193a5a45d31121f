"""What a batch costs at any size of corpus: microseconds, seconds until the first one, and memory, beside torch's DataLoader.

    python -m bench.batches [--rows 32 --time 512 --batches 200 --turns 5]

1e6 tokens lie in a file, 1e9 in a sparse one (2 GB that take no disk), 1e12 are made up as they are asked for, so of them the
order alone is measured. `mixture` reads three such folders with weights that change on the way. The peer is a map-style
dataset over the same windows with torch.utils.data.DataLoader, shuffle=True, no workers: its RandomSampler draws a list of
all windows, which is counted in memory, and is left out at 1e12. Times are processor seconds, turns alternate. Every run is
added to bench/results/batches.jsonl.
"""

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import numpy as np

from groundup.data.tokens.batches import Pages, pages
from groundup.data.tokens.mixing import Knot
from groundup.data.tokens.mixture import Domain, Mixture
from groundup.data.tokens.shards import Shards

RESULTS = Path(__file__).parent / "results" / "batches.jsonl"
SIZES = (10**6, 10**9, 10**12)
VIRTUAL = 10**10  # tokens from which on nothing lies on the disk
DOCUMENT = 1000  # tokens
STEPS = 10_000  # that mixtures are planned for


class Unread:
    """Tokens that are nowhere: any cut of them is zeros."""

    dtype = np.dtype("<u2")

    def __init__(self, count: int):
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, cut: slice) -> np.ndarray:
        return np.zeros(cut.stop - cut.start, self.dtype)


def shards_of(folder: Path, tokens: int) -> Any:
    """A folder of so many zeros."""
    if tokens >= VIRTUAL:
        offsets = np.array([0, tokens])
        return SimpleNamespace(tokens=Unread(tokens), offsets=offsets, folder=folder, check=lambda ids: None)
    folder.mkdir(parents=True, exist_ok=True)
    documents = tokens // DOCUMENT
    with open(folder / "tokens.bin", "wb") as file:
        file.truncate(2 * tokens)
    np.arange(0, tokens + 1, DOCUMENT, dtype="<i8").tofile(folder / "offsets.bin")
    told = {"format": 1, "dtype": "uint16", "vocabulary": 50_000, "documents": documents, "tokens": tokens}
    (folder / "index.json").write_text(json.dumps(told | {"text_bytes": 4 * tokens, "sha256": {}}))
    return Shards(folder)


def ours(shards: Any, asked: argparse.Namespace) -> Iterator[np.ndarray]:
    """Pages of one folder."""
    source = pages(shards, asked.rows, asked.time, 1)
    return (source.batch(step * 7).ids for step in range(10**9))


def mixture(shards: Any, asked: argparse.Namespace) -> Iterator[np.ndarray]:
    """Three domains, weights changing."""
    domains = [
        Domain(name, Pages(shards, asked.rows, asked.time, at), len(shards.tokens), 1) for at, name in enumerate("abc")
    ]
    knots = [Knot(0, (5, 3, 2)), Knot(STEPS * 8 // 10, (1, 1, 8))]
    source = Mixture(domains, knots, STEPS, asked.rows, asked.time, 1, "linear")
    return (source.batch(step * 7 % STEPS).ids for step in range(10**9))


def data_loader(shards: Any, asked: argparse.Namespace) -> Iterator[Any]:
    """What people write: windows by number, shuffled by the sampler."""
    import torch
    from torch.utils.data import DataLoader, Dataset

    class Windows(Dataset):
        def __len__(self) -> int:
            return (len(shards.tokens) - 1) // asked.time

        def __getitem__(self, at: int) -> torch.Tensor:
            start = at * asked.time
            return torch.from_numpy(shards.tokens[start : start + asked.time + 1].astype(np.int64))

    loader = DataLoader(Windows(), batch_size=asked.rows, shuffle=True, generator=torch.Generator().manual_seed(1))
    while True:
        yield from loader


WAYS: dict[str, Callable[[Any, argparse.Namespace], Iterator[Any]]] = {
    "groundup": ours,
    "groundup_mixture": mixture,
    "torch_dataloader": data_loader,
}


def measured(way: str, tokens: int, asked: argparse.Namespace) -> dict[str, float]:
    """One turn, in a process of its own so that memory can be told."""
    with tempfile.TemporaryDirectory() as folder:
        shards = shards_of(Path(folder) / "tokens", tokens)
        if way != "groundup":  # what is imported once is no cost of a batch
            next(WAYS[way](shards_of(Path(folder) / "small", 10**6), asked))
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        batches = WAYS[way](shards, asked)
        next(batches)
        first = time.process_time() - began
        began = time.process_time()
        for _ in range(asked.batches):
            next(batches)
        each = (time.process_time() - began) / asked.batches
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {"first_batch_ms": 1e3 * first, "us_per_batch": 1e6 * each, "memory_mb": more / 1024}


def turn(way: str, tokens: int) -> dict[str, float]:
    """The same from outside."""
    words = [sys.executable, "-m", "bench.batches", *sys.argv[1:], "--one", way, str(tokens)]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name, value in (("rows", 32), ("time", 512), ("batches", 200), ("turns", 5)):
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--one", nargs=2, metavar=("WAY", "TOKENS"))
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measured(asked.one[0], int(asked.one[1]), asked)))
        return
    for tokens in SIZES:
        ways = [way for way in WAYS if way != "torch_dataloader" or tokens < VIRTUAL]
        turns: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
        for _ in range(asked.turns):
            for way in ways:
                turns[way].append(turn(way, tokens))
        runs = {way: {k: round(median(t[k] for t in told), 2) for k in told[0]} for way, told in turns.items()}
        line = {"tokens": tokens, "rows": asked.rows, "time": asked.time, "turns": asked.turns, "runs": runs}
        line |= {"cpu": platform.processor() or platform.machine(), "numpy": np.__version__}
        with open(RESULTS, "a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line, indent=1))


if __name__ == "__main__":
    main()
