"""What finds the integers: GPTQ and AWQ are no worse than rounding, NF4 is the table it claims to be, bytes multiply exactly."""

import pytest
import torch

from groundup.errors import Problem
from groundup.model import folder, quantize
from groundup.model.quantised.activations import BothInt8Linear, product, product_by_definition, to_vectors
from groundup.model.quantised.awq import awq
from groundup.model.quantised.calibration import Calibration, Seen, error
from groundup.model.quantised.gptq import damped, gptq, rounded, rounded_by_definition
from groundup.model.quantised.groups import Groups, spread
from groundup.model.quantised.matrices import INPUT_SCALE, WrittenLinear
from groundup.model.quantised.normal import Normal, levels, levels_of_scales, nearest, read_scales, written_scales
from tests.model_example import ids, model

ALL = ("int8", "int8_g32", "int4_g32", "int4_g128", "gptq_g32", "awq_g32", "nf4", "w8a8")


def matrix(rows=24, columns=96, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator)


def inputs(columns=96, count=400, seed=2):
    """Vectors whose parts come along with each other, a few of them ten times as large."""
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(count, columns, generator=generator) @ torch.randn(columns, columns, generator=generator)
    return mixed * torch.where(torch.rand(columns, generator=generator) < 0.05, 10.0, 1.0)


def seen(x):
    found = Seen(0, torch.zeros(x.shape[1], x.shape[1]), torch.zeros(x.shape[1]))
    found.add(x)
    return found


def calibration(act_order=True, vocabulary=300):
    generator = torch.Generator().manual_seed(3)
    return Calibration(torch.randint(vocabulary, (6, 24), generator=generator), act_order)


@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("act_order", [False, True])
def test_gptq_in_blocks_is_the_formula_of_the_paper(zero, act_order):
    weight, form = matrix(8, 150).double(), Groups(4, 32, zero)
    steps, zeros = form.fit(weight)
    hessian = damped(seen(inputs(150)).hessian.double())
    order = hessian.diagonal().argsort(descending=True) if act_order else torch.arange(150)
    asked = weight, steps, zeros, hessian, form, order
    assert torch.equal(rounded(*asked), rounded_by_definition(*asked))


@pytest.mark.parametrize("find", [gptq, awq])
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("columns", [96, 70])
def test_no_projection_gives_out_more_that_is_wrong_than_by_rounding(find, zero, columns):
    weight, x, form = matrix(columns=columns), inputs(columns), Groups(4, 32, zero)
    tensors = find(weight, seen(x), form, calibration())
    wide = form.read(tensors, columns) * tensors.get(INPUT_SCALE, 1.0)
    plain = form.read(form.write(weight), columns)
    told = [float((x @ (each - weight).T).square().mean()) for each in (wide, plain)]
    assert told[0] < 0.9 * told[1]
    torch.testing.assert_close(
        float(error(weight, wide, seen(x).hessian).sum()) / len(weight), told[0], rtol=1e-3, atol=0
    )


def test_gptq_of_inputs_that_are_never_there_is_rounding():
    weight, form = matrix(), Groups(4, 32)
    x = torch.zeros(50, 96)
    assert torch.equal(gptq(weight, seen(x), form, calibration())["weight"], form.write(weight)["weight"])


def test_nf4_levels_are_those_that_bitsandbytes_prints():
    known = [-1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635,
             -0.18477343022823334, -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725,
             0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941, 0.7229568362236023,
             1.0]  # fmt: skip
    torch.testing.assert_close(levels(), torch.tensor(known), rtol=0, atol=1e-6)
    assert levels_of_scales().shape == (256,) and levels_of_scales().unique().numel() == 256
    assert {0.0, 1.0} <= set(levels_of_scales().tolist()) and levels_of_scales().min() > -1


def test_the_nearest_level_is_the_nearest():
    values = torch.linspace(-1.1, 1.1, 997)
    for among in (levels(), levels_of_scales()):
        plain = (values[:, None] - among).abs().min(-1).values
        torch.testing.assert_close((values - among[nearest(values, among).int()]).abs(), plain)


@pytest.mark.parametrize("columns", [128, 70])
def test_nf4_is_off_by_half_a_gap_and_by_what_its_scales_lost(columns):
    weight, form = matrix(40, columns), Normal()
    tensors = form.write(weight)
    scales = spread(form.scales(tensors), 64, columns)
    off = (form.read(tensors, columns) - weight).abs()
    widest = float((levels()[1:] - levels()[:-1]).max()) / 2
    true = torch.stack([part.abs().amax(-1) for part in weight.split(64, -1)], -1)
    lost = spread((form.scales(tensors) - true).abs(), 64, columns)
    assert (off <= widest * scales + 2 * lost + 1e-6).all()
    assert lost.max() < 0.02 * true.max()


def test_nf4_beats_even_steps_on_normally_distributed_weights():
    weight = matrix(64, 256)
    even = Groups(4, 64)
    off = [(form.read(form.write(weight), 256) - weight).square().mean() for form in (Normal(), even)]
    assert off[0] < off[1]


def test_scales_of_scales_come_back_nearly():
    scales = torch.rand(7, 90) + 0.5  # more than two blocks of 256
    told = written_scales(scales)
    assert told["weight_scale_largest"].shape == (3,) and told["weight_scale"].dtype == torch.uint8
    torch.testing.assert_close(read_scales(told), scales, rtol=0, atol=0.5 * 0.03)


def test_bytes_times_bytes_are_exact():
    x, weight = to_vectors(matrix(5, 2000))[0], to_vectors(matrix(32, 2000, seed=4))[0]
    assert torch.equal(product(x, weight).double(), product_by_definition(x, weight))


def test_rounded_activations_cost_a_percent_of_what_comes_out():
    made = BothInt8Linear(*quantize.to_int8(matrix(32, 256)), None)
    x = matrix(9, 256, seed=5)
    exact = x @ made.wide().T
    assert 0 < (made(x) - exact).norm() < 0.02 * exact.norm()
    assert torch.equal(made(x[None])[0], made(x)) and torch.equal(made(x[:1]), made(x)[:1])


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("shape", "keep"), [("gpt2", ()), ("gemma2", ()), ("qwen3 untied", ("head",)), ("qwen3 untied", ("embeddings",))]
)
def test_every_kind_comes_back_from_its_folder_to_the_bit(kind, shape, keep, tmp_path):
    asked = quantize.scheme(kind, keep=keep)
    plain = model(shape)
    made = quantize.quantised(plain, asked, calibration())
    folder.save(tmp_path / "one", made)
    back = folder.load(tmp_path / "one")
    state, again = made.state_dict(), back.state_dict()
    assert state.keys() == again.keys() and all(torch.equal(state[name], again[name]) for name in state)
    assert all(state[name].dtype == again[name].dtype for name in state)
    folder.save(tmp_path / "two", back)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    with torch.inference_mode():
        told, exact = back(ids()), plain(ids())
        assert torch.equal(told, made(ids()))
        widened = folder.load(tmp_path / "one", "f32")(ids())
    assert (told - widened).norm() <= (0.05 if kind == "w8a8" else 1e-4) * widened.norm()
    assert 0 < (told - exact).norm() < (0.05 if kind in ("int8", "int8_g32", "w8a8") else 0.6) * exact.norm()


@pytest.mark.parametrize("kind", ["int4_g32", "nf4", "awq_g32", "int8"])
def test_what_is_kept_stays_as_it_was(kind):
    plain = model("qwen3 untied")
    made = quantize.quantised(plain, quantize.scheme(kind, keep=["head", "embeddings"]), calibration())
    for name in ("lm_head.weight", "model.embed_tokens.weight"):
        assert torch.equal(made.state_dict()[name], plain.state_dict()[name])
    tied = model("qwen3")
    for keep in ("head", "embeddings"):  # one matrix is both
        made = quantize.quantised(tied, quantize.scheme(kind, keep=[keep]), calibration())
        assert torch.equal(made.model.embed_tokens.weight, tied.model.embed_tokens.weight)


def test_four_bits_are_an_eighth_and_their_scales():
    made = quantize.quantised(model(width=64), quantize.scheme("int4_g32"))
    matrices = [module for module in made.modules() if isinstance(module, WrittenLinear)]
    assert matrices
    for module in matrices:
        size = sum(tensor.numel() * tensor.element_size() for tensor in module.tensors.values())
        assert size == module.integers.numel() * (0.5 + 2 / 32)
        assert (
            module.scales.shape == (len(module.integers), module.columns // 32) and module.scales.dtype == torch.float32
        )


def test_gptq_and_awq_answer_more_like_the_model_than_rounding():
    plain = model("llama untied")
    texts = calibration().texts
    with torch.inference_mode():
        exact = plain(texts)
        off = {
            kind: float((quantize.quantised(plain, quantize.scheme(kind), calibration())(texts) - exact).norm())
            for kind in ("int4_g32", "gptq_g32", "awq_g32")
        }
    assert off["gptq_g32"] < off["int4_g32"] and off["awq_g32"] < off["int4_g32"]


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"kind": "int5"}, "did you mean int"),
        ({"kind": "int4_g48"}, "groups of 48 are not known; known: 32, 64, 128"),
        ({"kind": "nf4_g32"}, "nf4 has no groups"),
        ({"kind": "int8", "zero": True}, "no groups that could have a zero point"),
        ({"kind": "int4", "keep": ["heads"]}, "did you mean head"),
    ],
)
def test_a_scheme_that_is_not_there_is_said(asked, said):
    with pytest.raises(Problem, match=said):
        quantize.scheme(**asked)


@pytest.mark.parametrize("kind", ALL)
def test_weights_that_are_not_numbers_are_refused_by_every_kind(kind):
    made = model("qwen3 untied")
    made.get_parameter("model.layers.0.self_attn.q_proj.weight").data[3, 3] = float("nan")
    with pytest.raises(Problem, match="infinite"):
        quantize.quantised(made, quantize.scheme(kind), calibration())


def test_a_kind_that_reads_a_text_asks_for_one():
    with pytest.raises(Problem, match="reads a text"):
        quantize.quantised(model(), quantize.scheme("gptq"))


@pytest.mark.parametrize("kind", ["int8", "int4", "w8a8"])
def test_a_model_is_not_quantised_twice(kind):
    made = quantize.quantised(model(), quantize.scheme(kind))
    with pytest.raises(Problem, match="already: quantise the one it was made from"):
        quantize.quantised(made, quantize.scheme("nf4"))


def test_a_config_that_says_a_scheme_wrongly_is_refused(tmp_path):
    import json

    folder.save(tmp_path, quantize.quantised(model(), quantize.scheme("int4_g32")))
    config = json.loads((tmp_path / "config.json").read_text())
    for change, said in (
        ({"quantization": {"kind": "int4_g32"}}, "expected kind, zero and keep"),
        ({"quantization": {"kind": "int3", "zero": False, "keep": []}}, "not known"),
        ({"quantization": {"kind": "int8_g32", "zero": False, "keep": []}}, "reads int8_g32 there"),
        ({"quantization": None}, "reads int8 there"),
    ):
        ours = config["groundup"] | change
        (tmp_path / "config.json").write_text(json.dumps(config | {"groundup": ours}))
        with pytest.raises(Problem, match=said):
            folder.load(tmp_path)


def test_a_model_is_loaded_in_the_kind_asked_for_and_never_in_two(tmp_path):
    folder.save(tmp_path / "plain", model())
    folder.save(tmp_path / "small", quantize.quantised(model(), quantize.scheme("int4_g32")))
    with torch.inference_mode():
        told = folder.load(tmp_path / "plain", "int4_g32")(ids())
        assert torch.equal(told, folder.load(tmp_path / "small", "int4_g32")(ids()))
    with pytest.raises(Problem, match="int4_g32 already"):
        folder.load(tmp_path / "small", "int8")
    with pytest.raises(Problem, match="known: f32, bf16, f16, int8, int4, nf4, w8a8"):
        folder.load(tmp_path / "plain", "gptq")
