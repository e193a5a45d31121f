"""The models that are served, side by side, and what the whole server knows: who is being answered, whether it is stopping.

A request becomes an Order here: its prompt as ids, its place in the bounded queue, and its answers as one stream of pieces.
"""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import cached_property
from typing import Any

import torch

from groundup.errors import Problem
from groundup.generation.engine import Request
from groundup.generation.language_model import LanguageModel
from groundup.generation.reading import Reading
from groundup.generation.sample import Sampling, log_probabilities, most_likely
from groundup.serving.limits import Limits
from groundup.serving.metrics import Metrics
from groundup.serving.protocol import Asked, Message
from groundup.serving.refusal import Refusal, busy, overflow
from groundup.serving.worker import Piece, Token, Worker, Writing
from groundup.tokenizer import chat
from groundup.tokenizer.report.trees import Trees
from groundup.tokenizer.stream import Streamer

READ_OUT = 512  # positions whose logits are held at a time


class Served:
    """One model: what it is called, its worker, and the places that its worker has to give."""

    def __init__(self, name: str, lm: LanguageModel, limits: Limits, metrics: Metrics):
        self.name, self.lm, self.limits, self.metrics = name, lm, limits, metrics
        self.created = int(time.time())
        self.template = lm.template or chat.guessed(lm.tokenizer)
        self.lead = chat.lead(lm.tokenizer, self.template)
        self.stops = frozenset(lm.stop_ids) | frozenset(chat.stop_ids(lm.tokenizer, self.template or "plain"))
        self.longest = max(map(len, lm.tokenizer.tokens))
        self.worker = Worker(name, lm, limits.slots)
        self.orders: set[Order] = set()
        self.taken = 0

    def conversation(self, messages: Sequence[Message]) -> list[int]:
        """Messages as ids, segment by segment, the reply opened."""
        if self.template is None:
            raise Refusal(400, f"the model {self.name} has no chat template: use /v1/completions", "no_chat_template")
        plain = [message.plain() for message in messages]
        self._refuse_too_long(sum(len(message["content"]) for message in plain))
        return self._fitting(chat.render(self.lm.tokenizer, plain, self.template, reply=True).ids.tolist())

    def text(self, prompt: str | list[int]) -> list[int]:
        """A text as ids after the separator of documents; ids as they are."""
        if isinstance(prompt, str):
            self._refuse_too_long(len(prompt))
            if not (ids := self.lm.ids(prompt)):
                raise Refusal(400, "the prompt is empty: give the model a beginning", "invalid_value", "prompt")
            return self._fitting(ids)
        if max(prompt) >= self.lm.model.settings.vocabulary:
            raise Refusal(400, "the prompt has token ids that this model does not know", "invalid_value", "prompt")
        return self._fitting(prompt)

    def _refuse_too_long(self, characters: int) -> None:
        """Before it is cut into tokens: no token is longer than the longest."""
        if characters > self.lm.context * self.longest:
            raise overflow(None, self.lm.context)

    def _fitting(self, ids: list[int]) -> list[int]:
        if len(ids) >= self.lm.context:
            raise overflow(len(ids), self.lm.context)
        return ids

    def order(self, asked: Asked, count: int) -> "Order":
        """Take places for so many answers, or refuse at once."""
        places = self.limits.slots + self.limits.waiting
        if count > places:
            raise Refusal(
                400, f"{count} answers were asked for at once, and there are {places} places", "invalid_value", "n"
            )
        if self.taken + count > places:
            raise busy()
        self.taken += count
        return Order(self, asked, count)

    def score(self, ids: list[int], top: int) -> "Future[list[Token]]":
        """The prompt's own tokens with their log-probabilities; the first has none."""
        return self.worker.call(lambda: self._score(ids, top))

    @torch.inference_mode()
    def _score(self, ids: list[int], top: int) -> list[Token]:
        model = self.lm.model
        tensor = torch.tensor([ids], device=next(model.parameters()).device)
        hidden = model.hidden(tensor[:, :-1])[0] if len(ids) > 1 else None
        found: list[tuple[float | None, list[tuple[int, float]]]] = [(None, [])]
        if hidden is not None:
            for vectors, chosen in zip(hidden.split(READ_OUT), tensor[0, 1:].split(READ_OUT), strict=True):
                logits = model.head(vectors)
                tops = most_likely(logits, top) if top else [[]] * len(chosen)
                found += zip(log_probabilities(logits, chosen).tolist(), tops, strict=True)
        streamer, start, tokens = Streamer(self.bytes_of), 0, []
        control = set(self.lm.tokenizer.specials.values())
        for token, (logprob, tops) in zip(ids, found, strict=True):
            tokens.append(Token(token, logprob, tops, start))
            start += 0 if token in control else len(streamer.push(token))
        return tokens

    def plain(self, ids: list[int]) -> str:
        """The text of ids without control tokens."""
        control = set(self.lm.tokenizer.specials.values())
        return b"".join(self.bytes_of(token) for token in ids if token not in control).decode(errors="replace")

    def bytes_of(self, token: int) -> bytes:
        """A token's bytes; none for an id that only fills up the model's table."""
        return self.lm.tokenizer.token_bytes(token) if token < self.lm.tokenizer.vocabulary else b""

    @cached_property
    def trees(self) -> Trees:
        """What each token is made of."""
        return Trees(self.lm.tokenizer)

    def about(self) -> dict[str, Any]:
        """The model as /v1/models tells it, with what the chat page wants to know."""
        return {
            "id": self.name,
            "object": "model",
            "created": self.created,
            "owned_by": "groundup",
            "max_model_len": self.lm.context,
            "chat": self.template is not None,
        }


class Order:
    """The answers to one request, all from one prompt or from several: begun, read and given up together."""

    def __init__(self, model: Served, asked: Asked, count: int):
        self.model, self.asked, self.count = model, asked, count
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[Piece] = asyncio.Queue()
        self.writings: list[Writing] = []
        self.made = [0] * count
        self.unfinished, self.prompt_tokens, self.closed = count, 0, False
        self.began, self.first = time.monotonic(), False
        model.orders.add(self)

    def begin(
        self, prompts: Sequence[list[int]], limit: int | None, top: int | None, tells_end: bool, lead: str = ""
    ) -> None:
        """Queue every answer: `n` for each prompt, each with its own seed; `lead` is left out where an answer begins with it."""
        asked, lm = self.asked, self.model.lm
        self.prompt_tokens = sum(map(len, prompts))
        if limit == 0:  # only the prompt is wanted back
            for choice in range(self.count):
                self._arrive(Piece(choice, "", [], 0, "length"))
            return
        seed = secrets.randbits(63) if asked.seed is None else asked.seed
        each = self.count // len(prompts)
        for choice in range(self.count):
            ids = prompts[choice // each]
            most = min(limit or lm.context, lm.context - len(ids))
            request = Request(
                ids, most, self._sampling(seed, choice % each), self.model.stops, top or 0, top is not None
            )
            reading = Reading(Streamer(self.model.bytes_of, lead), asked.stops)
            self.writings.append(Writing(choice, request, reading, self._deliver, tells_end))
        for writing in self.writings:
            self.model.worker.begin(writing)

    def _sampling(self, seed: int, choice: int) -> Sampling:
        asked = self.asked
        temperature = 1.0 if asked.temperature is None else asked.temperature
        top_p = 1.0 if asked.top_p is None else asked.top_p
        return Sampling(temperature, max(asked.top_k or 0, 0), top_p, asked.min_p or 0.0, seed + (choice << 32))

    def _deliver(self, piece: Piece) -> None:
        """Called in the worker's thread."""
        with suppress(RuntimeError):  # the server has gone
            self.loop.call_soon_threadsafe(self._arrive, piece)

    def _arrive(self, piece: Piece) -> None:
        if self.closed:
            return
        if not self.first:
            self.first = True
            self.model.metrics.first_token(self.model.name, time.monotonic() - self.began)
        self.made[piece.choice] = piece.made
        if piece.finish:
            self._give_back(1)
            self.model.metrics.finished(self.model.name, piece.finish)
        self.queue.put_nowait(piece)

    def _give_back(self, places: int) -> None:
        self.unfinished -= places
        self.model.taken -= places

    async def pieces(self, ping_seconds: float | None = None) -> AsyncIterator[Piece | None]:
        """Pieces of all answers as they are made, until the last one has ended; None after each silence."""
        ends = 0
        while ends < self.count:
            try:
                async with asyncio.timeout(ping_seconds):
                    piece = await self.queue.get()
            except TimeoutError:
                yield None
                continue
            ends += piece.finish is not None
            yield piece

    def cut(self) -> None:
        """Give up what is not finished, and say so to whoever reads."""
        for writing in self.writings:
            self.model.worker.cancel(writing)
            self._arrive(Piece(writing.choice, "", [], self.made[writing.choice], "error"))

    def close(self) -> None:
        """Give every place back, whatever happened; called once the client has all, or has left."""
        if self.closed:
            return
        for writing in self.writings:
            self.model.worker.cancel(writing)
        if self.unfinished:
            self.model.metrics.finished(self.model.name, "left", self.unfinished)
        self._give_back(self.unfinished)
        self.closed = True
        self.model.orders.discard(self)
        self.model.metrics.ended(self.model.name, self.prompt_tokens, sum(self.made), time.monotonic() - self.began)

    def usage(self) -> dict[str, int]:
        """Tokens read and made."""
        made = sum(self.made)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": made,
            "total_tokens": self.prompt_tokens + made,
        }


class House:
    """All models; the first is the default one."""

    def __init__(self, models: dict[str, LanguageModel], limits: Limits):
        if not models:
            raise Problem("there is no model to serve: name at least one")
        self.limits, self.metrics = limits, Metrics()
        self.models = {name: Served(name, lm, limits, self.metrics) for name, lm in models.items()}
        self.draining = False

    def start(self) -> None:
        """Start a worker for each model."""
        for model in self.models.values():
            model.worker.start()

    def close(self) -> None:
        """End the workers."""
        for model in self.models.values():
            model.worker.close()

    def model(self, name: str | None) -> Served:
        """By its name; the default one if none was named."""
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            raise Refusal(
                404, f"there is no model of that name; there are: {', '.join(self.models)}", "model_not_found", "model"
            )
        return self.models[name]

    @property
    def answering(self) -> int:
        """Requests whose answers are not finished."""
        return sum(len(model.orders) for model in self.models.values())

    def cut(self) -> None:
        """Give up every unfinished answer."""
        for model in self.models.values():
            for order in list(model.orders):
                order.cut()

    def state(self) -> str:
        """ready, or why not."""
        if self.draining:
            return "stopping"
        stuck = [model for model in self.models.values() if not model.worker.ready(self.limits.stale_seconds)]
        return "stuck" if stuck else "ready"
