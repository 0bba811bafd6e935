"""Limits that could not be checked, counted by technique and reason: a page of print in place of one row for each."""

import re
from collections.abc import Sequence
from typing import Any

from assuage.safety import Verdict

REASONS = (
    ("screening not answered", re.compile(r"screening topics? ha")),
    ("age is not given", re.compile(r"\bage_years is not given\b")),
    ("a value of the session is not given", re.compile(r"not given|without, nothing can be said")),
    ("the source was not read", re.compile(r"not read\b")),
)
NO_LIMIT = "no limit in what was read"
OTHER = "the limit is for other conditions"


def reason(verdict: Verdict) -> str:
    """Return why nothing could be said, as one of a few reasons."""
    for name, pattern in REASONS:
        if pattern.search(verdict.why):
            return name
    return NO_LIMIT if verdict.limit is None else OTHER


def summary(judged: Sequence[tuple[str, Sequence[Verdict]]]) -> dict[str, Any]:
    """Return reasons, and for every technique the count of each; reasons and techniques without any are left out."""
    counted = []
    for label, verdicts in judged:
        found = [reason(verdict) for verdict in verdicts if verdict.outcome == "cannot say"]
        if found:
            counted.append((label, found))
    names = [*(name for name, _ in REASONS), NO_LIMIT, OTHER]
    used = [name for name in names if any(name in found for _, found in counted)]
    return {
        "unchecked_reasons": used,
        "unchecked_rows": [(label, [found.count(name) for name in used], len(found)) for label, found in counted],
    }
