"""Addresses: a URL in one spelling, and the machines behind its name, each looked at before anybody connects to it.

Who follows links can be led anywhere, into the network around this machine too. So a name is resolved once, every
address that comes back must be public, and the connection goes to that very address: a name that is resolved again a moment
later may lead elsewhere (DNS rebinding).
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

PORTS = {"http": 80, "https": 443}
LONGEST_URL = 2000  # characters; the sitemaps' protocol ends at 2,048
PLAIN = "%!$&'()*+,;=:@/~-._"  # characters of a path that stay as they are
ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")
UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
NAME = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")
NAT64 = ipaddress.ip_network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Refused(Exception):
    """Nobody is asked: the reason in a word of the report, and what was seen."""

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Place:
    """A URL taken apart, in the one spelling that all who mean it share."""

    scheme: str
    host: str
    port: int
    path: str  # with its query

    @property
    def authority(self) -> str:
        """Host and port as the Host header says them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Whose robots.txt holds."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        return self.origin + self.path


def place_of(url: str, base: str = "") -> Place:
    """A URL, or a link on the page `base`, taken apart; Refused if it is none that can be asked for."""
    url = url.strip()
    try:
        told = urlsplit(urljoin(base, url) if base else url)
        host, port = told.hostname or "", told.port
    except ValueError as error:
        raise Refused("no address", f"{url[:200]} ({error})") from None
    if told.scheme not in PORTS:
        raise Refused("scheme", f"{url[:200]} is not http or https")
    if told.username is not None or told.password is not None:
        raise Refused("no address", "a name or password stands in the URL")
    if not host or port == 0 or re.search(r"[\x00-\x1f\x7f]", url):
        raise Refused("no address", url[:200])
    path = told.path or "/"
    query = f"?{_spelled(told.query)}" if told.query else ""
    found = Place(told.scheme, _host(host), port or PORTS[told.scheme], _spelled(_without_dots(path)) + query)
    if len(found.url) > LONGEST_URL:
        raise Refused("no address", f"longer than {LONGEST_URL} characters: {found.url[:80]}…")
    return found


def spelled(url: str) -> str:
    """A URL in its one spelling."""
    return place_of(url).url


def is_public(address: Address) -> bool:
    """Whether an address belongs to the internet at large, and so does the IPv4 address inside it, if there is one."""
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in NAT64:
            inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inside is not None:
            return is_public(inside)
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


async def resolved(place: Place, private: Collection[str] = ()) -> list[str]:
    """The addresses behind a name, all of them looked at; Refused if there are none or one of them is not public.

    private: hosts, with or without their port, that may be anywhere.
    """
    loop, trusted = asyncio.get_running_loop(), bool({place.host, place.authority} & set(private))
    try:
        found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Refused("unresolved", f"{place.host}: {getattr(error, 'strerror', None) or error}") from None
    addresses = list(dict.fromkeys(str(told[4][0]) for told in found))
    for written in addresses:
        if not trusted and not is_public(ipaddress.ip_address(written.partition("%")[0])):
            raise Refused("private address", f"{place.host} leads to {written}")
    return addresses


def _host(host: str) -> str:
    """A host's name in lower case and ASCII, without the dot that may end it."""
    host = host.rstrip(".").lower()
    try:
        name = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        name = ""
    if not NAME.fullmatch(name):
        raise Refused("no address", f"{host!r} cannot be a host's name")
    return name


def _spelled(part: str) -> str:
    """Percent signs where they must stand and nowhere else (RFC 3986, section 6.2.2)."""
    part = ESCAPE.sub(lambda found: _escape(found[1]), quote(part, safe=PLAIN + "?"))
    return re.sub(r"%(?![0-9A-F]{2})", "%25", part)


def _escape(digits: str) -> str:
    character = chr(int(digits, 16))
    return character if character in UNRESERVED else f"%{digits.upper()}"


def _without_dots(path: str) -> str:
    """A path whose `.` and `..` are walked."""
    kept: list[str] = []
    for part in path.split("/"):
        if part == "..":
            kept = kept[:-1] or [""]
        elif part != ".":
            kept.append(part)
    ended = path.endswith(("/.", "/.."))
    joined = "/".join(kept) + ("/" if ended else "")
    return joined if joined.startswith("/") else "/" + joined
