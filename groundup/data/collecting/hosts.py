"""Who is asked when: each host has its own line of addresses, one of them at a time, and a pause after each.

However many connections there are, no host ever sees more than one of them. Hosts that may be asked stand in a heap by the
moment from which they may.
"""

import asyncio
import heapq
import time
from collections import deque
from dataclasses import dataclass, field

from groundup.data.collecting.address import Refused
from groundup.data.collecting.robots import Rules


@dataclass
class Wish:
    """An address to be visited: how far from the list it was found, how often it was redirected, how often tried."""

    url: str
    depth: int = 0
    hops: int = 0
    is_list: bool = False
    nested: int = 0  # lists that led here
    tries: int = 0


@dataclass
class Host:
    """One host: what waits for it, from when it may be asked, and what it said about being asked."""

    name: str
    wishes: deque[Wish] = field(default_factory=deque)
    due: float = 0.0
    rules: dict[str, Rules] = field(default_factory=dict)  # origin -> what its robots.txt says
    tries: dict[str, int] = field(default_factory=dict)  # origin -> how often its robots.txt was asked for in vain
    refused: Refused | None = None  # why nobody asks it anything
    silent: int = 0  # addresses in a row that nobody answered at
    busy: bool = False

    def pause(self, seconds: float) -> None:
        """Leave it alone for so long."""
        self.due = max(self.due, time.monotonic() + seconds)


class Hosts:
    """All hosts, and the order in which they come."""

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.busy = 0
        self._heap: list[tuple[float, int, Host]] = []
        self._turn = 0
        self._changed = asyncio.Event()

    @property
    def waiting(self) -> int:
        """Addresses that nobody has visited yet."""
        return sum(len(host.wishes) for host in self.hosts.values())

    def add(self, name: str, wish: Wish) -> None:
        """Put an address at the end of its host's line."""
        host = self.hosts.setdefault(name, Host(name))
        host.wishes.append(wish)
        if len(host.wishes) == 1 and not host.busy:
            self._push(host)

    async def take(self, room: "Room") -> tuple[Host, Wish] | None:
        """The next host that may be asked, and its first address; None once there is nothing left to do."""
        while True:
            if not room(self.busy):
                if not self.busy:
                    return None
                await self._wait(None)
            elif self._heap:
                wait = self._heap[0][0] - time.monotonic()
                if wait <= 0:
                    return self._pop()
                await self._wait(wait)
            elif self.busy:
                await self._wait(None)
            else:
                return None

    def give(self, host: Host) -> None:
        """A host that was taken may be asked again, when its pause is over."""
        host.busy, self.busy = False, self.busy - 1
        if host.wishes:
            self._push(host)
        self._changed.set()

    def _pop(self) -> tuple[Host, Wish]:
        host = heapq.heappop(self._heap)[2]
        host.busy, self.busy = True, self.busy + 1
        return host, host.wishes.popleft()

    def _push(self, host: Host) -> None:
        self._turn += 1
        heapq.heappush(self._heap, (host.due, self._turn, host))
        self._changed.set()

    async def _wait(self, seconds: float | None) -> None:
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return


class Room:
    """Whether more may be asked for, when so many are being asked for already."""

    def __init__(self, most: int | None):
        self.most, self.stored = most, 0

    def __call__(self, busy: int) -> bool:
        return self.most is None or self.stored + busy < self.most
