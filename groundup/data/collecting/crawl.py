"""A crawl: addresses go in, pages are put into the archive, and every address is told of in the journal.

What is learnt on the way (redirects, lists within lists, links) joins the line of its host. A crawl that was killed knows
from its journal what it knew then.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from groundup.data.collecting import lists
from groundup.data.collecting.address import place_of
from groundup.data.collecting.archive import Archive, head_of
from groundup.data.collecting.hosts import Host, Hosts, Room, Wish
from groundup.data.collecting.journal import FAILED, LIST, PAGE, STORED, UNCHANGED, Journal, Visit
from groundup.data.collecting.links import links
from groundup.data.collecting.memory import Kept, Memory
from groundup.data.collecting.visiting import Found, Visitor, charset_of
from groundup.data.side_by_side import all_done
from groundup.errors import Problem

HTML = {"text/html", "application/xhtml+xml", ""}
NESTED = 3  # lists that may lead to one another
OFFLINE = 5  # names that nobody knows, before any host has answered: the machine is offline


@dataclass
class Crawl:
    """Everything that a crawl knows while it runs."""

    visitor: Visitor
    memory: Memory
    archive: Archive
    journal: Journal
    depth: int  # links from a listed page that are followed
    room: Room
    hosts: Hosts = field(default_factory=Hosts)
    known: set[str] = field(default_factory=set)
    done: int = 0

    def wish(self, wish: Wish) -> bool:
        """Put an address into its host's line, unless it stood there before."""
        if wish.url in self.known:
            return False
        self.known.add(wish.url)
        self.hosts.add(place_of(wish.url).host, wish)
        return True

    def remember(self, listed: Iterable[Wish]) -> None:
        """The line-up of an attempt: what is listed, and what the journal says was learnt, without what was visited."""
        visited = {visit.url for visit in self.journal.visits}
        self.known |= visited
        self.done = len(visited)
        self.room.stored = sum(visit.outcome in STORED for visit in self.journal.visits)
        for wish in listed:
            self.wish(wish)
        for visit in self.journal.visits:
            self._learn(visit)

    async def run(self, connections: int, stopping: Callable[[], bool], tell: Callable[["Crawl"], None]) -> None:
        """Visit everything; KeyboardInterrupt where somebody asked to stop."""
        await all_done((self._work() for _ in range(connections)), stopping, lambda: tell(self))

    async def _work(self) -> None:
        while taken := await self.hosts.take(self.room):
            host, wish = taken
            try:
                found = await self.visitor.turn(host, wish)
                self._settle(found, host, wish)
            finally:
                self.hosts.give(host)

    def _settle(self, found: Found, host: Host, wish: Wish) -> None:
        """Keep what a turn brought; an address without an outcome is the next of its host."""
        visit = found.visit
        if visit is None:
            host.wishes.appendleft(wish)
            return
        if found.page is not None:
            self._take(found.page, visit, wish, found.fresh)
        self.journal.add(visit)
        self.done += 1
        self._learn(visit, wish.nested)
        self._look_offline()

    def _take(self, page: Kept, visit: Visit, wish: Wish, fresh: bool) -> None:
        if not wish.depth and (wish.is_list or lists.is_xml(page.body)):
            self._read_list(page, visit, wish)
        else:
            self._store(page, visit, UNCHANGED if not fresh else PAGE)
        if fresh:
            self.memory.keep(page)

    def _store(self, page: Kept, visit: Visit, outcome: str) -> None:
        head = head_of(page.status, page.reason, page.lines, len(page.body))
        visit.outcome = outcome
        visit.shard, visit.end = self.archive.add(page.url, page.date, head, page.body)
        self.room.stored += 1
        if visit.depth < self.depth and visit.type in HTML:
            found = links(page.body, charset_of(page.headers), place_of(page.url))
            visit.found = [url for url in found if url not in self.known]

    def _read_list(self, page: Kept, visit: Visit, wish: Wish) -> None:
        try:
            listed = lists.read(page.body, page.url).on_host(place_of(page.url).host)
        except Problem as problem:
            visit.outcome, visit.reason, visit.detail = FAILED, "list", str(problem)
            return
        visit.outcome = LIST
        visit.found = [url for url in listed.pages if url not in self.known]
        visit.lists = listed.lists if wish.nested < NESTED else []

    def _learn(self, visit: Visit, nested: int = 0) -> None:
        """The addresses that a visit told of join the line."""
        deeper = visit.depth + (visit.outcome in STORED)
        for url in visit.found:
            self.wish(Wish(url, deeper))
        for url in visit.lists:
            self.wish(Wish(url, 0, is_list=True, nested=nested + 1))
        if visit.to:
            self.wish(Wish(visit.to, visit.depth, visit.hops + 1))

    def _look_offline(self) -> None:
        if self.visitor.reached:
            return
        refused = [host.refused for host in self.hosts.hosts.values() if host.refused]
        away = [why.detail for why in refused if why.reason == "unresolved"]
        if len(away) >= OFFLINE:
            raise Problem(offline(away[0]))


def offline(detail: str) -> str:
    """What to say where no name can be resolved."""
    return (
        f"no host can be found ({detail}): this machine seems to be offline. Connect it and run the same command again, or "
        "bring pages from elsewhere as WARC files and give them to `groundup corpus`"
    )
