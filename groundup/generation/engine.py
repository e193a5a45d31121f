"""Many texts written at once: each step every text that is being written gets one more token.

Requests wait, then get a row of the cache and pages for their prompt; the prompt is read in chunks, with others of about
its length; then they take part in every step until they end. When pages run out the youngest text gives its own back and
is read again later. Plain calls in one thread: `add`, `step`, `cancel`.
"""

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from groundup.errors import Problem
from groundup.generation.choosing import Choosing, choose
from groundup.generation.memory import Memory
from groundup.generation.pages import PAGE, Pages
from groundup.generation.request import GREEDY, Counts, Event, Request
from groundup.generation.sample import log_probabilities, most_likely
from groundup.generation.scheduler import Row, Waiting, side_by_side
from groundup.generation.speculation.drafter import Text
from groundup.generation.speculation.speculation import Speculation
from groundup.model.architectures import must_write
from groundup.model.transformer import Transformer

__all__ = ["GREEDY", "Counts", "Decoder", "Engine", "Event", "Request"]

LOOK = 4  # requests that are looked at for each slot
Decoder = Callable[
    [Tensor, Pages, int], Tensor
]  # last tokens (n), the pages, n -> logits (n, vocabulary) of rows 0 … n - 1
Reader = Callable[..., Tensor]  # ids, positions, view, last -> logits (rows, vocabulary) there, as from the model


class Engine:
    """Rows 0 … ready - 1 of the cache are being written, the rows after them are being read."""

    def __init__(
        self,
        model: Transformer,
        slots: int = 16,
        context: int | None = None,
        chunk: int = 512,
        *,
        budget: int | None = None,
        tokens: int | None = None,
        store: str | None = None,
        share: bool = False,
        exact: bool = False,
        decoder: Decoder | None = None,
        reader: Reader | None = None,
        speculation: Speculation | None = None,
    ):
        """slots: texts at once; context: tokens in the longest text; chunk: prompt tokens read between two steps.

        budget: tokens of a step, those that are written first, prompts from the rest (None: the chunk never shrinks).
        tokens: what the cache may hold (None: what all texts can have, if memory allows). store: one of STORES (None:
        rows if all texts can have their whole context, else pages). share: texts that begin alike read that once.
        exact: a text comes out in the same bits alone and in any company, at the price of one pass for each.
        decoder: takes the place of the model when one token of each row is to be read from pages; reader: when prompts are.
        speculation: drafts tokens while few texts are written, so that a pass may give several of each.
        """
        must_write(model.settings)
        if exact and (decoder or reader):
            raise Problem(
                "exact steps pass through the model one text at a time: leave the decoder out, and the reader"
            )
        if exact and speculation:
            raise Problem("exact steps pass through the model one token at a time: leave the draft out")
        if min(slots, chunk, 1 if budget is None else budget) < 1:
            raise Problem(f"slots={slots}, chunk={chunk}, budget={budget}: each must be 1 or more, or nothing goes on")
        self.model, self.slots, self.chunk, self.exact, self.decoder = model, slots, chunk, exact, decoder
        self.reader, self.context, self.speculation = reader, context or model.settings.context, speculation
        self.budget = budget or chunk + slots
        self.device = next(model.parameters()).device
        self.carries = any(getattr(part, "carries", False) for part in model.modules())
        self.piece = max(PAGE, chunk // PAGE * PAGE) if exact else 0  # in which a prompt is read exactly
        share = share and not self.carries  # a state cannot be cut where a page ends
        gathered = exact or decoder is not None or reader is not None
        self.memory = Memory(model, slots, self.context, store, tokens, share, self.piece, gathered)
        self.cache = self.memory.cache
        self.numbers = itertools.count()
        self.waiting = Waiting()
        self.rows: list[Row] = []
        self.ready = self.preempted = 0
        self.new_first = False  # whether a new prompt comes before those that are half read; they take turns

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
        choosing = Choosing.of(request, prompt, vocabulary, self.device)
        row = Row(next(self.numbers), request, prompt, choosing=choosing)
        self.waiting.add(row)
        return row.number

    @torch.inference_mode()
    def cancel(self, number: int) -> bool:
        """Forget a request at once; False if it is not here (any more)."""
        if self.waiting.remove(number):
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

    def counts(self) -> Counts:
        """What goes on here."""
        memory, ledger = self.memory, self.memory.ledger
        pages = ledger.used, ledger.cached, ledger.total
        return Counts(
            len(self.rows), len(self.waiting), self.preempted, *pages, dict(memory.asked), dict(memory.shared)
        )

    @torch.inference_mode()
    def step(self) -> list[Event]:
        """One more token for every text that is being written; then a chunk of prompts is read, which gives their first."""
        self._make_room()
        room = max(1, min(self.chunk, self.budget - self.ready))
        events = self._write()
        if self.exact:
            return events + [event for row in self._next(room) for event in self._read([row], self._part(row))]
        group, time = self._next_to_read(room)
        return events + self._read(group, time) if group else events

    def _make_room(self) -> None:
        """A page for every text whose next token begins one; the oldest first, so that it is never the one to give up."""
        full = [row for row in self.rows[: self.ready] if row.length == len(row.pages) * PAGE]
        for row in sorted(full, key=lambda row: row.number):
            while row.at >= 0 and not self.memory.grow(row):
                self._preempt(max(self.rows, key=lambda row: row.number))

    def _preempt(self, row: Row) -> None:
        """A text gives its memory back and waits to be read again, what it had made included."""
        self._leave(row)
        self.waiting.put_back(row)
        self.preempted += 1

    def _write(self) -> list[Event]:
        rows = self.rows[: self.ready]
        if self.speculation and rows and self.speculation.suits([row.request for row in rows]):
            return self._write_ahead(rows, self.speculation)
        if not self.exact:
            return self._write_together(rows, slice(0, self.ready)) if rows else []
        return [event for row in rows for event in self._write_together([row], [row.at])]

    def _write_together(self, rows: list[Row], places: slice | list[int]) -> list[Event]:
        ids = torch.tensor([row.token for row in rows], device=self.device)
        if self.decoder and isinstance(self.cache, Pages):
            self.cache.stand([row.length for row in rows])
            logits = self.decoder(ids, self.cache, len(rows))
        else:
            lengths = torch.tensor([row.length for row in rows], device=self.device)
            logits = self.model(ids[:, None], lengths[:, None], self.cache.view(places))[:, 0]
        for row in rows:
            row.length += 1
            self.memory.settle(row)
        return self._take(rows, logits)

    def _write_ahead(self, rows: list[Row], speculation: Speculation) -> list[Event]:
        """One pass over drafted tokens: each text goes on by one token or by several."""
        texts = [
            Text(row.number, row.known, row.request.sampling, row.made, self._room(row, speculation.most))
            for row in rows
        ]
        several, logits = speculation.step(texts, lambda places: self.cache.view([rows[place].at for place in places]))
        events = []
        for row, tokens, lines in zip(rows, several, logits, strict=True):
            lines, top = lines[: len(tokens)], row.request.top
            told = log_probabilities(lines, torch.tensor(tokens, device=self.device)).tolist()
            tops = most_likely(lines, top) if top else [[] for _ in tokens]
            for token, logprob, likely in zip(tokens, told, tops, strict=True):
                row.length += 1
                events.append(self._event(row, token, logprob, likely))
                if events[-1].finish:
                    break
            self.memory.settle(row)
        return self._told(events, rows)

    def _room(self, row: Row, most: int) -> int:
        """How many tokens may be drafted for a text: it must not grow too long, and pages for it must be there."""
        room = min(most, row.request.max_tokens - row.made - 1, self.context - row.length - 1)
        while len(row.pages) * PAGE <= row.length + room and self.memory.grow(row):
            continue
        return min(room, len(row.pages) * PAGE - row.length - 1)

    def _next_to_read(self, room: int) -> tuple[list[Row], int]:
        """Prompts of similar length, as many as there is room for, and how many tokens of each; new ones get their memory.

        A model that carries a state must not read what fills a shorter one up: it gets prompts of one length.
        """
        rows = self._unread()
        if not rows:
            return [], 0
        group, time = side_by_side(rows, room, self.context, self._together)
        return [row for row in group if row.at >= 0 or self._admit(row)], time

    def _next(self, room: int) -> list[Row]:
        """The same for exact reading, where a prompt's parts depend on nothing but itself."""
        rows = []
        for row in self._unread():
            room -= self._part(row)
            if rows and room < 0:
                break
            if row.at >= 0 or self._admit(row):
                rows.append(row)
        return rows

    def _part(self, row: Row) -> int:
        """How many tokens are read exactly: of a prompt up to the next border of a piece, of what was made one by one."""
        prompt = len(row.request.ids)
        return min(self.piece - row.length % self.piece, prompt - row.length) if row.length < prompt else 1

    def _unread(self) -> list[Row]:
        """All that may be read now; half read prompts and new ones take turns in going first."""
        reading = sorted(self.rows[self.ready :], key=lambda row: row.number)
        new = self._new(reading)
        if reading and new:
            self.new_first = not self.new_first
        return [*new, *reading] if self.new_first else [*reading, *new]

    def _new(self, reading: list[Row]) -> list[Row]:
        """Waiting requests for which there are rows and pages. One that begins like a text that is being read waits until
        that is done; one for which pages are lacking keeps all behind it waiting, or it would wait for ever."""
        free, available = self.slots - len(self.rows), self.memory.ledger.available
        if not free or not self.waiting:
            return []
        coming = {key for row in reading for key in row.keys[row.length // PAGE :]}
        new: list[Row] = []
        for row in itertools.islice(self.waiting.order(), LOOK * self.slots):
            begun = len(self.memory.begun(row))
            if not coming.isdisjoint(row.keys[begun : self.memory.sharable(row)][:1]):
                continue
            available -= self.memory.price(row)
            if available < 0 or len(new) == free:
                break
            row.length = begun * PAGE
            coming.update(row.keys[begun:])
            new.append(row)
        return new

    def _admit(self, row: Row) -> bool:
        """A waiting request gets its row and pages; False if the pages went to others just now."""
        row.at = len(self.rows)
        if not self.memory.begin(row):
            row.at = -1
            return False
        self.waiting.begin(row)
        self.rows.append(row)
        return True

    def _together(self, first: int, length: int) -> bool:
        """Whether parts of these lengths are read side by side. A state that is carried would go on over what fills the
        shorter one up, so a model that has one reads equal lengths together."""
        return length == first if self.carries else first // 2 < length <= 2 * first

    def _read(self, rows: list[Row], time: int) -> list[Event]:
        """Up to `time` tokens of each prompt; those read to their end get their next token.

        Shorter ones are filled up with zeros: these lie behind the text, where no token looks, and are overwritten.
        """
        parts = [row.known[row.length : row.length + time] for row in rows]
        ids = torch.tensor([part + [0] * (time - len(part)) for part in parts], device=self.device)
        last = torch.tensor([len(part) - 1 for part in parts], device=self.device)
        view = self.cache.view([row.at for row in rows])
        logits = (self.reader or self.model)(ids, self._positions(rows, time), view, last=last)
        for row, part in zip(rows, parts, strict=True):
            row.length += len(part)
            self.memory.settle(row)
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
        return starts[:, None] + torch.arange(time, device=self.device)

    def _take(self, rows: list[Row], logits: Tensor) -> list[Event]:
        """Choose each row's next token from logits (rows, vocabulary); rows that are finished leave."""
        chosen = choose(logits, [row.choosing for row in rows])
        wanted = any(row.request.logprobs for row in rows)
        logprobs = log_probabilities(logits, chosen).tolist() if wanted else [0.0] * len(rows)
        most = max(row.request.top for row in rows)
        tops = most_likely(logits, most) if most else None
        events = []
        for place, (row, token, logprob) in enumerate(zip(rows, chosen.tolist(), logprobs, strict=True)):
            events.append(self._event(row, token, logprob, tops[place][: row.request.top] if tops else []))
        return self._told(events, rows)

    def _event(self, row: Row, token: int, logprob: float, top: list[tuple[int, float]]) -> Event:
        """The text goes on by this token."""
        row.known.append(token)
        row.made += 1
        return Event(row.number, token, logprob, top, self._finish(row, token))

    def _told(self, events: list[Event], rows: list[Row]) -> list[Event]:
        """Texts that are finished leave."""
        finished = {event.request for event in events if event.finish}
        for row in rows:
            if row.number in finished:
                self._leave(row)
        return events

    def _finish(self, row: Row, token: int) -> str | None:
        """Why a row ends with this token, if it does."""
        if token in row.request.stop_ids:
            return "stop"
        row.choosing.take(token)
        if row.choosing.complete:
            return "complete"
        return "length" if row.made == row.request.max_tokens or row.length >= self.context else None

    def _leave(self, row: Row) -> None:
        """Give the row's place to the last one that is written, and that one's to the last one that is read; and all its
        pages back."""
        if self.speculation:
            self.speculation.forget(row.number)
        if row.at < self.ready:
            self.ready -= 1
            self._replace(row, self.rows[self.ready])
        self._replace(row, self.rows[-1])
        self.rows.pop()
        self.memory.leave(row)
        row.at = -1

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
