"""The examination: new stories, facts that no dialogue asked about, sums never worked out, choices, free answers.

Each question carries its context, two solved examples of the same kind, and the final answers that count. Nothing here
equals a text of training: stories have companies of their own, facts, sums and entities were set aside beforehand.
"""

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from functools import cached_property
from pathlib import Path
from random import Random

from groundup.town import asking, choices, sums
from groundup.town.asking import REASONED, Ask
from groundup.town.grammar import choose
from groundup.town.stories import Story, story
from groundup.town.world import SECRET_RELATION, Fact, World, dice, split_facts

SHARES = {"reading_one": 550, "reading_two": 550, "facts": 400, "arithmetic": 250, "choice": 150, "free": 150}
SHOTS = 2
WHERE_SHARE = 0.6  # of the questions with one supporting sentence ask for a place, the others for a person
SHORTCUT_WEIGHT = 0.6  # a question that a shortcut answers is drawn this much less often, for each such shortcut
FEWEST_PLACES = 4  # that people of a story visit
TRIES = 20  # for a question that was not asked before; a small town runs out of new ones

Line = dict[str, object]


def write(
    world: World, folder: str | Path, seed: int, count: int = 2050, reasoned: Collection[str] = REASONED
) -> list[str]:
    """questions/test.jsonl; returns each question with its context and answer, as a page would leak it."""
    folder = Path(folder) / "questions"
    folder.mkdir(parents=True, exist_ok=True)
    leaks = []
    with (folder / "test.jsonl").open("w", encoding="utf-8") as out:
        for number, (kind, line) in enumerate(examination(world, seed, count, reasoned)):
            out.write(json.dumps({"id": f"question-{number:05}", "kind": kind, **line}) + "\n")
            leaks.append(f"{line['context']} {line['question']} {line['answer']}".strip())
    return leaks


def examination(
    world: World, seed: int, count: int, reasoned: Collection[str] = REASONED
) -> Iterator[tuple[str, Line]]:
    """Kind and content of each question, kind after kind."""
    asked: set[tuple[object, object]] = set()
    examiner = Examiner(dice(seed, "questions"), world, seed, reasoned)
    for kind, share in SHARES.items():
        for _ in range(round(count * share / sum(SHARES.values()))):
            for _ in range(TRIES):
                line = KINDS[kind](examiner)
                if (line["context"], line["question"]) not in asked:
                    break
            asked.add((line["context"], line["question"]))
            yield kind, line


class Examiner:
    """The dice, the town, and what was set aside for the test beside what training may know."""

    def __init__(self, roll: Random, world: World, seed: int, reasoned: Collection[str]):
        self.roll, self.world, self.reasoned = roll, world, reasoned
        self.known_facts, self.facts = split_facts(world, seed)
        self.known_sums, self.sums = sums.split_sums(seed)

    @cached_property
    def values(self) -> dict[str, list[str]]:
        return asking.other_values(self.world)

    @cached_property
    def known_entities(self) -> list[list[Fact]]:
        return asking.told_entities(self.world, self.known_facts)

    @cached_property
    def entities(self) -> list[list[Fact]]:
        every = [fact for fact in self.world.facts() if fact.relation != SECRET_RELATION]
        return asking.told_entities(self.world, every, held_out=True)

    def form(self) -> int:
        return int(self.roll.random() * 3)

    def story(self) -> Story:
        """One of so many places that guessing among them is seldom right."""
        while True:
            told = story(self.roll, self.world, held_out=True)
            if len(told.visited) >= FEWEST_PLACES:
                return told


def _line(ask: Ask, shots: list[Ask], context: str = "") -> Line:
    return {
        "context": context,
        "shots": [{"question": shot.question, "answer": shot.answer} for shot in shots],
        "question": ask.question,
        "answers": list(ask.accepted),
        "answer": ask.answer,
        "choices": None,
        "correct": None,
    }


def shortcuts(told: Story) -> list[str]:
    """What readers would answer who look only at the first, the last or the most frequent place and person."""
    places = [event.where for event in told.events if event.kind == "move"]
    people = [who for event in told.events for who in (event.who, event.whom) if who]
    often_place, often_person = Counter(places), Counter(people)
    return [
        places[0],
        places[-1],
        max(places[::-1], key=often_place.__getitem__),
        people[0],
        people[-1],
        max(people[::-1], key=often_person.__getitem__),
    ]


def _fair(roll: Random, told: Story, candidates: list[Ask]) -> Ask:
    """One of the candidates, those that a shortcut answers less often."""
    guesses = Counter(shortcuts(told))
    return roll.choices(candidates, [SHORTCUT_WEIGHT ** guesses[ask.accepted[0]] for ask in candidates])[0]


def _reading_one(examiner: Examiner) -> Line:
    """Where somebody is, or who has something; the examples ask the same of others."""
    roll, form = examiner.roll, examiner.form()
    by_place = roll.random() < WHERE_SHARE
    while True:
        told = examiner.story()
        where = [
            asking.where_person(told, person, form, examiner.reasoned)
            for person, place in told.state.place.items()
            if place
        ]
        who = [
            asking.who_has(told, thing, form, examiner.reasoned)
            for thing, bearer in told.state.bearer.items()
            if bearer
        ]
        ask = _fair(roll, told, where if by_place else who) if where and who else None
        others = [other for other in (where if by_place else who + where) if other != ask]
        if ask and len(others) >= SHOTS and roll.random() < _chance(told, ask):
            return _line(ask, others[:SHOTS], told.text)


def _reading_two(examiner: Examiner) -> Line:
    """Where a thing is that somebody took elsewhere; no example tells of the thing or of its bearer."""
    roll, form = examiner.roll, examiner.form()
    while True:
        told = examiner.story()
        state = told.state
        carried = [thing for thing, bearer in state.bearer.items() if bearer and state.place[bearer]]
        if len(carried) < 2:
            continue
        asks = {thing: asking.where_thing(told, thing, form, examiner.reasoned) for thing in carried}
        ask = _fair(roll, told, list(asks.values()))
        bearer = state.bearer[next(thing for thing in carried if asks[thing] == ask)]
        others = [asks[thing] for thing in carried if state.bearer[thing] != bearer]
        shown = {bearer, *(state.bearer[thing] for thing in carried)}
        people = [person for person, place in state.place.items() if place and person != bearer]
        people.sort(key=shown.__contains__)  # those first of whom the other examples say nothing
        shots = others + [asking.where_person(told, person, form, examiner.reasoned) for person in people]
        if others and len(shots) >= SHOTS and roll.random() < _chance(told, ask):
            return _line(ask, shots[:SHOTS], told.text)


def _chance(told: Story, ask: Ask) -> float:
    return SHORTCUT_WEIGHT ** shortcuts(told).count(ask.accepted[0])


def _facts(examiner: Examiner) -> Line:
    """A fact that pages tell and no dialogue asks; the examples ask the same of others."""
    roll, form = examiner.roll, examiner.form()
    fact = choose(roll, examiner.facts)
    known = [other for other in examiner.known_facts if other.relation == fact.relation]
    shots = roll.sample(known if len(known) >= SHOTS else examiner.known_facts, SHOTS)
    return _line(asking.about_fact(fact, form), [asking.about_fact(shot, form) for shot in shots])


def _arithmetic(examiner: Examiner) -> Line:
    roll, world = examiner.roll, examiner.world
    asks = [sums.ask(roll, world, choose(roll, examiner.known_sums), examiner.reasoned) for _ in range(SHOTS)]
    return _line(sums.ask(roll, world, choose(roll, examiner.sums), examiner.reasoned), asks)


def _choice(examiner: Examiner) -> Line:
    found = choose(examiner.roll, (_fact_choices, _fact_choices, _place_choices))(examiner)
    while found is None:
        found = _place_choices(examiner)
    context, (choice, *shots) = found
    line = _line(
        Ask("choice", choice.question, choice.answer, (choice.picked, choice.options[choice.correct])), [], context
    )
    return line | {
        "shots": [{"question": shot.question, "answer": shot.answer} for shot in shots],
        "choices": list(choice.options),
        "correct": choice.correct,
    }


def _fact_choices(examiner: Examiner) -> tuple[str, list[choices.Choice]] | None:
    """A choice about a fact of the test and examples about facts of training."""
    roll, form = examiner.roll, examiner.form()
    facts = [choose(roll, examiner.facts), *roll.sample(examiner.known_facts, SHOTS)]
    found = [choices.about_fact_of(roll, fact, examiner.values, form, examiner.reasoned) for fact in facts]
    return ("", [choice for choice in found if choice]) if all(found) else None


def _place_choices(examiner: Examiner) -> tuple[str, list[choices.Choice]] | None:
    told = examiner.story()
    people = examiner.roll.sample(told.people, SHOTS + 1)
    found = [choices.about_place_of(examiner.roll, told, person, examiner.reasoned) for person in people]
    return (told.text, [choice for choice in found if choice]) if all(found) else None


def _free(examiner: Examiner) -> Line:
    return choose(examiner.roll, (_free_story, _free_story, _free_entity))(examiner)


def _free_story(examiner: Examiner) -> Line:
    """How a story ends for somebody: what they have, and where they are."""
    roll, form = examiner.roll, examiner.form()
    while True:
        told = examiner.story()
        known = [person for person, place in told.state.place.items() if place]
        if len(known) > SHOTS:
            ask, *shots = [asking.tell(told, person, form) for person in roll.sample(known, SHOTS + 1)]
            return _line(ask, shots, told.text)


def _free_entity(examiner: Examiner) -> Line:
    """Anything true about somebody or something of whom training never told at length."""
    if not examiner.entities or len(examiner.known_entities) < SHOTS:
        return _free_story(examiner)
    roll, form = examiner.roll, examiner.form() % len(asking.TELL)
    facts = choose(roll, examiner.entities)
    accepted = tuple(dict.fromkeys(fact.value for fact in facts))
    question, answer = asking.telling_of(roll, facts, form)
    shots = [asking.telling_of(roll, known, form) for known in roll.sample(examiner.known_entities, SHOTS)]
    return _line(Ask("tell", question, answer, accepted), [Ask("tell", *shot, ()) for shot in shots])


KINDS: dict[str, Callable[[Examiner], Line]] = {
    "reading_one": _reading_one,
    "reading_two": _reading_two,
    "facts": _facts,
    "arithmetic": _arithmetic,
    "choice": _choice,
    "free": _free,
}
