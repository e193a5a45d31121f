"""Smaller weights as a stage: a trained model goes in, one of a quarter of the bytes comes out, with its price.

By hand:

    groundup quantize model=RUN/aligned data=RUN/tokens --into RUN/small

The folder gets `model/` and `price.json`: bytes before and after, bits per byte of the held-out text before and after.
"""

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from groundup import config
from groundup.config import Input
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

VERSION = 1
SEEDED = False


class Settings(config.Settings):
    """Write a model's weights in fewer bits and measure what that costs."""

    model: Input = Field(description="the model: its folder, or that of the stage that trained it")
    data: Input | None = Field(default=None, description="tokens on whose held-out part the price is measured")
    kind: Literal["int8"] = Field(default="int8", description="int8: every matrix in 8 bits, one scale for each row")
    rows: int = Field(default=256, gt=0, description="windows of text on which the price is measured")


def run(settings: Settings, work: Work) -> None:
    """Quantise, save, and measure both models on the same text."""
    import torch

    from groundup.model import folder, quantize
    from groundup.tokenizer import Tokenizer, huggingface

    torch.set_num_threads(max(1, work.machine.threads))
    source = folder.within(settings.model)
    before = folder.load(source)
    if quantize.is_int8(before):
        raise Problem(f"{source} is in 8 bits already: name the model it was made from.")
    after = quantize.int8(before)
    work.progress(1, 3, "steps", "8 bits")
    tokenizer = Tokenizer.load(source) if (source / huggingface.FILE).exists() else None
    folder.save(work.out / "model", after, tokenizer, folder.template(source))
    price: dict[str, Any] = {
        "kind": settings.kind,
        "bytes_before": _bytes(source),
        "bytes_after": _bytes(work.out / "model"),
    }
    if settings.data is not None:
        price["bits_per_byte_before"] = _measure(before, settings, work, "tokens_per_second_before")
        work.progress(2, 3, "steps", "measured as it was")
        # What was written is measured, not what is still in memory.
        after = folder.load(work.out / "model")
        price["bits_per_byte_after"] = _measure(after, settings, work, "tokens_per_second_after")
        price["bits_per_byte_change"] = price["bits_per_byte_after"] / price["bits_per_byte_before"] - 1
    write_atomically(work.out / "price.json", json.dumps(price, indent=1) + "\n")
    work.progress(3, 3, "steps")


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """A quarter of the model's bytes; two readings of the text that is measured on."""
    from groundup.model.cost import flops_per_second

    weights = before["model"].parameters if "model" in before else 0
    flops = 0.0 if settings.data is None else 2 * 2.0 * weights * settings.rows * 256
    return Estimate(
        parameters=weights,
        flops=flops,
        memory_bytes=400_000_000 + 6 * weights,
        disk_bytes=weights + 500_000,
        seconds=1.0 + flops / flops_per_second(machine),
    )


def _bytes(model: Path) -> int:
    return sum(file.stat().st_size for file in model.glob("*.safetensors"))


def _measure(model: Any, settings: Settings, work: Work, speed: str) -> float:
    """Bits per byte; how fast it went is only logged, for it differs from run to run."""
    from groundup.generation.measure import held_out

    bits, tokens_per_second = held_out(model, Path(settings.data or ""), settings.rows)
    work.log(**{speed: tokens_per_second})
    return bits
