"""What earlier visits brought home, kept beside the runs: a page that has not changed since is not sent again.

One file for each URL: a line of JSON (when, what the server said of its version, the head) and the body. A file that is
not whole is no file: its digest tells.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

VERSIONS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}


@dataclass(frozen=True)
class Kept:
    """A page as it was found once."""

    url: str
    date: str
    status: int
    reason: str
    lines: list[tuple[str, str]]
    body: bytes

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.lines}

    @property
    def asking(self) -> dict[str, str]:
        """The headers that ask for the page only if it is another by now."""
        told = self.headers
        return {asked: told[name] for name, asked in VERSIONS.items() if told.get(name)}


class Memory:
    """A folder of pages by URL."""

    def __init__(self, folder: Path):
        self.folder = folder

    def find(self, url: str) -> Kept | None:
        """The page as it was found last, or None."""
        try:
            first, _, body = self._path(url).read_bytes().partition(b"\n")
            told = json.loads(first)
            if told.pop("sha256") != hashlib.sha256(body).hexdigest() or told["url"] != url:
                return None
            return Kept(**told | {"lines": [(name, value) for name, value in told["lines"]]}, body=body)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, page: Kept) -> None:
        """Remember a page that says what version it is; others would have to be sent again anyway."""
        path = self._path(page.url)
        if not page.asking:
            with suppress(FileNotFoundError):
                path.unlink()
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {name: value for name, value in asdict(page).items() if name != "body"}
        told["sha256"] = hashlib.sha256(page.body).hexdigest()
        beside = path.with_name(path.name + ".writing")
        beside.write_bytes(json.dumps(told).encode() + b"\n" + page.body)
        os.replace(beside, path)

    def _path(self, url: str) -> Path:
        name = hashlib.sha256(url.encode()).hexdigest()
        return self.folder / name[:2] / name
