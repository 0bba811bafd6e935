"""An interrupted computation goes on: what was made is taken, what depends on other inputs is made anew."""

from pathlib import Path

import numpy as np
import pytest

from assuage.segmentation import Steps


def test_a_second_run_takes_what_the_first_made(tmp_path: Path) -> None:
    made = []

    def compute() -> dict[str, np.ndarray]:
        made.append(1)
        return {"a": np.arange(3)}

    for _ in range(2):
        steps = Steps(tmp_path, {"t1": "abc"})
        np.testing.assert_array_equal(steps.run("one", "one", 0.1, compute)["a"], np.arange(3))
    assert len(made) == 1
    assert steps.reused == ["one"]


def test_other_inputs_are_computed_anew(tmp_path: Path) -> None:
    first = Steps(tmp_path, {"t1": "abc"}).run("one", "one", 0.1, lambda: {"a": np.array(1)})
    other = Steps(tmp_path, {"t1": "abd"}).run("one", "one", 0.1, lambda: {"a": np.array(2)})
    assert (int(first["a"]), int(other["a"])) == (1, 2)


def test_an_interrupted_step_leaves_nothing_that_counts(tmp_path: Path) -> None:
    def stop() -> dict[str, np.ndarray]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Steps(tmp_path, {}).run("one", "one", 0.1, stop)
    assert int(Steps(tmp_path, {}).run("one", "one", 0.1, lambda: {"a": np.array(5)})["a"]) == 5


def test_progress_says_what_was_taken(tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        Steps(tmp_path, {}, lambda words, _: said.append(words)).run("x", "affine", 0.0, lambda: {"a": np.array(0)})
    assert said == ["affine", "affine (from an earlier run)"]
