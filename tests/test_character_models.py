"""Models whose table reads letters: saved and loaded whole, counted, in 8 bits, trained, with a changed vocabulary."""

import pytest
import torch

from groundup.errors import Problem
from groundup.model import config_json, cost, folder, quantize
from groundup.model.architectures import build
from groundup.model.character_table import CharacterTable
from groundup.model.resize import resized
from groundup.model.settings import ModelSettings
from groundup.tokenizer import Tokenizer
from groundup.tokenizer.surgery import prune
from tests.training_example import make, make_world, settings

CHARACTERS = {"width": 6, "filters": [4, 6, 8], "longest": 12}
TEXT = "the cat sat on the mat, the cat saw the dog. " * 20


def model(tokens: Tokenizer, **changed):
    given = {"depth": 1, "width": 32, "heads": 2, "vocabulary": tokens.vocabulary, "characters": CHARACTERS, **changed}
    made = build(ModelSettings.model_validate(given), seed=1).eval()
    made.model.embed_tokens.spell(tokens.tokens)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0, 0.3, generator=torch.Generator().manual_seed(parameter.numel()))
    return made


@pytest.fixture(scope="module")
def tokens():
    return Tokenizer.train(TEXT, 290, specials=["<|end|>"])


IDS = torch.randint(280, (2, 9), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("family", ["qwen3", "gpt2"])
@pytest.mark.parametrize("tied", [True, False])
def test_a_folder_gives_the_same_model_back(tokens, tmp_path, family, tied):
    made = model(tokens, family=family, tied=tied)
    folder.save(tmp_path, made, tokens)
    again = folder.load(tmp_path)
    assert isinstance(again.model.embed_tokens, CharacterTable)
    assert torch.equal(again(IDS % tokens.vocabulary), made(IDS % tokens.vocabulary))
    half = folder.load(tmp_path, "bf16")
    assert (
        half.model.embed_tokens.spelling.dtype == torch.int16 and half.model.embed_tokens.weight.dtype == torch.bfloat16
    )
    assert torch.isfinite(half(IDS % tokens.vocabulary)).all()


def test_other_programs_have_no_word_for_it(tokens):
    assert any(word.startswith("characters") for word in config_json.unspeakable(model(tokens).settings))


@pytest.mark.parametrize("tied", [True, False])
def test_its_numbers_are_counted(tokens, tied):
    made = model(tokens, tied=tied)
    assert cost.parameters(made.settings) == sum(value.numel() for value in made.parameters())


def test_in_8_bits_letters_are_still_read(tokens, tmp_path):
    made = model(tokens)
    folder.save(tmp_path, quantize.int8(folder.load(_saved(made, tokens, tmp_path / "f32"))), tokens)
    logits, ids = folder.load(tmp_path)(IDS % tokens.vocabulary), IDS % tokens.vocabulary
    assert (logits - made(ids)).abs().max() < 0.1 * made(ids).abs().max()


def _saved(made, tokens, place):
    folder.save(place, made, tokens)
    return place


def test_tokens_that_stay_keep_their_letters_in_a_changed_vocabulary(tokens):
    made, changed = model(tokens), prune(tokens, TEXT, 270)
    after = resized(made, changed.rows)
    cat = list(changed.tokenizer.tokens).index(b" cat")
    old = list(tokens.tokens).index(b" cat")
    assert torch.allclose(after.model.embed_tokens.table()[cat], made.model.embed_tokens.table()[old])
    new = resized(made, [*((row,) for row in range(tokens.vocabulary)), (4, 5)])
    assert not new.model.embed_tokens.spelling[-1].any()


def test_the_train_stage_trains_one(tmp_path):
    world = make_world(tmp_path / "world", 60)
    asked = {"model.characters": CHARACTERS, "training.steps": 4}
    trained = folder.load(make(tmp_path / "made", settings(world, **asked)) / "model")
    tokens = Tokenizer.load(world / "tokens" / "tokenizer")
    fresh = build(trained.settings, seed=1).model.embed_tokens
    fresh.spell(tokens.tokens)
    assert torch.equal(fresh.spelling, trained.model.embed_tokens.spelling)


def test_wrong_characters_are_a_sentence():
    with pytest.raises((Problem, ValueError), match="longer than longest=3"):
        ModelSettings.model_validate({"characters": {"filters": [1, 1, 1, 1], "longest": 3}})
