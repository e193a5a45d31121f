"""Corpora and a tokenizer become token shards: every document as numbers, some of them held out for validation.

    groundup tokens corpus=RUN/corpus tokenizer=RUN/tokenizer --into RUN/tokens
    groundup tokens corpus='[WEB, BOOKS, more.jsonl.gz]' tokenizer=RUN/tokenizer column=content --into RUN/tokens
    groundup tokens corpus=train.bin tokenizer=GPT2 --into RUN/tokens

A corpus is a folder of the corpus stage, or anybody's Parquet or JSON lines with a column of texts, or a file of tokens made
for nanoGPT, llm.c or Megatron. Documents keep their order. The folder gets `train/` and `val/` (flat ids, offsets, an index
with sha256) and a copy of the tokenizer, so that a shard is never read with the wrong one. A work that was killed goes on
where it was. To train on several corpora by weights, make a folder of tokens of each instead.
"""

import shutil
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from groundup.config import Input
from groundup.config import Settings as BaseSettings
from groundup.data.synthetic.canaries import CanarySettings
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work

if TYPE_CHECKING:
    import numpy as np

    from groundup.tokenizer import Tokenizer

VERSION = 1
SEEDED = False
BYTES_PER_TOKEN = 3.6  # a guess before anything is encoded
SPEED = 15e6  # bytes/s of text that a core encodes and writes
COPIED = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "unicode.json")


class Settings(BaseSettings):
    """What to encode, and how much of it to hold out."""

    corpus: Input | list[Input] = Field(
        description="the corpus stage's folder, or a folder or file of Parquet or JSON lines, or several; or other people's tokens"
    )
    tokenizer: Input = Field(description="the tokenizer stage's folder, or a tokenizer.json")
    validation: float = Field(
        0.02, gt=0, lt=1, description="share of documents to hold out, chosen by the hash of their text"
    )
    column: str = Field(
        default="text", min_length=1, description="which column, or field of a JSON line, holds the text"
    )
    others: list[Literal["nanogpt", "llm.c", "megatron"]] = Field(
        default_factory=list,
        description="formats of other people to write as well, into others/FORMAT/train.bin and val.bin",
    )
    file_megabytes: int = Field(default=1024, gt=0, description="largest file of tokens; more go into the next one")

    canaries: CanarySettings | None = Field(
        None, description="secrets to put in, to see later what a model has by heart"
    )


def run(settings: Settings, work: Work) -> None:
    """A look for held out documents, and one pass to encode."""
    from groundup.data.synthetic.canaries import Canaries
    from groundup.data.tokens.corpora import Corpora, as_placed, in_blocks
    from groundup.data.tokens.encoding import Encoding
    from groundup.data.tokens.foreign import is_foreign
    from groundup.data.tokens.split import limit
    from groundup.tokenizer import Tokenizer, chat

    named = [settings.corpus] if isinstance(settings.corpus, str) else settings.corpus
    tokenizer = Tokenizer.load(settings.tokenizer)
    if not (separators := chat.separator_ids(tokenizer)):
        raise Problem(
            f"the tokenizer in {settings.tokenizer} has no {chat.SEPARATOR} to put between documents; train it with "
            "one among its specials"
        )
    foreign = [path for path in named if is_foreign(Path(path))]
    if foreign and len(foreign) < len(named):
        raise Problem(f"{foreign[0]} holds tokens and the other corpora hold texts: make a folder of tokens of each")
    if foreign:
        made = _brought(named, tokenizer, separators[0], settings, work)
    else:
        corpora = Corpora(named, settings.column)
        held_out = limit((at for _, at in corpora.placed()), settings.validation, ", ".join(named))
        writing = Encoding(work.out, tokenizer, separators[0], held_out, settings.file_megabytes << 20)
        total = corpora.known or (sum(1 for _ in corpora.documents()) if settings.canaries else 0)
        canaries = Canaries(settings.canaries, total, held_out)
        canaries.write(work.out)
        if canaries.all:  # they count as documents, so what is behind must be gone through
            documents = islice(canaries.through(corpora.placed(), as_placed), writing.documents, None)
        else:
            documents = corpora.placed(writing.documents)
        writing.take(in_blocks(documents), lambda done: work.progress(done, max(done + 1, total)))
        work.progress(writing.documents, writing.documents)
        made = writing.close()
    _copy(Path(settings.tokenizer), work.out / "tokenizer")
    _write_others(settings.others, work.out)
    for name, index in made.items():
        work.log(split=name, documents=index["documents"], tokens=index["tokens"], text_bytes=index["text_bytes"])


def _brought(
    named: list[str], tokenizer: "Tokenizer", separator: int, settings: Settings, work: Work
) -> dict[str, dict[str, Any]]:
    """Other people's tokens as our shards."""
    from groundup.data.tokens.encoding import Encoding
    from groundup.data.tokens.foreign import documents_of
    from groundup.data.tokens.split import limit, place

    def documents() -> Iterator["np.ndarray"]:
        for path in named:
            yield from documents_of(Path(path), separator, tokenizer.vocabulary)

    places = (place(tokenizer.decode_bytes(ids)) for ids in documents())
    held_out = limit(places, settings.validation, ", ".join(named))
    writing = Encoding(work.out, tokenizer, separator, held_out, settings.file_megabytes << 20)
    writing.take_ids(islice(documents(), writing.documents, None), lambda done: work.progress(done, done + 1))
    return writing.close()


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """Two bytes a token on disk; the memory is that of one batch."""
    corpus = before.get("corpus", Estimate())
    tokens = int(corpus.text_bytes / BYTES_PER_TOKEN)
    return Estimate(
        text_bytes=corpus.text_bytes,
        documents=corpus.documents,
        tokens=tokens,
        memory_bytes=400_000_000,
        disk_bytes=2 * tokens + 8 * corpus.documents + 500_000,
        seconds=1.0 + corpus.text_bytes / (SPEED * max(1, machine.cpus)),
    )


def _write_others(forms: Sequence[str], out: Path) -> None:
    """The same tokens once more, in files that others read."""
    from groundup.data.tokens.encoding import SIDES
    from groundup.data.tokens.foreign import WRITERS
    from groundup.data.tokens.shards import Shards

    for form in forms:
        (out / "others" / form).mkdir(parents=True, exist_ok=True)
        for side in SIDES:
            WRITERS[form](Shards(out / side), out / "others" / form / f"{side}.bin")


def _copy(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    folder = source if source.is_dir() else source.parent
    for name in COPIED if source.is_dir() else (source.name,):
        if (folder / name).exists():
            shutil.copyfile(folder / name, target / ("tokenizer.json" if source.is_file() else name))
