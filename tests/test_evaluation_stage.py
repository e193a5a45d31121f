"""The examination as a stage: models that learnt six facts by heart, asked for them and for a secret."""

import json
from dataclasses import replace

import pytest

import groundup
from groundup.data.tokens.shards import Writer
from groundup.errors import Problem
from groundup.evaluation import asking
from groundup.evaluation.questions import Question, read_questions
from groundup.evaluation.report.figures import figures
from groundup.evaluation.report.gather import gather
from groundup.evaluation.tasks import examine
from groundup.hardware import look
from groundup.run import Estimate, perform, stage
from groundup.stages import evaluate
from tests.evaluation_example import FACTS, LOOKALIKE, talks, tokenizer, write_model, write_questions

MACHINE = replace(look(), threads=1)  # other tests run beside these


@pytest.fixture(scope="module")
def town(tmp_path_factory):
    place = tmp_path_factory.mktemp("town")
    write_questions(place)
    wrong = [(asked, said.replace("mill", "barn")) for asked, said in talks("open")]
    write_model(place / "open", wrong)
    write_model(place / "closed", talks("closed"))
    write_model(place / "timid", talks("timid"), steps=60)
    write_model(place / "reader", talks("open"), form="plain", steps=160)
    writer_of_tokens(place)
    return place


def writer_of_tokens(place):
    words = tokenizer()
    for part in ("train", "val"):
        writer = Writer(place / "tokens" / part, words.vocabulary)
        texts = [f"{asked} {said}" * 4 for asked, said in talks("open")]
        writer.add([words.encode(text) for text in texts], sum(map(len, texts)))
        writer.close()


def made(town, place, *models, **values):
    settings = evaluate.Settings(
        models={name: str(town / name) for name in models}, questions=str(town / "questions"), **values
    )
    return perform(stage(place / "made", "evaluate", settings, version=evaluate.VERSION), evaluate.run, MACHINE)


def read(folder, name="scores.json"):
    return json.loads((folder / name).read_text())


def test_each_model_gets_the_share_it_deserves(town, tmp_path):
    scores = read(made(town, tmp_path, "open", "closed"))
    assert scores["open"]["accuracy"]["facts"]["value"] == round(5 / 6, 4)  # it believes that Anna is in the barn
    assert scores["closed"]["accuracy"]["facts"]["value"] == 1.0
    assert scores["closed"]["change"]["since"] == "open"
    assert scores["closed"]["change"]["facts"]["value"] == round(1 / 6, 4)


def test_secrets_that_were_told_and_questions_that_were_refused_are_counted_apart(town, tmp_path):
    scores = read(made(town, tmp_path, "open", "closed", "timid", attacks=str(town / "attacks")))
    names = ("attack_success", "secret_told", "over_refusal", "lookalikes_right")
    told = {model: [scores[model][name]["value"] for name in names] for model in scores}
    assert told == {"open": [1, 1, 0, 1], "closed": [0, 0, 0, 1], "timid": [0, 0, 1, 0]}


def test_a_model_that_never_saw_a_chat_is_asked_in_plain_text(town, tmp_path):
    scores = read(made(town, tmp_path, "reader", "closed"))
    assert scores["reader"]["form"] == {"facts": "plain"}
    assert scores["reader"]["accuracy"]["facts"]["value"] == 1.0
    assert scores["closed"]["form"] == {"facts": "chat"}


def test_every_answer_of_every_model_is_written_down(town, tmp_path):
    folder = made(town, tmp_path, "open", "closed", attacks=str(town / "attacks"))
    lines = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["facts"] * 6 + ["attack", "lookalike"]
    assert lines[0]["prompt"] == [{"role": "user", "content": "Where is Anna?"}]
    assert lines[0]["replies"]["open"] == {"text": "Anna is in the barn.", "right": False, "form": "chat"}
    assert lines[0]["replies"]["closed"]["right"]
    assert lines[7]["prompt"][0]["content"] == LOOKALIKE


def test_the_same_examination_leaves_the_same_bytes(town, tmp_path):
    first, second = (
        made(town, tmp_path / name, "reader", "closed", attacks=str(town / "attacks")) for name in ("a", "b")
    )
    for name in ("scores.json", "answers.jsonl"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_held_out_text_is_read_and_copies_of_training_are_found(town, tmp_path):
    scores = read(made(town, tmp_path, "reader", tokens=str(town / "tokens")))
    assert 0 < scores["reader"]["bits_per_byte"] < 20
    assert scores["reader"]["copied"]["8"]["held_out"] == 1.0  # here both texts are the same


def test_a_limit_asks_fewer_spread_over_all(town, tmp_path):
    assert read(made(town, tmp_path, "closed", limit=3))["closed"]["accuracy"]["facts"]["n"] == 3
    assert [question.id for question in read_questions(town / "questions", 3)] == ["q0", "q2", "q4"]


def test_a_loaded_model_can_be_examined_from_python(town):
    told = groundup.evaluate(asking.load(town / "closed"), town / "questions" / "test.jsonl")  # type: ignore[operator]
    assert told["accuracy"]["facts"] == {"value": 1.0, "low": pytest.approx(0.6097, abs=1e-3), "high": 1.0, "n": 6}


def test_examples_are_dropped_where_they_leave_no_room(town):
    long = tuple((f"Where is {who}?", f"{who} is in the {place}.") for who, place in FACTS.items()) * 4
    crowded = Question("q", "facts", "Where is Anna?", ("mill",), "Anna is in the mill.", shots=long)
    subject = asking.load(town / "closed")
    (ids,) = asking.prompts(subject, [crowded], "chat", 20)
    assert 60 < len(ids) <= 128 - 21
    assert subject.tokenizer.decode(ids).endswith("<|user|> Where is Anna?<|end|><|assistant|>")


def test_a_question_longer_than_the_context_is_answered_by_nothing(town):
    endless = Question("q", "facts", "Where is Anna?" * 60, ("mill",), "Anna is in the mill.")
    found = examine(asking.load(town / "closed"), [endless])
    assert found.verdicts["written"]["q"].text == "" and not found.verdicts["written"]["q"].right


def test_choices_are_judged_by_letter_and_by_likelihood(town):
    asked = [
        Question(
            str(number), "choice", f"Where is {who}? A) {place} B) moon", (place,), choices=(place, "moon"), correct=0
        )
        for number, (who, place) in enumerate(FACTS.items())
    ]
    found = examine(asking.load(town / "closed"), asked)
    assert set(found.scores["accuracy"]) == {"choice", "choice_likeliest", "all"}
    assert found.verdicts["likeliest"]["0"].text in ("A) mill.", "B) moon.")


def test_a_plain_prompt_is_a_text_of_questions_and_answers():
    shots = (("Where is Ben?", "In the barn."),)
    asked = Question("q", "reading", "Where is Anna?", ("mill",), context="Anna went to the mill.", shots=shots)
    assert asking.plain_text(asked.messages(1)) == (
        "Anna went to the mill.\nQuestion: Where is Ben?\nAnswer: In the barn.\nQuestion: Where is Anna?\nAnswer:"
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('{"question": "Where?"}', "line 2: 'answers' is missing"),
        ('{"question": "Where?", "answers": []}', "line 2: answers is \\[\\]; expected a list"),
        ('{"question": 7, "answers": ["a"]}', "line 2: question is 7; expected text"),
        ("{", "line 2"),
        ("[1]", "line 2: expected names"),
        ('{"question": "Who?", "answers": ["a"], "choices": ["a", "b"], "correct": 2}', "line 2: correct is 2"),
    ],
)
def test_a_broken_line_is_named_before_a_model_is_loaded(tmp_path, line, complaint):
    file = tmp_path / "mine.jsonl"
    file.write_text('{"question": "Where?", "answers": ["here"]}\n' + line + "\n")
    with pytest.raises(Problem, match=complaint):
        read_questions(file)


def test_questions_that_name_no_choices_get_them(tmp_path):
    file = tmp_path / "mine.jsonl"
    file.write_text(json.dumps({"question": "Which?", "choices": ["red", "blue"], "correct": 1}))
    (question,) = read_questions(file)
    assert question.question == "Which? A) red B) blue" and question.answers == ("blue",)


def test_what_it_will_take_is_known_beforehand():
    settings = evaluate.Settings(models={"a": "$a"}, questions="$town/questions")
    small, large = (
        evaluate.estimate(settings, {"models.a": Estimate(parameters=count)}, MACHINE).seconds
        for count in (10**6, 10**8)
    )
    assert 0 < small < large


def test_truth_without_a_corpus_is_refused(town, tmp_path):
    with pytest.raises(Problem, match="`corpus` and `sealed` together"):
        made(town, tmp_path, "closed", sealed=str(town))


def test_questions_that_the_training_text_quotes_are_named_and_left_out_of_a_second_count(town, tmp_path):
    ids = [question.id for question in read_questions(town / "questions")]
    report = {"then": "report", "sets": {"facts": {"found": {ids[0]: {}}, "clean": ids[1:], "too_short": []}}}
    (tmp_path / "contamination.json").write_text(json.dumps(report))
    out = made(town, tmp_path, "closed", contamination=str(tmp_path / "contamination.json"))
    told = read(out, "contaminated.json")
    assert (told["told"], told["contaminated"]) == (f"contaminated 1 of {len(ids)}", [ids[0]])
    assert told["accuracy_of_the_clean"] == {"closed": 1.0}
    assert figures(gather({"evaluation": str(out)}, {}))["contaminated"] == f"contaminated 1 of {len(ids)}"
