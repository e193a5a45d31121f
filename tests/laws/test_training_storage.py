"""Moments in fewer bytes: what is lost of a number, what is saved of memory, and that a model still learns."""

import numpy as np
import pytest
import torch

from groundup.data.tokens.batches import pages
from groundup.data.tokens.shards import Shards
from groundup.model.noise import bits, mixed, mixed_by_definition
from groundup.model.settings import ModelSettings
from groundup.model.transformer import Transformer
from groundup.objectives.next_token import NextToken
from groundup.training.keeper import Hooks
from groundup.training.loop import train
from groundup.training.optimizers.storage import SMALL, bytes_of, dynamic_shares, keep, levels, rounded
from groundup.training.optimizers.table import OPTIMIZERS, optimizer
from groundup.training.settings import OptimizerSettings, TrainSettings
from tests.training_example import make_world

ONE = torch.ones(())


def test_noise_is_its_definition():
    numbers = np.random.default_rng(0).integers(0, 2**32, 1000, dtype=np.uint32)
    told = mixed(torch.from_numpy(numbers.view(np.int32))).numpy().view(np.uint32)
    assert told.tolist() == [mixed_by_definition(int(number)) for number in numbers]


def test_noise_is_even():
    drawn = bits(torch.arange(64, dtype=torch.int32), 4096).double() / 2**32 + 0.5
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.003) and drawn.std().item() == pytest.approx(
        12**-0.5, abs=0.003
    )
    flat = drawn - drawn.mean()
    assert (flat[1:] * flat[:-1]).mean().abs() < 1e-3 and (flat[:, 1:] * flat[:, :-1]).mean().abs() < 1e-3


def test_rounding_by_chance_is_right_on_average():
    value = torch.full((100_000,), 1 + 2**-10) * torch.tensor([1.0, -1.0]).repeat(50_000)
    told = rounded(value, bits(torch.tensor([7], dtype=torch.int32), len(value))[0]).double()
    assert set(told.abs().unique().tolist()) == {1.0, 1 + 2**-7}
    assert told.abs().mean().item() == pytest.approx(1 + 2**-10, rel=1e-4)


def test_bf16_numbers_are_kept_as_they_are():
    value = torch.randn(1000).bfloat16()
    noise = bits(torch.tensor([3], dtype=torch.int32), 1000)[0]
    assert torch.equal(rounded(value.float(), noise), value)


@pytest.mark.parametrize("signed, count", [(False, 255), (True, 128)])
def test_shares_are_dense_near_zero_and_end_at_one(signed, count):
    shares = dynamic_shares(signed)
    assert len(shares) == count and (shares.diff() > 0).all() and shares[0] == 0 and shares[-1] == 1
    assert shares[1] < 1e-6 and shares[-1] - shares[-2] < 0.03


@pytest.mark.parametrize("signed", [False, True])
def test_the_quick_way_to_a_code_is_the_slow_one(signed):
    found, dice = levels(signed, torch.device("cpu")), torch.Generator().manual_seed(1)
    share = 10 ** (-9 * torch.rand(200_000, generator=dice))
    share = torch.cat([share, found.between[:-1], found.shares.abs(), torch.tensor([0.0, 1e-45, 1.0])])
    assert torch.equal(found.nearest(share), found.nearest_by_definition(share))


@pytest.mark.parametrize("root", [False, True])
def test_eight_bits_keep_numbers_to_a_few_percent_of_their_blocks_largest(root):
    value = torch.randn(90, 100, generator=torch.Generator().manual_seed(1))
    value = value.square() if root else value
    kept = keep("8bit", torch.zeros_like(value), "x", root)
    kept.write(value, ONE)
    told = kept.read()
    assert (told - value).abs().max() < 0.04 * value.abs().max()
    assert ((told > 0) == (value > 0)).all()
    kept.write(told.clone(), ONE)  # what was rounded once stays where it is
    torch.testing.assert_close(kept.read(), told, rtol=1e-6, atol=0)


WIDE = torch.logspace(-30, 20, 25 * 331).view(25, 331) * torch.tensor([1.0, -1.0, 0.0, 1e-3, 1e12]).repeat(5)[:, None]


@pytest.mark.parametrize("root", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_one_walk_makes_and_reads_the_eight_bits_of_the_formula(root, seed):
    dice = torch.Generator().manual_seed(seed)
    value = WIDE[torch.randperm(25, generator=dice)][:, torch.randperm(331, generator=dice)]
    value = value.abs() if root else value
    fast, plain = (keep("8bit", torch.zeros_like(value), "x", root) for _ in range(2))
    fast.write(value, ONE)
    plain.write_by_definition(value)
    assert torch.equal(fast.codes, plain.codes) and torch.equal(fast.scales, plain.scales)
    assert torch.equal(fast.read(), plain.read_by_definition())


@pytest.mark.parametrize("shape", [(7, 33), (64, 64)])
@pytest.mark.parametrize("steps", [1, 77_777])
def test_one_walk_rounds_to_bf16_as_the_formula_does(shape, steps):
    value = torch.randn(shape, generator=torch.Generator().manual_seed(steps))
    fast, plain = (keep("bf16", torch.zeros_like(value), "mean.a.weight") for _ in range(2))
    fast.write(value, torch.tensor(float(steps)))
    plain.write_by_definition(value, (torch.tensor([steps], dtype=torch.int32) * 0x3C6EF372 + plain.salt).int())
    assert torch.equal(fast.tensor.view(torch.int16), plain.tensor.view(torch.int16))
    assert not torch.equal(fast.tensor, value.bfloat16())


def test_a_mean_of_squares_that_is_not_zero_never_becomes_zero():
    value = torch.full((SMALL,), 1e-30)
    value[::256] = 1.0
    kept = keep("8bit", torch.zeros_like(value), "x", root=True)
    kept.write(value, ONE)
    assert (kept.read() > 0).all()


def test_small_moments_stay_whole():
    zero = torch.zeros(SMALL - 1)
    assert keep("8bit", zero, "x").read() is zero


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    shards = Shards(make_world(tmp_path_factory.mktemp("world"), 60) / "tokens" / "train")

    def learn(kind: str, state: str) -> tuple[float, int]:
        """(mean loss of the last 20 of 120 steps, bytes of the optimizer's state)"""
        model = Transformer(ModelSettings(depth=1, width=64, vocabulary=300, head_width=32), seed=3)
        settings = TrainSettings(steps=120, rows=2, time=24, optimizer=OptimizerSettings(kind=kind, state=state))
        lines: list[float] = []
        hooks = Hooks(log=lambda **line: lines.append(line["loss"]))
        told = train(model, NextToken(pages(shards, 2, 24, seed=5)), settings, hooks=hooks)
        return sum(lines[-2:]) / 2, bytes_of(told.optimizer.slots)

    return learn


def test_fewer_bytes_learn_as_well(learnt):
    """Within 0.03 nats after 120 steps; half the bytes in bf16, little more than a quarter in 8 bits."""
    loss, size = learnt("muon", "f32")  # and AdamW for the tables
    told = {state: learnt("muon", state) for state in ("bf16", "8bit")}
    assert all(abs(other - loss) < 0.03 for other, _ in told.values())
    assert told["bf16"][1] < 0.51 * size and told["8bit"][1] < 0.3 * size


@pytest.mark.parametrize("kind", sorted(set(OPTIMIZERS) - {"adafactor"}))
@pytest.mark.parametrize("state, size", [("f32", 4), ("bf16", 2), ("8bit", 1 + 4 / 256)])
def test_the_bytes_of_a_state_are_known_beforehand(kind, state, size):
    given = {"model.embed_tokens.weight": torch.zeros(64, 128), "a.weight": torch.zeros(128, 64)}
    settings = OptimizerSettings(kind=kind, state=state)
    moments = {"sgd": 2, "rmsprop": 2, "lion": 2, "muon": 3}.get(kind, 4)  # of two matrices
    for device in ("cpu", "meta"):
        on = {name: value.to(device) for name, value in given.items()}
        assert bytes_of(optimizer(on, settings, torch.float32).slots) == pytest.approx(moments * 8192 * size, abs=8)
