"""Whoever writes: a model that is given messages and a seed, and says something; where it runs is no matter here.

A server of OpenAI's API is one (`endpoint.py`), a model in a folder another (the generation room has it, which stands above this
one and is handed in).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Message = Mapping[str, str]


@dataclass(frozen=True)
class Sampling:
    """How a model's words are drawn."""

    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 512


@dataclass(frozen=True)
class Said:
    """What a model said, why it ended ("stop" or "length"), and how many tokens it read and wrote."""

    text: str
    finish: str
    prompt_tokens: int = 0
    tokens: int = 0


class Silent(Exception):
    """No answer came, in spite of new tries: the item goes without one."""


class Speaker(Protocol):
    """A model; `name` goes into the provenance of each line."""

    name: str

    async def say(self, messages: Sequence[Message], sampling: Sampling, seed: int) -> Said: ...
