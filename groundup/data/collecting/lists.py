"""What is to be collected, as people have it: a list with a URL in each line, a sitemap, or a feed.

A sitemap's index and a feed only name further addresses; what a list from the net names may not lead further than its
protocol lets it: a sitemap speaks of its own host alone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from groundup.data.collecting.address import Refused, place_of
from groundup.data.collecting.wire import TooMuch, unpacker
from groundup.errors import Problem

LARGEST = 50 << 20  # bytes of a list, unpacked: what the sitemaps' protocol allows
DEEPEST = 64  # elements within each other
ROOTS = {"urlset", "sitemapindex", "rss", "feed", "RDF"}
XML = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:\?xml|urlset|sitemapindex|rss|feed|rdf:RDF)", re.I)


@dataclass
class Listed:
    """What a list names: pages, and further lists."""

    kind: str  # text, urlset, sitemapindex, rss, feed, RDF
    pages: list[str] = field(default_factory=list)
    lists: list[str] = field(default_factory=list)

    def on_host(self, host: str) -> "Listed":
        """What of it a host's sitemap may name; feeds name whatever they like."""
        if self.kind not in ("urlset", "sitemapindex"):
            return self
        return Listed(self.kind, list(_of_host(self.pages, host)), list(_of_host(self.lists, host)))


def read(body: bytes, where: str) -> Listed:
    """The list in a file or an answer, packed or not; a Problem if it is none."""
    if body[:2] == b"\x1f\x8b":
        try:
            body = unpacker("gzip", LARGEST)(body)
        except TooMuch as error:
            raise Problem(f"{where} is no list to collect from: {error}") from None
    return _xml(body, where) if is_xml(body) else _lines(body, where)


def is_xml(body: bytes) -> bool:
    """Whether it looks like a sitemap or a feed rather than a list of lines."""
    return XML.match(body[:1024]) is not None


def _lines(body: bytes, where: str) -> Listed:
    """A URL in each line; empty lines and what stands behind a # at a line's beginning are for people."""
    found = Listed("text")
    for number, line in enumerate(body.decode("utf-8-sig", "replace").splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            found.pages.append(place_of(line).url)
        except Refused as error:
            raise Problem(
                f"{where}, line {number}: {error.detail or line!r} cannot be collected: expected a URL such as "
                "https://example.org/page"
            ) from None
    return found


def _xml(body: bytes, where: str) -> Listed:
    reader = _Reader(where)
    try:
        reader.parser.Parse(body, True)
    except expat.ExpatError as error:
        raise Problem(f"{where} is not a whole sitemap or feed: {error}") from None
    if reader.found is None:
        raise Problem(
            f"{where} is XML, but neither a sitemap nor an RSS or Atom feed: its first element is none of them"
        )
    return reader.found


class _Reader:
    """Hears the elements of a sitemap or a feed; whoever defines entities is not read at all."""

    def __init__(self, where: str):
        self.where, self.found, self.above, self.text = where, None, [], []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = lambda data: self.text.append(data)
        self.parser.EntityDeclHandler = self.refuse

    def refuse(self, *_: object) -> None:
        raise Problem(f"{self.where} defines entities of its own, which no sitemap needs: it is not read")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not self.above:
            self.found = Listed(name) if name in ROOTS else None
        if self.found is None or len(self.above) > DEEPEST:
            raise Problem(f"{self.where} is no sitemap and no feed: it begins with <{name[:40]}>")
        self.above.append(name)
        self.text = []
        if self.found.kind == "feed" and name == "link" and self.above[-2:-1] == ["entry"]:
            if attributes.get("rel", "alternate") == "alternate":
                self.put(self.found.pages, attributes.get("href", ""))

    def end(self, name: str) -> None:
        above, found = self.above[-2:-1], self.found
        name = self.above.pop()
        said, self.text = "".join(self.text).strip(), []
        if found is None:
            return
        if name == "loc" and above == ["url"]:
            self.put(found.pages, said)
        elif name == "loc" and above == ["sitemap"]:
            self.put(found.lists, said)
        elif name == "link" and above == ["item"]:
            self.put(found.pages, said)

    def put(self, into: list[str], url: str) -> None:
        try:
            into.append(place_of(url).url)
        except Refused:
            return  # a slip in somebody else's list is not ours to mend


def _of_host(urls: list[str], host: str) -> Iterator[str]:
    return (url for url in urls if place_of(url).host == host)
