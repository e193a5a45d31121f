"""Reading a recipe: what is wrong with it is one sentence with file, line and the name that was probably meant."""

import re

import pytest

from groundup.errors import Problem
from groundup.recipe import file
from tests.recipe_stages import CHAIN, KINDS, make, read, written

WRONG = {  # what is wrong -> (the line that is changed, into what, what is said)
    "a cycle": ("  pages: {kind: write, text: once upon a time}", "  pages: {kind: join, parts: [$story]}",
                "pages -> story -> words -> pages wait for each other"),
    "an unknown stage": ("[$pages]}", "[$paegs]}",
                         "words reads $paegs (FILE, line 4), which is neither a stage nor an argument; did you mean pages?"),
    "an unknown kind": ("kind: write", "kind: wriet", "pages.kind: wriet is not a kind of stage (FILE, line 3); did you mean write?"),
    "no kind": ("kind: write, ", "", "pages has no kind (FILE, line 3)"),
    "an unknown key": ("text: once", "txet: once", "pages.txet is not a setting (FILE, line 3); did you mean text?"),
    "a wrong value": ("upper: true", "upper: 3", "story.upper must be true or false, found 3 (FILE, line 5)"),
    "an unknown part": ("links:", "lnks:", "lnks is not a setting (FILE, line 6); did you mean links?"),
    "a link to nothing": ("best: $story", "best: $stroy", "the link best leads to $stroy (FILE, line 6), but did you mean story?"),
    "a link to a path": ("best: $story", "best: story", "expected $stage or $stage/path"),
    "a stage where no input is": ("text: once upon a time", "text: $words",
                                  "pages mentions $words where no input is expected (FILE, line 3)"),
    "a reserved name": ("  pages:", "  seed:", "seed cannot be a name in `stages` (FILE, line 3)"),
    "a link named as a stage": ("best: $story", "words: $story", "words names a stage and one of `links` (FILE, line 6)"),
    "half a reference": ("[$pages]}", "['$']}", "cannot read '$' (FILE, line 4): expected $stage"),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_with_its_line_and_a_way_out(tmp_path, what):
    line, changed, said = WRONG[what]
    assert line in CHAIN
    path = written(tmp_path, CHAIN.replace(line, changed, 1))
    with pytest.raises(Problem, match=re.escape(said.replace("FILE", str(path)))):
        read(path)


def test_stages_may_be_written_in_any_order(tmp_path):
    head, *stages, links = CHAIN.splitlines()[1:]
    shuffled = "\n".join([CHAIN.splitlines()[0], head, *reversed(stages), links])
    assert list(read(written(tmp_path, shuffled)).stages) == ["pages", "words", "story"]


def test_words_of_the_command_line_change_a_stage(tmp_path):
    recipe = read(written(tmp_path), "seed=9", "story.title=A tale", "pages.copies=3")
    assert recipe.seed == 9
    assert recipe.stages["story"].settings.title == "A tale" and recipe.stages["story"].settings.upper
    assert recipe.stages["pages"].settings.copies == 3


@pytest.mark.parametrize(
    ("word", "said"),
    {
        "stroy.title=x": "small has no stage or argument stroy; did you mean story?",
        "story.titel=x": "story.titel is not a setting (in 'story.titel=x'); did you mean title?",
        "story=x": "expected story.KEY=VALUE",
        "seed=minus": "seed must be a whole number, at least 0, found 'minus'",
        "pages.copies=0": "pages.copies must be above 0, found 0 (in 'pages.copies=0')",
    }.items(),
)
def test_a_wrong_word_is_said(tmp_path, word, said):
    with pytest.raises(Problem, match=re.escape(said)):
        read(written(tmp_path), word)


ARGUMENTS = """\
about: joins texts that are given
arguments:
  text: {about: a folder of texts}
  title: {about: the first line, default: null}
  loud: {about: in capitals, default: false}
stages:
  words: {kind: join, parts: [$text], also: $title, upper: $loud}
"""


def test_an_argument_that_is_not_given_is_asked_for(tmp_path):
    with pytest.raises(
        Problem, match=re.escape("given needs text=… (a folder of texts): groundup make given text=VALUE")
    ):
        read(written(tmp_path, ARGUMENTS, "given"))


def test_arguments_stand_where_they_are_named(tmp_path, monkeypatch):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("two")
    monkeypatch.chdir(tmp_path)
    recipe = written(tmp_path, ARGUMENTS)
    into = make(recipe, tmp_path / "out", "text=notes", "loud=true", "title=b.txt")
    assert (into / "words/joined.txt").read_text() == "ONE\nTWO"
    assert read(recipe, "text=notes").stages["words"].settings.upper is False


def test_where_given_texts_lie_does_not_change_what_is_made(tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text("one")
    recipe = written(tmp_path, ARGUMENTS)
    made = {
        make(recipe, tmp_path / "out", f"text={tmp_path / name}").joinpath("words").resolve()
        for name in ("here", "there")
    }
    assert len(made) == 1


def test_a_given_path_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Problem, match=r"nothing at .*nowhere"):
        make(written(tmp_path, ARGUMENTS), tmp_path / "out", f"text={tmp_path / 'nowhere'}")


def test_paths_in_a_file_count_from_that_file(tmp_path, monkeypatch):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/a.txt").write_text("one")
    recipe = written(tmp_path, "about: x\nstages:\n  words: {kind: join, parts: [notes]}\n")
    monkeypatch.chdir("/")
    assert (make(recipe, tmp_path / "out") / "words/joined.txt").read_text() == "one"


def test_a_recipe_that_is_not_there_is_named(tmp_path):
    with pytest.raises(Problem, match="there is no recipe tuor; did you mean tour"):
        file.find("tuor")
    with pytest.raises(Problem, match=r"there is no recipe at .*none.yaml"):
        file.find(tmp_path / "none.yaml")


def test_every_recipe_of_the_package_tells_what_it_is_about():
    assert {"tour", "pocket", "own-text"} <= set(file.known())
    for path in file.known().values():
        line, _ = file.about(path)
        assert 10 < len(line) < 100


def test_a_kind_is_imported_only_when_a_recipe_names_it(tmp_path):
    assert set(KINDS) == {"write", "join"}
    recipe = file.read(written(tmp_path), {}, KINDS | {"heavy": "no.such.module"})
    assert list(recipe.stages) == ["pages", "words", "story"]
