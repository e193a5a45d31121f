"""The map of words in a real browser: words that can be pointed at, held, found, laid out in two ways; no request."""

import numpy as np
import pytest

from groundup.__main__ import main
from groundup.evaluation.report.of_map import neighbours, of_length_one
from groundup.model import folder
from groundup.model.vector_files import write
from groundup.model.vectors import Vectors
from tests.browser_example import CHROMIUM, Browser
from tests.model_example import model, tokenizer

WORDS = ["cat", "</script><b>", "dog", "Cow", "milk", "tea", "▁water", "catalogue", "red", "blue", "green", "0"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place, dice = tmp_path_factory.mktemp("map"), np.random.default_rng(1)
    middles = np.repeat(dice.normal(size=(3, 16)) * 3, 4, 0)
    write(place / "words.txt", Vectors(WORDS, middles + dice.normal(size=(12, 16))))
    assert main(["vectors", "map", str(place / "words.txt"), "--into", str(place / "page")]) == 0
    return place


def test_words_can_be_pointed_at_held_found_and_laid_out(place):
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    address = (place / "page/map.html").as_uri()
    browser = Browser(width=1200, height=1000, dark=True)
    try:
        browser.open(address)
        assert browser.js("[...document.querySelectorAll('#map g')].map(g => g.dataset.word)") == WORDS
        browser.point("#map g:nth-child(1) circle")
        browser.until("document.getElementById('word').textContent === 'cat'")
        near = browser.js("[...document.querySelectorAll('#near li > span:first-child')].map(e => e.textContent)")
        assert len(near) == 10 and set(near[:3]) == set(WORDS[1:4])
        browser.click("#map g:nth-child(5) circle")
        browser.until("document.getElementById('word').textContent === 'milk'")
        browser.point("h1")
        assert browser.js("document.querySelectorAll('#map .asked').length") == 1, "a word that was clicked is held"
        browser.click("#search")
        browser.type("water")
        browser.until("document.getElementById('word').textContent === '▁water'")
        browser.type("melon")
        browser.until("document.getElementById('told').textContent.includes('no word here begins')")
        where = "document.querySelector('#map g').getAttribute('transform')"
        before = browser.js(where)
        browser.click("[data-layout=pca]")
        assert browser.js(where) != before and browser.js("document.querySelector('b') === null")
        browser.js(
            "document.getElementById('map').dispatchEvent(new WheelEvent('wheel', {deltaY: -300, clientX: 400}))"
        )
        zoomed = browser.js(where)
        browser.click("#whole")
        assert browser.js(where) != zoomed
        assert browser.js("document.documentElement.scrollWidth <= innerWidth")
        assert browser.complaints() == [] and set(browser.addresses()) <= {address, "data:,"}
    finally:
        browser.close()


def test_neighbours_are_those_that_vectors_finds():
    dice = np.random.default_rng(5)
    vectors = Vectors([str(k) for k in range(30)], dice.normal(size=(30, 8)))
    for row, found in enumerate(neighbours(of_length_one(vectors.table), 6)):
        assert [str(k) for k, _ in found] == [word for word, _ in vectors.nearest(str(row), 6)]


def test_a_models_table_is_a_map_too(place, capsys):
    words = tokenizer()
    folder.save(place / "run/model", model(vocabulary=words.vocabulary), words, "plain")
    assert main(["vectors", "map", str(place / "run"), "--into", str(place / "tokens"), "--many", "300"]) == 0
    page = (place / "tokens/map.html").read_text()
    assert "words, each 64 numbers" in page and "▁cat" in page


def test_wrong_input_is_a_sentence(place, capsys):
    (place / "other").mkdir()
    (place / "other/notes.txt").write_text("mine")
    assert main(["vectors", "map", str(place / "words.txt"), "--into", str(place / "other")]) == 2
    assert "something else" in capsys.readouterr().err
    assert main(["vectors", "map", str(place / "nothing"), "--into", str(place / "new")]) == 2
    assert not (place / "new").exists()
