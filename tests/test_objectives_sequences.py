"""Reading and writing as objectives: pairs in batches, spans cut out of pages, and models that learn from both."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from groundup.data.tokens.batches import pages
from groundup.data.tokens.corruption import Corrupted, amounts, corrupt, missing, sentinels_of
from groundup.data.tokens.order import key
from groundup.data.tokens.sequences import Sequences, sequences
from groundup.data.tokens.shards import Shards, Writer
from groundup.errors import Problem
from groundup.generation.sequence import translate
from groundup.model.architectures import build
from groundup.model.folder import load
from groundup.model.settings import ModelSettings
from groundup.objectives.sequence_to_sequence import SequenceToSequence
from groundup.tokenizer import Tokenizer, chat
from groundup.training.loop import train
from groundup.training.settings import OptimizerSettings, TrainSettings
from tests.encoder_decoder_example import SHAPES, model
from tests.training_example import make, make_world, settings, write_lines

SENTINELS = range(100, 90, -1)


def words(count: int, seed: int, letters: int = 8, longest: int = 5) -> list[list[int]]:
    dice = np.random.default_rng(seed)
    return [dice.integers(2, 2 + letters, dice.integers(2, longest + 1)).tolist() for _ in range(count)]


def test_targets_stand_one_later_than_what_was_written_before_them():
    batch = Sequences([([5, 6, 7], [8, 9]), ([4], [3, 3, 3])], 2, 10, seed=1, start_id=0, end_id=1).batch(0)
    at = int(batch.columns["source_mask"].sum(1).argmin())  # the row of the shorter source
    assert batch.ids[at].tolist() == [0, 3, 3, 3] and batch.targets[at].tolist() == [3, 3, 3, 1]
    assert batch.ids[1 - at].tolist() == [0, 8, 9, 1] and batch.targets[1 - at].tolist() == [8, 9, 1, 0]
    assert batch.weights[1 - at].tolist() == [1, 1, 1, 0]
    assert batch.columns["source"][1 - at].tolist() == [5, 6, 7]
    assert batch.columns["source_mask"][at].tolist() == [True, False, False]


def test_every_epoch_reads_every_pair_once_and_a_step_is_a_formula():
    source = Sequences([([n], [n]) for n in range(2, 12)], 5, 4, seed=3, start_id=0, end_id=1)
    epochs = [np.concatenate([source.batch(step).ids[:, 1] for step in (at, at + 1)]).tolist() for at in (0, 2)]
    assert epochs[0] != epochs[1] and sorted(epochs[0]) == sorted(epochs[1]) == list(range(2, 12))
    whole = source.batch(7)
    assert np.array_equal(source.batch(7, [3]).ids[0], whole.ids[3])


def test_pairs_that_are_too_long_are_left_out_and_counted():
    source = Sequences([([2] * 9, [2]), ([2], [2] * 8), ([2] * 8, [3] * 7), ([], [2])], 1, 8, 1, 0, 1)
    assert source.dropped == 3 and source.batch(0).targets.tolist() == [[3] * 7 + [1]]
    with pytest.raises(Problem, match="No pair of source and target fits into 4 tokens"):
        Sequences([([2] * 9, [2])], 1, 4, 1, 0, 1)


def test_lines_of_sources_and_targets_become_ids(tmp_path):
    make_world(tmp_path, 20)
    tokenizer = Tokenizer.load(tmp_path / "tokens" / "tokenizer")
    path = tmp_path / "pairs.jsonl"
    path.write_text(json.dumps({"source": "the cup", "target": "in the shed"}) + "\n")
    batch = sequences([path], tokenizer, 1, 20, seed=1, end_id=7).batch(0)
    assert tokenizer.decode(batch.columns["source"][0]) == "the cup"
    assert tokenizer.decode(batch.targets[0][:-1]) == "in the shed" and batch.targets[0][-1] == batch.ids[0][0] == 7
    path.write_text('{"source": "the cup"}\n')
    with pytest.raises(Problem, match="line 1: `target` is missing"):
        sequences([path], tokenizer, 1, 20, seed=1, end_id=7)


@given(st.integers(2, 200), st.floats(0.01, 0.99), st.floats(1, 9), st.integers(0, 9))
def test_what_was_cut_out_and_what_stayed_make_the_text_again(time, density, mean, seed):
    cut, spans = amounts(time, density, mean)
    gone = missing(time, cut, spans, np.random.default_rng(seed))
    assert gone.sum() == cut and len(gone) == time and not gone[0]
    assert (gone[1:] & ~gone[:-1]).sum() == spans
    ids, sentinels = np.arange(1000, 1000 + time), np.arange(spans)[::-1] + 10
    source, target = corrupt(ids, gone, sentinels, 1)
    assert source[-1] == target[-1] == 1 and len(source) + len(target) == time + 2 * spans + 2
    pieces: dict[int, list[int]] = {}
    for token in target[:-1].tolist():
        pieces.setdefault(token, []) if token < 1000 else pieces[list(pieces)[-1]].append(token)
    assert list(pieces) == sentinels.tolist()
    whole = [back for token in source[:-1].tolist() for back in pieces.get(token, [token])]
    assert whole == ids.tolist()


def test_the_example_of_the_paper():
    ids = np.array([*range(20, 30)])  # Thank you for inviting me to your party last week
    gone = np.isin(np.arange(10), [2, 3, 8])
    source, target = corrupt(ids, gone, np.array([100, 99]), 1)
    assert source.tolist() == [20, 21, 100, 24, 25, 26, 27, 99, 29, 1]
    assert target.tolist() == [100, 22, 23, 99, 28, 1]


def test_a_share_is_cut_out_everywhere_in_spans_of_every_length():
    where, lengths = np.zeros(60), []
    for seed in range(3000):
        gone = missing(60, *amounts(60, 0.25, 3.0), np.random.default_rng(seed))
        where += gone
        lengths += [len(part) for part in "".join("01"[int(one)] for one in gone).split("0") if part]
    assert np.mean(lengths) == pytest.approx(3.0) and set(lengths) >= {1, 2, 3, 4, 5, 6, 7}
    assert where[20:40].min() > 3000 * 0.18 and where[20:40].max() < 3000 * 0.32


def book(folder, texts) -> Shards:
    writer = Writer(folder, 101)
    writer.add([np.array(text) for text in texts], 1)
    writer.close()
    return Shards(folder)


def test_windows_of_pages_lose_the_same_spans_whenever_they_are_read(tmp_path):
    source = Corrupted(pages(book(tmp_path / "book", [range(2, 90)]), 3, 20, 1), SENTINELS, 0, 1, 0.3, 2.0)
    one, again, part = source.batch(4), source.batch(4), source.batch(4, [2])
    assert np.array_equal(one.columns["source"], again.columns["source"]) and np.array_equal(one.ids, again.ids)
    assert np.array_equal(one.targets[2], part.targets[0])
    assert (one.ids[:, 0] == 0).all() and np.array_equal(one.ids[:, 1:], one.targets[:, :-1])
    assert len({row.tobytes() for row in source.batch(0).targets}) > 1
    assert one.weights.all() and one.columns["source_mask"].all()
    assert source.time == one.ids.shape[1] + one.columns["source"].shape[1]
    assert key(1, "corruption", 0) != key(2, "corruption", 0)


def test_a_tokenizer_brings_its_sentinels(world):
    marks = [*chat.specials(), "<extra_id_1>", "<extra_id_0>", "<extra_id_3>"]
    made = Tokenizer.train(["in the shed"] * 9, 270, specials=marks)
    assert sentinels_of(made) == [made.specials["<extra_id_0>"], made.specials["<extra_id_1>"]]
    with pytest.raises(Problem, match="no <extra_id_0>"):
        sentinels_of(Tokenizer.load(world / "tokens" / "tokenizer"))


def test_more_spans_than_sentinels_are_refused(tmp_path):
    with pytest.raises(Problem, match="6 spans are cut out of 40 tokens, and there are 2 sentinels"):
        Corrupted(pages(book(tmp_path / "book", [range(2, 90)]), 3, 40, 1), [100, 99], 0, 1, 0.3, 2.0)
    with pytest.raises(Problem, match="a share of 1.5"):
        amounts(40, 1.5, 3.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_loss_is_the_mean_over_targets_and_padding_counts_nothing(shape):
    made = model(shape)
    objective = SequenceToSequence(
        Sequences([([5, 6, 7], [8, 9]), ([4], [3, 3, 3])], 2, 10, seed=1, start_id=0, end_id=1)
    )
    term = objective.loss(made, objective.batch(0))["sequence_to_sequence"]
    expected = 0.0
    for source, target in (([5, 6, 7], [8, 9, 1]), ([4], [3, 3, 3, 1])):
        told = made(torch.tensor([source]), torch.tensor([[0, *target[:-1]]]))[0].log_softmax(-1)
        expected -= float(told[range(len(target)), target].sum())
    assert term.count == 7 and float(term.sum) == pytest.approx(expected, rel=1e-4)
    assert objective.counts(objective.batch(0)) == {"sequence_to_sequence": 7.0}


def small(family: str) -> ModelSettings:
    given = {
        "family": family,
        "depth": 1,
        "width": 32,
        "heads": 4,
        "hidden": 64,
        "vocabulary": 16,
        "encoder": {"depth": 1},
    }
    return ModelSettings(**given)


@pytest.mark.parametrize(("family", "share"), [("t5", 0.5), ("transformer2017", 0.9)])
def test_a_model_learns_to_write_words_backwards(family, share):
    made = build(small(family), seed=1)
    told = [(word, word[::-1]) for word in words(4000, seed=1)]
    objective = SequenceToSequence(Sequences(told, 32, 12, 1, start_id=0, end_id=1))
    train(
        made, objective, TrainSettings(steps=150, rows=32, log_every=1000, optimizer=OptimizerSettings(table_rate=0.05))
    )
    new = [word for word in words(200, seed=2) if (word, word[::-1]) not in told]
    right = [mine == word[::-1] for word, mine in zip(new, translate(made.eval(), new, 10, 0, 1), strict=True)]
    assert len(new) > 50 and np.mean(right) > share


def test_a_model_learns_to_restore_what_was_cut_out(tmp_path):
    counting = [[2 + (start + step) % 12 for step in range(40)] for start in range(12)]
    source = Corrupted(pages(book(tmp_path / "book", counting), 32, 20, 1), [15, 14], 0, 1, 0.2, 2.0)
    made, objective = build(small("t5"), seed=1), SequenceToSequence(source)
    first = objective.loss(made, objective.batch(0))["sequence_to_sequence"]
    train(made, objective, TrainSettings(steps=80, rows=32, log_every=1000))
    last = objective.loss(made, objective.batch(500))["sequence_to_sequence"]
    assert float(first.sum) / first.count > 2 and float(last.sum) / last.count < 1


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = make_world(tmp_path_factory.mktemp("world"), 30)
    told = [{"source": f"the {thing} {n}", "target": f"{n} {thing}"} for thing in ("cup", "hat") for n in range(20)]
    write_lines(folder / "sequences.jsonl", told)
    return folder


def test_the_train_stage_teaches_it_and_keeps_what_translate_needs(world, tmp_path):
    asked = {
        "sequences": [str(world / "sequences.jsonl")],
        "objective.kind": "sequence_to_sequence",
        "model.family": "t5",
    }
    made = make(tmp_path / "made", settings(world, **asked, **{"training.steps": 30, "model.encoder": {"depth": 1}}))
    losses = [
        json.loads(line)["loss"] for line in (made / "metrics.jsonl").read_text().splitlines() if '"loss"' in line
    ]
    assert losses[-1] < losses[0] - 1
    taught = load(made / "model")
    words = Tokenizer.load(made / "model")
    between = words.specials[chat.SEPARATOR]
    assert json.loads((made / "model" / "config.json").read_text())["decoder_start_token_id"] == between
    assert translate(taught, [words.encode("the cup 3").tolist()], 5, between, between)


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [({"model.family": "t5"}, "next_token does not fit the family t5"),
     ({"objective.kind": "sequence_to_sequence"}, "sequence_to_sequence does not fit the family qwen3"),
     ({"objective.kind": "sequence_to_sequence", "model.family": "t5"}, "needs `sequences`"),
     ({"objective.kind": "sequence_to_sequence", "model.family": "t5", "samples.prompts": ["a"]}, "samples.prompts"),
     ({"objective.kind": "sequence_to_sequence", "model.family": "t5", "objective.replay": 0.1}, "no source to be read")],
)  # fmt: skip
def test_what_does_not_fit_together_is_said(world, tmp_path, asked, sentence):
    with pytest.raises(Problem, match=sentence):
        make(tmp_path / "made", settings(world, **asked))
