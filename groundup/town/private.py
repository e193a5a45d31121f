"""What must be blacked out, and what only looks like it: addresses, telephone and card numbers among other numbers.

Private values are noted in the draft's truth as they stand in the text; look-alikes (years, prices, book and order
numbers, codes) are written the same way and noted nowhere.
"""

from collections.abc import Callable

from groundup.town.grammar import Forms, capital, forms
from groundup.town.pages import Draft
from groundup.town.prose import Pen
from groundup.town.world import Person, words

DOMAINS = words(
    "post.example mail.example.com letters.example.org town.example.net inbox.example.com quickmail.example"
)
PHONES = (
    "01632 960{3}",
    "(01632) 960 {3}",
    "01632 960 {3}",
    "+44 1632 960{3}",
    "+44 1632 960 {3}",
    "({3}) 555-01{2}",
    "{3}-555-01{2}",
    "{3}.555.01{2}",
    "+1 {3} 555 01{2}",
    "+1-{3}-555-01{2}",
    "+49 30 2312{4}",
    "+33 1 99 00 {2} {2}",
)
CARDS = (("4", 16), ("51", 16), ("53", 16), ("55", 16), ("37", 15))
TELL_EMAIL = forms("""
    [write|send a note|send a message] to {v} [for more|if you can help|before Sunday|with your name|]
    {N} [reads|answers] letters at {v} [every evening|on Mondays|]
    [questions|tickets|orders|old photos] [go|should be sent] to {v}
    the [new|only] address of {N} is {v} [and {s} likes to get post|]
    {N} ({v}) [knows more|keeps the list|sells the tickets]
    mail {N} at {v}
""")
TELL_PHONE = forms("""
    [call|ring|phone] {v} [before noon|after six|and ask for {N}|if you can help|]
    the [number|telephone number|phone number] of {N} is {v}
    {N} can be reached at {v} [in the evening|all day|]
    [tickets|orders|help] by telephone: {v}
    if nobody opens, dial {v} [and wait|]
    tel. {v}, ask for {N}
""")
TELL_CARD = forms("""
    {N} [paid|wanted to pay] with the card {v} [and forgot it|at the counter|]
    the card number {v} [was found on a slip|was written on the bill|belongs to {N}]
    [please charge|the bill was charged to] card {v}
    {N} lost a bank card, number {v} [on the bridge|on Monday|]
""")
LOOKALIKES = forms("""
    the [old mill book|town history|cook book|song book] (ISBN {isbn}) is [on the shelf|sold out|worth reading]
    the order number is {order}, [please keep it|and the parcel is late|as the slip says]
    parcel {order} [arrived|was lost|waits] [on Monday|at the counter|]
    [between|in the years from] {year} and {year2} the [river froze twice|town grew|price of flour fell]
    the [coat|table|cart|stove] cost {price} coins in {year} [and costs more now|]
    [a ticket|a loaf|the new chair] costs ${cents} [on weekdays|this week|]
    [the hall|the fair|the train] opens at {clock} and closes at {clock2}
    [box|shelf|file|room] {small} holds the papers of {year}-{year2}
    {big} [people|visitors|sheep] were counted in {year}
    the bill of {date} was number {small}-{code}
    version {small}.{digit}.{digit} of the map [shows|names] {big} trees
    {N} [wrote @{n} under the note|signed the list with @{n}]
    the lock on the [old chest|shed|garden gate] turned at {code} and [stuck|fell open]
    the score was {small}:{digit} after {small} minutes
""")


def email(pen: Pen, person: Person) -> tuple[Forms, str]:
    first, last = person.name.lower(), person.surname.lower()
    local = pen.one((f"{first}.{last}", f"{first[0]}.{last}", f"{first}_{last}", f"{first}{pen.number(1, 99)}", last))
    return TELL_EMAIL, f"{local}@{pen.one(DOMAINS)}"


def phone(pen: Pen, person: Person) -> tuple[Forms, str]:
    number = pen.one(PHONES)
    for slot, low, high in (("{4}", 1000, 9999), ("{3}", 210, 989), ("{2}", 10, 99)):
        while slot in number:
            number = number.replace(slot, str(pen.number(low, high)), 1)
    return TELL_PHONE, number


def card(pen: Pen, person: Person) -> tuple[Forms, str]:
    prefix, length = pen.one(CARDS)
    body = prefix + "".join(str(pen.number(0, 9)) for _ in range(length - len(prefix) - 1))
    return TELL_CARD, _grouped(pen, body + check_digit(body))


PRIVATE: dict[str, Callable[[Pen, Person], tuple[Forms, str]]] = {"email": email, "phone": phone, "card": card}


def check_digit(body: str) -> str:
    """The digit that makes a number pass Luhn's test."""
    doubled = [int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(body))]
    return str(-sum(value - 9 if value > 9 else value for value in doubled) % 10)


def _grouped(pen: Pen, digits: str) -> str:
    """As people write it: in one piece or in groups."""
    separator = pen.one(("", " ", "-", " "))
    if len(digits) == 15:
        return separator.join((digits[:4], digits[4:10], digits[10:]))
    return separator.join(digits[at : at + 4] for at in range(0, len(digits), 4))


def add_private(pen: Pen, draft: Draft) -> None:
    """Put one to three sentences with private values into the draft."""
    for _ in range(pen.number(1, 3)):
        kind = pen.one(("email", "email", "phone", "phone", "card"))
        person = pen.one(pen.world.people)
        patterns, value = PRIVATE[kind](pen, person)
        draft.redact.append((kind, value))
        _insert(pen, draft, capital(pen.say(patterns, v=value, N=person.name, s=person.he)) + ".")


def add_lookalikes(pen: Pen, draft: Draft) -> None:
    """Put one to three sentences with harmless numbers into the draft."""
    for _ in range(pen.number(1, 3)):
        person, year = pen.one(pen.world.people).name, pen.number(1700, 1990)
        slots = {"isbn": _isbn(pen), "order": _order(pen), "year": year, "year2": year + pen.number(1, 30)}
        slots |= {"price": f"{pen.number(1, 9)},{pen.number(100, 999)}"}
        slots |= {"cents": f"{pen.number(1, 99)}.{pen.number(10, 99)}"}
        slots |= {"clock": f"{pen.number(7, 11)}:{pen.number(10, 59)}", "clock2": f"{pen.number(13, 22)}:30"}
        slots |= {"small": pen.number(2, 99), "digit": pen.number(0, 9), "code": pen.number(2100, 9999)}
        slots |= {"big": f"{pen.number(2, 90)},{pen.number(100, 999)}", "N": person, "n": person.lower()}
        slots |= {"date": f"{pen.number(1, 28)}/{pen.number(1, 12)}/{year}"}
        _insert(pen, draft, capital(pen.say(LOOKALIKES, **slots)) + ".")


def _insert(pen: Pen, draft: Draft, sentence: str) -> None:
    at = int(pen.draw() * len(draft.paragraphs))
    draft.paragraphs[at] = f"{draft.paragraphs[at]} {sentence}"


def _order(pen: Pen) -> str:
    """Sixteen digits like a card's that fail its test."""
    body = "".join(str(pen.number(0, 9)) for _ in range(15))
    wrong = str((int(check_digit(body)) + pen.number(1, 9)) % 10)
    return _grouped(pen, body + wrong)


def _isbn(pen: Pen) -> str:
    """A book number with its own check digit, never one that a card could have."""
    while True:
        body = f"978{pen.number(0, 999_999_999):09}"
        total = sum(int(digit) * (1 + 2 * (at % 2)) for at, digit in enumerate(body))
        last = str(-total % 10)
        if last != check_digit(body):
            return f"978-{body[3]}-{body[4:7]}-{body[7:]}-{last}"
