"""First readers: one sentence for each person, then where they truly are, and nothing that follows from the rest."""

import json
import re
from collections import Counter

import pytest

from groundup.town import readers
from groundup.town.world import build

SEED = 5
WENT, IS = r"(\w+) went to the (\w+)\.", r"(\w+) is in the (\w+)\."


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    readers.write(build(SEED), folder, SEED, 400)
    return [json.loads(line)["text"] for line in (folder / "books" / "readers.jsonl").open()]


def test_everybody_goes_somewhere_and_is_truly_said_to_be_there_once_or_twice(stories):
    assert len(stories) == 400
    for text in stories:
        went, said = re.findall(WENT, text), re.findall(IS, text)
        assert readers.FEWEST <= len(dict(went)) == len(went) <= readers.MOST
        assert Counter(said) == dict.fromkeys(went, len(said) // len(went))
        assert len(said) // len(went) in readers.ROUNDS


def test_nothing_is_asked_and_nothing_else_is_told(stories):
    for text in stories:
        assert re.sub(f"{WENT}|{IS}", "", text.removeprefix(readers.OPENING)).strip() == ""


def test_people_share_places_so_that_other_sentences_do_not_tell_the_last(stories):
    alone = Counter()
    for text in stories:
        places = Counter(place for _, place in re.findall(WENT, text))
        alone.update(count == 1 for count in places.values())
    assert 0.3 < alone[False] / alone.total()


def test_where_they_are_is_not_said_in_the_order_of_their_going(stories):
    same = sum(re.search(WENT, text)[1] == re.search(IS, text)[1] for text in stories)
    assert same < 0.4 * len(stories)


def test_the_same_seed_tells_the_same_and_another_another():
    one, same, other = (list(readers.stories(build(SEED), seed, 20)) for seed in (1, 1, 2))
    assert one == same != other
