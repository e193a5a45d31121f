"""Reading: every format gives its documents, what is broken is counted, and the rest goes on."""

import bz2
import gzip
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from groundup.data.documents import HTML, TEXT, batches
from groundup.data.reading.fields import Fields
from groundup.data.reading.files import Reader
from groundup.data.reading.plain import LONG
from groundup.errors import Problem

PAGE = b"<html><p>A page about bread and butter.</p></html>"


def answer(body=PAGE, headers=b"Content-Type: text/html; charset=utf-8\r\n", status=b"200 OK"):
    return b"HTTP/1.1 " + status + b"\r\n" + headers + b"\r\n" + body


def record(uri=b"http://a.example/", block=None, kind=b"response", length=None):
    block = answer() if block is None else block
    size = len(block) if length is None else length
    return (
        b"WARC/1.1\r\nWARC-Type: "
        + kind
        + b"\r\nWARC-Target-URI: "
        + uri
        + b"\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: "
        + str(size).encode()
        + b"\r\n\r\n"
        + block
        + b"\r\n\r\n"
    )


def read(path, **options):
    return list(Reader([str(path)], **options))


def test_a_folder_is_read_in_the_order_of_its_names_whatever_the_formats(tmp_path):
    (tmp_path / "b.md").write_text("# Bread")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.txt").write_text("first")
    (tmp_path / "c.html").write_bytes(PAGE)
    (tmp_path / "d.jsonl").write_text('{"text": "one", "id": 7, "source": "elsewhere"}\n{"text": "two"}\n')
    parquet.write_table(pa.table({"id": ["p"], "text": ["rows"]}), tmp_path / "e.parquet")
    (tmp_path / "f.warc").write_bytes(record())
    found = [(r.id, r.source, r.kind, r.body) for r in read(tmp_path)]
    assert found == [
        ("b.md", "b.md", TEXT, b"# Bread"),
        ("c.html", "c.html", HTML, PAGE),
        ("7", "elsewhere", TEXT, b"one"),
        ("d.jsonl#2", "d.jsonl", TEXT, b"two"),
        ("p", "e.parquet", TEXT, b"rows"),
        ("http://a.example/", "f.warc", HTML, PAGE),
        ("a/x.txt", "a/x.txt", TEXT, b"first"),
    ]


@pytest.mark.parametrize(
    "suffix, pack",
    [
        (".gz", gzip.compress),
        (".xz", lzma.compress),
        (".bz2", bz2.compress),
        (".zst", lambda raw: pa.compress(raw, "zstd", asbytes=True)),
    ],
)
def test_compressed_files_are_read_like_plain_ones(tmp_path, suffix, pack):
    (tmp_path / f"a.jsonl{suffix}").write_bytes(pack(b'{"text": "one"}\n{"text": "two"}\n'))
    assert [r.body for r in read(tmp_path)] == [b"one", b"two"]


def test_names_do_not_say_where_on_the_machine_a_folder_lies(tmp_path):
    for place in ("here", "there"):
        (tmp_path / place / "sub").mkdir(parents=True)
        (tmp_path / place / "sub" / "a.txt").write_text("text")
    assert read(tmp_path / "here") == read(tmp_path / "there")


def test_a_glob_finds_what_it_matches(tmp_path):
    for name in ("b.txt", "a.txt", "c.md"):
        (tmp_path / name).write_text(name)
    assert [r.id for r in read(tmp_path / "*.txt")] == ["a.txt", "b.txt"]


def test_files_of_unknown_type_are_skipped_and_counted(tmp_path):
    for name in ("a.png", "b.PNG", "c.exe", "README", "noname", ".hidden.txt"):
        (tmp_path / name).write_text("x")
    reader = Reader([str(tmp_path)])
    assert [r.id for r in reader] == ["README"]
    assert reader.skipped == {".png": 2, ".exe": 1, "no suffix": 1}


def test_what_a_run_says_about_itself_is_no_document(tmp_path):
    for name in ("manifest.json", "metrics.jsonl", "kept.jsonl"):
        (tmp_path / name).write_text('{"text": "x"}\n')
    assert [r.source for r in read(tmp_path)] == ["kept.jsonl"]


def test_bad_lines_of_json_are_named_and_the_others_are_read(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(
        b'{"text": "one"}\n{"text": \n[1]\n\n{"body": "x"}\n{"text": 3}\n{"text": "two"}'
    )
    found = read(tmp_path)
    assert [r.body for r in found if not r.problem] == [b"one", b"two"]
    assert [r.id for r in found if r.problem] == [f"a.jsonl#{n}" for n in (2, 3, 5, 6)]


def test_a_truncated_archive_gives_what_it_still_holds_and_one_problem(tmp_path):
    lines = "".join(json.dumps({"text": f"document {n} " + "word " * 50}) + "\n" for n in range(2000))
    packed = gzip.compress(lines.encode())
    (tmp_path / "a.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    (tmp_path / "b.txt").write_text("unharmed")
    found = read(tmp_path)
    assert sum(bool(r.problem) for r in found) == 1
    assert len(found) > 500 and found[-1].body == b"unharmed"


def test_parquet_without_a_text_column_says_which_columns_there_are(tmp_path):
    parquet.write_table(pa.table({"words": ["x"]}), tmp_path / "a.parquet")
    assert "columns: words" in read(tmp_path)[0].problem
    assert read(tmp_path, fields=Fields(text="words"))[0].body == b"x"


def test_a_long_plain_text_is_cut_at_blank_lines_and_nothing_is_lost(tmp_path):
    paragraphs = "".join(f"Paragraph {n} of a long book.\n\n" for n in range(3 * LONG // 30))
    (tmp_path / "book.txt").write_text(paragraphs)
    found = read(tmp_path)
    assert len(found) > 3 and b"".join(r.body for r in found).decode() == paragraphs
    assert all(r.body.startswith(b"\nPara") or r.body.startswith(b"Para") for r in found)


def test_chunked_and_packed_answers_are_unpacked(tmp_path):
    chunked = b"5\r\n" + PAGE[:5] + b"\r\n" + hex(len(PAGE) - 5)[2:].encode() + b"\r\n" + PAGE[5:] + b"\r\n0\r\n\r\n"
    head = b"Content-Type: text/html\r\n"
    (tmp_path / "a.warc").write_bytes(
        record(block=answer(chunked, head + b"Transfer-Encoding: chunked\r\n"))
        + record(block=answer(PAGE, head + b"Transfer-Encoding: chunked\r\n"))  # it lies
        + record(block=answer(gzip.compress(PAGE), head + b"Content-Encoding: gzip\r\n"))
    )
    assert [r.body for r in read(tmp_path)] == [PAGE] * 3


def test_answers_that_failed_or_are_no_text_are_passed_over(tmp_path):
    (tmp_path / "a.warc").write_bytes(
        record(block=answer(status=b"404 Not Found"))
        + record(block=answer(headers=b"Content-Type: image/png\r\n"))
        + record(kind=b"request")
        + record(uri=b"http://good.example/")
    )
    reader = Reader([str(tmp_path)])
    assert [r.id for r in reader] == ["http://good.example/"]
    assert reader.skipped == {"HTTP 404": 1, "image/png": 1}


@pytest.mark.parametrize(
    "broken",
    [
        record(length=10),
        record(length=100_000),
        b"garbage\r\nand more\r\n",
        record().replace(b"Content-Length", b"X-Length"),
        b"WARC/1.1\r\nWARC-Type: response\r\n",
    ],
)
def test_after_a_malformed_record_reading_goes_on_at_the_next(tmp_path, broken):
    (tmp_path / "a.warc").write_bytes(record(b"http://1/") + broken + record(b"http://2/") + record(b"http://3/"))
    found = read(tmp_path)
    good = [r.id for r in found if not r.problem]
    assert {"http://1/", "http://2/", "http://3/"} <= set(good) and any(r.problem for r in found)


def test_batches_number_the_records_in_order(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(f'{{"text": "{n}"}}\n' for n in range(600)))
    made = list(batches(Reader([str(tmp_path)])))
    assert [n for batch in made for n in batch.column("number").to_pylist()] == list(range(600))
    assert len(made) == 3


@pytest.mark.parametrize("paths, words", [([], "no files"), (["/nowhere/at/all"], "does not exist")])
def test_paths_that_lead_nowhere_are_named(paths, words):
    with pytest.raises(Problem, match=words):
        Reader(paths)
