"""The first stories: one sentence for each person, one true answer for each, and no answer that follows from the others."""

import json
import re
from collections import Counter

import pytest

from groundup.town import first
from groundup.town.world import build

SEED = 5


@pytest.fixture(scope="module")
def talks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    first.write(build(SEED), folder, SEED, 400)
    return [json.loads(line)["messages"] for line in (folder / "dialogues" / "first.jsonl").open()]


def test_everybody_of_the_story_is_asked_for_once_and_answered_truly(talks):
    assert len(talks) == 400
    for messages in talks:
        story, question = messages[0]["content"].split("\n")
        told = dict(re.findall(r"(\w+) went to the (\w+)\.", story))
        asked = [question, *(message["content"] for message in messages[2::2])]
        names = [re.fullmatch(r"Where is (\w+)\?", each)[1] for each in asked]
        assert sorted(names) == sorted(told) and first.FEWEST <= len(names) <= first.MOST
        for name, message in zip(names, messages[1::2], strict=True):
            assert message["content"] == f"{name} is in the {told[name]}."


def test_people_share_places_so_that_other_answers_do_not_tell_the_last(talks):
    alone = Counter()
    for messages in talks:
        places = Counter(re.findall(r"to the (\w+)\.", messages[0]["content"]))
        alone.update(count == 1 for count in places.values())
    assert 0.3 < alone[False] / alone.total()


def test_the_order_of_questions_is_not_that_of_the_story(talks):
    same = sum(re.search(r"^(\w+)", messages[0]["content"])[1] in messages[1]["content"] for messages in talks)
    assert same < 0.4 * len(talks)


def test_the_same_seed_tells_the_same_and_another_another():
    world = build(SEED)
    assert list(first.conversations(world, 1, 20)) == list(first.conversations(world, 1, 20))
    assert list(first.conversations(world, 1, 20)) != list(first.conversations(world, 2, 20))
