"""Stories for pages: people of the town go about, take things, carry, leave and hand them over, in the past tense.

The teller keeps the state, so that a story never says what cannot be: only who has a thing can give it, and only
where a thing lies can it be found. Pages never ask about a story; they only tell it.
"""

from collections.abc import Callable

from groundup.town import sayings
from groundup.town.grammar import capital, forms
from groundup.town.prose import Pen
from groundup.town.world import Person, article, words

OUTDOORS = words(
    "at the river,at the harbour,in the garden,in the park,in the field,on the bridge,on the hill,in the yard"
)
SMALL = words("apple letter key book coin map cake rope ball ring pen loaf candle hat cup box shell feather")

MOVES = forms("""
    {N} [went|walked|ran|hurried|came|drove|travelled|wandered] to the {L}
    {N} [went|walked|ran|hurried] [back|over|down|straight] to the {L}
    {N} [set out|left] for the {L}
    {N} [made {p} way|found the way|took the short way] to the {L}
    {N} entered the {L}
""")
LEAVES = forms("""
    {N} left the {K} and [went|walked|ran|hurried] to the {L}
    {N} [went|walked|came|ran|hurried] from the {K} to the {L}
    {N} moved from the {K} to the {L}
    {N} [was tired of|had enough of] the {K} and went to the {L}
""")
FOLLOWS = forms("""
    {N} and {M} [went|walked|ran|hurried] to the {L} [together|side by side|]
    {N} [went|walked] to the {L} with {M}
    {N} took {M} along to the {L}
""")
TAKES = forms("""
    {N} [took|picked up|fetched|grabbed|got] the {X}
    {N} [found|saw] the {X} [there|] and [took it|picked it up|put it in a bag|kept it]
    {N} [took|picked up] the {X} [there|from the floor|from a shelf|with both hands|with care]
""")
POCKETS = forms("""
    {N} put the {X} [under {p} arm|into {p} bag|in {p} pocket|under {p} hat]
    {N} hid the {X} in {p} [coat|bag|pocket|sleeve]
    {N} [took|found] the {X} and [put it away|kept it safe|held it up to the light]
""")
CARRIES = forms("""
    {N} [carried|took|brought] the {X} to the {L}
    {N} [went|walked|hurried] to the {L} with the {X}
    with the {X} [in hand|on {p} back|under {p} coat], {N} went to the {L}
    {N} [brought|carried] the {X} from the {K} to the {L}
""")
DROPS = forms("""
    {N} [left|dropped|put down|forgot|hid] the {X} [in the {L}|there|]
    {N} [put|laid|set] the {X} [on a table|on the floor|in a corner|by the door] in the {L}
    {N} left the {X} behind in the {L}
""")
GIVES = forms("""
    {N} [gave|handed|passed|showed and gave] the {X} to {M}
    {N} [gave|handed|passed] {M} the {X}
    {M} [got|took|was given] the {X} from {N}
    {M} asked for the {X}, and {N} [handed it over|gave it to {m}|let {m} have it]
""")
STATES = forms("""
    [now|by now] the {X} was in the {L}
    the {X} was [now|] in the {L} [now|]
    so the {X} was in the {L}
""")
HAVES = forms("""
    {N} [still|now] had the {X}
    now {N} had the {X}
    the {X} was with {N}
    {N} kept the {X}
""")
ARES = forms("""
    {N} was [now|still|] in the {L}
    now {N} was in the {L}
    {N} stayed in the {L}
""")


class Tale:
    """One story as it grows: where everybody is, who has what, what lies where; empty means not told yet."""

    def __init__(self, pen: Pen):
        world = pen.world
        self.pen = pen
        self.people: list[Person] = pen.some(world.people, pen.number(2, 4))
        rooms = [place.name for place in world.places]
        self.places: list[str] = pen.some(rooms, pen.number(3, 5))
        things = pen.some([thing.name for thing in world.things], 2) + pen.some(SMALL, 1)
        self.things: list[str] = things[: pen.number(1, 3)]
        self.at: dict[str, str] = {}
        self.lies: dict[str, str] = {}
        self.bearer: dict[str, Person] = {}

    def sentences(self, count: int) -> list[str]:
        """So many events and remarks, most of them changes of the state."""
        pen, told = self.pen, []
        while len(told) < count:
            turn = pen.one(TURNS)
            clause = turn(self)
            if clause:
                if told and turn not in STILL and pen.chance(0.3):
                    clause = pen.say(sayings.THEN) + " " + clause
                told.append(capital(clause) + ".")
        return told

    def move(self) -> str:
        pen, person = self.pen, self.pen.one(self.people)
        here = self.at.get(person.name, "")
        place = pen.one([place for place in self.places if place != here])
        others = [other for other in self.people if other is not person and self.at.get(other.name, "") == here]
        carried = [thing for thing in self.things if self.bearer.get(thing) is person]
        self.at[person.name] = place
        if others and pen.chance(0.2):
            other = pen.one(others)
            self.at[other.name] = place
            return pen.say(FOLLOWS, N=person.name, M=other.name, L=place)
        if carried and here and pen.chance(0.5):
            return pen.say(CARRIES, N=person.name, p=person.his, X=pen.one(carried), L=place, K=here)
        if here and pen.chance(0.3):
            return pen.say(LEAVES, N=person.name, L=place, K=here)
        return pen.say(MOVES, N=person.name, p=person.his, L=place)

    def take(self) -> str:
        pen, thing, person = self.pen, self.pen.one(self.things), self.pen.one(self.people)
        if thing in self.bearer:
            return ""
        if thing in self.lies and self.at.get(person.name) != self.lies[thing]:
            return ""
        self.lies.pop(thing, None)
        self.bearer[thing] = person
        patterns = POCKETS if thing in SMALL and pen.chance(0.4) else TAKES
        return pen.say(patterns, N=person.name, p=person.his, X=thing)

    def drop(self) -> str:
        pen, thing = self.pen, self.pen.one(self.things)
        person = self.bearer.get(thing)
        if not person or person.name not in self.at:
            return ""
        del self.bearer[thing]
        self.lies[thing] = place = self.at[person.name]
        return pen.say(DROPS, N=person.name, X=thing, L=place)

    def give(self) -> str:
        pen, thing = self.pen, self.pen.one(self.things)
        person = self.bearer.get(thing)
        if not person:
            return ""
        here = self.at.get(person.name)
        near = [other for other in self.people if other is not person and self.at.get(other.name) == here]
        if not near:
            return ""
        other = self.bearer[thing] = pen.one(near)
        return pen.say(GIVES, N=person.name, M=other.name, m=other.him, X=thing)

    def state(self) -> str:
        """What is true by now, said once more."""
        pen, thing, person = self.pen, self.pen.one(self.things), self.pen.one(self.people)
        bearer = self.bearer.get(thing)
        where = self.at.get(bearer.name) if bearer else self.lies.get(thing)
        if where and pen.chance(0.4):
            return pen.say(STATES, X=thing, L=where)
        if bearer and pen.chance(0.5):
            return pen.say(HAVES, N=bearer.name, X=thing)
        if person.name in self.at:
            return pen.say(ARES, N=person.name, L=self.at[person.name])
        return ""

    def remark(self) -> str:
        """Something that changes nothing."""
        pen, person = self.pen, self.pen.one(self.people)
        if pen.chance(0.3):
            return pen.say(sayings.WEATHER)
        slots = {"N": person.name, "p": person.his}
        feeling = pen.say(sayings.FEELINGS, **slots)
        return f"{feeling}, and {pen.say(sayings.WEATHER)}" if pen.chance(0.4) else feeling


TURNS: tuple[Callable[[Tale], str], ...] = (
    *(Tale.move,) * 6,
    *(Tale.take,) * 3,
    *(Tale.drop,) * 2,
    *(Tale.give,) * 3,
    Tale.state,
    *(Tale.remark,) * 2,
)
STILL = (Tale.state, Tale.remark)  # nothing happens in them, so nothing happens "then"


def tale(pen: Pen) -> tuple[Tale, list[str]]:
    """A whole story and its paragraphs."""
    story = Tale(pen)
    first, second = story.people[0], story.people[1]
    slots = {"N": first.name, "M": second.name, "T": pen.world.town}
    opening = capital(pen.say(sayings.TALE_OPENINGS, **slots)) + "."
    paragraphs = [" ".join(story.sentences(pen.number(5, 9))) for _ in range(pen.number(3, 5))]
    paragraphs[0] = f"{opening} {paragraphs[0]}"
    if pen.chance(0.7):
        paragraphs.append(capital(pen.say(sayings.TALE_ENDINGS, **slots)) + ".")
    return story, paragraphs


def walk(pen: Pen) -> str:
    """A small way out of doors, for diaries and letters."""
    person = pen.one(pen.world.people)
    where, thing = pen.one(OUTDOORS), pen.one(SMALL)
    return capital(pen.say(WALKS, N=person.name, W=where, X=thing, A=article(thing), s=person.he, o=person.him)) + "."


WALKS = forms("""
    I [met|saw|passed] {N} {W}, and {s} [was looking for|was carrying|had lost|showed me] {A} {X}
    {W} I [found|saw] {A} {X}, and {N} [said it was lost|came to fetch it|wanted it|laughed]
    {N} [waited|stood|sat] {W} [with {A} {X}|and waved|and read|and sang]
    [today|yesterday|in the morning] {N} [gave|sold|showed|brought] me {A} {X} {W}
    I [walked|stood|rested] {W} with {N} and we [talked|said little|shared a loaf|looked at the clouds]
""")
