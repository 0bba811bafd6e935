"""From the data files to a `RuleSet`; every row is checked, and a row that breaks the schema is refused by its id.

The content hash is taken over what the files say (parsed, keys sorted), not over their bytes: comments and line ends do
not change it.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar

from assuage.errors import DataError
from assuage.safety.quantities import QUANTITIES, UNITS
from assuage.safety.records import (
    HARM_SEEN,
    KINDS,
    NO_AGES,
    OUTCOME_OF,
    OUTCOMES,
    READ_LEVELS,
    UNREAD_LEVELS,
    Answered,
    Cell,
    Condition,
    Interaction,
    IntervalTable,
    Notice,
    OutputTable,
    Rule,
    RuleSet,
    Source,
    Technique,
    Topic,
    TrainTable,
)

LIMIT_FILES = ("tms", "tms_tables", "tes", "seizure_therapy", "dbs", "devices", "screening", "definitions")
FILES = ("ruleset", "sources", "techniques", *LIMIT_FILES)
COMPARISONS = ("at_most", "at_least", "below", "above")
FOUND = ("tolerated", "too short", "insufficient data")

_CONDITION = re.compile(r"^(\w+)(<=|>=|>|<)([\d.]+)$")
_CELL = re.compile(r"^(>?)(\d+(?:\.\d+)?)$")

Row = Mapping[str, Any]
T = TypeVar("T")


@cache
def load_rule_set() -> RuleSet:
    """Return the rule set of the package.

    Raises
    ------
    DataError
        A row that breaks the schema; see `parse`.
    """
    folder = files("assuage.safety").joinpath("data")
    return parse({name: tomllib.loads(folder.joinpath(f"{name}.toml").read_text("utf-8")) for name in FILES})


def parse(documents: Mapping[str, Row]) -> RuleSet:
    """Return the rule set that parsed data files hold.

    Parameters
    ----------
    documents
        The content of each of `FILES` by its name without ``.toml``.

    Raises
    ------
    DataError
        A source without citation or level, or a row with a source, technique, quantity, unit, outcome or comparison
        that does not exist, without population or ages, or with an id that is used twice.
    """
    reader = _Reader(documents)
    rules = reader.rows("rules", _Reader.rule)
    _refuse_mixed_joints(rules)
    return RuleSet(
        name=str(documents["ruleset"]["name"]),
        version=str(documents["ruleset"]["version"]),
        sha256=hashlib.sha256(json.dumps(documents, sort_keys=True).encode()).hexdigest(),
        sources=reader.sources,
        techniques=reader.techniques,
        belongs=reader.belongs(),
        rules=rules,
        train_tables=reader.rows("train_tables", _Reader.train_table),
        interval_tables=reader.rows("interval_tables", _Reader.interval_table),
        output_tables=reader.rows("output_tables", _Reader.output_table),
        topics=reader.rows("topics", _Reader.topic),
        interactions=reader.rows("interactions", _Reader.interaction),
        notices=reader.rows("notices", _Reader.notice),
    )


class _Reader:
    """Turns rows into records; holds what rows refer to."""

    def __init__(self, documents: Mapping[str, Row]) -> None:
        self.documents = documents
        self.sources = {key: _source(key, row) for key, row in documents["sources"].items()}
        self.groups: Row = documents["techniques"].get("groups", {})
        needs: Row = documents["techniques"].get("needs", {})
        self.techniques = {
            name: _technique(name, row, needs) for name, row in documents["techniques"]["technique"].items()
        }
        for technique in self.techniques.values():
            _known(technique.name, "part", technique.parts, self.techniques)
        for group, names in self.groups.items():
            _known(group, "technique", names, self.techniques)
        self.used: set[str] = set()

    def belongs(self) -> dict[str, frozenset[str]]:
        """Return the techniques that have a quantity."""
        found: dict[str, frozenset[str]] = {}
        for row in self.documents["definitions"]["belongs"]:
            _known("belongs", "quantity", row["quantities"], QUANTITIES)
            found |= dict.fromkeys(row["quantities"], self.names("belongs", row))
        return found

    def rows(self, table: str, make: Callable[["_Reader", Row], T]) -> tuple[T, ...]:
        """Return every row of one kind, from all files in order."""
        made = []
        for name in LIMIT_FILES:
            for row in self.documents[name].get(table, ()):
                try:
                    made.append(make(self, row))
                except KeyError as error:
                    raise DataError(
                        f"{name}.toml: {row.get('id', row.get('key'))} has no {error.args[0]!r}; add it"
                    ) from None
        return tuple(made)

    def rule(self, row: Row) -> Rule:
        """Return one limit."""
        name = self.new_id(row)
        elsewhere = row.get("elsewhere", "")
        _known(name, "comparison", [row["comparison"]], COMPARISONS)
        _known(name, "kind", [row["kind"]], KINDS)
        _known(name, "outcome", [row["beyond"], *([elsewhere] if elsewhere else [])], OUTCOMES[1:])
        _same_dimension(name, row["quantity"], row["unit"])
        limit: float | str = row["limit_from"] if "limit_from" in row else float(row["limit"])
        if isinstance(limit, str):
            _same_dimension(name, limit, row["unit"])
        only, when = (_conditions(name, row.get(key, ())) for key in ("only", "when"))
        source = self.source(name, row)
        if source.was_read and row["kind"] != HARM_SEEN and not all(condition.is_upper for condition in when):
            raise DataError(
                f"{name}: a limit that can be kept to takes upper conditions only; else more would be milder"
            )
        return Rule(
            rule_id=name,
            techniques=self.names(name, row),
            quantity=row["quantity"],
            only=only,
            when=when,
            comparison=row["comparison"],
            limit=limit,
            unit=row["unit"],
            beyond=row["beyond"],
            kind=row["kind"],
            population=_text(name, row, "population"),
            ages_years=_ages(name, row),
            source=source,
            source_from=row.get("source_from", ""),
            says=_text(name, row, "says"),
            joint=row.get("joint", ""),
            device=row.get("device", ""),
            elsewhere=elsewhere,
        )

    def train_table(self, row: Row) -> TrainTable:
        """Return one table of trains."""
        name = self.new_id(row)
        _same_dimension(name, row["quantity"], row["unit"])
        _known(name, "outcome", [row["beyond"], row["open_beyond"]], OUTCOMES[1:])
        frequency, intensity = _rising(name, row["frequency_Hz"]), _rising(name, row["intensity_percent_mt"])
        _shape(name, row["cells"], len(frequency), len(intensity))
        return TrainTable(
            rule_id=name,
            techniques=self.names(name, row),
            quantity=row["quantity"],
            unit=row["unit"],
            frequency_Hz=frequency,
            intensity_percent_mt=intensity,
            cells=tuple(tuple(_cell(name, text) for text in line) for line in row["cells"]),
            beyond=row["beyond"],
            open_beyond=row["open_beyond"],
            population=_text(name, row, "population"),
            ages_years=_ages(name, row),
            source=self.source(name, row),
            says=_text(name, row, "says"),
        )

    def interval_table(self, row: Row) -> IntervalTable:
        """Return one table of pauses."""
        name = self.new_id(row)
        intervals = tuple(float(x) for x in row["interval_s"])
        _rising(name, intervals[::-1])
        intensity = _rising(name, row["intensity_percent_mt"])
        _shape(name, row["found"], len(intervals), len(intensity))
        for line in row["found"]:
            _known(name, "finding", line, FOUND)
        return IntervalTable(
            rule_id=name,
            techniques=self.names(name, row),
            only=_conditions(name, row.get("only", ())),
            interval_s=intervals,
            intensity_percent_mt=intensity,
            found=tuple(tuple(line) for line in row["found"]),
            population=_text(name, row, "population"),
            ages_years=_ages(name, row),
            source=self.source(name, row),
            says=_text(name, row, "says"),
        )

    def output_table(self, row: Row) -> OutputTable:
        """Return one table of a stimulator."""
        name = self.new_id(row)
        output = _rising(name, row["output_percent_mso"])
        frequency = tuple(float(x) for x in row.get("frequency_Hz", ()))
        energy = tuple(float(x) for x in row.get("joule_per_pulse", ()))
        if sorted((len(frequency), len(energy))) != [0, len(output)]:
            raise DataError(f"{name}: give frequency_Hz or joule_per_pulse, {len(output)} values each")
        return OutputTable(
            rule_id=name,
            device=_text(name, row, "device"),
            output_percent_mso=output,
            frequency_Hz=frequency,
            joule_per_pulse=energy,
            joule_per_minute=float(row["joule_per_minute"]) if energy else 0.0,
            source=self.source(name, row),
            says=_text(name, row, "says"),
        )

    def topic(self, row: Row) -> Topic:
        """Return one screening topic."""
        key = row["key"]
        self.new_id({"id": f"screen-{key}"})
        answered = []
        for entry in row["answered"]:
            _known(key, "consequence", [entry["consequence"]], OUTCOME_OF)
            answered.append(
                Answered(
                    techniques=self.names(key, entry),
                    consequence=entry["consequence"],
                    population=_text(key, entry, "population"),
                    source=self.source(key, entry),
                )
            )
        return Topic(key=key, asks=_text(key, row, "asks"), answered=tuple(answered))

    def interaction(self, row: Row) -> Interaction:
        """Return one interaction of answers."""
        name = self.new_id(row)
        topics = {topic["key"] for topic in self.documents["screening"].get("topics", ())}
        any_of, and_any_of = tuple(row["any_of"]), tuple(row.get("and_any_of", ()))
        _known(name, "topic", (*any_of, *and_any_of), topics)
        _known(name, "consequence", [row["consequence"]], OUTCOME_OF)
        return Interaction(
            rule_id=name,
            techniques=self.names(name, row),
            any_of=any_of,
            and_any_of=and_any_of,
            when=_conditions(name, row.get("when", ())),
            consequence=row["consequence"],
            population=_text(name, row, "population"),
            source=self.source(name, row),
            says=_text(name, row, "says"),
        )

    def notice(self, row: Row) -> Notice:
        """Return one notice."""
        name = self.new_id(row)
        _known(name, "outcome", [row["outcome"]], OUTCOMES[1:])
        return Notice(
            rule_id=name,
            techniques=self.names(name, row),
            outcome=row["outcome"],
            population=_text(name, row, "population"),
            source=self.source(name, row),
            says=_text(name, row, "says"),
        )

    def new_id(self, row: Row) -> str:
        """Return the id of a row; refuse one that is taken."""
        name = str(row["id"])
        if name in self.used:
            raise DataError(f"the id {name!r} is used twice; ids are unique over all files")
        self.used.add(name)
        return name

    def names(self, owner: str, row: Row) -> frozenset[str]:
        """Return the techniques of a row, groups spelt out."""
        _known(owner, "technique", row["techniques"], {*self.techniques, *self.groups})
        listed = {name for given in row["techniques"] for name in self.groups.get(given, (given,))}
        return frozenset(listed)

    def source(self, owner: str, row: Row) -> Source:
        """Return the source of a row."""
        _known(owner, "source", [row["source"]], self.sources)
        return self.sources[row["source"]]


def _source(key: str, row: Row) -> Source:
    citation, level = row.get("citation", ""), row.get("level", "")
    if not citation:
        raise DataError(f"source {key!r} has no citation; no limit goes without")
    _known(key, "level", [level], READ_LEVELS | UNREAD_LEVELS)
    return Source(key=key, citation=citation, level=level)


def _technique(name: str, row: Row, needs: Row) -> Technique:
    _known(name, "needs", row.get("needs", ()), needs)
    mandatory = [quantity for group in row.get("needs", ()) for quantity in needs[group]] + list(row.get("also", ()))
    later = [(quantity, _conditions(name, [text])[0]) for quantity, text in row.get("required_when", {}).items()]
    _known(name, "quantity", (*mandatory, *(quantity for quantity, _ in later)), QUANTITIES)
    return Technique(
        name=name,
        label=_text(name, row, "label"),
        mandatory=tuple(dict.fromkeys(mandatory)),
        required_when=tuple(later),
        parts=tuple(row.get("parts", ())),
    )


def _known(owner: str, what: str, given: Iterable[Any], known: Iterable[str]) -> None:
    allowed = list(known)
    for name in given:
        if name not in allowed:
            raise DataError(f"{owner}: {what} {name!r} is not known; one of {', '.join(map(str, sorted(allowed)))}")


def _same_dimension(owner: str, quantity: str, unit: str) -> None:
    _known(owner, "quantity", [quantity], QUANTITIES)
    _known(owner, "unit", [unit], UNITS)
    if UNITS[unit][0] != UNITS[QUANTITIES[quantity]][0]:
        raise DataError(f"{owner}: {quantity} is no {UNITS[unit][0]}; give its limit in {QUANTITIES[quantity]}")


def _text(owner: str, row: Row, key: str) -> str:
    text = str(row.get(key, "")).strip()
    if not text:
        raise DataError(f"{owner} has no {key}; write it down")
    return text


def _ages(owner: str, row: Row) -> tuple[float, float]:
    if row["ages_years"] == "not reported":
        return NO_AGES
    low, high = (float(x) for x in row["ages_years"])
    if not 0 <= low < high:
        raise DataError(f"{owner}: ages_years = [{low:g}, {high:g}]; give the lower age first")
    return low, high


def _conditions(owner: str, texts: Iterable[str]) -> tuple[Condition, ...]:
    found = []
    for text in texts:
        match = _CONDITION.match(text)
        if not match:
            raise DataError(f"{owner}: condition {text!r} is not like 'frequency_Hz<=10'")
        _known(owner, "quantity", [match[1]], QUANTITIES)
        found.append(Condition(quantity=match[1], relation=match[2], value=float(match[3])))  # type: ignore[arg-type]
    return tuple(found)


def _cell(owner: str, text: str) -> Cell:
    match = _CELL.match(text)
    if not match:
        raise DataError(f"{owner}: cell {text!r} is not like '4.2' or '>10'")
    return Cell(limit=float(match[2]), open_ended=bool(match[1]))


def _rising(owner: str, values: Iterable[float]) -> tuple[float, ...]:
    found = tuple(float(x) for x in values)
    if list(found) != sorted(set(found)):
        raise DataError(f"{owner}: {list(found)} does not rise from the first to the last")
    return found


def _shape(owner: str, lines: Any, rows: int, columns: int) -> None:
    if len(lines) != rows or any(len(line) != columns for line in lines):
        raise DataError(f"{owner}: the table is not {rows} rows of {columns}")


def _refuse_mixed_joints(rules: Iterable[Rule]) -> None:
    """Refuse parts of one joint rule that hold for different techniques."""
    found: dict[str, frozenset[str]] = {}
    for rule in rules:
        if rule.joint and found.setdefault(rule.joint, rule.techniques) != rule.techniques:
            raise DataError(f"{rule.rule_id}: the parts of {rule.joint} hold for different techniques")
