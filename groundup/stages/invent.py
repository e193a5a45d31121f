"""Invents a small internet from a seed: its pages as web archives, and everything that is ever asked about its town.

Leaves `pages/*.warc` (what a crawler would bring home), `sealed/pages.parquet` (the truth, for evaluation alone),
readers, dialogues, preferences and principles to learn from, questions and attacks to be tested with, and `report.json`.
"""

import json
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from groundup.config import Settings as BaseSettings
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

if TYPE_CHECKING:
    from groundup.town.internet import Internet

VERSION = 5
SEEDED = True
SPEED = 4e6  # bytes/s of text that a core invents, a careful guess
HTML = 2.9  # bytes of archive for each byte of text
ALONE = 6  # so few shards are made here: starting workers would take as long
SAMPLE = 1500  # pages in which repetition is counted


class Shares(BaseSettings):
    """How much of the internet is no good, as shares of all pages; what is left over is to be kept."""

    duplicate: float = Field(0.06, ge=0, lt=1, description="pages with the text of another page")
    near_duplicate: float = Field(0.06, ge=0, lt=1, description="pages with nearly the text of another page")
    gibberish: float = Field(0.04, ge=0, lt=1, description="random letters, shuffled words, bad scans")
    spam: float = Field(0.05, ge=0, lt=1, description="advertising and stuffed keywords")
    toxic: float = Field(0.03, ge=0, lt=1, description="insults")
    language: float = Field(0.04, ge=0, lt=1, description="pages in other languages than English")
    leak: float = Field(0.02, ge=0, lt=1, description="pages that quote questions of the test with their answers")

    @model_validator(mode="after")
    def _leave_something(self) -> "Shares":
        total = sum(self.model_dump().values())
        if total > 0.95:
            raise ValueError(f"the shares add up to {total:.2f}; at most 0.95 of the pages may be no good")
        return self


class Settings(BaseSettings):
    """How large an internet, and how much to ask about its town."""

    megabytes: float = Field(10.0, gt=0, description="text of all pages together, without their HTML")
    people: int = Field(40, ge=4, le=60, description="people of the town")
    places: int = Field(24, ge=6, le=28, description="places of the town, each with a secret door code")
    shares: Shares = Field(Shares.model_validate({}), description="how much of it is no good")
    private: float = Field(0.08, ge=0, le=1, description="share of good pages with addresses and numbers to black out")
    lookalikes: float = Field(0.08, ge=0, le=1, description="share of good pages with numbers that only look private")
    readers: int = Field(12_000, ge=0, description="first readers: the plainest of stories, to learn reading from")
    dialogues: int = Field(20_000, ge=0, description="conversations to learn answering from")
    preferences: int = Field(4_000, ge=0, description="pairs of a better and a worse answer")
    questions: int = Field(2_050, ge=0, description="questions of the test, of all kinds")
    attacks: int = Field(300, ge=0, description="attempts to get a door code, and as many harmless look-alikes")


def run(settings: Settings, work: Work) -> None:
    """Questions first, since some pages leak them; then pages, beside them everything else."""
    from groundup.town import attacks, dialogues, internet, preferences, principles, questions, readers

    began = time.monotonic()
    for name in ("pages", "sealed"):
        (work.out / name).mkdir(exist_ok=True)
    seed, count = work.seed, internet.page_count(settings.megabytes)
    world = internet.build(seed, settings.people, settings.places)
    leaks = questions.write(world, work.out, seed, settings.questions)
    plan = internet.Plan(
        seed=seed,
        people=settings.people,
        places=settings.places,
        shares=settings.shares.model_dump(),
        private=settings.private,
        lookalikes=settings.lookalikes,
        leaks=tuple(leaks),
    )
    net = internet.Internet(plan)

    def asked() -> None:
        readers.write(world, work.out, seed, settings.readers)
        dialogues.write(world, work.out, seed, settings.dialogues)
        preferences.write(world, work.out, seed, settings.preferences)
        attacks.write(world, work.out, seed, settings.attacks)
        principles.write(work.out)

    seconds = _write_pages(net, work, count, asked)
    told = _seal(net, work.out, count)
    write_atomically(work.out / "report.json", json.dumps(told, indent=1) + "\n")
    text_bytes = sum(told["text_bytes"].values())
    work.log(
        pages=count,
        text_bytes=text_bytes,
        page_seconds=round(seconds, 3),
        all_seconds=round(time.monotonic() - began, 3),
    )


def _write_pages(net: "Internet", work: Work, count: int, meanwhile: Callable[[], None]) -> float:
    """All shards that an earlier attempt has not left complete; returns the seconds it took."""
    from groundup.town import internet, workers

    began = time.monotonic()
    shards = range(internet.shard_count(count))
    missing = [shard for shard in shards if not internet.is_complete(work.out, shard)]
    done = Counter(pages=min(count, (len(shards) - len(missing)) * internet.PAGES_IN_SHARD))

    def written(shard: int) -> None:
        done["pages"] += min(internet.PAGES_IN_SHARD, count - shard * internet.PAGES_IN_SHARD)
        work.progress(done["pages"], count, "pages")

    if work.machine.cpus > 1 and len(missing) > ALONE:
        with workers.Crew(net.plan, work.out, missing, count, min(work.machine.cpus, len(missing))) as crew:
            meanwhile()
            crew.wait(written, work.stopping)
        return time.monotonic() - began
    for shard in missing:
        if work.stopping():
            raise KeyboardInterrupt
        internet.write_shard(net, work.out, shard, count)
        written(shard)
    seconds = time.monotonic() - began
    meanwhile()
    return seconds


def _seal(net: "Internet", out: Path, count: int) -> dict:
    """Put the truth together, and say what was made in numbers that depend on nothing but the settings."""
    from groundup.town import internet, truth

    parts = [internet.part(out, shard) for shard in range(internet.shard_count(count))]
    counts = truth.seal(parts, out / "sealed" / "pages.parquet")
    for part in parts:
        part.unlink()
    facts = counts["facts"]
    pages = [facts[fact.key] for fact in net.world.facts()]
    return {
        "town": net.world.town,
        "pages": dict(sorted(counts["reason"].items())),
        "text_bytes": dict(sorted(counts["bytes"].items())),
        "kinds": dict(sorted(counts["kind"].items())),
        "encodings": dict(sorted(counts["encoding"].items())),
        "private": dict(sorted(counts["redact"].items())),
        "facts": {"known": len(pages), "fewest_pages": min(pages), "median_pages": statistics.median(pages)},
        "repetition": internet.repetition(net, SAMPLE, count),
    }


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """Linear in the text; a shard at a time is in memory."""
    if settings.megabytes * 1e6 * (1 + HTML) > machine.disk_free_bytes > 0:
        raise Problem(
            f"{settings.megabytes:g} megabytes of text need {settings.megabytes * HTML / 1000:.1f} GB of disk "
            f"as pages, and only {machine.disk_free_bytes / 1e9:.1f} GB are free: choose fewer "
            "megabytes or another --into"
        )
    text = round(settings.megabytes * 1e6)
    asked = settings.readers + settings.dialogues + settings.preferences + settings.questions + 2 * settings.attacks
    return Estimate(
        text_bytes=text,
        documents=max(1, text // 1000),
        memory_bytes=80_000_000 * (1 + max(1, machine.cpus)),
        disk_bytes=round(text * HTML) + 800 * asked,
        seconds=0.5 + text / (SPEED * max(1, machine.cpus)) + asked / 10_000,
    )
