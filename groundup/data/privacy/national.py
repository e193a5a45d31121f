"""Numbers that states give to persons, with the check digits and dates that prove them.

A number that one in ten chance numbers would pass for is only believed beside its name, or written in the groups that
nobody else writes; and none behind words such as order, invoice or part.
"""

import re

from groundup.data.privacy.digits import mod11_10, verhoeff, weighted
from groundup.data.privacy.kind import NOT_PRIVATE, Kind, Words, always, before, digits_of, spoken_of

NO_MORE = r"(?![\w-]|[.,]\d)"
SSN = re.compile(r"(?<![\w.,-])(?!000|666|9)\d{3}(?:([- ])(?!00)\d\d\1|(?!00)\d\d)(?!0000)\d{4}" + NO_MORE)
NINO = re.compile(
    r"(?<!\w)(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?P<gap> ?)\d\d(?P=gap)\d\d(?P=gap)\d\d(?P=gap)[A-D](?!\w)"
)
STEUER_ID = re.compile(r"(?<![\w.,-])[1-9]\d( ?)\d{3}\1\d{3}\1\d{3}" + NO_MORE)
NIR = re.compile(r"(?<![\w.,-])[1-478]( ?)\d\d\1\d\d\1(?:\d\d|2[AB])\1\d{3}\1\d{3}\1\d\d" + NO_MORE)
DNI = re.compile(r"(?<![\w.,-])(?:\d{8}|\d\d\.\d{3}\.\d{3}|[XYZ]-?\d{7})-?[A-HJ-NP-TV-Z](?!\w)")
FISCALE = re.compile(r"(?<!\w)[A-Z]{6}[\dL-NP-V]{2}[A-EHLMPRST][\dL-NP-V]{2}[A-Z][\dL-NP-V]{3}[A-Z](?!\w)")
BSN = re.compile(r"(?<![\w.,-])\d{4}([. ]?)\d\d\1\d{3}" + NO_MORE)
PESEL = re.compile(r"(?<![\w.,-])\d{11}" + NO_MORE)
AADHAAR = re.compile(r"(?<![\w.,-])(?<!\d )[2-9]\d{3}([ -]?)\d{4}\1\d{4}(?! \d)" + NO_MORE)
CPF = re.compile(r"(?<![\w.,-])(?:\d{3}\.\d{3}\.\d{3}-\d\d|\d{11})" + NO_MORE)
SOCIAL = spoken_of("ssn", "social security", "social security number", "social")
DUTCH = spoken_of("bsn", "burgerservicenummer", "sofinummer", "citizen service number")
INDIAN = spoken_of("aadhaar", "aadhar", "uidai", "uid")
BRAZILIAN = spoken_of("cpf", "cadastro")
ODD = dict(
    zip(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        (
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21),
            *(1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        ),
        strict=True,
    )
)  # what a letter counts in an odd place of a codice fiscale; in an even one 0 and A count 0


def _is_ssn(found: re.Match[str]) -> bool:
    """Nine digits in a row are anything; in the groups of three, two and four they are one."""
    return bool(SOCIAL.search(before(found))) or (bool(found[1]) and _by_itself(found))


def _by_itself(found: re.Match[str]) -> bool:
    return NOT_PRIVATE.search(before(found)) is None


def _is_steuer_id(found: re.Match[str]) -> bool:
    """Of the first ten digits one comes twice or three times, no other more than once."""
    digits = digits_of(found)
    often = sorted(digits[:10].count(digit) for digit in set(digits[:10]))
    return often[-1] in (2, 3) and often[-2] == 1 and mod11_10(digits) and _by_itself(found)


def _is_nir(found: re.Match[str]) -> bool:
    """Corsica's departments count as 19 and 18; the key is what is missing to a multiple of 97."""
    plain = found[0].replace(" ", "")
    number = int(plain[:-2].replace("2A", "19").replace("2B", "18"))
    month = int(plain[3:5])
    return 97 - number % 97 == int(plain[-2:]) and (1 <= month <= 12 or month >= 20) and _by_itself(found)


def _is_dni(found: re.Match[str]) -> bool:
    plain = re.sub(r"[.-]", "", found[0])
    number = int(plain[:-1].translate(str.maketrans("XYZ", "012")))
    return "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23] == plain[-1]


def _is_fiscale(found: re.Match[str]) -> bool:
    total = sum(ODD[letter] for letter in found[0][:15:2]) + sum(
        int(x, 36) - 10 * x.isalpha() for x in found[0][1:15:2]
    )
    return total % 26 == ord(found[0][15]) - ord("A")


def _is_bsn(found: re.Match[str]) -> bool:
    digits = digits_of(found)
    return weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0 and bool(DUTCH.search(before(found)))


def _is_pesel(found: re.Match[str]) -> bool:
    """It begins with a day of birth, whose month tells the century as well."""
    digits = found[0]
    month, day = int(digits[2:4]) % 20, int(digits[4:6])
    born = 1 <= month <= 12 and 1 <= day <= (29 if month == 2 else 30 if month in (4, 6, 9, 11) else 31)
    return born and weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0 and _by_itself(found)


def _is_aadhaar(found: re.Match[str]) -> bool:
    if not verhoeff(digits_of(found)):
        return False
    return bool(INDIAN.search(before(found))) or (bool(found[1]) and _by_itself(found))


def _is_cpf(found: re.Match[str]) -> bool:
    digits = digits_of(found)
    if len(set(digits)) == 1:
        return False
    for length in (9, 10):
        rest = weighted(digits[:length], tuple(range(length + 1, 1, -1))) * 10 % 11 % 10
        if rest != int(digits[length]):
            return False
    return "." in found[0] or bool(BRAZILIAN.search(before(found)))


EIGHT_DIGITS = re.compile(r"\d(?:[ .-]?\d){7}")
DUTCH_WORDS = Words("bsn", "BSN", "Bsn", "urgerservice", "ofinummer", "itizen service")
NATIONAL: dict[str, Kind] = {
    "ssn": Kind(SSN, EIGHT_DIGITS, _is_ssn),
    "nino": Kind(NINO, re.compile(r"[A-Z]{2} ?\d\d ?\d"), always),
    "codice_fiscale": Kind(FISCALE, re.compile(r"[A-Z]{6}[0-9L-V]"), _is_fiscale),
    "nir": Kind(NIR, EIGHT_DIGITS, _is_nir),
    "dni": Kind(DNI, re.compile(r"\d{3}-?[A-Z]"), _is_dni),
    "cpf": Kind(CPF, EIGHT_DIGITS, _is_cpf),
    "aadhaar": Kind(AADHAAR, EIGHT_DIGITS, _is_aadhaar),
    "steuer_id": Kind(STEUER_ID, EIGHT_DIGITS, _is_steuer_id),
    "pesel": Kind(PESEL, EIGHT_DIGITS, _is_pesel),
    "bsn": Kind(BSN, DUTCH_WORDS, _is_bsn),
}
