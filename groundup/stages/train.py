"""Training as a stage: token shards, conversations or pairs go in, a model folder comes out.

By hand, from the folders that earlier stages made:

    groundup train data=RUN/tokens model.depth=4 model.width=128 training.steps=1000 --into RUN/base
    groundup train start=RUN/base conversations='[RUN/town/dialogues/train.jsonl]' objective.kind=answers --into RUN/chat
    groundup train data=RUN/tokens model.family=bert objective.kind=masked --into RUN/bert
    groundup train start=RUN/bert labelled='[mood.jsonl]' objective.kind=classify head.kind=classify_first --into RUN/mood
    groundup train data=RUN/tokens model.width=64 objective.teacher=RUN/base --into RUN/small
    groundup train start=RUN/chat pairs='[RUN/town/preferences/train.jsonl]' objective.kind=preference --into RUN/aligned

Several folders of tokens are mixed by weights, which may change on the way (mixture.json tells what was read):

    groundup train data='[{path: WEB, weight: 3}, {path: BOOKS, weight: 1, epochs: 4}]' model.width=128 --into RUN/base
    … mixture.curriculum='[{at: 0.8, weights: {BOOKS: 1}}]'

With `data` beside texts, conversations or pairs and `objective.replay=0.1`, a tenth of the rows are pages. The folder gets
`model/` (a Hugging Face folder), `samples.jsonl` and `metrics.jsonl`.
"""

import json
import math
from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from groundup import config
from groundup.config import Input
from groundup.data.tokens.mixing import DomainSettings, MixtureSettings
from groundup.data.tokens.mixing import check as check_mixture
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.model.head_settings import HeadSettings
from groundup.model.settings import ModelSettings
from groundup.objectives.settings import ObjectiveSettings
from groundup.run import Estimate, Work
from groundup.run.started import process_seconds
from groundup.training.settings import TrainSettings

if TYPE_CHECKING:
    from groundup.model.dial import Plan
    from groundup.tokenizer import Tokenizer
    from groundup.training.keeper import Hooks
    from groundup.training.ready import Ready

VERSION = 1
SEEDED = True
ASKED = {
    "model",
    "vectors",
    "head",
    "objective",
    "training",
    "template",
    "hold_zeros",
}  # what makes a training this very one
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

    data: Input | list[DomainSettings] | None = Field(
        default=None,
        description="a folder of tokens: pages to learn from, or to replay; or several, each {path, weight, epochs}, or a path",
    )
    mixture: MixtureSettings = Field(
        default_factory=MixtureSettings, description="of several folders in `data`: their weights, and how these change"
    )
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
    hold_zeros: bool = Field(default=False, description="whether weights of `start` that are zero (pruned) stay zero")
    tokenizer: Input | None = Field(
        default=None, description="a tokenizer's folder; default: that of `start` or of `data`"
    )
    held_out: dict[str, Input] = Field(
        default_factory=dict,
        description="names and folders of tokens whose val/ is measured too: metrics validation.NAME, to see what is gained "
        "on new text and lost on old",
    )
    template: str = Field(
        default="plain", description="how conversations are written: plain, chatml, llama3, zephyr or alpaca"
    )
    model: ModelSettings | None = Field(default=None, description="what to build, unless `start` says it")
    vectors: VectorSettings | None = Field(
        default=None, description="word vectors for the table of tokens to start from"
    )
    head: HeadSettings | None = Field(
        default=None, description="another head for the model of `start`, its weights fresh"
    )
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
    trackers: list[Literal["tensorboard", "wandb", "mlflow", "trackio"]] = Field(
        default_factory=list, exclude=True, description="who else gets the metrics (changes nothing of what is made)"
    )
    profile: int = Field(
        default=0, ge=0, exclude=True, description="steps to take the time of, with a trace for ui.perfetto.dev"
    )

    @model_validator(mode="after")
    def _mixed(self) -> "Settings":
        if isinstance(self.data, list):
            check_mixture(self.data, self.mixture)
        elif self.mixture != MixtureSettings():
            raise ValueError("mixture says how several folders are mixed, and `data` is not a list: leave it out")
        return self

    @model_validator(mode="before")
    @classmethod
    def _turned(cls, given: Any) -> Any:
        if not isinstance(given, Mapping) or not isinstance(given.get("dial"), int):
            return given
        if other := next((name for name in ("start", "seconds") if given.get(name) is not None), None):
            raise ValueError(f"`dial` and `{other}` both say how large the model is: leave out one of them")
        from groundup.model import dial

        return {**given, **dial.turned(given["dial"], given.get("model") or {}, given.get("training") or {})}


def run(settings: Settings, work: Work) -> None:
    """Train to the end, from the newest checkpoint if an attempt was interrupted, and save the model."""
    from groundup.model import folder
    from groundup.training.allocator import give_back_memory, keep_few_kernels, keep_memory
    from groundup.training.compiling import compiled
    from groundup.training.deterministic import one_order
    from groundup.training.loop import train
    from groundup.training.ready import drop_checkpoints, finished
    from groundup.training.watched import watched

    if finished(work.out):
        work.note(process_seconds=round(process_seconds(), 2))
        return drop_checkpoints(work.out, settings.training)
    keep_memory()
    keep_few_kernels()
    ready = prepare(settings, work)
    try:
        order = one_order(work.machine.device) if ready.training.deterministic else nullcontext()
        fast = compiled(ready.model) if ready.compiled else nullcontext()
        with order, fast, watched(settings.trackers, settings.profile, ready.hooks, work.out, ready.run, ready.asked):
            train(ready.model, ready.objective, ready.training, work.out, ready.run, ready.hooks, ready.model.compute)
    finally:
        give_back_memory()
    ready.model.compute = None
    folder.save(work.out / "model", ready.model.cpu(), ready.tokenizer, settings.template)
    work.note(process_seconds=round(process_seconds(), 2))
    (work.out / REFERENCE).unlink(missing_ok=True)
    drop_checkpoints(work.out, ready.training)


def prepare(settings: Settings, work: Work) -> "Ready":
    """All that a training needs, up to its first step."""
    import torch

    from groundup import hardware
    from groundup.data.tokens.mixed_report import FILE, as_text
    from groundup.data.tokens.mixture import Mixture
    from groundup.data.tokens.order import key
    from groundup.data.tokens.packed import Packed
    from groundup.objectives import learning
    from groundup.objectives.distilled import distilled
    from groundup.objectives.pages import folders, pages_of
    from groundup.objectives.softened import softened
    from groundup.objectives.sources import measure_start
    from groundup.objectives.starting import model_of, start_from_vectors, tokenizer_of
    from groundup.objectives.table import check_head, objective
    from groundup.run import write_atomically
    from groundup.training import compiling
    from groundup.training.memory import spare
    from groundup.training.ready import Ready, check, threads

    torch.set_num_threads(threads(work, settings.training.deterministic))
    tokenizer = tokenizer_of(settings)
    settings = _sized(settings, tokenizer, work)
    training = settings.training
    seed = work.seed if training.seed is None else training.seed
    pages = pages_of(settings, seed)
    if isinstance(pages, Mixture):
        write_atomically(work.out / FILE, as_text(pages))
    if isinstance(pages, Packed):
        work.log(note=f"packed into {pages.windows:,} rows of whole documents, {pages.padding:.2%} of them padding")
    probed = _probed(settings, work)
    model = model_of(settings, tokenizer, key(seed, "weights") >> 1, work).to(work.machine.device)
    check_head(settings.objective.kind, model.settings)
    if settings.vectors is not None:
        work.log(note=start_from_vectors(model, settings.vectors, tokenizer))
    model.compute = {"f32": None, "fp16": torch.float16}.get(probed["precision"], torch.bfloat16)
    model.attention = "plain" if work.machine.device == "cpu" else "fused"
    spare(model, training, lambda sentence: work.log(note=sentence))
    found = learning.sources(settings, pages, tokenizer, model.settings, seed)
    if settings.objective.kind == "preference":
        measure_start(model, found.pairs, work.out / REFERENCE, work.progress)
    hooks = _hooks(settings, tokenizer, work, model, probed)
    hooks.validate = learning.looks(settings, pages, tokenizer, model.settings, seed)
    check(model.settings, training, folders(settings.data), tokenizer, hooks)
    if isinstance(pages, Mixture) and not settings.objective.replay:
        hooks.log = partial(_with_shares, work.log, pages)
    asked = settings.model_dump(mode="json", include=ASKED)
    name = f"{key(seed, json.dumps(asked)):016x}"
    learnt = softened(objective(settings.objective, found), training.regularise)
    learnt = distilled(learnt, settings.objective, tokenizer, model)
    if training.overfit:
        work.log(note=_overfitted(model, learnt, training, work))
    lasting, kept = lasts(settings, work.machine, model.settings), hardware.cache_folder() / "layers"
    fast = work.choose("compile", lambda: compiling.probe(model, training, hooks.say, lasting, kept))["compile"]
    return Ready(model, learnt, training.model_copy(update={"seed": seed}), tokenizer, hooks, name, asked, fast)


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """From the counts of weights and tokens, at the rate that machines of this kind reached."""
    from groundup.model import cost, dial
    from groundup.training.memory import step_bytes

    start, data = before.get("start", Estimate()), before.get("data", Estimate())
    teacher = before.get("objective.teacher", Estimate()).parameters
    vocabulary = VOCABULARY  # the tokenizer's, which may not exist yet
    if settings.seconds is not None:
        settings = _with_plan(settings, dial.size_for(data.tokens, settings.seconds, machine, vocabulary))
    training, model = settings.training, _architecture(settings)
    model = model.with_vocabulary(model.vocabulary or vocabulary)
    given = 0 if settings.partial else start.parameters  # what is started from is what is trained
    weights = given or cost.parameters(model)
    rows = training.rows * (2 if settings.objective.kind == "preference" else 1)
    tokens = training.steps * rows * training.time * training.segments
    per_token = 6.0 * weights if given else cost.flops_per_token(model, training.time, backward=True)
    per_token += 2.0 * teacher
    how = cost.computed(machine)
    held = step_bytes(model, training, rows, **how)
    return Estimate(
        tokens=tokens,
        parameters=weights,
        flops=per_token * tokens,
        memory_bytes=400_000_000 + held + 4 * teacher,
        disk_bytes=weights * (4 + 12 * (training.keep + 1)),
        seconds=5.0 + per_token * tokens / cost.flops_per_second(machine),
    )


def lasts(settings: Settings, machine: Machine, model: Any = None) -> float:
    """Seconds by estimate, of the model as it is built or started from: what says whether faster layers are looked for."""
    from groundup.objectives.starting import settings_of

    if model is None and settings.start is not None and not settings.partial:
        model = settings_of(settings.start)
    known = {"model": model, "seconds": None} if isinstance(model, ModelSettings) else {}
    return estimate(settings.model_copy(update=known), {}, machine).seconds


def _sized(settings: Settings, tokenizer: "Tokenizer", work: Work) -> Settings:
    """With `seconds` given, the model and the training that text and machine deserve; chosen once."""
    if settings.seconds is None:
        return settings
    from dataclasses import asdict

    from groundup.data.tokens.shards import Shards
    from groundup.model import dial
    from groundup.objectives.pages import folders

    if settings.model is not None or settings.data is None or settings.start is not None:
        raise Problem("train with `seconds` chooses the model for the text in `data`: leave out `model` and `start`.")
    tokens = sum(len(Shards(Path(path) / "train").tokens) for path in folders(settings.data))

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
        precision = settings.training.precision
        if precision == "auto":
            found = {
                f"{name}_training_gflops": hardware.products(work.machine, name, "training", 0.15)
                for name in ("f32", "bf16")
            }
            best = "f32" if settings.training.deterministic else hardware.precision(work.machine, found)
            precision = "fp16" if best == "f16" else best
        # fp16 is not probed: accelerators that know bf16 multiply both as fast; processors imitate it.
        known = "f32" if precision == "f32" else "bf16"
        return {"precision": precision, "peak_gflops": hardware.products(work.machine, known, "square", 0.15)}

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


def _with_shares(log: Any, pages: Any, step: int | None = None, **values: Any) -> None:
    """A line of metrics; those of a loss tell of how much each domain has been read."""
    from groundup.data.tokens.mixed_report import at

    more = at(pages, step) if step is not None and "loss" in values else {}
    log(**({} if step is None else {"step": step}), **values, **more)


def _overfitted(model: Any, learnt: Any, training: TrainSettings, work: Work) -> str:
    """Whether one batch can be learnt, found out once; told in a sentence."""
    from groundup.training.overfit import overfit, verdict

    try:
        found = work.choose("overfit", lambda: overfit(model, learnt, training, model.compute, work.stopping))
    except Problem as problem:
        raise Problem(f"{problem} training.overfit=false goes on all the same.") from None
    return verdict(*found)


def _architecture(settings: Settings) -> ModelSettings:
    return settings.model or ModelSettings.model_validate({})
