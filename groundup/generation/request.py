"""What the engine is asked for, and what it tells: a request goes in, an event comes out for every token."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from groundup.generation.choosing import Constraint
from groundup.generation.sample import Sampling

GREEDY = Sampling(temperature=0.0)


@dataclass(frozen=True)
class Request:
    """A text to go on with, and until when."""

    ids: Sequence[int]
    max_tokens: int = 256
    sampling: Sampling = GREEDY
    stop_ids: frozenset[int] = frozenset()
    top: int = 0  # how many of the most likely tokens to tell with each token
    logprobs: bool = True
    min_tokens: int = 0  # before which no stop id may come
    constraint: Constraint | None = None  # the form that the answer must have
    salt: str = ""  # pages that begin a text are shared only between requests of one salt
    user: str = ""  # whose it is: a user's second request waits behind another user's first


@dataclass(frozen=True)
class Event:
    """One more token of a request. With `finish` it is the last: "stop" (the token is a stop id), "length", or "complete"
    (the form that was asked for is full)."""

    request: int
    token: int
    logprob: float = 0.0  # of the token by the model itself, in nats
    top: list[tuple[int, float]] = field(default_factory=list)
    finish: str | None = None


@dataclass(frozen=True)
class Counts:
    """What goes on in an engine, for whoever watches it."""

    running: int  # texts that are read or written
    waiting: int
    preempted: int  # times that a text had to give its pages back, since the engine began
    pages_used: int  # by texts that are read or written
    pages_cached: int  # of texts that are gone, kept for others that may begin alike
    pages_total: int
    asked: dict[str, int]  # tokens of the prompts that were begun, by their salt
    shared: dict[str, int]  # those of them that need not be read, since pages held them
