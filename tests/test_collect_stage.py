"""Pages come home from a real server: what is kept, what is refused and why, and what a second visit costs."""

import gzip
import json
import re
import socket
import threading
import time
import zlib

import pytest

from groundup.data.reading.files import Reader
from groundup.errors import Problem
from groundup.stages import collect
from tests.collect_example import make, page, send, settings, site


def listed(tmp_path, *urls):
    path = tmp_path / "urls.txt"
    path.write_text("# what to collect\n\n" + "\n".join(urls) + "\n")
    return path


def collected(folder):
    """URL -> the page's body, as the corpus stage reads it."""
    return {record.id: record.body.decode() for record in Reader([str(folder / "pages")])}


def visits(folder):
    lines = (folder / "visits.jsonl").read_text().splitlines()
    return {told["url"]: told for told in map(json.loads, lines)}


def gather(tmp_path, served, *paths, name="pages", **values):
    """The folder made of some pages of a site, and of one that is always there."""
    urls = [f"{served.url}/{path}" for path in paths]
    return make(tmp_path / name, settings(listed(tmp_path, *urls), **values))


def reasons(folder):
    return {url.rpartition("/")[2]: told.get("reason", "") for url, told in visits(folder).items()}


def test_pages_come_home_as_a_web_archive_that_the_corpus_reads(tmp_path):
    with site(a=page("A mill by the river."), b=page("Ein Mühlrad.")) as served:
        folder = gather(tmp_path, served, "a", "b", "missing")
    assert collected(folder) == {
        f"{served.url}/a": page("A mill by the river."),
        f"{served.url}/b": page("Ein Mühlrad."),
    }
    assert visits(folder)[f"{served.url}/missing"]["status"] == 404
    report = json.loads((folder / "report.json").read_text())
    assert report["pages"] == 2 and report["reasons"] == {"HTTP 404": 1} and report["statuses"] == {"200": 2, "404": 1}
    raw = gzip.decompress((folder / "pages" / "pages-00000.warc.gz").read_bytes())
    assert raw.startswith(b"WARC/1.1\r\nWARC-Type: warcinfo") and re.search(rb"WARC-Date: \d{4}-\d\d-\d\dT", raw)


def test_every_request_says_who_asks_and_how_to_reach_them(tmp_path):
    with site(a=page("one")) as served:
        gather(tmp_path, served, "a")
        assert [path for path, _, _ in served.asked] == ["/robots.txt", "/a"]
        assert all("+me@example.org" in headers["User-Agent"] for _, _, headers in served.asked)


@pytest.mark.parametrize("contact", ["", "me", "me@home\r\nHost: x", "ftp://example.org"])
def test_without_a_contact_nobody_is_visited(tmp_path, contact):
    with pytest.raises(Problem, match="reach you"):
        settings(tmp_path / "urls.txt", contact=contact)


def test_what_robots_txt_forbids_is_not_asked_for(tmp_path):
    robots = "User-agent: *\nDisallow: /\n\nUser-agent: GroundUp\nDisallow: /private\nAllow: /private/open\n"
    pages = {"private/x": page("no"), "private/open": page("yes"), "a": page("one")}
    with site(robots=robots, **pages) as served:
        folder = gather(tmp_path, served, "private/x", "private/open", "a")
        assert served.paths("/robots.txt") == ["/private/open", "/a"]
    assert reasons(folder)["x"] == "robots"


def test_a_robots_txt_that_cannot_be_had_forbids_everything(tmp_path):
    with site(robots=lambda handler: send(handler, 503), a=page("one")) as served:
        with pytest.raises(Problem, match="1 robots"):
            gather(tmp_path, served, "a", retries=1)
        assert served.paths() == ["/robots.txt", "/robots.txt"]


def test_a_robots_txt_behind_a_redirect_is_heard(tmp_path):
    rules = {"rules": "User-agent: *\nDisallow: /b\n"}
    with site(robots=lambda h: send(h, 301, Location="/rules"), a=page("one"), b=page("two"), **rules) as served:
        assert reasons(gather(tmp_path, served, "a", "b"))["b"] == "robots"


def test_the_delay_that_a_site_asks_for_is_kept(tmp_path):
    """Behind a page that is too long, too."""
    robots = "User-agent: *\nCrawl-delay: 0.3\n"
    with site(robots=robots, a=page("one"), b=page("two" * 5000), c=page("three")) as served:
        assert reasons(gather(tmp_path, served, "a", "b", "c", largest=5000))["b"] == "too large"
        moments = [moment for path, moment, _ in served.asked if path != "/robots.txt"]
    assert all(later - earlier >= 0.29 for earlier, later in zip(moments, moments[1:], strict=False))


def test_a_host_sees_one_connection_and_several_hosts_are_visited_at_once(tmp_path):
    meeting = threading.Barrier(2, timeout=10)  # nobody passes before two have asked

    def slow(handler):
        meeting.wait()
        send(handler, 200, page("met").encode())

    with site(a=slow, b=slow) as one, site(a=slow, b=slow) as other:
        port = other.url.rpartition(":")[2]
        urls = [f"{one.url}/a", f"{one.url}/b", f"http://localhost:{port}/a", f"http://localhost:{port}/b"]
        folder = make(tmp_path / "pages", settings(listed(tmp_path, *urls)))
        assert (one.most, other.most) == (1, 1)
    assert len(collected(folder)) == 4


def test_redirects_are_followed_and_each_hop_is_told_of(tmp_path):
    with site(a=lambda h: send(h, 302, Location="/b"), b=lambda h: send(h, 301, Location="c"), c=page("end")) as served:
        folder = gather(tmp_path, served, "a")
    assert list(collected(folder)) == [f"{served.url}/c"]
    assert [told["outcome"] for told in visits(folder).values()] == ["redirect", "redirect", "page"]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("http://169.254.169.254/latest/meta-data", "private address"),
        ("http://127.0.0.1:9/x", "private address"),
        ("http://[::ffff:127.0.0.1]/x", "private address"),
        ("http://2130706433/x", "private address"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://example.org/", "scheme"),
    ],
)
def test_a_redirect_into_the_network_around_us_is_refused(tmp_path, target, reason):
    with site(a=lambda handler: send(handler, 302, Location=target), b=page("two")) as served:
        own = served.url.removeprefix("http://")
        folder = gather(tmp_path, served, "a", "b", allow_private=[own])
    assert reason in reasons(folder).values()
    assert list(collected(folder)) == [f"{served.url}/b"]


def test_this_machine_is_not_visited_unless_that_is_allowed(tmp_path):
    with site(a=page("one")) as served:
        with pytest.raises(Problem, match="1 private address .*127.0.0.1 leads to 127.0.0.1"):
            gather(tmp_path, served, "a", allow_private=[])
        assert served.asked == []


def test_a_circle_of_redirects_ends(tmp_path):
    pages = {f"r{i}": (lambda h, i=i: send(h, 302, Location=f"/r{i + 1}")) for i in range(9)}
    with site(
        a=lambda h: send(h, 302, Location="/b"), b=lambda h: send(h, 302, Location="/a"), c=page("x"), **pages
    ) as served:
        folder = gather(tmp_path, served, "a", "c", "r0")
    assert reasons(folder)["r5"] == "redirects"


def test_a_server_that_sends_a_byte_now_and_then_is_left(tmp_path):
    def dripping(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        for _ in range(200):
            handler.wfile.write(b"x")
            time.sleep(0.05)

    with site(a=dripping, b=page("two")) as served:
        folder = gather(tmp_path, served, "a", "b", seconds=0.5, retries=0)
    assert reasons(folder)["a"] == "slow" and list(collected(folder)) == [f"{served.url}/b"]


def test_a_body_without_an_end_is_refused_at_its_limit(tmp_path):
    sent = []

    def endless(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)
            sent.append(65536)

    with site(a=endless, b=page("two")) as served:
        folder = gather(tmp_path, served, "a", "b", largest=1 << 20)
    assert reasons(folder)["a"] == "too large" and sum(sent) < 16 << 20


@pytest.mark.parametrize("packing", ["gzip", "deflate"])
def test_a_little_that_unpacks_to_a_lot_is_refused(tmp_path, packing):
    zeros = bytes(20 << 20)
    bomb = gzip.compress(zeros) if packing == "gzip" else zlib.compress(zeros)

    with site(a=lambda handler: send(handler, 200, bomb, Content_Encoding=packing), b=page("two")) as served:
        folder = gather(tmp_path, served, "a", "b", largest=64 << 20)
    assert reasons(folder)["a"] == "too large"


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress, lambda raw: zlib.compress(raw)[2:-4]])
def test_packed_pages_are_kept_as_they_read(tmp_path, pack):
    packing = "gzip" if pack is gzip.compress else "deflate"
    body = page("The mill by the river turns. " * 500).encode()
    with site(a=lambda handler: send(handler, 200, pack(body), Content_Encoding=packing)) as served:
        folder = gather(tmp_path, served, "a")
        assert served.asked[1][2]["Accept-Encoding"] == "gzip, deflate"
    assert collected(folder)[f"{served.url}/a"] == body.decode()
    assert visits(folder)[f"{served.url}/a"]["sent"] < len(body) / 5


def test_chunks_are_put_together(tmp_path):
    def chunked(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"4\r\nThe \r\n5;x=1\r\nmill.\r\n0\r\n\r\n")

    with site(a=chunked) as served:
        assert collected(gather(tmp_path, served, "a"))[f"{served.url}/a"] == "The mill."


def test_what_is_no_text_is_not_read(tmp_path):
    def film(handler):
        send(handler, 200, b"\x00" * 100, Content_Type="video/mp4")

    with site(a=film, b=page("two")) as served:
        folder = gather(tmp_path, served, "a", "b")
    told = visits(folder)[f"{served.url}/a"]
    assert told["reason"] == "type" and told["detail"] == "video/mp4" and "sent" not in told


def test_a_server_that_is_busy_is_asked_again_when_it_says(tmp_path):
    def busy(handler):
        first = served.paths().count("/a") == 1
        send(handler, 429, Retry_After="1") if first else send(handler, 200, page("now").encode())

    with site(a=busy) as served:
        folder = gather(tmp_path, served, "a")
        moments = [moment for path, moment, _ in served.asked if path == "/a"]
    assert len(moments) == 2 and moments[1] - moments[0] >= 0.99
    assert len(collected(folder)) == 1


def test_a_server_that_asks_for_too_much_patience_is_left_alone(tmp_path):
    with site(a=lambda handler: send(handler, 503, Retry_After="86400"), b=page("two")) as served:
        folder = gather(tmp_path, served, "a", "b")
        assert served.paths().count("/a") == 1
    assert visits(folder)[f"{served.url}/a"]["detail"] == "asks to wait 86400 s"


def test_a_server_that_breaks_off_is_tried_as_often_as_allowed(tmp_path):
    def broken(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nhalf")
        handler.close_connection = True

    with site(a=broken, b=page("two")) as served:
        folder = gather(tmp_path, served, "a", "b", retries=2)
        assert served.paths().count("/a") == 3
    assert reasons(folder)["a"] == "broken"


def versioned(body, tag):
    def answer(handler):
        if handler.headers.get("If-None-Match") == tag:
            send(handler, 304, ETag=tag)
        else:
            send(handler, 200, body.encode(), ETag=tag)

    return answer


def test_a_second_visit_is_sent_only_what_has_changed(tmp_path):
    with site(a=versioned(page("old"), '"1"'), b=versioned(page("stays"), '"1"')) as served:
        first = gather(tmp_path, served, "a", "b")
        served.pages["/a"] = versioned(page("new"), '"2"')
        second = gather(tmp_path, served, "a", "b", visit=2)
    assert first != second
    assert collected(second) == {f"{served.url}/a": page("new"), f"{served.url}/b": page("stays")}
    told = visits(second)[f"{served.url}/b"]
    assert told["outcome"] == "unchanged" and told["status"] == 304 and "sent" not in told


def test_a_remembered_page_that_was_damaged_is_fetched_anew(tmp_path):
    with site(a=versioned(page("stays"), '"1"')) as served:
        gather(tmp_path, served, "a")
        (kept,) = [path for path in (tmp_path / "pages.cache").rglob("*") if path.is_file()]
        kept.write_bytes(kept.read_bytes()[:-1])
        second = gather(tmp_path, served, "a", visit=2)
    assert collected(second)[f"{served.url}/a"] == page("stays")
    assert visits(second)[f"{served.url}/a"]["outcome"] == "page"


def test_links_are_followed_within_the_host_to_their_depth(tmp_path):
    pages = {
        "a": page("start", "/b", "c.html#part", "http://example.org/away", "/picture.png", "mailto:me@example.org"),
        "b": page("one deep", "/d"),
        "c.html": page("one deep, too", "/a"),
        "d": page("two deep", "/e"),
    }
    with site(**pages) as served:
        folder = gather(tmp_path, served, "a", follow=1)
        deeper = gather(tmp_path, served, "a", follow=2, name="deeper")
    assert sorted(url.rpartition("/")[2] for url in collected(folder)) == ["a", "b", "c.html"]
    assert sorted(url.rpartition("/")[2] for url in collected(deeper)) == ["a", "b", "c.html", "d"]


def test_no_more_pages_are_kept_than_asked_for(tmp_path):
    pages = {f"p{i}": page(f"page {i}") for i in range(12)}
    with site(a=page("start", *pages), **pages) as served:
        folder = gather(tmp_path, served, "a", follow=1, pages=5)
    assert len(collected(folder)) == 5
    assert json.loads((folder / "report.json").read_text())["left"] == 8


SITEMAP = """<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>{0}/a</loc></url><url><loc>{0}/b</loc></url><url><loc>http://example.org/elsewhere</loc></url></urlset>"""
INDEX = """<sitemapindex><sitemap><loc>{0}/map.xml.gz</loc></sitemap></sitemapindex>"""
FEED = """<rss><channel><link>{0}/front</link><item><link>{0}/a</link></item><item><link>{0}/b</link></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><link href="{0}/front"/><entry><link href="{0}/a"/></entry>
<entry><link rel="edit" href="{0}/front"/><link rel="alternate" href="{0}/b"/></entry></feed>"""


@pytest.mark.parametrize("written", [FEED, ATOM])
def test_a_feed_names_pages(tmp_path, written):
    with site(a=page("one"), b=page("two")) as served:
        (tmp_path / "list.xml").write_text(written.format(served.url))
        folder = make(tmp_path / "pages", settings(tmp_path / "list.xml"))
    assert sorted(url[-1] for url in collected(folder)) == ["a", "b"]


def test_an_index_of_sitemaps_leads_to_the_pages_of_its_own_host(tmp_path):
    with site(a=page("one"), b=page("two")) as served:
        packed = gzip.compress(SITEMAP.format(served.url).encode())
        served.pages["/map.xml.gz"] = lambda handler: send(handler, 200, packed, Content_Type="application/gzip")
        (tmp_path / "sitemap.xml").write_text(INDEX.format(served.url))
        folder = make(tmp_path / "pages", settings(tmp_path / "sitemap.xml"))
    assert sorted(url[-1] for url in collected(folder)) == ["a", "b"]
    assert "http://example.org/elsewhere" not in visits(folder)


def test_a_sitemap_with_entities_of_its_own_is_not_read(tmp_path):
    laughs = '<?xml version="1.0"?><!DOCTYPE urlset [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><urlset>&b;</urlset>'
    (tmp_path / "sitemap.xml").write_text(laughs)
    with pytest.raises(Problem, match="entities"):
        make(tmp_path / "pages", settings(tmp_path / "sitemap.xml"))


@pytest.mark.parametrize("line", ["example.org/page", "ftp://example.org/x", "https://me:secret@example.org/"])
def test_a_line_that_is_no_address_is_named(tmp_path, line):
    with pytest.raises(Problem, match="urls.txt, line 4: .*cannot be collected"):
        make(tmp_path / "pages", settings(listed(tmp_path, "https://example.org/", line)))


def test_a_machine_without_a_net_is_told_so(tmp_path, monkeypatch):
    def away(*args, **kwargs):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", away)
    with pytest.raises(Problem, match="seems to be offline"):
        make(tmp_path / "pages", settings(listed(tmp_path, *(f"https://h{i}.example/" for i in range(9)))))


def test_the_result_does_not_claim_to_be_repeatable():
    assert collect.SEEDED is False
