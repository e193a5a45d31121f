"""One answer, timed: when it should have been asked for, when it was, when its first text came and every piece after it.

Seconds count from the start of the whole drive. An answer that is refused, breaks off or takes too long is an outcome like any
other: what went wrong is named, and its times count nowhere.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from groundup.evaluation.load.connection import Answer, Broken, Connections
from groundup.evaluation.load.orders import Order

STOPPED = "stopped"  # by whoever drives, before its end


@dataclass(frozen=True)
class Target:
    """Where requests go, and what all of them have in common."""

    connections: Connections
    model: str | None = None  # None: whichever the server takes
    key: str | None = None
    chat: bool = True
    stream: bool = True
    patience: float = 120.0  # seconds for one answer
    more: dict[str, Any] = field(default_factory=dict)  # further fields of every request

    def body(self, order: Order) -> dict[str, Any]:
        """The whole request."""
        told = {**order.body(self.chat), **({"model": self.model} if self.model else {})}
        if self.stream:
            told |= {"stream": True, "stream_options": {"include_usage": True}}
        return told | self.more


@dataclass
class Outcome:
    """What became of one request; all times are seconds after the start."""

    planned: float
    sent: float = 0.0
    pieces: list[float] = field(default_factory=list)  # when each piece of the text came
    ended: float = 0.0
    prompt_tokens: int = 0
    tokens: int = 0
    error: str | None = None
    said: str = ""  # by the server, of the error

    @property
    def right(self) -> bool:
        """Whether the answer came, and to its end."""
        return self.error is None


class Refused(Exception):
    """The server said no, in words."""

    def __init__(self, kind: str, said: str):
        super().__init__(said)
        self.kind, self.said = kind, said


async def answered(target: Target, order: Order, planned: float, clock: Callable[[], float]) -> Outcome:
    """Ask, read to the end, and say what happened; only being cancelled passes through, with the outcome as `stopped`."""
    outcome = Outcome(planned, sent=clock())
    body = json.dumps(target.body(order)).encode()
    path = "/chat/completions" if target.chat else "/completions"
    try:
        async with asyncio.timeout(target.patience):
            async with target.connections.ask("POST", path, body, target.key) as answer:
                if answer.status != 200:
                    raise refused(answer.status, await answer.whole())
                await (_streamed if target.stream else _whole)(answer, outcome, clock)
    except TimeoutError:
        outcome.error, outcome.said = "too slow", f"no end after {target.patience:g} s"
    except Refused as error:
        outcome.error, outcome.said = error.kind, error.said
    except Broken as error:
        outcome.error, outcome.said = "broken off", str(error)
    except OSError as error:
        outcome.error, outcome.said = "no connection", error.strerror or str(error)
    except asyncio.CancelledError:
        outcome.error = STOPPED
    outcome.ended = clock()
    return outcome


def refused(status: int, body: bytes) -> Refused:
    """A status with the code that the server gives as its reason: 429 server_busy."""
    try:
        told = json.loads(body)
    except ValueError:
        told = {}
    return _reason(str(status), told, body.decode(errors="replace"))


def _reason(kind: str, told: Any, otherwise: str) -> Refused:
    error = told.get("error", told.get("detail")) if isinstance(told, dict) else None
    code = error.get("code") or error.get("type") if isinstance(error, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    return Refused(f"{kind} {code}" if code and str(code) != kind else kind, str(said or otherwise)[:300])


async def _streamed(answer: Answer, outcome: Outcome, clock: Callable[[], float]) -> None:
    """Each piece as it comes, until the server says that it was the last."""
    finished = False
    async for event in events(answer):
        if event == "[DONE]":
            finished = True
            continue
        told = _object(event)
        if "error" in told:
            raise _reason("error within the stream", told, event)
        for choice in told.get("choices") or []:
            if _text(choice):
                outcome.pieces.append(clock())
            finished = finished or bool(choice.get("finish_reason"))
        _count(outcome, told.get("usage"))
    if not finished:
        raise Broken("the stream ended without an end of the answer")
    outcome.tokens = outcome.tokens or len(outcome.pieces)


async def _whole(answer: Answer, outcome: Outcome, clock: Callable[[], float]) -> None:
    """The answer in one piece."""
    told = _object((await answer.whole()).decode(errors="replace"))
    if not told.get("choices"):
        raise Broken("the answer has no choices")
    _count(outcome, told.get("usage"))


async def events(answer: Answer) -> AsyncIterator[str]:
    """The data of server-sent events; comments and other fields are passed over."""
    rest = b""
    async for part in answer.parts():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].decode(errors="replace").strip()


def _object(text: str) -> dict[str, Any]:
    try:
        told = json.loads(text)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise Broken("what came is not JSON")
    return told


def _text(choice: dict[str, Any]) -> bool:
    """Whether a piece brings text, or anything else that the model wrote."""
    delta = choice.get("delta")
    if isinstance(delta, dict):
        return any(delta.get(name) for name in ("content", "reasoning_content", "reasoning", "tool_calls"))
    return bool(choice.get("text"))


def _count(outcome: Outcome, usage: Any) -> None:
    if isinstance(usage, dict):
        outcome.prompt_tokens = int(usage.get("prompt_tokens") or 0)
        outcome.tokens = int(usage.get("completion_tokens") or 0)
