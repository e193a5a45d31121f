"""Our server beside others that serve the same weights: many clients at once, tokens/s and the time to the first token.

    python -m bench.serve [--peers-python PYTHON] [--size 30M] [--types f32 bf16] [--users 32] [--rounds 3] [--threads 2]

Peers: llama.cpp's own server with a slot for each client (xllamacpp), llama-cpp-python's server (PYTHON has it, with its extra
[server]), and `transformers serve` with and without continuous batching (PYTHON has accelerate, too). All run at the same time and are driven in turn by the
measuring code of `groundup load`; who is not driven waits. Weights are random, answers have equal lengths. What cannot run here
says why and is left out. Each type of weights adds a line to bench/results/serve.jsonl.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from groundup import hardware
from groundup.evaluation.load import orders
from groundup.evaluation.load.answer import Target
from groundup.evaluation.load.connection import Connections
from groundup.evaluation.load.drive import Load, drive
from groundup.evaluation.load.figures import figures

RESULTS = Path(__file__).parent / "results" / "serve.jsonl"
TOP = Path(__file__).parents[1]
SIZES = {
    "tiny": {"depth": 2, "width": 64, "heads": 2, "hidden": 192, "vocabulary": 4096},
    "30M": {"depth": 7, "width": 512, "heads": 8, "hidden": 1376, "vocabulary": 16_384},
    "124M": {"depth": 12, "width": 768, "heads": 12, "hidden": 2048, "vocabulary": 32_768},
}
TYPES = {"f32": ("f32", "float32"), "bf16": ("bf16", "bfloat16"), "int8": ("q8_0", None)}  # ours: GGUF's, transformers'
CONTEXT, START_SECONDS, WORDS, TOKENS = 1024, 600, orders.Span(48, 80), 64
LLAMA = """
import sys, time, xllamacpp
asked = xllamacpp.CommonParams()
asked.model.path, asked.model_alias = sys.argv[1], ["model"]
asked.hostnames, asked.port = ["127.0.0.1"], int(sys.argv[2])
asked.n_parallel, asked.n_ctx, asked.cont_batching = int(sys.argv[3]), int(sys.argv[3]) * 512, True
asked.cpuparams.n_threads = asked.cpuparams_batch.n_threads = int(sys.argv[4])
asked.warmup, asked.cache_ram_mib = True, 0
server = xllamacpp.Server(asked)
time.sleep(1e9)
"""


def make(size: str, place: Path) -> None:
    """A Llama of random weights that never ends by itself, and a tokenizer of words."""
    import torch

    from groundup.model import folder
    from groundup.model.settings import ModelSettings
    from groundup.model.transformer import Transformer
    from groundup.tokenizer import Tokenizer, chat

    text = [path.read_text(encoding="utf-8") for path in sorted((TOP / "groundup").rglob("*.py"))]
    tokenizer = Tokenizer.train([" ".join(orders.WORDS) * 50, *text], 4000, specials=chat.specials("plain"))
    model = Transformer(ModelSettings(family="llama", context=CONTEXT, tied=False, **SIZES[size]), 1)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, 0.02, generator=generator)
        model.model.norm.weight.fill_(20.0)
        model.lm_head.weight[sorted(tokenizer.specials.values())] = 0
        model.lm_head.weight[tokenizer.vocabulary :] = 0
    folder.save(place / "hf", model, tokenizer, "plain")


def write_gguf(place: Path, kind: str) -> Path:
    """The same weights for llama.cpp."""
    from groundup.model import folder, gguf
    from groundup.tokenizer import Tokenizer

    path = place / f"{kind}.gguf"
    gguf.write(path, folder.load(place / "hf"), Tokenizer.load(place / "hf"), kind, "plain")
    return path


def commands(asked: argparse.Namespace, place: Path, type: str) -> Iterator[tuple[str, list[str], str]]:
    """(name, command with PORT in it, the model's name there) of each server."""
    kind, dtype = TYPES[type]
    gguf, users, threads = str(write_gguf(place, kind)), str(asked.users), str(asked.threads)
    python, peers = sys.executable, asked.peers_python
    ours = [python, "-m", "groundup", "serve", f"model={place / 'hf'}", "--port", "PORT", "--slots", users]
    yield "groundup", [*ours, "--precision", type], "model"
    yield "llama.cpp", [python, "-c", LLAMA, gguf, "PORT", users, threads], "model"
    told = [
        "--model",
        gguf,
        "--model_alias",
        "model",
        "--port",
        "PORT",
        "--n_ctx",
        "1024",
        "--interrupt_requests",
        "False",
    ]
    more = ["--n_threads", threads, "--n_threads_batch", threads]
    yield "llama-cpp-python", [peers, "-m", "llama_cpp.server", *told, *more], "model"
    if dtype:
        hf = ["serve", str(place / "hf"), "--port", "PORT", "--host", "127.0.0.1", "--device", "cpu", "--dtype", dtype]
        program = [peers, "-c", "from transformers.cli.transformers import main; main()"]
        yield "transformers serve", [*program, *hf], str(place / "hf")
        yield "transformers serve, batching", [*program, *hf, "--continuous-batching"], str(place / "hf")


@contextlib.contextmanager
def started(name: str, command: list[str], port: int, threads: int, said: Path) -> Iterator[str | None]:
    """A running server's address, or None and a line that says why there is none."""
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(TOP)}
    with open(said, "w") as out:
        try:
            words = [str(port) if word == "PORT" else word for word in command]
            process = subprocess.Popen(words, env=environment, stdout=out, stderr=out)
        except OSError as error:
            print(f"{name} is left out: {error}", flush=True)
            yield None
            return
    try:
        yield f"http://127.0.0.1:{port}" if ready(process, port) else left_out(name, said)
    finally:
        process.kill()
        process.wait()


def ready(process: subprocess.Popen, port: int) -> bool:
    """Wait until the server lists its models, or says that it is well where it cannot list them."""
    end = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        for path in ("/v1/models", "/health"):
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer,
            ):
                if answer.status == 200:
                    return True
        time.sleep(0.2)
    return False


def left_out(name: str, said: Path) -> None:
    """Say the last line of what it said."""
    lines = [line for line in said.read_text(errors="replace").splitlines() if line.strip()]
    print(f"{name} is left out: {lines[-1] if lines else 'it said nothing'}", flush=True)


def driven(target: Target, users: int, requests: int, seed: int) -> dict[str, Any]:
    """One load on one server, on connections of its own."""
    target = replace(target, connections=Connections(target.connections.url))
    source = orders.invented(WORDS, orders.Span(TOKENS, TOKENS), seed)
    return figures(asyncio.run(drive(target, source, Load(users=users, requests=requests, seed=seed))))


def compare(asked: argparse.Namespace, place: Path, type: str) -> dict[str, Any]:
    """All servers with one type of weights, in turn."""
    runs: dict[str, list[dict[str, Any]]] = {}
    with contextlib.ExitStack() as stack:
        targets = {}
        for number, (name, command, model) in enumerate(commands(asked, place, type)):
            if asked.only and not name.startswith(tuple(asked.only)):
                continue
            said = place / f"{number}.log"
            url = stack.enter_context(started(name, command, asked.port + number, asked.threads, said))
            if url:
                more = {"temperature": 0.0} | ({} if name.startswith("transformers") else {"ignore_eos": True})
                targets[name] = Target(Connections(url), model, chat=False, patience=3600, more=more)
        for name, target in list(targets.items()):  # once for warming up; who fails then is not driven
            if errors := driven(target, min(asked.users, 4), min(asked.users, 4), 99)["errors"]:
                print(f"{name} is left out: {errors}", flush=True)
                del targets[name]
        for number in range(asked.rounds):
            for name, target in targets.items():
                told = driven(target, asked.users, asked.requests, number)
                runs.setdefault(name, []).append(told)
                waited = 1000 * told["first_token"].get("p95", float("nan"))
                print(f"{type} round {number + 1} {name}: {told['tokens_per_second']:.1f} tokens/s, ", end="")
                print(f"first token p95 {waited:.0f} ms, {sum(told['errors'].values())} failed", flush=True)
    return {
        "size": asked.size,
        "type": type,
        "users": asked.users,
        "requests": asked.requests,
        "rounds": asked.rounds,
        "threads": asked.threads,
        "cpu": hardware.look().cpu,
        "servers": {name: summed(told) for name, told in runs.items()},
        "times_our_tokens": {
            name: ratio(runs["groundup"], told)
            for name, told in runs.items()
            if name != "groundup" and "groundup" in runs
        },
    }


def summed(told: list[dict[str, Any]]) -> dict[str, Any]:
    """The medians of all rounds."""
    return {
        "tokens_per_second": round(median(run["tokens_per_second"] for run in told), 1),
        "first_token_p95_ms": round(1000 * median(run["first_token"].get("p95", float("nan")) for run in told), 1),
        "between_tokens_p95_ms": round(
            1000 * median(run["between_tokens"].get("p95", float("nan")) for run in told), 1
        ),
        "tokens": [run["tokens"] for run in told],
        "failed": sum(sum(run["errors"].values()) for run in told),
    }


def ratio(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> float:
    """Our tokens/s over theirs, round by round, the median."""
    pairs = zip(ours, theirs, strict=True)
    return round(median(mine["tokens_per_second"] / max(each["tokens_per_second"], 1e-9) for mine, each in pairs), 2)


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--peers-python", default=sys.executable)
    words.add_argument("--size", default="30M", choices=SIZES)
    words.add_argument("--types", nargs="+", default=["f32", "bf16"], choices=TYPES)
    words.add_argument("--only", nargs="*", help="beginnings of names")
    words.add_argument("--users", type=int, default=32)
    words.add_argument("--requests", type=int, default=96)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--threads", type=int, default=2)
    words.add_argument("--port", type=int, default=18_300, help="of the first server; the others take the next ones")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="groundup-serve-") as folder:
        make(asked.size, Path(folder))
        for type in asked.types:
            told = compare(asked, Path(folder), type)
            print(json.dumps(told), flush=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
