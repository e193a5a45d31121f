"""Files elsewhere are read as files here are, and nobody leads the reader into a private network."""

import hashlib
import http.server
import ipaddress
import json
import os
import socket
import threading
import urllib.parse
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from groundup.data.collecting.address import is_public
from groundup.data.reading.fetch import fetch, judged
from groundup.data.reading.files import Reader
from groundup.data.reading.remote import Remote, Store, Together, is_address
from groundup.errors import Problem
from groundup.hardware import look
from groundup.run import Work
from groundup.stages import corpus

OPEN = Store.model_validate({})
OURS = Store.model_validate({"private": True})


class Files(http.server.SimpleHTTPRequestHandler):
    """Files of a folder; /to/ADDRESS redirects, /ring to itself, /short breaks off."""

    def do_GET(self):
        if self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", urllib.parse.unquote(self.path.removeprefix("/to/")))
            self.end_headers()
        elif self.path == "/ring":
            self.send_response(307)
            self.send_header("Location", "/ring")
            self.end_headers()
        elif self.path == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"not so long")
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


class Bucket(Files):
    """As much of S3 as reading needs: listing a bucket, and objects whole or in ranges."""

    def do_GET(self):
        parts = urllib.parse.urlsplit(self.path)
        asked = urllib.parse.parse_qs(parts.query)
        if "list-type" in asked:
            self._list(parts.path.strip("/"), asked.get("prefix", [""])[0])
        else:
            self._object(parts.path)

    def do_HEAD(self):
        self._object(urllib.parse.urlsplit(self.path).path)

    def _list(self, bucket, prefix):
        root = Path(self.directory) / bucket
        keys = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        told = "".join(
            f"<Contents><Key>{key}</Key><Size>{(root / key).stat().st_size}</Size></Contents>"
            for key in keys
            if key.startswith(prefix)
        )
        self._answer(200, f"<ListBucketResult><Name>{bucket}</Name>{told}</ListBucketResult>".encode())

    def _object(self, path):
        place = Path(self.directory + urllib.parse.unquote(path))
        if not place.is_file():
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        body, wanted = place.read_bytes(), self.headers.get("Range")
        if wanted:
            first, last = wanted.removeprefix("bytes=").split("-")
            last = min(int(last or len(body)), len(body) - 1)
            self._answer(206, body[int(first) : last + 1], f"bytes {first}-{last}/{len(body)}")
        else:
            self._answer(200, body)

    def _answer(self, status, body, range_=""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/xml" if body.startswith(b"<") else "binary/octet-stream")
        self.send_header("ETag", f'"{hashlib.sha256(body).hexdigest()[:32]}"')
        if range_:
            self.send_header("Content-Range", range_)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def served(handler, folder):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small tree of several formats."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "bucket/deep").mkdir(parents=True)
    lines = [json.dumps({"text": f"Line {number} of the file."}) for number in range(50)]
    (folder / "bucket/lines.jsonl").write_text("\n".join(lines))
    parquet.write_table(pa.table({"text": ["One row.", "Another row."]}), folder / "bucket/deep/rows.parquet")
    (folder / "bucket/deep/page.html").write_text("<p>A page.</p>")
    (folder / "bucket/picture.png").write_bytes(b"\x89PNG")
    return folder


@pytest.fixture(scope="module")
def site(folder):
    server, address = served(Files, folder)
    yield address
    server.shutdown()


@pytest.fixture(scope="module")
def store(folder):
    server, address = served(Bucket, folder)
    before = {name: os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")}
    yield Store.model_validate({"endpoint": address, "region": "here", "anonymous": True, "private": True})
    server.shutdown()
    assert before == {name: os.environ.get(name) for name in before}


def test_documents_of_a_store_are_those_of_its_folder(folder, store, tmp_path):
    found = Remote(["s3://bucket"], store, tmp_path / "fetched")
    there = list(found)
    here = [record for path in sorted((folder / "bucket").rglob("*.*")) for record in Reader([str(path)])]
    assert sorted(record.body for record in there) == sorted(record.body for record in here) and len(there) == 53
    assert {record.source for record in there} == {
        "bucket/lines.jsonl",
        "bucket/deep/rows.parquet",
        "bucket/deep/page.html",
    }
    assert found.skipped == {".png": 1} and found.done_bytes == found.total_bytes > 0
    assert not (tmp_path / "fetched").exists()


def test_a_glob_of_a_store_reads_what_it_names(store, tmp_path):
    found = list(Remote(["s3://bucket/*.jsonl"], store, tmp_path / "fetched"))
    assert len(found) == 50 and found[0].id == "bucket/lines.jsonl#1"
    with pytest.raises(Problem, match="there is nothing at s3://bucket/none"):
        Remote(["s3://bucket/none*"], store, tmp_path / "fetched")


def test_a_file_over_http_is_read_where_that_is_allowed(site, tmp_path):
    found = list(Remote([f"{site}/bucket/deep/rows.parquet"], OURS, tmp_path / "fetched"))
    assert [record.body for record in found] == [b"One row.", b"Another row."]


def test_servers_at_private_addresses_are_refused(site, tmp_path):
    for refused in (site, site.replace("127.0.0.1", "localhost"), "http://169.254.169.254", "http://[::ffff:10.0.0.1]"):
        with pytest.raises(Problem, match=r"private address.*store\.private=true"):
            fetch(f"{refused}/bucket/lines.jsonl", tmp_path / "file", private=False)
    with pytest.raises(Problem, match="private address"):
        Remote(["s3://bucket"], Store.model_validate({"endpoint": site, "anonymous": True}), tmp_path / "fetched")


def test_every_redirect_is_looked_at(site, tmp_path, monkeypatch):
    """The first address passes for a public one; where it leads is asked anew."""
    asked, real = [], judged

    def first_is_public(host, port, private):
        asked.append(host)
        return real(host, port, private=len(asked) == 1)

    monkeypatch.setattr("groundup.data.reading.fetch.judged", first_is_public)
    with pytest.raises(Problem, match="localhost leads to .* private address"):
        leads_to = urllib.parse.quote(site.replace("127.0.0.1", "localhost"), safe="")
        fetch(f"{site}/to/{leads_to}", tmp_path / "file", private=False)
    assert asked == ["127.0.0.1", "localhost"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/to/file%3A%2F%2F%2Fetc%2Fpasswd", "not an address of http or https"),
        ("/short", "broke off after 11 of 1000 bytes"),
        ("/missing", "answers with 404"),
    ],
)
def test_what_cannot_be_fetched_is_a_sentence(site, tmp_path, path, words):
    with pytest.raises(Problem, match=words):
        fetch(site + path, tmp_path / "file", private=True)


def test_a_ring_of_redirects_ends(site, tmp_path):
    with pytest.raises(Problem, match="redirects more than 5 times"):
        fetch(f"{site}/to/{urllib.parse.quote('/ring')}", tmp_path / "file", private=True)


def test_no_network_is_a_sentence(tmp_path, monkeypatch):
    def nowhere(*_, **__):
        raise socket.gaierror("Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(Problem, match="example.org cannot be found .*is there a network"):
        list(Remote(["https://example.org/a.jsonl"], OPEN, tmp_path / "fetched"))


def test_addresses_of_the_net_at_large_are_public_and_no_others():
    for text in ("8.8.8.8", "2606:4700::1111"):
        assert is_public(ipaddress.ip_address(text))
    for text in ("127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "::1",
                 "fe80::1", "fc00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"):  # fmt: skip
        assert not is_public(ipaddress.ip_address(text)), text


def test_addresses_among_the_files_are_told_apart_from_paths():
    settings = corpus.Settings.model_validate({"files": ["notes", "s3://bucket/a", "https://example.org/b.txt"]})
    assert settings.files == ["notes"] and settings.addresses == ["s3://bucket/a", "https://example.org/b.txt"]
    assert not is_address("notes/s3://x") and is_address("hf://datasets/a/b")


def test_files_here_come_before_files_elsewhere(folder, site, tmp_path):
    here = Reader([str(folder / "bucket/lines.jsonl")])
    both = Together(here, Remote([f"{site}/bucket/deep/page.html"], OURS, tmp_path / "fetched"))
    found = list(both)
    assert len(found) == 51 and found[-1].body == b"<p>A page.</p>" and both.total_bytes == here.total_bytes


def test_a_store_that_changed_since_the_attempt_began_is_noticed(folder, store, tmp_path):
    chosen = corpus.Settings.model_validate({"addresses": ["s3://bucket"], "store": store.model_dump(), "workers": 1})
    work = Work(tmp_path, chosen, 0, look(), {}, lambda *_: None)
    work.choose("elsewhere", lambda: [["s3://bucket/lines.jsonl", 1]])
    with pytest.raises(Problem, match="no longer those that the interrupted attempt began to read"):
        corpus.run(chosen, work)
