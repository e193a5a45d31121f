"""Joins texts: a file as it is, a folder file by file."""

from pathlib import Path

from pydantic import Field

from groundup import config
from groundup.run import Estimate, write_atomically

VERSION, SEEDED = 1, False


class Settings(config.Settings):
    parts: list[config.Input] = Field(description="what is joined")
    also: config.Input | None = Field(None, description="one more")
    upper: bool = Field(False, description="in capitals")
    title: str = Field("", description="the first line")


def run(settings, work):
    texts = [settings.title] if settings.title else []
    for part in [*settings.parts, *([settings.also] if settings.also else [])]:
        place = Path(part)
        files = [place] if place.is_file() else sorted(place.rglob("*.txt"))
        texts += [file.read_text() for file in files]
    joined = "\n".join(texts)
    write_atomically(work.out / "joined.txt", joined.upper() if settings.upper else joined)


def estimate(settings, before, machine):
    whole = before["parts"]
    return Estimate(text_bytes=whole.text_bytes, documents=whole.documents, memory_bytes=10**6, seconds=0.5)
