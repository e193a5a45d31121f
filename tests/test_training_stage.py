"""The train stage: folders of earlier stages in, a model folder out, for pages, answers and preferences."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from groundup import hardware
from groundup.errors import Problem
from groundup.model import cost, folder
from groundup.run import Estimate
from groundup.stages import train
from groundup.tokenizer import Tokenizer
from tests.training_example import make, make_world, settings

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def base(world, tmp_path_factory):
    asked = {"training.steps": 150, "training.samples_at": [5], "samples.prompts": ["the cup"], "model.width": 64}
    return make(tmp_path_factory.mktemp("runs") / "base", settings(world, **asked))


@pytest.fixture(scope="module")
def chat(world, base, tmp_path_factory):
    asked = {"objective.kind": "answers", "objective.replay": 0.1, "training.steps": 40, "training.time": 96}
    asked |= {"conversations": [str(world / "talks.jsonl")], "samples.prompts": ["where is the cup?"]}
    return make(tmp_path_factory.mktemp("runs") / "chat", settings(world, start=str(base), **asked))


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def said(path: Path, name: str) -> list[float]:
    return [line[name] for line in lines(path / "metrics.jsonl") if name in line]


def test_pages_become_a_model_that_foretells_them(base):
    assert said(base, "loss")[0] > 4 and said(base, "validation")[-1] < 0.4
    assert " is in the " in lines(base / "samples.jsonl")[-1]["text"]


def test_the_folder_holds_a_model_with_its_tokenizer_and_nothing_left_over(base):
    model = folder.load(base / "model")
    assert model.settings.vocabulary == Tokenizer.load(base / "model").vocabulary
    assert (base / "model" / "chat_template.jinja").exists()
    left = {path.name for path in base.iterdir()}
    assert left == {"model", "samples.jsonl", "metrics.jsonl", "resolved.json", "manifest.json"}


def test_samples_are_written_when_asked_and_at_the_end(base):
    assert [line["step"] for line in lines(base / "samples.jsonl")] == [5, 150]


def test_dialogues_teach_to_answer(base, chat):
    assert said(chat, "term.answers")[-1] < 0.6 * said(chat, "term.answers")[0]
    assert any(place in lines(chat / "samples.jsonl")[-1]["text"] for place in ("shed", "attic", "barn", "yard"))


def test_pairs_teach_to_prefer(world, chat, tmp_path):
    asked = {"objective.kind": "preference", "training.steps": 10, "training.time": 96, "objective.anchor": 0.1}
    asked |= {"pairs": [str(world / "pairs.jsonl")], "training.optimizer.kind": "adamw", "data": None}
    made = make(tmp_path / "aligned", settings(world, start=str(chat), **asked))
    margins = said(made, "term.margin")
    assert margins[-1] > margins[0] + 1 and said(made, "term.accuracy")[-1] == 1.0
    assert {path.name for path in made.iterdir()} == {"model", "metrics.jsonl", "resolved.json", "manifest.json"}


def test_seconds_size_the_model_to_the_text_and_the_machine(world, tmp_path):
    asked = settings(world, seconds=2.0)
    asked = asked.model_copy(update={"model": None})
    made = make(tmp_path / "sized", asked)
    chosen = json.loads((made / "resolved.json").read_text())["plan"]
    assert folder.load(made / "model").settings.depth == chosen["model"]["depth"]
    assert said(made, "step")[-1] == chosen["steps"]


def test_a_model_cannot_be_both_started_from_and_described(world, base, tmp_path):
    with pytest.raises(Problem, match="leave out `model`"):
        make(tmp_path / "both", settings(world, start=str(base), **{"model.depth": 2}))


def test_what_fits_of_a_model_starts_a_deeper_one(world, base, tmp_path):
    depth = folder.load(base / "model").settings.depth
    deeper = {"model.depth": depth + 1, "training.steps": 1}
    made = make(tmp_path / "deeper", settings(world, start=str(base), partial=True, **deeper))
    (note,) = [line["note"] for line in lines(made / "metrics.jsonl") if "taken from" in line.get("note", "")]
    assert f"missing: model.layers.{depth}." in note and "unexpected: none" in note
    assert folder.load(made / "model").settings.depth == depth + 1
    with pytest.raises(Problem, match="say both"):
        make(tmp_path / "none", settings(world, partial=True))


def test_without_a_tokenizer_it_says_what_is_missing(tmp_path, world):
    with pytest.raises(Problem, match="`tokenizer`"):
        make(tmp_path / "none", settings(world, data=None, pairs=[str(world / "pairs.jsonl")]))


def test_its_estimate_follows_steps_and_weights(world):
    machine = hardware.look()
    short, long = (train.estimate(settings(world, **{"training.steps": n}), {}, machine) for n in (100, 1000))
    assert long.tokens == 10 * short.tokens == 1000 * 8 * 32 and long.seconds > short.seconds
    model = settings(world).model.with_vocabulary(train.VOCABULARY)
    assert short.parameters == cost.parameters(model)
    told = train.estimate(settings(world, start="x"), {"start": Estimate(parameters=123)}, machine)
    assert told.parameters == 123


def test_its_settings_are_read_without_torch():
    heavy = "torch", "numba", "pyarrow", "daft"
    script = f"import sys, groundup.stages.train; print([name for name in {heavy} if name in sys.modules])"
    top = Path(__file__).parents[1]
    told = subprocess.run([sys.executable, "-c", script], cwd=top, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
