"""Which rows of a table are studies: not the headings and sums of RevMan's exports, nor the total under a forest plot.

RevMan 5 writes the line of an outcome, with its effect measure and pooled result, above its studies, and one for each
subgroup, which has neither year nor order. Its exports and RevMan's data rows hold many analyses, and one is pooled.
"""

import re
from collections.abc import Mapping, Sequence

from assuage.errors import DataError
from assuage.synthesis.columns import plain
from assuage.synthesis.measures import MEASURES
from assuage.synthesis.reading import StudyTable

REVMAN_5 = ("Comparison Number", "Outcome Number", "Subgroup Number", "Name")
NAMES = {
    "oddsratio": "OR", "petooddsratio": "PETO", "petoor": "PETO", "riskratio": "RR", "riskdifference": "RD",
    "meandifference": "MD", "stdmeandifference": "SMD", "standardizedmeandifference": "SMD", "hazardratio": "HR",
}  # fmt: skip
"""Effect measures as RevMan spells them; its short names are those of `MEASURES`."""
ANALYSIS = (REVMAN_5[:2], ("Analysis group", "Analysis number"))
"""Columns that number the analyses of an export."""
TOTAL = re.compile(
    r"sub[- ]?totals?\b.*|totals?(:|,? events?:?|:? effect.*| 95 ?%.*|"
    r":? \(.*(%|effects?|model|i.?(²|2|sq)|[np] ?[=<]).*)?|"
    r"overall.*|pooled.*|(d\+l|dl|i-?v|m-?h|re|fe) pooled.*|summary( (effect|estimate|measure).*)?|sum|heterogeneity.*|"
    r"tests? for .*|combined|weighted (mean|average)|(random|fixed|common)[ -]effects? model.*|"
    r"(re|fe|ce|ee) model.*|all studies",
    re.IGNORECASE,
)
"""Labels of rows that sum up the others, as RevMan, Stata's metan, and R's meta and metafor write them."""


def one_analysis(table: StudyTable) -> tuple[StudyTable, str | None, list[str]]:
    """Return the studies of an export of RevMan, the measure that it names, and what to say; other tables as they are.

    Raises
    ------
    DataError
        It holds several analyses, or none.
    """
    columns = next((pair for pair in ANALYSIS if set(pair) <= set(table.header)), None)
    if columns is None:
        return table, None, []
    notes: list[str] = []
    studies = list(range(len(table.rows)))
    outcomes: dict[tuple[str, str], Mapping[str, str]] = {}
    if set(REVMAN_5) <= set(table.header):
        studies, outcomes, subgroups = _revman_5(table)
        notes = [f"taken for headings of subgroups: {', '.join(subgroups)}"] if subgroups else []
    found = list(dict.fromkeys((table.rows[i][columns[0]], table.rows[i][columns[1]]) for i in studies))
    if not found:
        raise DataError(f"{table.source} has headings of RevMan and no study; export the studies too")
    if len(found) > 1:
        named = [f"{'.'.join(key)} {outcomes.get(key, {}).get('Name', '')}".strip() for key in found]
        first = " ".join(f'--where "{name}={value}"' for name, value in zip(columns, found[0], strict=True))
        raise DataError(
            f"{table.source} holds {len(found)} analyses ({', '.join(named[:3])}{' ...' if len(named) > 3 else ''}); "
            f"take one: {first}"
        )
    said = outcomes.get(found[0], {}).get("Effect Measure", "")
    measure = measure_in(said) if measure_in(said) in MEASURES else None
    if said and measure is None:
        notes.append(f"the export names the effect measure {said!r}, which is not known")
    return table.take(studies), measure, notes


def measure_in(said: str) -> str:
    """Return the effect measure of an export as `MEASURES` names it, or in capitals where it is not known."""
    return NAMES.get(plain(said), said.upper())


def _revman_5(table: StudyTable) -> tuple[list[int], dict[tuple[str, str], Mapping[str, str]], list[str]]:
    """Return the rows of studies, the line of every outcome, and the names of subgroups."""
    studies: list[int] = []
    outcomes: dict[tuple[str, str], Mapping[str, str]] = {}
    subgroups: dict[tuple[str, str, str], str] = {}
    for i, row in enumerate(table.rows):
        comparison, outcome, subgroup = (row[name] for name in REVMAN_5[:3])
        if outcome in {"", "0"}:
            continue
        if (comparison, outcome) not in outcomes:
            outcomes[comparison, outcome] = row
            continue
        is_study = bool(row.get("Year of study") or row.get("User defined order"))
        if subgroup not in {"", "0"} and (comparison, outcome, subgroup) not in subgroups and not is_study:
            subgroups[comparison, outcome, subgroup] = row["Name"]
            continue
        studies.append(i)
    return studies, outcomes, list(subgroups.values())


def refuse_totals(table: StudyTable, rows: Sequence[int]) -> None:
    """Refuse rows that sum up the others, by their label.

    Raises
    ------
    DataError
        With the row and its label.
    """
    for i in rows:
        refuse_total(table.labels[i], f"{table.source} row {table.lines[i]}")


def refuse_total(label: str, where: str) -> None:
    """Refuse a label that says a sum of other rows; see `refuse_totals`."""
    if TOTAL.fullmatch(label.strip()):
        raise DataError(
            f"{where} ({label.strip()}) reads as a sum of the other rows; take it out, or give the study another label"
        )
