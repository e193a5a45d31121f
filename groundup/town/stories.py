"""Short stories in which people move and things change hands, together with what is true at the end.

A story is drawn as events from a company of people, things and places of the town; each event changes the state and
becomes one sentence. Dialogues and questions ask about the state; pages may tell the same kind of story.

A sentence names what is asked for after what one asks by: "Where is Anna?" is found in "Anna went to the mill", and "Who
has the lamp?" in "The lamp was taken by Anna". Told as "Anna took the lamp", a small model does not learn it beside the
other (docs/tried.md).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple
from zlib import crc32

from groundup.errors import Problem
from groundup.town.world import World

MOVES = ("went", "walked", "ran", "came", "hurried", "rode")
TAKES = ("was taken by", "was found by", "was fetched by", "was bought by", "went to", "came to")
HANDS = (
    "gave",
    "handed",
    "passed",
    "lent",
)  # giver and taker stand in one place, or nobody knows where either of them is
SENDS = ("sent", "posted", "mailed", "shipped")  # from one place to another
DROPS = ("left", "dropped", "put down", "forgot", "hid")

SIZES = (  # people, things, moves, handlings: five to nine sentences
    (3, 1, 4, 1),
    (3, 1, 4, 2),
    (3, 2, 4, 3),
    (3, 2, 5, 3),
    (4, 2, 5, 2),
    (4, 2, 5, 3),
    (4, 2, 5, 4),
    (4, 3, 5, 3),
    (4, 3, 5, 4),
    (4, 2, 6, 3),
)
SHORT_SIZES = ((2, 1, 2, 1), (2, 1, 3, 1), (3, 1, 3, 1), (3, 2, 3, 2))  # to begin learning with
MOST_PEOPLE, MOST_THINGS, MOST_PLACES = 4, 3, 6
SCENES = (4, 5, 5, 6)  # places of a story, of which everybody visits any: who is not there need not be here
STAY_SHARE, DROP_SHARE, NEAR_SHARE = 0.15, 0.3, 0.7
HELD_OUT = 8  # one company in this many meets only in the stories of the test


class Event(NamedTuple):
    """move (who, where), take (who, what), give (who, what, whom) or drop (who, what, where)."""

    kind: str
    who: str
    what: str = ""
    where: str = ""
    whom: str = ""


class State:
    """What is true: where each person is, who has each thing, where each thing lies that nobody has."""

    def __init__(self, people: list[str], things: list[str]):
        self.place = dict.fromkeys(people, "")  # empty: not told
        self.bearer = dict.fromkeys(things, "")  # empty: nobody
        self.lies = dict.fromkeys(things, "")

    def apply(self, event: Event) -> None:
        """Let the event happen."""
        if event.kind == "move":
            self.place[event.who] = event.where
        elif event.kind == "take":
            self.bearer[event.what], self.lies[event.what] = event.who, ""
        elif event.kind == "give":
            self.bearer[event.what] = event.whom
        else:
            self.bearer[event.what], self.lies[event.what] = "", event.where

    def where(self, thing: str) -> str:
        """The place of a thing: its bearer's, or where it was left; empty where the story does not say."""
        bearer = self.bearer[thing]
        return self.place[bearer] if bearer else self.lies[thing]

    def having(self, person: str) -> list[str]:
        return [thing for thing, bearer in self.bearer.items() if bearer == person]


@dataclass(frozen=True, slots=True)
class Story:
    """The sentences as they are told, the events behind them, and the state after the last of them."""

    sentences: tuple[str, ...]
    events: tuple[Event, ...]
    state: State

    @property
    def text(self) -> str:
        return " ".join(self.sentences)

    def last_move(self, person: str) -> str:
        """The sentence that says where somebody is."""
        return self._last(lambda event: event.kind == "move" and event.who == person)

    def last_handling(self, thing: str) -> str:
        """The sentence that says who has a thing, or that nobody has it any more."""
        return self._last(lambda event: event.what == thing)

    def _last(self, matters: Callable[[Event], bool]) -> str:
        return next(self.sentences[at] for at in reversed(range(len(self.events))) if matters(self.events[at]))

    @property
    def people(self) -> list[str]:
        return list(self.state.place)

    @property
    def things(self) -> list[str]:
        return list(self.state.bearer)

    @property
    def visited(self) -> set[str]:
        """The places where somebody went."""
        return {event.where for event in self.events if event.kind == "move"}


def story(
    roll: Random, world: World, held_out: bool = False, sizes: Sequence[tuple[int, int, int, int]] = SIZES
) -> Story:
    """A new story; companies that meet in held-out stories never meet in the others, so no two are ever equal."""
    if len(world.people) < MOST_PEOPLE or len(world.things) < MOST_THINGS or len(world.places) < MOST_PLACES:
        raise Problem(
            f"The town has {len(world.people)} people, {len(world.things)} things and {len(world.places)} places; "
            f"stories need at least {MOST_PEOPLE}, {MOST_THINGS} and {MOST_PLACES}."
        )
    size = roll.choice(sizes)
    people, things = company(roll, world, size[0], size[1])
    while is_held_out(people, things) != held_out:
        people, things = company(roll, world, size[0], size[1])
    places = [place.name for place in roll.sample(world.places, roll.choice(SCENES))]
    return _happen(roll, people, things, places, size[2], size[3])


def company(roll: Random, world: World, people: int, things: int) -> tuple[list[str], list[str]]:
    """Who and what a story is about, in a random order."""
    return (
        [person.name for person in roll.sample(world.people, people)],
        [thing.name for thing in roll.sample(world.things, things)],
    )


def is_held_out(people: list[str], things: list[str]) -> bool:
    """Whether this company belongs to the test: by a checksum, the same for every seed and in every process."""
    return crc32(" ".join(sorted(people) + sorted(things)).encode()) % HELD_OUT == 0


def _happen(roll: Random, people: list[str], things: list[str], places: list[str], moves: int, handlings: int) -> Story:
    """Moves and handlings in a random order; every thing is taken, and everybody moves or takes something."""
    takers = roll.sample(people, len(things))
    movers = people + roll.choices(people, k=moves - len(people))
    if roll.random() < STAY_SHARE:
        movers[people.index(takers[0])] = roll.choice(people)
    roll.shuffle(movers)
    handled = things + roll.choices(things, k=handlings - len(things))
    roll.shuffle(handled)
    turns = [_move] * moves + [_handle] * handlings
    roll.shuffle(turns)
    plan = _Plan(places, movers, takers, handled)
    state, events, sentences = State(people, things), [], []
    for turn in turns:
        event, sentence = turn(roll, state, plan)
        state.apply(event)
        events.append(event)
        sentences.append(sentence)
    return Story(tuple(sentences), tuple(events), state)


class _Plan(NamedTuple):
    """Where it can happen, and what is still to come, each list used up from its end."""

    places: list[str]
    movers: list[str]
    takers: list[str]
    handled: list[str]


def _move(roll: Random, state: State, plan: _Plan) -> tuple[Event, str]:
    """To any place but the one where somebody is already."""
    who = plan.movers.pop()
    where = roll.choice([place for place in plan.places if place != state.place[who]])
    return Event("move", who, where=where), f"{who} {roll.choice(MOVES)} to the {where}."


def _handle(roll: Random, state: State, plan: _Plan) -> tuple[Event, str]:
    """The first handling of a thing takes it; the later ones hand it over, send it away or leave it somewhere."""
    what = plan.handled.pop()
    who = state.bearer[what]
    if not who:
        who = plan.takers.pop()
        return Event("take", who, what), f"The {what} {roll.choice(TAKES)} {who}."
    here = state.place[who]
    if here and what not in plan.handled and roll.random() < DROP_SHARE:
        return Event("drop", who, what, here), f"{who} {roll.choice(DROPS)} the {what} in the {here}."
    others = [person for person in state.place if person != who]
    near = [person for person in others if state.place[person] == here]
    whom = roll.choice(near) if near and roll.random() < NEAR_SHARE else roll.choice(others)
    verb = roll.choice(HANDS if state.place[whom] == here else SENDS)
    return Event("give", who, what, whom=whom), f"{who} {verb} the {what} to {whom}."
