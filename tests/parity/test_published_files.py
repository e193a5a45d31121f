"""Files of other people's tokenizers, read here: the ids are those of the libraries that they were made for."""

import base64
import json
import random

import pytest
import tiktoken
from tiktoken.load import load_tiktoken_bpe

from groundup.errors import Problem
from groundup.tokenizer import Tokenizer
from groundup.tokenizer.byte_pairs import alphabet
from groundup.tokenizer.split import PATTERNS
from tests.parity.test_tokenizer_peers import PROSE, texts
from tests.published_example import FAMILIES, TEXT, written

MORE = [
    "",
    " ",
    "  a",
    "12 34",
    "a  1",
    "whole untouched whole",
    "é e\u0301 \u0344",
    "<tool_call>x</tool_call> <tool",
    "x <mask> y<mask>",
]
MORE += ["abcd abcde xabc abc ab bc abcdabc xabcde aabcd", "    x", "   ", "aaaaaaaaaaaaa", "\x00\x00"]


@pytest.fixture(scope="module", params=FAMILIES)
def both(request, tmp_path_factory):
    theirs, file = written(request.param, tmp_path_factory.mktemp(request.param))
    return theirs, Tokenizer.load(file)


def test_the_ids_are_those_of_the_tokenizers_library(both):
    theirs, ours = both
    chosen = random.Random(5)
    some = [*MORE, TEXT, PROSE, *texts(1500), *("".join(chosen.choices("abcdex ", k=30)) for _ in range(500))]
    for text, ids in zip(some, ours.encode_many(some), strict=True):
        assert theirs.encode(text, add_special_tokens=False).ids == ids.tolist(), text


def test_what_was_read_is_written_and_read_again(both, tmp_path):
    from tokenizers import Tokenizer as Theirs

    theirs, ours = both
    ours.save(tmp_path / "again")
    again, read = Tokenizer.load(tmp_path / "again"), Theirs.from_file(str(tmp_path / "again" / "tokenizer.json"))
    assert (again.tokens, again.specials, again.begins) == (ours.tokens, ours.specials, ours.begins)
    assert read.get_vocab() == theirs.get_vocab()
    for text in [*MORE, TEXT, PROSE, *texts(200)]:
        assert (
            ours.encode(text).tolist() == again.encode(text).tolist() == read.encode(text, add_special_tokens=False).ids
        )


def test_text_comes_back(both):
    _, ours = both
    for text in ["Anna's ball é 12", TEXT.strip(), *(text.strip() for text in texts(300) if text.strip().isascii())]:
        assert ours.decode(ours.encode(text)) == text


def test_special_tokens_stay_outside_the_text(both):
    _, ours = both
    for name, token in ours.specials.items():
        assert token not in ours.encode(f"a {name} b").tolist()


def test_the_beginning_of_a_text_is_known(tmp_path):
    from groundup.tokenizer import chat

    ours = Tokenizer.load(written("llama3", tmp_path)[1])
    assert ours.begins == ("<|begin_of_text|>",) and chat.separator_ids(ours) == [ours.specials["<|begin_of_text|>"]]


@pytest.fixture(scope="module")
def trained():
    return Tokenizer.train([PROSE * 5, *texts(400)], 600, pattern="gpt4", specials=["<|end|>"])


def ranked(ranks, pattern="gpt4"):
    return tiktoken.Encoding("theirs", pat_str=PATTERNS[pattern], mergeable_ranks=ranks, special_tokens={})


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_rank_file_gives_the_ids_of_tiktoken(tmp_path, pattern, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")  # it would keep a copy under the file's name
    made = Tokenizer.train([PROSE * 5, *texts(400)], 600, pattern=pattern)
    made.save(tmp_path / "x.tiktoken")
    ranks = load_tiktoken_bpe(str(tmp_path / "x.tiktoken"))
    assert ranks == {token: rank for rank, token in enumerate(made.tokens)}
    read = Tokenizer.load(tmp_path / "x.tiktoken", pattern=pattern, specials={"<|end|>": 700})
    assert read.kind.merges == made.kind.merges and read.specials == {"<|end|>": 700} and read.vocabulary == 701
    theirs = ranked(ranks, pattern)
    for text in [PROSE, *texts(1000)]:
        assert read.encode(text).tolist() == made.encode(text).tolist() == theirs.encode_ordinary(text)


def test_ranks_with_bytes_in_any_order_and_tokens_that_no_merge_makes(tmp_path, trained):
    order = list(range(256))
    random.Random(8).shuffle(order)
    tokens = [*(bytes([byte]) for byte in order), *trained.tokens[256:], b"", b" zebrafish", "日本酒".encode(), b"qzj"]
    ranks = {token: rank for rank, token in enumerate(tokens) if token}
    lines = (f"{base64.b64encode(token).decode()} {rank}\n" for token, rank in ranks.items())
    (tmp_path / "x.tiktoken").write_text("".join(lines))
    ours, theirs = Tokenizer.load(tmp_path / "x.tiktoken", specials={"<|end|>": 600}), ranked(ranks)
    assert ours.encode(" zebrafish").tolist() == [601] and ours.specials == {"<|end|>": 600}
    for text in [PROSE, "a zebrafish, zebrafish zebrafishes 日本酒 日本酒日 qzj qzjj", *texts(1000)]:
        assert ours.encode(text).tolist() == theirs.encode_ordinary(text)
        assert ours.decode(ours.encode(text)) == text


@pytest.mark.parametrize("names", [("vocab.json", "merges.txt"), ("encoder.json", "vocab.bpe")])
def test_the_two_files_of_gpt2_give_its_ids(tmp_path, names):
    from tokenizers.implementations import ByteLevelBPETokenizer

    theirs, _ = written("gpt2", tmp_path)
    told = json.loads(theirs.to_str())
    vocabulary = told["model"]["vocab"] | {"<|endoftext|>": theirs.token_to_id("<|endoftext|>")}
    folder = tmp_path / "two"
    folder.mkdir()
    (folder / names[0]).write_text(json.dumps(vocabulary))
    (folder / names[1]).write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in told["model"]["merges"]))
    for place in (folder, folder / names[0], folder / names[1]):
        ours = Tokenizer.load(place)
        assert ours.specials == {"<|endoftext|>": theirs.token_to_id("<|endoftext|>")}
    again = ByteLevelBPETokenizer(str(folder / names[0]), str(folder / names[1]))
    for text in [TEXT, PROSE, *texts(500)]:
        assert ours.encode(text).tolist() == theirs.encode(text).ids == again.encode(text).ids


RANK_LINES = {
    "ends within line": lambda text: text[:-1],
    "not a token in base64": lambda text: text.replace(" ", "! ", 1),
    "was there before": lambda text: text + text[: text.index("\n")] + "9\n",
    "same rank": lambda text: text.rstrip("\n").rpartition(" ")[0] + " 300\n",
    "lacks the bytes": lambda text: text.partition("\n")[2],
    "cannot be meant": lambda text: text + "enp6enp6 99999999999\n",
}


@pytest.mark.parametrize("expected", RANK_LINES)
def test_an_altered_rank_file_is_refused(tmp_path, trained, expected):
    trained.save(tmp_path / "x.tiktoken")
    text = (tmp_path / "x.tiktoken").read_text()
    (tmp_path / "x.tiktoken").write_text(RANK_LINES[expected](text))
    with pytest.raises(Problem, match=expected):
        Tokenizer.load(tmp_path / "x.tiktoken")


def test_specials_that_collide_with_ranks_are_refused(tmp_path, trained):
    trained.save(tmp_path / "x.tiktoken")
    with pytest.raises(Problem, match="which is taken"):
        Tokenizer.load(tmp_path / "x.tiktoken", specials={"<|end|>": 5})
    with pytest.raises(Problem, match="leave out pattern and specials"):
        trained.save(tmp_path / "folder")
        Tokenizer.load(tmp_path / "folder", pattern="gpt2")


@pytest.mark.parametrize("name", ["neox", "digits", "twice_made"])
def test_a_rank_file_is_refused_where_it_would_say_less(tmp_path, name):
    with pytest.raises(Problem, match="is a rank file"):
        Tokenizer.load(written(name, tmp_path)[1]).save(tmp_path / "x.tiktoken")


TWO = {
    "ends within line": lambda names, lines: lines.pop(),
    "one of the two is not whole": lambda names, lines: lines.pop(-2),
    "the two do not belong together": lambda names, lines: names.popitem(),
    "not two tokens": lambda names, lines: lines.__setitem__(2, "a"),
    "in the order|before both": lambda names, lines: lines.__setitem__(slice(1, -1), lines[-2:0:-1]),
}


@pytest.mark.parametrize("expected", TWO)
def test_two_files_that_are_altered_are_refused(tmp_path, trained, expected):
    letters = alphabet()
    name = lambda token: "".join(letters[byte] for byte in trained.tokens[token])  # noqa: E731
    names = {name(token): token for token in range(trained.size)}
    lines = ["#version: 0.2", *(f"{name(a)} {name(b)}" for a, b, _ in trained.kind.merges), ""]
    TWO[expected](names, lines)
    (tmp_path / "vocab.json").write_text(json.dumps(names))
    (tmp_path / "merges.txt").write_text("\n".join(lines))
    with pytest.raises(Problem, match=expected):
        Tokenizer.load(tmp_path)


def test_one_of_two_files_alone_is_refused(tmp_path):
    (tmp_path / "vocab.json").write_text("{}")
    with pytest.raises(Problem, match="must lie beside each other"):
        Tokenizer.load(tmp_path / "vocab.json")


CHANGES = {
    r"normalizer \(.*Lowercase": lambda told: told.update(
        normalizer={"type": "Sequence", "normalizers": [{"type": "Lowercase"}]}
    ),
    r"post_processor \(.*Bert": lambda told: told.update(
        post_processor={"type": "BertProcessing", "sep": ["a", 1], "cls": ["b", 2]}
    ),
    "before both are made": lambda told: told["model"]["merges"].reverse(),
    "'<[|]im_end[|]>' the ids 1 and": lambda told: told["model"]["vocab"].update({"<|im_end|>": 1}),
    "finds '<tool_call>' with lstrip": lambda told: [
        entry.update(lstrip=True) for entry in told["added_tokens"] if entry["content"] == "<tool_call>"
    ],
    "id 7 to two tokens": lambda told: told["model"]["vocab"].update({"zzz": 7}),
    "no vocabulary is larger": lambda told: told["model"]["vocab"].update({"zzz": 1 << 40}),
    "KeyError": lambda told: told["model"]["merges"].append(["Anna", "Ben"]),
}


@pytest.mark.parametrize("expected", CHANGES)
def test_parts_that_are_not_known_are_named(tmp_path, expected):
    _, file = written("qwen", tmp_path)
    told = json.loads(file.read_text())
    CHANGES[expected](told)
    file.write_text(json.dumps(told))
    with pytest.raises(Problem, match=expected):
        Tokenizer.load(file)
