"""What each optimizer costs: bytes of its state for each weight, and milliseconds of a step on this machine, one thread.

python -m bench.optimizers
"""

import time

import torch

from groundup.training.optimizers.storage import bytes_of
from groundup.training.optimizers.table import OPTIMIZERS, optimizer
from groundup.training.settings import OptimizerSettings

WIDTH, DEPTH, VOCABULARY, STEPS = 256, 6, 8192, 6
PARTS = {"q": (WIDTH, WIDTH), "k": (WIDTH, WIDTH), "v": (WIDTH, WIDTH), "o": (WIDTH, WIDTH)}
PARTS |= {"up": (4 * WIDTH, WIDTH), "down": (WIDTH, 4 * WIDTH)}
SHAPES = {f"{layer}.{name}.weight": shape for layer in range(DEPTH) for name, shape in PARTS.items()}
SHAPES |= {"embed_tokens.weight": (VOCABULARY, WIDTH)}


def drawn(generator: torch.Generator) -> dict[str, torch.Tensor]:
    """Numbers of those shapes."""
    return {name: torch.randn(shape, generator=generator) for name, shape in SHAPES.items()}


def measure(kind: str, state: str) -> tuple[float, float]:
    """(bytes of state for each weight, seconds of the quickest step)"""
    generator = torch.Generator().manual_seed(0)
    weights = drawn(generator)
    own = optimizer(weights, OptimizerSettings.model_validate({"kind": kind, "state": state}), torch.float32)
    seconds = []
    for _ in range(STEPS):
        gradients = drawn(generator)
        start = time.perf_counter()
        own.update(gradients, 1.0, torch.ones(()))
        seconds.append(time.perf_counter() - start)
    return bytes_of(own.slots) / sum(weight.numel() for weight in weights.values()), min(seconds)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for kind in OPTIMIZERS:
        for state in ("f32",) if kind == "adafactor" else ("f32", "bf16", "8bit"):
            size, seconds = measure(kind, state)
            print(f"{kind:10} {state:5} {size:6.3f} bytes a weight {seconds * 1000:8.1f} ms", flush=True)
