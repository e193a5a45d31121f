"""What each objective asks of a model: its terms, their counts, and what they must not depend on."""

import json
import math

import numpy as np
import pytest
import torch

from groundup.data.tokens import examples
from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.likelihood import foretold
from groundup.objectives.preference import Preference, annotate, places_of, sums
from groundup.objectives.settings import ObjectiveSettings
from groundup.objectives.table import Sources, objective
from groundup.tokenizer import Tokenizer
from tests.training_example import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), 60)


@pytest.fixture(scope="module")
def tokenizer(world):
    return Tokenizer.load(world / "tokens" / "tokenizer")


@pytest.fixture(scope="module")
def sources(world, tokenizer) -> Sources:
    made = [
        make([world / name], tokenizer, "plain", 6, 96, seed=1)
        for make, name in ((examples.conversations, "talks.jsonl"), (examples.pairs, "pairs.jsonl"))
    ]
    return Sources(pages(Shards(world / "tokens" / "train"), 6, 96, 1), None, *made)


@pytest.fixture
def model(tokenizer) -> Transformer:
    model = Transformer(ModelSettings(depth=2, width=32, vocabulary=tokenizer.vocabulary), seed=1).double()
    generator = torch.Generator().manual_seed(1)
    for parameter in model.parameters():  # at its start the model says nothing: every layer is the identity
        parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return model


def annotated(model, sources) -> Sources:
    sources.pairs.reference = annotate(model, sources.pairs)
    return sources


@pytest.mark.parametrize("kind", ["next_token", "answers", "preference"])
@pytest.mark.parametrize("replay", [0.0, 0.3])
def test_counts_are_known_before_the_loss_and_parts_add_up_to_the_whole(model, sources, kind, replay):
    asked = objective(ObjectiveSettings(kind=kind, replay=replay, anchor=0.5), annotated(model, sources))
    whole = asked.loss(model, asked.batch(3))
    parts = [asked.loss(model, asked.batch(3, rows)) for rows in ([0], [1, 2, 3], [4, 5])]
    assert {name: term.count for name, term in whole.items()} == asked.counts(asked.batch(3))
    for name, term in whole.items():
        assert term.count == sum(part[name].count for part in parts)
        torch.testing.assert_close(term.sum, torch.stack([part[name].sum for part in parts]).sum())


def test_a_conversation_costs_the_same_alone_and_packed_among_others(model, sources, world, tokenizer):
    packed = sources.conversations
    row = max(range(len(packed.packed)), key=lambda row: len(packed.packed[row]))
    texts = [packed.texts[text] for text in packed.packed[row]]
    assert len(texts) > 1
    together = foretold(model, examples.lay([texts], 96, "documents"))
    alone = [foretold(model, examples.lay([[text]], 96, "documents")) for text in texts]
    torch.testing.assert_close(together, torch.cat(alone))


def test_before_anything_is_learnt_a_preference_costs_one_bit(model, sources):
    asked = Preference(annotated(model, sources).pairs, beta=0.3)
    terms = asked.loss(model, asked.batch(0))
    assert terms["preference"].sum.item() / terms["preference"].count == pytest.approx(math.log(2), abs=1e-6)


def test_preference_is_the_formula_of_the_paper(model, sources):
    asked = Preference(annotated(model, sources).pairs, beta=0.3, smoothing=0.1)
    model.model.embed_tokens.weight.data *= 1.3  # somewhere else than the reference
    batch = asked.batch(1)
    expected = 0.0
    for n in batch.documents:
        pair, told = sources.pairs.pairs[n], []
        for side, text in enumerate((pair.chosen, pair.rejected)):
            known = foretold(model, examples.lay([[text]], 96, "documents")).sum().item()
            told.append(known - sources.pairs.reference[n, side])
        h = 0.3 * (told[0] - told[1])
        expected -= 0.9 * math.log(1 / (1 + math.exp(-h))) + 0.1 * math.log(1 / (1 + math.exp(h)))
    assert asked.loss(model, batch)["preference"].sum.item() == pytest.approx(expected, rel=1e-5)


def test_a_step_on_a_preference_makes_chosen_answers_likelier_than_rejected(model, sources):
    asked = Preference(annotated(model, sources).pairs)
    batch = asked.batch(0)
    asked.loss(model, batch)["preference"].sum.backward()
    before = sums(foretold(model, batch), places_of(batch)).detach()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter -= 1e-4 * parameter.grad
        after = sums(foretold(model, batch), places_of(batch))
    assert ((after - before)[:, 0] > (after - before)[:, 1]).float().mean() > 0.9


def test_the_reference_is_a_constant(model, sources):
    asked = Preference(annotated(model, sources).pairs)
    kept = sources.pairs.reference.copy()
    asked.loss(model, asked.batch(0))["preference"].sum.backward()
    assert np.array_equal(kept, sources.pairs.reference)


@pytest.mark.parametrize(
    "kind, setting",
    [
        ("next_token", "data"),
        ("answers", "conversations"),
        ("preference", "pairs"),
        ("sequence_to_sequence", "sequences"),
    ],
)
def test_an_objective_without_its_texts_says_which_setting_is_missing(kind, setting):
    with pytest.raises(Problem, match=f"`{setting}`"):
        objective(ObjectiveSettings(kind=kind), Sources())


def test_texts_stand_beside_a_share_of_pages_and_every_token_counts(tmp_path, sources, tokenizer):
    file = tmp_path / "texts.jsonl"
    file.write_text("".join(json.dumps({"text": f"Anna went to place {n}."}) + "\n" for n in range(200)))
    texts = examples.texts([file], tokenizer, 6, 96, seed=1)
    asked = objective(ObjectiveSettings(replay=0.5, replay_weight=0.9), Sources(sources.pages, texts))
    assert asked.replay == 0.9
    replayed = [asked.batch(step).columns["replay"][:, 0].tolist() for step in range(4)]
    assert sum(map(sum, replayed)) == 12
    batch = asked.batch(0)
    pages_of = batch.columns["replay"]
    assert (batch.weights[pages_of] == 1).all() and 0 < batch.weights[~pages_of].mean() <= 1
    counts = {"texts": batch.weights[~pages_of].sum(), "replay": batch.weights[pages_of].sum()}
    assert asked.counts(batch) == counts


def test_replay_without_pages_says_which_setting_is_missing(sources):
    with pytest.raises(Problem, match="`data`"):
        objective(ObjectiveSettings(kind="answers", replay=0.1), Sources(conversations=sources.conversations))
