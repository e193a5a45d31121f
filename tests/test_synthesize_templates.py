"""Lines made without a model: slots filled from tables and lists, each by a chance of its own key."""

import json

import pytest

from groundup.errors import Problem
from tests.synthetic_example import lines, make, settings

CAPITALS = "country,capital\nFrance,Paris\nSpain,Madrid\nItaly,Rome\n"
ASKED = {"user": "What is the capital of {country}, {name}?", "assistant": "It is called {capital}.", "table": "capitals",
         "slots": {"name": ["Anna", "Ben"]}}  # fmt: skip
COUNTED = {
    "id": "buses",
    "text": "On Monday {n} buses came to the {where}.",
    "slots": {"n": {"from": 3, "to": 7}, "where": ["mill", "barn"]},
}


def written(tmp_path, *templates, table=CAPITALS, name="capitals.csv"):
    (tmp_path / "templates.jsonl").write_text("".join(json.dumps(template) + "\n" for template in templates))
    (tmp_path / name).write_text(table)
    return {
        "kind": "templates",
        "templates": str(tmp_path / "templates.jsonl"),
        "tables": {"capitals": str(tmp_path / name)},
    }


def test_a_row_fills_its_slots_together_and_lists_fill_the_rest(tmp_path):
    folder = make(tmp_path / "out", settings(**written(tmp_path, ASKED), count=60))
    found = {tuple(said["content"] for said in told["messages"]) for told in lines(folder / "dialogues/train.jsonl")}
    pairs = [row.split(",") for row in CAPITALS.splitlines()[1:]]
    assert found == {
        (f"What is the capital of {country}, {name}?", f"It is called {capital}.")
        for country, capital in pairs
        for name in ("Anna", "Ben")
    }


def test_what_is_there_twice_goes(tmp_path):
    folder = make(tmp_path / "out", settings(**written(tmp_path, ASKED), count=60))
    report = json.loads((folder / "report.json").read_text())["prompts"]["templates.1"]
    assert report == {"asked": 60, "kept": 6, "removed": {"duplicate": 54}, "kept_share": 0.1}
    assert len(lines(folder / "removed" / "removed.jsonl")) == 54


def test_texts_go_to_texts_with_their_provenance(tmp_path):
    folder = make(tmp_path / "out", settings(**written(tmp_path, ASKED, COUNTED), count=200))
    found = lines(folder / "texts" / "train.jsonl")
    assert {told["text"] for told in found} == {
        f"On Monday {n} buses came to the {w}." for n in range(3, 8) for w in ("mill", "barn")
    }
    assert all(
        told["made"]["by"] == "templates.buses" and told["source"] == "synthetic/templates.buses" for told in found
    )
    assert len(lines(folder / "dialogues" / "train.jsonl")) == 6


def test_the_same_seed_makes_the_same_bytes_and_another_seed_others(tmp_path):
    asked = settings(**written(tmp_path, COUNTED), count=8)
    one, two, other = (make(tmp_path / name, asked, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    texts = [(folder / "texts" / "train.jsonl").read_bytes() for folder in (one, two, other)]
    assert texts[0] == texts[1] != texts[2]


def test_a_table_of_json_lines_is_read_too(tmp_path):
    table = '{"country": "Chad", "capital": "N\'Djamena"}\n'
    folder = make(tmp_path / "out", settings(**written(tmp_path, ASKED, table=table, name="t.jsonl"), count=9))
    assert "N'Djamena" in (folder / "dialogues" / "train.jsonl").read_text()


def test_what_fills_a_slot_is_not_filled_again(tmp_path):
    template = {"text": "Somebody said {a} there.", "slots": {"a": ["{b}"], "b": ["no"]}}
    folder = make(tmp_path / "out", settings(**written(tmp_path, template), count=2))
    assert lines(folder / "texts" / "train.jsonl")[0]["text"] == "Somebody said {b} there."


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({"text": "a {b} c"}, r"line 1: nothing is said of what may stand in \{b\}"),
        ({"user": "a"}, "ends with what the assistant says"),
        ({"user": "a", "assistant": "b", "table": "rivers"}, "asks for the table rivers"),
        ({"text": "a {b}", "slots": {"b": []}}, "is no template"),
        ({"text": "a {b}", "slots": {"b": {"from": "x"}}}, "is no template"),
        ({"text": "a {b}", "slots": {"b": {"from": 5, "to": 1}}}, "is no template"),
        ({"text": "a {Capital1}", "slots": {"capital": ["x"]}}, r"\{Capital1\}.*known: capital"),
    ],
)
def test_a_template_that_cannot_be_filled_is_named(tmp_path, template, said):
    with pytest.raises(Problem, match=said):
        make(tmp_path / "out", settings(**written(tmp_path, template)))


def test_a_table_says_what_a_slot_needs_in_every_row(tmp_path):
    table = '{"country": "Chad", "capital": "N\'Djamena"}\n{"country": "Togo"}\n'
    with pytest.raises(Problem, match=r"what may stand in \{capital\}"):
        make(tmp_path / "out", settings(**written(tmp_path, ASKED, table=table, name="t.jsonl")))


@pytest.mark.parametrize("which", ["templates.jsonl", "capitals.csv", "seeds.jsonl"])
def test_a_file_that_is_no_text_is_named(tmp_path, which):
    asked = written(tmp_path, ASKED)
    if which == "seeds.jsonl":
        asked = {"kind": "instructions", "seeds": str(tmp_path / which), "model": {"url": "localhost", "name": "m"}}
    (tmp_path / which).write_bytes(b"\xff\x80")
    with pytest.raises(Problem, match=f"{which} cannot be read .it is not text in UTF-8"):
        make(tmp_path / "out", settings(**asked))
