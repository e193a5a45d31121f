"""What the world throws at a corpus: each becomes a record with a problem or a reason that is counted, and reading goes on."""

import gzip
import io
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from groundup.data.documents import batches
from groundup.data.reading import bounds, json_rows, plain
from groundup.data.reading.bounds import Allowance
from groundup.data.reading.fields import Fields, Manner
from groundup.data.reading.files import Reader, read_any
from groundup.data.reading.found import Found
from groundup.errors import Problem
from tests.reading_example import lines, problems, read, reader, texts

ROWS = b"".join(lines({"text": f"document {n} " + "word " * 40}) for n in range(3000))


def parquet_bytes(table):
    made = io.BytesIO()
    parquet.write_table(table, made)
    return made.getvalue()


GOOD = parquet_bytes(pa.table({"text": [f"row {n}" for n in range(5000)]}))
BAD = {
    "corrupt in the middle.jsonl.gz": gzip.compress(ROWS)[:5000] + bytes(200) + gzip.compress(ROWS)[5200:],
    "not gzip.txt.gz": b"plain text under the name of gzip",
    "not xz.txt.xz": b"\xfd7zXZ\x00" + b"garbage" * 20,
    "not zstd.txt.zst": b"garbage" * 20,
    "truncated.parquet": GOOD[: len(GOOD) // 2],
    "damaged.parquet": GOOD[:40] + bytes(200) + GOOD[240:],
    "no parquet.parquet": b"PAR1 nothing PAR1",
    "other columns.parquet": parquet_bytes(pa.table({"n": [1, 2]})),
    "numbers as text.parquet": parquet_bytes(pa.table({"text": [1, 2]})),
    "no.arrow": b"ARROW1\0\0garbage",
    "no.zip": b"PK\x03\x04 nothing more",
    "no.tar": b"garbage" * 300,
    "no.epub": b"PK\x05\x06" + bytes(18),
    "no.warc": b"WARC/1.0\r\nContent-Length: 99999999999999999\r\n\r\n<html>",
    "deep.jsonl": b'{"text": ' + b"[" * 200_000 + b"]" * 200_000 + b"}\n",
    "deep.json": b'[{"text": "a"}, ' + b"[" * 200_000,
    "empty.jsonl": b"",
    "empty.parquet": b"",
    "no.json": b"{{{",
}


@pytest.mark.parametrize("name", BAD)
def test_a_broken_file_is_a_problem_and_the_next_is_read(tmp_path, name):
    (tmp_path / name).write_bytes(BAD[name])
    (tmp_path / "zz.txt").write_text("unharmed")
    found = read(tmp_path)
    assert found[-1].body == b"unharmed"
    assert problems(found) and all(len(problem) < 2000 and "\n" not in problem for problem in problems(found))
    assert all(str(tmp_path) not in record.problem + record.id for record in found)


def test_what_comes_before_damage_is_kept(tmp_path):
    (tmp_path / "a.jsonl.gz").write_bytes(BAD["corrupt in the middle.jsonl.gz"])
    (tmp_path / "b.parquet").write_bytes(GOOD)
    found = read(tmp_path)
    assert len([record for record in found if record.source == "a.jsonl.gz" and not record.problem]) > 200
    assert len(texts(found)) > 5200


def test_null_bytes_and_halves_of_characters_are_no_obstacle(tmp_path):
    rows = '{"text": "a\\u0000b\\ud800c", "id": "\\udfff", "url": "\\ud801", "source": "s\\udc00"}\n'
    (tmp_path / "a.jsonl").write_text(rows)
    (tmp_path / "b.txt").write_bytes(b"a\0b")
    (tmp_path / "c.csv").write_bytes(b"id,text\n\0,a\0b\n")
    (batch,) = batches(reader(tmp_path))
    assert batch.column("id").to_pylist() == ["?", "b.txt", "\0"]
    assert batch.column("body").to_pylist() == [b"a\0b?c", b"a\0b", b"a\0b"]


class Endless(io.RawIOBase):
    """A line without end, up to some size, that is made as it is read."""

    def __init__(self, size):
        self.left = size

    def readable(self):
        return True

    def readinto(self, buffer):
        count = min(len(buffer), self.left)
        buffer[:count] = b"x" * count
        self.left -= count
        return count


@pytest.fixture
def small_records(monkeypatch):
    """What a record may hold is 1 MiB, so that 200 times as much is quickly made."""
    for name, module in list(sys.modules.items()):
        if name.startswith("groundup.data.reading.") and hasattr(module, "LARGEST"):
            monkeypatch.setattr(module, "LARGEST", 1 << 20)
    monkeypatch.setattr(json_rows, "PIECE", 64 << 10)


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.html", "a.tex", "a.warc", "a.xml", "a.txt"])
def test_a_line_without_end_takes_no_memory(small_records, name):
    import tracemalloc

    size, skipped = 200 << 20, Counter()
    if name in ("a.csv", "a.txt"):
        size = 20 << 20
    found = Found(name, name, Fields(), Manner(), skipped, Allowance(size), read_any)
    stream = io.BufferedReader(Endless(size), 64 << 10)
    tracemalloc.start()
    try:
        told = [record.problem for record in safely_read(stream, found)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20, f"{peak >> 20} MiB"
    assert name == "a.txt" or told or skipped


def safely_read(stream, found):
    from groundup.data.reading.found import safely

    return safely(read_any, stream, found)


def test_a_long_text_without_lines_is_cut_all_the_same(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"x" * (3 * plain.LONG))
    found = read(tmp_path)
    assert sum(len(record.body) for record in found) == 3 * plain.LONG and max(len(r.body) for r in found) < plain.LONG


def test_links_out_of_the_folder_pipes_and_devices_are_never_opened(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "more.txt").write_text("secret")
    (folder / "a.txt").write_text("good")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "inner.txt").symlink_to("a.txt")
    (folder / "nowhere.txt").symlink_to("nothing")
    (folder / "round.txt").symlink_to("round.txt")
    (folder / "folder").symlink_to(tmp_path / "out")
    os.mkfifo(folder / "pipe.txt")
    seen = reader(folder)
    assert texts(seen) == ["good", "good"]
    expected = {
        "a link out of the folder": 1,
        "a link that leads nowhere": 2,
        "no plain file": 1,
        "a link to a folder": 1,
    }
    assert seen.skipped == expected


def test_a_pipe_that_is_named_is_refused_in_a_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(Problem, match="neither a file nor a folder"):
        reader(tmp_path / "pipe.txt")


def test_a_file_that_became_a_pipe_since_it_was_listed_does_not_block(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    seen = reader(tmp_path)
    (tmp_path / "a.txt").unlink()
    os.mkfifo(tmp_path / "a.txt")
    assert problems(seen) == ["it cannot be opened: it is no plain file any more"]


def test_files_that_grow_shrink_or_vanish_while_they_are_read_do_not_stop_the_job(tmp_path):
    for name in "abcd":
        (tmp_path / f"{name}.jsonl").write_bytes(ROWS[: ROWS.index(b"\n", 200_000) + 1])
    seen = reader(tmp_path)
    rows = iter(seen)
    next(rows)
    os.truncate(tmp_path / "a.jsonl", 1000)
    (tmp_path / "b.jsonl").unlink()
    (tmp_path / "c.jsonl").write_bytes(b"")
    with open(tmp_path / "d.jsonl", "ab") as file:
        file.write(lines({"text": "grown"}))
    found = list(rows)
    assert found[-1].body == b"grown" or found[-2].body == b"grown"
    assert {record.source for record in found if record.problem} >= {"b.jsonl", "c.jsonl"}
    assert 0 < seen.done_bytes <= seen.total_bytes


def test_names_that_are_no_utf8_and_names_that_differ_by_case_are_read_in_one_order(tmp_path):
    for name in (b"\xff.txt", b"A.txt", b"a.txt", "é.txt".encode()):
        (Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), name)))).write_bytes(name)
    found = read(tmp_path)
    assert [record.id for record in found] == ["A.txt", "a.txt", "é.txt", "\\xff.txt"]
    assert len(next(batches(iter(found)))) == 4


def test_what_may_not_be_read_is_named_and_the_rest_is_read():
    if os.getuid():
        pytest.skip("needs root to become somebody else")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "closed").mkdir()
        (folder / "closed" / "a.txt").write_text("x")
        (folder / "b.txt").write_text("x")
        (folder / "c.txt").write_text("good")
        (folder / "closed").chmod(0)
        (folder / "b.txt").chmod(0)
        folder.chmod(0o755)
        os.seteuid(65534)
        try:
            found = list(Reader([name]))
        finally:
            os.seteuid(0)
        assert texts(found) == ["good"]
        assert sorted(problems(found)) == [
            "a folder that cannot be listed: Permission denied",
            "it cannot be opened: Permission denied",
        ]


def test_the_bounds_are_those_that_are_promised():
    assert (bounds.LARGEST, bounds.RATIO, bounds.DEPTH) == (64 << 20, 200, 3)


def test_a_corpus_of_good_and_bad_files_is_made_and_the_bad_ones_are_listed(tmp_path):
    (tmp_path / "in").mkdir()
    for name, body in BAD.items():
        (tmp_path / "in" / name).write_bytes(body)
    (tmp_path / "in" / "good.md").write_text(
        "A good text that is long enough for anyone to read and keep, one may hope."
    )
    (tmp_path / "in" / "given.jsonl").write_bytes(
        lines({"text": "A row that says what one may do with it.", "rights": "MIT"})
    )
    program = (
        "import sys, json; from pathlib import Path\n"
        "from groundup.hardware import look; from groundup.run import Work; from groundup.stages import corpus\n"
        "out = Path(sys.argv[2]); out.mkdir()\n"
        "s = corpus.Settings.model_validate({'files': [sys.argv[1]], 'workers': 1, 'profile': 'none', 'fields': {'license': 'rights'}})\n"
        "corpus.run(s, Work(out, s, 0, look(), {}, lambda *_: None))"
    )
    child = [sys.executable, "-c", program, str(tmp_path / "in"), str(tmp_path / "out")]
    done = subprocess.run(child, capture_output=True, text=True, cwd=Path(__file__).parents[1])
    assert done.returncode == 0, done.stderr[-2000:]
    kept = [row for file in (tmp_path / "out").glob("kept-*.parquet") for row in parquet.read_table(file).to_pylist()]
    removed = [
        row for file in (tmp_path / "out" / "removed").glob("*.parquet") for row in parquet.read_table(file).to_pylist()
    ]
    facts = {row["id"]: row["license"] for row in kept}
    assert facts["given.jsonl#1"] == "MIT" and facts["good.md"] == ""
    assert list(kept[0]) == ["id", "text", "source", "hash", "license"]
    assert {row["source"] for row in removed if row["reason"] == "unreadable"} >= set(BAD) - {"no.zip"}
    assert json.loads((tmp_path / "out" / "table.json").read_text())
