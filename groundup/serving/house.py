"""The models that are served, side by side, and what the whole server knows: who is being answered, whether it is stopping.

A request becomes an Order here: its prompt as ids, its place in the bounded queue, and its answers as one stream of pieces.
"""

import asyncio
import gc
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial

from groundup.errors import Problem
from groundup.generation.choosing import Constraint
from groundup.generation.engine import Request
from groundup.generation.language_model import LanguageModel
from groundup.generation.utterance import Utterance
from groundup.serving.filters import Filters, Sieve
from groundup.serving.keys import Keys
from groundup.serving.limits import Limits
from groundup.serving.metrics import Metrics
from groundup.serving.protocol import Asked
from groundup.serving.refusal import Refusal, busy
from groundup.serving.searching import Searching, passes
from groundup.serving.served import Served
from groundup.serving.visit import Visit
from groundup.serving.wishes import sampling_of
from groundup.serving.worker import Piece, Writing
from groundup.tokenizer.stream import Streamer

COLD = 1.0  # seconds after which the thread of a model that was replaced has surely ended


class Order:
    """The answers to one request, all from one prompt or from several: begun, read and given up together."""

    def __init__(self, house: "House", model: Served, asked: Asked, count: int, visit: Visit):
        self.model, self.asked, self.count, self.visit = model, asked, count, visit
        self.filters, self.holder = house.filters, visit.holder or house.keys.anybody
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[Piece] = asyncio.Queue()
        self.writings: list[Writing] = []
        self.searches: list[Searching] = []
        self.made = [0] * count
        self.unfinished, self.prompt_tokens, self.closed = count, 0, False
        self.ended: set[int] = set()  # answers that nothing more is told of
        self.over: set[int] = set()  # answers whose places were given back, though perhaps not read to their end
        self.began, self.times = time.monotonic(), [0.0] * count  # of each answer's last piece
        visit.model = model.name
        model.orders.add(self)

    def begin(
        self,
        prompts: Sequence[list[int]],
        limit: int | None,
        top: int | None,
        tells_end: bool,
        lead: str = "",
        form: Constraint | None = None,
    ) -> None:
        """Queue every answer: `n` for each prompt, each with its own seed; `lead` is left out where an answer begins with it,
        and `form` is what it is held to."""
        asked, lm = self.asked, self.model.lm
        self.reads(prompts)
        if limit == 0:  # only the prompt is wanted back
            for choice in range(self.count):
                self._arrive(Piece(choice, "", [], 0, "length"))
            return
        if self.asked.use_beam_search:
            return self._search(prompts, lead)
        seed = secrets.randbits(63) if asked.seed is None else asked.seed
        each = self.count // len(prompts)
        for choice in range(self.count):
            ids = prompts[choice // each]
            most = min(limit or lm.context, lm.context - len(ids))
            sampling, stops = sampling_of(asked, seed + (choice % each << 32)), self.model.stops
            request = Request(
                ids,
                most,
                sampling,
                frozenset() if asked.ignore_eos else stops,
                top or 0,
                top is not None or asked.made > asked.told,
                min_tokens=min(asked.min_tokens or 0, most),
                constraint=form,
                salt=self.holder.salt,
                user=self.holder.name,
            )
            self.writings.append(Writing(choice, request, self._utterance(lead), self._deliver, tells_end))
        for writing in self.writings:
            self.model.worker.begin(writing)

    def _search(self, prompts: Sequence[list[int]], lead: str) -> None:
        """Let the worker look for the likeliest answers to each prompt; each beam has a place of its own."""
        asked, model = self.asked, self.model
        for number, ids in enumerate(prompts):
            found = passes(model.lm, asked, ids, model.stops)
            self.searches.append(
                Searching(found, number * asked.made, asked.made, partial(self._utterance, lead), self._deliver)
            )
        for search in self.searches:
            model.worker.take(search)

    def _utterance(self, lead: str) -> Utterance:
        """Turns one answer's tokens into text."""
        said = self.model.said if self.asked.ignore_eos else self.model.bytes_of
        return Utterance(Streamer(said, lead), self.asked.stops)

    def reads(self, prompts: Sequence[list[int]]) -> None:
        """Count the tokens of the prompts, before anything is done with them."""
        self.holder.read(sum(map(len, prompts)))
        self.prompt_tokens = self.visit.prompt_tokens = sum(map(len, prompts))

    def _deliver(self, piece: Piece) -> None:
        """Called in the worker's thread."""
        with suppress(RuntimeError):  # the server has gone
            self.loop.call_soon_threadsafe(self._arrive, piece)

    def _arrive(self, piece: Piece) -> None:
        if self.closed or piece.choice in self.over:
            return
        metrics, name, now = self.model.metrics, self.model.name, time.monotonic()
        made = piece.made - self.made[piece.choice]
        self.made[piece.choice] = piece.made
        self.holder.tokens.take(made)
        if self.visit.first_seconds is None:
            self.visit.first_seconds = now - self.began
            metrics.first_token(name, now - self.began)
        elif self.times[piece.choice]:
            metrics.more_tokens(name, made, now - self.times[piece.choice])
        self.times[piece.choice] = now
        if piece.finish:
            self.over.add(piece.choice)
            self._finished(piece.finish)
        self.queue.put_nowait(piece)

    def _finished(self, why: str, answers: int = 1) -> None:
        """Places are free again."""
        self.unfinished -= answers
        self.model.taken -= answers
        self.visit.finishes.append(why)
        self.model.metrics.finished(self.model.name, why, answers)

    async def pieces(self, ping_seconds: float | None = None) -> AsyncIterator[Piece | None]:
        """Pieces of all answers as they are made and may be read, until the last one has ended; None after each silence."""
        sieves = [Sieve(self.filters) for _ in range(self.count)] if self.filters else []
        while len(self.ended) < self.count:
            try:
                async with asyncio.timeout(ping_seconds):
                    piece = await self.queue.get()
            except TimeoutError:
                yield None
                continue
            if piece.choice in self.ended:
                continue
            if sieves:
                sieved = await sieves[piece.choice].push(piece)
                if sieved.finish == "content_filter" and not piece.finish:
                    self.model.worker.cancel(self.writings[piece.choice])
                    self.over.add(piece.choice)
                    self._finished("content_filter")
                piece = sieved
            if piece.finish:
                self.ended.add(piece.choice)
            yield piece

    def done(self) -> None:
        """All was read that was to be read, and nothing is to be written: for orders that never begin."""
        self._finished("stop", self.unfinished)

    def cut(self) -> None:
        """Give up what is not finished, and say so to whoever reads."""
        for search in self.searches:
            search.given_up = True
            search.fail()
        for writing in self.writings:
            self.model.worker.cancel(writing)
            if writing.choice not in self.ended:
                self._arrive(Piece(writing.choice, "", [], self.made[writing.choice], "error"))

    def close(self) -> None:
        """Give every place back, whatever happened; called once the client has all, or has left."""
        if self.closed:
            return
        for search in self.searches:
            search.given_up = True
        for writing in self.writings:
            self.model.worker.cancel(writing)
        if self.unfinished:
            self._finished("left", self.unfinished)
        self.closed, self.visit.made_tokens = True, sum(self.made)
        self.model.metrics.ended(self.model.name, self.prompt_tokens, sum(self.made), time.monotonic() - self.began)
        self.model.orders.discard(self)
        self.model.over()

    def usage(self) -> dict[str, int]:
        """Tokens read and made."""
        made = sum(self.made)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": made,
            "total_tokens": self.prompt_tokens + made,
        }


class House:
    """All models; the first is the default one. `load` reads a model again from where it lies."""

    def __init__(
        self,
        models: dict[str, LanguageModel],
        limits: Limits,
        keys: Keys | None = None,
        filters: Filters | None = None,
        load: Callable[[str], LanguageModel] | None = None,
    ):
        if not models:
            raise Problem("there is no model to serve: name at least one")
        self.limits, self.metrics = limits, Metrics()
        self.keys, self.filters, self.load = keys or Keys(limits=limits), filters or Filters(), load
        self.models = {name: Served(name, lm, limits, self.metrics) for name, lm in models.items()}
        self.leaving: list[Served] = []  # models that were replaced, and still answer
        self.draining, self.loading = False, False

    def start(self) -> None:
        """Start a worker for each model."""
        for model in self.models.values():
            model.worker.start()

    def close(self) -> None:
        """End the workers."""
        for model in self.everything:
            model.worker.close()

    @property
    def everything(self) -> list[Served]:
        """The models, and those that only end what they have begun."""
        return [*self.models.values(), *self.leaving]

    def model(self, name: str | None) -> Served:
        """By its name; the default one if none was named."""
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise Refusal(
                404, f"there is no model of that name; there are: {', '.join(self.models)}", "model_not_found", "model"
            )
        return self.models[name]

    def order(self, model: Served, asked: Asked, count: int, visit: Visit) -> Order:
        """Take places for so many answers, or refuse at once."""
        places = self.limits.slots + self.limits.waiting
        if count > places:
            raise Refusal(
                400, f"{count} answers were asked for at once, and there are {places} places", "invalid_value", "n"
            )
        if model.taken + count > places:
            raise busy()
        model.taken += count
        return Order(self, model, asked, count, visit)

    async def reload(self, name: str) -> int:
        """Read a model again and let it take over; those it replaces end their answers, whose number comes back."""
        self.model(name)
        if self.load is None:
            raise Refusal(501, "this server was started with models that lie nowhere", "not_reloadable")
        if self.loading:
            raise Refusal(409, "another model is just being loaded: try again when it is", "loading", retry_after="5")
        self.loading = True
        try:
            lm = await asyncio.to_thread(self.load, name)
        finally:
            self.loading = False
        return self.replace(name, lm)

    def replace(self, name: str, lm: LanguageModel) -> int:
        """New requests go to these weights from now on; how many still go on with the old ones."""
        old, new = self.models[name], Served(name, lm, self.limits, self.metrics)
        new.worker.start()
        self.models[name] = new
        self.metrics.loads[name] += 1
        self.leaving.append(old)
        going_on = len(old.orders)
        old.leave(self._gone)
        return going_on

    def _gone(self, old: Served) -> None:
        """The last answer of a model that was replaced has ended: nothing holds its weights any more."""
        self.leaving.remove(old)
        asyncio.get_running_loop().call_later(COLD, gc.collect)

    @property
    def answering(self) -> int:
        """Requests whose answers are not finished."""
        return sum(len(model.orders) for model in self.everything)

    def cut(self) -> None:
        """Give up every unfinished answer."""
        for model in self.everything:
            for order in list(model.orders):
                order.cut()

    def state(self) -> str:
        """ready, or why not."""
        if self.draining:
            return "stopping"
        stuck = [model for model in self.models.values() if not model.worker.ready(self.limits.stale_seconds)]
        return "stuck" if stuck else "ready"

    def counts(self) -> str:
        """Everything that is counted, for Prometheus."""
        gauges = {
            name: {"running": 0.0, "waiting": 0.0, "cache": 0.0, "proposed": 0, "accepted": 0} for name in self.models
        }
        for model in self.everything:
            worker, gauge = model.worker, gauges[model.name]
            gauge["running"] += worker.running
            gauge["waiting"] += worker.waiting
            gauge["cache"] = max(gauge["cache"], worker.cache_share)
            gauge["proposed"] += worker.tally.proposed
            gauge["accepted"] += worker.tally.accepted
        return self.metrics.text(gauges)
