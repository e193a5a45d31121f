"""Training as a stage: token shards, conversations or pairs go in, a model folder comes out.

By hand, from the folders that earlier stages made:

    groundup train data=RUN/tokens model.depth=4 model.width=128 training.steps=1000 --into RUN/base
    groundup train start=RUN/base conversations='[RUN/town/dialogues/train.jsonl]' objective.kind=answers --into RUN/chat
    groundup train start=RUN/chat pairs='[RUN/town/preferences/train.jsonl]' objective.kind=preference --into RUN/aligned

With `data` beside conversations or pairs and `objective.replay=0.1`, a tenth of the rows are pages. The folder gets
`model/` (a Hugging Face folder), `samples.jsonl` and `metrics.jsonl`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from groundup import config
from groundup.config import Input
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.model.settings import ModelSettings
from groundup.objectives.settings import ObjectiveSettings
from groundup.run import Estimate, Work, write_atomically
from groundup.training.settings import TrainSettings

if TYPE_CHECKING:
    import torch

    from groundup.data.batches import Pages
    from groundup.objectives.table import Sources
    from groundup.tokenizer import Tokenizer

VERSION = 1
SEEDED = True
REFERENCE = "reference.safetensors"


class SampleSettings(config.Settings):
    """What the model is asked to go on from, to show how far it has come."""

    prompts: list[str] = Field(
        default_factory=list, description="beginnings: of a page, or what a user says to a chat model"
    )
    tokens: int = Field(default=40, gt=0, description="longest continuation")


class Settings(config.Settings):
    """Train a model."""

    data: Input | None = Field(default=None, description="a folder of tokens: pages to learn from, or to replay")
    conversations: list[Input] = Field(default_factory=list, description="files of dialogues (JSON lines)")
    pairs: list[Input] = Field(default_factory=list, description="files of preferences (JSON lines)")
    start: Input | None = Field(default=None, description="a model to start from; default: fresh weights")
    tokenizer: Input | None = Field(
        default=None, description="a tokenizer's folder; default: that of `start` or of `data`"
    )
    template: str = Field(default="plain", description="how conversations are written: plain or chatml")
    model: ModelSettings | None = Field(default=None, description="what to build, unless `start` says it")
    objective: ObjectiveSettings = Field(default_factory=ObjectiveSettings, description="what is learnt")
    training: TrainSettings = Field(default_factory=TrainSettings, description="how it is learnt")
    samples: SampleSettings = Field(default_factory=SampleSettings, description="what is shown meanwhile")


def run(settings: Settings, work: Work) -> None:
    """Train to the end, from the newest checkpoint if an attempt was interrupted, and save the model."""
    import torch

    from groundup.data.order import key
    from groundup.model import folder
    from groundup.objectives.table import objective
    from groundup.training.allocator import keep_memory
    from groundup.training.loop import Hooks, train

    training = settings.training
    seed = work.seed if training.seed is None else training.seed
    keep_memory()
    torch.set_num_threads(work.choose("threads", lambda: _threads(work.machine)))
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[_precision(settings, work)]
    tokenizer = _tokenizer(settings)
    model = _model(settings, tokenizer, key(seed, "weights") >> 1).to(work.machine.device)
    model.compute = None if dtype == torch.float32 else dtype
    model.attention = "plain" if work.machine.device == "cpu" else "fused"
    sources = _sources(settings, tokenizer, seed)
    if settings.objective.kind == "preference":
        _annotate(model, sources, work)
    pages = None if settings.data is None else _held_out(Path(settings.data), training, seed)
    hooks = Hooks(work.log, work.rewind, work.progress, work.stopping, lambda text: work.progress(0, 0, "tokens", text))
    hooks.validate = None if pages is None else lambda model, step: _validate(model, pages, training.validate_steps)
    hooks.sample = _sampler(settings, tokenizer, work.out / "samples.jsonl") if settings.samples.prompts else None
    hooks.meter.flops_per_token = 6.0 * sum(value.numel() for value in model.parameters())
    asked = settings.model_dump(mode="json", include={"model", "objective", "training", "template"})
    train(
        model,
        objective(settings.objective, sources),
        training,
        work.out,
        key(seed, json.dumps(asked)).__str__(),
        hooks,
        dtype,
    )
    model.compute = None
    folder.save(work.out / "model", model.cpu(), tokenizer, settings.template)
    _drop(work.out)


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """From the counts of weights and tokens, at the rate that machines of this kind reached."""
    from groundup.model.cost import parameters

    training, start = settings.training, before.get("start")
    if start is not None and start.parameters:
        weights = start.parameters
    else:
        known = before.get("data") or before.get("tokenizer")
        vocabulary = getattr(known, "vocabulary", 0) or 4096
        weights = parameters(_architecture(settings).with_vocabulary(vocabulary))
    sides = 2 if settings.objective.kind == "preference" else 1
    tokens = training.steps * training.rows * training.time * sides
    flops = 6.0 * weights * tokens
    activations = training.rows * training.time * sides // training.accumulate * 40_000
    return Estimate(
        tokens=tokens,
        parameters=weights,
        flops=flops,
        memory_bytes=400_000_000 + 20 * weights + activations,
        disk_bytes=weights * (4 + 12 * (training.keep + 1)),
        seconds=5.0 + flops / _rate(machine),
    )


def _rate(machine: Machine) -> float:
    """FLOP/s that training really reaches on small models: measured on two cores, a guess on GPUs."""
    if machine.device == "cuda":
        return 3e13
    core = 120e9 if machine.amx else 90e9 if machine.avx512_bf16 else 35e9
    return core * machine.threads


def _threads(machine: Machine) -> int:
    from groundup import hardware

    return hardware.threads(machine)


def _precision(settings: Settings, work: Work) -> str:
    if settings.training.precision != "auto":
        return settings.training.precision
    from groundup import hardware

    chosen = work.choose("precision", lambda: hardware.precision(work.machine, hardware.probe(work.machine, 0.15)))
    return "bf16" if chosen == "bf16" else "f32"


def _architecture(settings: Settings) -> ModelSettings:
    return settings.model or ModelSettings.model_validate({})


def _tokenizer(settings: Settings) -> "Tokenizer":
    from groundup.tokenizer import Tokenizer

    if settings.tokenizer is not None:
        return Tokenizer.load(settings.tokenizer)
    if settings.start is not None:
        return Tokenizer.load(_model_folder(settings.start))
    if settings.data is not None:
        return Tokenizer.load(Path(settings.data) / "tokenizer")
    raise Problem("train has no tokenizer: set `tokenizer`, or `start` or `data`, which bring theirs.")


def _model_folder(path: str) -> Path:
    """A stage's folder holds its model under model/; a model's own folder is taken as it is."""
    return Path(path) / "model" if (Path(path) / "model").is_dir() else Path(path)


def _model(settings: Settings, tokenizer: "Tokenizer", seed: int) -> Any:
    from groundup.model import folder
    from groundup.model.transformer import Transformer

    if settings.start is not None:
        if settings.model is not None:
            raise Problem(
                "train has both `start` and `model`: the start model says what it is made of; leave out `model`."
            )
        return _awake(folder.load(_model_folder(settings.start), "f32"))
    return Transformer(_architecture(settings).with_vocabulary(tokenizer.vocabulary), seed)


def _awake(model: Any) -> Any:
    """A loaded model in memory of its own, ready to be changed."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model.requires_grad_(True).train()


def _sources(settings: Settings, tokenizer: "Tokenizer", seed: int) -> "Sources":
    from groundup.data import examples
    from groundup.data.batches import pages
    from groundup.data.shards import Shards
    from groundup.objectives.table import Sources

    training, made = settings.training, {}
    size = training.rows, training.time, seed
    if settings.data is not None:
        made["pages"] = pages(Shards(Path(settings.data) / "train"), *size, training.mask or "none")
    mask = training.mask or "documents"
    if settings.conversations:
        made["conversations"] = examples.conversations(
            settings.conversations, tokenizer, settings.template, *size, mask
        )
    if settings.pairs:
        made["pairs"] = examples.pairs(settings.pairs, tokenizer, settings.template, *size, mask)
    return Sources(**made)


def _annotate(model: Any, sources: "Sources", work: Work) -> None:
    """Measure the reference once; a resumed attempt finds it on the disk."""
    import safetensors.numpy

    from groundup.objectives.preference import annotate

    if sources.pairs is None:
        return
    path = work.out / REFERENCE
    if not path.exists():
        told = annotate(
            model, sources.pairs, lambda done, total: work.progress(done, total, "rows", "measuring the start")
        )
        write_atomically(path, safetensors.numpy.save({"reference": told}))
    sources.pairs.reference = safetensors.numpy.load(path.read_bytes())["reference"]


def _held_out(data: Path, training: TrainSettings, seed: int) -> "Pages | None":
    from groundup.data.batches import pages
    from groundup.data.shards import Shards

    if not (data / "val").is_dir():
        return None
    shards = Shards(data / "val")
    time = min(training.time, len(shards.tokens) // 2)
    return pages(shards, training.rows, time, seed) if time > 1 else None


def _validate(model: Any, pages: "Pages", steps: int) -> dict[str, float]:
    import math

    from groundup.objectives.next_token import NextToken
    from groundup.training.loop import measure

    enough = range(min(steps, max(1, pages.windows // pages.rows)))
    nats = measure(model, NextToken(pages), enough)["next_token"]
    bytes_per_token = pages.shards.text_bytes / max(1, len(pages.shards.tokens))
    return {"validation": nats, "bits_per_byte": nats / math.log(2) / max(bytes_per_token, 1e-9)}


def _sampler(settings: Settings, tokenizer: "Tokenizer", path: Path) -> Callable[["torch.nn.Module", int], None]:
    """Appends to samples.jsonl what the model says at a step; lines of that step and later are replaced."""
    from groundup.tokenizer import chat
    from groundup.training.samples import greedy

    prompts = settings.samples.prompts
    stops = chat.stop_ids(tokenizer, settings.template)
    if settings.objective.kind == "next_token":
        separator = [tokenizer.specials[chat.SEPARATOR]] if chat.SEPARATOR in tokenizer.specials else []
        ids = [_joined(separator, tokenizer.encode(text)) for text in prompts]
    else:
        talks = [[{"role": "user", "content": text}] for text in prompts]
        ids = [chat.render(tokenizer, talk, settings.template, reply=True).ids for talk in talks]

    def sample(model: "torch.nn.Module", step: int) -> None:
        before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in before if json.loads(line)["step"] < step]
        made = greedy(model, ids, settings.samples.tokens, stops)
        for prompt, row in zip(prompts, made, strict=True):
            kept.append(json.dumps({"step": step, "prompt": prompt, "text": tokenizer.decode(row)}, ensure_ascii=False))
        write_atomically(path, "\n".join(kept) + "\n")

    return sample


def _joined(before: list[int], ids: Any) -> Any:
    import numpy as np

    return np.concatenate([np.array(before, np.int64), ids.astype(np.int64)])


def _drop(out: Path) -> None:
    """Checkpoints and the reference have done their work."""
    import shutil

    shutil.rmtree(out / "checkpoints", ignore_errors=True)
    (out / REFERENCE).unlink(missing_ok=True)
