"""A model's table starts from vectors learnt before: through any vocabulary, in its own scale, frozen or tuned."""

import json

import numpy as np
import pytest
import torch

from groundup.errors import Problem
from groundup.model import folder
from groundup.model.resize import resized
from groundup.model.settings import ModelSettings
from groundup.model.skipgram import SkipGram, learn_tokens, learn_words
from groundup.model.start_vectors import NONE, OWN, PART, embedding_of, freeze, names, narrowed, rows_for, start_from
from groundup.model.transformer import Transformer
from groundup.model.vector_files import read, write
from groundup.model.vectors import Vectors
from groundup.tokenizer import Tokenizer
from groundup.tokenizer.surgery import prune
from groundup.training.loop import Training
from groundup.training.settings import TrainSettings
from tests.training_example import make, make_world, settings

TEXT = "the cat sat on the mat, the cat saw the dog. " * 20
WORDS = ["the", "cat", "dog", "matter", "▁sat"]


def vectors(width: int = 16, words: list[str] = WORDS) -> Vectors:
    return Vectors(words, np.random.default_rng(1).normal(0, 3, (len(words), width)))


def model(tokenizer: Tokenizer, **changed) -> Transformer:
    return Transformer(ModelSettings(depth=1, width=16, heads=2, vocabulary=tokenizer.vocabulary, **changed))


def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXT, 290, specials=["<|end|>"])


def table(of: Transformer) -> np.ndarray:
    return embedding_of(of)[1].weight.detach().numpy()


def id_of(tokens: Tokenizer, token: bytes) -> int:
    return list(tokens.tokens).index(token)


def test_a_token_gets_the_vector_of_its_word_or_the_mean_of_the_words_it_is_in():
    tokens, given = tokenizer(), vectors()
    rows, source = rows_for(given, tokens)
    for token, word in ((b" cat", "cat"), (b"the", "the"), (b" the", "the"), (b" sat", "▁sat")):
        assert source[id_of(tokens, token)] == OWN
        assert np.array_equal(rows[id_of(tokens, token)], given[word])
    uses = [
        (t, word) for word in WORDS for before in ("", " ") for t in tokens.encode(before + word.strip("▁")).tolist()
    ]
    parts = np.flatnonzero(source == PART)
    assert len(parts) >= 3 and {t for t, _ in uses} >= set(parts.tolist())
    for token in parts.tolist():
        assert np.allclose(rows[token], np.mean([given[word] for t, word in uses if t == token], axis=0), atol=1e-5)
    assert source[tokens.specials["<|end|>"]] == NONE and not rows[source == NONE].any()


def test_names_are_tried_from_the_exact_one_to_the_lower_case():
    assert names(b" The") == ["▁The", "The", "the"] and names(b"\xff") == ["<0xFF>"] and names(b"\n") == ["<0x0A>"]


def test_the_table_keeps_its_scale_and_what_has_no_vector_its_start_values():
    tokens = tokenizer()
    made, before = model(tokens, tied=False), model(tokens, tied=False)
    found = start_from(made, vectors(), tokens)
    _, source = rows_for(vectors(), tokens)
    assert (found.own, found.part, found.none) == tuple((source == kind).sum() for kind in (OWN, PART, NONE))
    assert found.own + found.part + found.none == tokens.vocabulary and found.own >= 4 and found.none > 200
    assert np.array_equal(table(made)[source == NONE], table(before)[source == NONE])
    assert table(made)[source > NONE].std() == pytest.approx(0.5, rel=1e-4)
    assert f"{found.own} start from a vector of their own" in str(found) and "narrowed" not in str(found)


def test_wider_vectors_are_narrowed_to_their_main_directions():
    dice = np.random.default_rng(2)
    flat = Vectors([str(n) for n in range(50)], dice.normal(size=(50, 3)) @ dice.normal(size=(3, 20)))
    less, kept = narrowed(flat, 3)
    assert less.width == 3 and kept == pytest.approx(1, abs=1e-5)
    between = lambda rows: np.linalg.norm(rows[:, None] - rows[None], axis=-1)  # noqa: E731
    assert np.allclose(between(less.table), between(flat.table), atol=1e-3)
    assert 0.3 < narrowed(flat, 1)[1] < 1
    tokens = tokenizer()
    assert "% of their variance kept" in str(start_from(model(tokens), vectors(40), tokens))


def test_what_does_not_fit_is_a_sentence():
    tokens = tokenizer()
    with pytest.raises(Problem, match="vectors of 8 numbers and the model's have 16"):
        start_from(model(tokens), vectors(8), tokens)
    with pytest.raises(Problem, match="no token of this tokenizer has a vector"):
        start_from(model(tokens), vectors(16, ["Ж"]), Tokenizer.train("ab ", 5, kind="character"))
    with pytest.raises(Problem, match="287 tokens: they do not belong together"):
        start_from(model(tokens), vectors(), Tokenizer.train(TEXT + "dogs and birds, fields " * 9, 300))
    with pytest.raises(Problem, match="no parameter 'head'"):
        freeze(model(tokens), ["head"])


@pytest.mark.parametrize("kind", ["word", "wordpiece", "character", "byte"])
def test_any_kind_of_tokenizer_finds_words(kind):
    tokens = Tokenizer.train(TEXT, 300, kind=kind)
    found = start_from(model(tokens), vectors(), tokens)
    assert found.own + found.part >= (4 if kind != "word" else 3)


def test_vectors_go_through_a_changed_vocabulary():
    tokens = tokenizer()
    learnt = learn_tokens([TEXT], tokens, SkipGram(width=16, least=1, rounds=1))
    changed = prune(tokens, TEXT, 270)
    rows, source = rows_for(learnt, changed.tokenizer)
    cat = id_of(changed.tokenizer, b" cat")
    assert source[cat] == OWN and np.array_equal(rows[cat], learnt["▁cat"])
    made = model(tokens)
    start_from(made, learnt, tokens)
    assert np.array_equal(table(resized(made, changed.rows))[cat], table(made)[id_of(tokens, b" cat")])


@pytest.mark.parametrize("tied", [True, False])
def test_a_frozen_table_keeps_every_bit_and_a_tuned_one_does_not(tied):
    class Rows:
        rows, time = 2, 8
        batch = counts = loss = None

    tokens = tokenizer()
    made = model(tokens, tied=tied)
    start_from(made, vectors(), tokens)
    name, embedding = embedding_of(made)
    freeze(made, [name])
    training = Training(made, Rows(), TrainSettings(precision="f32"))
    assert name not in training.parameters and not any(name in slot for slot in training.state)
    before = {name: value.detach().clone() for name, value in made.named_parameters()}
    ids = torch.randint(tokens.vocabulary, (2, 8), generator=torch.Generator().manual_seed(1))
    for _ in range(3):
        torch.nn.functional.cross_entropy(made(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten()).backward()
        assert embedding.weight.grad is None
        gradients = {
            name: value.grad if value.grad is not None else torch.zeros_like(value)
            for name, value in training.parameters.items()
        }
        training.optimizer.update(gradients, 1.0, torch.ones(()))
    same = {name for name, value in made.named_parameters() if torch.equal(value, before[name])}
    assert same == {name}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    place = make_world(tmp_path_factory.mktemp("world"), 60)
    texts = [json.loads(line)["messages"][0]["content"] for line in (place / "talks.jsonl").read_text().splitlines()]
    write(place / "vectors.txt", learn_words(texts, SkipGram(width=32, least=1, rounds=1)))
    return place


@pytest.mark.parametrize("frozen", [True, False])
def test_the_train_stage_starts_from_vectors(world, tmp_path, frozen):
    asked = {
        "vectors.path": str(world / "vectors.txt"),
        "vectors.frozen": frozen,
        "model.tied": False,
        "training.steps": 3,
    }
    trained = folder.load(make(tmp_path / "made", settings(world, **asked)) / "model")
    tokens = Tokenizer.load(world / "tokens" / "tokenizer")
    given = rows_for(read(world / "vectors.txt"), tokens)
    cup = id_of(tokens, b" cup")
    like = np.corrcoef(table(trained)[cup], given[0][cup])[0, 1]
    assert like == pytest.approx(1, abs=1e-6) if frozen else 0.5 < like < 0.99999
    notes = [
        line for line in (tmp_path / "made" / "metrics.jsonl").read_text().splitlines() if "vector of their own" in line
    ]
    assert len(notes) == 1


def test_a_model_to_start_from_has_its_table(world, tmp_path):
    with pytest.raises(Problem, match="both `start` and `vectors`"):
        make(
            tmp_path / "both",
            settings(
                world,
                start=str(world),
                tokenizer=str(world / "tokens" / "tokenizer"),
                **{"vectors.path": str(world / "vectors.txt")},
            ),
        )
