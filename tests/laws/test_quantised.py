"""Weights in fewer bits: how far each form may be from what it stands for, and that nothing is lost on the way to a folder."""

import pytest
import torch

from groundup.model import folder, quantize
from groundup.model.quantised.groups import Groups, plain_groups, spread
from groundup.model.quantised.packed import packed, unpacked
from tests.model_example import SHAPES, ids, model

KINDS = ("int8_g32", "int4_g32", "int4_g64")


def matrix(rows=24, columns=96, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(rows, columns, generator=generator) * torch.rand(rows, 1, generator=generator).exp()


@pytest.mark.parametrize("count", [1, 2, 7, 64])
def test_two_integers_in_a_byte_come_back(count):
    integers = torch.randint(-8, 8, (3, 5, count), dtype=torch.int8)
    assert packed(integers).shape == (3, 5, (count + 1) // 2)
    assert torch.equal(unpacked(packed(integers), count), integers)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("columns", [96, 70, 20])
def test_groups_are_those_of_the_definition(bits, columns):
    weight, form = matrix(6, columns), Groups(bits, 32)
    tensors = form.write(weight)
    integers, scales = form.integers(tensors, columns), form.scales(tensors)
    for row in range(6):
        plain = list(plain_groups(weight[row], bits, 32))
        assert scales[row].tolist() == [step for step, _ in plain]
        assert integers[row].tolist() == [number for _, numbers in plain for number in numbers]


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("zero", [False, True])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e3])
def test_no_weight_is_further_off_than_its_group_allows(bits, zero, scale):
    weight, form = matrix() * scale + (0.3 * scale if zero else 0.0), Groups(bits, 32, zero)
    tensors = form.write(weight)
    step = spread(form.scales(tensors), 32, 96)
    off = (form.read(tensors, 96) - weight).abs()
    # A zero point is rounded too, so the range it moves may miss one end by half a step more.
    assert (off <= step * (1.0 if zero else 0.5) * 1.001).all()


def test_a_zero_point_halves_the_error_of_weights_on_one_side():
    weight = matrix().abs() + 0.1
    off = [
        (Groups(4, 32, zero).read(Groups(4, 32, zero).write(weight), 96) - weight).square().sum()
        for zero in (False, True)
    ]
    assert off[1] < 0.5 * off[0]


def test_a_far_number_coarsens_its_own_group_alone():
    weight = matrix()
    before = Groups(4, 32).read(Groups(4, 32).write(weight), 96)
    weight[0, 0] = 100.0
    after = Groups(4, 32).read(Groups(4, 32).write(weight), 96)
    assert torch.equal(before[:, 32:], after[:, 32:]) and torch.equal(before[1:], after[1:])


def test_a_row_of_zeros_stays_zero():
    for zero in (False, True):
        form = Groups(4, 32, zero)
        assert not form.read(form.write(torch.zeros(2, 40)), 40).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_folder_of_any_kind_comes_back_to_the_bit(kind, shape, tmp_path):
    made = quantize.quantised(model(shape), quantize.scheme(kind))
    folder.save(tmp_path / "one", made)
    back = folder.load(tmp_path / "one")
    assert quantize.scheme_of(back) == quantize.scheme_of(made) == quantize.scheme(kind)
    state, again = made.state_dict(), back.state_dict()
    assert set(state) == set(again)
    assert all(torch.equal(tensor, again[name]) and tensor.dtype == again[name].dtype for name, tensor in state.items())
    folder.save(tmp_path / "two", back)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    with torch.inference_mode():
        torch.testing.assert_close(folder.load(tmp_path / "one", "f32")(ids()), back(ids()), atol=1e-4, rtol=1e-4)
