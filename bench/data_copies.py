"""Near and exact copies beside datatrove's: JSON lines in, JSON lines without near copies out, on one core or two.

    python bench/data_copies.py --peer /path/to/python-with-datatrove [--megabytes 40] [--cores 1] [--rounds 1]
    python bench/data_copies.py --memory [--megabytes 400]

Both sides use 14 bands of 8 rows over runs of 5 words, each in processes of its own, one after the other; with one core a
round counts the seconds of the processor after imports, with several those of the clock, processes and their imports
included. The texts are real (of the folder GROUNDUP_TEXTS, JSON lines), and to every tenth a near copy is planted
elsewhere. Every run is added to bench/results/data_copies.jsonl.
"""

import argparse
import json
import lzma
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "data_copies.jsonl"
TEXT = Path(os.environ.get("GROUNDUP_TEXTS", "texts"))  # a folder of *.jsonl or *.jsonl.xz
PLANTED, CHANGED = 0.1, 0.01  # the share of texts that get a copy, and of the copy's words that are others
PEER = """
import json, resource, sys, time
from loguru import logger
logger.remove()
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter

def main(inside, place, cores):
    config = MinhashConfig(n_grams=5, num_buckets=14, hashes_per_bucket=8)
    read = JsonlReader(inside, text_key="text", id_key="id")
    steps = [
        ([read, MinhashDedupSignature(place + "/signatures", config)], cores),
        ([MinhashDedupBuckets(place + "/signatures", place + "/buckets", config=config)], 14),
        ([MinhashDedupCluster(place + "/buckets", place + "/remove", config=config)], 1),
        ([read, MinhashDedupFilter(place + "/remove"), JsonlWriter(place + "/out", compression=None)], cores),
    ]
    seconds, clock = [], used if cores == 1 else time.perf_counter
    for at, (pipeline, tasks) in enumerate(steps):
        before = clock()
        LocalPipelineExecutor(pipeline, tasks=tasks, workers=min(cores, tasks), logging_dir=place + f"/logs{at}").run()
        seconds.append(clock() - before)
    print(json.dumps(seconds))

def used():
    who = [resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in who)

if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
"""


def used() -> float:
    """Seconds of the processor, of this process and those it has waited for."""
    who = [resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in who)


def texts(limit: int) -> Iterator[str]:
    """Real texts, so many bytes of them."""
    size, files = 0, sorted(TEXT.glob("*.jsonl*"))
    if not files:
        raise SystemExit(f"no *.jsonl in {TEXT}: GROUNDUP_TEXTS names the folder of the texts")
    for file in files:
        with lzma.open(file, "rt") if file.suffix == ".xz" else open(file) as lines:
            for line in lines:
                text = json.loads(line)["text"]
                size += len(text.encode())
                yield text
                if size >= limit:
                    return


def altered(text: str, roll: random.Random) -> str:
    """A near copy: some words are others."""
    words = text.split(" ")
    for _ in range(max(1, round(CHANGED * len(words)))):
        words[roll.randrange(len(words))] = f"word{roll.randrange(10**6)}"
    return " ".join(words)


def plant(folder: Path, megabytes: int, files: int) -> int:
    """Write the texts with their copies in random order; the bytes of all texts."""
    roll, rows = random.Random(1), []
    for number, text in enumerate(texts(megabytes << 20)):
        rows.append((f"{number}", text))
        if roll.random() < PLANTED:
            rows.append((f"{number}-copy", altered(text, roll)))
    roll.shuffle(rows)
    for file in range(files):
        part = rows[file * len(rows) // files : (file + 1) * len(rows) // files]
        lines = (json.dumps({"id": id, "text": text}, ensure_ascii=False) + "\n" for id, text in part)
        (folder / f"{file}.jsonl").write_text("".join(lines))
    return sum(len(text.encode()) for _, text in rows)


def sign(job: tuple[Path, Path, int, dict[str, Any]]) -> float:
    """One file of JSON lines -> its part of the staged table; seconds of the processor."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    from groundup.data.copies.near import NearSettings, Signer, words_of

    file, place, base, settings = job
    signer = Signer(NearSettings.model_validate(settings))
    signer.sign(words_of("this only brings in what is compiled"))
    start, string = used(), pa.large_string()
    schema = pa.schema(
        [
            ("number", pa.int64()),
            ("id", string),
            ("text", string),
            ("reason", string),
            ("bands", pa.large_list(pa.uint64())),
        ]
    )
    with open(file, "rb") as lines, parquet.ParquetWriter(place, schema, compression="none") as writer:
        for group in _grouped(lines):
            rows = [json.loads(line) for line in group]
            bands = np.concatenate([signer.sign(words_of(row["text"].lower())) for row in rows])
            each = signer.settings.bands
            columns = [
                pa.array(range(base, base + len(rows)), pa.int64()),
                pa.array([row["id"] for row in rows], string),
                pa.array([row["text"] for row in rows], string),
                pa.array([""] * len(rows), string),
                pa.LargeListArray.from_arrays(np.arange(0, each * len(rows) + 1, each), bands),
            ]
            base += len(rows)
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
    return used() - start


def _grouped(lines: Any) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    for line in lines:
        group.append(line)
        if len(group) == 256:
            yield group
            group = []
    if group:
        yield group


def ours(inside: Path, place: Path, cores: int, settings: dict[str, Any]) -> dict[str, float]:
    """JSON lines without near copies; seconds of each part."""
    from groundup.data.copies.duplicates import near_copies
    from groundup.data.copies.near import NearSettings
    from groundup.data.copies.staged import StagedTable
    from groundup.data.copies.survivors import survivors
    from groundup.kernels import unions

    unions.unite(np.arange(2), np.array([0]), np.array([1]))  # what is compiled is there
    clock = used if cores == 1 else time.perf_counter
    start = clock()
    files = sorted(inside.glob("*.jsonl"))
    counts = [file.read_bytes().count(b"\n") for file in files]
    bases = np.cumsum([0, *counts]).tolist()
    jobs = [(file, place / f"staged-{i}.parquet", bases[i], settings) for i, file in enumerate(files)]
    counted = clock() - start
    if cores == 1:
        signing = sum(map(sign, jobs))
    else:
        start = clock()
        with ProcessPoolExecutor(cores) as pool:
            list(pool.map(sign, jobs))
        signing = clock() - start
    start = clock()
    chosen = NearSettings.model_validate(settings)
    staged = StagedTable([job[1] for job in jobs])
    clusters = near_copies(staged, place / "comparing", chosen, np.zeros(staged.documents, bool))
    first = survivors(staged, chosen, clusters, place)
    clusters.close()
    comparing = clock() - start
    (place / "out").mkdir()
    start = clock()
    for file, base in zip(files, bases, strict=False):
        with open(file, "rb") as lines, open(place / "out" / file.name, "wb") as out:
            out.writelines(line for number, line in enumerate(lines, base) if first[number] == number)
    return {"signatures": counted + signing, "comparing": comparing, "writing": clock() - start}


def theirs(peer: str, inside: Path, place: Path, cores: int) -> dict[str, float]:
    """The same by datatrove."""
    script = place / "peer.py"
    script.write_text(PEER)
    words = [peer, str(script), str(inside), str(place), str(cores)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    names = ("signatures", "buckets", "cluster", "filter")
    return dict(zip(names, json.loads(done.stdout.strip().splitlines()[-1]), strict=True))


def kept(folder: Path) -> set[str]:
    """The ids in a folder of JSON lines."""
    return {json.loads(line)["id"] for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()}


ALIKE = 0.5  # similarity from which texts count as each other's copies when decisions are compared


def families(known: dict[str, str]) -> list[list[str]]:
    """The documents (id -> text) in chains of those that are alike at all: who stays of a chain is chance, how many is not."""
    from groundup.data.copies.near import NearSettings, Signer, candidates, resemblance, runs_of, words_of
    from groundup.kernels.unions import roots_plainly

    ids, signer = list(known), Signer(NearSettings(bands=60, rows=3))
    runs = [runs_of(text, 5) for text in known.values()]
    met: dict[tuple[int, int], list[int]] = {}
    for number, text in enumerate(known.values()):
        if len(words := words_of(text.lower())):
            for place, band in enumerate(signer.sign(words).tolist()):
                met.setdefault((place, band), []).append(number)
    pairs = candidates(group for group in met.values() if len(group) > 1)
    alike = [(one, other) for one, other in pairs if resemblance(runs[one], runs[other]) >= ALIKE]
    alike += [(ids.index(id.removesuffix("-copy")), ids.index(id)) for id in ids if id.endswith("-copy")]
    found: dict[int, list[str]] = {}
    for id, root in zip(ids, roots_plainly(len(ids), alike), strict=True):
        found.setdefault(root, []).append(id)
    return list(found.values())


def agreement(inside: Path, mine: set[str], other: set[str]) -> dict[str, Any]:
    """On how many documents both decide alike, whichever of some copies stays; and what the others are."""
    from groundup.data.copies.near import meets, resemblance, runs_of

    rows = (json.loads(line) for file in inside.glob("*.jsonl") for line in file.read_text().splitlines())
    known = {row["id"]: row["text"] for row in rows}
    different = [ids for ids in families(known) if len(mine & set(ids)) != len(other & set(ids))]
    apart = sum(abs(len(mine & set(ids)) - len(other & set(ids))) for ids in different)
    explained = []
    for ids in different:
        runs = [runs_of(known[id], 5) for id in ids]
        closest = max((resemblance(a, b) for at, a in enumerate(runs) for b in runs[:at]), default=0.0)
        told = {"ids": ids[:8], "kept": [len(side & set(ids)) for side in (mine, other)], "closest": round(closest, 3)}
        explained.append(told | {"chance_to_meet": round(float(meets(closest, 14, 8)), 3)})
    copies = [(id.removesuffix("-copy"), id) for id in known if id.endswith("-copy")]
    return {
        "documents": len(known),
        "kept": [len(mine), len(other)],
        "agree": 1 - apart / len(known),
        "agree_on_the_very_document": 1 - len(mine ^ other) / len(known),
        "planted": len(copies),
        "planted_found": [sum(len(side & set(ids)) < 2 for ids in copies) for side in (mine, other)],
        "different": explained,
    }


def beside(arguments: argparse.Namespace) -> dict[str, Any]:
    """One comparison."""
    by = "mb_per_cpu_s" if arguments.cores == 1 else "mb_per_s"
    found: dict[str, Any] = {"part": "minhash", "cores": arguments.cores, "rounds": []}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "in").mkdir()
        size = plant(place / "in", arguments.megabytes, arguments.cores)
        for number in range(arguments.rounds):
            here = place / str(number)
            (here / "ours").mkdir(parents=True)
            (here / "theirs").mkdir()
            mine = ours(place / "in", here / "ours", arguments.cores, {"like": "datatrove"})
            peer = theirs(arguments.peer, place / "in", here / "theirs", arguments.cores)
            speed = {who: size / 1e6 / sum(parts.values()) for who, parts in (("groundup", mine), ("datatrove", peer))}
            found["rounds"].append({"groundup": mine, "datatrove": peer, by: speed})
            print(json.dumps(found["rounds"][-1]), flush=True)
        ratios = sorted(each[by]["groundup"] / each[by]["datatrove"] for each in found["rounds"])
        found |= {"text_mb": size / 1e6, "times_faster": ratios[len(ratios) // 2]}
        found |= agreement(place / "in", kept(here / "ours" / "out"), kept(here / "theirs" / "out"))
    return found


def alone(arguments: argparse.Namespace) -> dict[str, Any]:
    """Speed and memory of each kind of comparison on a staged table that is large because its texts are varied."""
    import pyarrow as pa
    import pyarrow.parquet as parquet

    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        size = _varied(place, arguments.megabytes)
        parts = {}
        for what in ("near_bands", "near_verified", "lines", "passages"):
            words = [sys.executable, __file__, "--one", what, "--at", str(place)]
            done = subprocess.run(words, check=True, capture_output=True, text=True)
            parts[what] = json.loads(done.stdout.strip().splitlines()[-1])
            parts[what]["mb_per_cpu_s"] = size / 1e6 / parts[what]["cpu_s"]
            print(what, json.dumps(parts[what]), flush=True)
        rows = sum(parquet.read_metadata(file).num_rows for file in place.glob("staged-*.parquet"))
    return {"part": "memory", "text_mb": size / 1e6, "documents": rows, "parts": parts, "pyarrow": pa.__version__}


def _varied(place: Path, megabytes: int) -> int:
    """Staged tables of pieces of real texts, a third of them near copies."""
    roll, size, base, number = random.Random(2), 0, 0, 0
    source = [text[i : i + 2500] for text in texts(30 << 20) for i in range(0, len(text), 2500)]
    while size < megabytes << 20:
        file = place / f"{number}.jsonl"
        with open(file, "w") as lines:
            count = 0
            for _ in range(20_000):
                piece = roll.choice(source)
                if roll.random() < 0.67:  # new sentences from old words
                    words = piece.split(" ")
                    roll.shuffle(words)
                    piece = " ".join(words)
                piece = altered(piece, roll)
                lines.write(json.dumps({"id": f"{base + count}", "text": piece}) + "\n")
                size, count = size + len(piece.encode()), count + 1
        sign((file, place / f"staged-{number:03}.parquet", base, {}))
        file.unlink()
        base, number = base + count, number + 1
    return size


def one(what: str, place: Path) -> dict[str, float]:
    """One comparison of the staged tables of a folder, in a process of its own."""
    from groundup.data.copies import repeated
    from groundup.data.copies.duplicates import near_copies
    from groundup.data.copies.near import NearSettings
    from groundup.data.copies.staged import StagedTable
    from groundup.data.copies.survivors import survivors

    def near(settings: NearSettings) -> int:
        clusters = near_copies(staged, folder, settings, ~there)
        first = survivors(staged, settings, clusters, folder)
        clusters.close()
        return int((first != np.arange(len(first))).sum())

    staged, folder = StagedTable(sorted(place.glob("staged-*.parquet"))), place / what
    there = np.ones(staged.documents, bool)
    folder.mkdir()
    kinds = {
        "near_bands": lambda: near(NearSettings(verified=False)),
        "near_verified": lambda: near(NearSettings()),
        "lines": lambda: int(
            repeated.repeated_pieces(staged, folder, repeated.RepeatedSettings(), there, 1).counts.sum()
        ),
        "passages": lambda: int(
            repeated.repeated_passages(staged, folder, repeated.SubstringSettings(), there).counts.sum()
        ),
    }
    before, wall = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    start = used()
    found = kinds[what]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    told = {"cpu_s": used() - start, "wall_s": time.perf_counter() - wall, "found": found}
    return told | {"peak_mb": peak / 1e3, "before_mb": before / 1e3}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", default="", help="a Python that has datatrove")
    parser.add_argument("--megabytes", type=int, default=40)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--one", default="", help=argparse.SUPPRESS)
    parser.add_argument("--at", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(one(arguments.one, Path(arguments.at))))
        return
    from groundup import hardware

    found = alone(arguments) if arguments.memory else beside(arguments)
    machine = hardware.look()
    found = {"when": time.strftime("%Y-%m-%d %H:%M"), "cpu": machine.cpu, "cpus": machine.cpus, **found}
    RESULTS.parent.mkdir(exist_ok=True)
    with open(RESULTS, "a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
