"""What is private is blacked out: an e-mail address becomes [email], and so with each kind of the table.

A placeholder names its kind; numbered, it is also the same for the same value within a document: [email-2].
"""

import re
from collections import Counter
from collections.abc import Callable, Collection
from typing import Literal

from groundup.data.privacy.contact import ADDRESSES, EMAILS, PHONES
from groundup.data.privacy.keys import KEYS
from groundup.data.privacy.kind import Kind, Quick
from groundup.data.privacy.money import CARDS, IBANS, WALLETS
from groundup.data.privacy.national import NATIONAL
from groundup.data.privacy.network import IPS

KINDS: dict[str, Kind] = {  # in the order in which they are looked for: the longer and better proved first
    **KEYS,
    "email": EMAILS,
    "iban": IBANS,
    "wallet": WALLETS,
    **NATIONAL,
    "card": CARDS,
    "ip": IPS,
    "phone": PHONES,
    "street": ADDRESSES,
}
KindName = Literal[
    "private_key", "jwt", "api_key", "password", "email", "iban", "wallet", "ssn", "nino", "codice_fiscale", "nir",
    "dni", "cpf", "aadhaar", "steuer_id", "pesel", "bsn", "card", "ip", "phone", "street",
]  # fmt: skip
USUAL: tuple[KindName, ...] = ("email", "card", "phone")
Name = Callable[[str, str], str]  # (kind, value) -> the placeholder


def redact(text: str, kinds: Collection[str] = USUAL, placeholders: str = "kind") -> tuple[str, Counter[str]]:
    """The text with typed placeholders, and how many of each kind there are."""
    counts: Counter[str] = Counter()
    name = PLACEHOLDERS[placeholders]()
    possible: dict[Quick, bool] = {}  # kinds share quick tests, and what is blacked out adds no candidates
    for kind, row in KINDS.items():
        if kind not in kinds:
            continue
        if row.needed not in possible:
            possible[row.needed] = bool(row.needed.search(text))
        if possible[row.needed]:
            text = row.pattern.sub(_black_out(kind, row, counts, name), text)
    return text, counts


def _black_out(kind: str, row: Kind, counts: Counter[str], name: Name) -> Callable[[re.Match[str]], str]:
    group = "private" if "private" in row.pattern.groupindex else 0

    def replace(found: re.Match[str]) -> str:
        if not row.believed(found):
            return found[0]
        counts[kind] += 1
        start, end = (at - found.start() for at in found.span(group))
        return found[0][:start] + name(kind, found[group]) + found[0][end:]

    return replace


def by_kind() -> Name:
    """Every value of a kind has the same placeholder: nothing can be told apart any more."""
    return lambda kind, value: f"[{kind}]"


def numbered() -> Name:
    """The same value has the same number, however it is grouped: who wrote to whom can still be followed."""
    known: dict[tuple[str, str], int] = {}
    counts: Counter[str] = Counter()

    def name(kind: str, value: str) -> str:
        plain = kind, re.sub(r"[ .()/-]", "", value) if kind != "email" else value.lower()
        if plain not in known:
            counts[kind] += 1
            known[plain] = counts[kind]
        return f"[{kind}-{known[plain]}]"

    return name


PLACEHOLDERS: dict[str, Callable[[], Name]] = {"kind": by_kind, "numbered": numbered}
