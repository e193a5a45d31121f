"""Pruning as a stage: a trained model goes in, one whose least important weights are gone comes out, with what that cost.

By hand:

    groundup prune RUN/base kind=magnitude share=0.3 data=RUN/tokens --into RUN/sparse
    groundup train start=RUN/sparse data=RUN/tokens hold_zeros=true training.steps=200 --into RUN/tuned

The folder gets `model/`, an ordinary one, and `pruned.json`: what was taken out layer by layer, parameters before and
after, bits per byte of the held-out text before and after, and how far the distribution over the next token is from what it was.
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

VERSION = 2
SEEDED = False


class Settings(config.Settings):
    """Take out what matters least and measure what that costs."""

    model: Input = Field(description="the model: its folder, or that of the stage that trained it")
    data: Input | None = Field(default=None, description="tokens on whose held-out part the price is measured")
    kind: Literal["magnitude", "magnitude_over_all", "heads", "heads_over_all", "2:4"] = Field(
        default="magnitude",
        description="the smallest weights of each matrix or of all together, the quietest heads of each layer or of all, "
        "or two of every four neighbours",
    )
    share: float = Field(default=0.5, gt=0, lt=1, description="how much of the weights, or of the heads, leaves")
    rows: int = Field(default=256, gt=0, description="windows of text on which the price is measured")


def run(settings: Settings, work: Work) -> None:
    """Prune, take out heads where settings can say it, save, and measure both models on the same text."""
    import torch

    from groundup.model import folder, pruned_heads, quantize
    from groundup.model.masks import make_permanent
    from groundup.model.pruning import prune
    from groundup.tokenizer import Tokenizer, huggingface

    torch.set_num_threads(max(1, work.machine.threads))
    source = folder.within(settings.model)
    before, after = folder.load(source), folder.load(source)
    if quantize.is_quantised(before):
        raise Problem(f"{source} is quantised: prune the model it was made from.")
    after = folder.in_own_memory(after)
    pruned = prune(after, settings.kind, settings.share)
    told: dict[str, Any] = {"kind": settings.kind, "share": settings.share, "removed": pruned.removed}
    told["layers"] = {name: {"zeros": zeros, "weights": of} for name, (zeros, of) in pruned.by_layer().items()}
    if pruned.heads:
        told |= {"heads": pruned.heads, "heads_stay_because": pruned_heads.cannot_leave(after)}
        after = pruned_heads.take_out(after) if told["heads_stay_because"] is None else after
    after = make_permanent(after)
    told |= {"parameters_before": _parameters(before), "parameters_after": _parameters(after)}
    work.progress(1, 3, "steps", "pruned")
    tokenizer = Tokenizer.load(source) if (source / huggingface.FILE).exists() else None
    folder.save(work.out / "model", after, tokenizer, folder.template(source))
    if settings.data is not None:
        # What was written is measured, not what is still in memory.
        told |= _measured(before, folder.load(work.out / "model"), settings)
    write_atomically(work.out / "pruned.json", json.dumps(told, indent=1) + "\n")
    work.progress(3, 3, "steps")


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """The model twice in memory; three readings of the text that is measured on."""
    from groundup.model.cost import flops_per_second

    weights = before["model"].parameters if "model" in before else 0
    flops = 0.0 if settings.data is None else 3 * 2.0 * weights * settings.rows * 256
    return Estimate(
        parameters=weights,
        flops=flops,
        memory_bytes=400_000_000 + 10 * weights,
        disk_bytes=4 * weights + 500_000,
        seconds=1.0 + flops / flops_per_second(machine),
    )


def _parameters(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _measured(before: Any, after: Any, settings: Settings) -> dict[str, float]:
    """Bits per byte of both, and how far the second is from the first."""
    from groundup.generation.measure import bits_per_byte, compared, held_out

    asked = held_out(Path(settings.data or "")), settings.rows, before.settings.context
    bits, found = bits_per_byte(before, *asked), compared(before, after, *asked)
    return {
        "bits_per_byte_before": bits,
        "bits_per_byte_after": found.bits_per_byte,
        "bits_per_byte_change": found.bits_per_byte / bits - 1,
        "nats_from_original": found.nats,
        "same_likeliest_tokens": found.same,
    }
