"""Dumps of MediaWiki (pages-articles.xml): each article's last revision as readable text; talk and redirects are left."""

from collections.abc import Iterator
from typing import IO

from groundup.data.documents import Record
from groundup.data.reading.found import Found
from groundup.data.reading.wikitext import readable
from groundup.data.reading.xml import HEAD, Again, Element, parsed, pieces


def read_mediawiki(stream: IO[bytes], found: Found) -> Iterator[Record]:
    """An article is a document: namespace 0, no redirect, its wikitext made readable."""
    head = stream.read(HEAD)
    number, site = 0, _site(head)
    for raw in pieces(Again(head, stream), b"<page>", b"</page>"):  # type: ignore[arg-type]
        number += 1
        place = f"{found.name}#{number}"
        if raw is None:
            yield Record(place, found.name, problem="a page that does not end, or is too long")
            continue
        try:
            page = parsed(raw)
        except ValueError as error:
            yield Record(place, found.name, problem=str(error))
            continue
        yield from _article(page, place, site, found)


def _article(page: Element, place: str, site: str, found: Found) -> Iterator[Record]:
    title, space = page.find("title"), page.find("ns")
    if space is not None and space.text.strip() != "0":
        found.skipped["wiki: no article"] += 1
        return
    texts = [revision.find("text") for revision in page.all("revision")]
    last = next((text.text for text in reversed(texts) if text is not None), None)
    if title is None or last is None:
        yield Record(place, found.name, problem="a page without a title or a text")
    elif page.find("redirect") is not None or last.lstrip()[:9].lower() == "#redirect":
        found.skipped["wiki: a redirect"] += 1
    else:
        body = f"{title.text}\n\n{readable(last)}".encode("utf-8", "replace")
        url = site + title.text.replace(" ", "_") if site else ""
        yield Record(url or place, found.name, body, charset="utf-8", license=found.license)


def _site(head: bytes) -> str:
    """The address of articles, from that of the main page which the dump names."""
    begin = head.find(b"<base>")
    base = head[begin + 6 : head.find(b"</base>", begin)] if begin >= 0 else b""
    return base.rpartition(b"/")[0].decode("utf-8", "replace") + "/" if base.startswith(b"http") else ""
