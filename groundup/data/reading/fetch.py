"""One file over HTTP into a file here, with every address looked at: no redirect leads into somebody's private network.

A name is resolved once, all addresses behind it are judged, and the connection goes to one of those judged: so a name
that changes its mind in between leads nowhere else. Bytes and seconds have an end.
"""

import http.client
import ipaddress
import socket
import ssl
import time
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from groundup.data.collecting.address import is_public
from groundup.errors import Problem

REDIRECTS = 5
PATIENCE = 30.0  # seconds without a byte
LONGEST, LARGEST = 4 * 3600.0, 64 << 30  # seconds and bytes of one file
PIECE = 1 << 20
MOVED = {301, 302, 303, 307, 308}


def fetch(address: str, into: Path, private: bool) -> None:
    """The file at `address` (http or https), redirects followed, as the file `into`."""
    seen = address
    for _ in range(REDIRECTS + 1):
        connection = _connection(seen, private)
        try:
            leads_to = _take(connection, seen, into)
        except (OSError, http.client.HTTPException) as error:
            raise Problem(f"{address} cannot be read ({error or type(error).__name__}): is there a network?") from None
        finally:
            connection.close()
        if leads_to is None:
            return
        if urlsplit(seen).scheme == "https" and urlsplit(leads_to).scheme != "https":
            raise Problem(f"{address} leads from https to {leads_to}, which is refused; name the last address yourself")
        seen = leads_to
    raise Problem(f"{address} redirects more than {REDIRECTS} times; name the address where the file is")


def judged(host: str, port: int, private: bool) -> str:
    """The IP address to go to for a host; a Problem if it, or any other behind the same name, is private."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise Problem(f"{host} cannot be found ({error}): is it spelt right, and is there a network?") from None
    addresses = [str(told[4][0]).partition("%")[0] for told in found]
    for address in addresses:
        if not private and not is_public(ipaddress.ip_address(address)):
            raise Problem(
                f"{host} leads to {address}, which is a private address, and is refused; "
                "set store.private=true if that is a server of your own"
            )
    return addresses[0]


def _connection(address: str, private: bool) -> http.client.HTTPConnection:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Problem(f"{address} is not an address of http or https")
    port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    place = judged(parts.hostname, port, private)
    if parts.scheme == "http":
        return _Pinned(parts.hostname, port, place)
    return _PinnedSafely(parts.hostname, port, place)


class _Pinned(http.client.HTTPConnection):
    def __init__(self, host: str, port: int, place: str):
        super().__init__(host, port, timeout=PATIENCE)
        self.place = place

    def connect(self) -> None:
        self.sock = socket.create_connection((self.place, self.port), PATIENCE)


class _PinnedSafely(_Pinned):
    def connect(self) -> None:
        super().connect()
        self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _take(connection: http.client.HTTPConnection, address: str, into: Path) -> str | None:
    """Write what is there; or say where it leads."""
    parts = urlsplit(address)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", path, headers={"Accept-Encoding": "identity", "User-Agent": "groundup"})
    response = connection.getresponse()
    if response.status in MOVED and (leads_to := response.getheader("Location")):
        return urljoin(address, leads_to)
    if response.status != 200:
        raise Problem(f"{address} answers with {response.status} {response.reason}")
    expected, written, end = response.getheader("Content-Length"), 0, time.monotonic() + LONGEST
    with open(into, "wb") as file:
        while piece := response.read(PIECE):
            written += len(piece)
            if written > LARGEST or time.monotonic() > end:
                raise Problem(f"{address} does not end within {LARGEST >> 30} GiB and {LONGEST / 3600:g} hours")
            file.write(piece)
    if expected is not None and int(expected) != written:
        raise Problem(f"{address} broke off after {written} of {expected} bytes; run the same command again")
    return None
