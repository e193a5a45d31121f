"""Commands about models: found by the words people use, asked, exported to the very path that was named."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from groundup.__main__ import main
from groundup.commands import models
from groundup.errors import Problem

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory) -> Path:
    """A recipe's folder with two tiny models, `first` and `second`, of which `model` is the second."""
    import torch

    from groundup.model import folder
    from groundup.model.settings import ModelSettings
    from groundup.model.transformer import Transformer
    from groundup.tokenizer import Tokenizer, chat

    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("run")
    tokenizer = Tokenizer.train(["the cup is in the shed. " * 20], 280, specials=chat.specials("plain"))
    settings = ModelSettings(depth=1, width=32, context=64).with_vocabulary(tokenizer.vocabulary)
    for number, name in enumerate(("first", "second")):
        home = place / f"{name}-{'0' * 11}{number}"
        folder.save(home / "model", Transformer(settings, number), tokenizer, "plain")
        (home / "manifest.json").write_text("{}")
        (place / name).symlink_to(home.name)
    (place / "model").symlink_to("second-000000000001/model")
    return place


def test_a_recipes_folder_means_all_its_models_its_final_one_first(run_folder):
    assert list(models.models_at(str(run_folder))) == ["second", "first"]


@pytest.mark.parametrize(
    ("word", "name"),
    {"first": "first", "first/model": "first", "model": "second", "second-000000000001": "second"}.items(),
)
def test_a_model_is_called_after_its_stage(run_folder, word, name):
    (found,) = models.models_at(str(run_folder / word)).items()
    assert found[0] == name and Path(found[1], "config.json").is_file()


def test_a_model_may_be_given_a_name(run_folder):
    assert list(models.models_at(f"mine={run_folder / 'first'}")) == ["mine"]


def test_a_folder_without_a_model_is_named(tmp_path):
    with pytest.raises(Problem, match="holds no model"):
        models.models_at(str(tmp_path))


def test_a_text_goes_on_and_equal_seeds_go_on_alike(run_folder, capsys):
    said = []
    for seed in ("1", "1", "2"):
        words = [
            "generate",
            str(run_folder / "first"),
            "the cup",
            "--max-tokens",
            "12",
            "--seed",
            seed,
            "--top-k",
            "50",
        ]
        assert main(words) == 0
        said.append(capsys.readouterr().out)
    assert said[0].startswith("the cup") and said[0] == said[1] != said[2]


def test_a_text_can_be_held_to_a_form_and_told_with_its_log_probabilities(run_folder, tmp_path, capsys):
    first = str(run_folder / "first")
    assert main(["generate", first, "the ", "--regex", "[0-9]{3}", "--logprobs", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch("the [0-9]{3}", lines[0]) and len(lines) > 1 and all("   of  " in line for line in lines[1:])
    (tmp_path / "schema.json").write_text('{"type": "integer", "minimum": 10, "maximum": 12}')
    words = ["generate", first, "n=", "--json-schema", str(tmp_path / "schema.json"), "--n", "3", "--typical", "0.9"]
    assert main(words) == 0
    assert {line in ("n=10", "n=11", "n=12") for line in capsys.readouterr().out.splitlines()} == {True}
    assert main(["generate", first, "it is ", "--choices", "red|green", "--repetition-penalty", "1.2"]) == 0
    assert capsys.readouterr().out.strip() in ("it is red", "it is green")


def test_the_likeliest_text_is_searched_for_with_beams(run_folder, capsys):
    words = ["generate", str(run_folder / "first"), "the cup", "--max-tokens", "6", "--beams", "3"]
    said = []
    for seed in ("1", "2"):
        assert main([*words, "--seed", seed]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] and said[0].startswith("the cup")
    assert main([*words, "--n", "2"]) != 0 and "--beams" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--regex", "(a"], "never closed"),
        (["--regex", "a", "--choices", "b"], "one form"),
        (["--json-schema", "nowhere.json"], "cannot be read"),
    ],
)
def test_a_form_that_cannot_be_held_is_one_sentence(run_folder, capsys, flags, expected):
    assert main(["generate", str(run_folder / "first"), "x", *flags]) != 0
    assert expected in capsys.readouterr().err


def test_a_talk_ends_with_an_empty_line(run_folder):
    told = subprocess.run(
        [sys.executable, "-m", "groundup", "chat", str(run_folder), "--max-tokens", "5"],
        input="where is the cup?\nand the hat?\n\n", cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert told.returncode == 0 and told.stdout.count("> ") >= 3


def test_a_gguf_file_is_written_to_the_path_that_is_named(run_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for _ in range(2):  # a file of ours is replaced
        words = ["export", str(run_folder / "model"), "--format", "gguf", "--type", "q8_0", "--into", "town.gguf"]
        assert main(words) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["town.gguf"]
    assert (tmp_path / "town.gguf").read_bytes()[:4] == b"GGUF"
    (found,) = models.models_at("town.gguf")
    assert found == "town"


def test_an_onnx_file_is_written_to_the_path_that_is_named(run_folder, tmp_path, capsys):
    assert main(["export", str(run_folder / "model"), "--format", "onnx", "--into", str(tmp_path / "x.onnx")]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x.onnx"] and "made" in capsys.readouterr().out


def test_matrices_that_could_not_get_the_type_are_told(run_folder, tmp_path, capsys):
    words = ["export", str(run_folder / "model"), "--format", "gguf", "--type", "q4_k"]
    assert main([*words, "--into", str(tmp_path / "x.gguf")]) == 0
    assert re.search(r"x\.gguf \(7 in q5_0, 1 in q8_0 instead: \S+, \S+, \S+, …\)", capsys.readouterr().out)


def test_a_folder_in_use_is_not_written_over(run_folder, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.md").write_text("mine")
    assert main(["export", str(run_folder / "model"), "--format", "hf", "--into", str(tmp_path / "mine")]) == 2
    assert "is a folder that is in use" in capsys.readouterr().err
    assert os.listdir(tmp_path / "mine") == ["notes.md"]
    assert main(["export", str(run_folder / "model"), "--format", "hf", "--into", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new/config.json").is_file()


def test_the_doctor_says_what_the_machine_is(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^processor +\S.* cores", said, re.MULTILINE) and re.search(
        r"^speed +bf16 \d+ GFLOP/s", said, re.MULTILINE
    )
