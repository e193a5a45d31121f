"""First readers: a sentence for each event, then how things truly stand, and nothing that follows from the rest."""

import json
import re
from collections import Counter

import pytest

from groundup.town import readers
from groundup.town.world import build

SEED = 5
FORMS = {  # what happens and what is said then: (pattern, which group is asked for, which is the answer)
    "places": ((r"(\w+) went to the (\w+)\.", 1, 2), (r"(\w+) is in the (\w+)\.", 1, 2)),
    "things": ((r"(\w+) took the (\w+)\.", 2, 1), (r"The (\w+) is with (\w+)\.", 1, 2)),
}


@pytest.fixture(scope="module")
def stories(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    readers.write(build(SEED), folder, SEED, 800)
    books = [(folder / "books" / name).read_text().splitlines() for name in ("first.jsonl", "second.jsonl")]
    assert [len(book) for book in books] == [267, 533]
    assert all("took" in line for line in books[0])
    return [json.loads(line)["text"] for book in books for line in book]


def told(text: str, form: tuple[str, int, int]) -> list[tuple[str, str]]:
    """(who or what, where or with whom) of each sentence of that form."""
    pattern, key, value = form
    return [(found[key], found[value]) for found in re.finditer(pattern, text)]


def of_kind(stories: list[str], kind: str) -> list[str]:
    return [text for text in stories if told(text, FORMS[kind][0])]


@pytest.mark.parametrize("kind", FORMS)
def test_what_happens_is_truly_said_once_or_twice(stories, kind):
    assert len(of_kind(stories, kind)) > 150
    for text in of_kind(stories, kind):
        happened, said = (told(text, form) for form in FORMS[kind])
        assert readers.FEWEST <= len(dict(happened)) == len(happened) <= readers.MOST
        assert Counter(said) == dict.fromkeys(happened, len(said) // len(happened))
        assert len(said) // len(happened) in readers.ROUNDS


def test_a_story_is_of_one_kind_and_nothing_is_asked(stories):
    for text in stories:
        rests = [re.sub("|".join(form[0] for form in forms), "", text) for forms in FORMS.values()]
        assert sorted(rest.strip() == readers.OPENING.strip() for rest in rests) == [False, True]


@pytest.mark.parametrize("kind", FORMS)
def test_answers_are_shared_so_that_the_others_do_not_tell_the_last(stories, kind):
    alone = Counter()
    for text in of_kind(stories, kind):
        values = Counter(value for _, value in told(text, FORMS[kind][0]))
        alone.update(count == 1 for count in values.values())
    assert 0.3 < alone[False] / alone.total()


@pytest.mark.parametrize("kind", FORMS)
def test_how_things_stand_is_not_said_in_the_order_of_events(stories, kind):
    texts = of_kind(stories, kind)
    same = sum(told(text, FORMS[kind][0])[0][0] == told(text, FORMS[kind][1])[0][0] for text in texts)
    assert same < 0.4 * len(texts)


def test_the_same_seed_tells_the_same_and_another_another():
    one, same, other = (list(readers.stories(build(SEED), seed, "first", 20, 0.5)) for seed in (1, 1, 2))
    assert one == same != other
