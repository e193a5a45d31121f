"""Damaged files of every format: records, problems or reasons, in bounded memory; no other way out."""

import bz2
import gzip
import io
import json
import lzma
import random
import resource
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from tests.reading_example import POSTS, WIKI, epub, lines, tarred, zipped

MUTANTS = 40
ROOM = 700 << 20  # bytes of address space beyond what the imports took
ROWS = [{"id": str(n), "text": f"row {n} " * 5} for n in range(30)]
ALLOWED = (
    "MemoryError",
    "KeyError",
    "struct.error",
    "BadZipFile",
    "Arrow",
    "UnicodeDecodeError",
    "NotImplementedError",
    "RuntimeError",
    "error",
)


def table(write):
    made = io.BytesIO()
    write(pa.Table.from_pylist(ROWS), made)
    return made.getvalue()


def arrow(rows, made):
    with pa.ipc.new_stream(made, rows.schema) as sink:
        sink.write_table(rows)


def warc(n):
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(
        b"<p>page</p>" * n
    )
    head = b"WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\nContent-Length: %d\r\n\r\n" % len(
        block
    )
    return head + block + b"\r\n\r\n"


TREE = {
    "a.txt": b"one " * 50,
    "b/c.jsonl": lines(*ROWS),
    "p.tex": b"\\documentclass{a}\\begin{document}x\\input{q}\\end{document}",
}
GOOD = {
    "a.jsonl": lambda: lines(*ROWS),
    "a.json": lambda: json.dumps(ROWS).encode(),
    "a.csv": lambda: b"id,text\n" + b"".join(b'%d,"quoted, ""text"" %d"\n' % (n, n) for n in range(30)),
    "a.parquet": lambda: table(parquet.write_table),
    "a.arrow": lambda: table(arrow),
    "a.warc": lambda: b"".join(map(warc, range(1, 9))),
    "a.warc.gz": lambda: b"".join(gzip.compress(warc(n)) for n in range(1, 9)),
    "a.zip": lambda: zipped(TREE),
    "a.tar": lambda: tarred(TREE),
    "a.tar.gz": lambda: gzip.compress(tarred(TREE)),
    "a.jsonl.xz": lambda: lzma.compress(lines(*ROWS)),
    "a.jsonl.bz2": lambda: bz2.compress(lines(*ROWS)),
    "a.jsonl.zst": lambda: pa.compress(lines(*ROWS), "zstd", asbytes=True),
    "a.epub": epub,
    "wiki.xml": WIKI.encode,
    "Posts.xml": POSTS.encode,
    "a.tex": lambda: TREE["p.tex"] * 3,
    "a.html": lambda: b"<html><p>page</p></html>",
    "a.py": lambda: b"# SPDX-License-Identifier: MIT\nx = 1\n",
}


def mutant(good: bytes, dice: random.Random) -> bytes:
    """Bits flipped, numbers made huge, pieces cut out, doubled or put elsewhere."""
    raw = bytearray(good)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(max(1, len(raw)))
        kind = dice.randrange(5)
        if kind == 0 and raw:
            raw[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            raw[at : at + 8] = dice.choice([b"\xff" * 8, b"\0" * 8, (1 << 40).to_bytes(8, "little"), b"99999999"])
        elif kind == 2:
            del raw[at : at + dice.randint(1, 40)]
        elif kind == 3:
            raw[at:at] = raw[at : at + dice.randint(1, 40)]
        else:
            del raw[max(at, 1) :]
    return bytes(raw)


@pytest.mark.timeout(280)
def test_mutants_of_every_format_are_records_with_problems_and_nothing_else(tmp_path):
    child = [sys.executable, "-m", "tests.laws.test_reading_mutants", str(tmp_path)]
    done = subprocess.run(child, capture_output=True, text=True, timeout=270, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout)
    assert set(told) == set(GOOD) and all(count["records"] for count in told.values())
    assert sum(count["problems"] for count in told.values()) > MUTANTS * 3


def main(folder: Path) -> None:
    from groundup.data.documents import batches
    from groundup.data.reading.files import Reader

    for name, make in GOOD.items():
        (folder / name).write_bytes(make())
        assert [record for record in Reader([str(folder / name)]) if not record.problem], name
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, size + ROOM))
    told: dict[str, dict[str, int]] = {}
    for name, make in GOOD.items():
        good, path = make(), folder / name
        count = told.setdefault(name, {"records": 0, "problems": 0})
        for seed in range(MUTANTS):
            path.write_bytes(mutant(good, random.Random(f"{name} {seed}")))
            for batch in batches(Reader([str(path)])):
                problems = [problem for problem in batch.column("problem").to_pylist() if problem]
                count["records"] += batch.num_rows
                count["problems"] += len(problems)
                strange = [
                    each
                    for each in problems
                    if each.startswith("broken off by ") and not any(w in each for w in ALLOWED)
                ]
                assert not strange, (name, seed, strange)
        path.unlink()
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
