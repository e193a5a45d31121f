"""URLs in one spelling, addresses that are public, and what a page's links are."""

import asyncio
import ipaddress

import pytest

from groundup.data.collecting.address import Refused, is_public, place_of, resolved, spelled
from groundup.data.collecting.links import links


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("https://example.org:443/a#part", "https://example.org/a"),
        ("http://example.org:8080/a b", "http://example.org:8080/a%20b"),
        ("http://example.org/%7eme/%c3%bc/ü", "http://example.org/~me/%C3%BC/%C3%BC"),
        ("http://example.org/a/./b/../c/..", "http://example.org/a/"),
        ("http://example.org/../../x", "http://example.org/x"),
        ("http://bücher.example/?q=ä&r=%", "http://xn--bcher-kva.example/?q=%C3%A4&r=%25"),
        ("http://[2001:DB8::1]:80/", "http://[2001:db8::1]/"),
        ("http://example.org./", "http://example.org/"),
    ],
)
def test_a_url_has_one_spelling(written, meant):
    assert spelled(written) == meant and spelled(meant) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        "http://",
        "/x",
        "ftp://a.org/",
        "http://a.org:99999/",
        "http://me@a.org/",
        "http://a.org/\r\nX: y",
        "http://[::1",
    ],
)
def test_what_cannot_be_asked_for_is_refused(written):
    with pytest.raises(Refused):
        place_of(written)


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 127.9.9.9 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1 100.127.255.255 0.0.0.0 224.0.0.1
    240.0.0.1 255.255.255.255 192.0.2.1 198.18.0.1 ::1 :: fe80::1 fc00::1 fd12::1 fec0::1 ff02::1 2001:db8::1
    ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 2002:7f00:1:: 2002:a00:1::
    2001:0:1:1:0:0:80ff:fffe""".split(),
)
def test_an_address_around_us_is_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", "8.8.8.8 100.63.255.255 100.128.0.1 172.32.0.1 2606:4700::1 ::ffff:8.8.8.8 64:ff9b::808:808".split()
)
def test_an_address_of_the_internet_is_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize("host", ["localhost", "2130706433", "0x7f.1", "127.1", "[::1]"])
def test_a_name_is_judged_by_where_it_leads(host):
    with pytest.raises(Refused, match="private address|unresolved"):
        asyncio.run(resolved(place_of(f"http://{host}/")))


def test_links_stand_in_order_each_once_on_their_own_host():
    page = b"""<base href="/deep/"><!-- <a href="/hidden"> --><script>"<a href='/script'>"</script>
    <a class=x href='one?a=1&amp;b=2'>1</a><a href="/two#x">2</a><A HREF=/two>2</A><a href="http://other.org/">3</a>
    <a href="/four" rel="nofollow">4</a><a href="javascript:x()">5</a><a href="//a.org/six">6</a><a href="/p.pdf">7</a>"""
    found = links(page, "utf-8", place_of("http://a.org/start"))
    assert found == ["http://a.org/deep/one?a=1&b=2", "http://a.org/two", "http://a.org/six"]


def test_a_page_that_asks_not_to_be_followed_is_not():
    page = b'<meta name="robots" content="noindex, NOFOLLOW"><a href="/two">2</a>'
    assert links(page, "", place_of("http://a.org/")) == []


def test_a_page_of_nothing_but_beginnings_costs_little():
    for piece in (b"<a ", b"<!--", b"<script", b'<a href="', b"<a href=" + b"x" * 50):
        assert links(piece * 200_000, "", place_of("http://a.org/")) == []
