"""Made data: what a model says becomes lines with their provenance, or is held back with a reason."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from groundup.data.copies.decontaminate import protect
from groundup.data.synthetic.candidate import Candidate, Item
from groundup.data.synthetic.prompts import PROMPTS
from groundup.data.synthetic.screens import Screens, ScreenSettings
from groundup.data.tokens.examples import conversations
from groundup.errors import Problem
from tests import model_example
from tests.synthetic_example import document, lines, make, number_in, scripted, settings, spoken, write_corpus

ROOT = Path(__file__).parents[1]


@pytest.fixture
def corpus(tmp_path):
    return write_corpus(tmp_path / "corpus")


def question_of(number):
    words = document(number).split()
    return f"How many apples did {words[3]} carry to the {words[11]} on day {number}?"


def good(prompt, times=1):
    """An answer that a careful model would give to each of our prompts."""
    number = number_in(prompt)
    text = document(number)
    who = text.split()[3]
    if "Reply with JSON" in prompt:
        return json.dumps({"question": question_of(number), "answer": f"{who} carried {number + 3} apples."})
    return f"{who} took {number + 3} apples to the others on day {number}. In the evening {who} told a story."


def at(served, **values):
    return settings(**{"model.url": served.url, "model.name": "chat", **values})


def removed(folder):
    return {told["id"]: (told["reason"], told["detail"]) for told in lines(folder / "removed" / "removed.jsonl")}


def test_questions_become_conversations_with_their_passage_and_provenance(tmp_path, corpus):
    with scripted(good) as served:
        folder = make(tmp_path / "out", at(served, kind="questions", corpus=str(corpus), count=5))
    found = lines(folder / "dialogues" / "train.jsonl")
    assert len(found) == 5
    for told in found:
        number = int(told["made"]["document"]["id"].removeprefix("doc-"))
        user, assistant = told["messages"]
        assert user == {"role": "user", "content": f"{document(number)}\n\n{question_of(number)}"}
        assert assistant["role"] == "assistant" and str(number + 3) in assistant["content"]
        made = told["made"]
        assert made["document"]["sha256"] == hashlib.sha256(document(number).encode()).hexdigest()
        assert made["model"] == "chat" and made["sampling"] == {"temperature": 0.7, "top_p": 0.95, "max_tokens": 512}
        assert [call["prompt"] for call in made["calls"]] == ["questions"] and made["calls"][0]["version"] == PROMPTS[
            "questions"
        ].version
        assert made["passed"] == [
            "cut off",
            "length",
            "language",
            "refusal",
            "copied",
            "grounded",
            "leak",
            "duplicate",
            "near_duplicate",
        ]
    seeds = [body["seed"] for body in served.bodies]
    assert len(set(seeds)) == 5 and sorted(seeds) == sorted(told["made"]["calls"][0]["seed"] for told in found)


def test_a_training_reads_what_was_made(tmp_path, corpus):
    with scripted(good) as served:
        folder = make(tmp_path / "out", at(served, kind="questions", corpus=str(corpus), count=4))
    read = conversations([folder / "dialogues" / "train.jsonl"], model_example.tokenizer(300), "plain", 2, 512, 1)
    assert len(read.texts) == 4


def test_a_closed_book_leaves_the_passage_out(tmp_path, corpus):
    with scripted(good) as served:
        folder = make(tmp_path / "out", at(served, kind="questions", corpus=str(corpus), count=3, book="closed"))
    assert all(
        told["messages"][0]["content"].startswith("How many") for told in lines(folder / "dialogues/train.jsonl")
    )


def test_passages_are_rewritten_in_every_style_that_was_asked_for(tmp_path, corpus):
    asked = {"kind": "rewrite", "corpus": str(corpus), "count": 6, "styles": ["plain", "summary"], "screens.near": None}
    with scripted(lambda prompt, times: good(prompt) + (" So it was." if "summary" in prompt else "")) as served:
        folder = make(tmp_path / "out", at(served, **asked))
    found = lines(folder / "texts" / "train.jsonl")
    assert [told["made"]["by"] for told in found] == ["rewrite.plain", "rewrite.summary"] * 3
    assert all(told["source"] == f"synthetic/{told['made']['by']}" and told["text"] for told in found)
    report = json.loads((folder / "report.json").read_text())["prompts"]
    assert report["rewrite.plain"]["kept"] == 3 and 0 < report["rewrite.plain"]["median"]["length"] < 1


SAID = {
    "broken": "I like apples and pears.",
    "refusal": json.dumps({"question": "Who walked along the lane?", "answer": "I'm sorry, but I can't help with that basket of apples."}),
    "length": json.dumps({"question": "Who walked?", "answer": "yes"}),
    "grounded": json.dumps({"question": "Who invented steam?", "answer": "James Watt perfected condensers near Glasgow around 1769."}),
    "copied": json.dumps({"question": "What now?", "answer": "Write one question that the passage answers, and its answer in a sentence or two."}),
    "language": json.dumps({"question": "Wer ging?", "answer": "Die Frau ging mit dem Korb auf die Straße, und sie war nicht allein, weil es dort nach der Schule noch viele andere gab."}),
    "cut off": (200, spoken('{"question": "Who walked along the lane?", "answer": "Anna walked along"}', "length"), {}),
}  # fmt: skip


@pytest.mark.parametrize("reason", SAID)
def test_what_a_screen_holds_back_is_kept_aside_with_its_name(tmp_path, corpus, reason):
    def script(prompt, times):
        return SAID[reason] if number_in(prompt) == 3 else good(prompt)

    with scripted(script) as served:
        folder = make(tmp_path / "out", at(served, kind="questions", corpus=str(corpus), count=12))
    assert [why for why, _ in removed(folder).values()] == [reason]
    assert len(lines(folder / "dialogues" / "train.jsonl")) == 11
    (told,) = lines(folder / "removed" / "removed.jsonl")
    assert told["made"]["document"]["id"] == "doc-3" and told["said"] and reason not in told["made"]["passed"]
    report = json.loads((folder / "report.json").read_text())["prompts"]["questions"]
    assert report["removed"] == {reason: 1} and report["kept_share"] == round(11 / 12, 4)
    assert f"{reason}\n" in (folder / "table.txt").read_text()


def test_a_text_that_was_not_rewritten_is_held_back(tmp_path, corpus):
    def lazy(prompt, times):
        return document(number_in(prompt)) if number_in(prompt) == 5 else good(prompt)

    asked = {"kind": "rewrite", "corpus": str(corpus), "count": 12, "styles": ["plain"], "screens.near": None}
    with scripted(lazy) as served:
        folder = make(tmp_path / "out", at(served, **asked))
    assert list(removed(folder).values()) == [("unchanged", "100% of it are as they were")]


def test_questions_asked_before_go(tmp_path, corpus):
    def same(prompt, times):
        told = json.loads(good(prompt))
        if number_in(prompt) in (2, 7):
            told["question"] = "What did somebody bring to the old place on that day?"
        if number_in(prompt) == 9:
            told["question"] = "What did somebody bring to the old place on that very day?"
        return json.dumps(told)

    with scripted(same) as served:
        folder = make(tmp_path / "out", at(served, kind="questions", corpus=str(corpus), count=12))
    assert [why for why, _ in removed(folder).values()] == ["duplicate", "near_duplicate"]
    assert all(detail == "of questions-000002" for _, detail in removed(folder).values())


def test_a_bent_apostrophe_hides_no_quotation(tmp_path):
    question = "Who heard the miller's dog when it's raining and nobody's at the old mill today?"
    (tmp_path / "test.jsonl").write_text(json.dumps({"id": "q1", "question": question}) + "\n")
    asked = Screens(ScreenSettings.model_validate({}), protect(str(tmp_path / "test.jsonl")))
    for text in (question, question.replace("'", "’")):
        made = Candidate(Item("t", "templates", "templates.t"), text=text, subject=text, answer=text)
        assert asked.alone(made).reason == "leak"


def test_what_models_are_tested_with_is_not_made(tmp_path, corpus):
    number = 4
    who = document(number).split()[3]
    protected = {"id": "q7", "question": question_of(number), "answer": f"{who} carried {number + 3} apples."}
    (tmp_path / "test.jsonl").write_text(json.dumps(protected) + "\n")
    asked = {"kind": "questions", "corpus": str(corpus), "count": 12, "protect": str(tmp_path / "test.jsonl")}
    with scripted(good) as served:
        folder = make(tmp_path / "out", at(served, **asked))
    assert list(removed(folder).values()) == [("leak", "13 words of q7")]


SEEDS = [
    {"id": "s1", "instruction": "Name three birds that live near water.", "output": "Heron, duck and kingfisher."},
    {"id": "s2", "messages": [{"role": "user", "content": "Translate `bread` into German."}, {"role": "assistant", "content": "Brot."}]},
    {"id": "s3", "instruction": "Sort these numbers.", "input": "3, 1, 2", "output": "1, 2, 3"},
]  # fmt: skip


def tasks(prompt, times):
    """A new task for each list that is shown, and an answer to each task."""
    if prompt.startswith("Below are some tasks"):
        number = int(hashlib.sha256(prompt.encode()).hexdigest(), 16) % 997
        if number % 5 == 0:
            return "Name three birds that live near water."
        colour, animal = (
            ("red", "blue", "green", "grey")[number % 4],
            ("cat", "horse", "owl", "whale", "crab")[number // 4 % 5],
        )
        return f"Task 5: Tell a story of {number} words about one {colour} {animal} and its {number % 17} friends.\n\nTask 6: Sing."
    return f"There was somebody who did what `{prompt[:30]}` asks for."


def test_new_tasks_are_made_of_old_ones_and_done(tmp_path):
    (tmp_path / "seeds.jsonl").write_text("".join(json.dumps(seed) + "\n" for seed in SEEDS))
    with scripted(tasks) as served:
        folder = make(tmp_path / "out", at(served, kind="instructions", seeds=str(tmp_path / "seeds.jsonl"), count=80))
    found = lines(folder / "dialogues" / "train.jsonl")
    assert len(found) > 10
    for told in found:
        assert (
            told["messages"][0]["content"].startswith("Tell a story of")
            and "Task" not in told["messages"][0]["content"]
        )
        assert [call["prompt"] for call in told["made"]["calls"]] == ["instructions.task", "instructions.answer"]
    reasons = {why for why, _ in removed(folder).values()}
    assert "duplicate" in reasons, "a seed said again is nothing new"
    shown = [told["made"]["shown"] for told in found + lines(folder / "removed" / "removed.jsonl")]
    assert any(id.startswith("instructions-") for some in shown for id in some), (
        "its own tasks are shown in later rounds"
    )


def test_a_judge_holds_back_what_it_finds_poor(tmp_path, corpus):
    def script(prompt, times):
        if prompt.startswith("Somebody was asked"):
            return "I would say 2." if "day 6?" in prompt else "no idea" if "day 8?" in prompt else "5"
        return good(prompt)

    asked = {"kind": "questions", "corpus": str(corpus), "count": 12, "judge.least": 3}
    with scripted(script) as served:
        folder = make(tmp_path / "out", at(served, **asked))
    assert sorted(removed(folder).values()) == [
        ("judge", "2, at least 3 is asked for"),
        ("judge", "no mark, at least 3 is asked for"),
    ]
    assert all(
        told["made"]["score"] == 5 and "judge" in told["made"]["passed"]
        for told in lines(folder / "dialogues/train.jsonl")
    )


def test_servers_in_trouble_are_asked_again_and_what_stays_silent_is_told_of(tmp_path, corpus):
    def script(prompt, times):
        number = number_in(prompt)
        if number == 1 and times == 1:
            return 500, b"oops", {}
        if number == 2 and times == 1:
            return 429, b"{}", {"Retry-After": "0"}
        if number == 3 and times < 3:
            return 200, b"<html>not JSON", {}
        if number == 4:
            return 503, b'{"error": {"message": "overloaded"}}', {}
        if number == 5:
            return 400, b'{"error": {"message": "too long"}}', {}
        if number == 6:
            return 200, b'{"choices": []}', {}
        return good(prompt)

    with scripted(script) as served:
        folder = make(tmp_path / "out", at(served, kind="questions", corpus=str(corpus), count=12))
        asked = [number_in(body["messages"][0]["content"]) for body in served.bodies]
    assert sorted(removed(folder).values())[:2] == [("no answer", "400 too long"), ("no answer", "503 overloaded")]
    assert len(removed(folder)) == 3 and len(lines(folder / "dialogues/train.jsonl")) == 9
    assert [asked.count(number) for number in (1, 2, 3, 4, 5, 6, 7)] == [2, 2, 3, 3, 1, 3, 1]


def test_a_slow_server_is_not_waited_for_longer_than_said(tmp_path, corpus):
    def script(prompt, times):
        if number_in(prompt) == 0:
            time.sleep(2)
        return good(prompt)

    with scripted(script) as served:
        folder = make(
            tmp_path / "out", at(served, kind="questions", corpus=str(corpus), count=12, seconds=0.3, retries=0)
        )
    assert list(removed(folder).values()) == [("no answer", "no answer within 0.3 s")]


@pytest.mark.parametrize(
    ("status", "said"), [(401, "put the address, `model.name` or the key right"), (404, "404 no such model")]
)
def test_what_is_wrong_with_the_settings_is_said_at_once(tmp_path, corpus, status, said):
    with scripted(lambda prompt, times: (status, b'{"error": "no such model"}', {})) as served:
        with pytest.raises(Problem, match=said):
            make(tmp_path / "out", at(served, kind="questions", corpus=str(corpus)))
        assert len(served.bodies) <= 3


def test_nobody_at_the_address_is_one_sentence(tmp_path, corpus):
    with pytest.raises(Problem, match="nothing answers at http://127.0.0.1:9 .*groundup serve"):
        make(
            tmp_path / "out",
            settings(kind="questions", corpus=str(corpus), **{"model.url": "http://127.0.0.1:9", "model.name": "x"}),
        )


def test_the_key_comes_from_the_environment_and_goes_nowhere_else(tmp_path, corpus, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "sk-4711")
    with scripted(good) as served:
        folder = make(
            tmp_path / "out", at(served, kind="questions", corpus=str(corpus), count=3, **{"model.key": "OUR_KEY"})
        )
        assert set(served.keys) == {"Bearer sk-4711"}
    assert not any(b"sk-4711" in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_never_more_are_asked_at_once_than_allowed(tmp_path, corpus):
    def slow(prompt, times):
        time.sleep(0.02)
        return good(prompt)

    with scripted(slow) as served:
        make(tmp_path / "out", at(served, kind="questions", corpus=str(corpus), count=12, concurrency=2))
        assert served.most == 2


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_an_attempt_that_was_stopped_asks_for_nothing_twice(tmp_path, corpus, how):
    def slow(prompt, times):
        time.sleep(0.05)
        return good(prompt)

    with scripted(slow) as served:
        words = {"kind": "questions", "corpus": str(corpus), "count": 12, "model.url": served.url, "model.name": "chat"}
        command = [sys.executable, str(ROOT / "tests" / "synthetic_example.py"), str(tmp_path / "out")]
        command += [f"{name}={json.dumps(value)}" for name, value in words.items()] + ["concurrency=1"]
        process = subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
        answers = tmp_path / "out.partial" / "answers.jsonl"
        while not answers.exists() or answers.read_bytes().count(b"\n") < 4:
            time.sleep(0.01)
            assert process.poll() is None
        process.send_signal(how)
        process.wait()
        folder = make(tmp_path / "out", settings(**words))
        asked = [number_in(body["messages"][0]["content"]) for body in served.bodies]
        whole = make(tmp_path / "whole", settings(**words))
    assert len(asked) - len(set(asked)) <= 1 and len(set(asked)) == 12
    names = [path.relative_to(whole) for path in whole.rglob("*") if path.suffix in (".jsonl", ".json", ".txt")]
    same = [name for name in names if name.name not in ("metrics.jsonl", "manifest.json", "resolved.json")]
    assert len(same) >= 3 and all((whole / name).read_bytes() == (folder / name).read_bytes() for name in same)


def test_the_cost_is_told_in_tokens(tmp_path, corpus):
    with scripted(good) as served:
        folder = make(tmp_path / "out", at(served, kind="questions", corpus=str(corpus), count=5))
    cost = json.loads((folder / "report.json").read_text())["cost"]
    assert cost["calls"] == 5 and cost["prompt_tokens"] == 35 and cost["tokens"] > 40
    assert lines(folder / "metrics.jsonl")[-1]["tokens_per_second"] > 0


def test_another_document_changes_no_other_choice(tmp_path):
    with scripted(good) as served:
        few, many = write_corpus(tmp_path / "few", 8), write_corpus(tmp_path / "many", 9)
        found = []
        for folder in (few, many):
            made = make(tmp_path / f"out-{folder.name}", at(served, kind="questions", corpus=str(folder), count=4))
            found.append({told["made"]["document"]["id"] for told in lines(made / "dialogues/train.jsonl")})
    assert len(found[0] & found[1]) >= 3


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"kind": "questions"}, "needs `corpus`"),
        ({"kind": "rewrite", "corpus": "{here}"}, "needs `model`"),
        ({"kind": "instructions", "model.url": "http://x", "model.name": "m"}, "needs `seeds`"),
        ({"kind": "templates"}, "needs `templates`"),
        ({"kind": "questions", "model.url": "http://x"}, "give one of the two"),
        ({"kind": "questions", "model.name": "m"}, "`url` is missing"),
        (
            {"kind": "questions", "corpus": "{here}", "model.url": "ftp://x", "model.name": "m"},
            "is no address of a server",
        ),
        (
            {
                "kind": "questions",
                "corpus": "{here}",
                "model.url": "http://x",
                "model.name": "m",
                "model.key": "NO_SUCH",
            },
            "NO_SUCH",
        ),
    ],
)
def test_what_is_missing_is_said_before_anybody_is_asked(tmp_path, values, said):
    values = {name: str(value).format(here=tmp_path) for name, value in values.items()}
    with pytest.raises(Problem, match=said):
        make(tmp_path / "out", settings(**values))
