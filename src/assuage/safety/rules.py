"""The cited limits as records.

`data/limits.csv` holds one limit a line, `data/train_limits.csv` the longest trains of repetitive TMS by frequency and
intensity. Both carry the source of every number and how far that source was read (`source_level`). Only a limit whose
own source was read, and which describes what was done without harm, may ever say "within cited range"
(`Rule.may_pass`); every other one can warn, stop or say nothing.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from assuage.errors import DataError

Comparison = Literal["at_most", "at_least", "below", "above"]
Outcome = Literal["within cited range", "cannot say", "warn", "stop"]

READ_LEVELS = frozenset({"abstract", "regulatory_text", "vendor_manual", "device file"})
"""Levels at which the source itself was read, if only its abstract: no copies, quotations or memory."""

HARM_SEEN = "harm seen"
"""Kind of a limit that marks harm: staying clear of it does not show that anything is tolerated."""

_CONDITION = re.compile(r"^(\w+)(<=|>=|>|<|=)([\d.]+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A range of another quantity outside which a limit says nothing."""

    quantity: str
    relation: str
    value: float

    def holds(self, value: float) -> bool:
        """Say whether a value fulfils the condition."""
        return {
            "<=": value <= self.value,
            ">=": value >= self.value,
            "<": value < self.value,
            ">": value > self.value,
            "=": value == self.value,
        }[self.relation]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One cited limit; `limit` is a number in `unit`, or the name of the quantity that holds it."""

    rule_id: str
    techniques: frozenset[str]
    quantity: str
    when: tuple[Condition, ...]
    comparison: Comparison
    limit: float | str
    unit: str
    beyond: Outcome
    kind: str
    population: str
    source: str
    source_level: str
    says: str

    @property
    def may_pass(self) -> bool:
        """Whether keeping to this limit may be called "within cited range"."""
        return self.source_level in READ_LEVELS and self.kind != HARM_SEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainLimit:
    """Longest train at one frequency and intensity; `longer_not_tested`: the table stops there without harm."""

    frequency_Hz: float
    intensity_percent_mt: float
    train_duration_s: float
    longer_not_tested: bool
    population: str
    kind: str
    source: str
    source_level: str


@cache
def load_rules() -> tuple[Rule, ...]:
    """Return the limits of `data/limits.csv`.

    Raises
    ------
    DataError
        A row without a source, or one whose fields cannot be read.
    """
    rules = tuple(_rule(row) for row in _rows("limits.csv"))
    if len({rule.rule_id for rule in rules}) != len(rules):
        raise DataError("limits.csv uses a rule_id twice")
    return rules


@cache
def load_train_limits() -> tuple[TrainLimit, ...]:
    """Return the longest trains of `data/train_limits.csv`."""
    return tuple(
        TrainLimit(
            frequency_Hz=float(row["frequency_Hz"]),
            intensity_percent_mt=float(row["intensity_percent_mt"]),
            train_duration_s=float(row["train_duration_s"]),
            longer_not_tested=row["longer_not_tested"] == "yes",
            population=row["population"],
            kind=row["kind"],
            source=row["source"],
            source_level=row["source_level"],
        )
        for row in _rows("train_limits.csv")
    )


def _rows(name: str) -> list[dict[str, str]]:
    text = files("assuage.safety").joinpath("data", name).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    for row in rows:
        if not (row["source"] and row["source_level"]):
            raise DataError(f"{name}: {row} has no source or source_level; no limit goes without")
    return rows


def _rule(row: dict[str, str]) -> Rule:
    comparison, beyond = row["comparison"], row["beyond"]
    if comparison not in {"at_most", "at_least", "below", "above"} or beyond not in {"cannot say", "warn", "stop"}:
        raise DataError(f"limits.csv: {row['rule_id']} has comparison {comparison!r} and beyond {beyond!r}")
    text = row["limit"]
    return Rule(
        rule_id=row["rule_id"],
        techniques=frozenset(row["techniques"].split(";")),
        quantity=row["quantity"],
        when=tuple(_condition(part) for part in row["when"].split(";") if part),
        comparison=comparison,  # type: ignore[arg-type]
        limit=float(text) if re.fullmatch(r"[\d.]+", text) else text,
        unit=row["unit"],
        beyond=beyond,  # type: ignore[arg-type]
        kind=row["kind"],
        population=row["population"],
        source=row["source"],
        source_level=row["source_level"],
        says=row["says"],
    )


def _condition(text: str) -> Condition:
    match = _CONDITION.match(text)
    if not match:
        raise DataError(f"limits.csv: condition {text!r} is not 'quantity<=number'")
    return Condition(quantity=match[1], relation=match[2], value=float(match[3]))
