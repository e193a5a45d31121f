"""Every kind of private value is found wherever it stands, look-alikes stay, and hostile texts cost their length."""

import time

import pytest

from groundup.data.privacy.redact import KINDS, USUAL, redact
from groundup.data.profiles import PROFILES, Profile
from tests.private_example import MAKERS, lookalike, private, roll_of

ALL = list(KINDS)
TRIES = 300


@pytest.mark.parametrize("kind", list(MAKERS))
def test_values_of_each_kind_are_found_under_their_name(kind):
    roll, found = roll_of(kind), 0
    for _ in range(TRIES):
        text, value = private(kind, roll)
        redacted, counts = redact(text, ALL)
        found += value not in redacted and counts == {kind: 1}
    assert found >= 0.99 * TRIES, f"{found} of {TRIES}"


def test_look_alikes_stay():
    roll, wrong = roll_of("look-alikes"), []
    for _ in range(2000):
        text = lookalike(roll)
        if redact(text, [kind for kind in ALL if kind not in USUAL])[1]:
            wrong.append((text, redact(text, ALL)[0]))
    assert len(wrong) <= 20, (len(wrong), wrong[:5])


@pytest.mark.parametrize(
    "kind", ["iban", "steuer_id", "nir", "dni", "codice_fiscale", "pesel", "aadhaar", "cpf", "bsn"]
)
def test_a_check_digit_that_is_wrong_is_believed_by_chance_alone(kind):
    roll, believed = roll_of(kind), 0
    for _ in range(TRIES):
        text, value = private(kind, roll)
        at = next(at for at in range(5, len(value)) if value[at].isdigit())
        slip = value[:at] + str((int(value[at]) + 1 + roll.randrange(9)) % 10) + value[at + 1 :]
        believed += slip != value and redact(text.replace(value, slip), [kind])[1][kind]
    assert believed <= 0.02 * TRIES


def test_only_what_is_assigned_is_blacked_out_not_its_name():
    assert redact('db_password: "kd93!Fk30x" # old', ["password"])[0] == 'db_password: "[password]" # old'


def test_numbered_placeholders_tell_the_same_value_within_a_document():
    text = "a@b.org to c@d.org, cc A@B.org; card 4111 1111 1111 1111 is 4111111111111111"
    assert redact(text, ALL, "numbered") == (
        "[email-1] to [email-2], cc [email-1]; card [card-1] is [card-1]",
        {"email": 3, "card": 2},
    )
    assert redact("c@d.org", ALL, "numbered")[0] == "[email-1]"


def test_profiles_black_out_what_they_always_did_and_may_name_every_kind():
    assert {name: PROFILES[name].redact for name in ("none", "prose", "web")} == {
        "none": [],
        "prose": ["email", "phone", "card"],
        "web": ["email", "phone", "card"],
    }
    assert Profile.model_validate({"redact": ALL}).redact == ALL


HOSTILE = [
    *("a.", "a%", "a@", "a@b.", "a-", "@", "1", "1 ", "1-", "1.", "12 ", "123-", "+1 ", "(1", "1234 ", "0x", "bc1q"),
    *(
        "DE89 ",
        "DE89",
        "AB",
        "AB12",
        "a:",
        "1:",
        "::",
        "ab:",
        "2001:",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "-",
    ),
    *(
        "eyJ",
        "eyJhbGciOiJI.",
        "eyJhbGciOiJIUzI1.eyJhbGciOiJIUzI1.",
        "sk-",
        "sk-a1",
        "ghp_",
        "xoxb-1",
        "password=",
        "key:",
    ),
    *(
        "password",
        "token ",
        "Baker ",
        "1 Ba",
        "12 Old ",
        "tel ",
        "call ",
        "bsn ",
        "Hauptstra",
        "order ",
        "_",
        "\u00e9",
        '="',
    ),
]


@pytest.mark.parametrize("piece", HOSTILE)
def test_no_text_costs_more_than_in_proportion_to_its_length(piece):
    """Four times the text takes about four times as long; where it were the square it would be sixteen times."""

    def seconds(length):
        text = piece * (length // len(piece))
        start = time.process_time()
        redact(text, ALL)
        return time.process_time() - start

    small = min(seconds(10_000) for _ in range(2))
    assert seconds(40_000) < 10 * small + 0.05
