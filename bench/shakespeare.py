"""Letter by letter, a small model of Shakespeare: ours beside nanoGPT's documented recipe for processors.

    python -m bench.shakespeare NANOGPT TEXT [--seeds 5] [--minute] [--only groundup]

NANOGPT is a checkout of karpathy/nanoGPT (or a bare repository of it), which is copied, never changed; TEXT is the file that
both learn from. Runs alternate, each a process of its own on all cores; both are measured by one function over the whole
validation split. `--minute` adds our recipe with as much time as nanoGPT takes. Seconds are of the clock on the wall and of the
processor, with the load of the machine beside them; every run is added to bench/results/shakespeare.jsonl.
"""

import argparse
import json
import os
import pickle
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from groundup import hardware

RESULTS = Path(__file__).parent / "results" / "shakespeare.jsonl"
HELD_OUT, TIME = 0.1, 64
# What its README tells people without a GPU to type.
DOCUMENTED = [
    "config/train_shakespeare_char.py", "--device=cpu", "--compile=False", "--eval_iters=20", "--log_interval=1", "--block_size=64",
    "--batch_size=12", "--n_layer=4", "--n_head=4", "--n_embd=128", "--max_iters=2000", "--lr_decay_iters=2000", "--dropout=0.0",
]  # fmt: skip
SEED = "torch.manual_seed(1337"
MINUTE = ["depth=4", "steps=900"]


def measured(command: list[str], folder: Path) -> dict[str, float]:
    """Run to the end; seconds on the wall and of the processor, and how busy the machine was."""
    before, load, start = resource.getrusage(resource.RUSAGE_CHILDREN), os.getloadavg()[0], time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    wall = time.perf_counter() - start
    return {"wall": round(wall, 2), "processor": round(spent, 2), "load": round((load + os.getloadavg()[0]) / 2, 1)}


def copied(nanogpt: Path, into: Path) -> Path:
    """A copy of nanoGPT that may be written in."""
    if (nanogpt / "train.py").exists():
        shutil.copytree(nanogpt, into)
        return into
    into.mkdir()
    packed = subprocess.run(["git", "--git-dir", nanogpt, "archive", "HEAD"], check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", into], input=packed, check=True)
    return into


def prepared(folder: Path, text: str) -> np.ndarray:
    """nanoGPT's files for this text, as its own data/shakespeare_char/prepare.py makes them; the tokens that are held out."""
    characters = sorted(set(text))
    ids = {character: number for number, character in enumerate(characters)}
    tokens = np.array([ids[character] for character in text], np.uint16)
    cut = int(len(tokens) * (1 - HELD_OUT))
    place = folder / "data" / "shakespeare_char"
    place.mkdir(parents=True, exist_ok=True)
    tokens[:cut].tofile(place / "train.bin")
    tokens[cut:].tofile(place / "val.bin")
    told = {"vocab_size": len(characters), "itos": dict(enumerate(characters)), "stoi": ids}
    (place / "meta.pkl").write_bytes(pickle.dumps(told))
    return tokens[cut:]


def nanogpt(folder: Path, seed: int, steps: int) -> dict[str, Any]:
    """Train by its README, then measure what it saved."""
    script = folder / "train.py"
    written = script.read_text()
    if SEED not in written:
        raise SystemExit(f"{script} does not say {SEED}: this bench does not know how to seed that version")
    (folder / "seeded.py").write_text(written.replace(SEED, f"torch.manual_seed({seed}"))
    asked = [word.replace("2000", str(steps)) for word in DOCUMENTED]
    spent = measured([sys.executable, "seeded.py", *asked, "--out_dir=out"], folder)
    asked = [sys.executable, "-m", "bench.shakespeare", "--loss-of", str(folder)]
    loss = float(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split()[-1])
    return {"who": "nanogpt", "seed": seed, "seconds": spent["wall"], "val_loss": loss, "steps": steps} | spent


def loss_of(folder: Path) -> float:
    """Of the weights that nanoGPT saved, by our function."""
    import torch

    from groundup.evaluation.whole_split import whole_split

    sys.path.insert(0, str(folder))
    from model import GPT, GPTConfig  # type: ignore[import-not-found]

    saved = torch.load(folder / "out" / "ckpt.pt", map_location="cpu", weights_only=True)
    model = GPT(GPTConfig(**saved["model_args"]))
    model.load_state_dict(saved["model"])
    model.eval()
    tokens = np.fromfile(folder / "data" / "shakespeare_char" / "val.bin", np.uint16)
    return whole_split(lambda ids: model(ids, ids)[0], tokens, TIME)[0]


def groundup(text: Path, seed: int, words: list[str], who: str) -> dict[str, Any]:
    """Make the recipe in an empty folder; its own report says the seconds to the saved weights, the loss over the whole split."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "groundup", "make", "shakespeare-char", f"text={text}", f"seed={seed}", *words]
        spent = measured([*command, "--into", place], Path.cwd())
        report = json.loads((Path(place) / "report.json").read_text())
    kept = {name: report[name] for name in ("seconds", "val_loss", "tokens", "parameters", "precision")}
    return {"who": who, "seed": seed} | kept | spent


def main() -> None:
    """Print and keep a line for each run, then the medians."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("nanogpt", type=Path, nargs="?")
    asked.add_argument("text", type=Path, nargs="?")
    asked.add_argument("--seeds", type=int, default=5)
    asked.add_argument("--steps", type=int, default=2000, help="of nanoGPT; fewer is a trial of this bench")
    asked.add_argument("--minute", action="store_true")
    asked.add_argument("--only", choices=("groundup", "nanogpt"))
    asked.add_argument("--loss-of", type=Path, help=argparse.SUPPRESS)
    words = asked.parse_args()
    if words.loss_of:
        print(loss_of(words.loss_of))
        return
    if words.text is None:
        asked.error("NANOGPT and TEXT are needed")
    spin = hardware.wait_gently()  # both get the same way of waiting, through the environment
    machine = hardware.look()
    told = {"cpu": machine.cpu, "cpus": machine.cpus, "amx": machine.amx, "text": words.text.name, "spin": spin}
    runs = []
    with tempfile.TemporaryDirectory() as place:
        folder = copied(words.nanogpt.absolute(), Path(place) / "nanogpt")
        prepared(folder, words.text.read_text(encoding="utf-8"))
        for seed in range(1, words.seeds + 1):
            if words.only != "nanogpt":
                runs.append(groundup(words.text.absolute(), seed, [], "groundup"))
                keep(told | runs[-1])
            if words.only != "groundup":
                runs.append(nanogpt(folder, seed, words.steps))
                keep(told | runs[-1])
            if words.minute:
                runs.append(groundup(words.text.absolute(), seed, MINUTE, "groundup, a minute"))
                keep(told | runs[-1])
    for who in dict.fromkeys(run["who"] for run in runs):
        mine = [run for run in runs if run["who"] == who]
        print(
            who, *(f"{name} {median(run[name] for run in mine):.3f}" for name in ("seconds", "processor", "val_loss"))
        )


def keep(line: dict[str, Any]) -> None:
    """Print a run and add it to the results."""
    print(json.dumps(line), flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
