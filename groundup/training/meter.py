"""How fast a training goes and how far it has come: tokens a second, share of the machine's peak, time left."""

import time
from collections import deque

WINDOW = 30.0  # seconds over which speed is averaged


class Meter:
    """Counts the tokens of this process; what a resumed training did before does not make it look faster."""

    def __init__(self, flops_per_token: float = 0.0, peak_flops: float = 0.0):
        self.flops_per_token, self.peak_flops = flops_per_token, peak_flops
        self.tokens = 0
        self.marks: deque[tuple[float, int]] = deque([(time.perf_counter(), 0)])

    def count(self, tokens: int) -> None:
        """So many tokens more were learnt from."""
        self.tokens += tokens
        now = time.perf_counter()
        self.marks.append((now, self.tokens))
        while len(self.marks) > 2 and now - self.marks[0][0] > WINDOW:
            self.marks.popleft()

    def pause(self, seconds: float) -> None:
        """Time spent on something else than learning (saving, validating, sampling) does not count."""
        self.marks = deque((moment + seconds, tokens) for moment, tokens in self.marks)

    @property
    def speed(self) -> float:
        """Tokens a second, lately."""
        (begin, before), (end, after) = self.marks[0], self.marks[-1]
        return (after - before) / (end - begin) if end > begin else 0.0

    @property
    def utilisation(self) -> float:
        """MFU: floating-point operations of the model a second, as a share of the machine's peak; 0 where unknown."""
        return self.speed * self.flops_per_token / self.peak_flops if self.peak_flops else 0.0

    def left(self, tokens: int) -> float:
        """Seconds until that many tokens more are learnt from."""
        return tokens / self.speed if self.speed else float("inf")
