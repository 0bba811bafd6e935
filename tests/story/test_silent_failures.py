"""docs/silent_failures.md names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = (ROOT / "docs" / "silent_failures.md").read_text(encoding="utf-8").splitlines()[7:]
NAMED = [re.findall(r"`(tests/[^`]+)`", row)[-1] for row in ROWS]


def test_there_are_at_least_ten():
    assert len(NAMED) >= 10


@pytest.mark.parametrize("named", sorted(set(NAMED)))
def test_the_test_exists(named):
    path, _, function = named.partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"def {function or 'test_'}" in text
