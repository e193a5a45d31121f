"""The documents that bench/data_filters.py judges: pages of the invented town, talk, and technical and literary texts.

Some 9 MB in some thousands of documents, most of a page's length: the texts lie where --texts says, the pages are made.
"""

import gzip
import json
import lzma
import tempfile
from collections.abc import Iterator
from pathlib import Path

from groundup.data.cleaning.clean import normalise
from groundup.data.cleaning.extract import extract
from groundup.data.reading.encoding import decode
from groundup.data.reading.files import Reader
from groundup.town import internet

LONGEST = 100_000  # bytes; whole books would leave too few documents to compare decisions of
TEXT_BYTES, TALK_BYTES, PAGES = 2_100_000, 1_000_000, 2000
NO_SHARES = {"duplicate": 0.06, "gibberish": 0.04, "spam": 0.05, "toxic": 0.03, "language": 0.04}


def write(folder: Path, place: Path) -> Path:
    """All documents as lines of JSON."""
    found = [*texts(folder), *talk(folder), *pages()]
    lines = (json.dumps({"id": str(n), "source": s, "text": t}) + "\n" for n, (s, t) in enumerate(found))
    place.write_text("".join(lines))
    return place


def texts(folder: Path) -> Iterator[tuple[str, str]]:
    """The first documents of each shard."""
    for shard in sorted((folder / "text" / "train").glob("*.jsonl.xz")):
        total = 0
        with lzma.open(shard, "rt") as lines:
            for line in lines:
                told = json.loads(line)
                size = len(told["text"].encode())
                if size <= LONGEST:
                    total += size
                    yield told["source"], normalise(told["text"])
                if total > TEXT_BYTES:
                    break


def talk(folder: Path) -> Iterator[tuple[str, str]]:
    """Conversations as people write them."""
    total = 0
    with gzip.open(folder / "instructions" / "hh_rlhf_harmless_base_test.jsonl.gz", "rt") as lines:
        for line in lines:
            text = normalise(json.loads(line)["chosen"])
            total += len(text.encode())
            if total > TALK_BYTES:
                return
            yield "talk", text


def pages() -> Iterator[tuple[str, str]]:
    """The text of invented pages, with the rubbish among them."""
    net = internet.Internet(internet.Plan(7, 40, 24, NO_SHARES, 0.08, 0.08, ()))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pages").mkdir()
        (Path(folder) / "sealed").mkdir()
        for shard in range(internet.shard_count(PAGES)):
            internet.write_shard(net, Path(folder), shard, PAGES)
        for record in Reader([folder + "/pages"]):
            text = normalise(extract(decode(record.body, record.charset)))
            if text.strip():
                yield "pages", text
