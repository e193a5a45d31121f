"""The door of the server: who may come in, how much they may bring, and in which words they are turned away.

It stands before every route, those of later rooms included: what is not named as open needs the key.
"""

import asyncio
import base64
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from groundup.serving.house import House
from groundup.serving.refusal import Refusal, draining, failed

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
OPEN = ("/health", "/ready")  # for whoever starts, stops and watches the server
WHILE_STOPPING = (*OPEN, "/metrics")
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
log = logging.getLogger("groundup.serving")


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: Any, house: House, key: str | None = None):
        self.app, self.house, self.limits = app, house, house.limits
        self.key = key.encode() if key else None

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        answer = Answering(send)
        try:
            headers = dict(scope["headers"])
            self._may_enter(scope, headers)
            body = await self._body(headers, receive)
            await self.app(scope, replayed(body, receive), answer.send)
        except Refusal as refusal:
            await self._turn_away(refusal, answer)
        except Exception as error:
            self._note(error)
            await self._turn_away(failed(), answer)

    def _may_enter(self, scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self.limits.header_bytes:
            raise Refusal(431, "the headers of the request are too large", "headers_too_large", connection="close")
        path = scope["path"]
        if self.key and path not in OPEN and not self._holds_key(headers.get(b"authorization", b"")):
            raise Refusal(
                401, "the API key is missing or wrong", "invalid_api_key", www_authenticate='Basic realm="groundup"'
            )
        if headers.get(b"sec-fetch-site") == b"cross-site" and scope["method"] != "GET":
            raise Refusal(403, "pages of other sites may not use this server", "cross_site")
        if self.house.draining and path not in WHILE_STOPPING:
            raise draining()

    def _holds_key(self, told: bytes) -> bool:
        """As a bearer, or as the password that a browser asks for; compared in constant time."""
        kind, _, value = told.partition(b" ")
        given = value.strip()
        if kind.lower() == b"basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except ValueError:
                return False
        elif kind.lower() != b"bearer":
            return False
        return hmac.compare_digest(given, self.key or b"")

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """The whole body, if it is small and comes in time."""
        limit, length = self.limits.body_bytes, headers.get(b"content-length", b"0")
        refusal = Refusal(413, f"the body of a request may have {limit} bytes", "body_too_large", connection="close")
        if length.isdigit() and int(length[:20]) > self.limits.dropped_bytes:
            raise refusal
        body, seen = bytearray(), 0
        try:
            async with asyncio.timeout(self.limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Refusal(400, "the connection ended before the request did")
                    part = message.get("body", b"")
                    seen += len(part)
                    if seen <= limit:
                        body += part
                    if seen > self.limits.dropped_bytes:
                        raise refusal
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            raise Refusal(
                408, "the body of the request did not arrive in time", "timeout", connection="close"
            ) from None
        if seen > limit:
            raise refusal
        return bytes(body)

    async def _turn_away(self, refusal: Refusal, answer: "Answering") -> None:
        self.house.metrics.refused[refusal.status] += 1
        if answer.started:  # too late for a status; the cut connection says it
            raise ConnectionError("the answer broke off")
        body = json.dumps(refusal.body()).encode()
        told = {"content-type": "application/json", "content-length": str(len(body)), **refusal.headers}
        headers = [(name.encode(), value.encode()) for name, value in told.items()]
        await answer.send({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await answer.send({"type": "http.response.body", "body": body})

    def _note(self, error: Exception) -> None:
        """What broke and where, without the words of who asked."""
        trace, where = error.__traceback__, ""
        while trace:
            where, trace = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}", trace.tb_next
        log.error("a request failed: %s at %s", type(error).__name__, where)


class Answering:
    """Sends an answer, adds what all answers have, and knows whether it has begun."""

    def __init__(self, send: Send):
        self.out, self.started = send, False

    async def send(self, message: Message) -> None:
        """To the client."""
        if message["type"] == "http.response.start":
            self.started = True
            told = {name.lower() for name, _ in message.get("headers", ())}
            more = [header for header in HEADERS if header[0] not in told]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await self.out(message)


def replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more, in one piece; after it what really comes, which is the client's leaving."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again
