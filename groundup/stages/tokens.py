"""A corpus and a tokenizer become token shards: every document as numbers, some of them held out for validation.

Reads `kept-*.parquet` in order, a few megabytes at a time; leaves `train/` and `val/` (flat ids, offsets, an index with
sha256) and a copy of the tokenizer, so that a shard is never read with the wrong one.
"""

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from pydantic import Field

from groundup.config import Input
from groundup.config import Settings as BaseSettings
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work

VERSION = 1
SEEDED = False
TOGETHER = 512  # documents that are encoded at once
BYTES_PER_TOKEN = 3.6  # a guess before anything is encoded
SPEED = 15e6  # bytes/s of text that a core encodes and writes
COPIED = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "unicode.json")


class Settings(BaseSettings):
    """What to encode, and how much of it to hold out."""

    corpus: Input = Field(description="the corpus stage's folder: kept-*.parquet with a column `text`")
    tokenizer: Input = Field(description="the tokenizer stage's folder, or a tokenizer.json")
    validation: float = Field(
        0.02, gt=0, lt=1, description="share of documents to hold out, chosen by the hash of their text"
    )


def run(settings: Settings, work: Work) -> None:
    """One pass to find the held out documents, one to encode."""
    from groundup.data.shards import Writer
    from groundup.data.split import limit, place
    from groundup.tokenizer import Tokenizer, chat

    corpus, tokenizer = Path(settings.corpus), Tokenizer.load(settings.tokenizer)
    if chat.SEPARATOR not in tokenizer.specials:
        raise Problem(
            f"the tokenizer in {settings.tokenizer} has no {chat.SEPARATOR} to put between documents; train it with "
            "one among its specials"
        )
    files, separator = kept_files(corpus), tokenizer.specials[chat.SEPARATOR]
    held_out = limit(texts(files), settings.validation, str(corpus))
    total, done = documents_in(files), 0
    writers = {name: Writer(work.out / name, tokenizer.vocabulary) for name in ("train", "val")}
    stream = texts(files)
    while some := list(islice(stream, TOGETHER)):
        sides: dict[str, list[str]] = {"train": [], "val": []}
        for text in some:
            sides["val" if place(text) < held_out else "train"].append(text)
        for name, side in sides.items():
            encoded = tokenizer.encode_many(side)
            writers[name].add((_before(separator, ids) for ids in encoded), sum(len(text.encode()) for text in side))
        done += len(some)
        work.progress(done, total)
    made = {name: writer.close() for name, writer in writers.items()}
    _copy(Path(settings.tokenizer), work.out / "tokenizer")
    for name, index in made.items():
        work.log(split=name, documents=index["documents"], tokens=index["tokens"], text_bytes=index["text_bytes"])


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


def kept_files(corpus: Path) -> list[Path]:
    """The corpus's files in order."""
    files = sorted(corpus.glob("kept-*.parquet"))
    if not files:
        raise Problem(f"{corpus} has no kept-*.parquet; give the folder that the corpus stage made")
    return files


def texts(files: list[Path]) -> Iterator[str]:
    """Every document's text, in order."""
    import pyarrow.parquet as parquet

    for file in files:
        for batch in parquet.ParquetFile(file).iter_batches(256, columns=["text"]):
            yield from batch.column("text").to_pylist()


def documents_in(files: list[Path]) -> int:
    import pyarrow.parquet as parquet

    return sum(parquet.ParquetFile(file).metadata.num_rows for file in files)


def _before(separator: int, ids):
    import numpy as np

    return np.concatenate([np.array([separator], ids.dtype), ids])


def _copy(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    folder = source if source.is_dir() else source.parent
    for name in COPIED if source.is_dir() else (source.name,):
        if (folder / name).exists():
            shutil.copyfile(folder / name, target / ("tokenizer.json" if source.is_file() else name))
