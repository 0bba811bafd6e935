"""Progress on stderr: a bar on a terminal, one plain line per step elsewhere."""

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

QUIET_S = 2.0
"""Between two plain lines of the same step at least this long passes, so that logs stay readable."""


class StepProgress:
    """Shows the steps of a long task; an instance is the `progress(step, fraction)` callback of the stages."""

    def __init__(self) -> None:
        self._console = Console(stderr=True)
        self._started = time.monotonic()
        self._step = ""
        self._spoke_at = -QUIET_S
        self._bar: Progress | None = None
        if self._console.is_terminal:
            self._bar = Progress(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=30),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeElapsedColumn(),
                console=self._console,
            )
            self._task = self._bar.add_task("starting", total=1.0)

    def __enter__(self) -> Self:
        """Start drawing."""
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop drawing; the cursor is given back whatever happened."""
        if self._bar is not None:
            if kind is None:
                self._bar.update(self._task, completed=1.0, description="done")
            self._bar.stop()

    def __call__(self, step: str, fraction: float) -> None:
        """Say which step runs and how much of the whole task is done (0 to 1)."""
        if self._bar is not None:
            self._bar.update(self._task, description=step, completed=min(max(fraction, 0.0), 1.0))
            return
        now = time.monotonic()
        if step != self._step or now - self._spoke_at >= QUIET_S:
            elapsed = now - self._started
            print(f"[{elapsed:6.1f} s] {100 * fraction:3.0f} %  {step}", file=sys.stderr, flush=True)  # noqa: T201
            self._step, self._spoke_at = step, now
