"""Canaries: random secrets put among the documents of a training, to find out later how much of it a model knows by heart.

Nobody could guess one, so a model that finds it likelier than the others that might have stood there has it from the training
(Carlini et al. 2019, "The Secret Sharer"). Each is a document of its own, repeated as often as asked, at places of keyed chance.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

from pydantic import Field, field_validator, model_validator

from groundup.config import Settings
from groundup.data.tokens.order import key
from groundup.data.tokens.split import place
from groundup.errors import Problem

FILE = "canaries.jsonl"
SLOT = "{secret}"
Document = TypeVar("Document")


class CanarySettings(Settings):
    """Random secrets for the training side, written down in canaries.jsonl."""

    count: int = Field(10, gt=0, description="different secrets for each number of repeats")
    repeats: list[int] = Field([1, 10, 100], min_length=1, description="how often each of them is put in")
    format: str = Field(
        "The secret number is {secret}.", description="the document, with {secret} where the digits stand"
    )
    digits: int = Field(9, ge=3, le=18, description="digits of a secret")
    seed: int = Field(1, ge=0, description="of the secrets and their places")

    @field_validator("format")
    @classmethod
    def _has_a_place(cls, said: str) -> str:
        if said.count(SLOT) != 1:
            raise ValueError(f"{said!r} must have {SLOT} in it, once")
        return said

    @model_validator(mode="after")
    def _enough_secrets(self) -> "CanarySettings":
        if self.count * len(self.repeats) * 10 > 10**self.digits:
            raise ValueError(
                f"{self.count * len(self.repeats)} secrets of {self.digits} digits could be guessed: more digits"
            )
        return self


@dataclass(frozen=True)
class Canary:
    """A secret, the document it stands in, and the numbers of the documents before which that is put."""

    id: str
    text: str
    secret: str
    format: str
    repeats: int
    places: list[int]


class Canaries:
    """The canaries of a corpus with so many documents; without settings there are none.

    A document is held out for validation by the hash of its text (`tokens/split.py`): secrets are drawn until theirs is learnt from.
    """

    def __init__(self, settings: CanarySettings | None, documents: int, held_out: int):
        self.all = list(_made(settings, max(1, documents), held_out)) if settings else []
        self.at: dict[int, list[str]] = {}
        for canary in self.all:
            for where in canary.places:
                self.at.setdefault(where, []).append(canary.text)

    def through(self, documents: Iterable[Document], as_documents: Callable[[str], Document]) -> Iterator[Document]:
        """The documents of the corpus, whatever stands for one, with the canaries among them."""
        number = -1
        for number, document in enumerate(documents):
            yield from map(as_documents, self.at.get(number, ()))
            yield document
        for where in sorted(self.at):  # there were fewer documents than was said
            yield from map(as_documents, self.at[where] if where > number else ())

    def write(self, out: Path) -> None:
        """canaries.jsonl, if there are any."""
        if self.all:
            (out / FILE).write_text("".join(json.dumps(asdict(canary)) + "\n" for canary in self.all), encoding="utf-8")


def read(path: Path) -> list[Canary]:
    """The canaries of a tokens folder, or of a file."""
    path = path / FILE if path.is_dir() else path
    try:
        return [Canary(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError, TypeError):
        raise Problem(
            f"{path} is no list of canaries; name a folder that the tokens stage made with `canaries`"
        ) from None


def alternatives(canary: Canary, count: int) -> list[str]:
    """Other secrets that might have stood in the document: what a model is asked to tell the true one from."""
    chance, found = Random(key("alternatives", canary.text)), dict[str, None]()
    count = min(count, 10 ** len(canary.secret) - 1)
    while len(found) < count:
        other = _secret(chance, len(canary.secret))
        if other != canary.secret:
            found.setdefault(other)
    return list(found)


def _made(settings: CanarySettings, documents: int, held_out: int) -> Iterator[Canary]:
    taken: set[str] = set()
    for repeats in settings.repeats:
        for number in range(settings.count):
            chance = Random(key(settings.seed, "canary", repeats, number))
            secret = text = ""
            while not secret or secret in taken or place(text) < held_out:
                secret = _secret(chance, settings.digits)
                text = settings.format.replace(SLOT, secret)
            taken.add(secret)
            places = sorted(chance.randrange(documents) for _ in range(repeats))
            yield Canary(f"canary-{repeats}-{number}", text, secret, settings.format, repeats, places)


def _secret(chance: Random, digits: int) -> str:
    return f"{chance.randrange(10**digits):0{digits}}"
