"""What opens doors to machines: keys with a telling beginning, tokens, private key blocks, and passwords that are set.

The forms of keys are those that their issuers publish for scanners; an assignment is believed when its value looks
drawn by chance, not like a word, a variable or an example.
"""

import math
import re
from collections import Counter

from groundup.data.privacy.kind import Kind, Words, always

API_KEY = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"(?:AKIA|ASIA)[A-Z0-9]{16}"  # Amazon
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{60,255}"
    r"|glpat-[\w-]{20,60}"
    r"|xox[abposr]-[A-Za-z0-9-]{10,250}"  # Slack
    r"|[sr]k_(?:live|test)_[A-Za-z0-9]{16,250}"  # Stripe
    r"|sk-(?:[a-z]{2,8}(?:\d\d)?-){0,2}[A-Za-z0-9_-]{20,250}"  # what several vendors of models give out
    r"|AIza[\w-]{35}|ya29\.[\w-]{20,250}"  # Google
    r"|hf_[A-Za-z0-9]{30,60}|npm_[A-Za-z0-9]{36}|pypi-AgEI[\w-]{50,250}|SG\.[\w-]{22}\.[\w-]{43}"
    r")(?![A-Za-z0-9])"
)
BEGINNINGS = Words(
    "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "k_live_", "k_test_", "sk-",
    "AIza", "ya29.", "hf_", "npm_", "pypi-AgEI", "SG.",
)  # fmt: skip
JWT = re.compile(r"(?<![\w-])eyJ[\w-]{10,4000}\.eyJ[\w-]{10,8000}\.[\w-]{10,2000}(?![\w-])")
PRIVATE_KEY = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*-----END [A-Z0-9 ]{1,60}-----"
)
ASSIGNED = re.compile(
    r"(?:passw(?:or)?d|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|credential)s?"
    r"(?:[_-](?:key|id|token|value))?[\"']?[ \t]{0,4}(?::=|=>|[:=])[ \t]{0,4}[\"'`]?(?P<private>[^\s\"'`<>{}()\[\],;]{6,200})",
    re.I,
)
NAMES = re.compile(r"(?:pass|pwd|secret|token|key|credential)\w{0,12}[\"']?[ \t]{0,4}[:=]", re.I)
EXAMPLES = re.compile(
    r"\$|%\w|\*{3}|x{4}|\.{3}|your|example|change|placeholder|dummy|redacted|none$|null$|true$|false$|undefined|required|"
    r"string$|[\w.]+\.(?:env|get|environ|config|settings)\b|process\.|os\.|self\.|config\.|settings\.|https?:|[/.\\]",
    re.I,
)


def _is_key(found: re.Match[str]) -> bool:
    """Long words in lower case with hyphens are names of things, not keys."""
    return any(letter.isdigit() for letter in found[0][3:]) and entropy(found[0]) > 3.0


def _is_assigned(found: re.Match[str]) -> bool:
    value = found["private"]
    if EXAMPLES.match(value) or EXAMPLES.search(value):
        return False
    kinds = sum(map(bool, (re.search(kind, value) for kind in ("[a-z]", "[A-Z]", r"\d", r"[^\w-]"))))
    if found[0][:3].lower() in ("pas", "pwd"):
        return kinds >= 2 and (len(value) >= 8 or kinds >= 3)
    return len(value) >= 12 and kinds >= 2 and any(map(str.isdigit, value)) and entropy(value) > 3.0


def entropy(text: str) -> float:
    """Bits for each character, from how often each comes."""
    counts = Counter(text).values()
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts)


KEYS: dict[str, Kind] = {
    "private_key": Kind(PRIVATE_KEY, Words("PRIVATE KEY"), always),
    "jwt": Kind(JWT, Words("eyJ"), always),
    "api_key": Kind(API_KEY, BEGINNINGS, _is_key),
    "password": Kind(ASSIGNED, NAMES, _is_assigned),
}
