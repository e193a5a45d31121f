"""Texts with a class each: how they are laid into rows, and that encoders and decoders learn to tell them apart."""

import json

import numpy as np
import pytest
import torch

from groundup.data.tokens.labelled import Frame, Labelled, labelled
from groundup.errors import Problem
from groundup.model import folder
from groundup.model.architectures import build, with_head
from groundup.model.head_settings import HeadSettings
from groundup.model.settings import ModelSettings
from groundup.objectives.classify import Classify
from groundup.tokenizer import Tokenizer, chat
from tests.heads_example import ids, model, shaken
from tests.training_example import make, settings, write_lines

SPECIALS = [*chat.specials(), "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ["red", "blue", "green", "tall", "small", "round"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Which of three colours a text names, somewhere in it."""
    place = tmp_path_factory.mktemp("labelled")
    dice = np.random.Generator(np.random.Philox(5))
    records = []
    for _ in range(300):
        label = int(dice.integers(3))
        words = [WORDS[3 + int(each)] for each in dice.integers(3, size=int(dice.integers(1, 9)))]
        words.insert(int(dice.integers(len(words) + 1)), WORDS[label])
        records.append({"text": " ".join(words), "label": label})
    write_lines(place / "train.jsonl", records)
    Tokenizer.train([" ".join(WORDS)] * 9, 60, "wordpiece", specials=SPECIALS).save(place / "tokenizer")
    return place


@pytest.fixture(scope="module")
def tokenizer(world):
    return Tokenizer.load(world / "tokenizer")


def test_every_text_is_read_once_an_epoch_with_its_marks_and_its_label(world, tokenizer):
    source = labelled([world / "train.jsonl"], tokenizer, Frame((7,), (8, 9), 5), 3, 10, 16, seed=1)
    records = [json.loads(line) for line in (world / "train.jsonl").read_text().splitlines()]
    read = []
    for step in range(30):
        batch = source.batch(step)
        assert np.array_equal(source.batch(step, [4, 2]).ids, batch.ids[[4, 2]])
        for row, number in enumerate(batch.documents.tolist()):
            count = int(batch.segments[row].sum())
            text = tokenizer.encode(records[number]["text"])[:13].tolist()
            assert batch.ids[row, :count].tolist() == [7, *text, 8, 9] and (batch.ids[row, count:] == 5).all()
            assert batch.columns["label"][row] == records[number]["label"]
            read.append(number)
    assert sorted(read) == list(range(300))


@pytest.mark.parametrize("shape", ["bert classes", "llama classes"])
def test_the_terms_are_what_a_textbook_writes_and_parts_add_up(shape):
    made = model(shape).double()
    texts = [ids(1, length)[0].numpy() for length in (3, 9, 5, 1, 12, 20)]
    asked = Classify(Labelled(texts, [0, 1, 2, 0, 1, 2], Frame((2,), (3,)), 6, 12, seed=1))
    batch = asked.batch(0)
    terms = asked.loss(made, batch)
    expected = right = 0.0
    for row in range(6):
        count = int(batch.segments[row].sum())
        told = made(torch.tensor(batch.ids[row : row + 1, :count])).log_softmax(-1)[0]
        expected -= told[batch.columns["label"][row]]
        right += float(told.argmax() == batch.columns["label"][row])
    torch.testing.assert_close(terms["classes"].sum.double(), expected, rtol=1e-5, atol=1e-5)
    assert terms["right"].sum == right and terms["right"].coefficient == 0
    parts = [asked.loss(made, asked.batch(0, rows)) for rows in ([0, 1], [2, 3, 4, 5])]
    torch.testing.assert_close(terms["classes"].sum, parts[0]["classes"].sum + parts[1]["classes"].sum)
    assert {name: term.count for name, term in terms.items()} == asked.counts(batch) == {"classes": 6, "right": 6}


def classified(world, place, **more):
    asked = {"data": None, "labelled": [str(world / "train.jsonl")], "tokenizer": str(world / "tokenizer")}
    asked |= {"objective.kind": "classify", "training.steps": 80, "training.rows": 16, "training.time": 16}
    asked |= {"training.optimizer.rate": 0.01}
    return make(place, settings(world, **(asked | more)))


@pytest.mark.parametrize(("family", "kind"), [("bert", "classify_first"), ("qwen3", "classify_last")])
def test_a_model_learns_to_tell_texts_apart(world, tokenizer, family, kind, tmp_path):
    asked = {"model.family": family, "model.head.kind": kind, "model.head.classes": 3}
    made = classified(world, tmp_path / "made", **asked)
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    right = [line["term.right"] for line in lines if "term.right" in line]
    assert right[0] < 0.8 and right[-1] > 0.9
    kept = folder.load(made / "model")
    words = tokenizer.encode("small tall blue round").tolist()
    names = tokenizer.specials
    text = [names["[CLS]"], *words, names["[SEP]"]] if family == "bert" else [names[chat.SEPARATOR], *words]
    assert int(kept(torch.tensor([text])).argmax()) == 1
    assert json.loads((made / "model" / "config.json").read_text())["pad_token_id"] == names["[PAD]"]


def test_a_start_models_layers_go_on_under_another_head(world, tokenizer, tmp_path):
    start = shaken(build(ModelSettings(depth=2, width=32, vocabulary=tokenizer.vocabulary, family="bert")))
    folder.save(tmp_path / "start", start, tokenizer)
    asked = {"start": str(tmp_path / "start"), "head.kind": "classify_first", "head.classes": 3, "training.steps": 1}
    made = classified(world, tmp_path / "made", **asked)
    assert folder.load(made / "model").settings.head.classes == 3
    with pytest.raises(Problem, match="objective classify trains models whose head is classify_first or classify_last"):
        classified(world, tmp_path / "two", start=str(tmp_path / "start"))
    with pytest.raises(Problem, match="no head for the family bert"):
        classified(world, tmp_path / "three", **asked | {"head.kind": "ahead"})


def test_a_new_head_changes_no_other_weight():
    before = model("bert pretraining")
    after = with_head(before, HeadSettings(kind="classify_first", classes=4), seed=3)
    state = before.state_dict()
    shared = [name for name in after.state_dict() if name in state and not name.startswith("readout.")]
    assert len(shared) > 30 and all(torch.equal(state[name], after.state_dict()[name]) for name in shared)
    assert after(ids()).shape == (3, 4)
    plain = with_head(model("llama reward"), HeadSettings())
    assert plain(ids()).shape == (3, 20, 90)


@pytest.mark.parametrize(
    ("record", "words"),
    [({"text": "red", "label": 3}, "from 0 to 2"), ({"text": "red", "label": "one"}, "from 0 to 2"),
     ({"text": "red"}, "`label` is None"), ({"label": 1}, "`text` is missing"), ({"text": "red", "label": True}, "True")],
)  # fmt: skip
def test_a_record_that_says_no_class_is_refused(record, words, tokenizer, tmp_path):
    write_lines(tmp_path / "bad.jsonl", [{"text": "blue", "label": 0}, record])
    with pytest.raises(Problem, match=words) as told:
        labelled([tmp_path / "bad.jsonl"], tokenizer, Frame(), 3, 2, 8, seed=1)
    assert "bad.jsonl, line 2" in str(told.value)


def test_nothing_to_learn_from_is_said(world, tokenizer, tmp_path):
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(Problem, match="holds no texts"):
        labelled([tmp_path / "empty.jsonl"], tokenizer, Frame(), 3, 2, 8, seed=1)
    with pytest.raises(Problem, match="set `labelled`"):
        classified(
            world, tmp_path / "made", **{"labelled": [], "model.family": "bert", "model.head.kind": "classify_first"}
        )
    with pytest.raises(Problem, match="says its head in `model.head`"):
        classified(world, tmp_path / "two", **{"head.kind": "classify_first"})
