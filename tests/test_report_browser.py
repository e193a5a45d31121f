"""The report in a real browser: wide and on a phone, light and dark, without a complaint and without a request."""

import pytest

from groundup.run import perform, stage
from groundup.stages import report
from tests.browser_example import CHROMIUM, Browser
from tests.report_example import MACHINE, MODELS, write_run


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    place = write_run(tmp_path_factory.mktemp("tour"))
    parts = {
        part: str(place / part) for part in ("town", "corpus", "tokenizer", "tokens", "evaluation", "int8", "export")
    }
    settings = report.Settings.model_validate(parts | {"models": {name: str(place / name) for name in MODELS}})
    return (
        perform(stage(place / "report", "report", settings, version=1), report.run, MACHINE) / "report.html"
    ).as_uri()


@pytest.fixture(params=[(1200, False), (390, True)], ids=["wide", "phone in the dark"])
def page(request, address):
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    browser = Browser(width=request.param[0], height=900, dark=request.param[1])
    browser.open(address)
    browser.dark = request.param[1]  # type: ignore[attr-defined]
    yield browser
    browser.close()


def test_the_page_fits_loads_nothing_and_follows_the_system(page, address):
    assert page.js("document.documentElement.scrollWidth <= innerWidth")
    page.js("document.querySelector('.key b').textContent = '59:59 min'")
    assert page.js("[...document.querySelectorAll('.key b')].every(e => e.scrollWidth <= e.clientWidth)")
    colour = page.js("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, colour[4:-1].split(","))) < 200 if page.dark else sum(map(int, colour[4:-1].split(","))) > 700
    page.js("document.querySelector('.theme').click()")
    assert page.js("getComputedStyle(document.body).backgroundColor") != colour
    rows = page.js("[...document.querySelectorAll('.stage[data-name]')].map(e => e.getBoundingClientRect().top)")
    stops = page.js("[...document.querySelectorAll('.stop')].map(e => e.getBoundingClientRect().top)")
    assert len(rows) == len(stops) == 10
    assert all(row < stop < row + 46 for row, stop in zip(rows, stops, strict=True))  # each dot beside its stage
    assert page.js("[...document.querySelectorAll('svg.chart')].every(e => e.getBoundingClientRect().height < 500)")
    assert page.complaints() == []
    assert set(page.addresses()) <= {address, "data:,"}
