"""Numbers that money hangs on: cards, bank accounts (IBAN) and wallets, each proved by its own checksum."""

import hashlib
import re

from groundup.data.privacy.digits import luhn, mod97
from groundup.data.privacy.kind import Kind, before, digits_of, spoken_of

CARD = re.compile(r"(?<![\w.+/-])(?:\d[ -]?){12,18}\d(?![\w-]|[.,]\d)")
GROUPED = re.compile(
    r"\d{13,19}|\d{4}([ -])\d{4,6}(?:\1\d{1,7})+"
)  # in one piece, or four digits first and one sort of gap
ISSUED = re.compile(  # the ranges of ISO/IEC 7812 that are given out, with the digits that their cards have
    r"4(?:\d{12}|\d{15}|\d{18})"  # Visa
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"  # Mastercard
    r"|3[47]\d{13}"  # American Express
    r"|3(?:0[0-59]|[689]\d)\d{11,16}"  # Diners Club
    r"|35(?:2[89]|[3-8]\d)\d{12,15}|2131\d{11}"  # JCB
    r"|220[0-4]\d{12,15}"  # Mir
    r"|(?:5[06-8]|6\d)\d{11,17}"  # Maestro, Discover, UnionPay, RuPay
)
USUAL = 16  # digits: of more in one piece nearly all are ids and ticks of a clock
SPOKEN = spoken_of("cards?", "visa", "mastercard", "maestro", "unionpay", "credit", "debit", "charged?", "paid", "pay")
LENGTHS = {  # characters of an IBAN by country, from the registry of ISO 13616
    15: "NO",
    16: "BE",
    18: "DK FI FO GL NL SD",
    19: "MK SI",
    20: "AT BA EE KZ LT LU XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM SO TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "BI DJ FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB NI PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU",
    31: "MT SC",
    32: "LC",
    33: "RU",
}
IBAN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    + "|".join(
        rf"(?:{'|'.join(countries.split())})\d\d(?:[ -]?[A-Z0-9]){{{length - 4}}}"
        for length, countries in LENGTHS.items()
    )
    + r")(?![A-Za-z0-9])"
)
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
WALLET = re.compile(
    rf"(?<![A-Za-z0-9])(?:[13][{BASE58}]{{25,34}}|bc1[{BECH32}]{{11,71}}|0x[0-9a-fA-F]{{40}})(?![A-Za-z0-9])"
)
LONG_WORDS = re.compile(r"[A-Za-z0-9]{26}|bc1")


def _is_card(found: re.Match[str]) -> bool:
    """One in ten of all numbers passes Luhn's test: so length, first digits and groups must be those of a card too."""
    digits = digits_of(found)
    formed = GROUPED.fullmatch(found[0]) and ISSUED.fullmatch(digits) and len(set(digits)) > 1
    if not formed or not luhn(digits):
        return False
    return len(found[0]) <= USUAL or found[0] != digits or SPOKEN.search(before(found)) is not None


def _is_iban(found: re.Match[str]) -> bool:
    plain = re.sub(r"[ -]", "", found[0])
    return mod97(plain[4:] + plain[:4]) == 1


def _is_wallet(found: re.Match[str]) -> bool:
    """Bitcoin's addresses carry a checksum; Ethereum's are forty hexadecimal digits behind 0x, which nothing else is."""
    address = found[0]
    if address.startswith("0x"):
        return len(set(address[2:].lower())) > 4
    return _bech32(address) if address.startswith("bc1") else _base58(address)


def _base58(address: str) -> bool:
    number = 0
    for letter in address:
        number = number * 58 + BASE58.index(letter)
    if number >> 200:
        return False
    raw = number.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:21]).digest()).digest()[:4] == raw[21:]


def _bech32(address: str) -> bool:
    """BIP 173 and BIP 350: a BCH code over groups of five bits, with one of two constants."""
    check = 1
    for value in (3, 3, 0, 2, 3, *map(BECH32.index, address[3:])):
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check in (1, 0x2BC830A3)


CARDS = Kind(CARD, re.compile(r"\d"), _is_card)
IBANS = Kind(IBAN, re.compile(r"[A-Z]{2}\d\d[ -]?[A-Z0-9]"), _is_iban)
WALLETS = Kind(WALLET, LONG_WORDS, _is_wallet)
