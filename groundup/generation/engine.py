"""Many texts written at once: each step every text that is being written gets one more token.

Requests wait, then get a row of the cache; their prompt is read in chunks, with others of about its length; then they
take part in every step until they end, and their row goes to the next. Plain calls in one thread: `add`, `step`, `cancel`.
"""

import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.cache import Cache
from groundup.generation.sample import Sampling, draw, log_probabilities, most_likely
from groundup.model.architectures import must_write
from groundup.model.transformer import Transformer

GREEDY = Sampling(temperature=0.0)


@dataclass(frozen=True)
class Request:
    """A text to go on with, and until when."""

    ids: Sequence[int]
    max_tokens: int = 256
    sampling: Sampling = GREEDY
    stop_ids: frozenset[int] = frozenset()
    top: int = 0  # how many of the most likely tokens to tell with each token
    logprobs: bool = True


@dataclass(frozen=True)
class Event:
    """One more token of a request. With `finish` it is the last: "stop" (the token is a stop id) or "length"."""

    request: int
    token: int
    logprob: float = 0.0  # of the token by the model itself, in nats
    top: list[tuple[int, float]] = field(default_factory=list)
    finish: str | None = None


@dataclass(eq=False)
class Row:
    """A request on its way."""

    number: int
    request: Request
    prompt: list[int]
    at: int = -1  # row of the cache
    length: int = 0  # tokens in the cache
    token: int = 0  # the last one made, not yet in the cache
    made: int = 0

    @property
    def unread(self) -> int:
        """Tokens of the prompt that the model has not seen."""
        return len(self.prompt) - self.length


class Engine:
    """Rows 0 … ready - 1 of the cache are being written, the rows after them are being read."""

    def __init__(self, model: Transformer, slots: int = 16, context: int | None = None, chunk: int = 512):
        """slots: texts at once; context: tokens in the longest text; chunk: prompt tokens read between two steps."""
        must_write(model.settings)
        self.model, self.slots, self.chunk = model, slots, chunk
        self.context = context or model.settings.context
        self.device = next(model.parameters()).device
        self.carries = any(getattr(part, "carries", False) for part in model.modules())
        self.cache = Cache(slots)
        self.numbers = itertools.count()
        self.waiting: deque[Row] = deque()
        self.rows: list[Row] = []
        self.ready = 0

    def add(self, request: Request) -> int:
        """Queue a request; its number stands in every event about it."""
        prompt = [int(token) for token in request.ids]
        if not prompt:
            raise Problem(
                "a prompt without tokens gives the model nothing to go on: begin with the separator <|endoftext|>"
            )
        if len(prompt) >= self.context:
            raise Problem(
                f"the prompt has {len(prompt)} tokens, and prompt and answer together may have {self.context}: shorten it"
            )
        vocabulary = self.model.settings.vocabulary
        if not 0 <= min(prompt) <= max(prompt) < vocabulary:
            raise Problem(f"the prompt has token ids outside 0 to {vocabulary - 1}: was it made by another tokenizer?")
        if request.max_tokens < 1:
            raise Problem(f"max_tokens is {request.max_tokens}: ask for one token or more")
        row = Row(next(self.numbers), request, prompt)
        self.waiting.append(row)
        return row.number

    @torch.inference_mode()
    def cancel(self, number: int) -> bool:
        """Forget a request at once; False if it is not here (any more)."""
        for row in self.waiting:
            if row.number == number:
                self.waiting.remove(row)
                return True
        for row in self.rows:
            if row.number == number:
                self._leave(row)
                return True
        return False

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self.rows and not self.waiting

    @torch.inference_mode()
    def step(self) -> list[Event]:
        """One more token for every text that is being written; then a chunk of prompts is read, which gives their first."""
        events = self._write() if self.ready else []
        group, time = self._next_to_read()
        return events + self._read(group, time) if group else events

    def _write(self) -> list[Event]:
        rows = self.rows[: self.ready]
        ids = torch.tensor([[row.token] for row in rows], device=self.device)
        positions = torch.tensor([[row.length] for row in rows], device=self.device)
        logits = self.model(ids, positions, self.cache.view(slice(0, self.ready)))[:, 0]
        for row in rows:
            row.length += 1
        return self._take(rows, logits)

    def _next_to_read(self) -> tuple[list[Row], int]:
        """Prompts of similar length, the oldest among them, as many as a chunk holds; waiting ones get their rows.

        A model that carries a state must not read what fills a shorter one up: it gets prompts of one length.
        """
        free = self.slots - len(self.rows)
        unread = [*sorted(self.rows[self.ready :], key=lambda row: row.number), *itertools.islice(self.waiting, free)]
        if not unread:
            return [], 0
        first = min(unread[0].unread, self.chunk)
        alike = [row for row in unread if self._together(first, min(row.unread, self.chunk))]
        time, group = first, []
        for row in alike:
            longer = max(time, min(row.unread, self.chunk))
            if group and longer * (len(group) + 1) > self.chunk:
                break
            time = longer
            group.append(row)
        for row in group:
            if row.at < 0:
                self.waiting.remove(row)
                row.at = len(self.rows)
                self.rows.append(row)
        return group, time

    def _together(self, first: int, length: int) -> bool:
        """Whether parts of these lengths are read side by side. A state that is carried would go on over what fills the
        shorter one up, so a model that has one reads equal lengths together."""
        return length == first if self.carries else first // 2 < length <= 2 * first

    def _read(self, rows: list[Row], time: int) -> list[Event]:
        """Up to `time` tokens of each prompt; those read to their end get their first token.

        Shorter ones are filled up with zeros: these lie behind the text, where no token looks, and are overwritten.
        """
        parts = [row.prompt[row.length : row.length + time] for row in rows]
        ids = torch.tensor([part + [0] * (time - len(part)) for part in parts], device=self.device)
        last = torch.tensor([len(part) - 1 for part in parts], device=self.device)
        view = self.cache.view([row.at for row in rows])
        logits = self.model(ids, self._positions(rows, time), view, last=last)
        for row, part in zip(rows, parts, strict=True):
            row.length += len(part)
        done = [place for place, row in enumerate(rows) if not row.unread]
        if not done:
            return []
        finished = [rows[place] for place in done]
        for row in finished:
            self._exchange(row, self.rows[self.ready])
            self.ready += 1
        return self._take(finished, logits if len(done) == len(rows) else logits[done])

    def _positions(self, rows: list[Row], time: int) -> Tensor:
        """Where the next `time` tokens of each row stand: (1, time) if for all rows alike, else (rows, time)."""
        starts = torch.tensor(sorted({row.length for row in rows}), device=self.device)
        if len(starts) > 1:
            starts = torch.tensor([row.length for row in rows], device=self.device)
        return (starts[:, None] + torch.arange(time, device=self.device)).clamp(max=self.context - 1)

    def _take(self, rows: list[Row], logits: Tensor) -> list[Event]:
        """Choose each row's next token from logits (rows, vocabulary); rows that are finished leave."""
        chosen = draw(logits, [row.request.sampling for row in rows], [row.made for row in rows])
        wanted = any(row.request.logprobs for row in rows)
        logprobs = log_probabilities(logits, chosen).tolist() if wanted else [0.0] * len(rows)
        most = max(row.request.top for row in rows)
        tops = most_likely(logits, most) if most else None
        events = []
        for place, (row, token, logprob) in enumerate(zip(rows, chosen.tolist(), logprobs, strict=True)):
            row.token, row.made = token, row.made + 1
            finish = None
            if token in row.request.stop_ids:
                finish = "stop"
            elif row.made == row.request.max_tokens or row.length >= self.context:
                finish = "length"
            top = tops[place][: row.request.top] if tops else []
            events.append(Event(row.number, token, logprob, top, finish))
        for row, event in zip(rows, events, strict=True):
            if event.finish:
                self._leave(row)
        return events

    def _leave(self, row: Row) -> None:
        """Give the row's place to the last one that is written, and that one's to the last one that is read."""
        if row.at < self.ready:
            self.ready -= 1
            self._replace(row, self.rows[self.ready])
        self._replace(row, self.rows[-1])
        self.rows.pop()

    def _replace(self, row: Row, other: Row) -> None:
        """The other takes the row's place; the row, whose memory is of no more use, stands at the other's."""
        if row is other:
            return
        self.cache.move(other.at, row.at, other.length)
        self.rows[row.at], self.rows[other.at] = other, row
        row.at, other.at = other.at, row.at

    def _exchange(self, row: Row, other: Row) -> None:
        """Two rows change places."""
        if row is other:
            return
        self.cache.swap(row.at, other.at)
        self.rows[row.at], self.rows[other.at] = other, row
        row.at, other.at = other.at, row.at
