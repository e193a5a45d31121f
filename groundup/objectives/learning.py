"""What a training reads and what it is measured on meanwhile, by its objective: settings of the train stage in, batches out."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groundup.errors import Problem
from groundup.model.settings import ModelSettings

if TYPE_CHECKING:
    from groundup.objectives.held_out import Look
    from groundup.objectives.table import Sources
    from groundup.tokenizer import Tokenizer

READING = ("sequence_to_sequence", "spans")  # what models with an encoder learn from: they read before they write


def sources(settings: Any, pages: Any, tokenizer: "Tokenizer", model: ModelSettings, seed: int) -> "Sources":
    """Everything that was named, as batches of the training's size; `pages` are those of `data`."""
    from groundup.objectives import chained
    from groundup.objectives.held_out import check_tokens
    from groundup.objectives.pages import folders
    from groundup.objectives.sources import read

    training, kind = settings.training, settings.objective.kind
    for path in folders(settings.data) if settings.start is not None or not isinstance(settings.data, str) else ():
        check_tokens(path, tokenizer, "data")
    if training.segments > 1:
        others = settings.texts or settings.conversations or settings.pairs
        chained.check(kind, model, bool(others), training.recompute)
    if kind in SOURCES:
        return replace(SOURCES[kind](settings, tokenizer, model, seed), model=model)
    paths = settings.texts, settings.conversations, settings.pairs, settings.sequences
    return replace(read(pages, *paths, tokenizer, settings.template, training, seed), model=model)


def looks(settings: Any, pages: Any, tokenizer: "Tokenizer", model: ModelSettings, seed: int) -> "Look | None":
    """What measures the model on held-out pages: those of `data`, if there are any, and all that `held_out` names."""
    from groundup.objectives.held_out import check_tokens, side_by_side
    from groundup.objectives.pages import mixed_looks

    if settings.objective.kind in ("classify", "sequence_to_sequence"):
        if settings.held_out:
            raise Problem(
                f"held_out measures on pages, which objective {settings.objective.kind} does not read: leave it out, and "
                "have the measure stage look at held-out texts."
            )
        return None
    for name, path in settings.held_out.items():
        check_tokens(path, tokenizer, f"held_out.{name}")
    if isinstance(settings.data, list):
        if both := next((domain.name for domain in settings.data if domain.name in settings.held_out), None):
            raise Problem(f"{both} is measured twice, as part of `data` and in held_out: leave it out of held_out.")
        each = {domain.name: _look(domain.path, settings, tokenizer, model, seed) for domain in settings.data}
        own = mixed_looks(pages, each)
    else:
        own = None if settings.data is None else _look(settings.data, settings, tokenizer, model, seed)
    others = {name: _look(path, settings, tokenizer, model, seed) for name, path in settings.held_out.items()}
    return side_by_side(own, others)


def _look(data: str, settings: Any, tokenizer: "Tokenizer", model: ModelSettings, seed: int) -> "Look | None":
    from groundup.objectives.held_out import held_out, held_out_spans
    from groundup.objectives.sources import between, held_out_masked

    if settings.objective.kind == "masked":
        return held_out_masked(data, tokenizer, settings.objective, model, settings.training, seed)
    if settings.objective.kind == "spans":
        return held_out_spans(data, tokenizer, between(tokenizer), settings.objective, settings.training, seed)
    return held_out(data, settings.training, seed)


def _masked(settings: Any, tokenizer: "Tokenizer", model: ModelSettings, seed: int) -> Any:
    """Pages with hidden words."""
    from groundup.objectives.sources import masked_pages
    from groundup.objectives.table import Sources

    folder = _pages_alone(settings, "an encoder")
    return Sources(masked=masked_pages(folder, tokenizer, settings.objective, model, settings.training, seed))


def _spans(settings: Any, tokenizer: "Tokenizer", model: ModelSettings, seed: int) -> Any:
    """Pages out of which spans are cut."""
    from groundup.objectives.held_out import spans_of
    from groundup.objectives.sources import between
    from groundup.objectives.table import Sources

    folder = _pages_alone(settings, "a model that reads a source")
    end = between(tokenizer)
    return Sources(spans=spans_of(folder, tokenizer, end, settings.objective, settings.training, seed))


def _pages_alone(settings: Any, who: str) -> Path:
    """The folder of the pages that are learnt, if nothing is named beside them."""
    from groundup.objectives.pages import one_folder

    others = settings.texts or settings.conversations or settings.pairs or settings.sequences
    if settings.data is None or others or settings.objective.replay:
        raise Problem(
            f"objective {settings.objective.kind} learns from pages alone: set `data`, and leave out texts, conversations, "
            "pairs, sequences and replay."
        )
    if settings.samples.prompts:
        raise Problem(f"samples.prompts asks a model to go on with a text, which {who} does not do: leave them out.")
    if settings.training.packing != "concatenate":
        raise Problem(
            f"training.packing: objective {settings.objective.kind} makes rows of its own of pages; leave packing out."
        )
    return Path(one_folder(settings.data, settings.objective.kind)) / "train"


def _labelled(settings: Any, tokenizer: "Tokenizer", model: ModelSettings, seed: int) -> Any:
    """Texts and their classes."""
    from groundup.objectives.sources import labelled_texts
    from groundup.objectives.table import Sources

    if not settings.labelled or settings.texts or settings.conversations or settings.pairs or settings.objective.replay:
        raise Problem(
            "objective classify learns from texts with a class each alone: set `labelled`, and leave out the others."
        )
    if settings.samples.prompts:
        raise Problem(
            "samples.prompts asks a model to go on with a text, which a classifier does not do: leave them out."
        )
    return Sources(labelled=labelled_texts(settings.labelled, tokenizer, model, settings.training, seed))


# Objectives with batches of their own kind; all others read pages, texts, conversations and pairs.
SOURCES = {"masked": _masked, "classify": _labelled, "spans": _spans}
