"""From a cleaned corpus to a tokenizer: its most frequent pieces become tokens, and the control tokens of chat are added.

Reads `kept-*.parquet` document by document; leaves `tokenizer.json` (Hugging Face's format) with what belongs beside it,
and `report.json`: bytes per token, longest and rarest tokens, texts cut into their tokens.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from groundup.config import Input
from groundup.config import Settings as BaseSettings
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

VERSION = 3
SEEDED = False
SHOWN = 1_000  # documents that the report is made of, and at most so many bytes:
SHOWN_BYTES = 2_000_000
SPEED = 20e6  # bytes/s that a core counts and merges, a careful guess
OPTIONS = {  # kind -> the settings that mean something to it
    "bpe": ("pattern",),
    "byte": (),
    "wordpiece": ("lowercase", "limit_alphabet"),
    "character": ("limit_alphabet",),
    "word": ("pattern",),
    "unigram": ("pattern",),
}


class Settings(BaseSettings):
    """How a tokenizer is learned."""

    corpus: Input = Field(description="the corpus stage's folder: kept-*.parquet with a column `text`")
    algorithm: Literal["bpe", "byte", "wordpiece", "unigram", "character", "word"] = Field(
        "bpe", description="the kind of tokenizer"
    )
    size: int = Field(
        4096, ge=256, le=1 << 20, description="tokens to learn, bytes or letters among them; control tokens come on top"
    )
    pattern: Literal["gpt4", "gpt2", "gpt2-digits", "cl100k", "o200k", "o200k-digits", "llama3", "qwen2"] = Field(
        "gpt4", description="how text is cut into words before merging, for bpe, unigram and word"
    )
    lowercase: bool = Field(True, description="write all words small and without accents, for wordpiece")
    limit_alphabet: int | None = Field(
        None, ge=1, description="characters to keep, for wordpiece and character; rarer ones become unknown"
    )
    template: Literal["plain", "chatml", "llama3", "zephyr", "alpaca"] = Field(
        "plain", description="chat form whose control tokens are added"
    )
    specials: list[str] = Field(
        default_factory=list, description="further special tokens; masked words need [PAD], [CLS], [SEP] and [MASK]"
    )
    sample_bytes: int = Field(
        1 << 30, gt=0, description="learn from about so many bytes of text, spread over the whole corpus"
    )

    @model_validator(mode="after")
    def _options_of_the_algorithm(self) -> "Settings":
        for name in {name for names in OPTIONS.values() for name in names} - set(OPTIONS[self.algorithm]):
            if name in self.model_fields_set and getattr(self, name) != type(self).model_fields[name].default:
                fits = " and ".join(kind for kind, names in OPTIONS.items() if name in names)
                raise ValueError(f"`{name}` means nothing to {self.algorithm}: leave it out, or take {fits}")
        return self

    def options(self) -> dict[str, Any]:
        """What the kind's `train` is given; what is None is left to it."""
        chosen = {name: getattr(self, name) for name in OPTIONS[self.algorithm]}
        return {name: value for name, value in chosen.items() if value is not None}


def run(settings: Settings, work: Work) -> None:
    """Train, save, report."""
    from groundup.tokenizer import Tokenizer, chat
    from groundup.tokenizer.report import report

    files = kept_files(Path(settings.corpus))
    total = sum(text_bytes(file) for file in files)
    keep = min(1.0, settings.sample_bytes / max(total, 1))

    def counted(read: int) -> None:
        work.progress(read, max(read, total * keep), "bytes")

    specials = [*chat.specials(settings.template), *settings.specials]
    tokenizer = Tokenizer.train(
        texts(files, keep), settings.size, settings.algorithm, specials, counted=counted, **settings.options()
    )
    tokenizer.save(work.out, settings.template)
    told = report(tokenizer, shown(files))
    write_atomically(work.out / "report.json", json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    work.log(size=tokenizer.size, bytes_per_token=told["bytes_per_token"], text_bytes=total, sampled=round(keep, 4))
    if tokenizer.size < settings.size:
        work.progress(1, 1, "tokens", f"the text gives only {tokenizer.size} of {settings.size} tokens")


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """Counting dominates, and its memory is that of the distinct words."""
    corpus = before.get("corpus", Estimate())
    read = min(corpus.text_bytes, settings.sample_bytes)
    return Estimate(
        text_bytes=corpus.text_bytes,
        documents=corpus.documents,
        memory_bytes=200_000_000 + min(read, 2_000_000_000),
        disk_bytes=100 * settings.size + 100_000,
        seconds=1.0 + read / (SPEED * max(machine.cpus, 1)),
    )


def kept_files(corpus: Path) -> list[Path]:
    """The corpus's files in order."""
    files = sorted(corpus.glob("kept-*.parquet"))
    if not files:
        raise Problem(f"{corpus} has no kept-*.parquet: give the folder that the corpus stage made")
    return files


def text_bytes(file: Path) -> int:
    """About how many bytes of text a file holds, from its footer."""
    from groundup.data.reading import parquets

    told = parquets.told(file)
    if "text" not in told.schema.names:
        raise Problem(
            f"{file} has no column `text` but {', '.join(told.schema.names)}: give a folder that the corpus stage made"
        )
    column = told.schema.names.index("text")
    return sum(told.row_group(group).column(column).total_uncompressed_size for group in range(told.num_row_groups))


def texts(files: list[Path], keep: float) -> Iterator[str]:
    """Documents in order; with keep < 1, every one at which the running sum of `keep` passes a whole number."""
    from groundup.data.reading import parquets

    number = 0
    for file in files:
        for batch in parquets.batches(file, 1024, ["text"]):
            for text in batch.column(0).to_pylist():
                number += 1
                if int(number * keep) > int((number - 1) * keep):
                    yield text or ""


def shown(files: list[Path]) -> list[str]:
    """The first documents, for the report."""
    found, size = [], 0
    for text in texts(files, 1.0):
        if len(found) == SHOWN or size > SHOWN_BYTES:
            break
        found.append(text)
        size += len(text)
    return found
