"""Every answer that a model gave, a line of JSON for each item, so that nothing is ever asked for twice.

A killed attempt may have left half a line; the item is asked again. Items to which no answer came are not told of, and so are
tried again by the next attempt.
"""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from groundup.data.synthetic.speaker import Message, Said, Sampling, Speaker
from groundup.errors import Problem
from groundup.run.files import drop_torn_line

Call = dict[str, Any]  # what KEPT names, and what else the asker wants to know later
KEPT = ("text", "finish", "prompt_tokens", "tokens", "seconds")


class Answers:
    """What was said about each item, by its name; further calls (of a judge) have names of their own."""

    def __init__(self, path: Path):
        self.path = path
        self.calls: dict[str, list[Call]] = {}
        self.cost = {"calls": 0, "prompt_tokens": 0, "tokens": 0}
        self.seconds = 0.0  # of all calls, one after another
        for number, line in enumerate(drop_torn_line(path).splitlines(), 1):
            item, said = _read(line, f"{path}, line {number}")
            self.calls[item] = said
            self._count(said)
        self.file = open(path, "ab", buffering=0)  # a line is one write: whole, or not there

    def add(self, item: str, said: list[Call]) -> None:
        """Keep what was said about an item."""
        self.calls[item] = said
        self._count(said)
        self.file.write(json.dumps({"item": item, "said": said}, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        self.file.close()

    def _count(self, said: list[Call]) -> None:
        self.cost["calls"] += len(said)
        for call in said:
            self.cost["prompt_tokens"] += call["prompt_tokens"]
            self.cost["tokens"] += call["tokens"]
            self.seconds += call["seconds"]


async def asked(speaker: Speaker, messages: Sequence[Message], sampling: Sampling, seed: int) -> tuple[Said, Call]:
    """One question put to a speaker, and what is kept of its answer."""
    began = time.perf_counter()
    said = await speaker.say(messages, sampling, seed)
    told = {"seed": seed, "text": said.text, "finish": said.finish}
    told |= {"prompt_tokens": said.prompt_tokens, "tokens": said.tokens}
    return said, told | {"seconds": round(time.perf_counter() - began, 3)}


def _read(line: bytes, where: str) -> tuple[str, list[Call]]:
    try:
        told = json.loads(line)
        item, said = str(told["item"]), list(told["said"])
        if not said or any(name not in call for call in said for name in KEPT):
            raise ValueError
        return item, said
    except (ValueError, KeyError, TypeError):
        raise Problem(
            f"{where} is no answer that was kept here before; take the line out, or name another file for answers"
        ) from None
