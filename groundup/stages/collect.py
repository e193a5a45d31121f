"""A list of URLs becomes web archives, the same as anybody's crawl: what robots.txt allows, slowly, under your own name.

    groundup collect pages.txt contact=you@example.org --into RUN/pages
    groundup corpus RUN/pages/pages --into RUN/corpus

The list is a text file with a URL in each line, a sitemap, or an RSS or Atom feed. Leaves `pages/*.warc.gz`, `visits.jsonl` (what
became of every address) and `report.json`. What the net answers is a fact of its hour: this stage cannot be repeated, what
reads its archives can. With `visit` raised everything is visited again, and what did not change comes from the cache.
"""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, field_validator

from groundup.config import Input
from groundup.config import Settings as BaseSettings
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

if TYPE_CHECKING:
    from groundup.data.collecting.crawl import Crawl
    from groundup.data.collecting.journal import Visit

VERSION = 1
SEEDED = False
PAGE_BYTES = 60_000  # of a usual page in HTML
PACKED = 0.25
EXAMPLES = 5  # of each reason in the report
TYPES = ["text/html", "application/xhtml+xml", "text/plain", "text/markdown"]


class Settings(BaseSettings):
    """What to collect, and how politely."""

    urls: list[Input] = Field(
        min_length=1, description="files: a URL in each line, a sitemap.xml, or an RSS or Atom feed"
    )
    contact: str = Field(
        description="an e-mail address or a web page where people whose sites are visited can reach you; every request says it"
    )
    follow: int = Field(0, ge=0, description="how many links deep to follow from each listed page, within its host")
    pages: int | None = Field(10_000, gt=0, description="pages at most; none: all")
    types: list[str] = Field(TYPES, min_length=1, description="media types of pages to keep")
    largest: int = Field(8 << 20, gt=0, description="bytes of a page at most, unpacked; what is longer is refused")
    delay: float = Field(
        1.0, ge=0, description="seconds between two pages of a host; more if its robots.txt asks for more"
    )
    seconds: float = Field(30.0, gt=0, description="for one answer, from asking to its last byte")
    retries: int = Field(3, ge=0, description="new tries after an answer that failed")
    backoff: float = Field(
        2.0, gt=0, description="seconds before the first new try; twice as many before each further one"
    )
    patience: float = Field(120.0, gt=0, description="longest wait in seconds that a server may ask for (Retry-After)")
    allow_private: list[str] = Field(
        default_factory=list,
        description="hosts (HOST or HOST:PORT) of an intranet or of this machine that may be visited; all others must be public",
    )
    visit: int = Field(1, ge=1, description="raise it to visit everything again; what did not change is not sent again")
    connections: int = Field(
        8, gt=0, le=256, exclude=True, description="hosts visited at once, never more than one connection to each"
    )
    cache: str | None = Field(
        None,
        exclude=True,
        description="folder to remember pages in between visits; default: beside this one, NAME.cache",
    )

    @field_validator("contact")
    @classmethod
    def _reachable(cls, said: str) -> str:
        import re

        if not re.fullmatch(r"[!-~]+@[!-~]+\.[!-~]+|https?://[!-~]+\.[!-~]+", said):
            raise ValueError(
                f"{said!r} is neither an e-mail address nor a web page (https://…); people whose sites are visited must "
                "be able to reach you"
            )
        return said


def run(settings: Settings, work: Work) -> None:
    """Visit, tell, and leave archives under their own names."""
    import asyncio

    from groundup.data.collecting.archive import whole_bytes

    crawl = _crawl(settings, work)
    try:
        asyncio.run(crawl.run(settings.connections, work.stopping, lambda crawl: _tell(crawl, work)))
    except BaseException:
        crawl.archive.close()
        raise
    finally:
        crawl.journal.close()
    visits = crawl.journal.visits
    told = report(visits, crawl.hosts.waiting)
    if not told["pages"]:
        crawl.archive.close()
        raise Problem(_nothing(visits, told))
    crawl.archive.commit()
    lines = [json.dumps({**visit.line(), "found": len(visit.found)}) for visit in sorted(visits, key=lambda v: v.url)]
    write_atomically(work.out / "visits.jsonl", "\n".join(lines) + "\n")
    write_atomically(work.out / "report.json", json.dumps(told, indent=1) + "\n")
    crawl.journal.path.unlink()
    shards = range(crawl.archive.shard + 1)
    work.log(
        pages=told["pages"], bytes=told["bytes"], archive_bytes=sum(whole_bytes(work.out / "pages", n) for n in shards)
    )
    work.say(_sentence(told))


def _crawl(settings: Settings, work: Work) -> "Crawl":
    """The crawl as it stands: new, or where an earlier attempt was."""
    from groundup import __version__
    from groundup.data.collecting.archive import Archive, is_committed
    from groundup.data.collecting.crawl import Crawl
    from groundup.data.collecting.hosts import Room
    from groundup.data.collecting.journal import Journal
    from groundup.data.collecting.memory import Memory
    from groundup.data.collecting.visiting import CRAWLER, Manners, Visitor
    from groundup.data.collecting.wire import Limits

    listed = _listed(settings)
    manners = Manners(
        f"{CRAWLER}/{__version__} (+{settings.contact})",
        frozenset(name.lower() for name in settings.types),
        Limits(settings.seconds, settings.largest),
        settings.delay,
        settings.retries,
        settings.backoff,
        settings.patience,
        frozenset(settings.allow_private),
    )
    pages = work.out / "pages"
    journal = Journal(work.out / "journal.jsonl", pages)
    shard, end = journal.place()
    place = (shard + 1, 0) if is_committed(pages, shard) else (shard, end)
    told = {"software": f"groundup {__version__}", "http-header-user-agent": manners.agent, "robots": "RFC 9309"}
    archive = Archive(pages, told | {"format": "WARC File Format 1.1"}, *place)
    memory = Memory(Path(settings.cache) if settings.cache else _beside(work.out))
    crawl = Crawl(Visitor(manners, memory), memory, archive, journal, settings.follow, Room(settings.pages))
    crawl.remember(listed)
    return crawl


def _beside(out: Path) -> Path:
    return out.with_name(out.name.removesuffix(".partial") + ".cache")


def _listed(settings: Settings) -> list[Any]:
    """What the files name, as wishes: pages, and further lists."""
    from groundup.data.collecting.hosts import Wish
    from groundup.data.collecting.lists import read

    wishes = []
    for file in settings.urls:
        if not Path(file).is_file():
            raise Problem(f"{file} is a folder: name a file with a URL in each line, a sitemap or a feed")
        found = read(Path(file).read_bytes(), file)
        wishes += [Wish(url) for url in found.pages] + [Wish(url, is_list=True, nested=1) for url in found.lists]
    if not wishes:
        raise Problem(
            f"no addresses in {', '.join(settings.urls)}: write a URL such as https://example.org/ in each line"
        )
    return wishes


def _tell(crawl: "Crawl", work: Work) -> None:
    note = f"{crawl.room.stored} pages, {crawl.hosts.busy} hosts at once"
    work.progress(crawl.done, max(len(crawl.known), crawl.done + 1), "addresses", note)


def report(visits: "list[Visit]", left: int) -> dict[str, Any]:
    """What became of all addresses, in numbers, with some examples of each reason."""
    from groundup.data.collecting.journal import STORED

    outcomes = Counter(visit.outcome for visit in visits)
    reasons = Counter(visit.reason for visit in visits if visit.reason)
    examples = {
        reason: [f"{visit.url}: {visit.detail}" for visit in visits if visit.reason == reason][:EXAMPLES]
        for reason in reasons
    }
    return {
        "pages": sum(count for outcome, count in outcomes.items() if outcome in STORED),
        "outcomes": dict(sorted(outcomes.items())),
        "statuses": dict(sorted(Counter(str(visit.status) for visit in visits if visit.status).items())),
        "reasons": dict(reasons.most_common()),
        "examples": examples,
        "hosts": len({visit.url.split("/")[2] for visit in visits}),
        "bytes": sum(visit.bytes for visit in visits if visit.outcome in STORED),
        "sent_bytes": sum(visit.sent for visit in visits),
        "left": left,
    }


def _sentence(told: dict[str, Any]) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in told["reasons"].items())
    left = f"; {told['left']} left unvisited at the limit of `pages`" if told["left"] else ""
    return (
        f"{told['pages']} pages of {told['hosts']} hosts, {told['bytes'] / 1e6:.1f} MB, of which "
        f"{told['sent_bytes'] / 1e6:.1f} MB were sent{f'; not kept: {reasons}' if reasons else ''}{left}"
    )


def _nothing(visits: "list[Visit]", told: dict[str, Any]) -> str:
    from groundup.data.collecting.crawl import offline

    if set(told["reasons"]) <= {"unresolved"} and visits:
        return offline(visits[0].detail)
    reasons = ", ".join(f"{count} {reason}" for reason, count in told["reasons"].items())
    example = next((f" (the first: {found[0]})" for found in told["examples"].values()), "")
    return f"not one page could be collected from {len(visits)} addresses: {reasons}{example}"


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """From the length of the lists: politeness takes the time."""
    pages = sum(
        max(1, Path(file).read_bytes().count(b"\n"), Path(file).read_bytes().count(b"<loc>"))
        for file in settings.urls
        if Path(file).is_file()
    )
    pages = min(settings.pages or 10**9, pages * (20 if settings.follow else 1))
    return Estimate(
        text_bytes=int(pages * PAGE_BYTES * 0.15),
        documents=pages,
        memory_bytes=100_000_000 + 2_000 * pages,
        disk_bytes=int(pages * PAGE_BYTES * PACKED * 2),
        seconds=1.0 + pages * (settings.delay + 0.3) / min(settings.connections, max(1, pages // 20)),
    )
