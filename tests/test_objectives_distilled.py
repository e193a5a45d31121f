"""Distillation: a teacher's loss is what the definition says, asks for no whole logits, and makes a pupil like its teacher."""

import json
from pathlib import Path

import pytest
import torch

from groundup.data.tokens.batches import pages
from groundup.data.tokens.examples import conversations
from groundup.data.tokens.shards import Shards
from groundup.errors import Problem
from groundup.model import folder
from groundup.model.settings import ModelSettings
from groundup.model.taken_apart import Pieces
from groundup.model.transformer import Transformer
from groundup.objectives import chunked
from groundup.objectives.answers import Answers
from groundup.objectives.distilled import Distilled, distilled
from groundup.objectives.likelihood import met, vectors
from groundup.objectives.next_token import NextToken
from groundup.objectives.preference import Preference
from groundup.objectives.settings import ObjectiveSettings
from groundup.objectives.softened import softened
from groundup.objectives.taught import taught, taught_by_definition
from groundup.tokenizer import Tokenizer
from groundup.training.settings import RegulariserSettings
from tests.training_example import make, make_world, settings


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"), 60)


@pytest.fixture(scope="module")
def tokenizer(world) -> Tokenizer:
    return Tokenizer.load(world / "tokens" / "tokenizer")


def model(tokenizer, width=32, seed=1, **values) -> Transformer:
    made = Transformer(ModelSettings(depth=1, width=width, heads=2, vocabulary=tokenizer.vocabulary, **values), seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in made.parameters():
        parameter.data += 0.3 * torch.randn(parameter.shape, generator=generator)
    return made


def pieces(width, seed, cap=0.0, bias=False, count=150, vocabulary=40) -> Pieces:
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    return Pieces(drawn(count, width), drawn(vocabulary, width), drawn(vocabulary) if bias else None, cap)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("cap", [0.0, 3.0])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
def test_a_teachers_loss_in_chunks_is_that_of_the_definition(bias, cap, temperature, monkeypatch):
    monkeypatch.setitem(chunked.CHUNK, "cpu", 1)  # so that 150 rows are three chunks
    pupil, teacher = pieces(8, 1, cap, bias), pieces(12, 2, cap=2.0)
    worth = torch.rand(150, dtype=torch.float64)
    asked = [each for each in pupil[:3] if each is not None]
    found = []
    for loss in (taught, taught_by_definition):
        value = loss(pupil, Pieces(teacher.x.detach(), teacher.weight.detach(), None, 2.0), worth, temperature)
        found.append([value, *torch.autograd.grad(3 * value, asked)])
    for ours, plain in zip(*found, strict=True):
        torch.testing.assert_close(ours, plain)


def test_a_pupil_that_is_its_teacher_has_nothing_to_learn_from_it(world, tokenizer):
    itself = model(tokenizer)
    asked = Distilled(NextToken(pages(Shards(world / "tokens" / "train"), 4, 32, 1)), itself, share=1.0)
    terms = asked.loss(itself, asked.batch(0))
    gradients = torch.autograd.grad(terms["teacher"].sum, list(itself.parameters()), allow_unused=True)
    assert terms["teacher"].sum.abs() < 1e-3 and terms["next_token"].coefficient == 0
    assert all(each is None or each.abs().max() < 1e-3 for each in gradients)


def test_parts_of_a_step_add_up_and_the_texts_own_loss_stays(world, tokenizer):
    pupil, teacher = model(tokenizer), model(tokenizer, 48, seed=2)
    inner = Answers(conversations([world / "talks.jsonl"], tokenizer, "plain", 6, 96, seed=1))
    asked = Distilled(inner, teacher, temperature=2.0, share=0.3)
    whole = asked.loss(pupil, asked.batch(2))
    assert {name: term.count for name, term in whole.items()} == asked.counts(asked.batch(2))
    assert whole["answers"].sum == inner.loss(pupil, inner.batch(2))["answers"].sum
    assert (whole["answers"].coefficient, whole["teacher"].coefficient) == (0.7, 0.3)
    parts = [asked.loss(pupil, asked.batch(2, rows)) for rows in ([0], [1, 2, 3], [4, 5])]
    torch.testing.assert_close(whole["teacher"].sum, torch.stack([part["teacher"].sum for part in parts]).sum())
    x, (known, _) = vectors(pupil, asked.batch(2)), met(vectors(teacher, asked.batch(2)), asked.batch(2))
    plain = taught_by_definition(
        pupil.taken_apart(met(x, asked.batch(2))[0]), teacher.taken_apart(known), torch.ones(len(known)), 2.0
    )
    torch.testing.assert_close(whole["teacher"].sum, plain)


def test_a_softened_loss_can_have_a_teacher_beside_it(world, tokenizer):
    inner = softened(
        NextToken(pages(Shards(world / "tokens" / "train"), 4, 32, 1)), RegulariserSettings(label_smoothing=0.1)
    )
    asked = Distilled(inner, model(tokenizer, 48, seed=2), share=0.5)
    terms = asked.loss(model(tokenizer), asked.batch(0))
    assert set(terms) == {"next_token", "smoothing", "teacher"}
    assert terms["next_token"].coefficient == pytest.approx(0.45)


def test_a_trained_pupil_is_more_like_its_teacher_than_one_that_learnt_alone(world, tmp_path):
    teacher = make(tmp_path / "teacher", settings(world, **{"training.steps": 80, "model.width": 64}))
    before = (teacher / "model" / folder.WEIGHTS).read_bytes()
    teaching = {"objective.teacher": str(teacher), "objective.teacher_share": 1.0, "objective.temperature": 2.0}
    long = {"training.steps": 80}
    pupils = [
        make(tmp_path / name, settings(world, **long, **asked)) for name, asked in (("alone", {}), ("taught", teaching))
    ]
    asked = NextToken(pages(Shards(world / "tokens" / "val"), 4, 32, 1))
    far = []
    for pupil in pupils:
        objective = Distilled(asked, folder.load(teacher / "model"))
        with torch.no_grad():
            far.append(float(objective.loss(folder.load(pupil / "model"), asked.batch(0))["teacher"].sum))
    assert far[1] < 0.6 * far[0]
    assert last_look(teacher) < last_look(pupils[1]) < last_look(pupils[0])  # and it foretells the text better
    assert (teacher / "model" / folder.WEIGHTS).read_bytes() == before
    lines = [json.loads(line) for line in (pupils[1] / "metrics.jsonl").read_text().splitlines()]
    assert any("term.teacher" in line for line in lines)


def last_look(stage: Path) -> float:
    """The loss on held-out text when the training ended, in nats."""
    lines = [json.loads(line) for line in (stage / "metrics.jsonl").read_text().splitlines()]
    return next(line["validation"] for line in reversed(lines) if "validation" in line)


def refused(asked, world, tokenizer, pupil, said):
    inner = asked or NextToken(pages(Shards(world / "tokens" / "train"), 4, 32, 1))
    with pytest.raises(Problem, match=said):
        distilled(inner, ObjectiveSettings(teacher=str(world / "teacher")), tokenizer, pupil)


def test_a_teacher_that_cannot_teach_is_refused_by_name(world, tokenizer):
    pupil = model(tokenizer)
    folder.save(world / "teacher", model(tokenizer, context=16), tokenizer)
    refused(None, world, tokenizer, pupil, "up to 16 tokens and rows have 32")
    refused(
        Preference(pages(Shards(world / "tokens" / "train"), 4, 32, 1)),
        world,
        tokenizer,
        pupil,
        "say next_token or answers",
    )
    other = Tokenizer.train(
        ["quite another text, of other words"], tokenizer.vocabulary - 5, specials=list(tokenizer.specials)
    )
    folder.save(world / "teacher", model(tokenizer), other)
    refused(None, world, tokenizer, pupil, "another tokenizer than its pupil")
    folder.save(world / "teacher", Transformer(ModelSettings(depth=1, width=32, vocabulary=500)))
    refused(None, world, tokenizer, pupil, "knows 500 tokens and its pupil")


def test_without_a_teacher_the_objective_stays_itself(world, tokenizer):
    inner = NextToken(pages(Shards(world / "tokens" / "train"), 4, 32, 1))
    assert distilled(inner, ObjectiveSettings(), tokenizer, model(tokenizer)) is inner
