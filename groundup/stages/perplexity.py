"""Texts become a table of letters: what is surprising beside them can then be told from what is not.

Leaves perplexity.json and perplexity.safetensors, which the filter `{kind: perplexity}` reads, and report.json with the
percentiles of texts that were not counted.
"""

import json
from pathlib import Path

from pydantic import Field

from groundup.config import Input
from groundup.config import Settings as BaseSettings
from groundup.data.filters.perplexity import LetterSettings
from groundup.errors import Problem
from groundup.hardware import Machine
from groundup.run import Estimate, Work, write_atomically

VERSION = 1
SEEDED = False
SPEED = 4e6  # characters/s that a core counts
LEAST = 20  # texts that percentiles need
EXAMPLES, CLIP = 3, 200


class Settings(BaseSettings):
    """What is counted, and what the percentiles are taken from."""

    texts: list[Input] = Field(min_length=1, description="files, folders, corpora of good text")
    pool: list[Input] = Field(
        [], description="texts that are to be filtered, for the percentiles; empty: held-out ones"
    )
    held_out: float = Field(0.1, gt=0, lt=1, description="share of the texts that is not counted but measured")
    most: int = Field(50_000, ge=LEAST, description="texts that are measured, at most")
    letters: LetterSettings = Field(LetterSettings.model_validate({}), description="how far a character looks back")


def run(settings: Settings, work: Work) -> None:
    """Count, measure, write."""
    from groundup.data.filters import examples
    from groundup.data.filters.perplexity import Counting
    from groundup.data.tokens.split import WHOLE, place

    counting, held, counted, characters = Counting(settings.letters), [], 0, 0
    for text in examples.plain(settings.texts):
        if place(text) < settings.held_out * WHOLE:
            held.append(examples.Example(text, ""))
            continue
        counting.add(text)
        counted, characters = counted + 1, characters + len(text)
        work.progress(counted, counted + 1, "texts", "counting")
    measured = (examples.Example(text, "") for text in examples.plain(settings.pool)) if settings.pool else held
    chosen = [example.text for example in examples.sampled(measured, settings.most)]
    if len(chosen) < LEAST:
        raise Problem(
            f"percentiles need {LEAST} texts that were not counted, and there are {len(chosen)}; give more texts"
        )
    if counting.full:
        work.say(
            f"more different runs than 2^{settings.letters.bits} slots hold; letters.bits={settings.letters.bits + 2} has room"
        )
    found = counting.measured(chosen, {"texts": counted, "characters": characters, "measured": len(chosen)})
    found.save(work.out)
    report = {**found.described.model_dump(), "full": counting.full, "examples": _examples(found, chosen)}
    write_atomically(work.out / "report.json", json.dumps(report, ensure_ascii=False, indent=1) + "\n")
    work.log(texts=counted, characters=characters, median_bits=found.described.percentiles[50])


def _examples(found, texts: list[str]) -> dict[str, list[dict[str, object]]]:
    """The least and the most surprising of the measured texts, and some between."""
    ranked = sorted((bits, number) for number, text in enumerate(texts) if (bits := found.bits(text)) is not None)
    places = {
        "lowest": ranked[:EXAMPLES],
        "middle": ranked[len(ranked) // 2 :][:EXAMPLES],
        "highest": ranked[-EXAMPLES:],
    }
    return {
        name: [{"bits": round(bits, 3), "text": texts[number][:CLIP]} for bits, number in chosen]
        for name, chosen in places.items()
    }


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """One pass over the texts; the tables are what is held in memory."""
    size = sum(_size(Path(path)) for path in settings.texts) + sum(told.text_bytes for told in before.values())
    return Estimate(
        text_bytes=size,
        memory_bytes=int(250e6 + (20 << settings.letters.bits)),
        disk_bytes=20 << settings.letters.bits,
        seconds=3 + size / SPEED,
    )


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size if path.exists() else 0
