"""Files that lie elsewhere (s3://, gs://, hf:// through Daft, https:// through `fetch`): brought here one at a time and read.

A file is here only while it is read, under the name that it has there; so what its documents are called, and all that
reading knows of formats, is the same as for files on this disk.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import Field

from groundup.config import Settings
from groundup.data.documents import Record
from groundup.data.reading.fetch import PIECE, fetch, judged
from groundup.data.reading.files import Reader
from groundup.errors import Problem

SCHEMES = ("s3://", "gs://", "hf://", "https://", "http://")
OVER_HTTP = ("https://", "http://")
HF_TOKEN = "HF_TOKEN"  # where Hugging Face's own tools look for a key; Daft looks nowhere
PATIENCE: Any = {"num_tries": 3, "connect_timeout_ms": 10_000, "retry_initial_backoff_ms": 500}


class Store(Settings):
    """How files elsewhere are asked for. Keys are never written here: they come from the environment, as the store's tools do."""

    endpoint: str = Field("", description="the address of a store that speaks S3; empty: Amazon's")
    region: str = Field("", description="the region of the store; empty: as the environment says")
    anonymous: bool = Field(False, description="ask without keys, for what is open to everybody")
    private: bool = Field(False, description="allow servers at private addresses, such as one on this machine")


def is_address(text: str) -> bool:
    """Whether a path is none on this machine."""
    return text.startswith(SCHEMES)


class Remote:
    """Iterates over the records at some addresses, as Reader does over those of paths."""

    def __init__(self, addresses: list[str], store: Store, folder: Path):
        self.store, self.folder = store, folder
        shutil.rmtree(folder, ignore_errors=True)
        self.files = list(chain.from_iterable(self._listed(address) for address in addresses))
        self.total_bytes = sum(size for _, size in self.files)
        self.done_bytes = 0
        self.skipped: Counter[str] = Counter()

    @property
    def listed(self) -> list[list[Any]]:
        """What is there, as it can be remembered: a store that changes in between must not go unnoticed."""
        return [list(file) for file in self.files]

    def __iter__(self) -> Iterator[Record]:
        for address, size in self.files:
            place = self.folder / _name(address)
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._bring(address, place)
                reader = Reader([str(self.folder)])
                yield from reader
                self.skipped.update(reader.skipped)
            finally:
                shutil.rmtree(self.folder, ignore_errors=True)
            self.done_bytes += size

    def _listed(self, address: str) -> Iterator[tuple[str, int]]:
        """Every file at an address or below it, with its size; over HTTP an address is one file of unknown size."""
        if address.startswith(OVER_HTTP):
            yield address, 0
            return
        wanted = address if any(sign in address for sign in "*?[") else address.rstrip("/")
        found = self._globbed(wanted) or ([] if wanted != address.rstrip("/") else self._globbed(f"{wanted}/**"))
        if not found:
            raise Problem(f"there is nothing at {address}; name a file, a folder or a glob that matches something")
        yield from sorted(found)

    def _globbed(self, address: str) -> list[tuple[str, int]]:
        from groundup.data.engine import engine

        daft = engine()
        try:
            tables = list(daft.from_glob_path(address, io_config=self._config(daft)).to_arrow_iter())
        except FileNotFoundError:
            return []
        except Exception as error:  # whatever the store's client calls it
            raise Problem(_unreachable(address, error)) from None
        rows = (row for table in tables for row in table.to_pylist())
        return [(row["path"], row["size"] or 0) for row in rows if not row["path"].endswith("/")]

    def _bring(self, address: str, place: Path) -> None:
        if address.startswith(OVER_HTTP):
            fetch(address, place, self.store.private)
            return
        from groundup.data.engine import engine

        daft = engine()
        try:
            with daft.File(address, self._config(daft)).open(PIECE) as there, open(place, "wb") as here:
                shutil.copyfileobj(there, here, PIECE)
        except Exception as error:
            raise Problem(_unreachable(address, error)) from None

    def _config(self, daft: Any) -> Any:
        from daft.io import GCSConfig, HTTPConfig, HuggingFaceConfig, IOConfig, S3Config

        store = self.store
        if store.endpoint:
            parts = urlsplit(store.endpoint)
            judged(parts.hostname or "", parts.port or 443, store.private)
        told = {"endpoint_url": store.endpoint or None, "region_name": store.region or None}
        given: dict[str, Any] = {name: value for name, value in told.items() if value}
        return IOConfig(
            s3=S3Config(anonymous=store.anonymous, **PATIENCE, **given),
            gcs=GCSConfig(anonymous=store.anonymous, **PATIENCE),
            hf=HuggingFaceConfig(anonymous=store.anonymous, token=os.environ.get(HF_TOKEN)),
            http=HTTPConfig(**PATIENCE),  # what is asked of Hugging Face goes over it
        )


class Together:
    """Several readers as one."""

    def __init__(self, *readers: Any):
        self.readers = readers
        self.files = [file for reader in readers for file in reader.files]

    @property
    def skipped(self) -> Counter[str]:
        """Files that were left, by why."""
        return sum((reader.skipped for reader in self.readers), Counter())

    @property
    def total_bytes(self) -> int:
        return sum(reader.total_bytes for reader in self.readers)

    @property
    def done_bytes(self) -> int:
        return sum(reader.done_bytes for reader in self.readers)

    def __iter__(self) -> Iterator[Record]:
        return chain.from_iterable(self.readers)


def _name(address: str) -> str:
    """Where a file lies below the folder: host or bucket first; no part of it leads out again."""
    parts = urlsplit(address)
    steps = [parts.netloc.rpartition("@")[2].replace(":", "_"), *unquote(parts.path).split("/")]
    return "/".join(step.lstrip(".").replace("\0", "") or "_" for step in steps if step)


def _unreachable(address: str, error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    cause = lines[-1].lstrip("0123456789: ") if len(lines) > 1 else ""  # the first names a kind, the last what happened
    said = lines[0][:200] + (f", {cause[:200]}" if cause else "")
    return f"{address} cannot be read ({said}): is there a network, is the name right, and are the keys there?"
