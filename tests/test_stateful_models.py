"""Models that carry a state in the house: settings, folders, training, generation."""

import json

import pytest
import torch

import groundup
from groundup.errors import Problem
from groundup.generation.batch import generate
from groundup.generation.engine import Engine, Request
from groundup.model import folder, lens
from groundup.model.settings import ModelSettings
from groundup.model.state import SegmentMemory
from groundup.model.transformer_xl_settings import TransformerXLSettings
from groundup.training.optimizers.rules import kind_of
from tests.stateful_example import FAMILIES, ids, model
from tests.training_example import make, make_world
from tests.training_example import settings as training


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


def greedy(made, prompt: list[int], tokens: int) -> list[int]:
    """The likeliest tokens, all read again for each."""
    text = torch.tensor([prompt])
    with torch.inference_mode():
        for _ in range(tokens):
            text = torch.cat((text, made(text)[:, -1:].argmax(-1)), 1)
    return text[0, len(prompt) :].tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder_gives_the_same_model_back(family, tmp_path):
    made = model(family, tied=False)
    folder.save(tmp_path, made)
    found = folder.load(tmp_path)
    assert found.settings == made.settings and type(found) is type(made)
    assert all(torch.equal(value, made.state_dict()[name]) for name, value in found.state_dict().items())
    kind = json.loads((tmp_path / "config.json").read_text())["model_type"]
    assert kind == ("mamba" if family == "mamba" else "groundup")


@pytest.mark.parametrize("family", FAMILIES)
def test_the_train_stage_makes_one_whose_loss_fell(family, world, tmp_path):
    asked = training(world, **{"model.family": family, "training.steps": 30, "training.mask": "documents"})
    made = make(tmp_path / family, asked)
    lines = [json.loads(line) for line in (made / "metrics.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if "loss" in line]
    assert losses[-1] < 0.7 * losses[0] and losses[0] > 4.5
    assert groundup.load(made / "model").generate("the cup", max_tokens=3)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_of_any_lengths_are_written_together_as_alone(family):
    made = model(family)
    prompts = [ids(1, length, seed=length)[0].tolist() for length in (1, 9, 4, 30, 5, 4, 6)]
    together = [answer.ids for answer in generate(made, prompts, 12)]
    assert together == [greedy(made, prompt, 12) for prompt in prompts]


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_that_are_used_again_and_prompts_read_in_pieces_change_nothing(family):
    made = model(family)
    engine = Engine(made, slots=2, chunk=8)
    prompts = [ids(1, length, seed=length)[0].tolist() for length in (20, 3, 11, 7, 16)]
    numbers = [engine.add(Request(prompt, 4 + 3 * place)) for place, prompt in enumerate(prompts)]
    written: dict[int, list[int]] = {}
    while not engine.idle:
        for event in engine.step():
            written.setdefault(event.request, []).append(event.token)
    for place, (number, prompt) in enumerate(zip(numbers, prompts, strict=True)):
        assert written[number] == greedy(made, prompt, 4 + 3 * place)


def test_what_a_family_has_no_part_for_is_refused():
    for changed in ({"pattern": ["window"], "window": 4}, {"positions": "rotary"}, {"logit_cap": 3.0}, {"mamba": {}}):
        with pytest.raises(ValueError, match=next(iter(changed))):
            ModelSettings.model_validate({"family": "gru"} | changed)
    with pytest.raises(ValueError, match="transformer_xl"):
        ModelSettings(family="llama", transformer_xl=TransformerXLSettings())


def test_muon_moves_matrices_alone():
    kinds = {name: kind_of(name, value) for name, value in model("mamba").named_parameters()}
    found = {kind: {name.rsplit("mixer.")[-1] for name in kinds if kinds[name] == kind} for kind in set(kinds.values())}
    assert found["matrix"] == {f"{name}_proj.weight" for name in ("in", "x", "dt", "out")}
    assert {"A_log", "D", "conv1d.weight", "dt_proj.bias"} < found["vector"]
    assert found["table"] == {"model.embed_tokens.weight"}


def test_an_id_outside_the_vocabulary_is_named():
    with pytest.raises(Problem, match="90"):
        SegmentMemory(1).read(model("gru"), torch.tensor([[1, 90]]))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_lens_sees_how_vectors_grow(family):
    made, text = model(family), ids(1, 7)[0]
    seen = lens.look(made, text)
    assert seen.residual.shape == (3, 7, 32)
    torch.testing.assert_close(lens.said_by_layers(made, seen)[-1], seen.logits)


@pytest.mark.parametrize("precision", ["bf16", "int8"])
@pytest.mark.parametrize("family", FAMILIES)
@torch.inference_mode()
def test_weights_may_be_rounded(family, precision, tmp_path):
    made = model(family)
    folder.save(tmp_path, made)
    rounded, exact = folder.load(tmp_path, precision)(ids()).float(), made(ids())
    assert 0 < (rounded - exact).abs().max() < 0.1 * exact.abs().max()
