"""Answers as OpenAI writes them: pieces of text become chunks of a stream, or are gathered into one object."""

import secrets
import time
from typing import Any

from groundup.serving.calling import Caller, message_of
from groundup.serving.house import Order
from groundup.serving.worker import Piece, Token
from groundup.tokenizer.templates import ToolForm

LOWEST = -9999.0  # what stands for a probability of zero, as JSON has no infinity


class Form:
    """What the two kinds have in common; a form is made for one order."""

    prefix, kind, chunk_kind = "", "", ""

    def __init__(self, order: Order):
        self.order, self.top = order, order.asked.top  # type: ignore[attr-defined]
        self.id, self.created = f"{self.prefix}-{secrets.token_hex(12)}", int(time.time())

    def head(self, kind: str) -> dict[str, Any]:
        """What every object begins with."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.order.model.name}

    def opening(self) -> list[dict[str, Any]]:
        """The first chunks of a stream, before anything is made."""
        return []

    def chunks(self, piece: Piece) -> list[dict[str, Any]]:
        """A piece as chunks; none if there is nothing to tell yet."""
        made = []
        if piece.text or (piece.tokens and self.top is not None):
            made.append(self.chunk(piece.choice, self.part(piece.choice, piece.text, piece.tokens), None))
        if piece.finish:
            made.append(self.chunk(piece.choice, self.part(piece.choice, "", []), piece.finish))
        return made

    def chunk(self, choice: int, part: dict[str, Any], finish: str | None) -> dict[str, Any]:
        """One choice in one chunk."""
        return {**self.head(self.chunk_kind), "choices": [{"index": choice, **part, "finish_reason": finish}]}

    def usage_chunk(self) -> dict[str, Any]:
        """The last chunk of a stream that was asked for it."""
        return {**self.head(self.chunk_kind), "choices": [], "usage": self.order.usage()}

    def whole(
        self, texts: list[str], tokens: list[list[Token]], finishes: list[str], told: list[int]
    ) -> dict[str, Any]:
        """Everything at once; `told`: which of the answers that were made, in order."""
        choices = [
            {"index": index, **self.said(made, texts[made], tokens[made]), "finish_reason": finishes[made]}
            for index, made in enumerate(told)
        ]
        return {**self.head(self.kind), "choices": choices, "usage": self.order.usage()}

    def part(self, choice: int, text: str, tokens: list[Token]) -> dict[str, Any]:
        """Some text of a choice within a chunk."""
        raise NotImplementedError

    def said(self, choice: int, text: str, tokens: list[Token]) -> dict[str, Any]:
        """The text of a choice within the whole."""
        raise NotImplementedError

    def name(self, token: int) -> str:
        """A token's own bytes as text."""
        return self.order.model.bytes_of(token).decode(errors="replace")


class ChatForm(Form):
    """/v1/chat/completions."""

    prefix, kind, chunk_kind = "chatcmpl", "chat.completion", "chat.completion.chunk"

    def __init__(self, order: Order, tools: ToolForm | None = None):
        """tools: how calls are written in the answer, where there can be any."""
        super().__init__(order)
        self.tools = tools
        self.callers = [Caller(tools) for _ in range(order.count)] if tools else []

    def chunks(self, piece: Piece) -> list[dict[str, Any]]:
        if not self.callers:
            return super().chunks(piece)
        caller = self.callers[piece.choice]
        deltas = caller.push(piece.text) + (caller.flush() if piece.finish else [])
        if piece.tokens and self.top is not None and not deltas:
            deltas = [{}]  # tokens of text that is held back, or of a call's frame
        told = [self._logprobs(piece.tokens), *[None] * len(deltas)]
        made = [
            self.chunk(piece.choice, {"delta": delta, "logprobs": logprobs}, None)
            for delta, logprobs in zip(deltas, told, strict=False)
        ]
        if piece.finish:
            finish = ended(piece.finish, caller.calls)
            made.append(self.chunk(piece.choice, {"delta": {}, "logprobs": None}, finish))
        return made

    def whole(
        self, texts: list[str], tokens: list[list[Token]], finishes: list[str], told: list[int]
    ) -> dict[str, Any]:
        answer = super().whole(texts, tokens, finishes, told)
        for choice, made in zip(answer["choices"], told, strict=True):
            if self.tools:
                choice["message"], calls = message_of(self.tools, texts[made])
                choice["finish_reason"] = ended(choice["finish_reason"], calls)
        return answer

    def opening(self) -> list[dict[str, Any]]:
        first = {"delta": {"role": "assistant", "content": ""}, "logprobs": None}
        return [self.chunk(choice, first, None) for choice in range(self.order.count)]

    def part(self, choice: int, text: str, tokens: list[Token]) -> dict[str, Any]:
        told = bool(text or tokens)
        return {"delta": {"content": text} if told else {}, "logprobs": self._logprobs(tokens) if told else None}

    def said(self, choice: int, text: str, tokens: list[Token]) -> dict[str, Any]:
        return {"message": {"role": "assistant", "content": text}, "logprobs": self._logprobs(tokens)}

    def _logprobs(self, tokens: list[Token]) -> dict[str, Any] | None:
        if self.top is None:
            return None
        content = [
            {
                **self._entry(token.id, token.logprob),
                "top_logprobs": [self._entry(other, logprob) for other, logprob in token.top],
            }
            for token in tokens
        ]
        return {"content": content, "refusal": None}

    def _entry(self, token: int, logprob: float | None) -> dict[str, Any]:
        data = self.order.model.bytes_of(token)
        return {"token": data.decode(errors="replace"), "logprob": finite(logprob), "bytes": list(data)}


class CompletionForm(Form):
    """/v1/completions; with `echo` each text begins with its prompt, and so do its log-probabilities."""

    prefix, kind, chunk_kind = "cmpl", "text_completion", "text_completion"

    def __init__(self, order: Order):
        super().__init__(order)
        self.echoes: list[tuple[str, list[Token]]] = [("", [])] * order.count  # of each choice: prompt and its tokens

    def opening(self) -> list[dict[str, Any]]:
        return [
            self.chunk(choice, {"text": text, "logprobs": self._logprobs(tokens, 0)}, None)
            for choice, (text, tokens) in enumerate(self.echoes)
            if text or tokens
        ]

    def part(self, choice: int, text: str, tokens: list[Token]) -> dict[str, Any]:
        told = bool(text or tokens)
        return {"text": text, "logprobs": self._logprobs(tokens, len(self.echoes[choice][0])) if told else None}

    def said(self, choice: int, text: str, tokens: list[Token]) -> dict[str, Any]:
        echo, before = self.echoes[choice]
        logprobs, more = self._logprobs(before, 0), self._logprobs(tokens, len(echo))
        if logprobs is not None and more is not None:
            logprobs = {key: logprobs[key] + more[key] for key in logprobs}
        return {"text": echo + text, "logprobs": logprobs}

    def _logprobs(self, tokens: list[Token], before: int) -> dict[str, list] | None:
        if self.top is None:
            return None
        return {
            "tokens": [self.name(token.id) for token in tokens],
            "token_logprobs": [None if token.logprob is None else finite(token.logprob) for token in tokens],
            "top_logprobs": [
                {self.name(other): finite(logprob) for other, logprob in reversed(token.top)} or None
                for token in tokens
            ],
            "text_offset": [before + token.start for token in tokens],
        }


def ended(finish: str, calls: int) -> str:
    """Why an answer with so many calls ended."""
    return "tool_calls" if calls and finish == "stop" else finish


def finite(logprob: float | None) -> float:
    """A log-probability that JSON can hold."""
    return min(logprob, 0.0) if logprob is not None and logprob > LOWEST else LOWEST
