"""robots.txt as RFC 9309 says: patterns by two ways, groups, the longest rule, and files that nobody meant to write."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from groundup.data.collecting.robots import READ, Rules, matches, matches_letter_by_letter, parse

patterns = st.text("ab*$/", max_size=8)
paths = st.text("ab$/", max_size=10)


@settings(deadline=None)
@given(patterns, paths)
def test_a_pattern_fits_as_it_does_letter_by_letter(pattern, path):
    assert matches(pattern, path) == matches_letter_by_letter(pattern, path)


@settings(deadline=None)
@given(st.lists(st.tuples(st.text("ab/*", min_size=1, max_size=4).map("/".__add__), st.booleans()), max_size=6), paths)
def test_the_longest_rule_decides_and_of_equals_the_one_that_allows(rules, path):
    fitting = [(len(pattern), allow) for pattern, allow in rules if matches(pattern, "/" + path)]
    assert Rules(rules).allows("/" + path) == max(fitting, default=(0, True))[1]


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_are_a_robots_txt(body):
    assert parse(body, "groundup").allows("/robots.txt")


@pytest.mark.parametrize(
    ("written", "path", "allowed"),
    [
        ("", "/x", True),
        ("User-agent: *\nDisallow: /\n", "/x", False),
        ("User-agent: *\nDisallow:\n", "/x", True),
        ("user-AGENT : GroundUp\nDISALLOW : /x", "/x", False),
        ("User-agent: groundup/2.0\nDisallow: /x", "/x", False),
        ("User-agent: groundupper\nDisallow: /x", "/x", True),
        ("User-agent: groundup\nAllow: /\n\nUser-agent: *\nDisallow: /\n", "/x", True),
        ("User-agent: groundup\n\nUser-agent: *\nDisallow: /\n", "/x", False),
        ("User-agent: other\nUser-agent: groundup\nDisallow: /x", "/x", False),
        (
            "User-agent: groundup\nDisallow: /a\n\nUser-agent: o\nAllow: /\n\nUser-agent: groundup\nDisallow: /x",
            "/x",
            False,
        ),
        ("User-agent: groundup\nSitemap: /s\nUser-agent: o\nDisallow: /x", "/x", False),
        ("\ufeffUser-agent: *\rDisallow: /x # not this\r", "/x", False),
        ("User-agent: *\nDisallow: /*.php$\n", "/a.php", False),
        ("User-agent: *\nDisallow: /*.php$\n", "/a.php5", True),
        ("User-agent: *\nDisallow: /x\nAllow: /x/y\n", "/x/y/z", True),
        ("User-agent: *\nAllow: /x\nDisallow: /x\n", "/x", True),
        ("User-agent: *\nDisallow: /%7Eme/%C3%BC", "/~me/ü", False),
        ("User-agent: *\nDisallow: /ü", "/%c3%bc", False),
        ("Disallow: /x\n", "/x", True),
        ("User-agent: *\nDisallow: /?id=\n", "/?id=3", False),
    ],
)
def test_what_is_written_is_meant(written, path, allowed):
    assert parse(written.encode(), "groundup").allows(path) is allowed


def test_what_stands_behind_the_least_a_crawler_reads_is_not_read():
    assert parse(b"#" * READ + b"\nUser-agent: *\nDisallow: /\n", "groundup").allows("/x")


def test_a_pattern_of_many_stars_costs_little():
    assert not matches("/" + "*a" * 200 + "$", "/" + "a" * 150)


@pytest.mark.parametrize(("said", "seconds"), [("2.5", 2.5), ("-1", 0.0), ("inf", 0.0), ("soon", 0.0), ("nan", 0.0)])
def test_a_delay_is_a_number_of_seconds(said, seconds):
    assert parse(f"User-agent: *\nCrawl-delay: {said}".encode(), "groundup").delay == seconds
