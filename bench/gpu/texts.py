"""Tokens for the race: files of text become a folder of shards, one document in a hundred kept back."""

import json
import lzma
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from groundup.data.tokens.shards import Shards, Writer
from groundup.tokenizer import Tokenizer, chat

KEPT_BACK, LEARNT_FROM, TOGETHER = 100, 20 << 20, 256  # every so manieth document; bytes for the tokenizer; documents


def documents(files: list[Path]) -> Iterator[str]:
    """Of .jsonl.xz files the field `text` of each line; any other file is one document a paragraph group of 4 kB."""
    for path in files:
        if path.name.endswith(".jsonl.xz"):
            with lzma.open(path, "rt", encoding="utf-8") as lines:
                yield from (json.loads(line)["text"] for line in lines)
        else:
            text = path.read_text(encoding="utf-8")
            yield from (text[at : at + 4096] for at in range(0, len(text), 4096))


def made(files: list[Path], folder: Path, vocabulary: int) -> tuple[Shards, Shards]:
    """(to learn from, kept back), with a BPE of the texts themselves."""
    learnt, size = [], 0
    for text in documents(files):
        learnt.append(text)
        size += len(text)
        if size > LEARNT_FROM:
            break
    tokenizer = Tokenizer.train(learnt, vocabulary, specials=chat.specials("plain"))
    separator = np.array(chat.separator_ids(tokenizer), np.int64)
    writers = {part: Writer(folder / part, tokenizer.vocabulary) for part in ("train", "val")}
    source, number = documents(files), 0
    while texts := list(islice(source, TOGETHER)):
        for text, ids in zip(texts, tokenizer.encode_many(texts), strict=True):
            number += 1
            part = "val" if number % KEPT_BACK == 0 else "train"
            writers[part].add([np.concatenate([separator, ids])], len(text.encode()))
    for writer in writers.values():
        writer.close()
    return Shards(folder / "train"), Shards(folder / "val")
