"""Laws of models that read: what each head says of a text depends on that text alone, and on all of it."""

import pytest
import torch

from groundup.errors import Problem
from groundup.generation import engine, language_model
from groundup.model import folder
from groundup.model.families import FAMILIES
from groundup.model.heads import HEADS, first, last
from groundup.model.reading import BothWays
from groundup.model.resize import resized
from groundup.model.settings import ModelSettings
from groundup.model.sight import Sight
from groundup.model.transformer import Transformer
from tests.heads_example import DECODERS, ENCODERS, HEADED, OURS, SIZES, ids, lengths, model, settings, shaken

PER_TOKEN = ("masked", "value")
READERS = {name: shape for name, shape in HEADED.items() if FAMILIES[shape["family"]].architecture == "encoder"}


def parts(out):
    return out if isinstance(out, tuple) else (out,)


@torch.inference_mode()
def said(made, text, seen=None, **more):
    return parts(made(text, seen, **more))


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def per_token(made, part: int) -> bool:
    kind = made.settings.head.kind
    return kind in PER_TOKEN or kind == "pretraining" and part == 0


@pytest.mark.parametrize("shape", HEADED)
def test_padding_changes_nothing_and_what_stands_there_neither(shape):
    made, text, seen = model(shape), ids(), lengths()
    padded = said(made, text.masked_fill(~seen, 7), seen)
    other = said(made, text.masked_fill(~seen, 80), seen)
    for row in range(3):
        count = int(seen[row].sum())
        alone = said(made, text[row : row + 1, :count])
        for part, (one, two, three) in enumerate(zip(padded, other, alone, strict=True)):
            here = (row, slice(count)) if per_token(made, part) else row
            close(one[here], three[0])
            close(two[here], three[0])


@pytest.mark.parametrize("shape", HEADED)
def test_padding_before_a_text_is_as_good_as_padding_after_it(shape):
    made, text, seen = model(shape), ids(), lengths()
    left = torch.stack([row.roll(20 - int(mask.sum())) for row, mask in zip(text, seen, strict=True)])
    for part, (one, two) in enumerate(zip(said(made, text, seen), said(made, left, seen.flip(1)), strict=True)):
        if per_token(made, part):
            one, two = one[seen], two[seen.flip(1)]
        close(one, two)


@pytest.mark.parametrize("shape", HEADED)
def test_the_order_of_the_batch_is_the_order_of_the_answers(shape):
    made, text, seen, order = model(shape), ids(), lengths(), torch.tensor([2, 0, 1])
    for one, two in zip(said(made, text, seen), said(made, text[order], seen[order]), strict=True):
        close(one[order], two)


@pytest.mark.parametrize("shape", READERS)
def test_an_encoder_sees_both_ways(shape):
    made, text = model(shape), ids()
    changed = text.clone()
    changed[:, -1] = (text[:, -1] + 1) % 80 + 6
    with torch.inference_mode():
        assert not torch.allclose(made.hidden(text)[:, 0], made.hidden(changed)[:, 0], atol=1e-4)


@pytest.mark.parametrize("shape", READERS)
def test_packed_texts_are_as_they_are_alone(shape):
    made, text = model(shape), ids(1)
    segments = torch.tensor([[0] * 8 + [1] * 5 + [2] * 7])
    with torch.inference_mode():
        packed = made.hidden(text, segments=segments)
        alone = [made.hidden(text[:, segments[0] == number]) for number in range(3)]
    close(packed, torch.cat(alone, 1))


@pytest.mark.parametrize("attention", ["steps", "fused"])
@pytest.mark.parametrize("shape", READERS)
def test_every_attention_gives_the_same(shape, attention):
    made, text, seen = model(shape), ids(time=20), lengths()
    plain = said(made, text, seen)
    made.attention = attention
    for part, (one, two) in enumerate(zip(plain, said(made, text, seen), strict=True)):
        close(*((one[seen], two[seen]) if per_token(made, part) else (one, two)))


@pytest.mark.parametrize("shape", READERS)
def test_half_precision_says_about_the_same(shape):
    made, text, seen = model(shape), ids(), lengths()
    wide = said(made, text, seen)
    made.compute = torch.bfloat16
    for part, (one, two) in enumerate(zip(wide, said(made, text, seen), strict=True)):
        one, two = (one[seen], two[seen]) if per_token(made, part) else (one, two)
        assert two.dtype == torch.bfloat16
        assert (one - two.float()).abs().mean() < 0.1 * one.abs().max()


@pytest.mark.parametrize("shape", HEADED)
def test_a_folder_gives_the_model_back_bit_by_bit(shape, tmp_path):
    made = model(shape)
    folder.save(tmp_path, made)
    again = folder.load(tmp_path)
    assert again.settings == made.settings and type(again) is type(made)
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in made.state_dict().items())


@pytest.mark.parametrize("shape", OURS)
def test_what_has_no_name_elsewhere_is_saved_as_ours(shape, tmp_path):
    folder.save(tmp_path, model(shape))
    assert folder.read_json(tmp_path / "config.json")["model_type"] == "groundup"


@pytest.mark.parametrize("shape", ENCODERS | DECODERS)
def test_what_has_a_name_elsewhere_is_saved_under_it(shape, tmp_path):
    folder.save(tmp_path, model(shape))
    assert folder.read_json(tmp_path / "config.json")["model_type"] == HEADED[shape]["family"]


def test_every_head_is_tried_here():
    assert {model(shape).settings.head.kind for shape in HEADED} == set(HEADS)


def test_first_and_last_are_found_beside_padding():
    x = torch.arange(8.0).view(2, 4, 1)
    seen = torch.tensor([[False, True, True, False], [True, False, False, False]])
    assert first(x, seen).flatten().tolist() == [1, 4] and last(x, seen).flatten().tolist() == [2, 4]
    assert first(x, None).flatten().tolist() == [0, 4] and last(x, None).flatten().tolist() == [3, 7]


def test_a_fresh_classifier_finds_every_class_equally_likely():
    from groundup.model.architectures import build

    made = build(ModelSettings(**SIZES, family="bert", head={"kind": "classify_first", "classes": 3}))
    assert torch.equal(made(ids()), torch.zeros(3, 3))


def test_without_a_mask_an_encoder_sees_everything():
    made, text = model("bert masked"), ids()
    reading = BothWays(made.settings, made.model.positions, None, text.float(), torch.arange(20)[None])  # type: ignore
    _, _, sight = reading.extend(0, text, text, "full")
    assert isinstance(sight, Sight) and sight.bias is None and not sight.causal


def ahead(count: int = 3, **parts):
    return model("", family="qwen3", head={"kind": "ahead", "ahead": count}, **parts)


def test_the_first_of_several_heads_is_the_language_models():
    made = ahead()
    plain = model("", family="qwen3")
    plain.load_state_dict({n: t for n, t in made.state_dict().items() if not n.startswith("further")})
    with torch.inference_mode():
        told = made.ahead(ids())
        assert told.shape == (3, 3, 20, 90)
        assert torch.equal(told[0], plain(ids())) and torch.equal(told[0], made(ids()))
        assert not torch.allclose(told[0], told[1], atol=1e-2)


def test_each_head_ahead_is_the_model_with_another_last_layer():
    made, text = ahead(), ids()
    with torch.inference_mode():
        told = made.ahead(text)
        for number, layer in enumerate(made.further, 1):
            made.model.layers[-1] = layer
            close(told[number], made(text))


def test_no_head_ahead_sees_what_it_foretells():
    made, text = ahead(), ids()
    changed = text.clone()
    changed[:, 12] = (text[:, 12] + 1) % 90
    with torch.inference_mode():
        one, two = made.ahead(text), made.ahead(changed)
    assert torch.equal(one[:, :, :12], two[:, :, :12]) and not torch.allclose(one[1:, :, 12], two[1:, :, 12])


def test_a_model_with_several_heads_comes_back_and_writes(tmp_path):
    made = ahead()
    folder.save(tmp_path, made)
    again = language_model.load(tmp_path)
    close(again.model.ahead(ids()), made.ahead(ids()))
    assert len(list(again.stream([7, 8, 9], max_tokens=5, temperature=0))) == 5


@pytest.mark.parametrize("shape", ["bert pretraining", "roberta masked", "llama classes", "value"])
def test_a_model_that_reads_is_not_asked_to_write(shape, tmp_path):
    folder.save(tmp_path, model(shape))
    with pytest.raises(Problem, match="reads and does not write"):
        language_model.load(tmp_path)
    with pytest.raises(Problem, match="reads and does not write"):
        engine.Engine(model(shape))


@pytest.mark.parametrize(
    ("changed", "words"),
    [({"family": "bert", "head": {"kind": "next_token"}}, "no head for the family bert"),
     ({"family": "llama", "head": {"kind": "masked"}}, "no head for the family llama"),
     ({"family": "bert", "pattern": ["window"], "window": 4}, "no meaning where tokens see both ways")],
)  # fmt: skip
def test_a_head_that_makes_no_sense_is_refused(changed, words):
    with pytest.raises(ValueError, match=words):
        ModelSettings(**SIZES, **changed)


def test_a_text_longer_than_the_learned_places_is_refused():
    made = model("roberta masked", context=10)
    made(ids(time=10))
    with pytest.raises(Problem, match="Position 10 is beyond the 10 places"):
        made(ids(time=11))


def test_a_kind_of_text_that_was_never_learned_is_refused():
    with pytest.raises(Problem, match="token type"):
        model("bert masked")(ids(), types=torch.full((3, 20), 2))


@pytest.mark.parametrize("shape", ["bert pretraining", "roberta masked", "masked, untied", "bert classes", "value"])
def test_a_model_that_reads_follows_its_tokenizer(shape):
    made, text = model(shape), ids()
    moved = resized(made, [[token] for token in reversed(range(90))] + [[3, 4]])
    for part, (one, two) in enumerate(zip(said(made, text), said(moved, 89 - text), strict=True)):
        words = per_token(made, part) and one.ndim == 3
        close(one, two[..., :90].flip(-1) if words else two)


def test_the_first_uploads_of_gpt2_leave_out_the_models_own_name(tmp_path):
    from groundup.model import safetensors
    from groundup.model.architectures import build

    made = shaken(build(ModelSettings(**SIZES, family="gpt2")))
    folder.save(tmp_path, made)
    path = tmp_path / "model.safetensors"
    file = safetensors.TensorFile(path)
    bare = {name.removeprefix("transformer."): file.read(name) for name in file.entries}
    safetensors.write(path, bare | {"h.0.attn.bias": torch.ones(1, 1, 64, 64)})
    again = folder.load(tmp_path)
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in made.state_dict().items())
    bare.pop("ln_f.bias")
    safetensors.write(path, bare)
    with pytest.raises(Problem, match=r"no tensor ln_f\.bias"):
        folder.load(tmp_path)


@pytest.mark.parametrize("shape", ["bert masked", "llama classes"])
def test_a_plain_transformer_is_not_built_from_settings_of_another_head(shape):
    with pytest.raises(Problem, match="architectures.build"):
        Transformer(settings(shape))
