"""The door of the dashboard: only reading, only under its own name, and from elsewhere only with the key.

A page of another site can make a browser ask any address, also one of this machine under a name that it owns; whoever
does not call us by our own name is turned away.
"""

import base64
import hmac
import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
OURS = frozenset({"127.0.0.1", "localhost", "[::1]"})
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = [
    (b"content-security-policy", POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
]


class Door:
    """ASGI middleware around the whole application."""

    def __init__(self, app: Any, key: str | None = None, hosts: frozenset[str] = frozenset()):
        self.app, self.key, self.hosts = app, key, OURS | hosts

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        status, words = self._refusal(scope, dict(scope["headers"]))
        if not status:
            return await self.app(scope, receive, tell)
        headers = [(b"content-type", b"application/json")]
        if status == 401:
            headers.append((b"www-authenticate", b'Basic realm="groundup dashboard"'))
        await tell({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps({"error": words}).encode()})

    def _refusal(self, scope: Message, headers: dict[bytes, bytes]) -> tuple[int, str]:
        if scope["method"] not in ("GET", "HEAD"):
            return 405, "the dashboard only reads"
        name = headers.get(b"host", b"").decode("latin-1").lower()
        name = name.rsplit(":", 1)[0] if not name.endswith("]") else name
        if not self.key and name not in self.hosts:
            return 403, "the dashboard is not called that: use the address that it printed"
        if self.key and not self._holds_key(headers.get(b"authorization", b"")):
            return 401, "the key is missing or wrong: give it as the password, the name does not matter"
        return 0, ""

    def _holds_key(self, told: bytes) -> bool:
        """The password that a browser asks for; compared in constant time."""
        kind, _, value = told.partition(b" ")
        if kind.lower() != b"basic":
            return False
        try:
            given = base64.b64decode(value.strip(), validate=True).partition(b":")[2]
        except ValueError:
            return False
        return hmac.compare_digest(given, (self.key or "").encode())
