"""From raw files to a corpus: what stays, what goes and why, and that none of it hangs on the machine."""

import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as parquet
import pytest

from groundup.data.documents import Record, batches, schemas
from groundup.data.engine import native
from groundup.data.prepare import prepared_schema
from groundup.data.profiles import PROFILES
from groundup.data.tokens.corpora import Corpora
from groundup.data.tokens.split import place
from groundup.data.workers.crew import Crew
from groundup.data.workers.job import Limits
from groundup.data.workers.preparing import poison, preparing
from groundup.errors import Problem
from groundup.hardware import look
from groundup.run import Work
from groundup.stages import corpus, tokens
from groundup.tokenizer import Tokenizer

ROOT = Path(__file__).resolve().parents[1]
THINGS = ["mill", "bridge", "bakery", "river", "school", "tower", "market", "library", "harbour", "church"]
DOINGS = [
    "walked past",
    "looked for",
    "painted",
    "wrote about",
    "sold",
    "spoke of",
    "remembered",
    "went back to",
    "measured",
]
QUESTION = {
    "id": "q1",
    "context": "The old lamplighter of Oakham kept eleven geese behind the chapel and knew each by name.",
    "question": "How many geese did the lamplighter keep?",
    "answer": "He kept eleven geese.",
}


def story(seed, sentences=14):
    roll = random.Random(seed)
    return " ".join(
        f"{roll.choice(['Anna', 'Tom', 'The miller', 'My sister', 'An old man'])} {roll.choice(DOINGS)} the {roll.choice(THINGS)} "
        f"and the {roll.choice(THINGS)} {roll.choice(['in the rain', 'before noon', 'with some care', 'for a week'])}."
        for _ in range(sentences)
    )


def made(tmp_path, name="out", workers=1, **settings):
    out = tmp_path / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    chosen = corpus.Settings.model_validate({"files": [str(tmp_path / "in")], "workers": workers, **settings})
    corpus.run(chosen, Work(out, chosen, 0, look(), {}, lambda *_: None))
    return out


def rows(out, pattern):
    return [row for file in sorted(out.glob(pattern)) for row in parquet.read_table(file).to_pylist()]


def hashes(out):
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != "metrics.jsonl"
    }


def write(tmp_path, documents):
    (tmp_path / "in").mkdir(exist_ok=True)
    lines = "".join(json.dumps({"id": id, "text": text}) + "\n" for id, text in documents.items())
    (tmp_path / "in" / "a.jsonl").write_text(lines)


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    """One corpus with a document of every kind, cleaned as web pages are."""
    tmp_path = tmp_path_factory.mktemp("corpus")
    roll = random.Random(1)
    good = story("good")
    write(
        tmp_path,
        {
            "good": good,
            "other": story("other"),
            "copy": good.upper().replace(". ", ".\n"),
            "near": good.replace("The miller", "The baker", 1) + " That was all.",
            "salad": " ".join(roll.sample(good.split() * 2, 2 * len(good.split()))),
            "spam": "Buy cheap pills online now! Click here to claim your free bonus!!! Order now, free shipping. " * 3,
            "toxic": "You are a disgusting idiot. Shut up, you worthless liar! I hate you, you stupid loser. Get lost. "
            * 2,
            "german": "Der Müller ging in die Stadt, weil er noch etwas für seine Frau kaufen wollte, und sie nicht. "
            * 3,
            "leak": story("leak") + " " + QUESTION["context"],
            "short": "Too short.",
            "empty": " \n ",
            "private": story("private") + " Write to anna@mail.example or call 555-010-0199.",
        },
    )
    with open(tmp_path / "in" / "a.jsonl", "a") as file:
        file.write("{not json\n")
    (tmp_path / "in" / "page.html").write_text(
        f"<nav><a href=/>Home</a></nav><p>{story('page')}</p><footer>© us</footer>"
    )
    (tmp_path / "in" / "picture.png").write_bytes(b"\x89PNG")
    (tmp_path / "questions.jsonl").write_text(json.dumps(QUESTION) + "\n")
    return made(tmp_path, workers=2, profile="web", protect=str(tmp_path / "questions.jsonl"))


def test_good_documents_stay_in_the_order_of_the_input(cleaned):
    assert [row["id"] for row in rows(cleaned, "kept-*.parquet")] == ["good", "other", "private", "page.html"]


def test_kept_documents_have_the_hash_of_what_was_written(cleaned, monkeypatch):
    """So that nobody who splits them has to read them for it."""
    written = {row["text"].encode(): row["hash"] for row in rows(cleaned, "kept-*.parquet")}
    assert written == {text: place(text) for text in written}
    monkeypatch.setattr("groundup.data.tokens.corpora.place", None)
    assert dict(Corpora([str(cleaned)]).placed()) == written


def test_every_other_document_is_listed_with_its_reason(cleaned):
    reasons = {row["id"]: row["reason"] for row in rows(cleaned, "removed/*.parquet")}
    assert reasons == {
        "copy": "duplicate",
        "near": "near_duplicate",
        "salad": "gibberish",
        "spam": "spam",
        "toxic": "toxic",
        "german": "language",
        "leak": "leak",
        "short": "short",
        "empty": "empty",
        "a.jsonl#13": "unreadable",
    }


def test_removed_documents_say_what_was_seen_and_are_kept_whole(cleaned):
    removed = {row["id"]: row for row in rows(cleaned, "removed/*.parquet")}
    assert removed["copy"]["detail"] == "of good" and removed["leak"]["detail"].endswith("words of q1")
    assert removed["spam"]["text"].startswith("Buy cheap pills") and all(row["detail"] for row in removed.values())


def test_private_numbers_are_blacked_out_and_counted(cleaned):
    text = next(row["text"] for row in rows(cleaned, "kept-*.parquet") if row["id"] == "private")
    assert text.endswith("Write to [email] or call [phone].")
    assert rows(cleaned, "redactions.parquet") == [
        {"id": "private", "kind": "email", "count": 1},
        {"id": "private", "kind": "phone", "count": 1},
    ]


def test_the_table_follows_every_document_through_the_steps(cleaned):
    table = json.loads((cleaned / "table.json").read_text())
    steps = {step["name"]: step for step in table["steps"]}
    assert list(steps) == [
        "read",
        "extract",
        "clean",
        "short",
        "language",
        "gibberish",
        "spam",
        "toxic",
        "duplicate",
        "near_duplicate",
        "leak",
        "redact",
    ]
    for before, after in zip(table["steps"], table["steps"][1:], strict=False):
        assert (before["documents_out"], before["bytes_out"]) == (after["documents_in"], after["bytes_in"])
    assert steps["read"]["documents_in"] == 14 and steps["redact"]["documents_out"] == table["documents"] == 4
    assert steps["extract"]["bytes_out"] < steps["extract"]["bytes_in"] and steps["spam"]["examples"][0]["id"] == "spam"
    assert steps["extract"]["examples"][0]["before"].startswith("<nav>") and table["skipped"] == {".png": 1}
    assert table["text_bytes"] == sum(len(row["text"].encode()) for row in rows(cleaned, "kept-*.parquet"))


def test_the_bytes_of_a_corpus_do_not_hang_on_the_workers(tmp_path):
    write(tmp_path, {str(n): story(n % 450) for n in range(600)})
    one, three = (made(tmp_path, f"w{n}", workers=n) for n in (1, 3))
    assert hashes(one) == hashes(three) and len(rows(one, "kept-*.parquet")) == 450


def test_without_a_profile_nothing_is_removed(tmp_path):
    write(tmp_path, {"a": "qwzx " * 30, "b": "qwzx " * 30, "c": "Call 555-010-0199"})
    assert [row["text"] for row in rows(made(tmp_path, profile="none"), "kept-*.parquet")] == [
        ("qwzx " * 30).strip(),
        ("qwzx " * 30).strip(),
        "Call 555-010-0199",
    ]


def test_settings_of_single_filters_replace_those_of_the_profile(tmp_path):
    write(tmp_path, {"a": story(1), "b": story(1), "c": "Three short words."})
    out = made(tmp_path, filters=[{"kind": "short", "words": 5}], exact=False, near="off", redact=[])
    assert [row["id"] for row in rows(out, "kept-*.parquet")] == ["a", "b"]


@pytest.mark.parametrize(
    "content, words", [(None, "no documents"), ("{}\n{", "nothing is left of 2 documents: 2 unreadable")]
)
def test_an_empty_corpus_is_a_sentence(tmp_path, content, words):
    (tmp_path / "in").mkdir()
    if content:
        (tmp_path / "in" / "a.jsonl").write_text(content)
    with pytest.raises(Problem, match=words):
        made(tmp_path)


def test_questions_to_protect_must_be_there(tmp_path):
    write(tmp_path, {"a": story(1)})
    (tmp_path / "empty").mkdir()
    for path in ("empty", "missing"):
        with pytest.raises(Problem, match="protect"):
            made(tmp_path, protect=str(tmp_path / path))


def test_a_problem_found_while_reading_reaches_the_person_as_it_is():
    def spoilt():
        yield from batches([Record("a", "a", b"text")])
        raise Problem("the disk has been taken out")

    with pytest.raises(Problem, match="^the disk has been taken out$"):
        job = preparing(PROFILES["none"], None, Limits.model_validate({}))
        list(native(spoilt(), schemas()["raw"], Crew(job, poison, 1), prepared_schema()))


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_no_internet_socket_is_opened(tmp_path):
    write(tmp_path, {str(n): story(n) for n in range(20)})
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; from groundup.data.pipeline import Way, build\n"
        "from groundup.data.profiles import PROFILES\n"
        "build([sys.argv[2]], PROFILES['web'], None, Path(sys.argv[3]), Way(1))"
    )
    (tmp_path / "out").mkdir()
    trace = tmp_path / "trace"
    clean = {
        name: value for name, value in os.environ.items() if name not in ("DO_NOT_TRACK", "DAFT_ANALYTICS_ENABLED")
    }
    subprocess.run(
        [
            "strace",
            "-f",
            "--seccomp-bpf",
            "-qq",
            "-e",
            "trace=socket,connect,execve",
            "-o",
            trace,
            sys.executable,
            "-c",
            program,
            ROOT,
            tmp_path / "in",
            tmp_path / "out",
        ],
        check=True,
        env=clean,
        timeout=120,
    )
    assert "AF_INET" not in trace.read_text() and "groundup.data.workers.child" in trace.read_text()


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    Tokenizer.train(" ".join(map(story, range(20))), 300, specials=["<|endoftext|>"]).save(folder)
    return folder


def encoded(tmp_path, corpus_folder, tokenizer, **settings):
    out = tmp_path / "tokens"
    out.mkdir()
    chosen = tokens.Settings(corpus=str(corpus_folder), tokenizer=str(tokenizer), **settings)
    tokens.run(chosen, Work(out, chosen, 0, look(), {}, lambda *_: None))
    return out


def test_tokens_hold_every_document_once_behind_its_separator(tmp_path, tokenizer):
    from groundup.data.tokens.shards import Shards

    write(tmp_path, {str(n): story(n) for n in range(60)})
    out = encoded(tmp_path, made(tmp_path, profile="none"), tokenizer, validation=0.2)
    known = Tokenizer.load(out / "tokenizer")
    found = []
    for side in ("train", "val"):
        shards = Shards(out / side)
        shards.verify()
        documents = [shards.document(i) for i in range(shards.documents)]
        assert all(ids[0] == known.specials["<|endoftext|>"] for ids in documents) and documents
        found += [known.decode(ids[1:]) for ids in documents]
        assert shards.text_bytes == sum(len(text.encode()) for text in found[-len(documents) :])
    assert sorted(found) == sorted(story(n) for n in range(60))


def test_copies_of_a_text_are_never_on_both_sides(tmp_path, tokenizer):
    from groundup.data.tokens.shards import Shards

    write(tmp_path, {str(n): story(n % 20) for n in range(100)})
    out = encoded(tmp_path, made(tmp_path, profile="none"), tokenizer, validation=0.3)
    train, val = (
        {Shards(out / side).document(i).tobytes() for i in range(Shards(out / side).documents)}
        for side in ("train", "val")
    )
    assert train and val and not train & val


@pytest.mark.parametrize("documents", [{"a": story(1)}, {"a": story(1), "b": story(1)}])
def test_a_corpus_too_small_for_its_validation_split_is_a_sentence(tmp_path, tokenizer, documents):
    write(tmp_path, documents)
    with pytest.raises(Problem, match="too small for its validation split"):
        encoded(tmp_path, made(tmp_path, profile="none"), tokenizer)


def test_two_documents_are_enough_for_a_split(tmp_path, tokenizer):
    write(tmp_path, {"a": story(1), "b": story(2)})
    out = encoded(tmp_path, made(tmp_path, profile="none"), tokenizer, validation=0.001)
    assert [json.loads((out / side / "index.json").read_text())["documents"] for side in ("train", "val")] == [1, 1]
