"""What is done about copies: whole documents, lines, passages and quotations, and what is written down about them."""

import gzip
import json
import random
import shutil

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from groundup.__main__ import main
from groundup.data.copies import duplicates
from groundup.data.copies.benchmarks import items
from groundup.data.copies.contamination import around, contaminated
from groundup.data.copies.curve import measured
from groundup.data.copies.cuts import without
from groundup.data.copies.decontaminate import LeakSettings, protect
from groundup.data.copies.near import NearSettings, resemblance, runs_of, words_of
from groundup.errors import Problem
from groundup.hardware import look
from groundup.run import Work
from groundup.stages import corpus

WORDS = [f"{one}{two}" for one in ("bar", "fen", "gol", "mir", "tas", "wod") for two in ("ab", "ek", "il", "on", "ur")]
QUOTED = "the old lamplighter of oakham kept eleven grey geese behind the chapel and knew each by its name"


def prose(seed, words=60):
    roll = random.Random(seed)
    return " ".join(roll.choice(WORDS) for _ in range(words))


def made(tmp_path, documents, name="out", **settings):
    folder = tmp_path / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "in").mkdir(parents=True)
    for file in {file for file, _ in documents.values()}:
        lines = [{"id": id, "text": text} for id, (of, text) in documents.items() if of == file]
        (folder / "in" / file).write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = folder / "corpus"
    out.mkdir()
    given = {"files": [str(folder / "in")], "profile": "none", "workers": 1, **settings}
    chosen = corpus.Settings.model_validate(given)
    corpus.run(chosen, Work(out, chosen, 0, look(), {}, lambda *_: None))
    return out


def texts(out):
    return {row["id"]: row["text"] for row in parquet.read_table(out / "kept-00000.parquet").to_pylist()}


def removed(out):
    return {row["id"]: row["reason"] for row in parquet.read_table(out / "removed/removed-00000.parquet").to_pylist()}


@pytest.fixture
def family(tmp_path):
    """Three tellings of one text, the second longer, and a text of its own."""
    story = prose(1)
    return {
        "short": ("a.jsonl", story),
        "long": ("b.jsonl", story + " and that was all"),
        "third": ("c.jsonl", story.replace(story.split()[30], "otherwise", 1)),
        "other": ("c.jsonl", prose(2)),
    }


@pytest.mark.parametrize(
    "how, stays",
    [({}, "short"), ({"keep": "longest"}, "long"), ({"keep": "source", "sources": ["*c.jsonl", "*b*"]}, "third")],
)
def test_the_survivor_of_a_cluster_is_chosen_as_asked(tmp_path, family, how, stays):
    out = made(tmp_path, family, near=how)
    assert set(texts(out)) == {stays, "other"} and set(removed(out).values()) == {"near_duplicate"}


def test_clusters_are_kept_with_the_similarity_that_was_measured(tmp_path, family):
    rows = parquet.read_table(made(tmp_path, family, near={}) / "clusters.parquet").to_pylist()
    runs = {id: runs_of(text, 5) for id, (_, text) in family.items()}
    assert [(row["cluster"], row["member"], row["survivor"]) for row in rows] == [
        (0, "short", "short"),
        (0, "long", "short"),
        (0, "third", "short"),
    ]
    for row in rows:
        assert row["similarity"] == pytest.approx(resemblance(runs["short"], runs[row["member"]]))


def test_meeting_in_a_band_is_enough_where_nobody_looks_again(tmp_path, family):
    lenient = {"bands": 60, "rows": 1, "run": 1, "similarity": 0.99}
    assert set(texts(made(tmp_path, family, near=lenient))) == set(family)
    out = made(tmp_path, family, near={**lenient, "verified": False})
    assert set(texts(out)) == {"short"}
    assert set(parquet.read_table(out / "clusters.parquet")["similarity"].to_pylist()) == {None}


def test_sources_must_be_named_to_choose_by_them(tmp_path, family):
    with pytest.raises(Problem, match="near.sources"):
        made(tmp_path, family, near={"keep": "source"})


def test_lines_that_come_again_are_cut_and_short_ones_are_not(tmp_path):
    notice = "All rights in this text are reserved by somebody"
    documents = {
        "a": ("a.jsonl", f"{prose(1)}\n{notice}\nThe end"),
        "b": ("a.jsonl", f"{notice.upper()}!\n{prose(2)} anna@mail.example\nThe end"),
        "c": ("a.jsonl", notice),
    }
    out = made(tmp_path, documents, repeated_lines={"words": 3}, redact=["email"])
    assert texts(out) == {"a": documents["a"][1], "b": f"{prose(2)} [email]\nThe end"}
    assert removed(out) == {"c": "repeated_lines"}
    steps = {step["name"]: step for step in json.loads((out / "table.json").read_text())["steps"]}
    told = steps["repeated_lines"]
    assert told["documents_in"] - told["documents_out"] == 1 and told["bytes_out"] < told["bytes_in"]
    assert told["examples"][0]["before"].startswith(notice.upper())
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["removed"]


def test_what_is_cut_leaves_the_placeholders_that_were_asked_for(tmp_path):
    notice = "All rights in this text are reserved by somebody"
    mail = "anna@mail.example and bob@mail.example and anna@mail.example"
    documents = {"a": ("a.jsonl", f"{prose(1)}\n{notice}"), "b": ("a.jsonl", f"{notice}\n{prose(2)} {mail}")}
    out = made(tmp_path, documents, repeated_lines={"words": 3}, redact=["email"], placeholders="numbered")
    assert texts(out)["b"] == f"{prose(2)} [email-1] and [email-2] and [email-1]"


def test_sets_of_runs_are_kept_at_hand_by_their_size(tmp_path, monkeypatch):
    pages = {str(n): ("a.jsonl", f"{prose(n % 10, 200)} {n}") for n in range(40)}
    usual = made(tmp_path, pages, near={})
    monkeypatch.setattr(duplicates, "LATELY", 300)  # not even two of them
    held: list[int] = []
    read = duplicates.Runs.of

    def of(runs, number):
        found = read(runs, number)
        held.append(sum(map(len, runs._lately.values())))
        return found

    monkeypatch.setattr(duplicates.Runs, "of", of)
    assert texts(made(tmp_path, pages, "again", near={})) == texts(usual) and len(texts(usual)) == 10
    assert held and max(held) < 300


def test_a_piece_must_come_as_often_as_asked(tmp_path):
    documents = {str(n): ("a.jsonl", f"{prose(n)}\nthis line comes again and again") for n in range(2)}
    assert len(set(map(len, texts(made(tmp_path, documents, repeated_lines={"times": 3})).values()))) == 1
    out = made(tmp_path, documents, repeated_lines={"times": 2, "keep": "none"})
    assert texts(out) == {"0": prose(0), "1": prose(1)}


def test_paragraphs_are_compared_whole(tmp_path):
    one, two = prose(1), prose(2)
    documents = {"a": ("a.jsonl", f"{one}\n{two}"), "b": ("a.jsonl", f"{two}\n\n{one}\n{two}\n\n{prose(3)}")}
    assert texts(made(tmp_path, documents, repeated_paragraphs={}))["b"] == f"{two}\n\n{prose(3)}"


def test_long_passages_are_cut_wherever_they_stand(tmp_path):
    shared = prose(9, 55)
    documents = {"a": ("a.jsonl", f"{prose(1)} x, {shared} y"), "b": ("a.jsonl", f"{prose(2)} z. {shared}\nw")}
    out = texts(made(tmp_path, documents, substrings={}))
    assert out == {"a": documents["a"][1], "b": f"{prose(2)} z.\nw"}
    assert texts(made(tmp_path, documents, substrings={"length": 56})) == {
        id: text for id, (_, text) in documents.items()
    }


def leaking(tmp_path, **leaks):
    (tmp_path / "tests").mkdir(exist_ok=True)
    lines = [{"id": "q1", "context": QUOTED}, {"id": "q2", "context": prose(50)}, {"id": "q3", "question": "why?"}]
    (tmp_path / "tests" / "geese.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    before, behind = prose(1, 100), prose(2, 100)
    documents = {"quotes": ("a.jsonl", f"{before} {QUOTED.title()} {behind}"), "clean": ("a.jsonl", prose(3))}
    out = made(tmp_path, documents, protect=str(tmp_path / "tests"), leaks=leaks)
    return documents, out, json.loads((out / "contamination.json").read_text())


def test_the_report_names_what_was_found_and_where(tmp_path):
    _, out, told = leaking(tmp_path)
    assert removed(out) == {"quotes": "leak"}
    assert told == {
        "run": 13,
        "then": "remove",
        "documents": 1,
        "sets": {
            "geese": {
                "items": 3,
                "contaminated": 1,
                "found": {"q1": {"share": 1.0, "runs": 6, "documents": ["quotes"], "in_documents": 1}},
                "too_short": ["q3"],
                "clean": ["q2"],
            }
        },
    }
    assert contaminated(out, ["q1", "q2"]) == []


def test_a_quotation_is_cut_out_with_what_is_around_it(tmp_path):
    documents, out, _ = leaking(tmp_path, then="cut", around=40)
    kept = texts(out)["quotes"]
    whole = documents["quotes"][1]
    at = whole.index("The Old")
    assert "Lamplighter" not in kept and kept.split()[:40] == whole.split()[:40] and kept.endswith(whole[-100:])
    assert at - 60 < len(kept) - len(whole[at + len(QUOTED) :]) + 60 < at + 60


def test_reported_quotations_stay_and_questions_know_of_them(tmp_path):
    documents, out, _ = leaking(tmp_path, then="report")
    assert texts(out)["quotes"] == documents["quotes"][1]
    assert contaminated(out, ["q2", "q1", "q3"]) == ["q1"]
    with pytest.raises(Problem, match="other questions"):
        contaminated(out, ["q9"])
    with pytest.raises(Problem, match="no report"):
        contaminated(tmp_path, ["q1"])


def test_what_is_left_between_two_quotations_must_be_long_enough():
    raw = b"a" * 20 + b" " + b"QQ" + b" " + b"b" * 4 + b" " + b"QQ" + b" " + b"c" * 20
    left = without(raw.decode(), around(raw, [(21, 23), (29, 31)], 6))
    assert left == "" or "b" not in left
    assert around(b"x " * 200, [(i, i + 1) for i in range(0, 400, 40)], 1) == [(0, 400)]


def test_tests_are_read_from_whatever_file_they_come_in(tmp_path):
    row = {
        "task_id": "T/1",
        "question": "what do geese in oakham do all day long",
        "choices": ["sleep", "eat"],
        "answer": "B",
    }
    (tmp_path / "lines.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    (tmp_path / "one.json").write_text(json.dumps({"version": 1, "data": [row]}))
    (tmp_path / "deep").mkdir()
    parquet.write_table(pa.Table.from_pylist([row]), tmp_path / "deep" / "p.parquet")
    (tmp_path / "t.csv").write_text("task_id,question,answer\nT/1,what do geese in oakham do all day long,eat\n")
    (tmp_path / "notes.md").write_text("not a test")
    found = list(items(tmp_path, []))
    assert sorted(item.set for item in found) == ["deep/p", "lines", "one", "t"] and {item.id for item in found} == {
        "T/1"
    }
    assert {item.passages[-1][0] for item in found} == {"what do geese in oakham do all day long eat"}
    assert [text for text, _ in list(items(tmp_path / "one.json", ["choices"]))[0].passages] == ["sleep", "eat"]


def test_longer_runs_find_less(tmp_path):
    (tmp_path / "q.jsonl").write_text(json.dumps({"id": "q", "context": f"{prose(1, 40)}"}))
    page = words_of(f"{prose(2)} {' '.join(prose(1, 40).split()[:10])} {prose(3)}")
    told = {run: protect(str(tmp_path / "q.jsonl"), LeakSettings(run=run)).leak(page) for run in (8, 13)}
    assert told == {8: "8 words of q", 13: ""}


def test_one_run_may_belong_to_several_items(tmp_path):
    lines = [{"id": id, "context": f"{QUOTED} {id}"} for id in ("one", "two")]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    leaks = protect(str(tmp_path / "q.jsonl"))
    found = {leaks.ids[place] for *_, places in leaks.quotations(words_of(QUOTED)) for place in places}
    assert found == {"one", "two"}


def test_published_settings_are_asked_for_by_name():
    assert corpus.Settings.model_validate({"files": ["x"], "near": {"like": "datatrove"}}).near == NearSettings(
        like="datatrove", bands=14, rows=8, verified=False
    )


def test_real_pairs_meet_as_the_curve_says(tmp_path, capsys):
    lines = []
    for number in range(200):
        words = prose(number, 120).split()
        lines.append(" ".join(words))
        words[:: 8 + number % 10] = [f"w{number}"] * len(words[:: 8 + number % 10])
        lines.append(" ".join(words))
    bins = measured(lines, NearSettings(run=2, bands=14, rows=8))
    assert len(bins) > 3 and sum(each.pairs for each in bins) >= 200
    for each in bins:
        assert abs(each.met - each.expected) <= 4 * each.pairs**0.5
    middle = next(each for each in bins if 0.1 < each.expected / each.pairs < 0.9)
    assert middle.pairs > 10 and 0 < middle.met < middle.pairs
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"text": line}) + "\n" for line in lines[:60]))
    page = tmp_path / "curve.html"
    assert main(["near", str(tmp_path / "a.jsonl"), "--like", "fineweb", "--run", "2", "--plot", str(page)]) == 0
    said = capsys.readouterr().out
    assert "14 bands of 8 rows over runs of 2 words: half of all pairs meet at a similarity of 0.685" in said
    assert "pairs met" in said and "your texts" in page.read_text()


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("a.jsonl.gz", b"no gzip"),
        ("a.jsonl.gz", gzip.compress(b'{"question": "who keeps the geese"}' * 9, mtime=0)[:30]),
        ("a.jsonl.xz", b"no xz"),
        ("a.parquet", b"no parquet"),
        ("a.jsonl", b"{"),
    ],
    ids=["no gzip", "half a gzip", "no xz", "no parquet", "half a json"],
)
def test_questions_that_cannot_be_read_are_named_in_a_sentence(tmp_path, name, raw):
    (tmp_path / name).write_bytes(raw)
    with pytest.raises(Problem, match=rf"{name}.* protected"):
        protect(str(tmp_path))


def test_json_without_any_list_has_no_questions(tmp_path):
    (tmp_path / "a.json").write_text("3")
    with pytest.raises(Problem, match="no questions to protect"):
        protect(str(tmp_path))
