"""How much of everything the server takes on, so that no client can take more than its share of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Counts, bytes and seconds; what a single request may ask for stands beside its fields in `protocol`."""

    slots: int = 16  # texts of one model that are written at once
    waiting: int = 64  # texts of one model that wait for a slot; the next one is refused
    requests_a_minute: int | None = None  # of one key that says nothing else; None: no end
    tokens_a_minute: int | None = None  # read and made for one key that says nothing else
    header_bytes: int = 16 << 10  # of a request, names and values together
    body_bytes: int = 1 << 20  # of a request
    dropped_bytes: int = 16 << 20  # of a larger one are still read, and forgotten, so that its sender hears why
    connections: int = 512
    header_seconds: float = 10.0  # for the head of a request to arrive
    body_seconds: float = 20.0  # for its body
    idle_seconds: float = 15.0  # between two requests of one connection
    write_seconds: float = 20.0  # that a client may leave a full buffer unread
    ping_seconds: float = 10.0  # of silence in a stream, after which it says that it is alive
    stale_seconds: float = 30.0  # without a step of the engine, after which it counts as stuck
    drain_seconds: float = 30.0  # that answers get to end after SIGTERM
