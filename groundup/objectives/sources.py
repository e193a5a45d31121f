"""From what lies on the disk to what objectives read: pages, conversations and pairs as batches, and text held out.

Folders and files of earlier stages come in; the training stage hands the result to the objective that was asked for.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import safetensors.numpy
from torch import nn

from groundup.data.tokens import examples
from groundup.data.tokens.examples import Pairs
from groundup.data.tokens.labelled import Frame, Labelled, labelled
from groundup.data.tokens.masked import MaskedPages, marks
from groundup.data.tokens.sequences import sequences as read_sequences
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model.families import FAMILIES
from groundup.model.settings import ModelSettings
from groundup.objectives.masked import MaskedWords
from groundup.objectives.preference import annotate
from groundup.objectives.settings import ObjectiveSettings
from groundup.objectives.table import Sources
from groundup.run import write_atomically
from groundup.tokenizer import Tokenizer, chat
from groundup.training.loop import measure
from groundup.training.settings import TrainSettings


def read(
    pages: Any,
    texts: Sequence[str],
    conversations: Sequence[str],
    pairs: Sequence[str],
    sequences: Sequence[str],
    tokenizer: Tokenizer,
    template: str,
    training: TrainSettings,
    seed: int,
) -> Sources:
    """Everything that was named, as batches of the training's size."""
    size = training.rows, training.time, seed
    mask = training.mask or "documents"
    return Sources(
        pages,
        examples.texts(texts, tokenizer, *size, mask) if texts else None,
        examples.conversations(conversations, tokenizer, template, *size, mask) if conversations else None,
        examples.pairs(pairs, tokenizer, template, *size, mask) if pairs else None,
        read_sequences(sequences, tokenizer, *size, between(tokenizer)) if sequences else None,
        segments=training.segments,
    )


def between(tokenizer: Tokenizer) -> int:
    """The token that stands between texts: targets begin and end with it."""
    found = chat.separator_ids(tokenizer)
    if not found:
        raise Problem("the tokenizer has no separator, by which a target would begin and end: train one with specials")
    return found[0]


def masked_pages(
    folder: Path,
    tokenizer: Tokenizer,
    asked: ObjectiveSettings,
    model: ModelSettings,
    training: TrainSettings,
    seed: int,
) -> MaskedPages:
    """Pages with hidden words, in two parts where the model's head tells whether they follow each other."""
    size = training.rows, training.time, seed
    pairs = model.head.kind == "pretraining"
    return MaskedPages(Shards(folder), marks(tokenizer), *size, pairs, asked.masked_share, asked.whole_words)


def labelled_texts(
    files: Sequence[str], tokenizer: Tokenizer, model: ModelSettings, training: TrainSettings, seed: int
) -> Labelled:
    """Texts with their classes, between the marks that a model of this kind is used to."""
    if FAMILIES[model.family].architecture == "encoder":
        known = marks(tokenizer)
        frame = Frame((known.first,), (known.after,), known.padding)
    else:
        frame = Frame(tuple(chat.separator_ids(tokenizer)))
    return labelled(files, tokenizer, frame, model.head.classes, training.rows, training.time, seed)


def held_out_masked(
    data: str, tokenizer: Tokenizer, asked: ObjectiveSettings, model: ModelSettings, training: TrainSettings, seed: int
) -> Callable[[nn.Module, int], dict[str, float]] | None:
    """Measures an encoder on the pages that are kept back for it, if there are any."""
    folder = Path(data) / "val"
    if not folder.is_dir() or Shards(folder).documents < 2:
        return None
    pages = masked_pages(folder, tokenizer, asked, model, training, seed)
    objective = MaskedWords(pages)
    steps = range(min(training.validate_steps, max(1, len(pages.start) // training.rows)))

    def validate(model: nn.Module, step: int) -> dict[str, float]:
        told = measure(model, objective, steps)
        return {"validation": told["masked"], "validation_guessed": told["guessed"]}

    return validate


def measure_start(model: nn.Module, pairs: Pairs | None, path: Path, progress: Callable[..., None]) -> None:
    """Give pairs their column `reference`, measured with the model as it is; a resumed training finds it at `path`."""
    if pairs is None:
        return
    if not path.exists():
        told = annotate(model, pairs, lambda done, total: progress(done, total, "rows", "measuring the start model"))
        write_atomically(path, safetensors.numpy.save({"reference": told}))
    pairs.reference = safetensors.numpy.load(path.read_bytes())["reference"]
