"""What fifteen terabytes of Common Crawl would take on a hundred machines: measured rates, carried over on paper.

    python -m bench.scale              # writes the tables of docs/scale.md
    python -m bench.scale --measure    # first measures what no other bench does: unpacking, tidying, language, redaction

Rates are those of bench/results (newest line each); what nobody measured here is in ASSUMED, with where it comes from.
"""

import argparse
import gzip
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from bench.tables import lines_of, newest
from groundup.data.copies.repeated import LINE
from groundup.data.copies.spill import MOST_PARTS
from groundup.data.sink import SHARD_BYTES
from groundup.hardware import catalogue, look

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "scale.jsonl"
IN_WEB = {
    "unpack and read",
    "extract",
    "tidy",
    "language",
    "signatures",
    "redact",
}  # steps of the profile that corpus_memory makes
DOC = HERE.parent / "docs" / "scale.md"
BEGIN, END = "<!-- written by `python -m bench.scale` -->", "<!-- end of tables -->"
MACHINES, CORES, MEMORY_GB = 100, 32, 128
BANDS, ROW, PIECE = (
    14,
    16,
    24,
)  # of the signature; bytes of (band, number) and (line, begin, end) as `copies/spill.py` writes them
STATE = 27  # bytes a document that `copies/duplicates.py` holds: first, forest and sizes of 8, three flags
PAGES, ROWS_SORTED = 2_000, 1 << 22  # of --measure: invented pages; rows of (band, number)

ASSUMED = {  # name -> (value, where from)
    "bytes of a packed page": (25e3, "75 TB of archive (arXiv 2404.09770) over about 3 G pages"),
    "unpacking, times": (4.5, "assumed for HTML in gzip"),
    "bytes of text of a page": (6e3, "assumed"),
    "bytes of a WARC file": (1e9, "assumed: about 90,000 files an archive"),
    "packing of WET, times": (2.5, "assumed for text in gzip"),
    "kept by filters": (0.25, "assumed: English alone, then C4's or FineWeb's rules"),
    "kept of what is compared": (0.5, "assumed, copies within one archive and between several"),
    "network of a machine, bytes/s": (6e8, "assumed: half of 10 Gbit/s"),
    "disk of a machine, bytes/s": (1e9, "assumed: one NVMe disk, written and read"),
    "bytes of a request": (8e6, "assumed: parts in which an object is read"),
    "requests a second and prefix": (5500, "Amazon S3's user guide: GET, for each partitioned prefix"),
    "slowest of 100 machines": (0.8, "assumed: the share of the others' speed"),
}


def assumed(name: str) -> float:
    return ASSUMED[name][0]


@dataclass(frozen=True)
class Rate:
    """Megabytes a second that one core takes, of raw pages or of text, and where that was measured."""

    name: str
    mb_per_s: float
    of: str
    source: str


def own_figures() -> dict[str, Any]:
    """The newest of scale.jsonl; figures of other files count where they are of the same make of processor."""
    return newest("scale") or {}


def rates() -> list[Rate]:
    """The newest figure of each step, in the order of work."""
    own = own_figures()
    pages = newest("extraction", labelled="test") or {}
    extraction = median(found["own"]["mb_per_s"] for found in pages["found"].values())
    found = [
        Rate("unpack and read", own["unpack"], "raw", "scale.jsonl"),
        Rate("extract", extraction, "raw", "extraction.jsonl, real pages, median of kinds"),
        Rate("tidy", own["tidy"], "text", "scale.jsonl"),
    ]
    for name in ("c4", "gopher_repetition", "gopher_quality", "fineweb"):
        run = [line for line in lines_of("data_filters") if line["filter"] == name and line["cores"] == 1][-1]
        found.append(Rate(name, run["megabytes_a_second"]["ours"], "text", "data_filters.jsonl"))
    copies = newest("data_copies", part="minhash", cores=1, cpu=own["cpu"]) or {}
    signing = copies["rounds"][-1]["groundup"]["signatures"]
    return [
        *found[:3],
        Rate("language", own["language"], "text", "scale.jsonl"),
        *found[3:],
        Rate("signatures", copies["text_mb"] / signing, "text", "data_copies.jsonl"),
        Rate("redact", own["redact"], "text", "scale.jsonl"),
    ]


def to_shards() -> float:
    """MB/s of the tokens stage as one process, on the make of processor that the other steps were measured on."""
    return (newest("tokens_stage", cpu=own_figures()["cpu"]) or {})["stage_mb_per_s"]


def encoding() -> float:
    """Megabytes of text a second that a core turns into tokens."""
    return (newest("tokenizer", part="encode", cores=1) or {})["runs"]["text"]["groundup"]


def comparing() -> float:
    """Documents a second that one process sorts and groups by their bands; who meets is then measured, which is not counted."""
    return own_figures()["rows_a_second"] / (BANDS + 1)


def whole() -> float:
    """How many times more processor time the whole corpus stage took than its steps add up to: Arrow, processes, parquet, filters
    that no bench takes apart. Of two sizes the difference, so that starting does not count; on processors of one make."""
    own = own_figures()
    runs = [run for run in lines_of("corpus_memory") if run["cpu"] == own["cpu"]]
    runs.sort(key=lambda run: run["raw_bytes"])
    small, large = runs[0], runs[-1]
    raw = (large["raw_bytes"] - small["raw_bytes"]) / 1e6
    text = raw * own["text_share"]
    steps = sum((raw if rate.of == "raw" else text) / rate.mb_per_s for rate in rates() if rate.name in IN_WEB)
    return max(1.0, (large["cpu_seconds"] - small["cpu_seconds"]) / steps)


@dataclass(frozen=True)
class Case:
    """So many bytes of a crawl."""

    name: str
    packed: float
    raw: float
    text: float
    documents: float
    extracted: bool  # whether somebody else took the text out of the pages


def cases(terabytes: float = 15) -> list[Case]:
    """The same fifteen terabytes, as archives that are packed and as text that is not."""
    packed, text = terabytes * 1e12, terabytes * 1e12
    pages = packed / assumed("bytes of a packed page")
    of_text = assumed("bytes of text of a page")
    return [
        Case("WARC, packed", packed, packed * assumed("unpacking, times"), pages * of_text, pages, False),
        Case("WET, text", text / assumed("packing of WET, times"), text, text, text / of_text, True),
    ]


@dataclass(frozen=True)
class Plan:
    """What a case takes."""

    core_hours: float
    prepare_hours: float  # all machines at it
    fetch_hours: float
    shuffle_bytes: float
    shuffle_hours: float
    compare_hours: float  # in one process, as it is now
    compare_parted_hours: float
    state_bytes: float  # in that process
    spilled_part: float  # bytes of the largest part that is sorted in memory
    reader_hours: float  # where one process reads everything, as it is now
    lines_bytes: float  # of lines and paragraphs that stood before: as much again as the text
    lines_hours: float
    table_bytes: float  # of all bands, were they in memory
    encode_hours: float
    encode_alone_hours: float  # in one process, as it is now
    shards: float  # of 64 MB that come out
    requests: float
    tail: float  # share of the machines' time that is waited for the slowest
    hours: float
    dollars: float
    tokens: float


def price() -> float:
    """Dollars an hour of a machine: the table has two cores."""
    offer = catalogue.named("cpu")
    return offer.dollars_per_hour * CORES / offer.cores


def plan(case: Case, machines: int = MACHINES) -> Plan:
    """Add it up."""
    cores, over = machines * CORES, whole()
    steps = [rate for rate in rates() if not (case.extracted and rate.name == "extract")]
    seconds = sum((case.raw if rate.of == "raw" else case.text) / (rate.mb_per_s * 1e6) for rate in steps) * over
    files = case.packed / assumed("bytes of a WARC file")
    waves = math.ceil(files / cores) / (files / cores) if files > cores else 1.0
    tail = 1 - 1 / (waves * (1 / assumed("slowest of 100 machines")))
    compared = case.documents * assumed("kept by filters")
    shuffle = compared * (BANDS + 1) * ROW
    kept = case.text * assumed("kept by filters") * assumed("kept of what is compared")
    prepare = seconds / cores / 3600
    wires = machines * assumed("network of a machine, bytes/s") * 3600
    compare = compared / comparing() / 3600
    encode = kept / (encoding() * 1e6) / cores / 3600
    disks = machines * assumed("disk of a machine, bytes/s") * 3600

    def moved(size: float) -> float:
        """Hours to send it once, and to write and read it on disks."""
        return size / wires + 2 * size / disks

    lines = case.text * assumed("kept by filters") * PIECE / LINE
    shuffled = moved(shuffle)
    hours = max(prepare, case.packed / wires) / (1 - tail) + shuffled + moved(lines) + compare / cores + encode
    read = next(rate.mb_per_s for rate in rates() if rate.name == "unpack and read") * 1e6
    return Plan(
        core_hours=seconds / 3600,
        prepare_hours=prepare,
        fetch_hours=case.packed / wires,
        shuffle_bytes=shuffle,
        shuffle_hours=shuffled,
        compare_hours=compare,
        compare_parted_hours=compare / cores,
        state_bytes=compared * STATE,
        spilled_part=shuffle / MOST_PARTS,
        reader_hours=case.raw / read / 3600,
        lines_bytes=lines,
        lines_hours=moved(lines),
        table_bytes=compared * BANDS * ROW * 2,
        encode_hours=encode,
        encode_alone_hours=kept / (to_shards() * 1e6) / 3600,
        shards=kept / SHARD_BYTES,
        requests=case.packed / assumed("bytes of a request"),
        tail=tail,
        hours=hours,
        dollars=hours * machines * price(),
        tokens=kept / 4,
    )


def tables() -> Iterator[str]:
    """All tables, as lines of Markdown."""
    offer, (warc, wet) = catalogue.named("cpu"), cases()
    yield f"{MACHINES} machines of {CORES} cores and {MEMORY_GB} GB; an hour of one costs ${price():.2f}: {CORES // offer.cores} times"
    yield f"the row `cpu` of `groundup/hardware/prices.json`, dated {_dated()} ({offer.source})."
    yield ""
    yield "| step | MB/s and core | of | measured in `bench/results/` |"
    yield "|---|---|---|---|"
    for rate in [*rates(), Rate("encode", encoding(), "text", "tokenizer.jsonl")]:
        yield f"| {rate.name} | {rate.mb_per_s:.4g} | {rate.of} | {rate.source} |"
    yield f"| compare | {comparing():,.0f} documents/s | documents | scale.jsonl: sorting on disk |"
    yield f"| the whole stage | {whole():.2f} times its steps | | corpus_memory.jsonl |"
    yield ""
    yield "| assumed | value | from |"
    yield "|---|---|---|"
    for name, (value, source) in ASSUMED.items():
        yield f"| {name} | {value:g} | {source} |"
    yield ""
    one, other = plan(warc), plan(wet)
    yield f"| | {warc.name} | {wet.name} |"
    yield "|---|---|---|"
    for name, show in SHOWN.items():
        yield f"| {name} | {show(warc, one)} | {show(wet, other)} |"


SHOWN = {
    "terabytes to fetch": lambda case, _: f"{case.packed / 1e12:.1f}",
    "terabytes unpacked": lambda case, _: f"{case.raw / 1e12:.1f}",
    "terabytes of text": lambda case, _: f"{case.text / 1e12:.1f}",
    "documents": lambda case, _: f"{case.documents / 1e6:,.0f} M",
    "core hours of preparing": lambda _, told: f"{told.core_hours:,.0f}",
    "hours of preparing, all machines": lambda _, told: f"{told.prepare_hours:.2f}",
    "the same, were it no more than its steps": lambda _, told: f"{told.prepare_hours / whole():.2f}",
    "hours of fetching, beside it": lambda _, told: f"{told.fetch_hours:.3f}",
    "share of the time waited for the slowest": lambda _, told: f"{100 * told.tail:.0f} %",
    "bytes of signatures to shuffle": lambda _, told: f"{told.shuffle_bytes / 1e9:.1f} GB",
    "hours of shuffling, parted": lambda _, told: f"{told.shuffle_hours:.4f}",
    "memory of all bands in one table": lambda _, told: f"{told.table_bytes / 1e9:.0f} GB",
    "bytes of lines to shuffle": lambda _, told: f"{told.lines_bytes / 1e12:.2f} TB",
    "hours of shuffling lines, parted": lambda _, told: f"{told.lines_hours:.4f}",
    "hours of comparing, parted": lambda _, told: f"{told.compare_parted_hours:.4f}",
    "hours of encoding": lambda _, told: f"{told.encode_hours:.4f}",
    "**hours in all**": lambda _, told: f"**{told.hours:.1f}**",
    "**dollars in all**": lambda _, told: f"**{told.dollars:,.0f}**",
    "tokens that come out, at 4 bytes": lambda _, told: f"{told.tokens / 1e9:.0f} G",
    "requests to the store": lambda _, told: (
        f"{told.requests / 1e6:.2f} M, {told.requests / told.hours / 3600:,.0f} a second"
    ),
    "today: hours of one process that reads": lambda _, told: f"{told.reader_hours:,.0f}",
    "today: hours of one process that compares": lambda _, told: f"{told.compare_hours:.1f}",
    "today: hours of one process that encodes": lambda _, told: f"{told.encode_alone_hours:,.0f}",
    "shards that come out": lambda _, told: f"{told.shards:,.0f}",
    "today: memory of the one that compares": lambda _, told: f"{told.state_bytes / 1e9:.1f} GB",
    "today: bytes of one of its 4,096 spilled parts": lambda _, told: f"{told.spilled_part / 1e6:.0f} MB",
}


def _dated() -> str:
    return json.loads(catalogue.TABLE.read_text(encoding="utf-8"))["dated"]


def measure() -> dict[str, float | str]:
    """Megabytes a second of processor time for the steps that no other bench takes apart, on invented pages; rows sorted a second."""
    from bench.data_filters_corpus import NO_SHARES
    from groundup.data.cleaning.clean import normalise
    from groundup.data.cleaning.extract import extract
    from groundup.data.filters.language import Language, LanguageSettings
    from groundup.data.filters.phrases import Text
    from groundup.data.privacy.redact import redact
    from groundup.data.reading.encoding import decode
    from groundup.data.reading.files import Reader
    from groundup.town import internet

    with tempfile.TemporaryDirectory() as folder:
        for name in ("pages", "sealed"):
            Path(folder, name).mkdir()
        net = internet.Internet(internet.Plan(7, 40, 24, NO_SHARES, 0.08, 0.08, ()))
        for shard in range(internet.shard_count(PAGES)):
            internet.write_shard(net, Path(folder), shard, PAGES)
        for path in Path(folder, "pages").iterdir():
            path.with_suffix(".warc.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
        records, unpack = taken(lambda: list(Reader([f"{folder}/pages"])))
        sorting = taken(lambda: _sorted(Path(folder, "rows")))[1]
    texts = [extract(decode(record.body, record.charset)) for record in records]
    raw, text = sum(len(record.body) for record in records) / 1e6, sum(len(text.encode()) for text in texts) / 1e6
    judge = Language(LanguageSettings())
    judge.judge(Text(texts[0]))
    cleaned, tidy = taken(lambda: [normalise(text) for text in texts])
    language = taken(lambda: [judge.judge(Text(text)) for text in cleaned])[1]
    redaction = taken(lambda: [redact(text) for text in cleaned])[1]
    seconds = {"tidy": tidy, "language": language, "redact": redaction}
    found = {name: round(text / took, 2) for name, took in seconds.items()}
    return {
        "pages": len(records), "unpack": round(raw / unpack, 2), **found, "text_share": round(text / raw, 4),
        "rows_a_second": round(ROWS_SORTED / sorting), "cpu": look().cpu,
    }  # fmt: skip


def taken(work: Callable[[], Any]) -> tuple[Any, float]:
    """What comes of it, and its processor seconds."""
    began = time.process_time()
    return work(), time.process_time() - began


def _sorted(folder: Path) -> int:
    """Rows of (band, number) as comparing sorts them: how many share their band with another."""
    from groundup.data.copies.spill import Spill, groups

    draw, several = np.random.Generator(np.random.PCG64(5)), 0
    spill = Spill(folder, "bands", 2, rows=ROWS_SORTED)
    for at in range(0, ROWS_SORTED, 1 << 16):
        spill.add(
            draw.integers(0, 1 << 63, 1 << 16, np.uint64) << np.uint64(1),
            np.arange(at, at + (1 << 16), dtype=np.uint64),
        )
    for rows in spill.sorted_parts():
        begins, ends = groups(rows[:, 0])
        several += int((ends - begins > 1).sum())
    return several


def written(text: str) -> str:
    """The document with the newest tables between its marks."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n" + "\n".join(tables()) + f"\n{END}{rest.split(END)[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true", help="measure first, and remember")
    if parser.parse_args().measure:
        with RESULTS.open("a") as file:
            file.write(json.dumps(measure()) + "\n")
    DOC.write_text(written(DOC.read_text(encoding="utf-8")), encoding="utf-8")
    print("\n".join(tables()))


if __name__ == "__main__":
    main()
