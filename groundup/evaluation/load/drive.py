"""Requests at their moments: arrivals at a rate, whether or not the server keeps up, or users who each wait for their answer.

At a rate, an answer's time counts from the moment that was planned for its request. Else a server that stalls would also stall
the asking, and the time that people would have waited meanwhile would be seen by nobody.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from groundup.evaluation.load.answer import Outcome, Target, answered
from groundup.evaluation.load.orders import Order

LOOK_SECONDS = 0.5
COME_BACK_SECONDS = 0.5  # after which a user who was turned away asks again

Look = Callable[["Drive"], None]


@dataclass(frozen=True)
class Load:
    """How hard: a rate of arrivals or a number of users, until so many requests were sent or so many seconds have passed."""

    rate: float | None = None  # requests/s, their moments independent of one another (Poisson)
    users: int = 1  # where there is no rate
    requests: int | None = 100
    seconds: float | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        """As people read it."""
        if self.rate is not None:
            return f"{self.rate:g} requests/s"
        return f"{self.users} user{'s' if self.users > 1 else ''}"


@dataclass
class Drive:
    """What happened so far."""

    load: Load
    outcomes: list[Outcome] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)
    running: int = 0
    stopped: bool = False  # by Ctrl-C
    seconds: float = 0.0  # that it took, once it is over

    def clock(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.began

    async def send(self, target: Target, order: Order, planned: float) -> Outcome:
        """One request; what became of it is kept."""
        self.running += 1
        outcome = await answered(target, order, planned, self.clock)
        self.running -= 1
        self.outcomes.append(outcome)
        return outcome


async def drive(target: Target, orders: Iterator[Order], load: Load, look: Look = lambda drive: None) -> Drive:
    """Send everything and wait for all answers; cancelled, it returns with what there is. `look` is called twice a second."""
    told = Drive(load)
    orders = islice(orders, load.requests)
    sending = asyncio.ensure_future((_arriving if load.rate is not None else _using)(told, target, orders))
    looking = asyncio.ensure_future(_looking(told, look))
    try:
        await asyncio.shield(sending)
    except asyncio.CancelledError:
        told.stopped = True
        sending.cancel()
        await asyncio.wait({sending})
    finally:
        told.seconds = told.clock()
        looking.cancel()
    return told


async def _arriving(told: Drive, target: Target, orders: Iterator[Order]) -> None:
    """Each at its moment, however many are still waiting for their answers."""
    at, chance, seconds = 0.0, random.Random(f"{told.load.seed}/arrivals"), told.load.seconds
    rate = told.load.rate or 1.0
    async with asyncio.TaskGroup() as group:
        for order in orders:
            if seconds is not None and at > seconds:
                return
            await asyncio.sleep(at - told.clock())  # at once if it is late, for it still lets others run
            group.create_task(told.send(target, order, at))
            at += chance.expovariate(rate)


async def _using(told: Drive, target: Target, orders: Iterator[Order]) -> None:
    """Each user asks, reads the answer and asks again."""

    async def user() -> None:
        for order in orders:
            outcome = await told.send(target, order, told.clock())
            if told.stopped or (told.load.seconds is not None and told.clock() > told.load.seconds):
                return
            if not outcome.right:
                await asyncio.sleep(COME_BACK_SECONDS)

    async with asyncio.TaskGroup() as group:
        for _ in range(told.load.users):
            group.create_task(user())


async def _looking(told: Drive, look: Look) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        look(told)
