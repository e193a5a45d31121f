"""The door of the server: who may come in, how much they may bring, and in which words they are turned away.

It stands before every route, those of later rooms included: what is not named as open needs the key.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from groundup.serving.house import House
from groundup.serving.refusal import Refusal, draining, failed
from groundup.serving.visit import Visit, identity, tell

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
OPEN = ("/health", "/ready")  # for whoever starts, stops and watches the server
METRICS = "/metrics"  # behind the key, too, unless the server is told to leave it open
ADMIN = ("/v1/models/load",)  # for keys that say `admin` alone
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
log = logging.getLogger("groundup.serving")


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: Any, house: House, open_metrics: bool = False):
        self.app, self.house, self.limits, self.keys = app, house, house.limits, house.keys
        self.open = (*OPEN, METRICS) if open_metrics else OPEN

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = dict(scope["headers"])
        scope["visit"] = visit = Visit(identity(headers))
        answer = Answering(send, visit.id)
        try:
            self._may_enter(scope, headers, visit)
            body = await self._body(headers, receive)
            await self.app(scope, replayed(body, receive), answer.send)
        except Refusal as refusal:
            await self._turn_away(refusal, answer)
        except Exception as error:
            self._note(error, visit)
            await self._turn_away(failed(), answer)
        finally:
            tell(visit, scope["method"], getattr(scope.get("route"), "path", "nowhere"), answer.status)

    def _may_enter(self, scope: MutableMapping[str, Any], headers: dict[bytes, bytes], visit: Visit) -> None:
        if sum(len(name) + len(value) for name, value in scope["headers"]) > self.limits.header_bytes:
            raise Refusal(431, "the headers of the request are too large", "headers_too_large", connection="close")
        path = scope["path"]
        if path not in self.open:
            visit.holder = self.keys.holder(headers.get(b"authorization", b""))
            if visit.holder is None:
                raise Refusal(
                    401, "the API key is missing or wrong", "invalid_api_key", www_authenticate='Basic realm="groundup"'
                )
        if path in ADMIN and not (visit.holder and visit.holder.admin):
            raise Refusal(403, "this is for a key that says admin, see groundup serve --help", "not_admin")
        if headers.get(b"sec-fetch-site") == b"cross-site" and scope["method"] != "GET":
            raise Refusal(403, "pages of other sites may not use this server", "cross_site")
        if self.house.draining and path not in (*OPEN, METRICS):
            raise draining()
        if visit.holder and scope["method"] == "POST":
            visit.holder.ask()

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

    def _note(self, error: Exception, visit: Visit) -> None:
        """What broke and where, without the words of who asked."""
        trace, where = error.__traceback__, ""
        while trace:
            where, trace = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}", trace.tb_next
        log.error("the request %s failed: %s at %s", visit.id, type(error).__name__, where)


class Answering:
    """Sends an answer, adds what all answers have, and knows whether it has begun."""

    def __init__(self, send: Send, request: str):
        self.out, self.started, self.status = send, False, 0
        self.headers = (*HEADERS, (b"x-request-id", request.encode()))

    async def send(self, message: Message) -> None:
        """To the client."""
        if message["type"] == "http.response.start":
            self.started, self.status = True, message["status"]
            told = {name.lower() for name, _ in message.get("headers", ())}
            more = [header for header in self.headers if header[0] not in told]
            message = {**message, "headers": [*message.get("headers", ()), *more]}
        await self.out(message)


def replayed(body: bytes, receive: Receive) -> Receive:
    """The body once more, in one piece; after it what really comes, which is the client's leaving."""
    left = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return left.pop() if left else await receive()

    return again
