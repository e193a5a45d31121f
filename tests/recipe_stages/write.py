"""Writes a text into one file, slowly if asked."""

import time

from pydantic import Field

from groundup import config
from groundup.errors import Problem
from groundup.run import Estimate, write_atomically

VERSION, SEEDED = 1, True


class Settings(config.Settings):
    text: str = Field("", description="what is written")
    copies: int = Field(1, gt=0, description="how often")
    pause: float = Field(0.0, ge=0, description="seconds between two copies")
    seeded: bool = Field(False, description="whether the seed is written too")
    memory: int = Field(1, gt=0, description="GB that a copy is estimated to need")
    disk: int = Field(0, ge=0, description="GB of disk that it is estimated to need")
    crash: bool = Field(False, description="end in a defect")
    refuse: bool = Field(False, description="end in a sentence")


def run(settings, work):
    if settings.refuse:
        raise Problem("write was told to refuse: set refuse=false")
    if settings.crash:
        raise RuntimeError("a defect of ours")
    for copy in range(settings.copies):
        if work.stopping():
            raise KeyboardInterrupt
        work.progress(copy, settings.copies, "copies", "writing")
        time.sleep(settings.pause)
    said = f"{settings.text} {work.seed}" if settings.seeded else settings.text
    write_atomically(work.out / "page.txt", "\n".join([said] * settings.copies))


def estimate(settings, before, machine):
    size = len(settings.text) * settings.copies
    return Estimate(
        text_bytes=size,
        documents=1,
        memory_bytes=settings.memory * settings.copies * 10**6,
        disk_bytes=settings.disk * 10**9,
        seconds=1.0,
    )
