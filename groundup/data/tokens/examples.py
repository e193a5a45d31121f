"""Conversations and pairs of answers on their way into a training step: rendered, packed whole into rows, weighted.

JSON lines come in; rows come out in which only what the assistant says has a weight. Texts that share a row carry
different `segments` and their positions restart. Which row comes when is a formula of the step.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from groundup.data.tokens.batches import Batch, Mask, Windowed
from groundup.data.tokens.order import key, permute
from groundup.data.tokens.packing import Counted, Text, best_fit, ends_of, fit, lay, stack, with_column
from groundup.errors import Problem
from groundup.tokenizer import chat

TOGETHER = 1024  # conversations rendered at once


class Conversations:
    """Whole conversations packed into rows of `time` tokens; each epoch reads every row once, in another order."""

    def __init__(self, texts: Iterable[Text], rows: int, time: int, seed: int, mask: Mask = "documents"):
        self.rows, self.time, self.seed, self.counted = rows, time, seed, Counted()
        self.mask: Mask = mask
        self.texts = [kept for text in texts if (kept := fit(text, time, self.counted)) is not None]
        if not self.texts:
            raise Problem(
                f"No conversation has an answer that fits into {time} tokens ({self.counted.dropped} were dropped): "
                f"make `time` larger, or check that messages alternate between user and assistant."
            )
        self.packed = best_fit(np.array([len(text.ids) - 1 for text in self.texts]), time)

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step."""
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        return self.read(step * self.rows + which.astype(np.int64))

    def read(self, numbers: np.ndarray) -> Batch:
        """The rows that come first, second, … in an endless reading (numbers int64, (rows))."""
        order = shuffled(numbers, len(self.packed), self.seed, "conversations")
        packed = [self.packed[row] for row in order]
        batch = lay([[self.texts[text] for text in row] for row in packed], self.time, self.mask)
        return replace(batch, documents=np.array([row[0] for row in packed]))


@dataclass(frozen=True)
class Pair:
    """Two answers to one prompt, both rendered whole; only the answers are marked."""

    chosen: Text
    rejected: Text


class Pairs:
    """Pairs packed into row pairs: a step of `rows` has that many rows of chosen texts, then their rejected twins.

    Columns: `pair` int64 (2·rows, time), the number of the pair within the batch or -1; `side` int64 (2·rows, time), 0
    chosen, 1 rejected; `reference` f32 (pairs, 2), what the start model made of each, once `annotate` has been told.
    """

    def __init__(self, pairs: Iterable[Pair], rows: int, time: int, seed: int, mask: Mask = "documents"):
        self.rows, self.time, self.seed, self.counted = rows, time, seed, Counted()
        self.mask: Mask = mask
        self.pairs = [pair for pair in pairs if self._fits(pair)]
        if not self.pairs:
            raise Problem(f"No pair of answers fits into {time} tokens ({self.counted.dropped} were dropped).")
        lengths = np.array([max(len(pair.chosen.ids), len(pair.rejected.ids)) - 1 for pair in self.pairs])
        self.packed = best_fit(lengths, time)
        self.reference: np.ndarray | None = None  # f32 (all pairs, 2)

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Row pairs of a step."""
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        return self.read(step * self.rows + which.astype(np.int64))

    def read(self, numbers: np.ndarray) -> Batch:
        """The row pairs that come first, second, … in an endless reading."""
        return self.at(shuffled(numbers, len(self.packed), self.seed, "pairs"))

    def at(self, rows: Sequence[int] | np.ndarray) -> Batch:
        """The row pairs of these numbers, in the order in which they were packed."""
        packed = [self.packed[row] for row in rows]
        sides = [[[getattr(self.pairs[n], side) for n in row] for row in packed] for side in ("chosen", "rejected")]
        batch = lay(sides[0] + sides[1], self.time, self.mask)
        pair = np.full(batch.ids.shape, -1)
        first = 0
        for row, numbers in enumerate(packed):
            for side in range(2):
                at = row + side * len(packed)
                lengths = [len(text.ids) - 1 for text in sides[side][row]]
                pair[at, : sum(lengths)] = np.repeat(np.arange(first, first + len(numbers)), lengths)
            first += len(numbers)
        columns = {"pair": pair, "side": np.repeat([0, 1], len(packed))[:, None] + np.zeros_like(pair)}
        numbers = np.concatenate(packed).astype(np.int64)
        if self.reference is not None:
            columns["reference"] = self.reference[numbers]
        return replace(batch, columns=columns, documents=numbers)

    def _fits(self, pair: Pair) -> bool:
        longest = max(len(pair.chosen.ids), len(pair.rejected.ids)) - 1
        good = longest <= self.time and pair.chosen.answers.any() and pair.rejected.answers.any()
        self.counted.kept += bool(good)
        self.counted.dropped += not good
        return bool(good)


@dataclass
class Mixed:
    """A share of the rows comes from pages instead, so that what they tell is not forgotten.

    Column `replay` bool (rows, time) tells the two apart.
    """

    main: Conversations | Pairs
    pages: Windowed
    share: float
    rows: int = field(init=False)
    time: int = field(init=False)

    def __post_init__(self):
        self.rows, self.time = self.main.rows, self.main.time

    def batch(self, step: int, rows: Sequence[int] | None = None) -> Batch:
        """Rows of a step; over many steps exactly `share` of them are windows of pages, evenly spread."""
        which = np.arange(self.rows) if rows is None else np.asarray(rows)
        numbers = step * self.rows + which.astype(np.int64)
        before = np.floor(numbers * self.share).astype(np.int64)
        replayed = np.floor((numbers + 1) * self.share).astype(np.int64) > before
        parts = []
        if not replayed.all():
            parts.append(with_column(self.main.read((numbers - before)[~replayed]), "replay", False))
        if replayed.any():
            parts.append(with_column(self.pages.read(before[replayed]), "replay", True))
        return stack(parts)


def conversations(
    files: Sequence[Path | str],
    tokenizer: Any,
    template: str,
    rows: int,
    time: int,
    seed: int,
    mask: Mask = "documents",
) -> Conversations:
    """Batches of the conversations in JSON lines {"messages": [{"role", "content"}, …]}."""
    talks = (messages_of(where, record, "messages") for where, record in lines(files))
    return Conversations(rendered(tokenizer, talks, template), rows, time, seed, mask)


def texts(
    files: Sequence[Path | str], tokenizer: Any, rows: int, time: int, seed: int, mask: Mask = "documents"
) -> Conversations:
    """Batches of the short texts in JSON lines {"text"}, learnt from whole; one that is too long for a row comes in pieces."""
    before = np.array(chat.separator_ids(tokenizer), np.int64)

    def pieces() -> Iterator[Text]:
        told = (checked(where, record, "text", str) for where, record in lines(files))
        while some := list(islice(told, TOGETHER)):
            for encoded in tokenizer.encode_many(some):
                ids = np.concatenate([before, encoded.astype(np.int64)])
                for start in range(0, max(1, len(ids) - 1), time):
                    piece = ids[start : start + time + 1]
                    yield Text(piece, np.ones(len(piece), bool))

    return Conversations(pieces(), rows, time, seed, mask)


def pairs(
    files: Sequence[Path | str],
    tokenizer: Any,
    template: str,
    rows: int,
    time: int,
    seed: int,
    mask: Mask = "documents",
) -> Pairs:
    """Batches of the pairs in JSON lines {"prompt": [messages], "chosen": text, "rejected": text}."""

    def talks() -> Iterator[list[Any]]:
        for where, record in lines(files):
            prompt = messages_of(where, record, "prompt")
            for side in ("chosen", "rejected"):
                yield [*prompt, {"role": "assistant", "content": checked(where, record, side, str)}]

    texts = map(last_answer, rendered(tokenizer, talks(), template))
    return Pairs((Pair(chosen, next(texts)) for chosen in texts), rows, time, seed, mask)


def rendered(tokenizer: Any, talks: Iterable[list[Any]], template: str) -> Iterator[Text]:
    """Conversations as ids, the document separator before each."""
    waiting = iter(talks)
    while some := list(islice(waiting, TOGETHER)):
        for made in chat.render_many(tokenizer, some, template):
            yield Text(made.ids.astype(np.int64), np.asarray(made.answers, bool))


def last_answer(text: Text) -> Text:
    """The same text, only its last answer marked."""
    silent = np.flatnonzero(~text.answers[: ends_of(text)[-1]]) if text.answers.any() else []
    answers = text.answers.copy()
    answers[: silent[-1] + 1 if len(silent) else 0] = False
    return Text(text.ids, answers)


def shuffled(numbers: np.ndarray, count: int, seed: int, purpose: str) -> np.ndarray:
    """Which of `count` rows comes at each place of an endless reading, every epoch in another order."""
    epochs, places = np.divmod(numbers, count)
    result = np.empty_like(places)
    for epoch in np.unique(epochs).tolist():
        here = epochs == epoch
        result[here] = permute(places[here], count, key(seed, purpose, epoch))
    return result


def lines(files: Sequence[Path | str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """("file, line n", record) of each JSON line."""
    for path in files:
        with open(path, "rb") as file:
            for number, line in enumerate(file, 1):
                where = f"{path}, line {number}"
                try:
                    record = json.loads(line)
                except ValueError as error:
                    raise Problem(f"{where}: not a line of JSON ({error}).") from None
                if not isinstance(record, dict):
                    raise Problem(f"{where}: expected an object with names and values.")
                yield where, record


def messages_of(where: str, record: dict[str, Any], name: str) -> list[Any]:
    """The messages of a record, each with a role we know and a text."""
    messages = checked(where, record, name, list)
    for message in messages:
        try:
            chat.content_of(message)
        except Problem as problem:
            raise Problem(f"{where}: {problem}") from None
    return messages


def checked(where: str, record: dict[str, Any], name: str, kind: type) -> Any:
    """A field of a record, or a sentence about its absence."""
    if not isinstance(record.get(name), kind):
        raise Problem(f"{where}: `{name}` is missing or not a {'list' if kind is list else 'text'}.")
    return record[name]
