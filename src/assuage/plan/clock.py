"""How far a plan is, and where its time went."""

import time
from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with a stage in words and the fraction of the whole work done."""


class Clock:
    """Reports progress and keeps the time of each stage."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress or (lambda _stage, _fraction: None)
        self._stage, self._since, self._done = "", time.monotonic(), 0.0
        self.seconds: dict[str, float] = {}

    def __call__(self, stage: str, fraction: float) -> None:
        """Say which stage begins; the fraction never falls."""
        now = time.monotonic()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since, self._done = stage, now, max(self._done, fraction)
        self._progress(stage, self._done)
