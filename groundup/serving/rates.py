"""How often somebody may ask: a bucket that fills steadily and is emptied by what is asked for.

There is one pair of buckets for each key that the server knows, made when it starts: whoever guesses keys fills no memory.
"""

import math
import time

from groundup.serving.refusal import Refusal


class Bucket:
    """So much a minute, all of it at once if nothing was taken for a minute. No number means no end."""

    def __init__(self, a_minute: int | None, now: float | None = None):
        self.a_minute, self.level = a_minute, float(a_minute or 0)
        self.at = time.monotonic() if now is None else now

    def wait(self, amount: float, now: float | None = None) -> float:
        """Seconds until so much is there; more than a full bucket is never waited for."""
        if self.a_minute is None:
            return 0.0
        self._fill(now)
        return max(0.0, (min(amount, self.a_minute) - self.level) * 60 / self.a_minute)

    def take(self, amount: float, now: float | None = None) -> None:
        """Take it, there or not: what is owed is waited for by the next one."""
        if self.a_minute is not None:
            self._fill(now)
            self.level -= amount

    def _fill(self, now: float | None) -> None:
        now = time.monotonic() if now is None else now
        self.level = min(float(self.a_minute or 0), self.level + (now - self.at) * (self.a_minute or 0) / 60)
        self.at = now


def too_many(what: str, bucket: Bucket, seconds: float) -> Refusal:
    """What the key may have in a minute is used up; the client is told when to come again."""
    message = f"this key may use {bucket.a_minute} {what} a minute, and they are used up: come again in {math.ceil(seconds)} s"
    return Refusal(429, message, "rate_limit_exceeded", retry_after=str(max(1, math.ceil(seconds))))
