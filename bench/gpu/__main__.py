"""One card: MFU of GPT-2 124M, tokens/s of writing, and a race of training recipes at equal wall-clock on the same tokens.

    python -m bench.gpu [--text FILE …] [--seconds 120] [--rows 32] [--only mfu decode race]

Texts (.txt, or .jsonl.xz with `text` in each line) are only for the race: a BPE of 32,768 is learnt from them. --rows: of 1,024
tokens that pass at once. Fixed numbers of steps of GPT-2 124M in bf16, compiled as a whole and as it is. Each line is added to
bench/results/gpu.jsonl with the card's name. Without a CUDA card nothing is measured.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from bench.gpu import decoding, texts, training
from bench.gpu.contestants import CONTESTANTS, NANOGPT
from bench.gpu.training import Card
from groundup import hardware
from groundup.hardware import catalogue

RESULTS = Path(__file__).parents[1] / "results" / "gpu.jsonl"
VOCABULARY, RACING = 50_304, 32_768  # GPT-2's rounded up; of the race
PARTS = ("mfu", "decode", "race")


def card_here(machine: hardware.Machine) -> Card:
    """The first CUDA card; where there is none, a sentence and the end."""
    if machine.device != "cuda":
        raise SystemExit(
            "bench.gpu measures a CUDA card, and torch finds none here: run it on a machine with one, with a torch that is "
            "built for CUDA. Its parts are tested on processors by tests/test_bench_gpu.py."
        )
    known = catalogue.of(machine)
    return Card("cuda", machine.gpus[0], known.peak_flops if known else 0.0, torch.bfloat16)


def keep(line: dict[str, Any], card: Card) -> None:
    """Print a line and add it to the results."""
    print(json.dumps(line), flush=True)
    with RESULTS.open("a") as file:
        file.write(json.dumps({**line, "card": card.name, "torch": torch.__version__}) + "\n")


def main() -> None:
    """Measure what was asked for."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--text", nargs="+", type=Path, default=[])
    words.add_argument("--seconds", type=float, default=120.0)
    words.add_argument("--rows", type=int, default=32)
    words.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    asked = words.parse_args()
    card = card_here(hardware.look(devices=True))
    if "mfu" in asked.only:
        for compiling in (True, False):
            how = Card(card.device, card.name, card.peak, card.precision, compiling)
            keep(training.utilisation(NANOGPT, VOCABULARY, how, asked.rows), card)
    if "decode" in asked.only:
        for count in (1, 8, 32):
            keep(decoding.speeds(NANOGPT, VOCABULARY, card, count, 256), card)
    if "race" in asked.only and not asked.text:
        print("no race: give it texts to learn from with --text", file=sys.stderr)
    elif "race" in asked.only:
        with tempfile.TemporaryDirectory() as folder:
            learnt, held_out = texts.made(asked.text, Path(folder), RACING)
            for who in CONTESTANTS:
                keep(training.race(who, learnt, held_out, card, asked.seconds, asked.rows), card)


if __name__ == "__main__":
    main()
