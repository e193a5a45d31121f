"""Changes give a corpus's texts another form, each as a step that can be followed in the table."""

import json

import pyarrow.parquet as parquet
import pytest

from groundup.data.cleaning.change import CHANGES
from groundup.data.prepare import Preparation
from groundup.data.profiles import PROFILES, Profile
from groundup.hardware import look
from groundup.run import Work
from groundup.stages import corpus


def made(tmp_path, documents, **settings):
    """A corpus of these documents, and its table."""
    (tmp_path / "in").mkdir()
    lines = "".join(json.dumps({"id": id, "text": text}) + "\n" for id, text in documents.items())
    (tmp_path / "in" / "a.jsonl").write_text(lines)
    out = tmp_path / "out"
    out.mkdir()
    given = {"files": [str(tmp_path / "in")], "workers": 1, "profile": "none", **settings}
    chosen = corpus.Settings.model_validate(given)
    corpus.run(chosen, Work(out, chosen, 0, look(), {}, lambda *_: None))
    kept = [row["text"] for file in sorted(out.glob("kept-*.parquet")) for row in parquet.read_table(file).to_pylist()]
    return kept, json.loads((out / "table.json").read_text())


def changed(text, *kinds, **more):
    """A text after the named changes."""
    profile = Profile.model_validate({"changes": [{"kind": kind, **more} for kind in kinds]})
    return Preparation(profile, None).document(text.encode(), "text", "utf-8").text


@pytest.fixture(scope="module")
def lowered(tmp_path_factory):
    documents = {"a": "It's Late, She Said…", "b": "?!\n?!", "c": "Two words."}
    changes = [{"kind": "lower"}, {"kind": "punctuation"}, {"kind": "lower"}]
    return made(tmp_path_factory.mktemp("lowered"), documents, changes=changes, filters=[{"kind": "short", "words": 3}])


def test_changes_are_made_in_order_before_filters_and_each_is_a_step(lowered):
    kept, table = lowered
    assert kept == ["its late she said"]
    assert [step["name"] for step in table["steps"]] == [
        *("read", "extract", "clean", "lower", "punctuation", "lower 2", "short")
    ]


def test_bytes_and_documents_add_up_from_step_to_step(lowered):
    _, table = lowered
    for before, after in zip(table["steps"], table["steps"][1:], strict=False):
        assert (before["documents_out"], before["bytes_out"]) == (after["documents_in"], after["bytes_in"])
    steps = {step["name"]: step for step in table["steps"]}
    assert steps["punctuation"]["bytes_in"] - 5 == 22 + 10 and steps["punctuation"]["bytes_out"] == 17 + 9
    assert table["removed"] == {"empty": 1, "short": 1}


def test_each_change_shows_what_it_did(lowered):
    steps = {step["name"]: step for step in lowered[1]["steps"]}
    assert steps["lower"]["examples"][0] == {
        "id": "a",
        "before": "It's Late, She Said…",
        "after": "it's late, she said…",
    }
    assert not steps["lower 2"]["examples"]
    gone = [shown["reason"] for shown in steps["punctuation"]["examples"] if "reason" in shown]
    assert gone == ["empty: punctuation left nothing of it"]


def test_our_own_profiles_change_nothing_and_every_change_has_its_settings():
    assert not any(PROFILES[name].changes for name in ("none", "prose", "web"))
    for kind, part in CHANGES.items():
        settings = Profile.model_validate({"changes": [{"kind": kind}]}).changes[0]
        assert part(settings).name == settings.kind == kind


PROSE = (
    "The miller of the town lost a hat and found it again\nbehind the mill, where the cat had carried it in the\n"
    "night. Nobody knew how it had got there, and the cat\nsaid nothing, as cats do. So the hat was hung on a hook\n"
    "by the door, and there it stayed.\n\nThe second winter was much colder than the first had\n"
    "been, and the river froze from one bank to the other\nso that carts went over it."
)


def test_hard_wrapped_paragraphs_become_lines_and_hyphens_at_their_ends_go():
    broken = PROSE.replace("the first had\nbeen", "any in the val-\nley")
    whole = broken.replace("val-\nley", "valley")
    assert changed(broken, "wrap") == whole.replace("\n\n", "¶").replace("\n", " ").replace("¶", "\n\n")


@pytest.mark.parametrize(
    "text",
    [
        "Roses are red,\nViolets are blue,\nSugar is sweet,\nAnd so are you.\n\nHow short is\nthis line of verse\nthat never is full.",
        "```\n" + PROSE.replace("\n\n", "\n") + "\n```",
        "\n".join(f"- item {n} of a list that is wide enough to be taken for a wrapped one" for n in range(9)),
        "\n".join(f"| cell {n} of a table that is wide enough to be taken | for wrapped {n:03} |" for n in range(9)),
        "\n".join(PROSE.replace("\n", " ") for _ in range(9)),
    ],
)
def test_lines_that_were_meant_stay(text):
    assert changed(text, "wrap") == text


def test_boilerplate_lines_go_and_sentences_about_them_stay():
    lines = """We use cookies to improve your experience. Accept all
Home | News | About us
The council spoke about the copyright of maps from 1923 until late in the night, and Anna read more of her letters aloud.
Copyright 2024 The Town Paper
Share this on Facebook
Read more »
Subscribe to our weekly newsletter
Skip to content
Home is where the cat is.
Page 3 of 9"""
    assert changed(lines, "boilerplate").split("\n") == [lines.split("\n")[2], "Home is where the cat is."]


def test_lines_go_by_each_rule():
    text = "A line that ends.\nNo end here\nShort.\n12345 67890 12.\nDraft: a line to drop."
    for rule, left in {
        "shortest=7": 4,
        "longest=15": 3,
        "words=3": 4,
        "ended=1": 4,
        "digits=0.5": 4,
        "matching=^Draft": 4,
    }.items():
        name, value = rule.split("=")
        given = [value] if name == "matching" else float(value) if name == "digits" else int(value)
        assert len(changed(text, "lines", **{name: bool(given) if name == "ended" else given}).split("\n")) == left, (
            rule
        )
    with pytest.raises(ValueError, match="no regular expression"):
        Profile.model_validate({"changes": [{"kind": "lines", "matching": ["("]}]})


def test_markup_goes_and_the_words_it_marks_stay():
    text = (
        "# A *very* big title #\n\nSee [the mill](http://x.example/a_b) and ![a cat](c.png), **now** or _later_, but `snake_case_name` "
        "and 2 * 3 * 4 stay.\n\n> quoted\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```python\nx = '*a*'  # **b**\n```\n\nTitle\n=====\n"
        "A &amp; B<br> <b>bold</b> [[Page|link]], `text <http://u>`_\n"
    )
    assert changed(text, "strip_markup") == (
        "A very big title\n\nSee the mill and a cat, now or later, but snake_case_name and 2 * 3 * 4 stay.\n\nquoted\n\n"
        "a | b\n1 | 2\n\nx = '*a*'  # **b**\n\nTitle\nA & B bold link, text"
    )


def test_bare_words_are_what_counting_needs():
    assert changed("It's the cat's Hat, isn't it?", "stop_words") == "cat's Hat, ?"
    assert changed("Der Müller ging in die Stadt.", "stop_words", languages=["german"]) == "Müller ging Stadt."
    assert (
        changed("the classes stopped running quickly, ponies carried", "stem") == "the class stop run quick, pony carry"
    )
    assert changed("Don’t stop_now—ever!", "punctuation") == "Don t stop now ever".replace("Don t", "Dont")
