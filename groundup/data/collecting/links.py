"""The links of a page to others of its own host, in the order in which they stand, each once.

Whoever says of a page or of a link that it is not to be followed (`nofollow`) is heard. Only tags are looked for, by
patterns whose work is bounded whatever the page is made of.
"""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import urljoin

from groundup.data.collecting.address import Place, Refused, place_of
from groundup.data.reading.encoding import decode

MOST = 2000  # links of one page
UNREAD = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style|template)\b.*?(?:</\1\s*>|\Z)", re.S | re.I)
TAG = re.compile(r"<(a|base|meta)\s([^<>]{1,4000})>", re.I)
ATTRIBUTE = re.compile(r"([a-z-]{1,20})\s{0,4}=\s{0,4}(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.I)
NOT_TEXT = re.compile(
    r"\.(?:avi|bmp|bz2|css|docx?|epub|exe|gif|gz|ico|iso|jar|jpe?g|js|json|mp[34]|ogg|pdf|png|pptx?|rar|svg|tar|tgz|tiff?"
    r"|ttf|wav|webm|webp|woff2?|xlsx?|xz|zip)$",
    re.I,
)


def links(body: bytes, charset: str, page: Place) -> list[str]:
    """The links of an HTML page that lead to pages of the same host."""
    found: dict[str, None] = {}
    base = page.url
    for tag, told in _tags(decode(body, charset)):
        if tag == "meta" and _forbids(told):
            return []
        if tag == "base" and base == page.url:
            base = urljoin(base, told.get("href", ""))
        if tag != "a" or "nofollow" in told.get("rel", "").lower() or len(found) >= MOST:
            continue
        try:
            place = place_of(told.get("href", "").partition("#")[0] or base, base)
        except Refused:
            continue
        if place.host == page.host and place != page and not NOT_TEXT.search(place.path.partition("?")[0]):
            found.setdefault(place.url)
    return list(found)


def _forbids(told: dict[str, str]) -> bool:
    wishes = told.get("content", "").lower()
    return told.get("name", "").lower() in ("robots", "groundup") and ("nofollow" in wishes or "none" in wishes)


def _tags(page: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Name and attributes of every tag that tells of links."""
    for found in TAG.finditer(UNREAD.sub(" ", page)):
        pairs = (attribute.groups() for attribute in ATTRIBUTE.finditer(found[2]))
        yield (
            found[1].lower(),
            {name.lower(): unescape(double or single or bare or "") for name, double, single, bare in pairs},
        )
