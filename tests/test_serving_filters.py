"""What the models write on its way out: a stream is filtered as the whole text would be, and never a moment too late."""

import asyncio
import random
import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some

import groundup
from groundup.data.privacy.redact import redact
from groundup.errors import Problem
from groundup.model import folder
from groundup.model.architectures import build
from groundup.model.settings import ModelSettings
from groundup.serving import filters, judge
from groundup.serving.filters import Filters, Private, Sieve, Words
from groundup.serving.worker import Piece, Token
from tests import model_example, serving_example

LIST = Words(["bad", "very bad", "dam*", "naïve idea", "f.o"])
PRIVATE = (
    "Write to ann.lee@mail.example.com or call +44 20 7946 0958 now. Card 4111 1111 1111 1111, order 12345, year 1999. "
    "Tel: 555 0199, or (555) 010-0199. 3,14 and 10:30 stay, so does a@b. "
)


def pieces(text: str, cuts: list[int]) -> list[Piece]:
    """A text as an engine might deliver it, each piece one token."""
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    parts = [text[a:b] for a, b in zip(edges[:-1], edges[1:], strict=True)] or [""]
    return [
        Piece(
            0,
            part,
            [Token(number, -1.0, [(1, -1.0)], edges[number])],
            number + 1,
            "length" if number + 1 == len(parts) else None,
        )
        for number, part in enumerate(parts)
    ]


def sieved(these: Filters, parts: list[Piece]) -> list[Piece]:
    async def all_of_them() -> list[Piece]:
        sieve, told = Sieve(these), []
        for part in parts:
            told.append(await sieve.push(part))
            if told[-1].finish:
                break
        return told

    return asyncio.run(all_of_them())


def text_of(told: list[Piece]) -> str:
    return "".join(piece.text for piece in told)


def whole(these: Filters, text: str) -> str:
    return text_of(sieved(these, pieces(text, [])))


CUTS = some.lists(some.integers(0, 500), max_size=40)


@given(
    CUTS,
    some.lists(
        some.sampled_from("very bad dam dams badly naïve idea f.o fxo  \n , good BAD — bad".split(" ")), max_size=20
    ).map(" ".join),
)
@settings(max_examples=150, deadline=None)
def test_words_are_found_wherever_the_stream_is_cut(cuts, text):
    these = Filters((LIST,))
    assert text_of(sieved(these, pieces(text, cuts))) == whole(these, text) == LIST.pattern.sub("[word]", text)


@given(CUTS)
@settings(max_examples=100, deadline=None)
def test_private_numbers_are_found_wherever_the_stream_is_cut_as_the_room_of_data_finds_them(cuts):
    told = text_of(sieved(Filters((Private(),)), pieces(PRIVATE, cuts)))
    assert told == redact(PRIVATE)[0]
    assert "[email]" in told and told.count("[phone]") == 3 and "[card]" in told and "order 12345, year 1999" in told


@given(CUTS, some.text(alphabet="ab .@1-\n", max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_is_filtered_in_parts_as_it_is_whole(cuts, text):
    these = Filters((Words(["a", "b a"]), Private()))
    assert text_of(sieved(these, pieces(text, cuts))) == whole(these, text)


@given(CUTS, some.text(alphabet="abc .\n", max_size=60))
@settings(max_examples=80, deadline=None)
def test_what_nothing_is_found_in_goes_through_with_its_tokens(cuts, text):
    parts = pieces(text, cuts)
    told = sieved(Filters((Words(["nothing"]),)), parts)
    assert text_of(told) == text
    assert [(t.id, t.start) for piece in told for t in piece.tokens] == [
        (t.id, t.start) for piece in parts for t in piece.tokens
    ]
    assert not any(token.top for piece in told for token in piece.tokens), (
        "others that it might have said could be such words"
    )


def test_no_more_is_held_back_than_a_match_needs():
    one = sieved(Filters((LIST, Private())), pieces("The cat sat on the mat. And then ", [4, 8, 12, 15, 19, 24, 28]))
    held = [len("The cat sat on the mat. And then "[:end]) for end in (4, 8, 12, 15, 19, 24, 28, 33)]
    told = 0
    for piece, sent in zip(one, held, strict=True):
        told += len(piece.text)
        assert told >= sent - 12, (piece, sent)
    endless = sieved(Filters((LIST, Private())), pieces("x" * 5000, list(range(0, 5000, 50)))[:-1])
    assert 5000 - len(text_of(endless)) < 500, "a text without blanks comes out, too"


def test_the_tokens_of_a_word_that_may_not_be_said_are_not_told_either():
    text = "It is very bad today."
    parts = pieces(text, [2, 5, 10, 12, 14, 20])  # "It", " is", " very", " b", "ad", " today", "."
    told = sieved(Filters((LIST,)), parts)
    assert text_of(told) == "It is [word] today."
    kept = [token for piece in told for token in piece.tokens]
    assert [token.id for token in kept] == [0, 1, 5, 6]
    assert [text_of(told)[token.start :][:3] for token in kept] == ["It", " is", " to", "."] or kept[2].start == len(
        "It is [word]"
    )


def test_an_answer_can_be_ended_instead():
    told = sieved(Filters((LIST,), stop=True), pieces("It is very bad today. More.", [3, 8, 12, 18]))
    assert text_of(told) == "It is " and told[-1].finish == "content_filter"


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """One that puts every text whose last token is a full stop into class 1, the rest into class 0."""
    tokenizer = model_example.tokenizer(300)
    settings = ModelSettings(
        family="qwen3",
        depth=1,
        width=32,
        heads=2,
        vocabulary=tokenizer.vocabulary,
        context=64,
        head={"kind": "classify_last", "classes": 2},
    )
    model, place = build(settings, 1), tmp_path_factory.mktemp("classifier") / "model"
    folder.save(place, model, tokenizer)
    return place


class Careful(judge.Judge):
    """Hears a word and is sure; what it was asked is kept."""

    def __init__(self):
        self.heard: list[str] = []

    def probability(self, text: str) -> float:
        self.heard.append(text)
        return float("knife" in text)

    def refuses(self, text: str) -> bool:
        return self.probability(text) >= 0.5


def test_a_judge_hears_whole_sentences_before_anybody_reads_them():
    careful, text = Careful(), "A cat sat. It was glad! Then a knife came. The end."
    told = sieved(Filters(judge=careful), pieces(text, list(range(0, 60, 3))))
    assert text_of(told) == "A cat sat. It was glad!" and told[-1].finish == "content_filter"
    assert careful.heard[0] == "A cat sat." and careful.heard[-1].startswith(
        "A cat sat. It was glad! Then a knife came"
    )


@given(CUTS)
@settings(max_examples=30, deadline=None)
def test_a_judge_that_lets_everything_pass_changes_nothing(cuts):
    text = "A cat sat. It was glad!\nThen a bird came, and\tthat was all"
    parts = pieces(text, cuts)
    told = sieved(Filters((LIST,), judge=Careful()), parts)
    assert text_of(told) == text and told[-1].finish == "length"
    assert [token.start for piece in told for token in piece.tokens] == [
        token.start for piece in parts for token in piece.tokens
    ]


def test_a_classifier_is_read_from_a_models_folder_and_gives_its_own_probability(classifier):
    loaded = judge.load(classifier, refused=1)
    probability = loaded.probability("The cat sat.")
    assert 0 < probability < 1
    ids = [*loaded.first, *loaded.tokenizer.encode("The cat sat.").tolist()]
    assert abs(probability - loaded.model(torch.tensor([ids])).softmax(-1)[0, 1].item()) < 1e-5
    assert loaded.probability("word " * 500) > 0, "a text that is too long is heard from its end"
    with pytest.raises(Problem, match="classes 0 to 1"):
        judge.load(classifier, refused=2)


def test_a_model_that_is_no_classifier_is_refused(tmp_path):
    with pytest.raises(Problem, match="objective.kind=classify"):
        judge.load(serving_example.model_folder(tmp_path / "model"))


def test_a_list_of_words_is_read_with_kind_words_about_what_is_wrong(tmp_path):
    path = tmp_path / "words.txt"
    path.write_text("# remarks\nbad\n  very   bad \n\n")
    assert filters.words(path).spans("Very\nBAD bad")[0] == (0, 8, "[word]")
    for wrong in ("", "# nothing\n", "!!!\n", "x" * 300):
        path.write_text(wrong)
        with pytest.raises(Problem, match=re.escape(str(path))):
            filters.words(path)
    with pytest.raises(Problem, match="cannot be read"):
        filters.words(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return serving_example.model_folder(tmp_path_factory.mktemp("models") / "model")


@pytest.mark.parametrize("stop", [False, True])
def test_a_server_filters_whole_answers_and_streams_alike(model, tmp_path, stop):
    asked = {"prompt": "Hello", "temperature": 1, "seed": 4, "max_tokens": 60}
    text = groundup.load(model).generate("Hello", 60, 1.0, 4)
    words = [word for word in re.findall(r"(?<!\w)\w{3,}(?!\w)", text) if word.isascii()]
    word = random.Random(1).choice(words[: max(1, len(words) // 2)])
    (tmp_path / "words.txt").write_text(word)
    expected = filters.words(tmp_path / "words.txt").pattern.sub("[word]", text)
    with serving_example.served(
        {"model": model}, wanted={"words": str(tmp_path / "words.txt"), "stop": stop}
    ) as server:
        status, told, _ = server.ask("/v1/completions", asked)
        choice = told["choices"][0]
        assert status == 200 and word.lower() not in re.findall(r"\w+", choice["text"].lower())
        assert choice["text"] == (expected.partition("[word]")[0] if stop else expected)
        assert choice["finish_reason"] == ("content_filter" if stop else "length")
        events = server.stream(asked, "/v1/completions")
        assert "".join(event["choices"][0]["text"] for event in events[:-1]) == choice["text"]
        assert events[-2]["choices"][0]["finish_reason"] == choice["finish_reason"]
        server.until(lambda: server.metric("num_requests_running") == 0)
        assert server.ask("/v1/completions", asked)[0] == 200
