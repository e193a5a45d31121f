"""Insults and threats against people, told from texts in which somebody is once called a fool.

Words alone are not enough: what counts is abuse for the length of the text; a word counts for more when it is thrown
at somebody ("you …", "… like you", two of them in a row), for nothing when the text speaks about the word.
"""

import re
from typing import Literal

from pydantic import Field

from groundup.config import Settings
from groundup.data.filters.disguise import undisguised
from groundup.data.filters.finding import Finding
from groundup.data.filters.phrases import Lexicon, Text

NAMES = r"""idiots? morons? fools? losers? jerks? imbeciles? dunces? nitwits? blockheads? halfwits? cretins?
    scumbags? creeps? cowards? liars? simpletons? numskulls? dimwits? weirdos? dirtbags? bastards? dumbheads?
    airheads? buffoons? oafs? louts? thugs? lowlifes? scoundrels? scum vermin dullards? pigheads? nincompoops?
    ignoramus(?:es)? degenerates?"""
BEASTS = r"""pigs? rats? dogs? swine maggots? cockroach(?:es)? parasites? trash garbage filth clowns? freaks?
    brats? crooks? bullies bully nobody dicks? pricks? monsters? animals? worms? snakes? toads? witch(?:es)? hags?
    donkeys? monkeys?"""
QUALITIES = r"""stupid dumb ugly worthless pathetic disgusting useless filthy rotten brainless bloody damn damned
    lazy idiotic moronic fat dirty miserable hopeless spineless clueless vile nasty stinking repulsive crazy
    ignorant sick lousy crappy hideous subhuman mindless gutless foul little old"""
STRONG = r"""fuck\w* shit(?:ty|head)?s? bullshit bitch(?:es)? ass\s?holes? arseholes? cunts? whores? sluts?
    faggots? retard(?:s|ed)? motherfuck\w+ wankers? twats? dumbass(?:es)?"""
PHRASES = r"""
    shut (?:the \w+ )?up | go to hell | drop dead | get lost | get out of (?:here|my \w+) | (?:burn|rot) in hell
    | screw you
    | piss off | (?:kill|hang|hurt) yoursel(?:f|ves)
    | (?:hope|wish) (?:you|he|she|they) (?:\w+ )?(?:die|leave|suffer|rot|choke|fail)s?
    | (?:nobody|no one|no-one) (?:likes|loves|wants|needs|asked|can stand) | (?:everyone|everybody) hates
    | (?:makes?|make) me sick | i (?:really |just )?(?:hate|despise|loathe) (?:you|him|her|them|that|this|those|these)
    | hate you | should be (?:shot|beaten|hanged|killed|whipped|locked up) | deserves? (?:to die|nothing|to suffer)
    | (?:i will|i'll|gonna|going to) (?:kill|hurt|beat|destroy|smash|break) (?:you|him|her|them)
    | waste of (?:space|air|oxygen|skin) | crawl back | your (?:ugly|stupid|filthy) \w+ | too (?:stupid|dumb) to
    | (?:cannot|can't) even (?:read|think|spell|write|count) | what is wrong with you
"""
SPEAKS_ABOUT = re.compile(r"\b(?:words?|terms?|called|meaning|insults?(?: like| such as)?)\W{1,4}$")
LIKE_YOU = re.compile(r" like (?:you|him|her|them|that|this)\b")
ABUSE = Lexicon({"phrase": PHRASES, "strong": STRONG, "name": NAMES, "beast": BEASTS, "quality": QUALITIES})
AIMED = re.compile(
    r"(?:\b(?:you|you are|you're|he is|he's|she is|she's|they are|they're|are|is|what|such)"
    r"(?: all| just| nothing but| so| such)*,?(?: an?| the)?|,)\s*$"
)
POINTS = {"phrase": 3.0, "strong": 4.0, "name": 2.0, "beast": 0.0, "quality": 0.0}


class ToxicSettings(Settings):
    """Removes texts that do little but insult or threaten."""

    kind: Literal["toxic"] = "toxic"
    density: float = Field(6.0, gt=0, description="points of abuse for each 100 words, above which a text is toxic")
    points: float = Field(10.0, gt=0, description="points that even a short text must have to be toxic")


class Toxic:
    """Counts abuse."""

    reason = "toxic"

    def __init__(self, settings: ToxicSettings):
        self.settings = settings

    def judge(self, text: Text) -> Finding | None:
        points, seen = points_of(text.lower)
        if (plain := undisguised(text.lower)) != text.lower:
            points, seen = max((points, seen), points_of(plain))
        density = points * 100 / max(1, len(text.words))
        if points < self.settings.points or density < self.settings.density:
            return None
        return Finding(self.reason, f"{density:.0f} points a hundred words: {', '.join(seen[:4])}")


def points_of(text: str) -> tuple[float, list[str]]:
    """Points of abuse in a text in lower case, and what was seen, the worst first."""
    seen: list[tuple[float, str]] = []
    qualities, begin = 0, 0  # of the adjectives that lead to this place without a word between, and where they begin
    end = -9
    for kind, found in ABUSE.find(text):
        start = found.start()
        if text[end:start].strip(" ,") or start - end > 2:
            qualities, begin = 0, start
        end = found.end()
        if kind == "quality":
            qualities += 1
        aimed = AIMED.search(text, max(0, begin - 30), begin) is not None
        points = _points(kind, qualities, aimed, LIKE_YOU.match(text, end) is not None)
        if points and not SPEAKS_ABOUT.search(text, max(0, start - 24), start):
            seen.append((points, found[0]))
    return sum(points for points, _ in seen), [words for _, words in sorted(seen, reverse=True)]


def _points(kind: str, qualities: int, aimed: bool, like_you: bool) -> float:
    if kind == "quality":
        return 0.5 if aimed else 0.0
    if kind == "beast":
        return 3.0 * (aimed and qualities > 0) or 3.0 * like_you
    return POINTS[kind] + (2.0 * (qualities > 0) + 1.0 * aimed + 2.0 * like_you if kind == "name" else 0.0)
