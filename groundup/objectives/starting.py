"""What a training starts from, as the train stage's settings say it: its tokenizer, and a model fresh, loaded or both.

A model that fits neither the objective nor the rest of the settings is refused in a sentence before anything is read.
"""

from pathlib import Path
from typing import Any

from groundup.errors import Problem
from groundup.model import config_json, folder, masks
from groundup.model.architectures import build, with_head
from groundup.model.character_table import CharacterTable
from groundup.model.settings import ModelSettings
from groundup.model.start_vectors import embedding_of, freeze, start_from
from groundup.model.vector_files import read
from groundup.objectives.learning import READING
from groundup.objectives.pages import folders
from groundup.run import Work
from groundup.tokenizer import Tokenizer


def tokenizer_of(settings: Any) -> Tokenizer:
    if settings.tokenizer is not None:
        return Tokenizer.load(settings.tokenizer)
    if settings.start is not None:
        return Tokenizer.load(model_folder(settings.start))
    if settings.data is not None:
        return Tokenizer.load(Path(folders(settings.data)[0]) / "tokenizer")
    raise Problem("train has no tokenizer: set `tokenizer`, or `start` or `data`, which bring theirs.")


def model_folder(path: str) -> Path:
    """A stage's folder holds its model under model/; a model's own folder is taken as it is."""
    return Path(path) / "model" if (Path(path) / "model").is_dir() else Path(path)


def settings_of(path: str) -> ModelSettings:
    """What the model in a stage's folder, or in its own, is made of, without its weights."""
    config = model_folder(path) / folder.CONFIG
    return config_json.from_config(folder.read_json(config), str(config))[0]


def model_of(settings: Any, tokenizer: Tokenizer, seed: int, work: Work) -> Any:
    if settings.hold_zeros and (settings.start is None or settings.partial):
        raise Problem("train with `hold_zeros` keeps the zeros of a whole `start`: say a pruned one, or leave it out.")
    if settings.partial:
        return _awake(_started_in_part(settings, tokenizer, seed, work))
    if settings.start is not None:
        if settings.vectors is not None:
            raise Problem("train has both `start` and `vectors`: vectors are for fresh weights; leave out one of them.")
        if settings.model is not None:
            raise Problem(
                "train has both `start` and `model`: the start model says what it is made of; leave out `model`."
            )
        model = folder.load(model_folder(settings.start), "f32")
        _check_objective(model.settings, settings)
        model = _awake(model if settings.head is None else with_head(model, settings.head, seed))
        if settings.hold_zeros:
            work.log(note=f"{masks.hold_zeros(model):,} weights are zero and stay so")
        return model
    if settings.head is not None:
        raise Problem("train has `head` and no `start`: a fresh model says its head in `model.head`.")
    asked = settings.model or ModelSettings.model_validate({})
    _check_objective(asked, settings)
    made = build(asked.with_vocabulary(tokenizer.vocabulary), seed)
    if isinstance(made.model.embed_tokens, CharacterTable):
        made.model.embed_tokens.spell(tokenizer.tokens)
    return made


def _check_objective(model: ModelSettings, settings: Any) -> None:
    """Models with an encoder learn from sources and targets, and they alone."""
    reads, asked = model.encoder is not None, settings.objective.kind
    if reads != (asked in READING):
        fitting = " or ".join(READING) if reads else "one of the others, or a family with an encoder, such as t5"
        raise Problem(f"objective.kind {asked} does not fit the family {model.family}: say {fitting}.")
    if reads and settings.samples.prompts:
        raise Problem("samples.prompts: a model that reads a source cannot go on with a prompt; leave them out.")


def _started_in_part(settings: Any, tokenizer: Tokenizer, seed: int, work: Work) -> Any:
    """A model of `model` with what `start` has for it; what was taken and what was not is logged."""
    if settings.start is None or settings.model is None:
        raise Problem("train with `partial` takes from `start` what fits into `model`: say both.")
    wanted = settings.model.with_vocabulary(tokenizer.vocabulary)
    model, fit = folder.load(model_folder(settings.start), partial=True, settings=wanted, seed=seed)
    if not fit.loaded:
        raise Problem(f"nothing in {settings.start} fits into `model` ({fit}): leave out `start`, or change `model`.")
    work.log(note=f"taken from {Path(settings.start).name}: {fit}")
    return model


def start_from_vectors(model: Any, asked: Any, tokenizer: Tokenizer) -> str:
    """How many tokens got a vector."""
    found = start_from(model, read(asked.path), tokenizer)
    if asked.frozen:
        freeze(model, [embedding_of(model)[0]])
    return str(found)


def _awake(model: Any) -> Any:
    """A loaded model in memory of its own, ready to be changed."""
    return folder.in_own_memory(model).requires_grad_(True).train()
