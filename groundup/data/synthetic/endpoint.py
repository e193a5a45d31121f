"""A model behind any server of OpenAI's API: one conversation goes out, one answer comes back, with new tries between.

What another try may mend (a busy server, a broken connection, an answer that is no JSON) is tried again, as long after as the
server asks; what none can mend (a wrong key, a wrong model) is said at once.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from groundup.data.collecting.address import Place, Refused, place_of, resolved
from groundup.data.collecting.visiting import retry_after
from groundup.data.collecting.wire import Answer, Broken, Limits, TooMuch, ask
from groundup.data.synthetic.speaker import Message, Said, Sampling, Silent
from groundup.errors import Problem

AGAIN = {408, 409, 425, 429, 500, 502, 503, 504}
WRONG = {401, 403, 404, 405}  # the settings are wrong, for every item alike
LARGEST = 16 << 20
VERSION = re.compile(r"/v\d")  # of an API, in its path: /v1, /v1beta/openai


def key_in(variable: str | None, server: str | None) -> str | None:
    """The key that the environment variable of this name holds for a server; None where none is named."""
    if variable and not os.environ.get(variable):
        raise Problem(f"the environment variable {variable}, which is to hold the key of {server}, is not set")
    return os.environ.get(variable) if variable else None


@dataclass
class Endpoint:
    """POST /v1/chat/completions at an address."""

    url: str
    name: str  # of the model
    key: str | None = None
    seconds: float = 120.0
    retries: int = 4
    backoff: float = 1.0
    patience: float = 120.0  # the longest wait that a server may ask for
    answered: bool = False  # whether anything ever came back

    def place(self) -> Place:
        """Where conversations go: behind /v1, unless the address says another version."""
        told = urlsplit(self.url if "://" in self.url else f"http://{self.url}")
        path = told.path.rstrip("/")
        path += "" if VERSION.search(path) else "/v1"
        try:
            return place_of(f"{told.scheme}://{told.netloc}{path}/chat/completions")
        except Refused as error:
            raise Problem(
                f"{self.url} is no address of a server ({error.detail}): expected one like http://127.0.0.1:8000"
            ) from None

    async def say(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Said:
        """The answer to a conversation."""
        body = {"model": self.name, "messages": [dict(message) for message in messages], "seed": seed}
        body |= {"temperature": sampling.temperature, "top_p": sampling.top_p, "max_tokens": sampling.max_tokens}
        raw, detail = json.dumps(body).encode(), ""
        for tries in range(1, self.retries + 2):
            answer = None
            try:
                answer = await self._asked(raw)
                if answer.status == 200:
                    return _said(answer.body)
                detail = _reason(answer)
            except (Broken, TooMuch, OSError, Refused) as error:
                detail = str(error) or f"no answer within {self.seconds:g} s"
            wait = max(
                self.backoff * 2 ** (tries - 1) * (1 + random.Random(f"{seed}/{tries}").random() / 2), _asks(answer)
            )
            if (answer is not None and answer.status not in {200, *AGAIN}) or wait > self.patience:
                break
            if tries <= self.retries:
                await asyncio.sleep(wait)
        if not self.answered:
            raise Problem(
                f"nothing answers at {self.url} ({detail}): start the server there, e.g. groundup serve MODEL"
            )
        raise Silent(detail)

    async def _asked(self, raw: bytes) -> Answer:
        place = self.place()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        headers |= {"Authorization": f"Bearer {self.key}"} if self.key else {}
        addresses = await resolved(place, [place.host])  # named by whoever runs this, wherever it is
        answer = await ask(place, addresses, headers, Limits(self.seconds, LARGEST), method="POST", body=raw)
        if answer.status in WRONG:
            raise Problem(f"{self.url} says {_reason(answer)}: put the address, `model.name` or the key right")
        self.answered = True
        return answer


def _asks(answer: Answer | None) -> float:
    return retry_after(answer.headers) if answer is not None else 0.0


def _said(body: bytes) -> Said:
    """The first choice of an answer; Broken if there is none."""
    try:
        told = json.loads(body)
        choice, usage = told["choices"][0], told.get("usage") or {}
        text = choice["message"]["content"] or ""
        if not isinstance(text, str):
            raise TypeError
        counts = [int(usage.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")]
        return Said(text, str(choice.get("finish_reason") or "stop"), *counts)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise Broken(f"the answer is not one of OpenAI's API: {body[:80].decode(errors='replace')!r}") from None


def _reason(answer: Answer) -> str:
    """A status with what the server says of it."""
    try:
        told: Any = json.loads(answer.body)
    except ValueError:
        told = {}
    error = told.get("error", told.get("detail")) if isinstance(told, dict) else None
    said = error.get("message") if isinstance(error, Mapping) else error
    return f"{answer.status} {said or answer.reason}"[:300]
