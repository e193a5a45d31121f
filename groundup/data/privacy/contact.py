"""Where a person is reached: e-mail addresses, telephone numbers, and streets with their numbers (a coarse guess).

What only looks like one stays: years, prices, order numbers.
"""

import re

from groundup.data.privacy.kind import NOT_PRIVATE, Kind, always, before, digits_of, spoken_of

EMAIL = re.compile(
    r"(?<![\w.+%-])[A-Za-z0-9][\w.+%-]*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,24}(?![\w@])"
)
CALLING = (  # country codes that are given out (ITU-T E.164)
    r"(?:1|7|2(?:[07]|1[12368]|[2-6]\d|9[01789])|3(?:[0-469]|[578]\d)|4(?:[013-9]|2[013])|5(?:[1-8]|[09]\d)|6(?:[0-6]|[78]\d|9[0-2])|"
    r"8(?:[1246]|0[08]|5\d|7[08]|8\d)|9(?:[0-58]|[679]\d))"
)
PHONE = re.compile(
    r"(?<![\w.$£€#:/=)\]-])(?<!\d )(?:"
    rf"\+{CALLING}[ .-]?(?:\(\d{{1,4}}\)[ .-]?)?\d{{1,4}}(?:[ .-]?\d{{2,5}}){{1,4}}"  # +44 20 7946 0958, +1 (555) 010-0199
    r"|\(0?\d{2,4}\) ?\d{3,4}[ .-]?\d{3,4}"  # (555) 010-0199
    r"|\d{3}[.-]\d{3}[.-]\d{4}"  # 555-010-0199
    r"|1[.-]\d{3}[.-]\d{3}[.-]\d{4}"
    r"|\d{3}[ -]\d{4}"  # 555 0199
    r"|\d{3} \d{3} \d{4}"
    r"|0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,4}"  # 020 7946 0958
    r"|0\d{9,10}"
    r")(?![\w-]|[.,:/]\d| \d{3})"
)
SPOKEN = spoken_of("tel", "phone", "telephone", "call", "fax", "mobile", "cell", "ring")
SHORT = re.compile(r"\d{3}[ -]\d{4}")
STREET = re.compile(
    r"(?<![\w.,-])\d{1,5}[a-z]? (?:[A-Z][a-z'’]{1,20} ){1,3}(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|"
    r"Place|Pl|Way|Square|Terrace|Crescent)\b\.?"
    r"|(?<!\w)[A-ZÄÖÜ][a-zäöüß]{2,30}(?:straße|strasse|str\.|weg|platz|allee|gasse) \d{1,4}[a-z]?(?!\w)"
)
STREETS = re.compile(r"St|Av|R(?:oa)?d|L(?:a)?n|Dr|B(?:ou)?l|C(?:our)?t|Pl|Way|Sq|Te|Cr|str|weg|platz|allee|gasse")


def _is_phone(found: re.Match[str]) -> bool:
    words, digits = before(found), digits_of(found)
    if SHORT.fullmatch(found[0]) or NOT_PRIVATE.search(words):
        return SPOKEN.search(words) is not None
    return 7 <= len(digits) <= 15 and not set(digits) <= {"0", "1"}  # which are a number in twos


DIGIT = re.compile(r"\d")
EMAILS = Kind(EMAIL, re.compile("@"), always)
PHONES = Kind(PHONE, DIGIT, _is_phone)
ADDRESSES = Kind(STREET, STREETS, always)
