"""How far a plan is, and where its time went."""

import time
from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with a stage in words and the fraction of the whole work done."""


class Clock:
    """Reports progress and keeps the time of each stage; `first_part` is what the adjoint of the target answers."""

    def __init__(self, progress: Progress | None, first_part: float) -> None:
        self._progress = progress or (lambda _stage, _fraction: None)
        self._first_part = first_part
        self._stage, self._since, self._done = "", time.monotonic(), 0.0
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, fraction: float) -> None:
        """Begin or go on with a stage; the fraction is that of what the adjoint of the target answers."""
        self._report(stage, self._first_part * fraction)

    def further(self, stage: str, fraction: float) -> None:
        """Begin or go on with a stage; the fraction is that of what comes after."""
        self._report(stage, self._first_part + (1 - self._first_part) * fraction)

    def _report(self, stage: str, fraction: float) -> None:
        """The fraction said never falls."""
        now = time.monotonic()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since, self._done = stage, now, max(self._done, fraction)
        self._progress(stage, self._done)
