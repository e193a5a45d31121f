"""The report of a tokenizer: figures that can be counted by hand, and a page that shows them in a browser."""

import json

import pytest

from groundup.__main__ import main
from groundup.tokenizer import Tokenizer
from groundup.tokenizer.report.sizes import curve
from groundup.tokenizer.report.study import study, tongues
from groundup.tokenizer.report.trees import Trees
from tests.browser_example import CHROMIUM, Browser

TEXTS = [
    "The boat is old.\nThe boat isn't new, the boats are.\n" * 9,
    "Der Bäcker fährt über die Brücke.\n" * 5,
    "лодка\n" * 4,
]


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer.train(TEXTS, 330, specials=["<|end|>"])


@pytest.fixture(scope="module")
def found(tokenizer):
    groups = {"boats": TEXTS[:1], "others": TEXTS[1:]}
    return study(tokenizer, groups, {"small": Tokenizer.train(TEXTS, 270)})


def test_bytes_for_each_token_are_those_of_encoding(tokenizer, found):
    for name, texts in (("boats", TEXTS[:1]), ("others", TEXTS[1:]), ("all", TEXTS)):
        told = found["all"] if name == "all" else found["groups"][name]
        tokens, in_bytes = sum(len(tokenizer.encode(text)) for text in texts), sum(len(text.encode()) for text in texts)
        assert (told["tokens"], told["bytes"]) == (tokens, in_bytes)
        assert told["bytes_per_token"] == pytest.approx(in_bytes / tokens, abs=1e-4)
    assert found["others"]["small"]["all"]["tokens"] > found["all"]["tokens"]


def test_scripts_share_the_bytes_of_the_texts(found):
    assert set(found["scripts"]) == {"Latin", "Cyrillic"}
    assert sum(each["bytes"] for each in found["scripts"].values()) == found["all"]["bytes"]
    assert found["scripts"]["Cyrillic"]["bytes"] == len(TEXTS[2].encode())


def test_words_are_counted_as_they_stand_in_the_text():
    tokenizer = Tokenizer.train("ab ab ab xyzzy" * 3, 258, pattern="gpt2")  # "ab" and " ab"
    told = study(tokenizer, {"one": ["ab ab xyzzy ab"]})
    own = told["groups"]["one"]
    assert tokenizer.tokens[256:] == [b"ab", b" ab"]
    assert (own["words"], own["different"]) == (4, 3)
    assert own["fertility"] == pytest.approx((1 + 1 + 1 + 6) / 4) and own["whole"] == 0.75
    assert told["words"]["dearest"] == [{"word": "xyzzy", "times": 1, "tokens": [" ", "x", "y", "z", "z", "y"]}]


def test_unused_tokens_are_those_that_no_text_has(tokenizer):
    told = study(tokenizer, {"one": ["the"]})["tokens"]
    used = set(tokenizer.encode("the").tolist())
    merged = [token for token in range(256, tokenizer.size) if token not in used]
    assert told["unused"] == len(merged)
    assert [each["id"] for each in told["unused_list"]] == merged[:120]


def test_a_token_that_its_own_text_never_becomes_is_named():
    whole = Tokenizer.train("abab", 257, pattern="gpt2")
    from groundup.tokenizer.byte_pairs import BytePairs

    merges = [(97, 98, 256), (32, 32, 257), (257, 97, 258)]  # "  a" is cut before its last blank
    tokens = [*whole.tokens[:256], b"ab", b"  ", b"  a"]
    told = study(Tokenizer(BytePairs(tokens, merges, "gpt2")), {"one": ["ab  a"]})["tokens"]
    assert [each["text"] for each in told["unreachable"]] == ["  a"]


def test_a_smaller_vocabulary_is_what_training_it_gives(tokenizer):
    for point in curve(tokenizer, TEXTS, [256, 270, 300]):
        own = Tokenizer.train(TEXTS, point["size"])
        tokens = sum(len(own.encode(text)) for text in TEXTS)
        assert point["how"] == "cut down"
        assert point["bytes_per_token"] == pytest.approx(sum(len(t.encode()) for t in TEXTS) / tokens, abs=1e-4)
    sizes = [point["size"] for point in curve(tokenizer, TEXTS)]
    assert sizes == [256, tokenizer.size] and tokenizer.size > 300


@pytest.mark.parametrize("kind", ["bpe", "unigram", "wordpiece"])
def test_a_larger_vocabulary_is_trained_on_other_documents_than_it_is_measured_on(kind):
    learn, check = "the cat sat on the mat and the dog " * 9, "the dog sat on the cat and the mat "
    tokenizer = Tokenizer.train([learn], 300, kind=kind)
    (point,) = [each for each in curve(tokenizer, [learn, check], [340]) if each["how"] == "trained"]
    own = Tokenizer.train([learn], 340, kind=kind)
    assert point["bytes_per_token"] == pytest.approx(len(check) / len(own.encode(check)), abs=1e-4)


def test_a_tree_ends_in_bytes_and_its_leaves_are_the_token(tokenizer):
    trees = Trees(tokenizer)
    for token in range(256, tokenizer.size):
        told = trees.of([token])

        def leaves(at, told=told):
            return [leaf for part in told[at]["parts"] for leaf in leaves(part)] if "parts" in told[at] else [at]

        assert bytes(leaves(token)) == tokenizer.tokens[token]
        assert told[token]["bytes"] == len(tokenizer.tokens[token])
    end = tokenizer.specials["<|end|>"]
    assert trees.of([end])[end] == {"text": "<|end|>", "bytes": 7, "control": True}


def test_pieces_have_scores_instead_of_parts():
    tokenizer = Tokenizer.train("the cat sat on the mat " * 9, 280, kind="unigram")
    ids = tokenizer.encode("the cat").tolist()
    assert all(told["score"] < 0 and "parts" not in told for told in Trees(tokenizer).of(ids).values())


def test_what_is_unknown_is_counted_for_each_tokenizer(tokenizer):
    words = Tokenizer.train("the boat", 10, kind="word")
    told = study(words, {"one": ["the cat boat dog"]}, {"bytes": tokenizer})
    assert told["all"]["unknown"] == 2 and told["others"]["bytes"]["all"]["unknown"] == 0


def test_the_same_sentences_are_there_in_many_languages(found):
    assert len(tongues()) >= 30 and found["languages"]["English"]["beside_english"] == 1
    assert found["languages"]["Tamil"]["beside_english"] > 2


@pytest.fixture
def folder(tmp_path, monkeypatch, tokenizer):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    tokenizer.save("made")
    Tokenizer.train(TEXTS, 270).save("small")
    (tmp_path / "boats.txt").write_text(TEXTS[0])
    (tmp_path / "page.html").write_text(
        "<html><body><p>Der Bäcker fährt über die Brücke und über den Fluss nach Hause.</p></body></html>"
    )
    (tmp_path / "lines.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in TEXTS))
    return tmp_path


def test_the_command_prints_figures_and_leaves_a_page(folder, capsys):
    words = [
        "tokenizer",
        "report",
        "made",
        "boats.txt",
        "german=page.html",
        "lines.jsonl",
        "--against",
        "small",
        "--into",
        "told",
    ]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("boats", "german", "lines", "all", "small", "made told/report.html"))
    told = json.loads((folder / "told/report.json").read_text())
    assert told["groups"]["german"]["characters"] == len(
        "Der Bäcker fährt über die Brücke und über den Fluss nach Hause."
    )
    assert told["groups"]["lines"]["documents"] == 3
    assert main(words) == 0  # a report may be made again in its place


def test_a_rank_file_is_read_with_the_pattern_of_its_name(folder, capsys):
    assert main(["tokenizer", "convert", "made", "--to", "gpt2.tiktoken"]) == 0
    assert main(["tokenizer", "report", "made", "boats.txt", "--against", "theirs=gpt2.tiktoken"]) == 0
    assert "theirs" in capsys.readouterr().out


def test_a_long_text_is_read_in_part_and_says_so(folder, capsys):
    (folder / "long.jsonl").write_text((json.dumps({"text": "boat " * 2000}) + "\n") * 20)
    assert main(["tokenizer", "report", "made", "long.jsonl", "--megabytes", "0.05"]) == 0
    assert "more with --megabytes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    {
        ("made",): "Missing argument '[NAME=]TEXT…'",
        ("made", "nowhere.txt"): "nowhere.txt does not exist",
        ("made", "boats.txt", "boats=page.html"): "two texts are called 'boats'",
        ("made", "boats.txt", "--sizes", "many"): "--sizes takes numbers with commas",
        ("made", "boats.txt", "--sizes", "12"): "--sizes takes numbers from 256",
        ("made", "boats.txt", "--sizes", "400"): "give two or more",
        ("made", "boats.txt", "--into", "made"): "made is there and holds something else",
        ("made", "boats.txt", "--against", "nowhere"): "there is no tokenizer at nowhere",
        ("made", "boats.txt", "--width", "0"): "are more than 0",
        ("made", "empty.txt"): "there is no text in empty.txt",
    }.items(),
)
def test_wrong_input_is_one_sentence_and_code_2(folder, capsys, words, said):
    (folder / "empty.txt").write_text("")
    before = sorted(folder.rglob("*"))
    assert main(["tokenizer", "report", *words]) == 2
    told = capsys.readouterr().err
    assert said in told and told.startswith("groundup: ") and told.count("\n") == 1, told
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize(("width", "dark"), [(1200, False), (390, True)], ids=["wide", "phone in the dark"])
def test_the_page_shows_tokens_and_how_one_was_made(folder, width, dark):
    if not CHROMIUM:
        pytest.skip("needs Chromium")
    (folder / "evil.txt").write_text(
        "The boat </script><script>alert(1)</script> <img src=x onerror=alert(2)> &amp; é\u2028", encoding="utf-8"
    )
    assert main(["tokenizer", "report", "made", "evil.txt", "lines.jsonl", "--against", "small", "--into", "told"]) == 0
    page = Browser(width=width, height=900, dark=dark)
    try:
        address = (folder / "told/report.html").as_uri()
        page.open(address)
        assert page.js("document.getElementById('tokens-text').textContent") == (folder / "evil.txt").read_text(
            "utf-8"
        ).replace("\u2028", r"\xe2\x80\xa8").replace("é", r"\xc3\xa9")
        assert page.js("[...document.querySelectorAll('.token.broken')].length") == 5
        page.js("[...document.querySelectorAll('.token')].find(each => each.textContent === ' boat').click()")
        leaves = "[...document.querySelectorAll('#token-detail .name')].filter(e => !e.nextElementSibling).map(e => e.firstChild.textContent)"
        assert page.js(leaves) == ["␣", "b", "o", "a", "t"]
        page.js("document.getElementById('tokens-text').focus()")
        before = page.js("document.querySelector('.token.on').textContent")
        page.press("ArrowRight")
        assert page.js("document.querySelector('.token.on').previousElementSibling.textContent") == before
        page.js("document.querySelectorAll('#pick button')[1].click()")
        assert page.js("document.getElementById('tokens-text').textContent") == TEXTS[0]
        assert page.js("document.documentElement.scrollWidth <= innerWidth")
        assert page.complaints() == [] and set(page.addresses()) <= {address, "data:,"}
    finally:
        page.close()
