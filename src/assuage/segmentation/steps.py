"""Steps of a long computation that a later run picks up: each writes its arrays once, under a key that knows its
inputs.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
Progress = Callable[[str, float], None]
"""Called with a step in words and the fraction of the whole work done."""

PACKAGE = Path(__file__).parent


class Steps:
    """Runs named steps in order and keeps what they made.

    Parameters
    ----------
    folder
        Where the products lie; None keeps nothing.
    inputs
        What the first step depends on: hashes and settings. Code of this stage is part of the key.
    progress
        Told each step and the fraction done.
    """

    def __init__(self, folder: Path | None, inputs: Mapping[str, Any], progress: Progress | None = None) -> None:
        self._folder = folder
        self._progress = progress or (lambda _step, _fraction: None)
        digest = hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode())
        for path in sorted(PACKAGE.glob("*.py")):
            digest.update(path.read_bytes())
        self._key = digest.hexdigest()[:16]
        self.reused: list[str] = []

    def say(self, words: str, fraction: float) -> None:
        """Report a step that keeps nothing."""
        self._progress(words, fraction)

    def run(self, name: str, words: str, fraction: float, compute: Callable[[], Arrays]) -> Arrays:
        """Return the arrays of a step, computed now or taken from an earlier run with the same inputs.

        Parameters
        ----------
        name
            Of the file; unique within the computation.
        words
            For the progress report.
        fraction
            Of the whole work that is done when the step begins.
        compute
            Makes the arrays.
        """
        path = None if self._folder is None else self._folder / f"{name}-{self._key}.npz"
        if path is not None and path.exists():
            self.reused.append(name)
            self._progress(f"{words} (from an earlier run)", fraction)
            with np.load(path, allow_pickle=False) as stored:
                return {key: stored[key] for key in stored.files}
        self._progress(words, fraction)
        arrays = compute()
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".partial")
            with part.open("wb") as handle:
                np.savez(handle, **arrays)  # type: ignore[arg-type]
            part.replace(path)
        return arrays
