"""Random texts of every script, with what BERT's rules treat in a way of its own more often than chance would have it."""

import random
import unicodedata

PIECES = (
    [
        "the",
        " of",
        "ing",
        " don't",
        "Ü",
        "İ",
        "ß",
        "ẞ",
        "ǅ",
        "Σ",
        "[UNK]",
        "[CLS]",
        "##",
        "日本",
        "한국",
        "각",
        "é",
        "e\u0301",
        "ﬁ",
        "½",
    ]
    + [
        "\0",
        "\ufffd",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x85",
        "\u00a0",
        "\u2028",
        "\u200d",
        "\u3000",
        "\u037e",
        "\ufeff",
        "\u0345",
        "\U0001d15f",
    ]
    + [
        "\u302e\u1b44",
        "\u302e\u0301\u1b44",
        "\u0d3b\u0c3c",
        "豈",
        "\U0002f800",
        "!",
        "$",
        "—",
        "。",
        "٪",
        "😀",
        "\u2e43",
    ]
)


def texts(count: int, seed: int) -> list[str]:
    """Strings of up to 40 characters, each from a few blocks of Unicode 14."""
    chosen, blocks = random.Random(seed), {}
    for point in range(0x110000):
        if unicodedata.category(chr(point)) not in ("Cn", "Cs") and point < 0xF0000:
            blocks.setdefault(point >> 8, []).append(chr(point))
    latin, every = [chr(point) for point in range(0x250)], list(blocks.values())

    def text() -> str:
        pools = [chosen.choice(every), latin, list("abcdeABC  .,!\n"), PIECES]
        return "".join(chosen.choice(chosen.choice(pools)) for _ in range(chosen.randint(0, 40)))

    return [text() for _ in range(count)]
