"""How fast byte-level BPE learns and encodes, against rustbpe, tiktoken and Hugging Face `tokenizers`.

    python bench/tokenizer.py [train] [encode] [hostile] [start] [large] [--texts FOLDER] [--peers FOLDER]

Contestants take turns in one process, under the same conditions, on the same documents; what they give is compared before
any time is believed. On one core, time is that of the processor; on two, that of the clock. Of the rounds the quickest
counts. Every run is added to bench/results/tokenizer.jsonl. FOLDER of texts: *.jsonl.xz with a field `text`; of peers:
where rustbpe is installed, if not beside the others.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import tokenizer_texts as texts_of

from groundup import hardware
from groundup.tokenizer import Tokenizer
from groundup.tokenizer.split import PATTERNS

SIZE, ROUNDS, BEFORE_HF = 32_768, 3, 10  # HF encodes a tenth of the documents: it would take minutes for all
RESULTS = Path(__file__).parent / "results" / "tokenizer.jsonl"
PARTS = ("train", "encode", "hostile", "start", "large")
Contestants = dict[str, Callable[[list[str]], Any]]


def clock(cores: int) -> float:
    """Seconds of the processor where one core works, of the wall where more do."""
    return time.process_time() if cores == 1 else time.perf_counter()


def in_turn(
    contestants: Contestants, docs: list[str], cores: int, rounds: int = ROUNDS
) -> tuple[dict[str, float], dict[str, Any]]:
    """The least seconds of each contestant, and what each gave."""
    best, given = dict.fromkeys(contestants, float("inf")), {}
    for number in range(rounds):
        for name, run in contestants.items():
            if name == "hf" and number:  # a tenth of the others' speed: once is enough
                continue
            started = clock(cores)
            given[name] = run(docs)
            best[name] = min(best[name], clock(cores) - started)
    return best, given


def training(docs: list[str], cores: int) -> dict[str, float]:
    """Seconds to learn SIZE tokens."""
    import tokenizers

    def hf(docs: list[str]) -> int:
        made = tokenizers.Tokenizer(tokenizers.models.BPE())
        split = tokenizers.pre_tokenizers.Split(tokenizers.Regex(PATTERNS["gpt4"]), "isolated")
        whole = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([split, whole])
        letters = tokenizers.pre_tokenizers.ByteLevel.alphabet()
        made.train_from_iterator(
            docs, tokenizers.trainers.BpeTrainer(vocab_size=SIZE, initial_alphabet=letters, show_progress=False)
        )
        return made.get_vocab_size()

    def rust(docs: list[str]) -> list[bytes]:
        made = import_module("rustbpe").Tokenizer()
        made.train_from_iterator(iter(docs), SIZE, pattern=PATTERNS["gpt4"])
        return [bytes(token) for token, _ in sorted(made.get_mergeable_ranks(), key=lambda entry: entry[1])]

    contestants: Contestants = {"groundup": lambda docs: Tokenizer.train(docs, SIZE, threads=cores).tokens}
    try:
        import_module("rustbpe")
        contestants["rustbpe"] = rust
    except ImportError:
        print("rustbpe is not installed: left out", flush=True)
    seconds, given = in_turn(contestants | {"hf": hf}, docs, cores)
    assert given["hf"] == len(given["groundup"]) == SIZE
    assert "rustbpe" not in given or given["rustbpe"] == given["groundup"], "rustbpe learned other tokens"
    return seconds


def encoders(folder: str, cores: int) -> Contestants:
    """Each way to arrays; `groundup` begins with an empty memory of words, `groundup_warm` has seen the text before."""
    import tiktoken
    import tokenizers

    ours, theirs = Tokenizer.load(folder), tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")
    ranks = {token: number for number, token in enumerate(ours.tokens)}
    rust = tiktoken.Encoding("same", pat_str=PATTERNS["gpt4"], mergeable_ranks=ranks, special_tokens={})

    def cold(docs: list[str]) -> list[np.ndarray]:
        ours.kind._encoder.idle.clear()  # noqa: SLF001
        return ours.encode_many(docs, cores)

    return {
        "groundup": cold,
        "groundup_warm": lambda docs: ours.encode_many(docs, cores),
        "tiktoken": lambda docs: (
            [np.array(ids, np.uint32) for ids in rust.encode_ordinary_batch(docs, num_threads=cores)]
            if cores > 1
            else [np.array(rust.encode_ordinary(text), np.uint32) for text in docs]
        ),
        "tiktoken_numpy": lambda docs: [rust.encode_to_numpy(text, disallowed_special=()) for text in docs],
        "hf": lambda docs: [np.array(made.ids, np.uint32) for made in theirs.encode_batch_fast(docs)],
    }


def encoding(docs: list[str], folder: str, cores: int) -> dict[str, float]:
    """MB/s of each way to arrays."""
    contestants = encoders(folder, cores)
    some = docs if sum(map(len, docs)) < 4e6 else docs[::BEFORE_HF]
    hf = contestants.pop("hf")
    seconds, given = in_turn(contestants, docs, cores)
    hf_seconds, hf_given = in_turn({"hf": hf}, some, cores, 1)
    for name in ("groundup_warm", "tiktoken", "tiktoken_numpy"):
        assert all(map(np.array_equal, given["groundup"], given[name])), f"{name} gives other ids"
    own = given["groundup"] if some is docs else given["groundup"][::BEFORE_HF]
    assert all(map(np.array_equal, own, hf_given["hf"])), "hf gives other ids"
    size, small = (sum(len(text.encode()) for text in part) / 1e6 for part in (docs, some))
    return {name: size / spent for name, spent in seconds.items()} | {"hf": small / hf_seconds["hf"]}


def starting(folder: str) -> dict[str, float]:
    """Seconds from a new process to a loaded tokenizer and to the first ids, and those of compiling everything."""
    load = f"import groundup; tokenizer = groundup.Tokenizer.load({folder!r})"
    learn = "import groundup; groundup.Tokenizer.train('the cat sat on the mat', 260).encode('cat')"

    def seconds(code: str, **more: str) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | more)
        return time.perf_counter() - started

    with tempfile.TemporaryDirectory() as empty:
        compiled = seconds(learn, GROUNDUP_CACHE=empty, NUMBA_CACHE_DIR=empty)
    best = {
        name: min(seconds(code) for _ in range(5))
        for name, code in {
            "python": "pass",
            "load": load,
            "load_and_encode": load + "; tokenizer.encode('cat')",
            "train": learn,
        }.items()
    }
    return best | {"first_ever": compiled}


def large(folder: str, cores: int, texts: str | None) -> dict[str, float]:
    """Seconds to learn SIZE tokens from a file of 1 GB, the most memory that took in MB, and the seconds that 5 GB would take.

    Reading and counting take their time for each byte, merging takes it once.
    """
    path = Path(folder) / "gigabyte.txt"
    size = path.stat().st_size if path.exists() else texts_of.write_gigabyte(path, texts)
    code = (
        "import sys, time, resource; from pathlib import Path; from groundup import Tokenizer\n"
        "started, counted = time.perf_counter(), []\n"
        "def heard(read): counted.append(time.perf_counter())\n"
        "made = Tokenizer.train(Path(sys.argv[1]), int(sys.argv[2]), threads=int(sys.argv[3]), counted=heard)\n"
        "peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3\n"
        "print(made.size, counted[-1] - started, time.perf_counter() - started, peak)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code, str(path), str(SIZE), str(cores)], check=True, stdout=subprocess.PIPE, text=True
    )
    made, counting, whole, peak = map(float, told.stdout.split())
    assert made == SIZE
    return {
        "megabytes": size / 1e6,
        "seconds": whole,
        "peak_mb": peak,
        "projected_5gb_seconds": counting * 5e9 / size + whole - counting,
    }


def measure(part: str, cores: int, folder: str, texts: str | None) -> dict[str, Any]:
    """One part on so many cores."""
    if part == "start":
        return starting(folder)
    if part == "large":
        return large(folder, cores, texts)
    if part == "train":
        return {name: training(docs, cores) for name, docs in texts_of.large(texts).items() if name in ("code", "text")}
    chosen = texts_of.large(texts) if part == "encode" else texts_of.hostile()
    return {name: encoding(docs, folder, cores) for name, docs in chosen.items()}


def main() -> None:
    """Each part in a process of its own, held to its cores."""
    told = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    told.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all where none is named")
    told.add_argument("--texts")
    told.add_argument("--peers", default="")
    told.add_argument("--cores", type=int, nargs="*", default=[1, 2])
    told.add_argument("--inside", help=argparse.SUPPRESS)
    asked = told.parse_args()
    if asked.inside:
        print(json.dumps(measure(asked.parts[0], asked.cores[0], asked.inside, asked.texts)))
        return
    with tempfile.TemporaryDirectory() as folder:
        mixed = [text for docs in texts_of.large(asked.texts).values() for text in docs[::3]]
        Tokenizer.train(mixed, SIZE).save(folder)
        for part in asked.parts or PARTS:
            for cores in asked.cores if part != "start" else [1]:
                command = [sys.executable, __file__, part, "--cores", str(cores), "--inside", folder]
                command += ["--texts", asked.texts] if asked.texts else []
                more = {"RAYON_NUM_THREADS": str(cores), "PYTHONPATH": os.pathsep.join([*sys.path, asked.peers])}
                held = lambda cores=cores: os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])  # noqa: E731
                done = subprocess.run(
                    command, env=os.environ | more, preexec_fn=held, stdout=subprocess.PIPE, check=True, text=True
                )
                line = {"part": part, "cores": cores, "size": SIZE, "cpu": hardware.look().cpu}
                line["unit"] = "MB/s" if part in ("encode", "hostile") else "s"
                run = line | {"runs": json.loads(done.stdout.splitlines()[-1])}
                print(json.dumps(run, indent=1), flush=True)
                RESULTS.parent.mkdir(exist_ok=True)
                with RESULTS.open("a") as file:
                    file.write(json.dumps(run) + "\n")


if __name__ == "__main__":
    main()
