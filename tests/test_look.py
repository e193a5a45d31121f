"""Looking at a corpus: what is asked for is shown, the evidence stands in the text, a hostile text stays text."""

import json
import os
import pty
import re
import subprocess
import sys

import numpy as np
import pyarrow.parquet as parquet
import pytest

from groundup.__main__ import main
from groundup.data.tokens.order import key, permute
from groundup.evaluation.looking import wanted
from groundup.evaluation.looking.evidence import pieces, shared, spans, window, within
from groundup.evaluation.looking.finished import KEPT, REMOVED, Corpus
from groundup.evaluation.looking.mentions import Mentions
from groundup.evaluation.looking.sheets import sheets
from groundup.evaluation.report.funnel import bars, funnel
from tests.browser_example import CHROMIUM, Browser
from tests.look_example import corpus, rows
from tests.model_example import tokenizer


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return corpus(tmp_path_factory.mktemp("look"))


@pytest.fixture(scope="module")
def opened(folder):
    return Corpus(folder)


def lit(text, reason, detail):
    return [text[begin:end] for begin, end in spans(text, reason, detail)]


def ids(corpus, places):
    read = corpus.read(places)
    return [read[place].id for place in places]


def test_every_document_is_found_where_it_lies(opened):
    places = wanted.first(opened, wanted.Wanted(), 10_000)
    assert [place.number for place in places] == list(range(opened.documents)) and opened.documents == len(rows())
    told = parquet.read_table(opened.files[0]).to_pylist()
    read = opened.read(places[: len(told)])
    assert [(each.id, each.text, each.source) for each in read.values()] == [
        (each["id"], each["text"], each["source"]) for each in told
    ]
    assert {each.license for each in read.values()} == {"CC0-1.0"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"sides": (REMOVED,), "reasons": ("near_duplicate",)}, {"near 0", "near 1", "near 2"}),
        ({"reasons": ("duplicate", "language")}, {"copy", "german"}),
        ({"sources": ("forum/[12]",), "sides": (REMOVED,)}, {"copy", "german", "spam", "near 0", "near 1", "near 2"}),
        ({"ids": ("story 3", "spam")}, {"story 3", "spam"}),
        ({"words": "KIND NURSE"}, {"she"}),
        ({"words": "kind nurse", "sides": (REMOVED,)}, set()),
    ],
)
def test_what_is_asked_for_is_found(opened, asked, expected):
    assert set(ids(opened, wanted.first(opened, wanted.Wanted(**asked), 100))) == expected


def test_a_seed_draws_a_sample_without_return_and_the_same_again(opened):
    asked = wanted.Wanted((KEPT,))
    there = wanted.first(opened, asked, 1000)
    whole = [wanted.drawn(opened, asked, len(there), seed) for seed in (1, 2)]
    assert all(sorted(each, key=lambda place: place.number) == there for each in whole)
    assert whole[0] != whole[1] != there
    assert wanted.drawn(opened, asked, 5, 1) == whole[0][:5]
    ranks = permute(np.array([place.number for place in there]), opened.documents, key(1, "look"))
    assert whole[0] == [there[at] for at in np.argsort(ranks)]  # the shuffle by its definition


def test_of_each_reason_there_are_so_many(opened):
    chosen = wanted.of_each(opened, wanted.Wanted(), 2, 1)
    assert chosen.fitting == opened.table["removed"] | {KEPT: opened.table["documents"]}
    assert {name: len(places) for name, places in chosen.places.items()} == {
        name: min(2, many) for name, many in chosen.fitting.items()
    }


@pytest.mark.parametrize(
    ("text", "reason", "detail", "expected"),
    [
        ("Buy now!\nGood BUY\nNOW", "spam", "12 points a hundred words: buy now, casino", ["Buy now", "BUY\nNOW"]),
        ("a line\nother\na line", "spam", "67% of its lines repeat", ["a line"]),
        (
            "go home.\nGo home and go  home",
            "gopher_repetition",
            "characters in x (go home)",
            ["go home", "Go home", "go  home"],
        ),
        ("the cat und der Hund", "language", "de: 55% of its words", ["und", "der"]),
        ("see это and पुस्तकें here", "language", "60% of its letters are of another script", ["это", "पुस्तकें"]),
        ("x = {1}", "c4", "has {", ["{"]),
        ("so damn it", "c4", "a bad word: damn", ["damn"]),
        ("- one\ntwo\n- three", "gopher_quality", "lines with a bullet 0.95 > 0.9", ["- one", "- three"]),
        ("No end\nAn end.\nOther", "fineweb", "lines ended by a sign 0.1 < 0.12", ["No end", "Other"]),
        ("write to [email] or [phone-2], [not]", "", "", ["[email]", "[phone-2]"]),
        ("letters of noise", "gibberish", "60% of it is letter noise (9.0 bits a letter)", []),
    ],
)
def test_evidence_is_lit_where_it_stands(text, reason, detail, expected):
    assert lit(text, reason, detail) == expected


def test_pieces_are_the_text_and_a_window_keeps_the_evidence():
    text = "x" * 5000 + " buy now " + "y" * 5000
    found = spans(text, "spam", "9 points a hundred words: buy now")
    assert "".join(piece for piece, _ in pieces(text, found)) == text
    begin, end = window(text, found, 1000)
    assert end - begin == 1000
    assert [piece for piece, is_lit in pieces(text[begin:end], within(found, begin, end)) if is_lit] == ["buy now"]


def test_of_near_copies_the_words_are_lit_that_the_other_lacks():
    one = "the miller went down to the river and looked at the boats for a while"
    ours, theirs = shared(one, one + " that was all")
    assert ours == [] and [(one + " that was all")[a:b] for a, b in theirs] == ["that was all"]


def test_a_copy_lies_beside_the_one_that_stayed(opened):
    asked = wanted.Wanted(reasons=("duplicate", "near_duplicate"))
    found = {each.document.id: each for each in sheets(opened, wanted.first(opened, asked, 9), 500, 3)}
    assert [other.id for other in found["copy"].beside] == ["story 3"]
    assert [other.id for other in found["near 1"].beside] == ["story 4", "near 0", "near 2"]
    assert [other.stays for other in found["near 1"].beside] == [True, False, False]


def test_the_terminal_shows_reasons_and_no_text_moves_its_cursor(folder, capsys):
    assert main(["look", str(folder), "--reason", "language", "--plain"]) == 0
    shown = capsys.readouterr().out
    assert "removed: language" in shown and "⟦und⟧" in shown and "id: german" in shown
    assert main(["look", str(folder), "--id", "<b>hostile</b>", "--plain"]) == 0
    shown = capsys.readouterr().out
    assert "said she" in shown and "\x1b" not in shown
    assert main(["look", str(folder), "--kept", "--count", "3", "--seed", "2", "--plain"]) == 0
    assert "3 of 3" in capsys.readouterr().out


def test_at_a_terminal_documents_come_one_at_a_time(folder):
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "groundup", "look", str(folder), "--removed", "--reason", "near_duplicate"]
    process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    seen = b""
    for wait, typed in ((b"1 of 3", b"\n"), (b"2 of 3", b"p\n"), (b"1 of 3", b"q\n")):
        at = len(seen)
        while wait not in seen[at:] or b"q: stop" not in seen[at:]:
            seen += os.read(ours, 4096)
        os.write(ours, typed)
    assert process.wait(60) == 0 and b"3 of 3" not in seen
    os.close(ours)


def test_wrong_wishes_are_sentences(folder, tmp_path, capsys):
    assert main(["look", str(folder), "--reason", "langage"]) == 2
    assert "did you mean language?" in capsys.readouterr().err
    assert main(["look", str(tmp_path)]) == 2
    assert "finished corpus" in capsys.readouterr().err
    assert main(["look", str(folder), "--kept", "--removed"]) == 2
    assert main(["look", str(folder), "--find", "no such words"]) == 2
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["card", str(folder), "--into", str(tmp_path)]) == 2
    assert "something else" in capsys.readouterr().err


def test_the_page_can_be_leafed_through(folder, tmp_path):
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    page = tmp_path / "look.html"
    assert main(["look", str(folder), "--page", str(page)]) == 0
    browser = Browser(width=1200, height=900)
    try:
        browser.open(page.as_uri())
        browser.js(
            "(e => { e.value = 'near_duplicate'; e.dispatchEvent(new Event('change')) })(document.getElementById('heading'))"
        )
        assert browser.js("document.getElementById('count').textContent") == "1 of 3"
        assert browser.js("document.querySelectorAll('#texts .text').length") == 4
        assert browser.js("document.querySelector('#texts mark').textContent").startswith("That was day")
        browser.press("ArrowRight")
        browser.click("#on")
        assert browser.js("document.getElementById('count').textContent") == "3 of 3"
        assert browser.js("document.getElementById('on').disabled")
        browser.js("(e => { e.value = ''; e.dispatchEvent(new Event('change')) })(document.getElementById('heading'))")
        browser.js(
            "(e => { e.value = 'said she'; e.dispatchEvent(new Event('input')) })(document.getElementById('search'))"
        )
        assert browser.js("document.getElementById('count').textContent") == "1 of 1"
        assert "onerror=" in browser.js("document.querySelector('#texts .text').textContent")
        assert browser.js("document.querySelectorAll('#sheet img, #sheet b').length") == 0
        assert browser.js("document.title").startswith("Documents of")
        browser.tell("Emulation.setDeviceMetricsOverride", width=360, height=800, deviceScaleFactor=1, mobile=False)
        assert browser.js("document.documentElement.scrollWidth <= innerWidth")
        assert browser.complaints() == [] and set(browser.addresses()) <= {page.as_uri(), "data:,"}
    finally:
        browser.close()


def test_the_card_says_what_is_in_the_corpus(folder, tmp_path):
    words = tokenizer()
    words.save(tmp_path / "words")
    assert main(["card", str(folder), "--into", str(tmp_path / "card"), "--tokenizer", str(tmp_path / "words")]) == 0
    told = json.loads((tmp_path / "card/card.json").read_text())
    kept = [each for shard in sorted(folder.glob("kept-*.parquet")) for each in parquet.read_table(shard).to_pylist()]
    assert told["documents"] == len(kept) == sum(each["documents"] for each in told["lengths"])
    assert told["bytes"] == sum(len(each["text"].encode()) for each in kept)
    assert told["tokens"]["about"] == sum(len(words.encode(each["text"])) for each in kept)
    assert {row["name"]: row["documents"] for row in told["licences"]["top"]} == {"CC0-1.0": len(kept)}
    assert {row["name"]: row["documents"] for row in told["hosts"]["top"]}["b.example"] == 26
    assert sum(row["documents"] for row in told["sources"]["top"]) == len(kept)
    assert sum(told["languages"].values()) == told["sampled"] == len(kept)
    assert told["copies"] == {"exact": 1, "near": 3, "clusters": [{"size": 4, "clusters": 1}]}
    assert told["redactions"] == {"email": 1} and told["contamination"] is None
    roles = {each["name"]: each for each in told["mentions"]["groups"]["roles"]}
    assert roles["nurse"]["near"]["she"] == 1 and roles["doctor"]["near"]["he"] == 1
    written = (tmp_path / "card/card.md").read_text()
    assert "## Whom it speaks of" in written and "<b>" not in re.sub(r"(?m)^    .*$", "", written)


def test_the_card_is_one_page_that_fits(folder, tmp_path):
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    assert main(["card", str(folder), "--into", str(tmp_path / "card")]) == 0
    page = (tmp_path / "card/card.html").as_uri()
    browser = Browser(width=1200, height=900)
    try:
        browser.open(page)
        assert browser.js("document.querySelectorAll('svg.funnel').length") == 3
        assert "It cannot say" in browser.js("document.body.innerText")
        assert browser.js("document.querySelectorAll('main img, main script, main b').length") == 0
        for width in (1200, 360):
            browser.tell(
                "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
            )
            assert browser.js("document.documentElement.scrollWidth <= innerWidth")
        assert browser.complaints() == [] and set(browser.addresses()) <= {page, "data:,"}
    finally:
        browser.close()


def test_the_funnel_is_as_wide_as_what_is_left():
    step = {"name": "spam", "documents_in": 100, "documents_out": 25, "bytes_in": 1000, "bytes_out": 500}
    found = re.findall(r'width="([\d.]+)" height="18" class="(\w+)"', str(funnel([step])))
    left, right = found[:2], found[2:]
    assert [style for _, style in found] == ["stays", "gone"] * 2
    assert float(left[1][0]) == pytest.approx(3 * float(left[0][0]), rel=0.01)
    assert float(right[1][0]) == pytest.approx(float(right[0][0]), rel=0.01)
    assert 'height="75.0"' in str(bars([("1", 2), ("2", 1)], "about", "words"))


def test_neighbours_are_those_that_meet_more_often_than_by_chance():
    mentions = Mentions()
    for number in range(30):
        mentions.add(f"the nurse smiled kindly here {number} " + "rain fell on roofs and roads again " * 5, "a")
        mentions.add(f"rain fell while the German Engineer measured roads {number} " + "rain fell on roofs " * 5, "b")
    told = mentions.told(["a", "b"])
    roles = {each["name"]: each for each in told["groups"]["roles"]}
    assert [near["word"] for near in roles["nurse"]["neighbours"]][:2] == ["kindly", "smiled"]
    assert roles["engineer"]["neighbours"][0]["word"] in ("german", "measured")
    assert roles["nurse"]["sources"]["b"] == 0 and roles["nurse"]["sources"]["a"] > 0
    assert [each["name"] for each in told["groups"]["nationalities"]] == ["German"]
    lower = Mentions()
    lower.add("a german polish remover", "a")
    assert not lower.counts
