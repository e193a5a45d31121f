"""Addresses of machines that belong to somebody: IPv4 and IPv6 as they are seen from outside.

Addresses that lead to no person stay, since texts about networks are full of them: private, local, reserved and
documentation ranges; and so do versions and numbers of sections, which look the same.
"""

import re
from ipaddress import ip_address

from groundup.data.privacy.kind import Kind, before, spoken_of

OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
V4 = rf"(?<![\w.-])(?:{OCTET}\.){{3}}{OCTET}(?![\w-]|\.\d)"
V6 = r"(?<![\w:.])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}|:)(?::[0-9A-Fa-f]{1,4}){0,5}(?![\w:])"
IP = re.compile(f"{V4}|{V6}")
NEEDED = re.compile(r"\d\.\d{1,3}\.\d{1,3}\.\d|[0-9A-Fa-f]:[0-9A-Fa-f]{0,4}:")
NUMBERED = re.compile(
    r"\b(?:versions?|release|build|section|chapter|clause|firmware|driver|update|paragraph|v|ver|rev|oid)\b\W{0,3}(?:\w+\W{1,2})?$",
    re.I,
)
SPOKEN = spoken_of(
    "ip", "ips", "ipv4", "ipv6", "host", "server", "ping", "addr", "address", "client", "login", "from", "nameserver"
)
SMALL = 32  # four numbers all below this are rather a section or version


def _is_address(found: re.Match[str]) -> bool:
    try:
        address = ip_address(found[0])
    except ValueError:
        return False
    if not address.is_global or address.is_multicast:
        return False
    if address.version == 6:
        return found[0][0] in "23"  # 2000::/3 is all that is given out
    words = before(found)
    if NUMBERED.search(words):
        return False
    return any(int(octet) >= SMALL for octet in found[0].split(".")) or SPOKEN.search(words) is not None


IPS = Kind(IP, NEEDED, _is_address)
