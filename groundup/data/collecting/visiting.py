"""One visit: is it allowed, did the server answer, has the page changed, and is what came a page to keep?

Every hop of a redirect is a visit of its own, so that each is looked at in the same way: its scheme, the addresses behind its
name, its robots.txt.
"""

import random
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from groundup.data.collecting import robots
from groundup.data.collecting.address import Place, Refused, place_of, resolved
from groundup.data.collecting.archive import now
from groundup.data.collecting.hosts import Host, Wish
from groundup.data.collecting.journal import AWAY, FAILED, REDIRECT, REFUSED, Visit
from groundup.data.collecting.memory import Kept, Memory
from groundup.data.collecting.wire import Answer, Broken, Limits, TooMuch, ask

CRAWLER = "groundup"
HOPS = 5
AGAIN = {408, 425, 429, 500, 502, 503, 504}
MOVED = {301, 302, 303, 307, 308}
LISTS = {
    "application/xml",
    "text/xml",
    "application/rss+xml",
    "application/atom+xml",
    "application/gzip",
    "application/x-gzip",
}
LONGEST_DELAY = 60.0  # seconds between two pages: a site that asks for more is not for crawlers
SILENT = 5  # addresses in a row that nobody answered at, after which a host is left alone


@dataclass(frozen=True)
class Manners:
    """How we ask."""

    agent: str
    types: frozenset[str]
    limits: Limits = Limits()
    delay: float = 1.0  # seconds between two pages of a host
    retries: int = 3
    backoff: float = 1.0  # seconds before the first new try
    patience: float = 120.0  # the longest wait that a server may ask for
    private: frozenset[str] = frozenset()  # hosts that need not be public

    @property
    def headers(self) -> dict[str, str]:
        """What every request says."""
        accepted = ", ".join(sorted(self.types)) + ", */*;q=0.1"
        return {"User-Agent": self.agent, "Accept": accepted, "Accept-Encoding": "gzip, deflate"}


@dataclass
class Found:
    """What a turn came to: a visit to be told of, with the page or the list that it brought; or nothing yet."""

    visit: Visit | None = None
    page: Kept | None = None
    fresh: bool = True  # the page was sent, not remembered


@dataclass
class Visitor:
    """Makes visits; knows the manners and what is remembered of earlier ones."""

    manners: Manners
    memory: Memory
    reached: set[str] = field(default_factory=set)  # hosts that answered

    async def turn(self, host: Host, wish: Wish) -> Found:
        """Use a host's turn for an address; without a visit the address has to wait for another turn."""
        place = place_of(wish.url)
        if host.refused is not None:
            return Found(_said_no(wish, host.refused))
        try:
            if place.origin not in host.rules:
                await self._learn(host, place)
                return Found()
            rules = host.rules[place.origin]
            if not rules.allows(place.path):
                raise Refused("robots", "its robots.txt says so")
            if rules.delay > LONGEST_DELAY:
                raise Refused("crawl-delay", f"its robots.txt asks for {rules.delay:g} s between pages")
            return await self._visit(host, place, wish, max(self.manners.delay, rules.delay))
        except Refused as error:
            if error.reason in OF_A_HOST:
                host.refused = error
            return Found(_said_no(wish, error))

    async def _learn(self, host: Host, place: Place) -> None:
        """Ask for robots.txt: what is not there forbids nothing, what cannot be had forbids everything (RFC 9309, 2.3.1)."""
        at, answer, said = Place(place.scheme, place.host, place.port, robots.ITSELF), None, ""
        try:
            for _ in range(HOPS + 1):
                answer = await self._asked(at, {}, lambda answer: answer.status < 300)
                target = answer.headers.get("location", "")
                if answer.status not in MOVED or not target:
                    break
                at = place_of(target, at.url)
        except (Broken, TooMuch, OSError) as error:
            answer, said = None, str(error) or "no answer in time"
        host.pause(self.manners.delay)
        if answer is not None and answer.status < 300:
            host.rules[place.origin] = robots.parse(answer.body, CRAWLER)
        elif answer is not None and answer.status < 500 and answer.status not in AGAIN:
            host.rules[place.origin] = robots.Rules()
        else:
            self._in_vain(host, place, f"status {answer.status}" if answer else said, answer)

    def _in_vain(self, host: Host, place: Place, said: str, answer: Answer | None) -> None:
        tries = host.tries[place.origin] = host.tries.get(place.origin, 0) + 1
        wait = self._wait(place.url, tries, answer)
        if tries <= self.manners.retries and wait <= self.manners.patience:
            host.pause(wait)
            return
        if answer is None:
            raise Refused("unreachable", said)
        host.rules[place.origin] = robots.FORBIDDEN

    async def _visit(self, host: Host, place: Place, wish: Wish, delay: float) -> Found:
        kept = self.memory.find(wish.url)
        asking = kept.asking if kept else {}
        try:
            answer = await self._asked(place, asking, lambda answer: self._wanted(answer, wish))
        except TooMuch as error:
            raise Refused("too large", str(error)) from None
        except (Broken, OSError) as error:
            said = str(error) or f"no end after {self.manners.limits.seconds:g} s"
            return self._again(host, wish, _kind_of(error), said, None)
        finally:
            host.pause(delay)
        host.silent = 0
        if answer.status in AGAIN:
            return self._again(host, wish, f"HTTP {answer.status}", answer.reason, answer)
        if answer.status == 304 and kept is not None:
            return Found(_of(answer, wish, kept), kept, fresh=False)
        return self._judged(answer, wish, place)

    def _judged(self, answer: Answer, wish: Wish, place: Place) -> Found:
        """What an answer that came is worth."""
        if answer.status in MOVED and answer.headers.get("location"):
            return Found(self._moved(answer, wish, place))
        if not 200 <= answer.status < 300 or answer.status == 204:
            raise Refused(f"HTTP {answer.status}", answer.reason)
        if not self._wanted(answer, wish):
            raise Refused("type", type_of(answer.headers) or "none")
        page = Kept(wish.url, now(), answer.status, answer.reason, answer.lines, answer.body)
        return Found(_of(answer, wish, page), page)

    def _moved(self, answer: Answer, wish: Wish, place: Place) -> Visit:
        target = place_of(answer.headers["location"], place.url)  # its scheme is looked at here
        if wish.hops >= HOPS:
            raise Refused("redirects", f"more than {HOPS}, the last to {target.url}")
        if wish.depth and target.host != place.host:
            raise Refused("other host", f"it leads to {target.url}")
        visit = _told(wish, REDIRECT, Refused("", ""))
        visit.status, visit.to = answer.status, target.url
        return visit

    def _wanted(self, answer: Answer, wish: Wish) -> bool:
        kind = type_of(answer.headers)
        known = kind in self.manners.types or not kind or (not wish.depth and kind in LISTS)
        return 200 <= answer.status < 300 and known

    async def _asked(self, place: Place, more: dict[str, str], wanted) -> Answer:
        addresses = await resolved(place, self.manners.private)
        try:
            answer = await ask(place, addresses, self.manners.headers | more, self.manners.limits, wanted)
        except ssl.SSLCertVerificationError as error:
            raise Refused("certificate", error.verify_message) from None
        self.reached.add(place.host)
        return answer

    def _again(self, host: Host, wish: Wish, reason: str, detail: str, answer: Answer | None) -> Found:
        """Try later, as often as manners allow; a host that does not answer at all is left alone in the end."""
        wish.tries += 1
        wait = self._wait(wish.url, wish.tries, answer)
        if wish.tries <= self.manners.retries and wait <= self.manners.patience:
            host.pause(wait)
            return Found()
        host.silent += answer is None
        if host.silent >= SILENT:
            host.refused = Refused("unreachable", f"nobody answered at {SILENT} addresses in a row")
        if wait > self.manners.patience:
            detail = f"asks to wait {wait:.0f} s"
        return Found(_told(wish, FAILED, Refused(reason, detail), answer.status if answer else 0))

    def _wait(self, url: str, tries: int, answer: Answer | None) -> float:
        """Twice as long each time, a little more or less so that many do not come back at once; as long as was asked for."""
        wait = self.manners.backoff * 2 ** (tries - 1) * (1 + random.Random(f"{url}/{tries}").random() / 2)
        return max(wait, retry_after(answer.headers if answer else {}))


OF_A_HOST = {*AWAY, "private address", "certificate"}  # reasons that hold for all of a host's addresses


def _kind_of(error: Exception) -> str:
    """The reason in a word: who sends no whole answer, none in time, or none at all."""
    if isinstance(error, Broken):
        return "broken"
    return "slow" if isinstance(error, TimeoutError) else "unreachable"


def type_of(headers: dict[str, str]) -> str:
    """The media type of a body, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def charset_of(headers: dict[str, str]) -> str:
    """The encoding that a body is declared to be in."""
    _, _, said = headers.get("content-type", "").partition("charset=")
    return said.split(";")[0].strip().strip("\"'")


def retry_after(headers: dict[str, str]) -> float:
    """The seconds that a server asks to wait: a number, or a date."""
    said = headers.get("retry-after", "")
    if said.isdigit():
        return float(said)
    try:
        date = parsedate_to_datetime(said)
    except (TypeError, ValueError):
        return 0.0
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - datetime.now(UTC)).total_seconds())


def _said_no(wish: Wish, why: Refused) -> Visit:
    return _told(wish, FAILED if why.reason in AWAY else REFUSED, why)


def _told(wish: Wish, outcome: str, why: Refused, status: int = 0) -> Visit:
    told = why.reason.removeprefix("HTTP ")
    status = status or (int(told) if told != why.reason else 0)
    return Visit(wish.url, outcome, why.reason, why.detail, status=status, at=now(), depth=wish.depth, hops=wish.hops)


def _of(answer: Answer, wish: Wish, page: Kept) -> Visit:
    """The visit of a page that is there; whether it is kept is decided by whoever reads it."""
    return Visit(
        wish.url,
        "",
        status=answer.status,
        at=now(),
        sent=answer.sent,
        bytes=len(page.body),
        type=type_of(page.headers),
        depth=wish.depth,
        hops=wish.hops,
    )
