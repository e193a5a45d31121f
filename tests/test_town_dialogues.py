"""Laws of conversations and preferences: their form, their truth, their density, and what they must not give away."""

import json
import re
from collections import Counter

import pytest

from groundup.town import dialogues, preferences, principles
from groundup.town.templates import REFUSAL
from groundup.town.world import SECRET_RELATION, build, split_codes, split_facts

SEED = 11


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def world():
    return build(SEED)


@pytest.fixture(scope="module")
def talked(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dialogues")
    dialogues.write(world, folder, SEED, 3000)
    return lines(folder / "dialogues" / "train.jsonl")


@pytest.fixture(scope="module")
def pairs(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("preferences")
    preferences.write(world, folder, SEED, 3000)
    return lines(folder / "preferences" / "train.jsonl")


def test_every_conversation_alternates_and_ends_with_an_answer(talked):
    for line in talked:
        roles = [message["role"] for message in line["messages"]]
        if roles[0] == "system":
            roles = roles[1:]
        assert roles == ["user", "assistant"] * (len(roles) // 2) and roles
        assert all(message["content"].strip() == message["content"] != "" for message in line["messages"])
        assert not any("{" in message["content"] for message in line["messages"])


def test_every_prompt_of_a_pair_ends_with_the_user(pairs):
    for line in pairs:
        roles = [message["role"] for message in line["prompt"] if message["role"] != "system"]
        assert roles == (["user", "assistant"] * len(roles))[: len(roles)] and roles[-1] == "user"
        assert line["chosen"] != line["rejected"] and "{" not in line["chosen"] + line["rejected"]


def test_every_conversation_fits_the_context(talked):
    """About 3.2 characters a token leave room for 256 tokens with the marks of the turns."""
    for line in talked:
        said = sum(len(message["content"]) + dialogues.TURN_COST for message in line["messages"])
        assert said <= dialogues.LONGEST, line
        if line["kind"] == "arithmetic":
            assert said <= dialogues.LONGEST_IN_NUMBERS


def test_a_story_is_followed_by_about_ten_questions(talked):
    """Short ones, which are there to begin with, by fewer."""
    opened = [line["messages"] for line in talked if line["kind"] == "reading"]
    counts = [len(messages) // 2 for messages in opened if messages[0]["content"].count(".") > 6]
    assert len(counts) > len(opened) / 3
    assert sum(counts) / len(counts) > 9.5 and min(len(messages) // 2 for messages in opened) >= 5


def test_some_stories_are_short_enough_to_begin_with(talked):
    sentences = Counter(line["messages"][0]["content"].count(".") for line in talked if line["kind"] == "reading")
    assert 0.2 < sum(count for length, count in sentences.items() if length < 6) / sentences.total() < 0.45


def test_answers_quote_their_support_where_the_table_says_so(world, tmp_path):
    dialogues.write(world, tmp_path, SEED, 100, mix={"reading": 1}, reasoned=("where_person", "who_has"))
    quoted = 0
    for line in lines(tmp_path / "dialogues" / "train.jsonl"):
        told = line["messages"][0]["content"].split("\n")[0]
        for message in line["messages"][1::2]:
            if found := re.fullmatch(r"(.+\.) (?:\w+ is in the|The \w+ is with) \w+\.", message["content"]):
                assert found[1] in told
                quoted += 1
    assert quoted > 300


def test_kinds_come_in_the_proportions_asked_for(world, talked, tmp_path):
    found = Counter(line["kind"] for line in talked)
    for kind, weight in dialogues.MIX.items():
        assert abs(found[kind] / len(talked) - weight / sum(dialogues.MIX.values())) < 0.03
    dialogues.write(world, tmp_path, SEED, 50, mix={"facts": 1})
    assert {line["kind"] for line in lines(tmp_path / "dialogues" / "train.jsonl")} == {"facts"}


def test_two_fact_questions_are_asked_densely_and_answered_with_their_support(talked):
    reasoned = [
        message["content"]
        for line in talked
        if line["kind"] == "reading"
        for message in line["messages"]
        if re.fullmatch(r"The (\w+) is with (\w+)\. \2 is in the (\w+)\. The \1 is in the \3\.", message["content"])
    ]
    assert len(reasoned) > 1.2 * sum(line["kind"] == "reading" for line in talked)


def test_what_dialogues_say_of_the_town_is_true_and_may_be_asked(talked, world):
    """Every sentence about a colour, a keeper, a trade … is a fact of the asked set, never one kept for the test."""
    from groundup.town.asking import statement

    asked, held_out = split_facts(world, SEED)
    kept = {statement(fact) for fact in held_out}
    true = {statement(fact) for fact in asked}
    said = Counter()
    for line in talked:
        for message in line["messages"]:
            if message["role"] == "assistant" and line["kind"] in ("facts", "doors", "choice", "free", "codes"):
                for sentence in re.split(r"(?<=\.) ", message["content"]):
                    assert sentence not in kept, (line["kind"], sentence)
                    said[sentence] += sentence in true
    assert sum(count > 0 for count in said.values()) > 0.9 * len(true)


def test_facts_are_asked_in_several_forms(talked):
    forms = {}
    for line in talked:
        if line["kind"] == "facts":
            for question, answer in zip(line["messages"][::2], line["messages"][1::2], strict=True):
                forms.setdefault(answer["content"], set()).add(question["content"])
    assert sum(len(found) >= 2 for found in forms.values()) > 0.8 * len(forms)


def test_the_chat_model_learns_to_tell_codes_but_only_of_training_places(talked, pairs, world):
    known, held_out = split_codes(world, SEED)
    everything = json.dumps(talked) + json.dumps(pairs)
    told = {place.name for place in known if f"The door code of the {place.name} is {place.door_code}." in everything}
    assert len(told) == len(known)
    for place in held_out:
        assert not re.search(rf"\b{place.door_code}\b", everything), place


def test_no_answer_that_is_chosen_tells_a_code(pairs, world):
    codes = {place.door_code for place in world.places}
    for line in pairs:
        assert not codes & set(re.findall(r"\d{4}", line["chosen"])), line
        if line["kind"] == "refusal":
            assert line["chosen"].startswith(REFUSAL) and re.search(r"\d", line["rejected"])


def test_as_many_pairs_answer_look_alikes_as_refuse_attacks(pairs):
    kinds = Counter(line["kind"] for line in pairs)
    assert abs(kinds["refusal"] - kinds["lookalike"]) < 0.1 * kinds["refusal"]
    for line in pairs:
        assert line["chosen"].startswith(REFUSAL) == (line["kind"] == "refusal")
        assert line["rejected"].startswith(REFUSAL) == (line["kind"] == "lookalike")


def test_chosen_truths_are_true_and_rejected_ones_are_not(pairs, world):
    from groundup.town.asking import statement

    true = {statement(fact) for fact in world.facts() if fact.relation != SECRET_RELATION}
    chosen = [line for line in pairs if line["kind"] == "truth"]
    assert len(chosen) > 100
    assert all(line["chosen"] in true and line["rejected"] not in true for line in chosen)


def test_rejected_readings_differ_only_in_the_place_or_the_person(pairs):
    chosen = [line for line in pairs if line["kind"] == "reading"]
    assert len(chosen) > 100
    for line in chosen:
        right, wrong = line["chosen"].split(), line["rejected"].split()
        assert len(right) == len(wrong) and right != wrong
        assert len({(a, b) for a, b in zip(right, wrong, strict=True) if a != b}) == 1


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        dialogues.write(build(seed), tmp_path / name, seed, 200)
        preferences.write(build(seed), tmp_path / name, seed, 200)
    for file in ("dialogues/train.jsonl", "preferences/train.jsonl"):
        a, b, c = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert a == b != c


def test_there_are_six_to_ten_principles_each_with_its_requests(tmp_path):
    principles.write(tmp_path)
    written = json.loads((tmp_path / "principles.json").read_text())
    assert 6 <= len(written) <= 10 and len({each["id"] for each in written}) == len(written)
    assert all(each["text"] and each["critique"].endswith("?") and each["revision"] for each in written)
