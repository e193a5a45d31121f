"""The dashboard in a real browser: charts that follow a run, every panel, light and dark, a phone, and no text that is trusted."""

import json
import math
import os
import time

import pytest

from tests.browser_example import CHROMIUM, Browser
from tests.dashboard_example import EVIL, Dashboard, append, example, lines

PATHS = "document.querySelectorAll('#cards path').length"
TIP = "document.querySelector('.card[data-metric=loss] .tip')"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return example(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def server(root):
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    server = Dashboard(root)
    yield server
    assert server.stop() == 0


@pytest.fixture(scope="module")
def chromium(server):
    browser = Browser()
    yield browser
    browser.close()


@pytest.fixture
def page(server, chromium, root):
    os.utime(root / EVIL / "clock.json")
    chromium.open(server.url + "/")
    chromium.js("localStorage.clear()")
    chromium.events.clear()
    chromium.open("about:blank")
    chromium.open(server.url + "/")
    chromium.until(f"{PATHS} >= 9")  # loss, validation and gradient of three runs
    yield chromium
    assert chromium.complaints() == []
    outside = [each for each in chromium.addresses() if not each.startswith((server.url + "/", "about:"))]
    assert outside == []


def change(page: Browser, name: str, value: str, event: str = "change") -> None:
    field = f"document.getElementById({name!r})"
    page.js(f"{field}.value = {value!r}; {field}.dispatchEvent(new Event({event!r}))")


def tab(page: Browser, name: str) -> None:
    page.js(f"document.querySelector('[data-tab={name}]').click()")


def test_runs_are_listed_and_charts_follow_the_chosen_ones(page):
    names = page.js("[...document.querySelectorAll('#runs .name')].map(each => each.textContent)")
    assert names == [EVIL.removesuffix(".partial"), "tour/base-0123456789ab", "tour/base-ba9876543210"]
    assert page.js("document.querySelectorAll('#runs img, .tip img, main script').length") == 0
    page.js("document.querySelectorAll('#runs input')[1].click()")
    page.until(f"{PATHS} === 6")
    page.js("document.getElementById('none').click()")
    page.until(f"{PATHS} === 0")
    page.js("document.getElementById('all').click()")
    page.until(f"{PATHS} >= 9")


def test_a_running_training_moves_its_line_without_being_asked(page, root):
    told = "[...document.querySelectorAll('#runs .told')][0].textContent"
    path = "document.querySelector('.card[data-metric=loss] path.c0').getAttribute('d')"
    before = page.js(path)
    append(root / EVIL, lines(25, 0.03, first=21))
    page.until(f"{told}.includes('step 250')")
    page.until(f"{path} !== {json.dumps(before)}")
    assert "running" in page.js(told)


def test_pointing_at_a_chart_tells_the_values(page):
    page.point(".card[data-metric=loss] svg")
    page.until(f"!{TIP}.hidden")
    shown = page.js(f"{TIP}.innerText")
    assert "steps" in shown and EVIL not in page.js(f"{TIP}.innerHTML") and "tour/base-0123" in shown
    left, right = page.js(
        "(r => [r.left, r.right])(document.querySelector('.card[data-metric=loss] .tip').getBoundingClientRect())"
    )
    assert 0 <= left < right <= 1200


def test_axes_smoothing_and_logarithms_redraw(page):
    ticks = "[...document.querySelectorAll('.card[data-metric=loss] text')].map(each => each.textContent).join(' ')"
    assert "M" not in page.js(ticks)
    for axis, word in (("tokens", "M"), ("flops", "T"), ("hours", "0.0")):
        change(page, "axis", axis)
        page.until(f"{ticks}.includes({word!r})")
    change(page, "axis", "steps")
    page.until(f"{PATHS} >= 9")
    plain = page.js(PATHS)
    change(page, "smooth", "0.9", "input")
    assert page.js(PATHS) == 2 * plain
    for name in ("logx", "logy"):
        before = page.js("document.querySelector('.card[data-metric=loss] path').getAttribute('d')")
        page.js(f"document.getElementById({name!r}).click()")
        assert page.js("document.querySelector('.card[data-metric=loss] path').getAttribute('d')") != before


def test_any_metric_can_be_added_and_removed(page):
    change(page, "add", "mfu")
    page.until("document.querySelectorAll('.card[data-metric=mfu] path').length === 3")
    page.js("document.querySelector('.card[data-metric=mfu] .close').click()")
    assert page.js("document.querySelectorAll('.card[data-metric=mfu]').length") == 0


def test_a_value_measured_once_is_a_dot(page, root):
    append(root / EVIL, [{"seconds": 1.0, "step": 10, "rare": 2.0}])
    page.until("[...document.getElementById('add').options].some(each => each.value === 'rare')")
    change(page, "add", "rare")
    page.until("document.querySelectorAll('.card[data-metric=rare] circle.dot').length === 1")


def test_a_leap_of_the_loss_stands_at_the_top(page):
    assert "the loss leapt" in page.until("document.getElementById('alerts').textContent")


def test_samples_are_shown_as_text(page):
    tab(page, "samples")
    page.until("document.querySelectorAll('.sample').length === 2")
    shown = page.js("document.querySelector('.sample').textContent")
    assert shown == "step 100One morning <script>alert(100)</script>"


def test_layers_are_a_map_that_can_be_read(page):
    tab(page, "layers")
    page.until("document.querySelector('#heat canvas')?.height === 3")
    colours = page.js(
        "(c => [...c.getContext('2d').getImageData(0, 0, 1, 3).data].filter((_, at) => at % 4 === 1))"
        "(document.querySelector('#heat canvas'))"
    )
    assert colours[0] < colours[1] < colours[2]  # deeper layers have larger gradients: brighter
    page.point("#heat canvas")
    page.until("document.querySelector('#heat').textContent.includes('layer 1, step')")


def test_settings_stand_side_by_side_where_they_differ(page):
    tab(page, "settings")
    page.until("document.querySelectorAll('#table tbody tr').length === 2")
    rows = page.js("[...document.querySelectorAll('#table tbody tr')].map(row => row.innerText.split(/\\s+/))")
    assert rows == [["training.optimizer.rate", "0.03", "0.02", "0.03"], ["(seed)", "3", "1", "2"]]
    page.js("document.getElementById('differing').click()")
    page.until("document.querySelectorAll('#table tbody tr').length === 5")


def test_the_machine_is_shown(page):
    tab(page, "machine")
    page.until("document.querySelectorAll('#loads .card').length >= 2")
    assert "%" in page.js("document.getElementById('loads').innerText")


@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1200, True)])
def test_it_fits_a_phone_and_the_night(server, root, width, dark):
    os.utime(root / EVIL / "clock.json")
    browser = Browser(width=width, height=800, dark=dark)
    try:
        browser.open(server.url + "/")
        browser.until(f"{PATHS} >= 6")
        for name in ("charts", "samples", "layers", "settings", "machine", "notes"):
            tab(browser, name)
            time.sleep(0.15)
            assert browser.js("document.documentElement.scrollWidth <= innerWidth")
        back, ink = browser.js("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
        assert (brightness(back) < brightness(ink)) == dark
        assert contrast(back, ink) > 7 and browser.complaints() == []
    finally:
        browser.close()


def brightness(colour: str) -> float:
    """Relative luminance of rgb(r, g, b), as WCAG defines it."""
    parts = [int(word) / 255 for word in colour.removeprefix("rgb(").removesuffix(")").split(",")]
    linear = [part / 12.92 if part <= 0.03928 else math.pow((part + 0.055) / 1.055, 2.4) for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)
