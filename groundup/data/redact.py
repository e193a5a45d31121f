"""Private numbers and addresses are blacked out: an e-mail address becomes [email], and so with phones and cards.

What only looks like one stays: years, prices, order numbers, sums that fail a card's check digit.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection

EMAIL = re.compile(
    r"(?<![\w.+-])[A-Za-z0-9][\w.+%-]*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w@])"
)
CARD = re.compile(r"(?<![\w.+-])(?:\d[ -]?){12,18}\d(?![\w-]|[.,]\d)")
PHONE = re.compile(
    r"(?<![\w.$£€#:/=-])(?<!\d )(?:"
    r"\+\d{1,3}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,5}){1,4}"  # +44 20 7946 0958, +1 (555) 010-0199
    r"|\(0?\d{2,4}\) ?\d{3,4}[ .-]?\d{3,4}"  # (555) 010-0199
    r"|\d{3}[.-]\d{3}[.-]\d{4}"  # 555-010-0199
    r"|1[.-]\d{3}[.-]\d{3}[.-]\d{4}"
    r"|\d{3}[ -]\d{4}"  # 555 0199
    r"|\d{3} \d{3} \d{4}"
    r"|0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,4}"  # 020 7946 0958
    r"|0\d{9,10}"
    r")(?![\w-]|[.,:/]\d| \d{3})"
)
SPOKEN = re.compile(r"(?:\b(?:tel|phone|telephone|call|fax|mobile|cell|ring)\b\W*(?:\w+\W+){0,4}?)$", re.I)
NOT_SPOKEN = re.compile(
    r"(?:[$£€#]|\b(?:order|invoice|isbn|issn|part|serial|ticket|item|model|version|pages?|pp|ref|"
    r"reference|account|code|parcel|id|lot|room|years?|rfc|pep|batch|receipt|tracking|catalogue)\b)\W{0,3}"
    r"(?:(?:is|was|no|nr|number)\W{1,2})?$",
    re.I,
)
SHORT = re.compile(r"\d{3}[ -]\d{4}")


def redact(text: str, kinds: Collection[str] = ("email", "phone", "card")) -> tuple[str, Counter[str]]:
    """The text with typed placeholders, and how many of each kind there are."""
    counts: Counter[str] = Counter()
    for kind, (pattern, needed, believed) in KINDS.items():  # cards before telephones, which are shorter
        if kind in kinds and needed.search(text):
            text = pattern.sub(_black_out(kind, counts, believed), text)
    return text, counts


def _black_out(
    kind: str, counts: Counter[str], believed: Callable[[re.Match[str]], bool]
) -> Callable[[re.Match[str]], str]:
    def replace(found: re.Match[str]) -> str:
        if not believed(found):
            return found[0]
        counts[kind] += 1
        return f"[{kind}]"

    return replace


def luhn(digits: str) -> bool:
    """The check digit of cards: every second digit from the right is doubled, and the sum ends in 0."""
    total = 0
    for i, digit in enumerate(map(int, reversed(digits))):
        total += sum(divmod(2 * digit, 10)) if i % 2 else digit
    return total % 10 == 0


def _is_address(found: re.Match[str]) -> bool:
    return True


def _is_card(found: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", found[0])
    return digits[0] in "23456" and len(set(digits)) > 1 and luhn(digits)


def _is_phone(found: re.Match[str]) -> bool:
    before = found.string[max(0, found.start() - 40) : found.start()]
    if SHORT.fullmatch(found[0]):
        return SPOKEN.search(before) is not None
    if NOT_SPOKEN.search(before):
        return SPOKEN.search(before) is not None
    return 7 <= len(re.sub(r"\D", "", found[0])) <= 15


KINDS = {
    "email": (EMAIL, re.compile("@"), _is_address),
    "card": (CARD, re.compile(r"\d"), _is_card),
    "phone": (PHONE, re.compile(r"\d"), _is_phone),
}
