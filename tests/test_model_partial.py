"""Into a changed architecture goes what fits, and each name is accounted for; off unless asked for."""

import hashlib
import json

import pytest
import torch

from groundup.errors import Problem
from groundup.model import folder, quantize
from groundup.model.partial import Fit
from groundup.model.safetensors import write
from groundup.model.transformer import Transformer
from tests.model_example import model, settings


@pytest.fixture
def saved(tmp_path):
    folder.save(tmp_path / "model", model("llama untied"))
    return tmp_path / "model"


def test_the_same_architecture_is_loaded_whole(saved):
    made, fit = folder.load(saved, partial=True)
    ours = model("llama untied").state_dict()
    assert fit == Fit(list(ours), [], [], [])
    assert all(torch.equal(tensor, ours[name]) for name, tensor in made.state_dict().items())


def test_what_fits_is_taken_and_the_rest_has_start_values(saved):
    changed = settings("llama untied", depth=3, vocabulary=310, hidden=128, tied=True)
    made, fit = folder.load(saved, partial=True, settings=changed, seed=5)
    fresh, old, new = Transformer(changed, 5).state_dict(), model("llama untied").state_dict(), made.state_dict()
    feedforwards = {name for name in old if ".mlp." in name}
    assert set(fit.missing) == {name for name in new if name.startswith("model.layers.2.")}
    assert fit.unexpected == ["lm_head.weight"] and set(fit.reshaped) == feedforwards | {"model.embed_tokens.weight"}
    assert set(fit.loaded) | set(fit.missing) | set(fit.reshaped) == set(new) and len(fit.loaded) == 2 * 6 + 1
    assert all(torch.equal(new[name], old[name]) for name in fit.loaded)
    assert all(torch.equal(new[name], fresh[name]) for name in [*fit.missing, *feedforwards])
    table = "model.embed_tokens.weight"
    assert torch.equal(new[table][:300], old[table]) and torch.equal(new[table][300:], fresh[table][300:])
    assert "lm_head.weight" in str(fit) and "model.layers.2" in str(fit)


def test_fewer_rows_and_fewer_layers_leave_the_rest_behind(saved):
    made, fit = folder.load(saved, "bf16", partial=True, settings=settings("llama untied", depth=1, vocabulary=200))
    old = model("llama untied").state_dict()
    assert fit.reshaped == ["model.embed_tokens.weight", "lm_head.weight"] and fit.missing == []
    assert fit.unexpected == [name for name in old if name.startswith("model.layers.1.")]
    assert torch.equal(made.state_dict()["lm_head.weight"], old["lm_head.weight"][:200].to(torch.bfloat16))


def test_another_family_takes_what_has_the_same_name(tmp_path):
    folder.save(tmp_path, model("gpt2"))
    made, fit = folder.load(tmp_path, partial=True, settings=settings("gpt2", context=256))
    assert fit.reshaped == ["model.positions.table.weight"] and fit.missing == fit.unexpected == []
    _, fit = folder.load(tmp_path, partial=True, settings=settings("llama"))
    assert (
        "model.layers.0.self_attn.q_proj.weight" in fit.loaded and "model.layers.0.mlp.gate_proj.weight" in fit.missing
    )
    assert "model.positions.table.weight" in fit.unexpected


def test_a_file_that_lacks_or_adds_tensors_is_loaded_only_in_part(saved):
    state = dict(model("llama untied").state_dict())
    del state["model.norm.weight"]
    write(saved / folder.WEIGHTS, state | {"value_head.weight": torch.ones(2)})
    _, fit = folder.load(saved, partial=True)
    assert fit.missing == ["model.norm.weight"] and fit.unexpected == ["value_head.weight"]
    with pytest.raises(Problem, match=r"no tensor model\.norm\.weight"):
        folder.load(saved)


def test_without_partial_other_settings_are_refused(saved):
    with pytest.raises(Problem, match="with partial=True"):
        folder.load(saved, settings=settings("llama untied", depth=3))
    assert folder.load(saved, settings=settings("llama untied")).settings.depth == 2


def test_a_file_that_is_not_as_its_config_says_is_refused_in_part_too(saved):
    state = dict(model("llama untied").state_dict())
    write(saved / folder.WEIGHTS, state | {"model.norm.weight": torch.ones(63)})
    with pytest.raises(Problem, match=r"model\.norm\.weight is \[63\]"):
        folder.load(saved, partial=True)
    folder.save(saved, quantize.int8(model("llama untied")))
    with pytest.raises(Problem, match="is quantised .int8."):
        folder.load(saved, partial=True)


def test_the_sha256_of_what_was_read_is_known(saved):
    def told(*names):
        return {name: hashlib.sha256((saved / name).read_bytes()).hexdigest() for name in names}

    assert folder.sha256(saved) == told("config.json", folder.WEIGHTS)
    (saved / folder.WEIGHTS).rename(saved / "one.safetensors")
    names = list(model("llama untied").state_dict())
    (saved / folder.SHARDS).write_text(json.dumps({"weight_map": dict.fromkeys(names, "one.safetensors")}))
    assert folder.sha256(saved) == told("config.json", folder.SHARDS, "one.safetensors")
