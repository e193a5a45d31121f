"""Conversations and pairs in rows: whole, apart from each other, and only the assistant's words learnt."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundup.data.tokens import examples
from groundup.data.tokens.batches import pages
from groundup.data.tokens.packing import best_fit
from groundup.data.tokens.shards import Shards, Writer
from groundup.errors import Problem
from groundup.tokenizer import Tokenizer, chat


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(["the cup is in the shed"], 256, specials=chat.specials())


def talk(*contents: str) -> dict:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": text} for i, text in enumerate(contents)]}


def write(path, *records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return [path]


def texts_of(batch):
    """(ids, weights) of every text in the batch, padding left out."""
    for row in range(len(batch.ids)):
        for segment in range(batch.segments[row].max() + 1):
            at = batch.segments[row] == segment
            if batch.weights[row][at].any():
                yield np.append(batch.ids[row][at], batch.targets[row][at][-1]), batch.weights[row][at]


@given(st.lists(st.integers(1, 50), min_size=1, max_size=200))
def test_rows_hold_every_text_once_and_never_overflow(lengths):
    rows = best_fit(np.array(lengths), 50)
    assert sorted(text for row in rows for text in row) == list(range(len(lengths)))
    assert all(sum(lengths[text] for text in row) <= 50 for row in rows)
    assert len(rows) <= 2 * sum(lengths) / 50 + 1  # at most one row can be half empty


def test_an_epoch_holds_every_conversation_once_and_whole(tmp_path, tokenizer):
    told = [f"{'x' * (i % 9)} number {i}" for i in range(40)]
    files = write(tmp_path / "talks.jsonl", *(talk("say it", text) for text in told))
    source = examples.conversations(files, tokenizer, "plain", 4, 64, seed=1)
    seen = [
        tokenizer.decode(ids[1:][weights > 0][:-1])
        for number in range(len(source.packed))
        for ids, weights in texts_of(source.read(np.array([number])))
    ]
    assert sorted(seen) == sorted(" " + text for text in told)


def test_only_what_the_assistant_says_and_its_end_has_a_weight(tmp_path, tokenizer):
    files = write(tmp_path / "talks.jsonl", talk("where?", "in the shed", "sure?", "yes"))
    batch = examples.conversations(files, tokenizer, "plain", 1, 64, seed=1).batch(0)
    learnt = tokenizer.decode_bytes(batch.targets[batch.weights > 0])
    assert learnt == b" in the shed<|end|> yes<|end|>"


def test_positions_begin_again_with_every_text(tmp_path, tokenizer):
    files = write(tmp_path / "talks.jsonl", *(talk("a", "b") for _ in range(20)))
    batch = examples.conversations(files, tokenizer, "plain", 2, 40, seed=1).batch(0)
    begins = np.diff(batch.segments, axis=1, prepend=-1) > 0
    assert (batch.positions[begins] == 0).all() and (np.diff(batch.positions)[~begins[:, 1:]] == 1).all()
    assert begins.sum() > len(batch.ids)


def test_a_conversation_that_is_too_long_ends_with_the_last_answer_that_fits(tmp_path, tokenizer):
    files = write(tmp_path / "talks.jsonl", talk("a", "yes", "b", "n" * 100), talk("m" * 100, "x"))
    source = examples.conversations(files, tokenizer, "plain", 1, 32, seed=1)
    batch = source.batch(0)
    assert tokenizer.decode_bytes(batch.targets[batch.weights > 0]) == b" yes<|end|>"
    assert (source.counted.kept, source.counted.cut, source.counted.dropped) == (1, 1, 1)


def test_conversations_without_any_room_are_refused_in_a_sentence(tmp_path, tokenizer):
    files = write(tmp_path / "talks.jsonl", talk("m" * 100, "x"))
    with pytest.raises(Problem, match="1 were dropped"):
        examples.conversations(files, tokenizer, "plain", 1, 32, seed=1)


@pytest.mark.parametrize("line", ["{", "[]", '{"id": 1}', '{"messages": [{"role": "user"}]}'])
def test_a_wrong_line_is_named(tmp_path, tokenizer, line):
    path = tmp_path / "talks.jsonl"
    path.write_text(json.dumps(talk("a", "b")) + "\n" + line + "\n")
    with pytest.raises(Problem, match="talks.jsonl, line 2"):
        examples.conversations([path], tokenizer, "plain", 1, 32, seed=1)


def test_short_texts_are_learnt_from_whole_and_long_ones_come_in_pieces(tmp_path, tokenizer):
    told = ["the cup", "the shed is here", "n" * 70]
    files = write(tmp_path / "texts.jsonl", *({"text": text} for text in told))
    source = examples.texts(files, tokenizer, 1, 32, seed=1)
    read = [ids.tolist() for n in range(len(source.packed)) for ids, _ in texts_of(source.read(np.array([n])))]
    begin = tokenizer.specials[chat.SEPARATOR]
    whole = [[begin, *tokenizer.encode(text).tolist()] for text in told]
    assert sorted(ids for ids in read if len(ids) < 33) == sorted([*whole[:2], whole[2][64:]])
    assert sorted(ids for ids in read if len(ids) == 33) == sorted([whole[2][:33], whole[2][32:65]])
    assert (source.batch(0).weights.sum(), source.counted.dropped) == ((source.batch(0).targets > 0).sum(), 0)


def test_a_line_without_text_is_named(tmp_path, tokenizer):
    with pytest.raises(Problem, match="texts.jsonl, line 1"):
        examples.texts(write(tmp_path / "texts.jsonl", talk("a", "b")), tokenizer, 1, 32, seed=1)


def pair(prompt: str, chosen: str, rejected: str) -> dict:
    return {"prompt": talk("before", "answered", prompt)["messages"], "chosen": chosen, "rejected": rejected}


def test_chosen_and_rejected_answers_stand_under_one_number(tmp_path, tokenizer):
    files = write(tmp_path / "pairs.jsonl", *(pair(f"q{i}", f"good {i}", f"bad {i}" * (i % 3 + 1)) for i in range(9)))
    source = examples.pairs(files, tokenizer, "plain", 3, 100, seed=1)
    batch = source.batch(1)
    learnt = batch.weights > 0
    for number, at in enumerate(batch.documents):
        said = []
        for side in (0, 1):
            here = learnt & (batch.columns["pair"] == number) & (batch.columns["side"] == side)
            said.append(tokenizer.decode_bytes(batch.targets[here]).decode())
        assert said[0].startswith(" good ") and said[0].endswith("<|end|>")
        i = int(said[0][6:].removesuffix("<|end|>"))
        assert said[1] == " " + f"bad {i}" * (i % 3 + 1) + "<|end|>"  # and nothing of the earlier answer in the prompt
        assert source.pairs[at].chosen.ids[-1] == tokenizer.specials["<|end|>"]


def test_replayed_pages_have_exactly_their_share(tmp_path, tokenizer):
    writer = Writer(tmp_path / "tokens", tokenizer.vocabulary)
    writer.add([np.arange(200)] * 20, 4000)
    writer.close()
    files = write(tmp_path / "talks.jsonl", *(talk("say it", str(i)) for i in range(200)))
    talks = examples.conversations(files, tokenizer, "plain", 4, 32, seed=1)
    mixed = examples.Mixed(talks, pages(Shards(tmp_path / "tokens"), 4, 32, seed=1), 0.15)
    batches = [mixed.batch(step) for step in range(100)]
    replayed = [batch.columns["replay"][:, 0] for batch in batches]
    assert np.concatenate(replayed).sum() == 60
    for batch, of_pages in zip(batches, replayed, strict=True):
        assert (batch.weights[of_pages] == 1).all() and (batch.weights[~of_pages] == 0).any(axis=1).all()


def test_mixed_rows_are_the_same_however_they_are_asked_for(tmp_path, tokenizer):
    writer = Writer(tmp_path / "tokens", tokenizer.vocabulary)
    writer.add([np.arange(200)] * 20, 4000)
    writer.close()
    files = write(tmp_path / "pairs.jsonl", *(pair(f"q{i}", f"good {i}", f"bad {i}") for i in range(40)))
    source = examples.pairs(files, tokenizer, "plain", 4, 100, seed=1)
    mixed = examples.Mixed(source, pages(Shards(tmp_path / "tokens"), 4, 100, seed=1), 0.3)
    for step in range(5):
        whole = {row.tobytes() for row in mixed.batch(step).ids}
        parts = {row.tobytes() for part in ([0, 1], [2], [3]) for row in mixed.batch(step, part).ids}
        assert whole == parts
