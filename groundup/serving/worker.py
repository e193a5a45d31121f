"""The one thread that owns a model: it hears what is asked, lets the engine take a step, and hands out text.

Everything reaches it through its inbox and leaves it through the `deliver` of a Writing; nobody else touches the engine.
"""

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from groundup.errors import Problem
from groundup.generation.engine import Engine, Event, Request
from groundup.generation.language_model import LanguageModel
from groundup.generation.speculation.speculation import Speculation, Tally
from groundup.generation.utterance import Utterance

log = logging.getLogger("groundup.serving")
BEAT = 0.5  # seconds that an idle worker sleeps before it shows that it is alive
TOO_OFTEN = 3  # failures one after another, after which a worker does not count as ready


@dataclass(frozen=True)
class Token:
    """A token as the client hears of it; `start` is where it begins in the text, in characters."""

    id: int
    logprob: float | None
    top: list[tuple[int, float]]
    start: int


@dataclass(frozen=True)
class Piece:
    """Some more of one answer: text, the tokens it is made of, and at the end why it ended: stop, length or error."""

    choice: int
    text: str
    tokens: list[Token]
    made: int  # tokens so far, the one that ended the answer included
    finish: str | None = None


class Writing:
    """One answer on its way from tokens to text. Tokens are told with the text they make, so what a stop string cuts
    off takes its tokens with it; `tells_end` also tells the control token at which the model ended."""

    def __init__(
        self, choice: int, request: Request, utterance: Utterance, deliver: Callable[[Piece], None], tells_end: bool
    ):
        self.choice, self.request, self.utterance = choice, request, utterance
        self.deliver, self.tells_end = deliver, tells_end
        self.number: int | None = None
        self.untold: deque[Token] = deque()
        self.told = self.made = 0  # characters, tokens

    def hear(self, event: Event) -> str | None:
        """Take the engine's next token; why the answer ends with it, if it does."""
        self.made += 1
        end = event.finish == "stop"
        text = ""
        if not end or self.tells_end:
            self.untold.append(Token(event.token, event.logprob, event.top, self.told + len(self.utterance.held)))
        if not end:
            text = self.utterance.push(event.token)
        finish = "stop" if self.utterance.stopped or event.finish == "complete" else event.finish
        if finish:
            text += self.utterance.flush()
        if text or finish:
            self.deliver(Piece(self.choice, text, self._tokens(text, bool(finish)), self.made, finish))
        return finish

    def _tokens(self, text: str, last: bool) -> list[Token]:
        """Those that begin in the text told so far; at the end the rest, unless a stop string has cut it off."""
        self.told += len(text)
        told = []
        while self.untold and (self.untold[0].start < self.told or (last and not self.utterance.stopped)):
            told.append(self.untold.popleft())
        return told

    def fail(self) -> None:
        """Tell the client that nothing more will come."""
        self.deliver(Piece(self.choice, "", [], self.made, "error"))


class Chore(Protocol):
    """Work of several passes that is no text of the engine's, taken one pass at a time."""

    beams: int

    def advance(self) -> bool:
        """One more pass; whether there is more to do."""
        ...

    def fail(self) -> None:
        """It broke and will not be finished."""
        ...


class Worker(threading.Thread):
    """Owns the engine of one model."""

    def __init__(self, name: str, lm: LanguageModel, slots: int):
        super().__init__(name=f"engine-{name}", daemon=True)
        self.lm, self.slots, self.tally = lm, slots, Tally()
        self.engine = self._new_engine()
        self.inbox: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()
        self.writings: dict[int, Writing] = {}
        self.chores: deque[Chore] = deque()
        self.closed, self.failures = False, 0
        self.last = time.monotonic()

    def _new_engine(self) -> Engine:
        """An engine with nothing to do. Conversations go on where they were, and many begin alike: that is read once."""
        lm, way = self.lm, {"decoder": self.lm.decoder, "reader": self.lm.reader}
        return Engine(lm.model, self.slots, lm.context, share=True, speculation=self._ahead(), **way)

    def _ahead(self) -> Speculation | None:
        """What drafts, if anything does. A seed gives the same text with and without it, and so in any company."""
        if self.lm.draft is None:
            return None
        ahead = self.lm.speculation(self.lm.draft, rule="same")
        ahead.tally = self.tally
        return ahead

    def begin(self, writing: Writing) -> None:
        """Queue an answer."""
        self.inbox.put(partial(self._begin, writing))

    def cancel(self, writing: Writing) -> None:
        """Forget an answer: its slot is free before the next step."""
        self.inbox.put(partial(self._cancel, writing))

    def take(self, chore: Chore) -> None:
        """Queue a chore; several of them take turns."""
        self.inbox.put(partial(self.chores.append, chore))

    def call(self, function: Callable[[], Any]) -> "Future[Any]":
        """Let the thread that owns the model do something between two steps."""
        future: Future[Any] = Future()
        self.inbox.put(partial(self._call, function, future))
        return future

    def close(self, seconds: float = 5.0) -> None:
        """End the thread after its present step."""
        self.closed = True
        if self.is_alive():
            self.inbox.put(lambda: None)
            self.join(seconds)

    def retire(self) -> None:
        """Let the thread end by itself after its present step; nobody waits for it."""
        self.closed = True
        self.inbox.put(lambda: None)

    def ready(self, stale_seconds: float) -> bool:
        """Whether it is alive and has shown it of late."""
        return self.is_alive() and time.monotonic() - self.last < stale_seconds and self.failures < TOO_OFTEN

    @property
    def running(self) -> int:
        """Texts that are being written, and beams that are being searched."""
        return len(self.engine.rows) + sum(chore.beams for chore in list(self.chores))

    @property
    def waiting(self) -> int:
        """Texts that wait for one."""
        return len(self.engine.waiting)

    @property
    def cache_share(self) -> float:
        """How much of the memory for texts is in use, from 0 to 1."""
        return sum(row.length for row in list(self.engine.rows)) / (self.slots * self.lm.context)

    def run(self) -> None:
        """Until closed: hear everything that was said, then take one step for all texts, and one of a chore."""
        while not self.closed:
            self._hear()
            if not self.engine.idle:
                self._step()
            if self.chores:
                self._do(self.chores[0])
            self.last = time.monotonic()

    def _hear(self) -> None:
        try:
            self.inbox.get(timeout=BEAT if self.engine.idle and not self.chores else 0)()
            while True:
                self.inbox.get_nowait()()
        except queue.Empty:
            return

    def _step(self) -> None:
        try:
            for event in self.engine.step():
                writing = self.writings[event.request]
                if writing.hear(event):
                    del self.writings[event.request]
                    self.engine.cancel(event.request)  # a stop string ends a text that the engine would go on with
            self.failures = 0
        except Exception as error:  # one bad step must not take the server along
            self._recover(error)

    def _do(self, chore: Chore) -> None:
        try:
            if chore.advance():
                self.chores.rotate(-1)
                return
        except Exception as error:  # nor one bad search
            log.error("%s: a search failed (%s); it is given up", self.name, _where(error))
            chore.fail()
        self.chores.remove(chore)

    def _recover(self, error: Exception) -> None:
        self.failures += 1
        log.error("%s: a step failed (%s); its texts are given up", self.name, _where(error))
        lost, self.writings = self.writings, {}
        self.engine = self._new_engine()
        for writing in lost.values():
            writing.fail()

    def _begin(self, writing: Writing) -> None:
        try:
            writing.number = self.engine.add(writing.request)
            self.writings[writing.number] = writing
        except Problem:  # what can be wrong was looked at before; nobody may wait for ever all the same
            writing.fail()

    def _cancel(self, writing: Writing) -> None:
        if writing.number is not None and self.writings.pop(writing.number, None):
            self.engine.cancel(writing.number)

    def _call(self, function: Callable[[], Any], future: "Future[Any]") -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(function())
        except Exception as error:
            future.set_exception(error)


def _where(error: Exception) -> str:
    """What went wrong and in which line, without what anybody wrote."""
    trace, where = error.__traceback__, ""
    while trace:
        where, trace = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}", trace.tb_next
    return f"{type(error).__name__} in {where}"
