"""Check digits: the arithmetic by which a number proves that it was given out and not made up or mistyped."""

VERHOEFF = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)  # the permutation that is applied once more at each place


def luhn(digits: str) -> bool:
    """The check digit of cards: every second digit from the right is doubled, and the sum ends in 0."""
    total = 0
    for i, digit in enumerate(map(int, reversed(digits))):
        total += sum(divmod(2 * digit, 10)) if i % 2 else digit
    return total % 10 == 0


def mod97(letters: str) -> int:
    """The remainder by 97 of digits and letters, A being 10 and Z 35 (ISO 7064)."""
    return int("".join(str(int(letter, 36)) for letter in letters)) % 97


def mod11_10(digits: str) -> bool:
    """The hybrid system of ISO 7064 that German tax numbers use."""
    product = 10
    for digit in map(int, digits[:-1]):
        product = ((digit + product) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def weighted(digits: str, weights: tuple[int, ...]) -> int:
    """The sum of digits times weights; longer digits are left alone."""
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def verhoeff(digits: str) -> bool:
    """Verhoeff's check digit, a sum in the group of a pentagon's symmetries (1969), which sees swapped neighbours too."""
    total = 0
    for place, digit in enumerate(map(int, reversed(digits))):
        for _ in range(place % 8):
            digit = VERHOEFF[digit]
        total = _turned(total, digit)
    return total == 0


def _turned(first: int, second: int) -> int:
    """The product of two symmetries: 0 to 4 are turns, 5 to 9 turns of the mirrored pentagon."""
    turned = (first + second if first < 5 else first - second) % 5
    return turned + 5 * ((first < 5) != (second < 5))
