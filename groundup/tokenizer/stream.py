"""Tokens back to text while they are being made: a token may end inside a character, a reader must never see that.

Whatever is pushed, the pieces joined are the text that decoding everything at once gives.
"""

import codecs
from collections.abc import Callable


class Streamer:
    """Takes ids one by one and hands out the text that is complete; one character `lead` is left out at the beginning."""

    def __init__(self, token_bytes: Callable[[int], bytes], lead: str = ""):
        self.token_bytes, self.lead = token_bytes, lead
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, token: int) -> str:
        """The characters that this token completes: often one word, sometimes nothing."""
        text = self.decoder.decode(self.token_bytes(token))
        if text and self.lead:
            text, self.lead = text.removeprefix(self.lead), ""
        return text

    def flush(self) -> str:
        """What is left of a character that never ended, as U+FFFD."""
        return self.decoder.decode(b"", final=True)
