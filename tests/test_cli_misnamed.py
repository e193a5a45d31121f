"""Files where folders belong, folders where files do, and bytes that are no text: each command says so in a sentence."""

from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from groundup.__main__ import main
from tests import serving_example


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return serving_example.model_folder(tmp_path_factory.mktemp("models") / "m")


def said(capsys, *words) -> str:
    """What a command ends with when its words are wrong."""
    assert main([*map(str, words)]) == 2
    return capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    "words",
    [
        ("report", "town={}"),
        ("report", "corpus={}"),
        ("score", "data={}", "model={model}"),
        ("quantize", "model={model}", "data={}"),
        ("scaling", "{}"),
    ],
    ids=" ".join,
)
def test_a_file_is_no_folder(tmp_path, model, capsys, words):
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    told = said(capsys, *(word.format(file, model=model) for word in words), "--into", tmp_path / "out")
    assert str(file) in told and ("is a file and a folder is wanted" in told or "not a finished stage" in told)


@pytest.mark.parametrize("name", ["conversations", "pairs", "sequences"])
def test_a_folder_is_no_file(tmp_path, model, capsys, name):
    (tmp_path / "talks").mkdir()
    words = ("train", f"{name}=[{tmp_path / 'talks'}]", f"start={model}", "training.steps=1")
    assert f"{tmp_path / 'talks'} is a folder and a file is wanted" in said(capsys, *words, "--into", tmp_path / "out")


@pytest.mark.parametrize(
    "words",
    [
        ("train", "conversations=[{}]", "start={model}", "training.steps=1"),
        ("train", "pairs=[{}]", "start={model}", "training.steps=1"),
        ("evaluate", "models.m={model}", "questions={}"),
        ("evaluate", "models.m={model}", "questions={}", "attacks={}"),
    ],
    ids=" ".join,
)
def test_bytes_that_are_no_text_are_told_with_their_line(tmp_path, model, capsys, words):
    file = tmp_path / "talks.jsonl"
    file.write_bytes(b"\xff\x80\x01 no text\n")
    told = said(capsys, *(word.format(file, model=model) for word in words), "--into", tmp_path / "out")
    assert f"{file}, line 1" in told


def test_links_in_a_circle_and_names_too_long_are_told(tmp_path, capsys):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert f"{tmp_path / 'loop'} cannot be followed" in said(
        capsys, "corpus", tmp_path / "loop", "--into", tmp_path / "o"
    )
    assert "cannot be followed: File name too long" in said(capsys, "corpus", "n" * 300, "--into", tmp_path / "o")


def test_links_in_a_circle_are_told_by_commands_that_read_no_stage(tmp_path, capsys):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "lead in a circle" in said(capsys, "verify", tmp_path / "loop")


@pytest.mark.parametrize("command", ["plan", "make"])
def test_a_recipe_that_is_nested_too_deeply_is_told(tmp_path, capsys, command):
    (tmp_path / "deep.yaml").write_text("[" * 100_000)
    assert "nested too deeply" in said(capsys, command, tmp_path / "deep.yaml")


@pytest.mark.parametrize("raw", ["[1]", "{}", "3", "{"])
@pytest.mark.parametrize(
    ("command", "file"), [("look", "table.json"), ("card", "table.json"), ("replay", "manifest.json")]
)
def test_what_no_stage_wrote_is_not_believed(tmp_path, capsys, command, file, raw):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / file).write_text(raw)
    kept = pyarrow.table({"id": ["a"], "text": ["b"], "source": ["c"]})
    parquet.write_table(kept, tmp_path / "mine" / "kept-00000.parquet")
    more = {"card": ("--into", tmp_path / "o")}.get(command, ())
    told = said(capsys, command, f"{tmp_path / 'mine'}{'@3' * (command == 'replay')}", *more)
    assert f"{tmp_path / 'mine' / file} is " in told


def test_a_file_where_a_folder_is_to_be_made_is_told(tmp_path, capsys):
    (tmp_path / "there").write_text("")
    assert f"{tmp_path / 'there'} is a file and a folder is wanted: name" in said(
        capsys, "schema", "--into", tmp_path / "there"
    )


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="a file whose bytes are refused: Linux alone has one")
def test_a_file_whose_bytes_are_refused_is_told(tmp_path, capsys):
    assert "/mem cannot be read" in said(capsys, "corpus", "/proc/self/mem", "--into", tmp_path / "o")


@pytest.mark.parametrize(("word", "told"), [("", "a path is empty"), ("/dev/null", "/dev/null is neither a file")])
def test_what_is_neither_file_nor_folder_is_told(tmp_path, capsys, word, told):
    assert told in said(capsys, "corpus", word, "--into", tmp_path / "o")


@pytest.mark.parametrize(("word", "file"), [("corpus", "table.json"), ("evaluation", "scores.json")])
@pytest.mark.parametrize("raw", ["[1]", "3"])
def test_a_folder_that_no_stage_made_is_no_part_of_a_report(tmp_path, capsys, word, file, raw):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / file).write_text(raw)
    told = said(capsys, "report", f"{word}={tmp_path / 'mine'}", "--into", tmp_path / "o")
    assert f"{tmp_path / 'mine'} is not what a stage leaves" in told


def test_json_that_is_nested_too_deeply_is_told(tmp_path, capsys):
    (tmp_path / "deep.jsonl").write_text("[" * 100_000)
    words = ("synthesize", "kind=templates", f"templates={tmp_path / 'deep.jsonl'}", "count=1")
    assert "nested too deeply" in said(capsys, *words, "--into", tmp_path / "o")


def test_half_a_character_in_a_template_stops_nothing(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"text": "\\ud800 stands alone among the words"}\n')
    words = ("synthesize", "kind=templates", f"templates={tmp_path / 't.jsonl'}", "count=1", "--into", tmp_path / "o")
    assert main([*map(str, words)]) in (0, 2)
