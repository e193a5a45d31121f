"""What became of every address, a line of JSON each, told only after its page lies in the archive.

A killed attempt may have left half a line, or after a power cut lines whose pages are not there: such addresses are visited
again. So are those that nobody answered at: the net may have been away.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from groundup.data.collecting.archive import whole_bytes

PAGE, UNCHANGED, REDIRECT, LIST, REFUSED, FAILED = "page", "unchanged", "redirect", "list", "refused", "failed"
STORED = {PAGE, UNCHANGED}
AWAY = {"unresolved", "unreachable"}  # reasons that may lie at our end


@dataclass
class Visit:
    """One address and its outcome; what is empty is left out of its line."""

    url: str
    outcome: str
    reason: str = ""  # of what was refused or failed, in a word of the report
    detail: str = ""
    status: int = 0
    at: str = ""
    sent: int = 0  # bytes of the body as they came
    bytes: int = 0  # of the body, unpacked
    type: str = ""
    depth: int = 0
    hops: int = 0
    shard: int = -1
    end: int = 0  # where its record ends in the shard
    to: str = ""
    found: list[str] = field(default_factory=list)  # addresses that were learnt here
    lists: list[str] = field(default_factory=list)

    def line(self) -> dict[str, Any]:
        """As it is written."""
        return {name: value for name, value in asdict(self).items() if value not in ("", 0, [], -1) or name == "shard"}


class Journal:
    """The visits of all attempts so far."""

    def __init__(self, path: Path, archive: Path):
        self.path, self.archive = path, archive
        self.visits = list(self._known())
        raw = "".join(json.dumps(visit.line()) + "\n" for visit in self.visits).encode()
        path.write_bytes(raw)
        self.file = open(path, "ab", buffering=0)  # a line is one write: whole, or not there

    def add(self, visit: Visit) -> None:
        """Tell what became of an address."""
        self.visits.append(visit)
        self.file.write(json.dumps(visit.line()).encode() + b"\n")

    def place(self) -> tuple[int, int]:
        """The last shard that pages are told to lie in, and where the last of them ends."""
        return max(((visit.shard, visit.end) for visit in self.visits if visit.shard >= 0), default=(0, 0))

    def close(self) -> None:
        self.file.close()

    def _known(self) -> Iterator[Visit]:
        if not self.path.exists():
            return
        sizes: dict[int, int] = {}
        for line in self.path.read_bytes().splitlines():
            try:
                visit = Visit(**json.loads(line))
            except (ValueError, TypeError):
                return  # torn: nothing stands behind it
            if visit.shard >= 0 and visit.shard not in sizes:
                sizes[visit.shard] = whole_bytes(self.archive, visit.shard)
            there = visit.shard < 0 or visit.end <= sizes[visit.shard]
            if there and not (visit.outcome == FAILED and visit.reason in AWAY):
                yield visit
