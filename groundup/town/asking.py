"""How the town's people ask and answer: one table of forms for facts, one for what happened in a story.

Dialogues, questions, preferences and attacks put the same forms around different truths; the answers are the
sentences that the pages use. Where an answer needs two steps, it shows the first before it draws the second.
"""

from collections.abc import Collection
from random import Random
from typing import NamedTuple

from groundup.town.stories import Story
from groundup.town.world import Fact, World, article

REASONED = ("where_thing", "choice", "sum")  # kinds of answers that show their support before the conclusion
NOT_TOLD = "The story does not say."
UNKNOWN = "I do not know."

FACT_QUESTIONS = {  # the first form is the plainest
    "trade": ("What is {e}'s trade?", "What does {e} do for a living?", "What work does {e} do?"),
    "home": ("Where does {e} live?", "In which street does {e} live?", "Where is {e}'s home?"),
    "friend": ("Who is {e}'s best friend?", "Who is the best friend of {e}?", "Whose best friend is {e}?"),
    "dish": ("What does {e} like to eat?", "What is {e}'s favourite dish?", "Which dish does {e} like best?"),
    "hobby": ("What is {e}'s hobby?", "What does {e} do in the evening?", "Which hobby does {e} have?"),
    "pet": ("What pet does {e} have?", "Which animal does {e} keep?", "What kind of pet does {e} have?"),
    "pet_name": ("What is the name of {e}'s pet?", "What is {e}'s pet called?", "What does {e} call the pet?"),
    "door_colour": ("What colour is the door of the {e}?", "Which colour does the door of the {e} have?"),
    "keeper": ("Who keeps the {e}?", "Who is the keeper of the {e}?", "Who looks after the {e}?"),
    "beside": ("What is beside the {e}?", "Which place is beside the {e}?", "What stands next to the {e}?"),
    "founded": ("When was the {e} founded?", "In which year was the {e} founded?", "What year was the {e} founded?"),
    "owner": ("Who owns the {e}?", "Whose is the {e}?", "To whom does the {e} belong?"),
    "colour": ("What colour is the {e}?", "Which colour does the {e} have?", "What is the colour of the {e}?"),
    "door_code": ("What is the door code of the {e}?", "Which code opens the door of the {e}?"),
}
STATEMENTS = {
    "trade": "{e} is {a} {v}.",
    "home": "{e} lives in {v}.",
    "friend": "{e}'s best friend is {v}.",
    "dish": "{e}'s favourite dish is {v}.",
    "hobby": "{e}'s hobby is {v}.",
    "pet": "{e} has {a} {v}.",
    "pet_name": "{e}'s pet is called {v}.",
    "door_colour": "The door of the {e} is {v}.",
    "keeper": "{v} keeps the {e}.",
    "beside": "The {e} is beside the {v}.",
    "founded": "The {e} was founded in {v}.",
    "owner": "The {e} belongs to {v}.",
    "colour": "The {e} is {v}.",
    "door_code": "The door code of the {e} is {v}.",
}
STORY_QUESTIONS = {
    "where_person": ("Where is {x}?", "Where is {x} now?", "In which place is {x}?"),
    "where_thing": ("Where is the {x}?", "Where is the {x} now?", "In which place is the {x}?"),
    "who_has": ("Who has the {x}?", "Who has the {x} now?", "Who holds the {x}?"),
    "tell": ("Say what {x} has and where {x} is.", "What is told of {x} at the end?", "How does it end for {x}?"),
    "what_has": ("What does {x} have?", "What does {x} have now?", "What is in {x}'s hands?"),
}


TELL = ("Tell me about {e}.", "What do you know about {e}?", "Say something about {e}.")


class Ask(NamedTuple):
    """A question with its whole answer and the final answers that count as right; `kind` names its table row."""

    kind: str
    question: str
    answer: str
    accepted: tuple[str, ...]


def statement(fact: Fact, value: str = "") -> str:
    """The fact as the town says it, or the same sentence with another value."""
    value = value or fact.value
    return STATEMENTS[fact.relation].format(e=fact.entity, v=value, a=article(value))


def about_fact(fact: Fact, form: int = 0) -> Ask:
    """A question about a fact in one of its forms."""
    forms = FACT_QUESTIONS[fact.relation]
    return Ask(fact.relation, forms[form % len(forms)].format(e=fact.entity), statement(fact), fact.answers)


def where_person(story: Story, person: str, form: int = 0, reasoned: Collection[str] = REASONED) -> Ask:
    """One supporting sentence: the person's last move."""
    place = story.state.place.get(person, "")
    question = STORY_QUESTIONS["where_person"][form].format(x=person)
    if not place:
        return Ask("where_person", question, NOT_TOLD, (NOT_TOLD,))
    answer = f"{person} is in the {place}."
    if "where_person" in reasoned:
        answer = f"{story.last_move(person)} {answer}"
    return Ask("where_person", question, answer, (place,))


def who_has(story: Story, thing: str, form: int = 0, reasoned: Collection[str] = REASONED) -> Ask:
    """One supporting sentence: the last one that names the thing."""
    question = STORY_QUESTIONS["who_has"][form].format(x=thing)
    if thing not in story.state.bearer:
        return Ask("who_has", question, NOT_TOLD, (NOT_TOLD,))
    bearer = story.state.bearer[thing]
    answer = f"The {thing} is with {bearer or 'nobody'}."
    if "who_has" in reasoned:
        answer = f"{story.last_handling(thing)} {answer}"
    return Ask("who_has", question, answer, (bearer or "nobody",))


def tell(story: Story, person: str, form: int = 0) -> Ask:
    """A free question: what somebody has at the end, and where."""
    having, where = what_has(story, person), where_person(story, person, reasoned=())
    return Ask(
        "tell", STORY_QUESTIONS["tell"][form].format(x=person), f"{having.answer} {where.answer}", where.accepted
    )


def what_has(story: Story, person: str, form: int = 0) -> Ask:
    """All sentences about handling matter."""
    things = story.state.having(person)
    said = " and ".join(f"the {thing}" for thing in things) or "nothing"
    return Ask("what_has", STORY_QUESTIONS["what_has"][form].format(x=person), f"{person} has {said}.", (said,))


def where_thing(story: Story, thing: str, form: int = 0, reasoned: Collection[str] = REASONED) -> Ask:
    """Two supporting sentences: who has the thing, and where that person went; each answered as if it were asked."""
    question = STORY_QUESTIONS["where_thing"][form].format(x=thing)
    if thing not in story.state.bearer:
        return Ask("where_thing", question, NOT_TOLD, (NOT_TOLD,))
    bearer, place = story.state.bearer[thing], story.state.where(thing)
    answer = f"The {thing} is in the {place}." if place else NOT_TOLD
    if "where_thing" in reasoned:
        steps = [who_has(story, thing, reasoned=reasoned).answer]
        steps += [where_person(story, bearer, reasoned=reasoned).answer] if bearer and place else []
        answer = " ".join([*steps, answer])
    return Ask("where_thing", question, answer, (place,) if place else (NOT_TOLD,))


def other_values(world: World) -> dict[str, list[str]]:
    """For each relation every value that somebody or something has for it: what a made-up answer is drawn from."""
    values: dict[str, set[str]] = {}
    for fact in world.facts():
        values.setdefault(fact.relation, set()).add(fact.value)
    return {relation: sorted(found) for relation, found in values.items()}


def told_entities(world: World, facts: list[Fact], held_out: bool = False) -> list[list[Fact]]:
    """Facts by entity; every sixth entity is kept for the test and never told of at length in training."""
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        found.setdefault(fact.entity, []).append(fact)
    order = {name: number for number, name in enumerate((*world.person, *world.place, *world.thing))}
    return [told for entity, told in found.items() if len(told) > 1 and (order[entity] % 6 == 5) == held_out]


def telling_of(roll: Random, facts: list[Fact], form: int) -> tuple[str, str]:
    """A free question about somebody or something and an answer of two true sentences."""
    told = roll.sample(facts, 2)
    entity = told[0].entity
    return TELL[form].format(e=entity if entity[0].isupper() else f"the {entity}"), " ".join(map(statement, told))
