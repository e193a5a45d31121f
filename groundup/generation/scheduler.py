"""Who goes next: whose request leaves the queue, and whose prompts are read side by side.

Nothing here touches the model or the memory; the engine asks before each pass.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from groundup.generation.choosing import Choosing
from groundup.generation.request import Request


@dataclass(eq=False)
class Row:
    """A request on its way. A text whose last token alone is unread is being written."""

    number: int
    request: Request
    known: list[int]  # the prompt and what was made so far
    at: int = -1  # row of the cache
    length: int = 0  # tokens in the cache; while it waits, tokens that are there already for others
    made: int = 0
    pages: list[int] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)  # of its full pages
    settled: int = 0  # pages that others may find
    choosing: Choosing = field(default_factory=Choosing)

    @property
    def unread(self) -> int:
        """Tokens that the model has not seen."""
        return len(self.known) - self.length

    @property
    def token(self) -> int:
        """The last one."""
        return self.known[-1]


class Waiting:
    """A queue for each user. Users take turns: in each round one request of everyone who waits, the older ones first.

    A user who comes anew joins the round that is going on: nobody saves turns up, and nobody owes any for long.
    """

    def __init__(self):
        self.queues: dict[str, deque[Row]] = {}
        self.users: dict[int, str] = {}  # of each request that waits
        self.round = 0
        self.next_round: dict[str, int] = {}  # in which a user's oldest request is due; all others: in the present one

    def __len__(self) -> int:
        return len(self.users)

    def add(self, row: Row) -> None:
        """A new request stands at the end of its user's queue."""
        self._queue(row).append(row)

    def put_back(self, row: Row) -> None:
        """A request that had begun stands in front of its user's queue, where all others are younger, and is due at once."""
        self._queue(row).appendleft(row)
        self.next_round[row.request.user] = max(self.next_round[row.request.user] - 1, self.round)

    def _queue(self, row: Row) -> deque[Row]:
        user = row.request.user
        self.users[row.number] = user
        self.next_round.setdefault(user, self.round)
        return self.queues.setdefault(user, deque())

    def remove(self, number: int) -> Row | None:
        """Take a request out of its queue; None if it is in none."""
        user = self.users.pop(number, None)
        if user is None:
            return None
        queue = self.queues[user]
        row = next(row for row in queue if row.number == number)
        queue.remove(row)
        if not queue:
            del self.queues[user]
            if self.next_round[user] <= self.round:
                del self.next_round[user]
        return row

    def begin(self, row: Row) -> None:
        """A request leaves its queue because its turn has come; its user's next one is due a round later."""
        user = row.request.user
        due = self.next_round[user]
        self.remove(row.number)
        self.round = max(self.round, due)
        known = (self.next_round | {user: due + 1}).items()
        self.next_round = {user: due for user, due in known if user in self.queues or due > self.round}

    def order(self) -> Iterator[Row]:
        """The requests in the order in which they should begin."""
        heap = [(self.next_round[user], queue[0].number, 0, user) for user, queue in self.queues.items()]
        heapq.heapify(heap)
        while heap:
            due, _, place, user = heap[0]
            queue = self.queues[user]
            yield queue[place]
            if place + 1 < len(queue):
                heapq.heapreplace(heap, (due + 1, queue[place + 1].number, place + 1, user))
            else:
                heapq.heappop(heap)


def side_by_side(
    rows: Sequence[Row], most: int, context: int, alike: Callable[[int, int], bool]
) -> tuple[list[Row], int]:
    """Which of these texts are read together, the first among them, and how many tokens of each.

    Those whose parts are `alike` in length, as many as `most` tokens allow with what fills the shorter ones up; and
    nobody is filled up beyond the end of the context.
    """
    group, time = [], 0
    first = min(rows[0].unread, most)
    for row in rows:
        part = min(row.unread, most)
        if not alike(first, part):
            continue
        longer = max(time, part)
        furthest = max(each.length for each in (*group, row)) + longer
        if group and (longer * (len(group) + 1) > most or furthest > context):
            break
        time = longer
        group.append(row)
    return group, time
