"""The page about formats names every suffix that has a reader, and no other."""

import re
from pathlib import Path

from groundup.data.reading import bounds, pdf
from groundup.data.reading.files import NAMELESS, READERS, SHORT
from groundup.data.reading.guess import CANDIDATES, WIDE, tables
from groundup.data.reading.unpack import OPENERS

PAGE = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")


def test_the_page_names_every_suffix_that_is_read_and_no_other():
    assert set(re.findall(r"`(\.\w+)`", PAGE)) == set(READERS) | set(OPENERS) | set(SHORT)
    named = {name.lower() for name in re.findall(r"`([A-Z]{4,})`", PAGE)}
    assert NAMELESS - named == {"licence"}


def test_the_page_says_the_bounds_as_they_are():
    mib = bounds.LARGEST >> 20
    assert f"at most {mib} MiB. A file unpacks to at most {bounds.FREE >> 20} MiB or {bounds.RATIO} times" in PAGE
    assert (
        f"more than {bounds.DEPTH} deep" in PAGE
        and f"{pdf.SECONDS} s of the processor and {pdf.ROOM >> 30} GiB" in PAGE
    )
    assert f"one of {len(CANDIDATES) + len(WIDE)} encodings" in PAGE and f"one of {len(tables())} languages" in PAGE
