"""A port to answer at: who may come in without a key, and a socket that is bound before anything slow begins."""

import ipaddress
import socket

from groundup.errors import Problem


def is_this_machine(host: str) -> bool:
    """Whether nobody but this machine can reach that address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def bound(host: str, port: int, backlog: int) -> socket.socket:
    """A listening socket; an OSError, and nothing left open, if the port cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise Problem(f"there is no address {host} to listen at: use 127.0.0.1 for this machine alone") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    return listener


def address_of(host: str, listener: socket.socket) -> str:
    """The address that a browser is given."""
    return "http://" + (f"[{host}]" if ":" in host else host) + f":{listener.getsockname()[1]}"
