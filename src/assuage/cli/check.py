"""`assuage check`: a protocol held against the cited limits of its technique. Reads one file, changes nothing.

| exit code | meaning |
|---|---|
| 0 | no limit stops the protocol; what could not be said is listed |
| 1 | a limit stops it |
| 2 | the file is no protocol |
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from assuage.cli.listing import console
from assuage.errors import DataError, ProtocolError, SourceError
from assuage.protocols import from_content, quantities
from assuage.protocols.implanted import DbsPlan
from assuage.report import words
from assuage.safety import OUTCOMES, OWN_LEVEL, RuleSet, Verdict, check, load_rule_set, missing_quantities, worst
from assuage.safety.quantities import QUANTITIES, SCREEN
from assuage.sources.lead import Lead, lead_names

EXIT_STOPPED = 1
TEXTS = ("technique", "motor_threshold", "stimulator", "coil_source")
"""What a flat protocol says in words."""
STYLES = {"stop": "bold red", "warn": "yellow", "cannot say": "dim", "within cited range": "green"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A protocol file and what the rules say about it."""

    path: Path
    sha256: str
    technique: str
    missing: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    rules: RuleSet

    @property
    def stopped(self) -> bool:
        """Whether any limit stops the protocol."""
        return any(verdict.outcome == "stop" for verdict in self.verdicts)

    @property
    def exit_code(self) -> int:
        """0, or 1 if a limit stops the protocol."""
        return EXIT_STOPPED if self.stopped else 0

    def as_json(self) -> dict[str, Any]:
        """Return everything for machines."""
        return {
            "protocol": str(self.path),
            "protocol_sha256": self.sha256,
            "technique": self.technique,
            "rule_set": {"name": self.rules.name, "version": self.rules.version, "sha256": self.rules.sha256},
            "worst": worst(verdict.outcome for verdict in self.verdicts),
            "counts": _counts(self.verdicts),
            "missing": list(self.missing),
            "summary": self.summary(),
            "verdicts": [asdict(verdict) for verdict in _strictest_first(self.verdicts)],
        }

    def print(self) -> None:
        """Print the verdicts as a table, the strictest first, and the summary."""
        table = Table(box=None, pad_edge=False, title_justify="left", title_style="bold")
        table.title = f"{self.rules.techniques[self.technique].label}: {self.path}"
        for heading, fold in (("says", False), ("rule", True), ("value", False), ("limit", False), ("why", True)):
            table.add_column(heading, overflow="fold" if fold else "ellipsis", no_wrap=not fold)
        answered_no, shown = _apart(self.verdicts)
        for verdict in _strictest_first(shown):
            table.add_row(
                Text(verdict.outcome, style=STYLES[verdict.outcome]),
                Text(verdict.rule_id),
                Text(words.amount(verdict.value, verdict.unit)),
                Text(words.amount(verdict.limit, verdict.unit, chosen=True)),
                Text(f"{words.sentence(verdict.why)} {_cited(verdict)}".rstrip()),
            )
        if answered_no:
            why = "Answered no; a list of topics is never complete."
            table.add_row(
                Text("cannot say", style=STYLES["cannot say"]), f"screening answers: {len(answered_no)}", "", "", why
            )
        screen = console()
        screen.print(table)
        screen.print(Text(self.summary(), style="bold"))
        screen.print(f"Rules: {self.rules}", highlight=False)

    def summary(self) -> str:
        """Return what came out in one line."""
        counts = ", ".join(f"{count} {outcome}" for outcome, count in _counts(self.verdicts).items())
        if self.stopped:
            said = "A limit stops this protocol."
        elif self.missing:
            said = "Nothing can be said of the whole protocol: quantities are missing."
        elif any(verdict.outcome == "warn" for verdict in self.verdicts):
            said = "No limit stops this protocol; a clinician reads the warnings and what could not be said."
        elif any(verdict.outcome == "cannot say" for verdict in self.verdicts):
            said = "No limit stops this protocol; a clinician reads what could not be said."
        else:
            said = "Within every cited range that was checked; a clinician decides."
        return f"{said} {counts}."


def check_file(path: Path) -> Checked:
    """Hold the protocol in a file against the rules.

    Raises
    ------
    DataError
        The file holds no protocol; see `assuage.safety.check` for its values.
    """
    content = path.read_bytes()
    asked = quantities_of(path, content)
    rules = load_rule_set()
    verdicts = check(asked, rules=rules)
    return Checked(
        path=path,
        sha256=hashlib.sha256(content).hexdigest(),
        technique=str(asked["technique"]),
        missing=missing_quantities(asked, rules=rules),
        verdicts=verdicts,
        rules=rules,
    )


def quantities_of(path: Path, content: bytes) -> Mapping[str, Any]:
    """Return the quantities of a protocol.json, or of a file that holds the flat mapping itself."""
    try:
        document = json.loads(content, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}); write one object with 'technique' and its quantities") from None
    if isinstance(document, dict) and {"schema_version", "dose"} & document.keys():
        try:
            protocol = from_content(document)
            _hold_lead(protocol.dose)
            return quantities(protocol)
        except (ProtocolError, SourceError) as error:
            raise ProtocolError(f"{path}: {error}") from None
    if not isinstance(document, dict) or "technique" not in document:
        found = ", ".join(document) if isinstance(document, dict) else type(document).__name__
        raise DataError(f'{path} names no technique (found: {found}); add for example "technique": "tdcs"')
    nested = [key for key, value in document.items() if isinstance(value, dict | list)]
    if nested:
        raise DataError(f'{path}: {", ".join(nested)} is nested; write quantities as "name": number, in SI')
    _refuse_unknown(path, document)
    return document


def _hold_lead(dose: object) -> None:
    """Refuse contacts that the named lead cannot have; a lead that is not in the library has nothing to be held to."""
    if isinstance(dose, DbsPlan) and dose.lead.casefold() in {name.casefold() for name in lead_names()}:
        Lead.load(dose.lead).require_contacts({contact.name: contact.area_m2 for contact in dose.implanted})


def _refuse_unknown(path: Path, document: Mapping[str, Any]) -> None:
    """Refuse a name that no rule could ever look at: a current in mA would be taken for one that is not given."""
    known = (*TEXTS, *QUANTITIES)
    for name in document:
        if name in known or name.startswith(SCREEN):
            continue
        near = get_close_matches(name, QUANTITIES, n=1, cutoff=0.75)
        hint = f"write {near[0]}, in SI" if near else "assuage.safety.quantities.QUANTITIES lists the names"
        raise DataError(f"{path}: {name} is no quantity; {hint}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that is given twice: the last value would win in silence."""
    twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if twice:
        raise DataError(f"the protocol gives {', '.join(twice)} twice; keep one value")
    return dict(pairs)


def _cited(verdict: Verdict) -> str:
    if verdict.source_level == OWN_LEVEL:
        return ""
    return f"{words.typeset(verdict.source)} ({words.level(verdict.source_level)})"


def _apart(verdicts: Sequence[Verdict]) -> tuple[list[Verdict], list[Verdict]]:
    """Split off the screening answers that are "no" and say no more."""
    answered_no = [v for v in verdicts if v.kind == "screening" and v.value == 0 and v.outcome == "cannot say"]
    return answered_no, [v for v in verdicts if v not in answered_no]


def _strictest_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return sorted(verdicts, key=lambda verdict: -OUTCOMES.index(verdict.outcome))


def _counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    counted = Counter(verdict.outcome for verdict in verdicts)
    return {outcome: counted[outcome] for outcome in reversed(OUTCOMES) if counted[outcome]}
