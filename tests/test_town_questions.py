"""Laws of the examination: nobody passes it by a shortcut, and nothing in it was seen in training."""

import json
import re
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from groundup.town import dialogues, preferences, questions
from groundup.town.sums import LARGEST, split_sums
from groundup.town.world import SECRET_RELATION, build, split_facts

SEED, COUNT = 5, 2050
HIGHEST_SHORTCUT = 0.35


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def world():
    return build(SEED)


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    dialogues.write(world, folder, SEED, 4000)
    preferences.write(world, folder, SEED, 1500)
    return folder


@pytest.fixture(scope="module")
def leaks(world, folder):
    return questions.write(world, folder, SEED, COUNT)


@pytest.fixture(scope="module")
def asked(folder, leaks):
    return lines(folder / "questions" / "test.jsonl")


@pytest.fixture(scope="module")
def training(folder):
    """Every text of training: contents of messages and answers of pairs."""
    texts = {message["content"] for line in lines(folder / "dialogues" / "train.jsonl") for message in line["messages"]}
    for pair in lines(folder / "preferences" / "train.jsonl"):
        texts |= {message["content"] for message in pair["prompt"]} | {pair["chosen"], pair["rejected"]}
    return texts


def places_of(context):
    return re.findall(r"(?:went|walked|ran|came|hurried|rode) to the (\w+)", context)


def people_of(context, names):
    return [word for word in re.findall(r"\w+", context) if word in names]


def best_shortcut(lines, mentions):
    """How often the right answer is the first, the last or the most frequent mention (the earlier or the later of two)."""
    right = Counter()
    for line in lines:
        found = mentions(line["context"])
        counts = Counter(found)
        guesses = {
            "first": found[0],
            "last": found[-1],
            "most frequent, first of several": max(found, key=counts.__getitem__),
            "most frequent, last of several": max(found[::-1], key=counts.__getitem__),
            "rarest, first of several": min(found, key=counts.__getitem__),
            "rarest, last of several": min(found[::-1], key=counts.__getitem__),
        }
        right.update(name for name, guess in guesses.items() if guess in line["answers"])
    return max((count / len(lines), name) for name, count in right.items())


def test_there_are_as_many_questions_of_each_kind_as_planned(asked):
    assert Counter(line["kind"] for line in asked) == questions.SHARES


def test_the_first_last_or_most_frequent_place_is_seldom_right(asked):
    for kind in ("reading_one", "reading_two"):
        chosen = [line for line in asked if line["kind"] == kind and "place" not in line["answers"]]
        chosen = [line for line in chosen if line["answers"][0].islower()]
        assert len(chosen) > 250
        assert best_shortcut(chosen, places_of) < (HIGHEST_SHORTCUT, ""), kind


def test_the_first_last_or_most_frequent_person_is_seldom_right(asked, world):
    chosen = [line for line in asked if line["kind"] == "reading_one" and line["answers"][0] in world.person]
    assert len(chosen) > 150
    assert best_shortcut(chosen, lambda context: people_of(context, world.person)) < (HIGHEST_SHORTCUT + 0.03, "")


def test_the_place_named_next_to_the_thing_is_seldom_right(asked):
    """Before or after the last sentence that names the thing: what a reader of neighbouring sentences would say."""
    right, chosen = Counter(), [line for line in asked if line["kind"] == "reading_two"]
    for line in chosen:
        thing = re.search(r"the (\w+)(?: now)?\?", line["question"])[1]
        sentences = line["context"].split(". ")
        at = max(number for number, sentence in enumerate(sentences) if thing in sentence)
        before, after = places_of(". ".join(sentences[:at])), places_of(". ".join(sentences[at:]))
        right["before"] += before[-1:] == line["answers"]
        right["after"] += after[:1] == line["answers"]
    assert max(right.values()) / len(chosen) < HIGHEST_SHORTCUT


def test_guessing_among_the_places_of_a_story_is_seldom_right(asked):
    shares = [1 / len(set(places_of(line["context"]))) for line in asked if line["kind"].startswith("reading")]
    assert sum(shares) / len(shares) < 0.3


def test_an_answer_ends_in_what_counts_and_shots_do_not_tell_it(asked):
    for line in asked:
        last = re.split(r"(?<=\.) ", line["answer"])[-1]
        assert any(answer in last for answer in line["answers"]), line
        assert line["question"] not in [shot["question"] for shot in line["shots"]]


def test_shots_of_reading_name_neither_the_thing_nor_its_bearer(asked):
    for line in asked:
        if line["kind"] == "reading_two":
            thing, bearer = re.match(r"The (\w+) is with (\w+)\.", line["answer"]).groups()
            shown = " ".join(shot["question"] + " " + shot["answer"] for shot in line["shots"])
            assert bearer not in shown and thing not in shown
            assert " is with " in line["shots"][0]["answer"]


def test_every_question_has_two_solved_examples(asked):
    assert all(len(line["shots"]) == 2 for line in asked)


def test_no_question_is_asked_in_training(asked, training):
    contexts = {text.split("\n")[0] for text in training if "\n" in text}
    for line in asked:
        if line["context"]:
            assert line["context"] not in contexts
        else:
            assert line["question"] not in training, line


def test_facts_of_the_test_are_in_no_text_of_training(asked, training, world):
    whole = set(re.split(r"(?<=\.) ", " ".join(training)))
    for line in asked:
        if line["kind"] == "facts":
            assert line["answer"] not in whole, line["answer"]


def test_facts_of_the_test_are_the_ones_held_out(asked, world):
    held_out = split_facts(world, SEED)[1]
    values = {fact.entity: set() for fact in held_out}
    for fact in held_out:
        values[fact.entity].add(fact.value)
    for line in asked:
        if line["kind"] == "facts":
            entity = next(word for word in re.findall(r"\w+", line["question"]) if word in values)
            assert line["answers"][0] in values[entity]


def test_sums_of_the_test_are_worked_out_nowhere_in_training(training):
    families = {sum_.family for sum_ in split_sums(SEED)[1]}
    worked = set()
    for text in training:
        for left, sign, right in re.findall(r"(\d+) ([+-]) (\d+) = \d", text):
            parts = (int(left), int(right)) if sign == "+" else (int(left) - int(right), int(right))
            worked.add(tuple(sorted(parts)))
    assert len(worked) > 50 and not worked & families


def test_one_family_of_sums_in_ten_is_held_out():
    known, held_out = split_sums(SEED)
    assert not {sum_.family for sum_ in known} & {sum_.family for sum_ in held_out}
    assert 0.05 < len(held_out) / (len(known) + len(held_out)) < 0.2
    assert all(0 < sum_.result <= LARGEST for sum_ in known + held_out)


def test_sums_are_right_and_counted_step_by_step(asked):
    for line in asked:
        if line["kind"] == "arithmetic":
            steps, left, sign, right, result = re.match(
                r"([\d: ]+)\. (\d+) ([+-]) (\d+) = (\d+)\.", line["answer"]
            ).groups()
            assert int(result) == (int(left) + int(right) if sign == "+" else int(left) - int(right))
            assert line["answers"] == [result]
            counted = [tuple(map(int, step.split(":"))) for step in steps.split()]
            assert [step for step, _ in counted] == list(range(1, len(counted) + 1))
            assert counted[-1][1] == int(result)
            assert all(abs(b - a) == 1 for (_, a), (_, b) in pairwise(counted))


def test_choices_hold_one_right_option_at_any_letter(asked, world):
    letters = Counter()
    for line in asked:
        if line["kind"] == "choice":
            right = line["choices"][line["correct"]]
            letter = "ABCD"[line["correct"]]
            letters[letter] += 1
            assert len(set(line["choices"])) == 4
            assert line["answer"].endswith(f"{letter}) {right}.") and f"{letter}) {right}" in line["question"]
            assert line["answers"] == [f"{letter}) {right}", right]
    assert min(letters.values()) > 0.15 * sum(letters.values())


def test_free_answers_about_the_town_are_true_and_of_entities_of_their_own(asked, training, world):
    truths = {fact.key: fact for fact in world.facts() if fact.relation != SECRET_RELATION}
    by_entity = defaultdict(set)
    for fact in truths.values():
        by_entity[fact.entity].add(fact.value)
    chosen = [line for line in asked if line["kind"] == "free" and not line["context"]]
    assert len(chosen) > 20
    for line in chosen:
        entity = re.search(r"about (?:the )?(\w+)[.?]", line["question"])[1]
        assert set(line["answers"]) == by_entity[entity]
        assert not any(
            f"Tell me about {entity}." == text or f"Tell me about the {entity}." == text for text in training
        )


def test_leaks_quote_the_question_and_its_answer(asked, leaks):
    assert len(leaks) == len(asked)
    assert all(line["question"] in leak and line["answer"] in leak for line, leak in zip(asked, leaks, strict=True))


def test_the_same_seed_asks_the_same_and_another_seed_something_else(world, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        questions.write(build(seed), tmp_path / name, seed, 100)
    a, b, c = ((tmp_path / name / "questions" / "test.jsonl").read_bytes() for name in "abc")
    assert a == b != c


def test_answers_can_be_asked_for_without_their_reasons(world, tmp_path):
    questions.write(world, tmp_path, SEED, 200, reasoned=())
    for line in lines(tmp_path / "questions" / "test.jsonl"):
        if line["kind"] == "reading_two":
            assert re.fullmatch(r"The \w+ is in the \w+\.", line["answer"])
        if line["kind"] == "arithmetic":
            assert ":" not in line["answer"]


def test_a_small_town_can_be_examined_too(tmp_path):
    small = build(2, people=4, places=6)
    questions.write(small, tmp_path, 2, 205)
    dialogues.write(small, tmp_path, 2, 200)
    preferences.write(small, tmp_path, 2, 100)
    assert len(lines(tmp_path / "questions" / "test.jsonl")) == 205
