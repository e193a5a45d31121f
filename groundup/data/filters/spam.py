"""Spam: texts that want something sold, clicked or won, loudly, and the same thing again and again.

Phrases of the trade are counted against the length of the text; shouting, prices and repetition make each count for
more. One offer in a long text is no spam, and neither is a text about spam.
"""

import re
from collections import Counter
from typing import Literal

from pydantic import Field

from groundup.config import Settings
from groundup.data.filters.finding import Finding
from groundup.data.filters.phrases import Lexicon, Text

GOODS = r"""viagra cialis xanax pharmacy pills? casinos? poker slots? jackpot lottery betting roulette bingo
    replica rolex loans? mortgage payday refinance followers backlinks? seo crypto bitcoins? forex dating singles
    xxx porn webcam ringtones? vouchers? supplements? slimming handbags? sunglasses"""
OFFERS = r"""free cheap cheapest discounts? bonus(?:es)? prizes? offers? deals? win(?:ner)? winning guaranteed?
    instant exclusive bargain sale coupon giveaway bestseller unlimited limited"""
PHRASES = r"""
    click (?:here|now|below|the link|this) | buy (?:now|online|cheap|today) | order (?:now|online|today)
    | (?:act|apply|call|join|register|subscribe|download|shop|play|claim)(?: it| yours)? now | now and (?:save|win|get)
    | (?:claim|get|unlock|collect) your (?:\w+ ){0,2}(?:prize|gift|bonus|discount|reward|cash|copy)
    | (?:make|earn|win)(?: up to)? [$£€]?\d[\d,.]* | earn (?:money|cash) | (?:work|money) from home
    | extra (?:cash|income)
    | (?:no|zero) (?:risk|deposit|prescription|obligation|credit check|experience) | without (?:a )?prescription
    | (?:limited|special|exclusive|amazing|best|hot) (?:time|offers?|deals?|prices?) | today only | last chance
    | while (?:stocks|supplies) last | don't miss (?:out|this) | hurry | satisfaction guaranteed | money[ -]back
    | (?:free|fast|worldwide) (?:shipping|delivery|gift|trial|spins?|phone|entry|access|msg|quote)
    | you(?:'ve| have)?(?: been)? (?:won|selected|chosen) | congratulations | lucky (?:winner|visitor|number)
    | (?:lose|drop) (?:weight|\d+ (?:pounds|lbs|kilos?|kg)) | weight loss | one weird trick | miracle | hair growth
    | (?:best|lowest|low) prices? | (?:double|triple) your
    | (?:risk|credit)[ -](?:free|score) | bad credit | approved in | 24/7 | txt \w+ to
    | first page of (?:search|google) | page rank | in your (?:area|town)
    | (?:hot|sexy|lonely) (?:\w+ )?(?:girls|singles)
    | as seen on | dear (?:friend|winner|customer|sir or madam) | million dollars | trusted by millions
"""
TRADE = Lexicon({"phrase": PHRASES, "goods": GOODS, "offer": OFFERS})
PERCENT = re.compile(r"\b\d+ ?% (?:off|free|safe|guaranteed)\b")
SHOUTED = re.compile(r"\b[A-Z]{3,}\b[ ,]+\b[A-Z]{2,}\b")
PRICE = re.compile(r"[$£€] ?\d|\d ?%|\d+ (?:dollars|euros|pounds)\b")


class SpamSettings(Settings):
    """Removes advertising that is little else."""

    kind: Literal["spam"] = "spam"
    density: float = Field(9.0, gt=0, description="points of spam for each 100 words, above which a text is spam")
    points: float = Field(9.0, gt=0, description="points that even a short text must have to be spam")
    repeated: float = Field(0.6, gt=0, le=1, description="share of long lines that are repeated, above which: spam")


class Spam:
    """Counts what spam does."""

    reason = "spam"

    def __init__(self, settings: SpamSettings):
        self.settings = settings

    def judge(self, text: Text) -> Finding | None:
        words = len(text.words)
        if not words:
            return None
        points, signs = points_of(text, words)
        if points >= self.settings.points and points * 100 / words >= self.settings.density:
            return Finding(self.reason, f"{points * 100 / words:.0f} points a hundred words: {', '.join(signs[:5])}")
        if (again := repeated_lines(text.text)) > self.settings.repeated:
            return Finding(self.reason, f"{again:.0%} of its lines repeat")
        return None


def points_of(text: Text, words: int) -> tuple[float, list[str]]:
    """Points for phrases, goods and offers, more when loud; and the phrases that were seen."""
    found: dict[str, list[str]] = {"phrase": [], "goods": [], "offer": []}
    for kind, hit in TRADE.find(text.lower):
        found[kind].append(hit[0])
    seen, goods = found["phrase"], found["goods"]
    if not seen and not goods:
        return 0.0, []
    seen += PERCENT.findall(text.lower)
    offers = min(len(found["offer"]), 2 * (len(seen) + len(goods)))
    noise = text.text.count("!") + len(SHOUTED.findall(text.text)) + len(PRICE.findall(text.lower))
    loud = min(1.0, noise * 20 / words)
    signs = [sign for sign, _ in Counter(seen + goods).most_common()]
    different = min(1.0, len(signs) / 3)  # a text about one thing says its name often
    return (3 * len(seen) + 2 * len(goods) + offers) * (0.7 + 0.6 * loud) * different, signs


def repeated_lines(text: str) -> float:
    """The share of prose-like lines that are copies of one another."""
    lines = [line for line in map(str.strip, text.split("\n")) if len(line) >= 30 and line.count(" ") >= 4]
    if len(lines) < 6:
        return 0.0
    return 1 - len(set(lines)) / len(lines)
