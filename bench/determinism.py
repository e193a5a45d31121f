"""What changes the bits of a training and how far its loss moves: threads, precision, and the kernels of other processors.

    python -m bench.determinism

One small training (tests/losses_example.py) in a process each, twice as it is, then on more threads, then with the kernels
that older processors would get: torch, oneDNN and MKL are told to do without AMX, or without AVX-512. That imitates such a
machine; it is not one. Every run is added to bench/results/determinism.jsonl.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from groundup import hardware

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "determinism.jsonl"
KERNELS = {
    "own": {},
    "avx512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
}

CASES = {
    "f32": [("own", 1), ("own", 2), ("own", 3), ("avx512", 1), ("avx2", 1), ("avx2", 2)],
    "bf16": [
        ("own", 1),
        ("own", 2),
        ("avx512", 1),
    ],  # on AVX2 bf16 is imitated and takes minutes: the probe chooses f32
}


def trained(precision: str, threads: int, kernels: str) -> dict[str, Any]:
    """Losses and the hash of the weights, from a process of its own."""
    command = [sys.executable, "tests/losses_example.py", precision, str(threads)]
    around = os.environ | KERNELS[kernels] | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)}
    told = subprocess.run(command, cwd=ROOT, env=around, check=True, capture_output=True, text=True).stdout
    return json.loads(told)


def compared(precision: str, threads: int, kernels: str, first: dict[str, Any]) -> dict[str, Any]:
    """One way of running it beside the first one, added to the results."""
    machine, found = hardware.look(), trained(precision, threads, kernels)
    furthest = max(abs(a - b) for a, b in zip(first["losses"], found["losses"], strict=True))
    told = {"precision": precision, "kernels": kernels, "threads": threads}
    told |= {"same_bits": first["weights"] == found["weights"], "loss_off_at_most": float(f"{furthest:.2g}")}
    told |= {"losses": found["losses"], "weights": found["weights"]}
    told |= {"cpu": machine.cpu, "kind": machine.kind, "torch": torch.__version__}
    with RESULTS.open("a") as file:
        file.write(json.dumps(told) + "\n")
    return told


def main() -> None:
    """Print and keep one line for each way of running it."""
    hardware.wait_gently()
    for precision, cases in CASES.items():
        first = trained(precision, 1, "own")
        for kernels, threads in cases:
            print(json.dumps(compared(precision, threads, kernels, first)), flush=True)


if __name__ == "__main__":
    main()
