"""What a person meets who trains and uses a tokenizer, mistakes included."""

import subprocess
import sys

import numpy as np
import pytest

import groundup
from groundup.errors import Problem
from groundup.tokenizer import Tokenizer
from groundup.tokenizer.report import report

TEXT = "Anna gave the red ball to Ben. Ben took the ball to the garden, and the garden was green.\n" * 20


def test_ids_are_bytes_then_merges_then_specials():
    tokenizer = groundup.Tokenizer.train(TEXT, 280, specials=["<|a|>", "<|b|>"])
    assert tokenizer.tokens[:256] == [bytes([byte]) for byte in range(256)]
    assert (tokenizer.size, tokenizer.vocabulary) == (280, 282)
    assert tokenizer.specials == {"<|a|>": 280, "<|b|>": 281}
    assert tokenizer.decode([280, *tokenizer.encode("ball"), 281]) == "<|a|>ball<|b|>"


def test_encoding_gives_a_numpy_array_shorter_than_the_bytes():
    ids = Tokenizer.train(TEXT, 300).encode(TEXT)
    assert ids.dtype == np.uint32 and len(ids) < len(TEXT) / 2


def test_a_path_is_a_file_and_a_str_is_text(tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    assert Tokenizer.train(tmp_path / "a.txt", 300).tokens == Tokenizer.train(TEXT, 300).tokens
    assert Tokenizer.train([tmp_path / "a.txt", TEXT], 300).tokens == Tokenizer.train([TEXT, TEXT], 300).tokens


def test_a_file_read_in_pieces_trains_as_one(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text(TEXT + "\n\n   indented\n\tagain\r\n" * 30 + TEXT)
    whole = Tokenizer.train((tmp_path / "a.txt").read_bytes().decode(), 320).tokens
    monkeypatch.setattr("groundup.tokenizer.tokenizer.BLOCK", 37)
    assert Tokenizer.train(tmp_path / "a.txt", 320).tokens == whole


def test_a_text_with_few_pairs_makes_a_small_vocabulary():
    assert Tokenizer.train("abab", 1000).size == 258


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((["", ""], 300), "every source is empty"),
        (([], 300), "every source is empty"),
        ((TEXT, 255), "256"),
        ((TEXT, 300, "magic"), "bpe"),
        ((TEXT, 300, "bpe", ["<|a|>", "<|a|>"]), "<|a|>"),
        ((TEXT, 300, "bpe", [" ball"]), "as a special token and as a piece of text"),
        ((TEXT, 300, "bpe", [""]), "empty name"),
        ((["half \ud83d of a pair"], 300), "character 5 of the text"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(arguments, expected):
    with pytest.raises(Problem, match=expected.replace("|", r"\|")):
        Tokenizer.train(*arguments)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"pattern": "gpt5"}, "gpt4, gpt2"),
        ({"pattern": ""}, "gpt4, gpt2"),
        ({"pattern": "(x"}, "no regular expression"),
        ({"min_frequency": 0}, "min_frequency is 0"),
        ({"memory": 1000}, "too few to count words in"),
    ],
)
def test_an_option_that_cannot_be_is_refused(options, expected):
    with pytest.raises(Problem, match=expected):
        Tokenizer.train(TEXT, 300, **options)


def test_rare_pairs_make_no_tokens():
    assert Tokenizer.train("abababab xyxyxy", 1000, min_frequency=4).tokens[256:] == [b"ab"]
    assert Tokenizer.train("abababab xyxyxy", 1000, min_frequency=5).size == 256


def test_a_pattern_of_ones_own_is_said_to_be_slower_once(capsys):
    tokenizer = Tokenizer.train(TEXT, 300, pattern=r"\w+|\W")
    tokenizer.encode(TEXT)
    tokenizer.encode(TEXT)
    assert capsys.readouterr().err.count("which is slower") == 2  # once in training, once in encoding


def test_a_published_pattern_is_known_by_its_text():
    from groundup.tokenizer.split import PATTERNS

    assert Tokenizer.train(TEXT, 300, pattern=PATTERNS["o200k"]).kind.pattern == "o200k"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Problem, match=r"missing\.txt"):
        Tokenizer.train(tmp_path / "missing.txt", 300)


def test_a_lone_surrogate_is_refused_with_its_place():
    with pytest.raises(Problem, match=r"character 2 .*U\+D800"):
        Tokenizer.train(TEXT, 300).encode("ab\ud800")


@pytest.mark.parametrize("token", [-1, 301, 2**40])
def test_ids_out_of_range_are_refused_in_decoding(token):
    with pytest.raises(Problem, match="no token"):
        Tokenizer.train(TEXT, 300, specials=["<|a|>"]).decode([token])


def test_loading_and_encoding_need_neither_torch_nor_regex_tables(tmp_path):
    Tokenizer.train(TEXT, 300).save(tmp_path)
    code = f"""
import sys, groundup
assert not {{"torch", "numba", "numpy"}} & set(sys.modules), "import groundup is not light"
tokenizer = groundup.Tokenizer.load({str(tmp_path)!r})
assert tokenizer.decode(tokenizer.encode("the ball")) == "the ball"
assert not {{"torch", "transformers", "pyarrow"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_report_counts_what_it_says():
    tokenizer = Tokenizer.train(TEXT, 300)
    told = report(tokenizer, [TEXT, "ünused"])
    ids = np.concatenate([tokenizer.encode(TEXT), tokenizer.encode("ünused")])
    assert told["tokens"] == len(ids) and told["bytes_per_token"] == round((len(TEXT) + 7) / len(ids), 4)
    assert told["unused"] == tokenizer.size - 256 - len(set(ids[ids >= 256].tolist()))
    assert "".join(told["samples"][0]) == TEXT[:240]


def test_an_encoder_serves_many_threads_at_once():
    from concurrent.futures import ThreadPoolExecutor

    tokenizer = Tokenizer.train(TEXT, 300)
    texts = [f"{number} {TEXT[number % 50 :]}" for number in range(200)]
    expected = [tokenizer.encode(text).tolist() for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert [ids.tolist() for ids in pool.map(tokenizer.encode, texts)] == expected


def test_worst_cases_take_about_linear_time():
    import time

    tokenizer = Tokenizer.train([TEXT, "a" * 300, "ab" * 300], 320)

    def seconds(text: str) -> float:
        started = time.perf_counter()
        assert tokenizer.decode(tokenizer.encode(text)) == text
        return time.perf_counter() - started

    seconds(TEXT)
    assert seconds("a" * 400_000) < 60 * max(seconds("a" * 40_000), 1e-3)
