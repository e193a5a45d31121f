"""The recipe `draft` at a tiny size: what the small model learnt from the large one is of use when it writes ahead."""

import pytest
import torch

from groundup.commands.models import models_at
from groundup.generation.language_model import LanguageModel, load
from groundup.model.transformer import Transformer
from groundup.recipe.making import make

SMALL = {
    "town.megabytes": 0.1,
    "town.readers": 60,
    "tokenizer.size": 300,
    "base.model.depth": 2,
    "base.model.width": 64,
    "draft.model.width": 32,
    "measure.steps": 2,
    "measure.rows": 4,
} | {f"{stage}.training.{key}": value for stage in ("base", "draft") for key, value in {
    "steps": 60, "rows": 8, "time": 64, "precision": "f32"}.items()}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    torch.set_num_threads(1)
    return make("draft", tmp_path_factory.mktemp("runs") / "draft", **SMALL)


def acceptance(lm: LanguageModel, draft: LanguageModel) -> float:
    ahead = lm.speculation(draft, length=3)
    for seed in range(6):
        lm.generate("One morning", 40, seed=seed, draft=ahead, ignore_eos=True)
    return ahead.tally.acceptance


def test_more_of_what_it_drafts_stays_than_of_an_untrained_one(run):
    lm, taught = load(run / "model"), load(run / "draft" / "model")
    untaught = LanguageModel(Transformer(taught.model.settings), taught.tokenizer)
    assert acceptance(lm, taught) > acceptance(lm, untaught) + 0.1


def test_the_large_model_is_the_recipes_own_and_the_small_one_stands_beside_it(run):
    assert list(models_at(str(run))) == ["base", "draft"]
