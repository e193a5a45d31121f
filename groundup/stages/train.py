"""Training as a stage: token shards, conversations or pairs go in, a model folder comes out.

By hand, from the folders that earlier stages made:

    groundup train data=RUN/tokens model.depth=4 model.width=128 training.steps=1000 --into RUN/base
    groundup train start=RUN/base conversations='[RUN/town/dialogues/train.jsonl]' objective.kind=answers --into RUN/chat
    groundup train data=RUN/tokens model.family=bert objective.kind=masked --into RUN/bert
    groundup train start=RUN/bert labelled='[mood.jsonl]' objective.kind=classify head.kind=classify_first --into RUN/mood
    groundup train start=RUN/chat pairs='[RUN/town/preferences/train.jsonl]' objective.kind=preference --into RUN/aligned

With `data` beside texts, conversations or pairs and `objective.replay=0.1`, a tenth of the rows are pages. The folder gets
`model/` (a Hugging Face folder), `samples.jsonl` and `metrics.jsonl`.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from groundup import config
from groundup.config import Input
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.model.head_settings import HeadSettings
from groundup.model.settings import ModelSettings
from groundup.objectives.settings import ObjectiveSettings
from groundup.run import Estimate, Work
from groundup.training.settings import TrainSettings

if TYPE_CHECKING:
    from groundup.model.dial import Plan
    from groundup.tokenizer import Tokenizer
    from groundup.training.keeper import Hooks
    from groundup.training.ready import Ready

VERSION = 1
SEEDED = True
REFERENCE = "reference.safetensors"
VOCABULARY = 2048  # assumed by estimates where the tokenizer is still to be trained


class SampleSettings(config.Settings):
    """What the model is asked to go on from, to show how far it has come."""

    prompts: list[str] = Field(
        default_factory=list, description="beginnings: of a page, or what a user says to a chat model"
    )
    tokens: int = Field(default=40, gt=0, description="longest continuation")


class VectorSettings(config.Settings):
    """Word vectors learnt before, from which fresh weights start."""

    path: Input = Field(description="a file of word2vec or GloVe, or what `groundup vectors train` made")
    frozen: bool = Field(default=False, description="whether the table of tokens stays as it starts (a tied head, too)")


class Settings(config.Settings):
    """Train a model."""

    data: Input | None = Field(default=None, description="a folder of tokens: pages to learn from, or to replay")
    texts: list[Input] = Field(
        default_factory=list, description="files of short texts (JSON lines with `text`), each in a row as a whole"
    )
    conversations: list[Input] = Field(default_factory=list, description="files of dialogues (JSON lines)")
    pairs: list[Input] = Field(default_factory=list, description="files of preferences (JSON lines)")
    sequences: list[Input] = Field(
        default_factory=list, description="files of sources and targets (JSON lines with `source` and `target`)"
    )
    labelled: list[Input] = Field(
        default_factory=list, description="files of texts with a class each (JSON lines with `text` and `label`)"
    )
    start: Input | None = Field(default=None, description="a model to start from; default: fresh weights")
    fork: Input | None = Field(
        default=None, description="a checkpoint of another training to go on from; --from RUN@STEP finds it"
    )
    partial: bool = Field(
        default=False, description="take from `start` what fits into `model`; the rest gets fresh weights and is listed"
    )
    tokenizer: Input | None = Field(
        default=None, description="a tokenizer's folder; default: that of `start` or of `data`"
    )
    template: str = Field(
        default="plain", description="how conversations are written: plain, chatml, llama3, zephyr or alpaca"
    )
    model: ModelSettings | None = Field(default=None, description="what to build, unless `start` says it")
    vectors: VectorSettings | None = Field(default=None, description="word vectors for the table of tokens to start from")
    head: HeadSettings | None = Field(default=None, description="another head for the model of `start`, its weights fresh")
    seconds: float | None = Field(
        default=None,
        gt=0,
        description="instead of `model`, `training.steps`, `rows`, `time` and the optimizer's rate: size them to the text "
        "and to so many seconds of this machine",
    )
    dial: int | None = Field(
        default=None,
        gt=0,
        le=64,
        description="layers, from which `model`, `training.steps`, `rows`, `time` and the optimizer's rate follow where "
        "they are not given; `groundup cost --dial N` shows them",
    )
    objective: ObjectiveSettings = Field(default_factory=ObjectiveSettings, description="what is learnt")
    training: TrainSettings = Field(default_factory=TrainSettings, description="how it is learnt")
    samples: SampleSettings = Field(default_factory=SampleSettings, description="what is shown meanwhile")

    @model_validator(mode="before")
    @classmethod
    def _turned(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or not isinstance(given.get("dial"), int):
            return given
        if other := next((name for name in ("start", "seconds") if given.get(name) is not None), None):
            raise ValueError(f"`dial` and `{other}` both say how large the model is: leave out one of them")
        return {**given, **_dialled(given["dial"], given.get("model") or {}, given.get("training") or {})}


def _dialled(depth: int, model: Any, training: Any) -> dict[str, Any]:
    """`model` and `training` as the dial means them; what is given wins, what is wrong is left for others to refuse."""
    from groundup.model import dial

    if not isinstance(model, Mapping) or not isinstance(training, Mapping):
        return {}
    model, optimizer = dial.meant(depth, model), training.get("optimizer") or {}
    try:
        kind = optimizer.get("kind", "muon")
        plan = dial.plan(ModelSettings.model_validate(model), kind, training.get("rows", 0), training.get("time", 0))
    except (ValueError, TypeError, KeyError, AttributeError, ZeroDivisionError):
        return {"model": model}
    optimizer = {**optimizer, "rate": optimizer.get("rate") or plan.rate}
    told = {"steps": plan.steps, "rows": plan.rows, "time": plan.time}
    return {"model": model, "training": {**told, **training, "optimizer": optimizer}}


def run(settings: Settings, work: Work) -> None:
    """Train to the end, from the newest checkpoint if an attempt was interrupted, and save the model."""
    from groundup.model import folder
    from groundup.training.allocator import give_back_memory, keep_memory
    from groundup.training.loop import train
    from groundup.training.ready import drop_checkpoints, finished

    if finished(work.out):
        return drop_checkpoints(work.out, settings.training)
    keep_memory()
    ready = prepare(settings, work)
    try:
        train(ready.model, ready.objective, ready.training, work.out, ready.run, ready.hooks, ready.model.compute)
    finally:
        give_back_memory()
    ready.model.compute = None
    folder.save(work.out / "model", ready.model.cpu(), ready.tokenizer, settings.template)
    (work.out / REFERENCE).unlink(missing_ok=True)
    drop_checkpoints(work.out, ready.training)


def prepare(settings: Settings, work: Work) -> "Ready":
    """All that a training needs, up to its first step."""
    import torch

    from groundup.data.order import key
    from groundup.objectives.sources import measure_start, read
    from groundup.objectives.table import check_head, objective
    from groundup.training.ready import Ready, check, threads

    torch.set_num_threads(threads(work))
    tokenizer = _tokenizer(settings)
    settings = _sized(settings, tokenizer, work)
    training = settings.training
    seed = work.seed if training.seed is None else training.seed
    probed = _probed(settings, work)
    model = _model(settings, tokenizer, key(seed, "weights") >> 1, work).to(work.machine.device)
    check_head(settings.objective.kind, model.settings)
    if settings.vectors is not None:
        work.log(note=_start_from_vectors(model, settings.vectors, tokenizer))
    model.compute = torch.bfloat16 if probed["precision"] == "bf16" else None
    model.attention = "plain" if work.machine.device == "cpu" else "fused"
    model.recompute = training.recompute
    paths = settings.data, settings.texts, settings.conversations, settings.pairs, settings.sequences
    if settings.objective.kind in SOURCES:
        sources = SOURCES[settings.objective.kind](settings, tokenizer, model.settings, seed)
    else:
        sources = read(*paths, tokenizer, settings.template, training, seed)
    if settings.objective.kind == "preference":
        measure_start(model, sources.pairs, work.out / REFERENCE, work.progress)
    hooks = _hooks(settings, tokenizer, work, model, probed)
    hooks.validate = _validate(settings, tokenizer, model.settings, seed)
    check(model.settings, training, settings.data, tokenizer, hooks)
    asked = settings.model_dump(mode="json", include={"model", "vectors", "head", "objective", "training", "template"})
    name = f"{key(seed, json.dumps(asked)):016x}"
    learnt = objective(settings.objective, replace(sources, model=model.settings))
    return Ready(model, learnt, training, tokenizer, hooks, name)


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """From the counts of weights and tokens, at the rate that machines of this kind reached."""
    from groundup.model import cost, dial

    start, data = before.get("start", Estimate()), before.get("data", Estimate())
    vocabulary = VOCABULARY  # the tokenizer's, which may not exist yet
    if settings.seconds is not None:
        settings = _with_plan(settings, dial.size_for(data.tokens, settings.seconds, machine, vocabulary))
    training, model = settings.training, _architecture(settings)
    model = model.with_vocabulary(max(vocabulary, model.vocabulary))
    given = 0 if settings.partial else start.parameters  # what is started from is what is trained
    weights = given or cost.parameters(model)
    rows = training.rows * (2 if settings.objective.kind == "preference" else 1)
    tokens = training.steps * rows * training.time
    per_token = 6.0 * weights if given else cost.flops_per_token(model, training.time, backward=True)
    held = cost.training_bytes(model, rows // training.accumulate, training.time, recompute=training.recompute)
    return Estimate(
        tokens=tokens,
        parameters=weights,
        flops=per_token * tokens,
        memory_bytes=400_000_000 + held,
        disk_bytes=weights * (4 + 12 * (training.keep + 1)),
        seconds=5.0 + per_token * tokens / cost.flops_per_second(machine),
    )


def _sized(settings: Settings, tokenizer: "Tokenizer", work: Work) -> Settings:
    """With `seconds` given, the model and the training that text and machine deserve; chosen once."""
    if settings.seconds is None:
        return settings
    from dataclasses import asdict

    from groundup.data.shards import Shards
    from groundup.model import dial

    if settings.model is not None or settings.data is None or settings.start is not None:
        raise Problem("train with `seconds` chooses the model for the text in `data`: leave out `model` and `start`.")
    tokens = len(Shards(Path(settings.data) / "train").tokens)

    def choose() -> dict[str, Any]:
        plan = dial.size_for(tokens, settings.seconds or 0.0, work.machine, tokenizer.vocabulary)
        return asdict(plan) | {"model": plan.model.model_dump(mode="json")}

    chosen = dict(work.choose("plan", choose))
    chosen["model"] = ModelSettings.model_validate(chosen["model"])
    return _with_plan(settings, dial.Plan(**chosen))


def _with_plan(settings: Settings, plan: "Plan") -> Settings:
    training = settings.training
    optimizer = training.optimizer.model_copy(update={"rate": training.optimizer.rate or plan.rate})
    update = {"steps": plan.steps, "rows": plan.rows, "time": plan.time, "optimizer": optimizer}
    return settings.model_copy(update={"model": plan.model, "training": training.model_copy(update=update)})


def _probed(settings: Settings, work: Work) -> dict[str, Any]:
    """The precision to compute in, and the peak of FLOP/s that utilisation is measured against."""
    from groundup import hardware

    def probe() -> dict[str, Any]:
        found = hardware.probe(work.machine, 0.15)
        precision = settings.training.precision
        if precision == "auto":
            precision = "bf16" if hardware.precision(work.machine, found) == "bf16" else "f32"
        return {"precision": precision, "peak_gflops": found[f"{precision}_square_gflops"]}

    return work.choose("probe", probe)


def _hooks(settings: Settings, tokenizer: "Tokenizer", work: Work, model: Any, probed: dict[str, Any]) -> "Hooks":
    """Ties the loop to the stage's folder and to whoever watches."""
    import torch

    from groundup.model import cost
    from groundup.training.keeper import Hooks
    from groundup.training.meter import Meter
    from groundup.training.samples import sampler

    training = settings.training
    samples, prompts = settings.samples, settings.samples.prompts
    talk = None if settings.objective.kind in ("next_token", "ahead") else settings.template
    per_token = cost.flops_per_token(model.settings, training.time, backward=True)
    return Hooks(
        log=work.log,
        rewind=work.rewind,
        progress=work.progress,
        stopping=lambda: work.stopping(math.inf),  # a step may take its time
        saved=lambda: work.stopping(0.0),
        say=work.say,
        fork=None if settings.fork is None else Path(settings.fork),
        place={"threads": torch.get_num_threads(), "cpu": work.machine.cpu, "torch": torch.__version__},
        sample=sampler(tokenizer, prompts, talk, samples.tokens, work.out / "samples.jsonl") if prompts else None,
        meter=Meter(per_token, probed["peak_gflops"] * 1e9),
    )


def _masked(settings: Settings, tokenizer: "Tokenizer", model: ModelSettings, seed: int) -> Any:
    """Pages with hidden words."""
    from groundup.objectives.sources import masked_pages
    from groundup.objectives.table import Sources

    if settings.data is None or settings.texts or settings.conversations or settings.pairs or settings.objective.replay:
        raise Problem("objective masked learns from pages alone: set `data`, and leave out texts, conversations, pairs and replay.")
    if settings.samples.prompts:
        raise Problem("samples.prompts asks a model to go on with a text, which an encoder does not do: leave them out.")
    folder = Path(settings.data) / "train"
    return Sources(masked=masked_pages(folder, tokenizer, settings.objective, model, settings.training, seed))


def _labelled(settings: Settings, tokenizer: "Tokenizer", model: ModelSettings, seed: int) -> Any:
    """Texts and their classes."""
    from groundup.objectives.sources import labelled_texts
    from groundup.objectives.table import Sources

    if not settings.labelled or settings.texts or settings.conversations or settings.pairs or settings.objective.replay:
        raise Problem("objective classify learns from texts with a class each alone: set `labelled`, and leave out the others.")
    if settings.samples.prompts:
        raise Problem("samples.prompts asks a model to go on with a text, which a classifier does not do: leave them out.")
    return Sources(labelled=labelled_texts(settings.labelled, tokenizer, model, settings.training, seed))


# Objectives with batches of their own kind; all others read pages, texts, conversations and pairs.
SOURCES = {"masked": _masked, "classify": _labelled}


def _validate(settings: Settings, tokenizer: "Tokenizer", model: ModelSettings, seed: int) -> Any:
    """What measures the model on held-out pages, if there are any."""
    from groundup.objectives.sources import held_out, held_out_masked

    if settings.data is None or settings.objective.kind in ("classify", "sequence_to_sequence"):
        return None
    if settings.objective.kind == "masked":
        return held_out_masked(settings.data, tokenizer, settings.objective, model, settings.training, seed)
    return held_out(settings.data, settings.training, seed)


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


def _model(settings: Settings, tokenizer: "Tokenizer", seed: int, work: Work) -> Any:
    from groundup.model import folder
    from groundup.model.architectures import build, with_head
    from groundup.model.character_table import CharacterTable

    if settings.partial:
        return _awake(_started_in_part(settings, tokenizer, seed, work))
    if settings.start is not None:
        if settings.vectors is not None:
            raise Problem("train has both `start` and `vectors`: vectors are for fresh weights; leave out one of them.")
        if settings.model is not None:
            raise Problem(
                "train has both `start` and `model`: the start model says what it is made of; leave out `model`."
            )
        model = folder.load(_model_folder(settings.start), "f32")
        _check_objective(model.settings, settings)
        return _awake(model if settings.head is None else with_head(model, settings.head, seed))
    if settings.head is not None:
        raise Problem("train has `head` and no `start`: a fresh model says its head in `model.head`.")
    asked = _architecture(settings)
    _check_objective(asked, settings)
    made = build(asked.with_vocabulary(tokenizer.vocabulary), seed)
    if isinstance(made.model.embed_tokens, CharacterTable):
        made.model.embed_tokens.spell(tokenizer.tokens)
    return made


def _check_objective(model: ModelSettings, settings: Settings) -> None:
    """Models with an encoder learn from sources and targets, and they alone."""
    reads, asked = model.encoder is not None, settings.objective.kind
    if reads != (asked == "sequence_to_sequence"):
        fitting = "sequence_to_sequence" if reads else "one of the others, or a family with an encoder, such as t5"
        raise Problem(f"objective.kind {asked} does not fit the family {model.family}: say {fitting}.")
    if reads and settings.samples.prompts:
        raise Problem("samples.prompts: a model that reads a source cannot go on with a prompt; leave them out.")


def _started_in_part(settings: Settings, tokenizer: "Tokenizer", seed: int, work: Work) -> Any:
    """A model of `model` with what `start` has for it; what was taken and what was not is logged."""
    from groundup.model import folder

    if settings.start is None or settings.model is None:
        raise Problem("train with `partial` takes from `start` what fits into `model`: say both.")
    wanted = settings.model.with_vocabulary(tokenizer.vocabulary)
    model, fit = folder.load(_model_folder(settings.start), partial=True, settings=wanted, seed=seed)
    if not fit.loaded:
        raise Problem(f"nothing in {settings.start} fits into `model` ({fit}): leave out `start`, or change `model`.")
    work.log(note=f"taken from {Path(settings.start).name}: {fit}")
    return model


def _start_from_vectors(model: Any, asked: VectorSettings, tokenizer: "Tokenizer") -> str:
    """How many tokens got a vector."""
    from groundup.model.start_vectors import embedding_of, freeze, start_from
    from groundup.model.vector_files import read

    found = start_from(model, read(asked.path), tokenizer)
    if asked.frozen:
        freeze(model, [embedding_of(model)[0]])
    return str(found)


def _awake(model: Any) -> Any:
    """A loaded model in memory of its own, ready to be changed."""
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()
    return model.requires_grad_(True).train()
