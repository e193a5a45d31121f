"""A trained model and the text that was held out become one number: the loss on all of that text, and what it cost.

    groundup score data=RUN/letters model=RUN/model --into RUN/score

Leaves `report.json`: `val_loss` (nats a token over the whole validation split, in windows), `tokens` (what was learnt from,
repetitions counted), `seconds` (from the start of the training's process to its saved weights).
"""

import json
from pathlib import Path
from typing import Any

from pydantic import Field

from groundup.config import Input
from groundup.config import Settings as BaseSettings
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, read_manifest, write_atomically
from groundup.run.content import metrics_of

VERSION = 1
SEEDED = False


class Settings(BaseSettings):
    """Whom to measure on what."""

    data: Input = Field(description="a folder of tokens with a val/")
    model: Input = Field(description="what the train stage made")
    time: int = Field(default=64, gt=1, description="tokens in one window")


def run(settings: Settings, work: Work) -> None:
    """Load, measure, add what the training says of itself."""
    import math

    import torch

    from groundup import hardware
    from groundup.data.tokens.shards import Shards
    from groundup.evaluation.whole_split import whole_split
    from groundup.model import folder

    torch.set_num_threads(hardware.threads(work.machine))
    shards, trained = Shards(Path(settings.data) / "val"), Path(settings.model)
    model = folder.load(trained / "model", "f32")
    loss, foretold = whole_split(model, shards.tokens, settings.time)
    bits = loss / math.log(2) * len(shards.tokens) / max(1, shards.text_bytes)
    told = {
        "val_loss": round(loss, 5),
        "bits_per_byte": round(bits, 5),
        "val_tokens": foretold,
        "window": settings.time,
    }
    told |= of_training(trained)
    told |= {"parameters": sum(parameter.numel() for parameter in model.parameters())}
    told |= {"cpu": work.machine.cpu, "cpus": work.machine.cpus, "amx": work.machine.amx}
    write_atomically(work.out / "report.json", json.dumps(told, indent=1) + "\n")
    work.log(val_loss=told["val_loss"])


def of_training(trained: Path) -> dict[str, Any]:
    """Tokens and seconds of a training, from its metrics and its manifest."""
    manifest = read_manifest(trained)
    tokens = max((line["tokens"] for line in metrics_of(trained) if "tokens" in line), default=None)
    seconds = manifest.get("process_seconds")
    if tokens is None or seconds is None:
        raise Problem(f"{trained} does not say how long its training took: name a folder that the train stage made.")
    return {
        "seconds": seconds,
        "tokens": tokens,
        "attempts": manifest["attempts"],  # more than one: `seconds` are those of the last process alone
        "seed": manifest["seed"],
        "precision": manifest["resolved"]["chosen"]["probe"]["precision"],
        "threads": manifest["resolved"]["chosen"]["threads"],
    }


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """One reading of a tenth of the text."""
    data, model = before.get("data", Estimate()), before.get("model", Estimate())
    work = 2.0 * model.parameters * data.tokens / 10
    return Estimate(
        tokens=data.tokens // 10,
        parameters=model.parameters,
        flops=work,
        memory_bytes=400_000_000 + 8 * model.parameters,
        disk_bytes=10_000,
        seconds=0.5 + work / 20e9,
    )
