"""One model that is served: what it is called, prompts as its ids, its own scores of a text, and its worker.

It is replaced, not changed: when new weights come in, what it has begun it ends, and then its memory is free.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from groundup.errors import Problem
from groundup.generation.language_model import LanguageModel
from groundup.generation.sample import log_probabilities, most_likely
from groundup.serving.limits import Limits
from groundup.serving.metrics import Metrics
from groundup.serving.protocol import Message
from groundup.serving.refusal import Refusal, overflow
from groundup.serving.wishes import Forms
from groundup.serving.worker import Token, Worker
from groundup.tokenizer import chat
from groundup.tokenizer.report.trees import Trees
from groundup.tokenizer.stream import Streamer

if TYPE_CHECKING:
    from groundup.serving.house import Order

READ_OUT = 512  # positions whose logits are held at a time


class Served:
    """One model: what it is called, its worker, and the places that its worker has to give."""

    def __init__(self, name: str, lm: LanguageModel, limits: Limits, metrics: Metrics):
        self.name, self.lm, self.limits, self.metrics = name, lm, limits, metrics
        self.created = int(time.time())
        guessed = chat.guessed(lm.tokenizer)
        self.template = lm.template or (None if lm.foreign else guessed)
        self.lead = chat.lead(lm.tokenizer, self.template)
        self.forms = Forms(lm, self.template, self.lead)
        self.stops = frozenset(lm.stop_ids) | frozenset(chat.stop_ids(lm.tokenizer, lm.template or guessed or "plain"))
        self.longest = max(map(len, lm.tokenizer.tokens))
        self.worker = Worker(name, lm, limits.slots)
        self.orders: set[Order] = set()
        self.taken = 0
        self.gone: Callable[[Served], None] | None = (
            None  # told when a model that was replaced has ended its last answer
        )

    def conversation(self, messages: Sequence[Message], tools: Sequence[dict[str, Any]] = ()) -> list[int]:
        """Messages as ids, segment by segment, the reply opened; `tools` that the model is told of."""
        if self.template is None and self.lm.foreign is None:
            raise Refusal(400, f"the model {self.name} has no chat template: use /v1/completions", "no_chat_template")
        plain = [message.plain() for message in messages]
        self._refuse_too_long(sum(message.characters for message in messages) + len(str(tools)))
        if self.template is None and tools:
            raise Refusal(400, f"the chat template of {self.name} has no form for tools here", "no_tools", "tools")
        if self.template is None:
            return self._fitting(self._by_foreign(plain))
        try:
            rendered = chat.render(self.lm.tokenizer, plain, self.template, reply=True, tools=tools)
        except Problem as problem:  # tools without a form, calls that are not JSON
            raise Refusal(400, str(problem), "invalid_value", "tools" if tools else "messages") from None
        return self._fitting(rendered.ids.tolist())

    def _by_foreign(self, messages: list[dict[str, Any]]) -> list[int]:
        """By the template that came with the model, whose words stay here: they are a stranger's."""
        try:
            return self.lm.conversation(messages)
        except Problem:
            raise Refusal(
                400, "the model's chat template cannot write this conversation", "chat_template", "messages"
            ) from None

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

    def written(self, ids: list[int]) -> str:
        """The text of ids, control tokens by their names."""
        lead = self.lm.tokenizer.kind.lead.encode()
        return b"".join(map(self.bytes_of, ids)).removeprefix(lead).decode(errors="replace")

    def said(self, token: int) -> bytes:
        """What a token adds to an answer that goes on past its end: control tokens add nothing."""
        return b"" if token in self.lm.tokenizer.specials.values() else self.bytes_of(token)

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
            "chat": self.template is not None or self.lm.foreign is not None,
        }

    def leave(self, gone: "Callable[[Served], None]") -> None:
        """Take nothing new; when the last answer has ended the thread ends, too, and `gone` is told."""
        self.gone = gone
        self.over()

    def over(self) -> None:
        """Whether it is time to go, asked whenever an order is closed."""
        if self.gone and not self.orders:
            self.worker.retire()
            self.gone(self)
            self.gone = None
