"""Raw files become a corpus: readable text without rubbish, copies, leaks and private numbers, as parquet shards.

Leaves `kept-*.parquet` (id, text, source, hash), `removed/` with a reason for each document that went, `redactions.parquet`
and `table.json`, which says what every step did.
"""

from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from groundup.config import Input
from groundup.config import Settings as BaseSettings
from groundup.data.cleaning.change import ChangeSettings
from groundup.data.copies.decontaminate import LeakSettings
from groundup.data.copies.near import NearSettings
from groundup.data.copies.repeated import RepeatedSettings, SubstringSettings
from groundup.data.privacy.redact import KindName
from groundup.data.profiles import PROFILES, FilterSettings, Profile
from groundup.data.reading.fields import Fields, Manner
from groundup.data.reading.remote import Store, is_address
from groundup.data.workers.job import Limits
from groundup.hardware import Machine
from groundup.run import Estimate, Work

VERSION = 4
SEEDED = False
SPEED = 1.5e6  # bytes/s of raw pages that one core takes through all steps
SWITCHED = ("near", "repeated_paragraphs", "repeated_lines", "substrings")  # what `off` takes out of a profile
START = 3.0  # seconds until the workers are there
PACKED = {".gz": 3.5, ".xz": 4.0, ".zst": 3.5, ".bz2": 4.0, ".parquet": 2.5}  # bytes of text in a byte of file
KEPT, STAGED = 0.4, 0.6  # bytes of disk for a byte of text: in the corpus, and until it is made
READABLE = 0.4  # bytes of text in a byte of HTML
PAGES = {".warc", ".html", ".htm", ".xhtml"}


class Settings(BaseSettings):
    """What to read, and which documents stay."""

    files: list[Input] = Field(
        [],
        description="files, folders, globs: txt md html jsonl csv parquet warc epub pdf tex, archives, dumps, code; "
        "see docs/formats.md; or addresses",
    )
    addresses: list[str] = Field(
        [],
        description="files elsewhere (s3:// gs:// hf:// https://), read after `files`; who changes them changes the corpus",
    )
    store: Store = Field(Store.model_validate({}), description="how files elsewhere are asked for")
    fields: Fields | None = Field(
        None, description="which columns of a row are its text, id and address; empty: `text`"
    )
    manner: Manner | None = Field(None, description="how books and web archives are read")
    profile: Literal["none", "prose", "web", "gopher", "c4", "fineweb"] = Field(
        "prose",
        description="a named set of filters: prose for text of any language, web for English pages; gopher, c4 and fineweb "
        "as they were published",
    )
    extractor: Literal["own", "trafilatura", "resiliparse"] = Field(
        "own", description="who takes the text out of pages"
    )
    repair: Literal["own", "ftfy", "off"] = Field("own", description="who repairs text that was decoded wrongly")
    changes: list[ChangeSettings] | None = Field(None, description="changes to make instead of the profile's")
    filters: list[FilterSettings] | None = Field(None, description="filters to use instead of the profile's")
    exact: bool | None = Field(None, description="remove exact duplicates; empty: as the profile says")
    near: NearSettings | Literal["off"] | None = Field(None, description="near duplicates; empty: as the profile says")
    repeated_paragraphs: RepeatedSettings | Literal["off"] | None = Field(
        None, description="paragraphs that stood before; empty: as the profile says"
    )
    repeated_lines: RepeatedSettings | Literal["off"] | None = Field(
        None, description="lines that stood before; empty: as the profile says"
    )
    substrings: SubstringSettings | Literal["off"] | None = Field(
        None, description="long passages that stood before; empty: as the profile says"
    )
    redact: list[KindName] | None = Field(None, description="what to black out; empty: as the profile says")
    placeholders: Literal["kind", "numbered"] = Field("kind", description="[email], or [email-2] for the same again")
    protect: Input | None = Field(None, description="questions (JSONL, JSON, CSV, parquet) that no document may quote")
    leaks: LeakSettings | None = Field(None, description="what counts as a quotation, and what happens to it")
    workers: int = Field(0, ge=0, description="processes at work; 0: one for each core")
    document: Limits = Field(
        Limits.model_validate({}), description="what a single document may cost before it is refused"
    )
    runner: Literal["native", "ray"] = Field("native", description="work on this machine, or on a cluster of Ray")
    cluster: str = Field("", description="the address of the Ray cluster; empty: one is started here")

    @model_validator(mode="before")
    @classmethod
    def _sort_out_addresses(cls, given: Any) -> Any:
        """What among the files is no path goes to the addresses."""
        if not isinstance(given, dict) or not isinstance(given.get("files"), list):
            return given
        away = [path for path in given["files"] if isinstance(path, str) and is_address(path)]
        here = [path for path in given["files"] if path not in away]
        return {**given, "files": here, "addresses": [*given.get("addresses", []), *away]} if away else given

    @model_validator(mode="after")
    def _read_something(self) -> "Settings":
        if not self.files and not self.addresses:
            raise ValueError("no files to read were named; name files, folders, globs or addresses")
        return self


def run(settings: Settings, work: Work) -> None:
    """Everything happens in data.pipeline; here only the settings are put together."""
    from groundup.data.pipeline import Way, build
    from groundup.data.prepare import Preparation
    from groundup.data.reading.files import Reader

    profile = profile_of(settings)
    Preparation(profile, None)  # what is not installed, or no model of a filter, is said before anything is read
    way = Way(_workers(settings, work), settings.document, settings.runner, work.progress, work.stopping, work.choose)
    read = partial(Reader, fields=settings.fields, manner=settings.manner)
    paths = [*settings.files, *settings.addresses]
    told = build(paths, profile, settings.protect, work.out, way, settings.store, read)
    work.log(documents=told["documents"], text_bytes=told["text_bytes"], removed=told["removed"])


def _workers(settings: Settings, work: Work) -> int:
    if settings.runner == "native":
        return settings.workers or work.machine.cpus
    from groundup.data.engine import join

    processors = join(settings.cluster)
    return settings.workers or processors


def profile_of(settings: Settings) -> Profile:
    """The named profile with what the settings say otherwise."""
    given = {name: getattr(settings, name) for name in Profile.model_fields}
    changed = {name: value for name, value in given.items() if value is not None}
    changed |= {name: None for name in SWITCHED if given[name] == "off"}
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
        memory_bytes=int(500e6 + workers * 250e6),
        disk_bytes=int(text * (KEPT + STAGED)),
        seconds=START + raw / SPEED / max(1, min(workers, machine.cpus)),
    )


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return [file for file in path.rglob("*") if file.is_file()]
    return [path] if path.exists() else [file for file in path.parent.glob(path.name) if file.is_file()]
