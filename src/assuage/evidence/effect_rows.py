"""Tables of effects as rows of `trials`: exports of RevMan (`revman`) and tables with the columns of metafor's escalc.

Arms and effects are read by `assuage.synthesis`, which also computes the effect; a row of `trials` states both in
`effect`, in one part of the cell, so that they belong to the row's outcome. A column named as one of `trials` is taken
as it is. What is neither is left out and named. A result that the tables have already is refused: publications are
compared by DOI or PubMed identifier, else by citation and year.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from assuage.errors import DataError
from assuage.evidence.bibliography import identifier_of, year_of
from assuage.evidence.recompute import Z95
from assuage.evidence.relations import doi_key
from assuage.evidence.revman import ROWS, Analysis, analyses_of, is_revman
from assuage.evidence.schema import table as table_schema
from assuage.evidence.tables import Evidence, Row
from assuage.synthesis.columns import plain
from assuage.synthesis.effects import EffectSet, effects_of
from assuage.synthesis.magnitude import LARGEST_LOG
from assuage.synthesis.measure_choice import known_measure
from assuage.synthesis.measures import with_half
from assuage.synthesis.reading import StudyTable, number_of, read_studies
from assuage.synthesis.row_ways import reported_interval

YEARS = ("year", "studyyear", "yearofstudy", "pubyear", "publicationyear")
KEPT_BACK = frozenset({
    "id", "report", "coded_by", "coded_from", "added", "citation", "year", "n_active", "n_control", "n_total", "effect",
    "source",
})  # fmt: skip
"""Columns of `trials` that are never taken by their bare name from a file."""
IDENTIFIERS = ("doi", "pmid", "pmcid")
"""Columns that name one publication."""
SAME_RESULT = ("outcome", "notes")
"""Columns that tell a result of one publication from another one that the tables have."""
NUMBERS = ("n_active", "n_control", "effect")
"""Within a file, results of one name also differ by their numbers: arms of one trial, follow-ups."""
SHOWN = {"OR": "OR", "RR": "RR", "HR": "HR", "PETO": "Peto OR"}
"""Measures that are shown as ratios; other logarithms stay logarithms, since the validator knows only these ratios."""
DIGITS = 4
"""Digits of a computed number in the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectRows:
    """Cells of `trials` from a file.

    Attributes
    ----------
    not_taken
        Columns of the file that mean nothing here.
    notes
        What has to be said: rows without an effect, ½ added to counts.
    """

    entries: tuple[dict[str, str], ...]
    not_taken: tuple[str, ...]
    notes: tuple[str, ...]


def read_effect_rows(
    path: Path, *, measure: str | None = None, columns: Mapping[str, str] | None = None, where: Sequence[str] = ()
) -> EffectRows:
    """Return the rows of a table of effects as cells of `trials`.

    Parameters
    ----------
    measure
        Effect measure of the whole file, where the file leaves it open.
    columns
        Role -> column, for a table of one's own whose names do not say it.
    where
        Conditions COLUMN=VALUE.

    Raises
    ------
    DataError
        No table, no column that names studies, an effect measure that is left open, or a value that cannot be.
    """
    if path.suffix.lower() in {".rm5", ".zip"}:
        raise DataError(f"{path.name} is no table; of a RevMan review take ...{ROWS} of its data package, unpacked")
    named = known_measure(measure) if measure else None
    table = read_studies(path, given=columns)
    if is_revman(table):
        if columns:
            raise DataError(f"{path.name} is an export of RevMan, whose columns are known; leave --columns out")
        analyses = analyses_of(table, path, measure=named, where=where)
    else:
        chosen = table.where(where)
        unmeant = frozenset(table.roles.values())
        cells = tuple(_people(chosen, i) for i in range(len(chosen.rows)))
        analyses = (Analysis(table=chosen, measure=named, cells=cells, used=unmeant),)
    taken = _schema_columns(table, {column for analysis in analyses for column in analysis.used})
    file = f"{path.name} row {{}}, SHA-256 {sha256(path.read_bytes()).hexdigest()}"
    entries: list[tuple[int, dict[str, str]]] = []
    notes: list[str] = []
    for analysis in analyses:
        texts, said = _effect_texts(analysis)
        notes += [*analysis.notes, *said]
        for i, own in enumerate(analysis.cells):
            row = analysis.table.rows[i]
            same = {column: row[name] for name, column in taken.items() if row[name]}
            line, label, study = analysis.table.lines[i], analysis.table.labels[i], _study(analysis.table, i)
            if not study["year"] and re.search(r"\b\d{4}\)?$", label):
                notes.append(f"no year that can be in {label}: its year is left open")
            entry = {**same, **study, **own, "effect": texts[i], "source": file.format(line)}
            entries.append((line, {column: cell for column, cell in entry.items() if cell}))
    return EffectRows(
        entries=tuple(entry for _, entry in sorted(entries, key=lambda item: item[0])),
        not_taken=_not_taken(table, analyses, taken),
        notes=tuple(dict.fromkeys(notes)),
    )


def filled(entries: Sequence[Mapping[str, str]], given: Mapping[str, str]) -> list[dict[str, str]]:
    """Return rows of a file with the cells that were given, where the file leaves them open.

    Raises
    ------
    DataError
        A cell that no row leaves open, or one DOI or PubMed identifier for several publications.
    """
    publications = len({(entry["citation"], entry.get("year", "")) for entry in entries})
    for column, cell in given.items():
        if column in {"id", "report"} or all(column in entry for entry in entries):
            raise DataError(f"--set {column}={cell}: that cell comes from the file of --csv; leave it out")
        if column in IDENTIFIERS and publications > 1:
            raise DataError(
                f"--set {column}={cell} would make {publications} publications one; give the file a column {column}"
            )
    return [{**given, **entry} for entry in entries]


def placed(
    evidence: Evidence, entries: Sequence[Mapping[str, str]], *, skip_known: bool
) -> tuple[list[dict[str, str]], list[str]]:
    """Return entries with `id` and `report`, and one line for each that is left out since it is known.

    Rows of one publication share `report`, also with rows that the tables have already.

    Raises
    ------
    DataError
        A result that the tables have, unless it is to be skipped, or that the file has twice.
    """
    known = list(evidence.rows["trials"])
    taken = {row.id for row in known}
    before = set(taken)
    made, skipped = [], []
    for entry in entries:
        own = [row for row in known if _same_publication(row, entry)]
        twin = next(
            (row for row in own if _same_result(row, entry, (*SAME_RESULT, *(() if row.id in before else NUMBERS)))),
            None,
        )
        what = f"{entry['citation']}" + (f", {entry['outcome']}" if entry.get("outcome") else "")
        if twin is not None and twin.id in before:
            if not skip_known:
                raise DataError(f"{what} belongs to {twin.id} ({twin.place}) already; add --skip-known to leave it out")
            skipped.append(f"left out: {what}: {twin.id} ({twin.place})")
            continue
        if twin is not None:
            raise DataError(
                f"{what} stands twice in the file ({twin['source'].partition(',')[0]} and "
                f"{entry['source'].partition(',')[0]}); delete one of the two"
            )
        report = own[0]["report"] or own[0].id if own else identifier_of(entry, taken)
        name = report if report not in taken else _numbered(report, taken)
        cells = {**entry, "id": name, "report": report}
        taken.add(name)
        known.append(Row(table="trials", cells=cells, file="", line=0))
        made.append(cells)
    return made, skipped


def _numbered(report: str, taken: set[str]) -> str:
    return next(f"{report}-{n}" for n in range(2, len(taken) + 3) if f"{report}-{n}" not in taken)


def _same_publication(row: Row, entry: Mapping[str, str]) -> bool:
    for column in IDENTIFIERS:
        if row[column] and entry.get(column):
            return doi_key(row[column]) == doi_key(entry[column])
    same_words = " ".join(row["citation"].casefold().split()) == " ".join(entry["citation"].casefold().split())
    return same_words and row["year"] == entry.get("year", "")


def _same_result(row: Row, entry: Mapping[str, str], columns: Sequence[str]) -> bool:
    return all(row[column].casefold() == entry.get(column, "").casefold() for column in columns)


def _schema_columns(table: StudyTable, used: set[str]) -> dict[str, str]:
    """Return column of the file -> column of `trials` for those of the same name that have no other meaning."""
    known = {plain(name): name for name in table_schema("trials").names if name not in KEPT_BACK}
    return {name: known[plain(name)] for name in table.header if name not in used and plain(name) in known}


def _not_taken(table: StudyTable, analyses: Sequence[Analysis], taken: Mapping[str, str]) -> tuple[str, ...]:
    used = {*taken, *(name for name in table.header if plain(name) in YEARS), _label_column(table)}
    used |= {column for analysis in analyses for column in analysis.used}
    return tuple(name for name in table.header if name not in used)


def _label_column(table: StudyTable) -> str:
    """Return the column that the labels of the rows come from.

    Raises
    ------
    DataError
        No column names the studies.
    """
    for name in table.header:
        cells = [row[name] for row in table.rows]
        if all(cell and label.startswith(cell) for cell, label in zip(cells, table.labels, strict=True)):
            return name
    raise DataError(f"{table.source}: a row does not say its study; a column such as study or author has to name it")


def _study(table: StudyTable, i: int) -> dict[str, str]:
    label = table.labels[i].replace(", ", " ") if table.labels[i].rpartition(", ")[2].isdigit() else table.labels[i]
    row = table.rows[i]
    column = next((name for name in table.header if plain(name) in YEARS and row[name]), "")
    if column:
        year = year_of(row[column], where=table.at(i, column))
    else:
        found = re.search(r"\b(?:19|20)\d{2}\b", label)
        year = found[0] if found else ""
    return {"citation": label if not year or year in label else f"{label} {year}", "year": year}


def _people(table: StudyTable, i: int) -> dict[str, str]:
    found = _numbers(table, i)
    roles = {"n1": "n_active", "n2": "n_control", "n": "n_total"}
    return {column: found[role] for role, column in roles.items() if role in found}


def _numbers(table: StudyTable, i: int) -> dict[str, str]:
    """Return the numbers of a row by role, as the file has them; sizes of arms also from events and non-events."""
    cells = {role: table.rows[i][column] for role, column in table.roles.items()}
    found = {role: cell for role, cell in cells.items() if number_of(cell) is not None}
    for size, events, others in (("n1", "a", "b"), ("n2", "c", "d")):
        if size not in found and {events, others} <= set(found):
            found[size] = f"{(number_of(found[events]) or 0) + (number_of(found[others]) or 0):g}"
    return found


def _effect_texts(analysis: Analysis) -> tuple[list[str], list[str]]:
    """Return the text of `effect` for every row, and what has to be said."""
    table = analysis.table
    said = [_arms(table, i) for i in range(len(table.rows))]
    if analysis.unknown:
        return said, [f"no effect: {table.source} names the effect measure {analysis.unknown!r}, which is not known"]
    reported = [i for i in range(len(table.rows)) if _reports(table, analysis.needs, i)]
    notes = [f"no effect: {table.labels[i]}: no events in either arm, or numbers are missing"
             for i in range(len(table.rows)) if i not in reported]  # fmt: skip
    if not reported:
        return said, notes
    effects = effects_of(table.take(reported), measure=analysis.measure)
    if effects.other_measures:
        *some, last = (effects.measure.name, *effects.other_measures)
        raise DataError(f"{table.source}: which effect is meant is open; write --measure {', '.join(some)} or {last}")
    bounds = _reported_bounds(table.take(reported), effects)
    for k, i in enumerate(effects.rows):
        row = reported[i]
        said[row] = ", ".join(part for part in (said[row], _estimate(effects, k, bounds[k], table.source)) if part)
    notes += [f"no effect: {dropped.label}: {dropped.why}" for dropped in effects.dropped]
    return said, [*notes, *effects.notes]


def _reported_bounds(table: StudyTable, effects: EffectSet) -> list[tuple[float, float]]:
    """Return the bounds of every effect as the file has them, on the scale of analysis; nan where it has none."""
    if not {"ci_low", "ci_high"} <= set(table.roles):
        return [(math.nan, math.nan)] * effects.k
    with np.errstate(all="ignore"):
        _, low, high = reported_interval(table, effects.measure)
    taken = [way == "as given" or way.startswith("from estimate") for way in effects.way]
    return [
        (float(low[i]), float(high[i])) if as_reported else (math.nan, math.nan)
        for i, as_reported in zip(effects.rows, taken, strict=True)
    ]


def _reports(table: StudyTable, needs: tuple[tuple[str, ...], ...], i: int) -> bool:
    """Return whether a row has numbers that an effect could come from: not two arms without a single event."""
    row = {role: number_of(cell) for role, cell in _numbers(table, i).items()}
    if set(row) <= {"a", "b", "c", "d", "n1", "n2"} and row.get("a") == row.get("c") == 0:
        return False
    return any(set(roles) <= set(row) for roles in needs) if needs else bool(set(row) - {"n1", "n2"})


def _arms(table: StudyTable, i: int) -> str:
    """Return the numbers of the arms as the file has them, active against control."""
    cell = _numbers(table, i)
    if {"m1", "sd1", "m2", "sd2"} <= set(cell):
        return f"{cell['m1']} (SD {cell['sd1']}) vs {cell['m2']} (SD {cell['sd2']})"
    if {"a", "n1", "c", "n2"} <= set(cell):
        return f"{cell['a']} of {cell['n1']} vs {cell['c']} of {cell['n2']}"
    return ""


def _estimate(effects: EffectSet, k: int, bounds: tuple[float, float], source: str) -> str:
    """Return one effect with its 95 % interval, ratios as ratios; `bounds` as the file reports them, or nan."""
    y, half = float(effects.y[k]), Z95 * math.sqrt(float(effects.v[k]))
    is_inside = bounds[0] < y < bounds[1]
    values = np.array([y, *bounds] if is_inside else [y, y - half, y + half])
    name = effects.measure.name
    if name in SHOWN:
        label = SHOWN[name]
        if np.max(np.abs(values)) > LARGEST_LOG:
            raise DataError(
                f"{source}: {effects.labels[k]}: {label} of exp({y:g}) is no effect; yi of a ratio is its logarithm"
            )
        values = np.exp(values)
    else:
        label = "effect" if name == "GEN" else name
        label = label if effects.measure.scale == "as is" else f"{effects.measure.scale} {label}"
    value, low, high = (_digits(float(x)) for x in values)
    if is_inside:
        value, low, high = (_without_zeros(text) for text in (value, low, high))
    way = effects.way[k]
    computed = way.startswith("computed")
    halved = computed and effects.counts is not None and with_half(name, effects.counts)[1][k]
    behind = "" if computed else f", {way}"
    before = "computed " if computed else ""
    return f"{before}{label} {value} (95% CI {low} to {high}){behind}" + (", ½ added to its counts" if halved else "")


def _digits(value: float) -> str:
    decimals = DIGITS - 1 - math.floor(math.log10(abs(value))) if value else DIGITS
    return f"{value:.{max(0, decimals)}f}"


def _without_zeros(text: str) -> str:
    """Return a number of the file without zeros at its end, which would claim more digits than it has."""
    return text.rstrip("0").rstrip(".") if "." in text else text
