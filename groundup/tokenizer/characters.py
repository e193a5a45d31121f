"""Texts as characters, for the kinds of tokenizer that cut between characters and not between bytes."""

from groundup.errors import Problem


def as_text(text: str | bytes) -> str:
    """Bytes are read as UTF-8, with U+FFFD where they are none; half of a character (a lone surrogate) is refused."""
    if isinstance(text, bytes):
        return text.decode(errors="replace")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError as error:
        found = f"U+{ord(text[error.start]):04X}"
        raise Problem(
            f"character {error.start} of the text is half of a surrogate pair ({found}), which no UTF-8 file can hold: "
            'remove it, for instance with text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")'
        ) from None
    return text
