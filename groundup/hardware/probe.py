"""What this machine really reaches: a second of matrix products says more than a processor's name.

The dtype of training follows from it: bf16 is several times faster where the hardware multiplies it (AMX, CUDA) and
several times slower where it is imitated.
"""

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from groundup.hardware.machine import Machine

if TYPE_CHECKING:
    import torch

SHAPES = {"training": (4096, 128, 512), "square": (1024, 1024, 1024)}  # (rows, inner, columns)
FEW, PATIENCE = (
    64,
    10,
)  # a part of the rows tells first; where all would take so many times the time there is, it has to do
CLEARLY = 1.25  # bf16 has to be this much faster: it costs bits of the mantissa, and probes are noisy


def probe(machine: Machine, seconds: float = 0.3) -> dict[str, float]:
    """GFLOP/s of f32 and bf16 products at each shape of SHAPES and memory GB/s, in about `seconds` each.

    An imitated bf16 takes seconds for one product of these: it is judged by a small one.
    """
    import torch

    found = {
        f"{name}_{shape}_gflops": products(machine, name, shape, seconds)
        for shape in SHAPES
        for name in ("f32", "bf16")
    }
    megabytes = 64
    source = torch.ones(megabytes << 18, device=machine.device)  # far more than any cache holds, f32
    target = torch.empty_like(source)
    copies = _calls_per_second(lambda: target.copy_(source), machine.device, seconds / 4)
    return found | {"memory_gb_per_s": round(2 * source.nbytes * copies / 1e9, 1)}


def products(machine: Machine, name: str, shape: str, seconds: float = 0.3) -> float:
    """GFLOP/s of products in f32 or bf16 at one of SHAPES."""
    import torch

    rows, inner, columns = SHAPES[shape]
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[name]
    a = torch.ones(rows, inner, dtype=dtype, device=machine.device)
    b = torch.ones(inner, columns, dtype=dtype, device=machine.device)
    out = torch.empty(rows, columns, dtype=dtype, device=machine.device)  # fresh pages cost more than the product
    found = _products_per_second(a[: rows // FEW], b, out[: rows // FEW], 0.0) / FEW
    if found * PATIENCE * seconds / 4 > 1:
        found = _products_per_second(a, b, out, seconds / 4)
    return round(2e-9 * rows * inner * columns * found, 1)


def precision(machine: Machine, probed: Mapping[str, float]) -> str:
    """The dtype to train in: bf16 or f32, f16 on CUDA cards without bf16; f32 on MPS, which nobody tried here."""
    if machine.device == "cuda":
        import torch

        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "f16"
    if machine.device == "mps":
        return "f32"
    return "bf16" if probed["bf16_training_gflops"] > CLEARLY * probed["f32_training_gflops"] else "f32"


def threads(machine: Machine) -> int:
    """How many threads a computation should start: one a physical core, or what OMP_NUM_THREADS asks for."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return min(int(asked), machine.cpus) if asked.isdigit() and int(asked) > 0 else machine.threads


def _products_per_second(a: "torch.Tensor", b: "torch.Tensor", out: "torch.Tensor", seconds: float) -> float:
    import torch

    return _calls_per_second(lambda: torch.mm(a, b, out=out), a.device.type, seconds)


def _calls_per_second(call, device: str, seconds: float) -> float:
    """The best of several short bursts: other people's work on the machine can only make a burst slower."""
    import torch

    def wait() -> None:
        if device == "cuda":
            torch.cuda.synchronize()
        if device == "mps":
            torch.mps.synchronize()

    for _ in range(2):
        call()
    wait()
    best, end = 0.0, time.perf_counter() + seconds
    while best == 0.0 or time.perf_counter() < end:
        start = time.perf_counter()
        for _ in range(4):
            call()
        wait()
        best = max(best, 4 / (time.perf_counter() - start))
    return best
