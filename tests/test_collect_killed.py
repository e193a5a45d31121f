"""A crawl that is killed goes on: no page is lost, none is there twice, and hardly any is asked for again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groundup.data.collecting.archive import Archive
from groundup.data.collecting.journal import PAGE, Journal, Visit
from groundup.data.reading.files import Reader
from tests.collect_example import make, page, send, settings, site

ROOT = Path(__file__).parents[1]
PAGES = 30


def pages():
    """Thirty pages, all linked from the first, each a moment in coming."""

    def slowly(text):
        def answer(handler):
            time.sleep(0.03)
            send(handler, 200, text.encode())

        return answer

    names = [f"p{i:02}" for i in range(PAGES)]
    return {"start": page("start", *names), **{name: slowly(page(f"page {name}")) for name in names}}


def start(into, list_):
    command = [sys.executable, str(ROOT / "tests" / "collect_example.py"), str(into), str(list_), "follow=1"]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE)


def told(into):
    """Lines of the journal so far."""
    path = into.with_name(f"{into.name}.partial") / "journal.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_crawl_that_was_stopped_goes_on_where_it_was(tmp_path, how):
    list_ = tmp_path / "urls.txt"
    with site(**pages()) as served:
        list_.write_text(f"{served.url}/start\n")
        process = start(tmp_path / "pages", list_)
        while told(tmp_path / "pages") < 9:
            time.sleep(0.01)
            assert process.poll() is None
        process.send_signal(how)
        process.communicate()
        before = served.paths("/robots.txt")
        assert not (tmp_path / "pages").exists() and len(before) < PAGES
        folder = make(tmp_path / "pages", settings(list_, follow=1))
        asked = served.paths("/robots.txt")
    found = [record for record in Reader([str(folder / "pages")])]
    assert sorted(record.id for record in found) == sorted(f"{served.url}/{name}" for name in pages())
    assert not [record for record in found if record.problem]
    assert len(asked) - len(set(asked)) <= 1, "only what was on its way is asked for again"


def test_pages_that_no_journal_tells_of_go(tmp_path):
    """As a kill between the two leaves it: the record is in the shard, its line is not written."""
    with site(a=page("one"), b=page("two")) as served:
        (tmp_path / "urls.txt").write_text(f"{served.url}/a\n{served.url}/b\n")
        asked = settings(tmp_path / "urls.txt")

        def stop(done, total, unit, note):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "pages", asked, stop)
        partial = tmp_path / "pages.partial"
        (shard,) = (partial / "pages").iterdir()
        with open(shard, "ab") as file:
            file.write(b"half a record")
        with open(partial / "journal.jsonl", "ab") as file:
            file.write(b'{"url": "http://torn')
        folder = make(tmp_path / "pages", asked)
    assert [record.problem for record in Reader([str(folder / "pages")])] == ["", ""]


def test_lines_whose_pages_are_lost_are_forgotten(tmp_path):
    """As a power cut may leave it: the line is on the disk, the record is not."""
    archive = Archive(tmp_path / "pages", {})
    journal = Journal(tmp_path / "journal.jsonl", tmp_path / "pages")
    ends = []
    for url in ("http://a.org/1", "http://a.org/2"):
        shard, end = archive.add(url, "2026-01-01T00:00:00Z", b"HTTP/1.1 200 OK\r\n\r\n", b"text")
        journal.add(Visit(url, PAGE, shard=shard, end=end))
        ends.append(end)
    archive.close()
    os.truncate(tmp_path / "pages" / "pages-00000.warc.gz.open", ends[1] - 1)
    again = Journal(tmp_path / "journal.jsonl", tmp_path / "pages")
    assert [visit.url for visit in again.visits] == ["http://a.org/1"] and again.place() == (0, ends[0])


def test_a_full_shard_gets_its_name_and_another_begins(tmp_path):
    archive = Archive(tmp_path, {"software": "x"}, shard_bytes=500)
    for number in range(6):
        archive.add(f"http://a.org/{number}", "2026-01-01T00:00:00Z", b"HTTP/1.1 200 OK\r\n\r\n", os.urandom(400))
    archive.commit()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) > 2 and all(name.endswith(".warc.gz") for name in names)
    assert [record.id[-1] for record in Reader([str(tmp_path)])] == list("012345")


def test_the_same_answers_make_the_same_records(tmp_path):
    for name in ("one", "two"):
        archive = Archive(tmp_path / name, {"software": "x"})
        archive.add("http://a.org/", "2026-01-01T00:00:00Z", b"HTTP/1.1 200 OK\r\n\r\n", b"text")
        archive.commit()
    one, two = ((tmp_path / name / "pages-00000.warc.gz").read_bytes() for name in ("one", "two"))
    assert one == two


def test_the_report_of_an_interrupted_crawl_counts_all_attempts(tmp_path):
    list_ = tmp_path / "urls.txt"
    with site(a=page("one"), b=page("two")) as served:
        list_.write_text(f"{served.url}/a\n{served.url}/b\n{served.url}/c\n")
        calls = []

        def stop(done, total, unit, note):
            calls.append(done)
            if len(calls) == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "pages", settings(list_), stop)
        folder = make(tmp_path / "pages", settings(list_))
    report = json.loads((folder / "report.json").read_text())
    assert report["pages"] == 2 and report["reasons"] == {"HTTP 404": 1}
