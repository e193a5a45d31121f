"""Raw files become a corpus: readable text without rubbish, copies, leaks and private numbers, as parquet shards.

Leaves `kept-*.parquet` (id, text, source), `removed/` with a reason for each document that went, `redactions.parquet`
and `table.json`, which says what every step did.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field

from groundup.config import Input
from groundup.config import Settings as BaseSettings
from groundup.data.near import NearSettings
from groundup.data.profiles import PROFILES, FilterSettings, Profile
from groundup.hardware import Machine
from groundup.run import Estimate, Work

VERSION = 1
SEEDED = False
SPEED = 1.5e6  # bytes/s of raw pages that one core takes through all steps
START = 3.0  # seconds until the workers are there
PACKED = {".gz": 3.5, ".xz": 4.0, ".zst": 3.5, ".bz2": 4.0, ".parquet": 2.5}  # bytes of text in a byte of file
READABLE = 0.4  # bytes of text in a byte of HTML
PAGES = {".warc", ".html", ".htm", ".xhtml"}


class Settings(BaseSettings):
    """What to read, and which documents stay."""

    files: list[Input] = Field(
        description="files, folders, globs: txt md rst html jsonl parquet warc; also .gz .xz .zst"
    )
    profile: Literal["none", "prose", "web"] = Field(
        "prose",
        description="a named set of filters: prose for text of any language, web for English pages",
    )
    filters: list[FilterSettings] | None = Field(None, description="filters to use instead of the profile's")
    exact: bool | None = Field(None, description="remove exact duplicates; empty: as the profile says")
    near: NearSettings | Literal["off"] | None = Field(None, description="near duplicates; empty: as the profile says")
    redact: list[Literal["email", "phone", "card"]] | None = Field(
        None, description="what to black out; empty: as the profile says"
    )
    protect: Input | None = Field(None, description="questions (JSONL) that no document may quote")
    workers: int = Field(0, ge=0, description="processes at work; 0: one for each core")


def run(settings: Settings, work: Work) -> None:
    """Everything happens in data.pipeline; here only the settings are put together."""
    from groundup.data.pipeline import build

    workers = settings.workers or work.machine.cpus
    table = build(list(settings.files), profile_of(settings), settings.protect, workers, work.out, work.progress)
    work.log(documents=table.kept, text_bytes=table.kept_bytes, removed=dict(table.removed))


def profile_of(settings: Settings) -> Profile:
    """The named profile with what the settings say otherwise."""
    given = {"filters": settings.filters, "exact": settings.exact, "redact": settings.redact, "near": settings.near}
    changed = {name: None if value == "off" else value for name, value in given.items() if value is not None}
    return PROFILES[settings.profile].model_copy(update=changed)


def estimate(settings: Settings, before: dict[str, Estimate], machine: Machine) -> Estimate:
    """From the sizes of the files, or from what the stage before says it will make."""
    raw = text = 0.0
    for number, path in enumerate(settings.files):
        made = before.get(f"files.{number}")
        if made is not None:
            raw, text = raw + (made.disk_bytes or made.text_bytes), text + made.text_bytes
            continue
        for file in _files(Path(path)):
            size = file.stat().st_size * PACKED.get(file.suffix.lower(), 1.0)
            raw, text = raw + size, text + size * (READABLE if PAGES & set(file.suffixes) else 1.0)
    workers = settings.workers or machine.cpus
    documents = max([estimate.documents for estimate in before.values()], default=0) or int(text / 2500)
    return Estimate(
        text_bytes=int(text),
        documents=documents,
        memory_bytes=int(400e6 + workers * 300e6),
        disk_bytes=int(text * 0.6),
        seconds=START + raw / SPEED / max(1, min(workers, machine.cpus)),
    )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [file for file in path.rglob("*") if file.is_file()]
    return [path] if path.exists() else [file for file in path.parent.glob(path.name) if file.is_file()]
