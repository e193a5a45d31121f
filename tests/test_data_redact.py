"""What is private is blacked out, what only looks like it stays."""

import pytest

from groundup.data.privacy.digits import luhn
from groundup.data.privacy.redact import redact


@pytest.mark.parametrize(
    "text, expected",
    [
        ("Write to anna.b+x@mail.example.org, please.", "Write to [email], please."),
        ("<a@b.co> and c_d@e-f.info.", "<[email]> and [email]."),
        ("Call +44 20 7946 0958 now", "Call [phone] now"),
        ("Call +1 (555) 010-0199 now", "Call [phone] now"),
        ("Tel. (555) 010-0199.", "Tel. [phone]."),
        ("my number: 555-010-0199", "my number: [phone]"),
        ("phone 555-0199 after six", "phone [phone] after six"),
        ("Fax: 020 7946 0958", "Fax: [phone]"),
        ("card 4111 1111 1111 1111, thanks", "card [card], thanks"),
        ("5500-0000-0000-0004 was charged", "[card] was charged"),
        ("cards 2223003122003222, 6011000990139424 and 3530 1113 3330 0000", "cards [card], [card] and [card]"),
        ("Maestro card 638586236835683086", "Maestro card [card]"),
        ("+49 30 23125544 or +351 21 123 4567 or +18005550199", "[phone] or [phone] or [phone]"),
        ("378282246310005 is an old friend", "378282246310005 is an old friend".replace("378282246310005", "[card]")),
    ],
)
def test_private_numbers_and_addresses_become_placeholders(text, expected):
    assert redact(text)[0] == expected


@pytest.mark.parametrize(
    "text",
    [
        "It was built in 1824 and burnt down in 1891-1892.",
        "It costs $1,299.00 or 1 250 000 dollars.",
        "The door code is 5082, as ever.",
        "Order 4111 1111 1111 1112 has left the house.",  # fails the check digit
        "ISBN 978-3-16-148410-0 and ISBN 0306406152",
        "See 192.168.100.200 and version 10.15.7.1234.",
        "On 2024-03-01 at 06:00:00, invoice 555-010-0199.",
        "@anna wrote to the list; the address is x at y dot org.",
        "pi is 3.14159265358979323846 and 2**64 is 18446744073709551616.",
        "Pages 123-4567 of the register",
        "from -2147483648 to +2147483647, printed as +000000120",
        "its width as a binary string is 0101111111",
        "11/7/2011  12:00 AM            20111107-000001-914",  # a time stamp that passes the test of cards
        "as I said (https://chat.example/channels/530598289813536771)",
        "Ticks : 638586236835683086",
        "u=281474976710656*(31&t[s])+1099511627776*t[s+1]+16777216",
        "2204036739072 bytes of 5305982898135367716 are free",
        "commit 0123456789abcdef0123456789abcdef01234567",
    ],
)
def test_look_alikes_stay(text):
    assert redact(text) == (text, {})


def test_a_check_digit_finds_every_single_slip():
    good = "4111111111111111"
    slips = [good[:i] + str(digit) + good[i + 1 :] for i in range(16) for digit in range(10) if str(digit) != good[i]]
    assert luhn(good) and not any(map(luhn, slips))


def test_counts_say_how_many_of_each_kind():
    assert redact("a@b.org c@d.org 555-010-0199")[1] == {"email": 2, "phone": 1}


def test_only_the_named_kinds_are_blacked_out():
    assert redact("a@b.org 555-010-0199", ["phone"])[0] == "a@b.org [phone]"
