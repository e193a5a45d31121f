"""Private values of every kind, valid by arithmetic of its own, and numbers that only look like them."""

import base64
import hashlib
import random
import string

UPPER, LOWER, DIGITS = string.ascii_uppercase, string.ascii_lowercase, string.digits
LETTERS = UPPER + LOWER + DIGITS
IBAN_FORMS = {
    "DE": "d18",
    "GB": "u4d14",
    "FR": "d10a11d2",
    "NL": "u4d10",
    "NO": "d11",
    "MT": "u4d5a18",
    "PL": "d24",
    "ES": "d20",
}
TIMES = [  # the dihedral group of order ten, as printed in books on check digits
    *("0123456789", "1234067895", "2340178956", "3401289567", "4012395678"),
    *("5987604321", "6598710432", "7659821043", "8765932104", "9876543210"),
]
PLACES = [
    "0123456789",
    "1576283094",
    "5803796142",
    "8916043527",
    "9453126870",
    "4286573901",
    "2793806415",
    "7046913258",
]


def digits(roll, count, of=DIGITS):
    return "".join(roll.choice(of) for _ in range(count))


def grouped(text, sizes, gap):
    parts, at = [], 0
    for size in sizes:
        parts.append(text[at : at + size])
        at += size
    return gap.join(parts)


def iban(roll):
    country = roll.choice(list(IBAN_FORMS))
    form, body = IBAN_FORMS[country], ""
    for part in form.replace("u", " u").replace("d", " d").replace("a", " a").split():
        body += digits(roll, int(part[1:]), {"d": DIGITS, "u": UPPER, "a": DIGITS + UPPER}[part[0]])
    number = int("".join(str(DIGITS.find(c) if c in DIGITS else ord(c) - 55) for c in body + country + "00"))
    plain = f"{country}{98 - number % 97:02}{body}"
    return plain if roll.random() < 0.5 else " ".join(plain[at : at + 4] for at in range(0, len(plain), 4))


def ssn(roll):
    area = roll.choice([n for n in range(1, 900) if n != 666])
    gap = roll.choice("- ")
    return f"{area:03}{gap}{roll.randint(1, 99):02}{gap}{roll.randint(1, 9999):04}"


def nino(roll):
    while (first := roll.choice("ABCEGHJKLMNOPRSTWXYZ") + roll.choice("ABCEGHJKLMNPRSTWXYZ")) in "BG GB KN NK NT TN ZZ":
        pass
    return grouped(first + digits(roll, 6) + roll.choice("ABCD"), (2, 2, 2, 2, 1), roll.choice(["", " "]))


def steuer_id(roll):
    while True:
        chosen = roll.sample(DIGITS, 10 - roll.choice((1, 2)))
        body = chosen + [chosen[0]] * (10 - len(chosen))
        roll.shuffle(body)
        if body[0] != "0":
            break
    carried = 10
    for digit in body:
        carried = (((int(digit) + carried - 1) % 10) + 1) * 2 % 11
    last = 0 if carried == 1 else 11 - carried
    return grouped("".join(body) + str(last), (2, 3, 3, 3), roll.choice(["", " "]))


def nir(roll):
    place = roll.choice(["75", "13", "69", "2A", "2B", "33"])
    body = f"{roll.choice('12')}{roll.randint(30, 99)}{roll.randint(1, 12):02}{place}{digits(roll, 3)}{digits(roll, 3)}"
    number = int(body.replace("A", "0").replace("B", "0")) - 1_000_000 * ("A" in body) - 2_000_000 * ("B" in body)
    return grouped(f"{body}{97 - number % 97:02}", (1, 2, 2, 2, 3, 3, 2), roll.choice(["", " "]))


def dni(roll):
    number = roll.randrange(10_000_000, 30_000_000)
    letter = "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23]
    if number >= 20_000_000:
        return f"{'XYZ'[number // 10_000_000]}{str(number)[1:]}{letter}"
    return roll.choice([f"{number}{letter}", f"{number}-{letter}", f"{number:,}".replace(",", ".") + f"-{letter}"])


def codice_fiscale(roll):
    body = digits(roll, 6, "BCDFGLMNPRSTVZ") + digits(roll, 2) + roll.choice("ABCDEHLMPRST")
    body += f"{roll.choice([roll.randint(1, 31), roll.randint(41, 71)]):02}{roll.choice('ABCDEFGHIL')}{digits(roll, 3)}"
    odd = {"BAKPLCQDREVOSFTGUHMINJWZYX"[n]: n for n in range(26)}
    value = {**{letter: odd[letter] for letter in UPPER}, **{str(n): odd[UPPER[n]] for n in range(10)}}
    total = sum(value[c] for c in body[::2]) + sum(int(c) if c in DIGITS else ord(c) - 65 for c in body[1::2])
    return body + UPPER[total % 26]


def bsn(roll):
    while True:
        body = digits(roll, 8)
        last = sum(int(digit) * (9 - at) for at, digit in enumerate(body)) % 11
        if last < 10:
            return body + str(last)


def pesel(roll):
    year, month, day = roll.randint(1940, 2015), roll.randint(1, 12), roll.randint(1, 28)
    body = f"{year % 100:02}{month + 20 * (year >= 2000):02}{day:02}{digits(roll, 4)}"
    total = sum(int(digit) * (1, 3, 7, 9)[at % 4] for at, digit in enumerate(body))
    return body + str((10 - total % 10) % 10)


def aadhaar(roll):
    body, carried = roll.choice("23456789") + digits(roll, 10), 0
    for at, digit in enumerate(reversed(body), 1):
        carried = int(TIMES[carried][int(PLACES[at % 8][int(digit)])])
    last = next(digit for digit in DIGITS if TIMES[carried][int(digit)] == "0")
    return grouped(body + last, (4, 4, 4), roll.choice(" -"))


def cpf(roll):
    body = digits(roll, 8) + "7"
    for _ in range(2):
        total = sum(int(digit) * weight for digit, weight in zip(reversed(body), range(2, 20), strict=False))
        body += str(0 if total % 11 < 2 else 11 - total % 11)
    return f"{body[:3]}.{body[3:6]}.{body[6:9]}-{body[9:]}"


def ip(roll):
    if roll.random() < 0.3:
        return "2a00:1450:" + ":".join(f"{roll.randint(1, 65535):x}" for _ in range(6))
    return f"{roll.choice([34, 52, 81, 93, 145, 217])}.{roll.randint(0, 255)}.{roll.randint(0, 255)}.{roll.randint(1, 254)}"


def api_key(roll):
    forms = {
        "AKIA": (16, UPPER),
        "ghp_": (36, LETTERS),
        "glpat-": (20, LETTERS),
        "sk_live_": (24, LETTERS),
        "sk-": (48, LETTERS),
    }
    forms |= {
        "xoxb-": (40, LETTERS),
        "AIza": (35, LETTERS),
        "hf_": (34, LETTERS),
        "npm_": (36, LETTERS),
        "sk-ant-api03-": (60, LETTERS),
    }
    begin = roll.choice(list(forms))
    length, letters = forms[begin]
    return begin + "7" + digits(roll, length - 1, letters)


def jwt(roll):
    parts = [b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"%d","name":"Ann"}' % roll.randrange(10**9), roll.randbytes(32)]
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def private_key(roll):
    kind = roll.choice(["RSA ", "EC ", "", "OPENSSH "])
    body = base64.encodebytes(roll.randbytes(300)).decode()
    return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}-----END {kind}PRIVATE KEY-----"


def password(roll):
    return digits(roll, 8, LETTERS) + roll.choice("7!#") + digits(roll, 6, LETTERS) + "4x"


def wallet(roll):
    raw = b"\0" + roll.randbytes(20)
    raw += hashlib.sha256(hashlib.sha256(raw).digest()).digest()[:4]
    letters, number, made = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", int.from_bytes(raw, "big"), ""
    while number:
        number, place = divmod(number, 58)
        made = letters[place] + made
    return roll.choice(["1" + made, "0x" + roll.randbytes(20).hex()])


def street(roll):
    return f"{roll.randint(1, 300)} {roll.choice(['Baker', 'Mill', 'Old Church', 'King'])} {roll.choice(['Street', 'Road', 'Lane'])}"


MAKERS = {
    **{
        "iban": iban,
        "ssn": ssn,
        "nino": nino,
        "steuer_id": steuer_id,
        "nir": nir,
        "dni": dni,
        "bsn": bsn,
        "pesel": pesel,
    },
    **{"codice_fiscale": codice_fiscale, "aadhaar": aadhaar, "cpf": cpf, "ip": ip, "api_key": api_key, "jwt": jwt},
    **{"private_key": private_key, "password": password, "wallet": wallet, "street": street},
}
AROUND = {
    "bsn": ["Her BSN is {}.", "burgerservicenummer: {}, geboren in Delft"],
    "password": ["password = {}", 'db_password: "{}"', "API_KEY={}\n", "the token: {}"],
}
SENTENCES = ["It is {}.", "Anna Weber, {}, lives in Ulm.", "({})", "On file: {}\nand nothing else.", "{}"]


def private(kind, roll):
    """A sentence and the value of this kind in it."""
    value = MAKERS[kind](roll)
    return roll.choice(AROUND.get(kind, SENTENCES)).format(value), value


def lookalike(roll):
    """A sentence with something that nobody must take for private."""
    number, hexes = roll.randrange(10**15, 10**16), "0123456789abcdef"
    wrong = [  # one digit off: no check digit of this kind forgives that
        (lambda value: value[:-1] + str((int(value[-1]) + 1) % 10))(MAKERS[kind](roll))
        for kind in ("steuer_id", "pesel", "aadhaar")
    ]
    return roll.choice(
        [
            f"Version {roll.randint(1, 30)}.{roll.randint(0, 99)}.{roll.randint(0, 99)}.{roll.randint(0, 99)} is out.",
            f"See section {roll.randint(1, 9)}.{roll.randint(1, 9)}.{roll.randint(1, 9)}.{roll.randint(1, 9)} of the text.",
            f"Chapter 3 quotes {roll.randint(1, 31)}.{roll.randint(1, 31)}.{roll.randint(1, 31)}.{roll.randint(1, 31)} again.",
            f"Commit {digits(roll, 40, hexes)} broke it.",
            f"sha256 {digits(roll, 64, hexes)}",
            f"{digits(roll, 8, hexes)}-{digits(roll, 4, hexes)}-4{digits(roll, 3, hexes)}-a{digits(roll, 3, hexes)}-{digits(roll, 12, hexes)}",
            f"ISBN 978-3-{digits(roll, 2)}-{digits(roll, 6)}-{digits(roll, 1)}",
            f"It costs ${roll.randint(1, 99)},{digits(roll, 3)},{digits(roll, 3)}.{digits(roll, 2)} in all.",
            f"Order number {number} was sent, invoice {digits(roll, 11)}, part {digits(roll, 9)}.",
            f"Its id is {digits(roll, 9)} and the next {digits(roll, 10, '123456789')[:9]}.",
            f"The router is 192.168.{roll.randint(0, 9)}.{roll.randint(1, 99)}, the host 10.0.0.{roll.randint(1, 99)}:8080.",
            f"At {roll.randint(10, 23)}:{roll.randint(10, 59)}:{roll.randint(10, 59)} std::sort(a::b) ran on aa:bb:cc:0{roll.randint(1, 9)}:ee:ff.",
            f"The row of {roll.choice(wrong)} numbers.",
            'password: required, token: str, secret = os.environ["SECRET"], api_key=YOUR_API_KEY, pwd = None',
            "the token is passed to the server; the password must not be empty; key: value pairs",
            "sk-learn-like-names-with-many-hyphens and my-xoxo-letters",
            f"DE{digits(roll, 2)} is a road, GB{digits(roll, 4)} a plane and AB{digits(roll, 6)} a ticket.",
            f"GET /items/{digits(roll, 12)}?page={digits(roll, 2)} HTTP/1.1",
            f"Timestamp {roll.randrange(1_600_000_000, 1_800_000_000)}.{digits(roll, 6)}, offset {digits(roll, 5)}",
        ]
    )


def roll_of(name):
    return random.Random(f"private {name}")
