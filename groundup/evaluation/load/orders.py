"""What is asked: prompts out of a file or made of random words, each with a length for its answer, in an order that a seed fixes."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from groundup.errors import Problem

WORDS = (
    "the a one of to in on under behind before after and but because while stone river garden letter window bread morning "
    "winter lamp friend road green quiet small old seven twelve walks opens finds carries writes asks keeps turns slowly "
    "again never often who where which"
).split()

Message = dict[str, Any]


@dataclass(frozen=True)
class Span:
    """A length, or any between two."""

    low: int
    high: int

    def draw(self, chance: random.Random) -> int:
        """One of the lengths, each as likely as the others."""
        return chance.randint(self.low, self.high)


@dataclass(frozen=True)
class Order:
    """One request: what the user says, as messages or as a text, and how long the answer may be."""

    prompt: str | list[Message]
    tokens: int
    seed: int

    def body(self, chat: bool) -> dict[str, Any]:
        """The fields that both kinds of request share, and the prompt as the one or the other takes it."""
        shared = {"max_tokens": self.tokens, "seed": self.seed}
        if chat:
            said = [{"role": "user", "content": self.prompt}] if isinstance(self.prompt, str) else self.prompt
            return {"messages": said, **shared}
        text = self.prompt if isinstance(self.prompt, str) else "\n".join(str(turn["content"]) for turn in self.prompt)
        return {"prompt": text, **shared}


def span(words: str, name: str) -> Span:
    """128, or 32-256."""
    low, dash, high = words.partition("-")
    if not low.strip().isdigit() or (dash and not high.strip().isdigit()):
        raise Problem(f"{name} {words} is no length: expected a number, or two with a dash, as in 32-256")
    found = Span(int(low), int(high) if dash else int(low))
    if not 1 <= found.low <= found.high <= 1_000_000:
        raise Problem(f"{name} {words} is out of range: lengths are between 1 and 1,000,000, the shorter one first")
    return found


def invented(words: Span, tokens: Span, seed: int, shared: int = 0) -> Iterator[Order]:
    """Endless prompts of random words; the first `shared` words are the same in all, as a system's instructions would be."""
    opening = random.Random(f"{seed}/opening")
    begin = [opening.choice(WORDS) for _ in range(shared)]
    chance = random.Random(f"{seed}/prompts")
    for number in _counted():
        more = [chance.choice(WORDS) for _ in range(max(1, words.draw(chance) - shared))]
        yield Order(" ".join(begin + more), tokens.draw(chance), number)


def repeated(prompts: list[str | list[Message]], tokens: Span, seed: int) -> Iterator[Order]:
    """The prompts of a file, over and over."""
    chance = random.Random(f"{seed}/lengths")
    for number, prompt in zip(_counted(), cycle(prompts), strict=False):
        yield Order(prompt, tokens.draw(chance), number)


def _counted() -> Iterator[int]:
    number = 0
    while True:
        yield number
        number += 1


def read(path: Path) -> list[str | list[Message]]:
    """Prompts: each line of a text file, or each object's `prompt` or `messages` of a .jsonl file."""
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(f"{path} cannot be read as prompts ({error}): expected a text file or .jsonl in UTF-8") from None
    if not lines:
        raise Problem(f"{path} is empty: expected one prompt on each line")
    if path.suffix != ".jsonl":
        return list(lines)
    return [_prompt(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def _prompt(line: str, where: str) -> str | list[Message]:
    try:
        told = json.loads(line)
    except ValueError:
        told = None
    if isinstance(told, dict) and isinstance(told.get("prompt"), str):
        return told["prompt"]
    said = told.get("messages") if isinstance(told, dict) else None
    if isinstance(said, list) and said and all(isinstance(turn, dict) and "content" in turn for turn in said):
        return said
    raise Problem(f'{where} is no prompt: expected {{"prompt": "…"}} or {{"messages": [{{"role": …, "content": …}}]}}')
