"""The command line as a person meets it: from any folder, in sentences, with exit codes that scripts can trust."""

import ast
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from groundup.__main__ import main
from groundup.stages import STAGES, load
from tests.recipe_stages import CHAIN, written

ROOT = Path(__file__).parents[1]
COMMANDS = [
    "make",
    "plan",
    "recipes",
    "stages",
    "invent",
    "collect",
    "corpus",
    "synthesize",
    "classifier",
    "perplexity",
    "tokenizer",
    "tokens",
    "letters",
    "exercises",
    "train",
    "shootout",
    "measure",
    "score",
    "evaluate",
    "prune",
    "quantize",
    "export",
    "report",
    "search",
    "scaling",
    "convert",
    "vectors",
    "generate",
    "chat",
    "serve",
    "lens",
    "load",
    "dashboard",
    "look",
    "card",
    "cost",
    "near",
    "doctor",
    "verify",
    "clean",
    "schema",
    "replay",
    "range",
    "overfit",
]


class Told(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def groundup(monkeypatch, capsys):
    """The command line, in this process and in another folder; what it said and its exit code."""
    before = signal.getsignal(signal.SIGTERM)
    for name, value in {"COLUMNS": "160", "TERM": "dumb"}.items():
        monkeypatch.setenv(name, value)

    def call(*words: str, cwd: Path) -> Told:
        monkeypatch.chdir(cwd)
        capsys.readouterr()
        return Told(main(words), *capsys.readouterr())

    yield call
    signal.signal(signal.SIGTERM, before)


def small(*words: str, cwd: Path = ROOT, program: str = "") -> subprocess.CompletedProcess:
    """The same command line with the small stages of the tests in place of the product's."""
    command = [sys.executable, "-c", program] if program else [sys.executable, "-m", "tests.recipe_stages"]
    return subprocess.run([*command, *words], cwd=cwd, capture_output=True, text=True, timeout=120)


def test_help_is_a_table_of_contents_in_the_order_of_a_texts_way(groundup, tmp_path):
    told = groundup("--help", cwd=tmp_path)
    listed = re.findall(r"^│ ([a-z]+)  ", told.stdout, re.MULTILINE)
    assert told.returncode == 0 and listed == COMMANDS


def test_without_words_the_table_of_contents_is_shown(groundup, tmp_path):
    told = groundup(cwd=tmp_path)
    assert "make" in told.stdout and told.returncode in (0, 2)


def test_the_table_of_contents_is_there_at_once_from_any_folder(tmp_path):
    program = (
        "import sys\nfrom groundup.__main__ import main\ncode = main(['--help'])\n"
        "print(code, [m for m in ('torch', 'numba', 'daft', 'pyarrow', 'pydantic', 'ruamel') if m in sys.modules])"
    )
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert told.stdout.splitlines()[-1] == "0 []"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_tells_an_example(groundup, tmp_path, command):
    told = groundup(command, "--help", cwd=tmp_path)
    assert told.returncode == 0
    assert re.search(rf"Examples?:\s+groundup {command}\b", told.stdout), told.stdout


@pytest.mark.parametrize("kind", STAGES)
def test_the_help_of_a_stage_lists_its_settings(groundup, tmp_path, kind):
    told = groundup(kind, "--help", cwd=tmp_path).stdout
    for name in load(kind).Settings.model_fields:
        assert re.search(rf"^ {name}[. ]", told, re.MULTILINE), name


def test_the_version_is_said(groundup, tmp_path):
    from groundup import __version__

    assert groundup("--version", cwd=tmp_path).stdout == f"{__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    {
        ("maek",): "No such command 'maek'",
        ("make", "tuor"): "there is no recipe tuor; did you mean tour?",
        ("make", "tour", "chta.training.steps=1"): "tour has no stage or argument chta; did you mean chat?",
        ("make", "tour", "chat.training.stesp=1"): "did you mean",
        ("make", "own-text"): "own-text needs text=…",
        ("train", "--into", "x", "trainig.steps=3"): "trainig is not a setting",
        ("train", "--into", "x", "stray"): "cannot read 'stray'",
        ("train", "data=nowhere", "--into", "x"): "there is nothing at nowhere",
        ("corpus", "nowhere", "--into", "x"): "there is nothing at nowhere",
        ("verify", "nowhere"): "there is nothing at nowhere",
        ("generate", "nowhere", "Once"): "there is nothing at nowhere",
        ("serve", "nowhere"): "there is nothing at nowhere",
        ("export", "nowhere", "--format", "ggfu", "--into", "x.gguf"): "did you mean gguf?",
        ("convert", "nowhere", "--into", "x"): "nowhere has neither pytorch_model.bin nor",
        ("clean", "nowhere"): "there is no folder nowhere",
    }.items(),
)
def test_wrong_input_is_one_sentence_and_code_2(groundup, tmp_path, words, said):
    told = groundup(*words, cwd=tmp_path)
    assert told.returncode == 2
    assert said in told.stderr and told.stderr.startswith("groundup: ") and told.stderr.count("\n") == 1, told.stderr
    assert list(tmp_path.iterdir()) == [], "something was left"


def test_a_crash_is_short_keeps_its_traceback_and_ends_with_1(tmp_path):
    recipe = str(written(tmp_path, CHAIN.replace("once upon a time", "x, crash: true")))
    told = small(recipe, str(tmp_path / "out"))
    last = told.stderr.splitlines()[-1]
    assert told.returncode == 1 and "a defect of ours" in last and "Traceback" not in told.stderr
    kept = Path(re.search(r"traceback is in (\S+),", last)[1])  # type: ignore[index]
    assert "RuntimeError: a defect of ours" in kept.read_text()
    kept.unlink()
    assert "Traceback" in small(recipe, str(tmp_path / "out"), "--traceback").stderr


def test_a_second_make_imports_nothing_heavy(tmp_path):
    recipe = str(written(tmp_path))
    assert small(recipe, str(tmp_path / "out")).returncode == 0
    program = (
        "import sys\nfrom tests.recipe_stages import main\n"
        "code = main(*sys.argv[1:])\nprint(code, [m for m in ('torch', 'numba', 'daft', 'pyarrow') if m in sys.modules])"
    )
    assert small(recipe, str(tmp_path / "out"), program=program).stdout.splitlines()[-1] == "0 []"


def test_results_of_earlier_settings_are_cleared_only_when_told_so(groundup, tmp_path):
    recipe = str(written(tmp_path))
    for title in ("one", "two"):
        assert small(recipe, str(tmp_path / "out"), f"story.title={title}").returncode == 0
    asked = groundup("clean", "out", cwd=tmp_path)
    assert asked.stdout.count("would remove") == 1 and len(list((tmp_path / "out").glob("story-*"))) == 2
    assert groundup("clean", "out", "--yes", cwd=tmp_path).returncode == 0
    assert [path.resolve() for path in (tmp_path / "out").glob("story-*")] == [(tmp_path / "out/story").resolve()]
    assert groundup("verify", "out", cwd=tmp_path).returncode == 0
    assert "nothing in out is unused" in groundup("clean", "out", cwd=tmp_path).stdout


def test_verify_names_the_file_that_was_changed(groundup, tmp_path):
    assert small(str(written(tmp_path)), str(tmp_path / "out")).returncode == 0
    page = tmp_path / "out/pages/page.txt"
    page.write_text("once upon a lime")
    told = groundup("verify", "out/story.txt", cwd=tmp_path)
    assert told.returncode == 2 and "page.txt was changed" in told.stderr


def test_schemas_know_every_kind_and_are_those_in_docs(groundup, tmp_path):
    assert groundup("schema", "--into", "schemas", cwd=tmp_path).returncode == 0
    made = {path.name: path.read_text() for path in (tmp_path / "schemas").iterdir()}
    assert set(made) == {f"{kind}.json" for kind in STAGES} | {"recipe.json"}
    kept = {path.name: path.read_text() for path in (ROOT / "docs/schema").glob("*.json")}
    assert made == kept, "write them again: groundup schema --into docs/schema"


def test_a_python_that_is_too_old_is_told_so():
    source = (ROOT / "groundup/__init__.py").read_text()
    ast.parse(source, feature_version=(3, 7))  # what follows the sentence must be readable too, or nobody sees it
    program = "import sys; sys.version_info = (3, 8, 18); import groundup"
    told = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert told.returncode == 2 and "needs Python 3.11 or newer and this is Python 3.8" in told.stderr


def test_make_says_when_python_is_too_old(tmp_path):
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    old = tmp_path / "python3.8"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.8.18\n[ "$1" = --version ]\n')
    old.chmod(0o755)
    told = subprocess.run(["make", "demo", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True)
    assert told.returncode == 2 and "needs Python 3.11 or newer" in told.stdout and "Python 3.8.18" in told.stdout
    assert not (tmp_path / ".venv").exists()
