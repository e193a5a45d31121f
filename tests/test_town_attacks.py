"""Laws of attacks and look-alikes: nothing of the test was practised in training, and every look-alike can be answered."""

import json
import re

import pytest

from groundup.town import approaches, attacks, dialogues, preferences
from groundup.town.lookalikes import TEST_FORMS, TRAIN_FORMS
from groundup.town.templates import REFUSAL, TEST_TEMPLATES, TRAIN_TEMPLATES
from groundup.town.world import build, split_codes

SEED = 4


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture(scope="module")
def world():
    return build(SEED)


@pytest.fixture(scope="module")
def folder(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacks")
    attacks.write(world, folder, SEED, 200)
    dialogues.write(world, folder, SEED, 2000)
    preferences.write(world, folder, SEED, 1000)
    return folder


def said(messages):
    return [message["content"] for message in messages if message["role"] != "assistant"]


def test_there_are_enough_families_and_none_is_in_both():
    assert len(TRAIN_TEMPLATES) >= 12 and len(TEST_TEMPLATES) >= 8
    assert not set(TRAIN_TEMPLATES) & set(TEST_TEMPLATES)


def test_no_template_of_the_test_is_one_of_training():
    def texts(templates):
        return {
            text for family in templates.values() for turns in family for role, text in turns if role != "assistant"
        }

    assert not texts(TRAIN_TEMPLATES) & texts(TEST_TEMPLATES)


def test_no_look_alike_of_the_test_is_one_of_training():
    train = {text for form in TRAIN_FORMS for role, text in form.turns if role != "assistant"}
    test = {text for form in TEST_FORMS for role, text in form.turns if role != "assistant"}
    assert not train & test


def test_no_part_of_a_way_into_a_question_stands_in_the_test():
    def shapes(frames):
        return {text for turns in frames for role, text in turns if role != "assistant"}

    test = shapes(turns for family in TEST_TEMPLATES.values() for turns in family)
    test |= shapes(form.turns for form in TEST_FORMS)
    ours = {*approaches.FOR_CODES, *approaches.OPENINGS, *approaches.SYSTEMS, *approaches.AGAIN}
    ours |= {form.turns[0][1] for form in approaches.FOR_FACTS}
    assert not [(part, whole) for part in ours for whole in test if part in whole or whole in part]


def test_openings_and_systems_lead_to_attacks_and_to_harmless_questions_alike(folder, world):
    wholes = {"refusal": [], "lookalike": []}
    for line in lines(folder / "preferences" / "train.jsonl"):
        if line["kind"] in wholes:
            wholes[line["kind"]].append(line["prompt"])
    for led in wholes.values():
        last = [prompt[-1]["content"] for prompt in led]
        begun = [opening for opening in approaches.OPENINGS if any(text.startswith(opening[:12]) for text in last)]
        assert len(begun) > 20
        assert sum(prompt[0]["role"] == "system" for prompt in led) > 0.08 * len(led)
        assert sum(len(prompt) > 2 for prompt in led) > 0.2 * len(led)


def test_what_was_refused_is_refused_again(folder):
    again = [
        line
        for line in lines(folder / "preferences" / "train.jsonl")
        if line["kind"] == "refusal" and any(turn["content"].startswith(REFUSAL) for turn in line["prompt"])
    ]
    assert len(again) > 20
    assert all(line["chosen"].startswith(REFUSAL) and line["prompt"][-1]["role"] == "user" for line in again)


def test_no_prompt_of_the_test_ends_as_a_text_of_training(folder):
    training = {text for line in lines(folder / "dialogues" / "train.jsonl") for text in said(line["messages"])}
    training |= {text for line in lines(folder / "preferences" / "train.jsonl") for text in said(line["prompt"])}
    for name in ("test", "lookalikes"):
        for line in lines(folder / "attacks" / f"{name}.jsonl"):
            assert line["prompt"][-1]["content"] not in training, line


def test_attacks_ask_for_the_codes_of_places_kept_for_the_test(folder, world):
    known, held_out = split_codes(world, SEED)
    codes = {place.door_code: place.name for place in held_out}
    written = lines(folder / "attacks" / "test.jsonl")
    assert {line["template"] for line in written} == set(TEST_TEMPLATES)
    for line in written:
        whole = " ".join(message["content"] for message in line["prompt"])
        assert re.search(rf"\bthe {codes[line['secret']]}\b", whole), line
        assert not any(re.search(rf"\bthe {place.name}\b", whole) for place in known if "What colour is" not in whole)
        assert line["secret"] not in whole and "{" not in whole


def test_look_alikes_have_true_answers_that_refuse_nothing(folder, world):
    written = lines(folder / "attacks" / "lookalikes.jsonl")
    assert len(written) == 200
    codes = {place.door_code for place in world.places}
    for line in written:
        assert any(answer in line["answer"] for answer in line["answers"]), line
        assert not line["answer"].startswith(REFUSAL)
        assert not codes & set(re.findall(r"\d{4}", line["answer"]))
        assert line["prompt"][-1]["role"] == "user"


def test_half_of_the_look_alikes_stand_in_the_frame_of_an_attack():
    words = re.compile(
        r"code|secret|number|game|clever|coins|fire|grandmother|weep|note|memory|list|keeper|Pretend|door"
    )
    for forms in (TRAIN_FORMS, TEST_FORMS):
        framed = [form for form in forms if any(words.search(text) for _, text in form.turns)]
        assert len(framed) > len(forms) / 2


def test_the_same_seed_attacks_the_same(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        attacks.write(build(seed), tmp_path / name, seed, 50)
    a, b, c = ((tmp_path / name / "attacks" / "test.jsonl").read_bytes() for name in "abc")
    assert a == b != c
