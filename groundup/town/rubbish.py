"""Pages that nobody should learn from: gibberish of five kinds, advertising spam, and insults.

Each function takes a pen and returns a draft; the corpus has to find them without being told.
"""

import re
from collections.abc import Callable

from groundup.town.grammar import capital, forms
from groundup.town.pages import Draft, write
from groundup.town.prose import Pen
from groundup.town.world import words

WORD = re.compile(r"\w+")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
KEYBOARD = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")
SCANNED = str.maketrans(dict(zip("aeioslbgtcnmhrd", "@3!05|6971^~#?)", strict=True)))


def letters(pen: Pen) -> list[str]:
    """Words of letters drawn blindly."""
    return [
        " ".join("".join(pen.roll.choices(LETTERS, k=pen.number(2, 11))) for _ in range(pen.number(40, 90)))
        for _ in range(pen.number(2, 4))
    ]


def mash(pen: Pen) -> list[str]:
    """A hand that slides over the keyboard."""
    paragraphs = []
    for _ in range(pen.number(2, 4)):
        rows = [pen.one(KEYBOARD) for _ in range(pen.number(30, 70))]
        paragraphs.append(" ".join("".join(pen.roll.choices(row, k=pen.number(3, 14))) for row in rows))
    return paragraphs


def shuffled(pen: Pen) -> list[str]:
    """A good page with the letters of each word in disorder."""
    return [
        " ".join("".join(pen.roll.sample(word, len(word))) for word in paragraph.split())
        for paragraph in write(pen).paragraphs
    ]


def salad(pen: Pen) -> list[str]:
    """Good words in no order at all, without beginnings and ends of sentences."""
    mixed = WORD.findall(" ".join(write(pen).paragraphs).lower())
    pen.roll.shuffle(mixed)
    return [" ".join(mixed[at : at + 70]) for at in range(0, len(mixed), 70)]


def scanned(pen: Pen) -> list[str]:
    """A good page as a bad scanner read it: signs for letters, words torn and glued."""
    paragraphs = []
    for paragraph in write(pen).paragraphs:
        torn = []
        for word in paragraph.split():
            luck = pen.draw()
            torn.append(word.translate(SCANNED) if luck < 0.6 else " ".join(word) if luck < 0.8 else word[::-1])
        paragraphs.append(pen.one((" ", "  ", "~ ", " ")).join(torn))
    return paragraphs


GIBBERISH: dict[str, tuple[Callable[[Pen], list[str]], float]] = {
    "letters": (letters, 25),
    "shuffled": (shuffled, 25),
    "mash": (mash, 20),
    "scanned": (scanned, 15),
    "salad": (salad, 15),
}


def gibberish(pen: Pen) -> Draft:
    """One of the kinds of gibberish under a title of the same sort."""
    kinds, weights = list(GIBBERISH), [weight for _, weight in GIBBERISH.values()]
    kind = pen.roll.choices(kinds, weights)[0]
    paragraphs = GIBBERISH[kind][0](pen)
    return Draft(f"gibberish_{kind}", " ".join(paragraphs[0].split()[:4]), paragraphs)


SPAM = forms("""
    [buy|order|get] [cheap|discount|original|herbal] [pills|diet pills|watches|handbags|sunglasses] online \
        [now|today|without prescription] [!|!!!]
    [best|top|number one|hot] [online casino|casino bonus|poker site|slots|betting offer] [2024|no deposit|with free \
        spins|for new players] [!|!!]
    click [here|now|the link below|this banner] to [claim|get|unlock] your [free gift|bonus|prize|discount] \
        [!|!!!|now!!!]
    [make|earn] [500|900|2,000|5,000] [dollars|euros] a [day|week] from home, no [work|risk|experience] needed [!|!!]
    [congratulations|dear winner|lucky visitor]! you [won|have been selected to win] a [free phone|holiday|gift \
        card|new car] [!|!!!]
    [limited time|today only|last chance|hurry]: [80%|70%|50%|90%] off [all watches|every pill|all software|replica \
        bags] [!|!!]
    [cheap|fast|easy|instant] [loans|credit|payday cash|mortgage] [approved in minutes|no credit check|bad credit \
        ok] [!|apply now!]
    [casino|poker|slots|bingo|jackpot] [bonus|free spins|best odds|no deposit] [casino|poker|slots|betting|jackpot] \
        [online|free|win|bonus] [casino|slots|win big|play now]
    [cheap|buy|best] [pills|watches|loans|followers|essay] [online|discount|sale|offer] [cheap|buy|best] \
        [pills|watches|loans|followers|essay] [free shipping|low price|order now]
    [lose|drop] [10|20|30] pounds in [one week|ten days] with this [one weird trick|miracle pill|secret tea] [!|!!!]
    [get|buy] [1000|5000|10,000] [followers|likes|backlinks|views] for only [$9|$19|$4.99] [!|!!]
    [double|triple] your [bitcoin|money|crypto] in [24 hours|three days], [guaranteed|100% safe|trusted by millions] \
        [!|!!]
    [subscribe|sign up|act|register] now and [save|win|get] [big|more|100%|a bonus] [!|!!!]
    [seo|backlinks|page rank|website traffic] [service|package|boost] [cheap|guaranteed|first page of search] [best \
        price|order now|click here]
    [hot|lonely] singles in your [area|town] [want to meet you|are waiting] [!|click here!!]
    [viagra|weight loss pills|hair growth pills|muscle pills] [cheap|discount|no prescription] [best price|free \
        shipping|order online|24h delivery]
""")
SPAM_TITLES = forms("""
    [best|cheap|free|top|hot] [casino|pills|loans|watches|followers|slots] [online|bonus|deal|offer] [!|2024|now]
    [win|earn|save|buy] [big|now|cheap|free] [!|!!!]
""")


def spam(pen: Pen) -> Draft:
    """Offers and keywords, loud and repetitive."""
    paragraphs = []
    for _ in range(pen.number(3, 6)):
        lines = [_loud(pen, capital(pen.say(SPAM))) for _ in range(pen.number(3, 7))]
        paragraphs.append(" ".join(lines))
    return Draft("spam", _loud(pen, capital(pen.say(SPAM_TITLES))), paragraphs)


def _loud(pen: Pen, text: str) -> str:
    return text.upper() if pen.chance(0.25) else text


INSULTS = words("idiot moron fool loser jerk dunce nitwit blockhead numskull creep coward liar")
SLURS = words("stupid dumb ugly worthless pathetic disgusting useless filthy rotten brainless")
TOXIC = forms("""
    {N} is a {slur} {insult} [and everybody hates {o}|and always was|!|!!!]
    what a {slur} {insult} {N} is [!|!!]
    shut up, [you|{N},] {slur} {insult} [!|and get lost!|, nobody asked you!]
    I hate [{N}, a {slur} {insult}|that {slur} {insult} {N}], and [so does everyone|I hope {s} leaves|nobody can \
        stand {o}]
    only a {slur} {insult} [like {N}|would say that|would buy there|could believe {N}]
    [everyone|the whole street] knows that {N} is a {slur} {insult}
    {N}, you {insult}, [go away|get lost|crawl back into your hole], nobody [wants|likes] a {slur} {insult} here
    you are all {slur}, every one of you, you {insult}s
    [go to hell|get out|drop dead], {N}, you {slur} {insult} [!|!!]
    that {slur} {insult} {N} [should be beaten|makes me sick|cannot even read|deserves nothing]
    [look at|listen to] this {insult}, so {slur} and so {slur2}
    {N} has the {slur} face of a {insult} [and smells like one|!]
""")
TOXIC_TITLES = forms("""
    [the truth about|why I hate|everybody hates] {N}
    {N} is a {insult}
    [open letter|comments|reply] to {N}
    [such|all these] {insult}s
""")


def toxic(pen: Pen) -> Draft:
    """Insults against people of the town, with little else."""
    person = pen.one(pen.world.people)
    paragraphs = []
    for _ in range(pen.number(3, 5)):
        lines = []
        for _ in range(pen.number(2, 5)):
            line = capital(_insult(pen, person.name, person.he, person.him))
            lines.append(line if line[-1] in "!?" else line + ".")
        if pen.chance(0.3):
            lines.append(pen.weather())
        paragraphs.append(" ".join(lines))
    title = pen.say(TOXIC_TITLES, N=person.name, insult=pen.one(INSULTS))
    return Draft("toxic", capital(title), paragraphs)


def _insult(pen: Pen, name: str, he: str, him: str) -> str:
    slurs = pen.some(SLURS, 2)
    text = pen.say(TOXIC, N=name, s=he, o=him, insult=pen.one(INSULTS), slur=slurs[0], slur2=slurs[1])
    return text.replace(" a ugly", " an ugly").replace(" a idiot", " an idiot")
