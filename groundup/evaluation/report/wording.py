"""Numbers as people read them: 1.3 M, 4:05 min, 91 %, each with its unit."""

KINDS = {  # of questions, in the order in which they are told
    "reading_one": "A new story, one fact",
    "reading_two": "A new story, two facts",
    "facts": "Facts of the town",
    "arithmetic": "Arithmetic",
    "choice": "Multiple choice",
    "choice_likeliest": "Multiple choice, by likelihood",
    "free": "Free answers",
    "all": "All questions",
}
REASONS = {
    "duplicate": "exact copies",
    "near_duplicate": "near copies",
    "gibberish": "gibberish",
    "spam": "spam",
    "toxic": "insults",
    "language": "other languages",
    "leak": "leaked test questions",
    "pii": "private data",
}


def count(number: float) -> str:
    """947, 12,345, then three figures: 198 k, 1.05 M, 2 G."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= max(0.9995 * size, 1e5):  # what three figures round up to the next unit has it
            return f"{number / size:.3g} {unit}"
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


def size(number: float) -> str:
    """Bytes: 512 B, 3.1 MB."""
    for unit, bytes_ in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(number) >= 0.9995 * bytes_:
            return f"{number / bytes_:.3g} {unit}"
    return f"{number:.0f} B"


def duration(seconds: float) -> str:
    """0.4 s, 12 s, 4:05 min, 2:03 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{rest:02} min"
    return f"{minutes // 60}:{minutes % 60:02} h"


def percent(share: float, digits: int = 0) -> str:
    """A fraction of one as 91 %; what is not quite none or all does not look so."""
    if digits == 0 and (0 < share < 0.005 or 0.995 < share < 1):
        digits = 1
    return f"{100 * share:.{digits}f} %"


def signed(change: float, digits: int) -> str:
    """A relative change as +0.09 % or −73 %."""
    return f"{100 * change:+.{digits}f} %".replace("-", "\N{MINUS SIGN}")


def points(change: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{100 * change:+.1f}".replace("-", "\N{MINUS SIGN}")


def many(number: int, what: str) -> str:
    """One model, three models, 17 models."""
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    return f"{words[number] if number < len(words) else number} {what}{'' if number == 1 else 's'}"


def kind(name: str) -> str:
    return KINDS.get(name, name.replace("_", " "))


def reason(name: str) -> str:
    return REASONS.get(name, name.replace("_", " "))
