"""One dial gives a whole training: its numbers rise together, agree with each other, and give way to what is said."""

import pytest

from groundup import config, hardware
from groundup.errors import Problem
from groundup.model import cost, dial, folder
from groundup.stages import train
from tests import training_example

MACHINE = hardware.look()
DEPTHS = range(1, 33)


def test_a_deeper_model_is_wider_reads_more_in_larger_steps_and_learns_more_slowly():
    plans = [dial.plan(dial.dial(depth, 4096)) for depth in DEPTHS]
    for shallow, deep in zip(plans, plans[1:], strict=False):
        assert shallow.model.width < deep.model.width and shallow.model.heads < deep.model.heads
        assert shallow.tokens < deep.tokens and shallow.rate > deep.rate
        assert shallow.rows * shallow.time <= deep.rows * deep.time
        assert shallow.model.context <= deep.model.context


@pytest.mark.parametrize("depth", DEPTHS)
def test_the_numbers_agree(depth):
    plan = dial.plan(dial.dial(depth, 4096))
    assert plan.model.heads * plan.model.head_width == plan.model.width
    assert plan.tokens == pytest.approx(dial.TOKENS_PER_WEIGHT * cost.matrices(plan.model), rel=0.02)
    assert plan.time <= plan.model.context and plan.rows * plan.time == dial.batch(plan.tokens)


def test_four_layers_are_trained_as_they_were_found_best():
    plan = dial.plan(dial.dial(4))
    assert (plan.rows, plan.time, plan.rate) == (32, 128, 0.03)


def asked(**written) -> train.Settings:
    return config.build(train.Settings, {"data": "tokens", **written})


def test_a_training_takes_what_the_dial_says():
    plan, found = dial.plan(dial.dial(8)), asked(dial=8)
    assert found.model == plan.model
    training = found.training
    assert (training.steps, training.rows, training.time) == (plan.steps, plan.rows, plan.time)
    assert training.optimizer.rate == plan.rate


def test_what_is_said_wins_and_the_rest_follows():
    model = {"family": "gpt2", "width": 96}
    found = asked(dial=8, model=model, training={"rows": 8, "optimizer": {"kind": "adamw"}, "precision": "f32"})
    assert found.model is not None
    assert (found.model.family, found.model.width, found.model.depth, found.model.heads) == ("gpt2", 96, 8, 3)
    assert found.training.rows == 8 and found.training.precision == "f32"
    told = found.training.steps * 8 * found.training.time
    assert told == pytest.approx(4 * cost.matrices(found.model), rel=0.02)
    assert found.training.optimizer.rate == dial.rate(8, "adamw")
    assert asked(dial=8, training={"steps": 1000}).training.steps == 1000


def test_settings_that_went_through_the_dial_once_stay_as_they_are():
    found = asked(dial=5, training={"steps": 7})
    assert train.Settings.model_validate(found.model_dump()) == found


@pytest.mark.parametrize("other", [{"start": "base"}, {"seconds": 3.0}])
def test_two_sizes_are_one_too_many(other):
    with pytest.raises(Problem, match="leave out one of them"):
        asked(dial=4, **other)


def test_what_is_wrong_in_the_model_is_said_where_it_stands():
    with pytest.raises(Problem, match="model.width"):
        asked(dial=4, model={"width": "wide"})


def test_more_text_or_more_time_never_means_a_smaller_model():
    sizes = [
        [dial.size_for(tokens, seconds, MACHINE).model.depth for seconds in (30, 300, 3_000, 30_000)]
        for tokens in (10**4, 10**6, 10**7, 10**9)
    ]
    for row in [*sizes, *zip(*sizes, strict=True)]:
        assert list(row) == sorted(row)
    assert sizes[0][0] == dial.SHALLOWEST < sizes[-1][-1]


@pytest.mark.parametrize("tokens", [10**5, 10**7])
def test_a_plan_keeps_to_its_text_and_time(tokens):
    plan = dial.size_for(tokens, 300, MACHINE, vocabulary=1000)
    assert plan.tokens <= dial.PASSES * tokens
    work = plan.tokens * cost.flops_per_token(plan.model, plan.time, backward=True)
    assert work <= 300 * cost.flops_per_second(MACHINE) * 1.05
    assert plan.model == dial.dial(plan.model.depth, 1000)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return training_example.make_world(tmp_path_factory.mktemp("world"), stories=60)


def test_a_training_by_the_dial_runs_and_recomputing_changes_not_one_bit(world, tmp_path):
    made = []
    for recompute in (False, True):
        training = {"steps": 3, "rows": 4, "time": 32, "precision": "f32", "recompute": recompute}
        asked = config.build(train.Settings, {"data": str(world / "tokens"), "dial": 2, "training": training})
        made.append(training_example.make(tmp_path / str(recompute), asked) / "model" / "model.safetensors")
    assert folder.load(made[0].parent).settings.width == 64
    assert made[0].read_bytes() == made[1].read_bytes()
