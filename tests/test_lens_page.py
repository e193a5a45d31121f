"""The lens's page in a real browser: maps that can be clicked, guesses of every layer, no complaint and no request."""

import pytest

from groundup.__main__ import main
from groundup.model import folder
from tests.browser_example import CHROMIUM, Browser
from tests.model_example import model, tokenizer

TEXT = "the cat <b>sat</b> on the mat"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place, words = tmp_path_factory.mktemp("lens"), tokenizer()
    folder.save(place / "model", model(vocabulary=words.vocabulary), words, "plain")
    assert main(["lens", str(place / "model"), TEXT, "--into", str(place / "page")]) == 0
    return place


def test_heads_and_tokens_can_be_clicked(place):
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    address = (place / "page/lens.html").as_uri()
    browser = Browser(width=1200, height=900)
    try:
        browser.open(address)
        assert browser.js("document.querySelectorAll('.heads canvas').length") == 8
        written = browser.js("[...document.querySelectorAll('#text span')].map(e => e.textContent).join('')")
        assert written.endswith(TEXT)
        browser.js("document.querySelectorAll('.heads button')[5].click()")
        assert browser.js("document.getElementById('caption').textContent") == "layer 1, head 1"
        browser.js("document.querySelectorAll('#text span')[4].click()")
        shares = browser.js(
            "[...document.querySelectorAll('#text span')].map(e => parseInt(e.style.getPropertyValue('--share')))"
        )
        assert not any(shares[5:]) and any(shares[:5])
        assert browser.js("document.getElementById('told').textContent").count("%") == 5
        assert browser.js("document.querySelectorAll('#guesses tr').length") == 4
        assert browser.js("document.documentElement.scrollWidth <= innerWidth")
        assert browser.complaints() == [] and set(browser.addresses()) <= {address, "data:,"}
    finally:
        browser.close()


def test_wrong_input_is_a_sentence(place, capsys):
    (place / "other").mkdir()
    (place / "other/notes.txt").write_text("mine")
    assert main(["lens", str(place / "model"), TEXT, "--into", str(place / "other")]) == 2
    assert "something else" in capsys.readouterr().err
    assert main(["lens", str(place / "nothing"), TEXT, "--into", str(place / "new")]) == 2
    assert not (place / "new").exists()


def test_a_long_text_is_cut_and_said_so(place, capsys):
    assert main(["lens", str(place / "model"), "the cat " * 90, "--into", str(place / "long"), "--most", "20"]) == 0
    assert "the last 20 are looked at" in capsys.readouterr().err
