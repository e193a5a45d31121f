"""Hidden words and next sentences: what an encoder is asked, that it is the same whenever it is asked, and that it learns."""

import json
import random

import numpy as np
import pytest
import torch

from groundup.data.tokens.masked import MaskedPages, marks
from groundup.data.tokens.shards import Shards, Writer
from groundup.errors import Problem
from groundup.model import folder
from groundup.model.architectures import build
from groundup.model.settings import ModelSettings
from groundup.objectives.masked import MaskedWords
from groundup.objectives.settings import ObjectiveSettings
from groundup.objectives.table import Sources, check_head, objective
from groundup.tokenizer import Tokenizer, chat
from tests.heads_example import shaken
from tests.training_example import make, settings

SPECIALS = [*chat.specials(), "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
CLASSES = (["cats", "dogs", "owls"], ["chase", "like", "hear"], ["small", "old", "grey"], ["mice", "birds", "moths"])


def sentence(dice: random.Random) -> str:
    """A tiny regular language: who does what to which, and all have the colour of their number."""
    return " ".join(dice.choice(words) for words in CLASSES)


def make_pages(place, kind: str = "wordpiece"):
    """Documents, each of one number of the language's words; a tokenizer with the marks beside them."""
    dice = random.Random(3)
    texts = [" ".join(sentence(dice) for _ in range(12)) for _ in range(120)]
    for text in range(120):  # a document tells of one animal alone
        animal, seen = CLASSES[0][text % 3], CLASSES[3][text % 3]
        words = texts[text].split()
        words[0::4], words[3::4] = [animal] * 12, [seen] * 12
        texts[text] = " ".join(words)
    tokenizer = Tokenizer.train(texts, 300 if kind == "bpe" else 90, kind, specials=SPECIALS)
    tokenizer.save(place / "tokenizer")
    for name, some in (("train", texts[:100]), ("val", texts[100:])):
        writer = Writer(place / name, tokenizer.vocabulary)
        before = [tokenizer.specials[chat.SEPARATOR]]
        writer.add([np.concatenate([before, tokenizer.encode(text)]) for text in some], sum(map(len, some)))
        writer.close()
    return place


@pytest.fixture(scope="module")
def tokens(tmp_path_factory):
    return make_pages(tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="module")
def tokenizer(tokens):
    return Tokenizer.load(tokens / "tokenizer")


def pages(tokens, tokenizer, rows=6, time=30, seed=1, **how) -> MaskedPages:
    return MaskedPages(Shards(tokens / "train"), marks(tokenizer), rows, time, seed, **how)


@pytest.mark.parametrize("pairs", [False, True])
def test_a_row_is_the_same_whenever_and_beside_whichever_it_is_asked(tokens, tokenizer, pairs):
    one, two = (pages(tokens, tokenizer, pairs=pairs, whole_words=pairs) for _ in range(2))
    two.batch(7)
    whole, part = one.batch(3), two.batch(3, [4, 1])
    for name in ("ids", "targets", "weights", "segments", "positions"):
        assert np.array_equal(getattr(whole, name)[[4, 1]], getattr(part, name)), name
    for name, column in whole.columns.items():
        assert np.array_equal(column[[4, 1]], part.columns[name]), name
    assert not np.array_equal(whole.ids, one.batch(4).ids)
    assert not np.array_equal(whole.ids, pages(tokens, tokenizer, pairs=pairs, seed=2).batch(3).ids)


def test_an_epoch_reads_every_piece_of_every_document_once(tokens, tokenizer):
    source, shards = pages(tokens, tokenizer, rows=1), Shards(tokens / "train")
    read = []
    for step in range(len(source.start)):
        batch = source.batch(step)
        count = int(batch.segments.sum())
        read.append((int(batch.documents[0]), tuple(batch.targets[0, 1 : count - 1].tolist())))
    expected = []
    for number in range(shards.documents):
        text = shards.document(number)[1:].tolist()
        expected += [(number, tuple(text[at : at + 28])) for at in range(0, len(text), 28)]
    assert sorted(read) == sorted(piece for piece in expected if len(piece[1]) > 1)


def test_a_row_has_its_marks_and_nothing_beyond_them(tokens, tokenizer):
    source, names = pages(tokens, tokenizer, pairs=True), tokenizer.specials
    for step in range(20):
        batch = source.batch(step)
        for row in range(6):
            count = int(batch.segments[row].sum())
            text, types = batch.targets[row, :count], batch.columns["types"][row]
            assert text[0] == names["[CLS]"] and text[-1] == names["[SEP]"]
            after = np.flatnonzero(text == names["[SEP]"])
            assert len(after) == 2 and np.array_equal(types[:count], np.arange(count) > after[0])
            assert (batch.ids[row, count:] == names["[PAD]"]).all() and not batch.weights[row, count:].any()
            assert not batch.weights[row, [0, *after]].any()
            assert set(batch.ids[row, [0, *after]]) == {names["[CLS]"], names["[SEP]"]}


def test_half_of_the_second_parts_go_on_and_half_are_of_another_document(tokens, tokenizer):
    source, shards = pages(tokens, tokenizer, pairs=True), Shards(tokens / "train")
    documents = [" " + " ".join(map(str, shards.document(i).tolist())) + " " for i in range(shards.documents)]
    follows, total = 0, 0
    for step in range(60):
        batch = source.batch(step)
        for row in range(6):
            count = int(batch.segments[row].sum())
            text = batch.targets[row, :count]
            at = int(np.flatnonzero(text == tokenizer.specials["[SEP]"])[0])
            own = documents[batch.documents[row]]
            first, second = (" " + " ".join(map(str, part)) + " " for part in (text[1:at], text[at + 1 : -1]))
            assert first in own
            if not batch.columns["elsewhere"][row]:
                assert first + second[1:] in own
            follows, total = follows + (1 - batch.columns["elsewhere"][row]), total + 1
    assert 0.42 < follows / total < 0.58


def test_what_is_hidden_is_hidden_as_often_as_it_should_be(tokens, tokenizer):
    source = pages(tokens, tokenizer, rows=64, share=0.2)
    counts = dict.fromkeys(("words", "chosen", "mark", "same", "other"), 0)
    for step in range(30):
        batch = source.batch(step)
        chosen, ids, targets = batch.weights > 0, batch.ids, batch.targets
        assert np.array_equal(ids[~chosen & (batch.segments > 0)], targets[~chosen & (batch.segments > 0)])
        counts["words"] += int(batch.segments.sum()) - 2 * 64
        counts["chosen"] += int(chosen.sum())
        counts["mark"] += int((ids[chosen] == tokenizer.specials["[MASK]"]).sum())
        counts["same"] += int((ids[chosen] == targets[chosen]).sum())
        other = ids[chosen & (ids != targets) & (ids != tokenizer.specials["[MASK]"])]
        counts["other"] += len(other)
        assert set(other.tolist()) <= set(source.marks.words.tolist())
    assert abs(counts["chosen"] / counts["words"] - 0.2) < 0.02
    for name, share in (("mark", 0.8), ("same", 0.1), ("other", 0.1)):
        assert abs(counts[name] / counts["chosen"] - share) < 0.02, name


@pytest.mark.parametrize("kind", ["wordpiece", "bpe"])
def test_whole_words_are_hidden_with_all_their_tokens(kind, tmp_path):
    dice = random.Random(5)
    words = ["".join(dice.choice("abcdefgh") for _ in range(dice.randint(2, 9))) for _ in range(400)]
    tokenizer = Tokenizer.train([" ".join(words)], 270 if kind == "bpe" else 40, kind, specials=SPECIALS)
    writer = Writer(tmp_path / "train", tokenizer.vocabulary)
    writer.add([tokenizer.encode(" ".join(words))], 1000)
    writer.close()
    source = pages(tmp_path, tokenizer, time=60, whole_words=True)
    begins, halves = source.marks.begins, 0
    for step in range(10):
        batch = source.batch(step)
        for row in range(6):
            count = int(batch.segments[row].sum())
            starts = [1, *(at for at in range(2, count - 1) if begins[batch.targets[row, at]])]
            for start, end in zip(starts, [*starts[1:], count - 1], strict=True):
                assert len(set(batch.weights[row, start:end])) == 1
                halves += end - start > 1
    assert halves > 50


SHAPES = {"bert": {"family": "bert"}, "roberta": {"family": "roberta"},
          "bert masked": {"family": "bert", "head": {"kind": "masked"}}}  # fmt: skip


def encoder(tokenizer, shape="bert"):
    model = build(ModelSettings(depth=2, width=32, vocabulary=tokenizer.vocabulary, **SHAPES[shape]), seed=1)
    return shaken(model).double()


@pytest.mark.parametrize("shape", SHAPES)
def test_counts_are_known_before_the_loss_and_parts_add_up_to_the_whole(tokens, tokenizer, shape):
    model, source = encoder(tokenizer, shape), pages(tokens, tokenizer, pairs=shape == "bert")
    asked = objective(ObjectiveSettings(kind="masked"), Sources(masked=source))
    whole = asked.loss(model, asked.batch(3))
    parts = [asked.loss(model, asked.batch(3, rows)) for rows in ([0], [1, 2, 3], [4, 5])]
    assert {name: term.count for name, term in whole.items()} == asked.counts(asked.batch(3))
    for name, term in whole.items():
        assert term.count == sum(part[name].count for part in parts)
        torch.testing.assert_close(term.sum, torch.stack([part[name].sum for part in parts]).sum())


def test_the_terms_are_what_a_textbook_writes(tokens, tokenizer):
    model, asked = encoder(tokenizer), MaskedWords(pages(tokens, tokenizer, pairs=True))
    batch = asked.batch(2)
    words, order = model(
        torch.tensor(batch.ids), torch.tensor(batch.segments) > 0, torch.tensor(batch.columns["types"])
    )
    gaps, elsewhere = torch.tensor(batch.weights) > 0, torch.tensor(batch.columns["elsewhere"])
    targets = torch.tensor(batch.targets)[gaps]
    terms = asked.loss(model, batch)
    cost = torch.nn.functional.cross_entropy
    torch.testing.assert_close(terms["masked"].sum.double(), cost(words[gaps], targets, reduction="sum"))
    torch.testing.assert_close(
        terms["next_sentence"].sum.double(), cost(order, elsewhere, reduction="sum"), rtol=1e-5, atol=1e-5
    )
    assert terms["guessed"].sum == (words[gaps].argmax(-1) == targets).sum() and terms["guessed"].coefficient == 0
    assert terms["ordered"].sum == (order.argmax(-1) == elsewhere).sum()


def trained(tokens, place, **more):
    data = {
        "data": str(tokens),
        "objective.kind": "masked",
        "training.steps": 150,
        "training.rows": 16,
        "training.time": 40,
    }
    data |= {"model.context": 40, "training.optimizer.rate": 0.01, "model.family": "bert", "training.log_every": 10}
    return make(place, settings(tokens, **(data | more)))


def told(made, name):
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    return [line[name] for line in lines if name in line]


def test_an_encoder_learns_a_tiny_language_and_guesses_its_words(tokens, tmp_path):
    made = trained(tokens, tmp_path / "bert")
    loss, tokenizer = told(made, "term.masked"), Tokenizer.load(made / "model")
    assert loss[-1] < 0.5 * loss[0] and told(made, "validation_guessed")[-1] > 0.4
    assert sum(told(made, "term.ordered")[-4:]) / 4 > 0.7  # five of six would be all that there is to know
    assert json.loads((made / "model" / "config.json").read_text())["architectures"] == ["BertForPreTraining"]
    model = folder.load(made / "model").eval()
    text = tokenizer.encode("cats hear old mice cats like grey mice cats chase old mice").astype(np.int64)
    names, gap = tokenizer.specials, list(tokenizer.encode("mice")).copy()
    at = len(tokenizer.encode("cats hear old"))
    assert text[at : at + len(gap)].tolist() == gap
    text[at : at + len(gap)] = names["[MASK]"]
    words, _ = model(torch.tensor([[names["[CLS]"], *text, names["[SEP]"]]]))
    assert words[0, at + 1 : at + 1 + len(gap)].argmax(-1).tolist() == gap


def test_a_decoder_is_not_trained_on_hidden_words_nor_an_encoder_on_the_next(tokens, tmp_path):
    with pytest.raises(Problem, match="objective masked trains models whose head is masked or pretraining"):
        trained(tokens, tmp_path / "one", **{"model.family": "qwen3"})
    with pytest.raises(Problem, match="objective next_token trains models whose head is next_token or ahead"):
        trained(tokens, tmp_path / "two", **{"objective.kind": "next_token"})
    check_head("masked", ModelSettings(family="roberta"))


def test_a_tokenizer_without_the_marks_is_refused(tokens):
    tokenizer = Tokenizer.train(["a b c"] * 9, 260, specials=chat.specials())
    with pytest.raises(Problem, match=r"no \[CLS\] or <s> among its special tokens"):
        marks(tokenizer)


@pytest.mark.parametrize(
    ("how", "words"),
    [({"time": 3, "pairs": True}, "needs at least 5"), ({"time": 3}, "needs at least 4")],
)
def test_rows_too_short_for_their_marks_are_refused(tokens, tokenizer, how, words):
    with pytest.raises(Problem, match=words):
        pages(tokens, tokenizer, **how)


def test_one_document_has_no_other_to_be_wrong_with(tokenizer, tmp_path):
    writer = Writer(tmp_path / "train", tokenizer.vocabulary)
    writer.add([tokenizer.encode("cats like old mice")], 20)
    writer.close()
    pages(tmp_path, tokenizer)
    with pytest.raises(Problem, match="holds one document"):
        pages(tmp_path, tokenizer, pairs=True)


def test_an_encoder_is_not_asked_for_samples(tokens, tmp_path):
    with pytest.raises(Problem, match="leave them out"):
        trained(tokens, tmp_path / "one", **{"samples.prompts": ["cats"]})
