"""One client's connection: uvicorn's, which waits for ever, with an end to its patience.

A head that trickles in, an answer that nobody takes, more connections than there is room for: each is cut.
(A body that trickles in is the guard's affair, which can still say why.)
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from groundup.serving.limits import Limits


class Connection(H11Protocol):
    """HTTP/1.1 with timeouts."""

    def __init__(self, limits: Limits, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.limits = limits
        self.late: asyncio.TimerHandle | None = None  # cuts when the head of a request takes too long
        self.stuck: asyncio.TimerHandle | None = None  # cuts when the client does not read

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.limits.connections:
            transport.abort()
            return
        self.late = self.loop.call_later(self.limits.header_seconds, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self.late = _stopped(self.late)
        elif self.late is None and not self.transport.is_closing():
            self.late = self.loop.call_later(self.limits.header_seconds, self.transport.abort)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stuck = self.stuck or self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stuck = _stopped(self.stuck)

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()  # closes when all is sent, which may be never
        self.stuck = self.stuck or self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self.late, self.stuck = _stopped(self.late), _stopped(self.stuck)
        super().connection_lost(exc)


def _stopped(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
