"""The nouns of the safety stage: sources, limits, tables, topics, and the rule set that holds them.

Every limit names a source, and every source says how far it was read (`level`). Only a limit whose own source was read,
and which describes what was done without harm, may ever say "within cited range" (`Rule.may_pass`); every other one can
warn, stop or say nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["within cited range", "cannot say", "warn", "stop"]
Comparison = Literal["at_most", "at_least", "below", "above"]
Consequence = Literal["review", "stop"]

OUTCOMES: tuple[Outcome, ...] = ("within cited range", "cannot say", "warn", "stop")
"""From the mildest to the strictest."""

OUTCOME_OF: dict[Consequence, Outcome] = {"review": "warn", "stop": "stop"}
"""A screening answer that a clinician has to look at first is a warning; one that ends the matter is a stop."""

READ_LEVELS = frozenset({"abstract", "regulatory_text", "vendor_manual", "vendor_datasheet", "device file"})
"""Levels at which the source itself was read, if only its abstract: no copies, quotations or memory."""

OWN_LEVEL = "rule of this package"
"""Level of what the package adds itself: that something is missing, or that no limit is known."""

UNREAD_LEVELS = frozenset({
    "from memory, unverified",
    "secondary_web",
    "secondary_web (weak)",
    "regulatory_text (secondary copy)",
    "vendor_manual (secondary)",
    "vendor_web",
    "letter excerpt + memory",
    "repository_code",
    "registry",
    "derived",
    OWN_LEVEL,
})  # fmt: skip
"""Levels that may warn or stop but never pass: the source was not read, or it reports no outcome."""

ROUNDING = 1e-9
"""Relative slack of a comparison: a sum of currents that is the limit but for rounding keeps to it."""

ANY_AGE = (0.0, float("inf"))
NO_AGES = (float("inf"), float("inf"))
"""The source does not give the ages: keeping to its limit shows nothing for anybody."""
KINDS = frozenset({"guideline", "regulatory", "device", "study practice", "harm seen", "definition"})
DEFINITION = "definition"
"""Kind of a row that says what a name or a number means: it stops a protocol that contradicts itself, or is silent."""
HARM_SEEN = "harm seen"
"""Kind of a limit that marks harm: staying clear of it does not show that anything is tolerated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a limit comes from and how far that was read."""

    key: str
    citation: str
    level: str

    @property
    def was_read(self) -> bool:
        """Whether the source itself was read."""
        return self.level in READ_LEVELS


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A range of another quantity; upper bounds mark what a source covers, lower ones where a limit begins to speak."""

    quantity: str
    relation: Literal["<=", "<", ">=", ">"]
    value: float

    @property
    def is_upper(self) -> bool:
        """Whether more of the quantity leaves the range."""
        return self.relation in {"<=", "<"}

    def holds(self, value: float) -> bool:
        """Say whether a value lies in the range."""
        slack = ROUNDING * abs(self.value)
        return {
            "<=": value <= self.value + slack,
            ">=": value >= self.value - slack,
            "<": value < self.value - slack,
            ">": value > self.value + slack,
        }[self.relation]

    def __str__(self) -> str:
        """Return the condition as it stands in the data."""
        return f"{self.quantity} {self.relation} {self.value:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One cited limit; `limit` is a number in `unit`, or the name of the quantity that holds it.

    `only` says what is done where it speaks: it is silent where a value is known to lie outside, and can stop but not
    pass where one is not known. `ages_years` are the ages at which keeping to it may be called "within cited range".
    `joint` names the rule that this limit is a part of. `device` limits it to one stimulator; `elsewhere` is its
    outcome for another one ("" if it then says nothing).
    """

    rule_id: str
    techniques: frozenset[str]
    quantity: str
    only: tuple[Condition, ...]
    when: tuple[Condition, ...]
    comparison: Comparison
    limit: float | str
    unit: str
    beyond: Outcome
    kind: str
    population: str
    ages_years: tuple[float, float]
    source: Source
    source_from: str
    says: str
    joint: str
    device: str
    elsewhere: Outcome | Literal[""]

    @property
    def may_pass(self) -> bool:
        """Whether keeping to this limit may be called "within cited range"."""
        return self.source.was_read and self.kind != HARM_SEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One entry of a train table; `open_ended`: longer was not tried ("> 10" in print)."""

    limit: float
    open_ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainTable:
    """Longest train, or most pulses of one, by frequency (rows) and intensity (columns)."""

    rule_id: str
    techniques: frozenset[str]
    quantity: str
    unit: str
    frequency_Hz: tuple[float, ...]
    intensity_percent_mt: tuple[float, ...]
    cells: tuple[tuple[Cell, ...], ...]
    beyond: Outcome
    open_beyond: Outcome
    population: str
    ages_years: tuple[float, float]
    source: Source
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntervalTable:
    """What was found of pauses between trains, by pause (rows, falling) and intensity (columns)."""

    rule_id: str
    techniques: frozenset[str]
    only: tuple[Condition, ...]
    interval_s: tuple[float, ...]
    intensity_percent_mt: tuple[float, ...]
    found: tuple[tuple[str, ...], ...]
    population: str
    ages_years: tuple[float, float]
    source: Source
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputTable:
    """Highest frequency or energy of a pulse of one stimulator, by its output."""

    rule_id: str
    device: str
    output_percent_mso: tuple[float, ...]
    frequency_Hz: tuple[float, ...]
    joule_per_pulse: tuple[float, ...]
    joule_per_minute: float
    source: Source
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a "yes" to a topic leads to, for some techniques."""

    techniques: frozenset[str]
    consequence: Consequence
    population: str
    source: Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One screening topic; the answer stands in the protocol under `screen_<key>`."""

    key: str
    asks: str
    answered: tuple[Answered, ...]

    def for_technique(self, names: frozenset[str]) -> Answered | None:
        """Return what a "yes" leads to, the strictest first, or None where no source asks it for these techniques."""
        found = [entry for entry in self.answered if entry.techniques & names]
        return max(found, key=lambda entry: OUTCOMES.index(OUTCOME_OF[entry.consequence]), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """Answers that weigh more together: any of one list, with any of another list or with a range of a quantity."""

    rule_id: str
    techniques: frozenset[str]
    any_of: tuple[str, ...]
    and_any_of: tuple[str, ...]
    when: tuple[Condition, ...]
    consequence: Consequence
    population: str
    source: Source
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """What has to be said of a technique whatever its values are."""

    rule_id: str
    techniques: frozenset[str]
    outcome: Outcome
    population: str
    source: Source
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """What a protocol of a technique has to state.

    `required_when` are quantities that are needed once a condition holds. `parts` are the techniques whose limits hold
    too (a combination of two).
    """

    name: str
    label: str
    mandatory: tuple[str, ...]
    required_when: tuple[tuple[str, Condition], ...]
    parts: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """The technique and its parts."""
        return frozenset((self.name, *self.parts))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """Every limit, with the version and the content hash that a report can show.

    `belongs` maps a quantity to the techniques that have it; one that is not there says nothing of the technique.
    """

    name: str
    version: str
    sha256: str
    sources: Mapping[str, Source]
    techniques: Mapping[str, Technique]
    belongs: Mapping[str, frozenset[str]]
    rules: tuple[Rule, ...]
    train_tables: tuple[TrainTable, ...]
    interval_tables: tuple[IntervalTable, ...]
    output_tables: tuple[OutputTable, ...]
    topics: tuple[Topic, ...]
    interactions: tuple[Interaction, ...]
    notices: tuple[Notice, ...]

    def __str__(self) -> str:
        """Return name, version and the head of the hash."""
        return f"{self.name} {self.version} (sha256 {self.sha256[:12]})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What one rule says; `value` and `limit` are in `unit`, `why` is a sentence for a report.

    `kind` is "limit", "table", "joint", "device", "screening", "interaction", "notice", "definition" (the protocol
    contradicts its name or itself), "missing" (a quantity that the technique needs is not there) or "uncited" (no cited
    limit for a quantity that is given).
    """

    rule_id: str
    technique: str
    quantity: str
    outcome: Outcome
    value: float | None
    limit: float | None
    unit: str
    population: str
    source: str
    source_level: str
    why: str
    kind: str = "limit"
