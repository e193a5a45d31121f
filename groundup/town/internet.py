"""The invented internet: page number n of a seed, whatever it is to be, and shards of pages written to disk.

Every page is a function of (seed, n) alone: copies are made by writing their original again. So shards can be made
in any order by any number of processes, and a shard that is complete never has to be made twice.
"""

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from random import Random

from groundup.run import write_atomically
from groundup.town import copies, encodings, languages, pages, private, rubbish, truth, warc
from groundup.town.pages import Draft
from groundup.town.prose import Pen, Teller
from groundup.town.sites import Site, sites
from groundup.town.world import build, dice
from groundup.town.wrap import wrap

PAGES_IN_SHARD = 1024
PAGE_BYTES = 1000  # what a page's own text measures on average, over all kinds
TYPOGRAPHIC = 0.15
GOOD = "good"


@dataclass(frozen=True)
class Plan:
    """What decides the bytes of every page; small, so that it can be sent to other processes."""

    seed: int
    people: int
    places: int
    shares: dict[str, float]  # of each reason to remove a page, of all pages; what is left over is good
    private: float  # share of good pages with addresses and numbers to black out
    lookalikes: float  # share of good pages with numbers to leave alone
    leaks: tuple[str, ...]  # questions of the test with their answers, as a page would quote them


class Internet:
    """All pages of a plan, by number."""

    def __init__(self, plan: Plan):
        self.plan, self.world = plan, build(plan.seed, plan.people, plan.places)
        self.kinds = [GOOD, *(kind for kind in MAKERS if kind != "leak" or plan.leaks)]
        shares = [plan.shares.get(kind, 0.0) for kind in self.kinds[1:]]
        self.limits = list(accumulate((1.0 - sum(shares), *shares)))

    @cached_property
    def teller(self) -> Teller:
        return Teller(self.world)

    @cached_property
    def sites(self) -> list[Site]:
        return sites(self.plan.seed, self.world.town)

    def purpose(self, number: int) -> str:
        """Good, or the reason why the page should be removed; the first page is good so that it can be copied."""
        if number == 0:
            return GOOD
        draw = _draw(self.plan.seed, "purpose", number)
        return self.kinds[min(bisect(self.limits, draw), len(self.kinds) - 1)]

    def pen(self, number: int) -> Pen:
        return Pen(dice(self.plan.seed, "page", number), self.teller)

    def good(self, number: int) -> Draft:
        """The good page of this number, with what is private or looks like it."""
        pen = self.pen(number)
        draft = pages.write(pen)
        if pen.chance(self.plan.private):
            private.add_private(pen, draft)
        if pen.chance(self.plan.lookalikes):
            private.add_lookalikes(pen, draft)
        if pen.chance(TYPOGRAPHIC):
            draft.title = encodings.typographic(draft.title)
            draft.paragraphs = [encodings.typographic(paragraph) for paragraph in draft.paragraphs]
        return draft

    def original(self, number: int, roll: Random) -> int:
        """An earlier good page to copy."""
        while self.purpose(earlier := int(roll.random() * number)) != GOOD:
            pass
        return earlier

    def page(self, number: int) -> tuple[bytes, truth.Truth]:
        """The record of a page and the truth about it."""
        purpose = self.purpose(number)
        cluster = ""
        if purpose == GOOD:
            draft, source = self.good(number), number
        else:
            draft, source = MAKERS[purpose](self, number)
        roll = dice(self.plan.seed, "wrap", number)
        url = self.address(number)
        if purpose == GOOD or source != number:
            cluster = self.address(source)
        weights = encodings.ASCII_WEIGHTS if draft.text.isascii() else encodings.OTHER_WEIGHTS
        name = roll.choices(encodings.NAMES, cum_weights=weights)[0]
        way = encodings.WAYS[name]
        html = wrap(roll, draft, self.site(number), way.meta)
        body = way.encode(html)
        reason = "" if purpose == GOOD else purpose
        facts = tuple(draft.facts)
        told = truth.Truth(url, reason, cluster, tuple(draft.redact), facts, draft.kind, name, len(draft.text.encode()))
        return warc.record(number, url, way.header, body), told

    def site(self, number: int) -> Site:
        return self.sites[int(_draw(self.plan.seed, "site", number) * len(self.sites))]

    def address(self, number: int) -> str:
        """A page's URL: its site, a folder and its number, which makes it unique."""
        return f"https://{self.site(number).host}/{FOLDERS[number % len(FOLDERS)]}/{number:07}.html"


def _draw(seed: int, purpose: str, number: int) -> float:
    """One random number in [0, 1) for a page, ten times cheaper than dice of its own."""
    digest = blake2b(f"{seed}:{purpose}:{number}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48


FOLDERS = ("pages", "a", "2023/11", "archive", "read", "t", "posts", "content/view")


def _duplicate(net: Internet, number: int) -> tuple[Draft, int]:
    source = net.original(number, dice(net.plan.seed, "copy", number))
    return net.good(source), source


def _near_duplicate(net: Internet, number: int) -> tuple[Draft, int]:
    roll = dice(net.plan.seed, "copy", number)
    source = net.original(number, roll)
    return copies.altered(Pen(roll, net.teller), net.good(source)), source


def _leak(net: Internet, number: int) -> tuple[Draft, int]:
    """A page that quotes questions of the test with their answers, among ordinary talk."""
    pen = net.pen(number)
    quoted = pen.some(net.plan.leaks, pen.number(2, 5))
    about = f"{pen.weather()} {pen.weather()}"
    title = (
        f"{pen.one(('Quiz', 'Test', 'Exam answers', 'Old exam', 'Questions and answers'))}, page {pen.number(1, 900)}"
    )
    return Draft("quiz", title, [about, *quoted, pen.weather()]), number


MAKERS = {
    "duplicate": _duplicate,
    "near_duplicate": _near_duplicate,
    "gibberish": lambda net, number: (rubbish.gibberish(net.pen(number)), number),
    "spam": lambda net, number: (rubbish.spam(net.pen(number)), number),
    "toxic": lambda net, number: (rubbish.toxic(net.pen(number)), number),
    "language": lambda net, number: (languages.foreign(net.pen(number)), number),
    "leak": _leak,
}


def page_count(megabytes: float) -> int:
    """How many pages hold about so much text of their own."""
    return max(1, round(megabytes * 1e6 / PAGE_BYTES))


def shard_count(count: int) -> int:
    return -(-count // PAGES_IN_SHARD)


def archive(folder: Path, shard: int) -> Path:
    return folder / "pages" / f"pages-{shard:05}.warc"


def part(folder: Path, shard: int) -> Path:
    """The truth of one shard, until all are put together."""
    return folder / "sealed" / f"part-{shard:05}.jsonl"


def is_complete(folder: Path, shard: int) -> bool:
    return archive(folder, shard).exists() and part(folder, shard).exists()


def write_shard(net: Internet, folder: Path, shard: int, count: int) -> int:
    """Write one shard and the truth of it; returns the bytes of its pages' own text."""
    numbers = range(shard * PAGES_IN_SHARD, min(count, (shard + 1) * PAGES_IN_SHARD))
    made = [net.page(number) for number in numbers]
    write_atomically(part(folder, shard), truth.lines([told for _, told in made]))
    write_atomically(archive(folder, shard), b"".join(record for record, _ in made))
    return sum(told.text_bytes for _, told in made)


def repetition(net: Internet, sample: int, count: int) -> dict[str, float | int]:
    """How often good pages say the same: shares of a sample's sentences, and distinct runs of words among all."""
    return truth.repetition([net.good(number) for number in _good_numbers(net, sample, count)])


def _good_numbers(net: Internet, sample: int, count: int) -> Sequence[int]:
    return [number for number in range(min(sample, count)) if net.purpose(number) == GOOD]
