"""One request from the door to the log: who came, what it cost, and how it ended. It holds no words of whoever asked.

Lines of the log are for people or, as JSON, for programs. No prompt, no answer, no key and no address is ever in one.
"""

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from groundup.serving.keys import Holder

ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
FORMS = ("errors", "text", "json")
log = logging.getLogger("groundup.serving")


@dataclass
class Visit:
    """What the routes fill in while they answer."""

    id: str
    holder: Holder | None = None
    began: float = field(default_factory=time.monotonic)
    model: str = ""
    prompt_tokens: int = 0
    made_tokens: int = 0
    first_seconds: float | None = None
    finishes: list[str] = field(default_factory=list)

    def facts(self, method: str, route: str, status: int) -> dict[str, Any]:
        """What is told about it when it is over."""
        told = {"request": self.id, "key": self.holder.name if self.holder else "", "method": method, "route": route}
        told |= {"status": status, "seconds": round(time.monotonic() - self.began, 4)}
        if self.model:
            told |= {"model": self.model, "prompt_tokens": self.prompt_tokens, "made_tokens": self.made_tokens}
            told |= {"finish": ",".join(sorted(set(self.finishes)))}
        if self.first_seconds is not None:
            told["first_seconds"] = round(self.first_seconds, 4)
        return told


def identity(headers: Mapping[bytes, bytes]) -> str:
    """The id that the client has given its request, if it is one; else a new one."""
    told = headers.get(b"x-request-id", b"")
    return told.decode() if ID.fullmatch(told) else secrets.token_hex(8)


def tell(visit: Visit, method: str, route: str, status: int) -> None:
    """One line for one request."""
    log.info("answered", extra={"facts": visit.facts(method, route, status)})


class Lines(logging.Formatter):
    """For people: the time and the facts in a row."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        facts = getattr(record, "facts", {})
        told = " ".join(f"{name}={value}" for name, value in facts.items() if value != "")
        return f"{self.formatTime(record, '%H:%M:%S')} {record.levelname.lower()} {record.getMessage()} {told}".rstrip()


class Json(logging.Formatter):
    """For programs: one object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        told = {"time": round(record.created, 3), "level": record.levelname.lower(), "message": record.getMessage()}
        return json.dumps({**told, **getattr(record, "facts", {})}, ensure_ascii=False)


def write_as(form: str) -> None:
    """Let the server's log go to stderr: `errors` alone, or every request as `text` or `json`."""
    writer = logging.StreamHandler(sys.stderr)
    writer.setFormatter(Json() if form == "json" else Lines())
    log.handlers[:] = [writer]
    log.propagate = False
    log.setLevel(logging.WARNING if form == "errors" else logging.INFO)
