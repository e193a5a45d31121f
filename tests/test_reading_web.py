"""Web archives as they are found: real ones, and each way in which one can be wrong."""

import base64
import gzip
import hashlib
import zlib

import pyarrow as pa
import pytest

from tests.reading_example import FORMATS, problems, read, texts
from tests.test_data_read import PAGE, answer, record

HTML = b"Content-Type: text/html\r\n"
needs_data = pytest.mark.skipif(not FORMATS.exists(), reason="needs shared/data")


def packed(body, coding):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, coding) as stream:
        stream.write(body)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize(
    "coding, pack",
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda body: zlib.compress(body)[2:-4]),
        ("br", lambda body: packed(body, "brotli")),
        ("zstd", lambda body: packed(body, "zstd")),
        ("gzip, br", lambda body: packed(gzip.compress(body), "brotli")),
        ("identity", bytes),
        ("gzip", bytes),  # a crawler unpacked it and kept the header
    ],
)
def test_a_body_is_unpacked_as_its_header_says(tmp_path, coding, pack):
    block = answer(pack(PAGE), HTML + f"Content-Encoding: {coding}\r\n".encode())
    (tmp_path / "a.warc").write_bytes(record(block=block))
    assert texts(read(tmp_path)) == [PAGE.decode()]


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd", "deflate"])
def test_a_body_that_cannot_be_unpacked_is_a_problem(tmp_path, coding):
    block = answer(b"\x1f\x8b\x08garbage" * 3, HTML + f"Content-Encoding: {coding}\r\n".encode())
    (tmp_path / "a.warc").write_bytes(record(block=block) + record())
    found = read(tmp_path)
    assert len(problems(found)) == 1 and "is broken" in problems(found)[0] and len(texts(found)) == 1


def test_a_broken_member_of_a_packed_archive_costs_itself_alone(tmp_path):
    members = [bytearray(gzip.compress(record(f"http://{n}/".encode()))) for n in range(20)]
    members[5][40:60] = bytes(20)
    members[11] = members[11][: len(members[11]) // 2]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(members))
    found = read(tmp_path)
    good = {each.id for each in found if not each.problem}
    assert good == {f"http://{n}/" for n in range(20) if n not in (5, 11)}
    assert "gzip is broken" in problems(found)[-1]


@pytest.mark.parametrize("length", ["1" * 5000, "\u00b2", "-1", "0x10"])
def test_a_length_that_is_no_number_is_a_problem_of_its_record(tmp_path, length):
    bad = record().replace(b"Content-Length: ", b"Content-Length: " + length.encode("latin-1") + b" ", 1)
    (tmp_path / "a.warc").write_bytes(bad + record(b"http://2/"))
    found = read(tmp_path)
    assert found[-1].id == "http://2/" and problems(found)


@pytest.mark.timeout(20)
def test_headers_without_end_and_lengths_beyond_the_file_cost_no_more_than_their_bytes(tmp_path):
    (tmp_path / "a.warc").write_bytes(b"WARC/1.0\r\n" + b"a: b\r\n" * 500_000)
    lying = record(length=30 << 20) * 3 + b"\n" * (4 << 20) + record(b"http://2/")
    (tmp_path / "b.warc").write_bytes(lying)
    found = read(tmp_path)
    assert found[-1].id == "http://2/" and len(problems(found)) >= 2


def test_a_digest_is_checked_where_that_is_asked_for(tmp_path):
    def signed(block, digest):
        return record(block=block).replace(b"WARC-Type", b"WARC-Block-Digest: " + digest + b"\r\nWARC-Type", 1)

    right = base64.b32encode(hashlib.sha1(answer()).digest())
    (tmp_path / "a.warc").write_bytes(
        signed(answer(), b"sha1:" + right)
        + signed(answer(), b"sha1:" + right[::-1])
        + signed(answer(), b"sha256:" + hashlib.sha256(answer()).hexdigest().encode())
        + signed(answer(), b"blake9:x")
    )
    assert len(texts(read(tmp_path))) == 4
    checked = read(tmp_path, digests="check")
    assert [bool(each.problem) for each in checked] == [False, True, False, False]


@needs_data
@pytest.mark.parametrize(
    "name, pages, wrong",
    [
        ("example.warc", 1, 0),
        ("example.warc.gz", 1, 0),
        ("example-digest.warc", 0, 0),
        ("example-iana.org-chunked.warc", 1, 0),
        ("example-trunc.warc", 0, 1),
        ("example-bad-non-chunked.warc.gz", 1, 0),
        ("post-test.warc.gz", 0, 0),
    ],
)
def test_archives_of_real_crawlers_are_read(name, pages, wrong):
    found = read(FORMATS / "warc" / name)
    assert (len(texts(found)), len(problems(found))) == (pages, wrong)
