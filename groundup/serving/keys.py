"""Who may come in: API keys, each with a name, limits and a secret salt. Only the sha256 of a key is kept and compared.

A file of keys has one a line: its name, the key or `sha256:` and its digest, and what it may do: `requests=60 tokens=9000
admin`. The salt goes with every request of the key, so no key can feel in the cache of prompts what another one asked.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from groundup.errors import Problem
from groundup.serving.limits import Limits
from groundup.serving.rates import Bucket, too_many

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
SHORTEST = 8  # characters of a key in a file
FORM = "expected NAME KEY, then requests=N, tokens=N or admin as needed; instead of KEY also sha256:DIGEST"


@dataclass(frozen=True)
class Key:
    """One key as it was written down."""

    name: str
    digest: bytes
    admin: bool = False  # may also change which weights are served
    requests: int | None = None  # a minute; None: what the server says for all
    tokens: int | None = None


class Holder:
    """Somebody with a key, while the server runs: what is left of this minute, and the salt."""

    def __init__(self, key: Key, salt: str, limits: Limits):
        self.name, self.admin, self.salt = key.name, key.admin, salt
        self.requests = Bucket(limits.requests_a_minute if key.requests is None else key.requests)
        self.tokens = Bucket(limits.tokens_a_minute if key.tokens is None else key.tokens)

    def ask(self) -> None:
        """Count a request, or refuse it."""
        if seconds := self.requests.wait(1):
            raise too_many("requests", self.requests, seconds)
        self.requests.take(1)

    def read(self, tokens: int) -> None:
        """Count the tokens of a prompt, or refuse it; those of the answer are counted as they are made."""
        if seconds := self.tokens.wait(tokens):
            raise too_many("tokens", self.tokens, seconds)
        self.tokens.take(tokens)


class Keys:
    """All keys. Where none of them is for ordinary use, everybody may come in, and shares one holder without a name."""

    def __init__(self, keys: Iterable[Key] = (), limits: Limits | None = None):
        limits, secret, keys = limits or Limits(), secrets.token_bytes(32), list(keys)
        self.needed = any(not key.admin for key in keys)
        self.anybody = Holder(Key("", b""), "", limits)
        self.holders = [(key.digest, Holder(key, salt(secret, key), limits)) for key in keys]
        for what in ("name", "digest"):
            values = [getattr(key, what) for key in keys]
            if twice := next((key.name for key in keys if values.count(getattr(key, what)) > 1), None):
                raise Problem(f"the API key {twice} has the same {what} as another one: each needs its own")

    def holder(self, told: bytes) -> Holder | None:
        """Whose key an authorization header shows; compared in constant time with all of them."""
        digest, found = hashlib.sha256(given(told)).digest(), None
        for known, holder in self.holders:
            if hmac.compare_digest(digest, known):
                found = holder
        return found or (None if self.needed else self.anybody)


def salt(secret: bytes, key: Key) -> str:
    """What nobody outside can know, different for each key and each start of the server."""
    return hmac.new(secret, key.digest, "sha256").hexdigest()


def given(told: bytes) -> bytes:
    """The key in an authorization header: as a bearer, or as the password that a browser asks for; else nothing."""
    kind, _, value = told.partition(b" ")
    if kind.lower() == b"bearer":
        return value.strip()
    if kind.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    except ValueError:
        return b""


def named(name: str, key: str, **may: bool) -> Key:
    """A key that was given by itself."""
    return Key(name, hashlib.sha256(key.encode()).digest(), **may)


def read(path: str | Path) -> list[Key]:
    """The keys in a file; what is wrong with a line is told without repeating it."""
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Problem(f"the file of API keys {path} cannot be read ({why})") from None
    found = [
        _key(f"{path} line {number}", line.split())
        for number, line in enumerate(lines, 1)
        if line.strip() and line.strip()[0] != "#"
    ]
    if not found:
        raise Problem(f"{path} holds no API key: {FORM}")
    return found


def _key(where: str, words: list[str]) -> Key:
    if len(words) < 2 or not NAME.fullmatch(words[0]):
        raise Problem(f"{where} is no API key: {FORM}; a name has letters, digits, dots, dashes")
    name, secret, *may = words
    limits: dict[str, int] = {}
    for word in may:
        kind, _, number = word.partition("=")
        if word == "admin":
            continue
        if kind not in ("requests", "tokens") or not re.fullmatch(r"[1-9][0-9]{0,11}", number):
            raise Problem(f"{where}: the key {name} may do something unknown; {FORM}")
        limits[kind] = int(number)
    return Key(name, _digest(where, name, secret), "admin" in may, **limits)


def _digest(where: str, name: str, secret: str) -> bytes:
    if secret.startswith("sha256:"):
        if not re.fullmatch(r"sha256:[0-9a-fA-F]{64}", secret):
            raise Problem(f"{where}: the digest of the key {name} is not 64 hexadecimal digits")
        return bytes.fromhex(secret[7:])
    if len(secret) < SHORTEST:
        raise Problem(
            f"{where}: the key {name} has {len(secret)} characters, and {SHORTEST} are the least that cannot be guessed"
        )
    return hashlib.sha256(secret.encode()).digest()
