"""Exports of RevMan, cut into analyses with their effect measure.

RevMan 5, "Data and analyses" as CSV: one line for each comparison, outcome and subgroup above the studies; the line of
an outcome says data type and effect measure. RevMan's data package: `...-data-rows.csv`, one line for each study of an
analysis; data type and effect measure stand in `...-overall-estimates-and-settings.csv`, read where it lies beside.

Columns as in Cochrane's data package specification (documentation.cochrane.org/revman-kb) and in Fleiss93_CR.csv, an
export of RevMan 5 that the R package meta carries. No export of RevMan 5 with subgroups was seen: the first line of a
subgroup is taken for its heading if it has neither year nor order, as the lines of outcomes have none.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from assuage.errors import DataError
from assuage.synthesis.columns import plain
from assuage.synthesis.measures import MEASURES
from assuage.synthesis.reading import StudyTable, number_of, read_studies
from assuage.synthesis.study_rows import REVMAN_5, measure_in

PACKAGE = ("Analysis group", "Analysis number", "Study")
SAID_BY = frozenset({
    *REVMAN_5, "Data Type", "Effect Measure", "Group Label 1", "Group Label 2", "User defined order",
    *PACKAGE, "Analysis name", "Subgroup", "Footnotes",
})  # fmt: skip
"""Columns that say where a row belongs."""
ROWS, SETTINGS = "-data-rows.csv", "-overall-estimates-and-settings.csv"
"""Ends of the names of two files of a data package."""
SWAP = "Swap event and non-event"
"""Column of the settings of a data package, of counts."""
RATIO = frozenset({"OR", "RR", "HR", "PETO", "IRR"})
COUNTS, MEANS, STATED = "counts", "means", "stated"
NEEDS = {
    COUNTS: (("a", "n1", "c", "n2"),),
    MEANS: (("m1", "sd1", "n1", "m2", "sd2", "n2"),),
    STATED: (
        ("yi", "sei"), ("ratio", "ci_low", "ci_high"), ("ratio", "sei"), ("estimate", "ci_low", "ci_high"),
        ("estimate", "sei"),
    ),
}  # fmt: skip
"""Roles of which a row has to have all of one group, by what the rows hold."""
KINDS = {"dic": COUNTS, "dichotomous": COUNTS, "con": MEANS, "continuous": MEANS}
"""Data types whose arms are in the file; of any other the stated effect is taken."""
ROLES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "revman5": {
        COUNTS: {"a": "Events 1", "n1": "Total 1", "c": "Events 2", "n2": "Total 2"},
        MEANS: {"m1": "Mean 1", "sd1": "SD 1", "n1": "Total 1", "m2": "Mean 2", "sd2": "SD 2", "n2": "Total 2"},
        STATED: {"estimate": "Effect Estimate", "sei": "SE", "ci_low": "CI Start", "ci_high": "CI End"},
    },
    "package": {
        COUNTS: {
            "a": "Experimental cases", "n1": "Experimental N", "c": "Control cases", "n2": "Control N",
        },
        MEANS: {
            "m1": "Experimental mean", "sd1": "Experimental SD", "n1": "Experimental N",
            "m2": "Control mean", "sd2": "Control SD", "n2": "Control N",
        },
        STATED: {"yi": "GIV Mean", "sei": "GIV SE"},
    },
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Studies that share outcome and effect measure.

    Attributes
    ----------
    table
        The studies, with the roles of the columns that count.
    measure
        A name of `MEASURES`; None where the columns say it, or where the file names one that is not known (`unknown`).
    unknown
        The effect measure as the file names it, where no effect can be computed for it.
    cells
        What the export says of each row, by column of `trials`.
    used
        Columns that were read.
    needs
        Roles of which a row has to have all of one group, or it gives no effect; none: a table of one's own.
    notes
        Lines that were taken for headings, and might be studies.
    """

    table: StudyTable
    measure: str | None
    cells: tuple[Mapping[str, str], ...]
    used: frozenset[str]
    unknown: str = ""
    needs: tuple[tuple[str, ...], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heading:
    """What stands above the studies of an outcome: its name, its comparison, arms, data type and measure.

    `swapped`: RevMan shows the effect of the non-events; the arms hold events, and the effect here is of them.
    `subgroups`: lines that were taken for headings of subgroups.
    """

    outcome: str = ""
    comparison: str = ""
    active: str = ""
    control: str = ""
    kind: str = ""
    measure: str = ""
    swapped: bool = False
    subgroups: tuple[str, ...] = ()


def is_revman(table: StudyTable) -> bool:
    """Return whether a table is an export of RevMan."""
    return any(set(names) <= set(table.header) for names in (REVMAN_5, PACKAGE))


def analyses_of(
    table: StudyTable, path: Path, *, measure: str | None, where: Sequence[str] = ()
) -> tuple[Analysis, ...]:
    """Return the analyses of an export.

    Parameters
    ----------
    path
        Of the export: the settings of a data package lie beside it.
    measure
        Effect measure of analyses for which the file names none, or none that is known.
    where
        Conditions COLUMN=VALUE that studies have to satisfy.

    Raises
    ------
    DataError
        No study, or nothing that says the effect measure.
    """
    is_old = set(REVMAN_5) <= set(table.header)
    found = _revman_5(table, where) if is_old else _package(table, path, where)
    return tuple(_analysis(part, heading, cells, measure=measure, is_old=is_old) for part, heading, cells in found)


def _analysis(
    part: StudyTable, heading: _Heading, cells: tuple[dict[str, str], ...], *, measure: str | None, is_old: bool
) -> Analysis:
    stated = measure_in(heading.measure)
    named = stated if stated in MEASURES else measure or stated
    if not named:
        raise DataError(
            f"{part.source} does not say the effect measure of {heading.outcome or 'its analysis'}; "
            + ("export the field Effect Measure too" if is_old else f"put the file ...{SETTINGS} beside it")
            + ", or write --measure SMD"
        )
    layout = ROLES["revman5" if is_old else "package"]
    kind = _kind(part, heading.kind, layout)
    roles = {role: name for role, name in layout[kind].items() if name in part.header}
    if named in RATIO and "estimate" in roles:
        roles["ratio"] = roles.pop("estimate")
    people = {layout[COUNTS]["n1"], layout[COUNTS]["n2"]}
    blanked = tuple(
        {name: "" if name in people and number_of(cell) == 0 else cell for name, cell in row.items()}
        for row in part.rows
    )
    known = named in MEASURES
    return Analysis(
        table=replace(part, rows=blanked, roles=roles, rivals={}),
        measure=named if known else None,
        unknown="" if known else heading.measure,
        needs=NEEDS[kind],
        notes=tuple(f"taken for the heading of a subgroup: {line}" for line in heading.subgroups),
        cells=tuple(_with_people(row, own, layout) for row, own in zip(blanked, cells, strict=True)),
        used=SAID_BY | frozenset(roles.values()) | people,
    )


def _kind(part: StudyTable, stated: str, layout: Mapping[str, Mapping[str, str]]) -> str:
    """Return what the rows hold, as the file says, or by what is filled."""
    if stated:
        return KINDS.get(plain(stated), STATED)
    for kind in (MEANS, COUNTS):
        columns = [name for role, name in layout[kind].items() if role not in {"n1", "n2"} and name in part.header]
        if any(number_of(row[name]) for row in part.rows for name in columns):
            return kind
    return STATED


def _with_people(
    row: Mapping[str, str], cells: dict[str, str], layout: Mapping[str, Mapping[str, str]]
) -> dict[str, str]:
    arms = {"n_active": row.get(layout[COUNTS]["n1"], ""), "n_control": row.get(layout[COUNTS]["n2"], "")}
    return {**cells, **{column: cell for column, cell in arms.items() if cell}}


Part = tuple[StudyTable, _Heading, tuple[dict[str, str], ...]]


def _revman_5(table: StudyTable, where: Sequence[str]) -> Iterator[Part]:
    headings: dict[tuple[str, str], _Heading] = {}
    subgroups: dict[tuple[str, str, str], str] = {}
    studies = []
    for index, row in enumerate(table.rows):
        comparison, outcome, subgroup = (row[name] for name in REVMAN_5[:3])
        if outcome in {"", "0"}:
            headings[comparison, "0"] = _Heading(comparison=row["Name"])
        elif (comparison, outcome) not in headings:
            headings[comparison, outcome] = _Heading(
                outcome=row["Name"],
                comparison=headings.get((comparison, "0"), _Heading()).comparison,
                active=row.get("Group Label 1", ""),
                control=row.get("Group Label 2", ""),
                kind=row.get("Data Type", ""),
                measure=row.get("Effect Measure", ""),
            )
        elif subgroup not in {"", "0"} and (comparison, outcome, subgroup) not in subgroups and not _is_study(row):
            subgroups[comparison, outcome, subgroup] = row["Name"]
            above = headings[comparison, outcome]
            line = f"{row['Name']} ({table.source} row {table.lines[index]})"
            headings[comparison, outcome] = replace(above, subgroups=(*above.subgroups, line))
        else:
            studies.append(index)
    if not studies:
        raise DataError(f"{table.source} has headings of RevMan 5 and no study; export the studies too")
    chosen = table.take(studies).where(where)
    for key in dict.fromkeys((row[REVMAN_5[0]], row[REVMAN_5[1]]) for row in chosen.rows):
        part = chosen.take([i for i, row in enumerate(chosen.rows) if (row[REVMAN_5[0]], row[REVMAN_5[1]]) == key])
        names = [subgroups.get((*key, row[REVMAN_5[2]]), "") for row in part.rows]
        yield part, headings[key], tuple(_cells(headings[key], name, "") for name in names)


def _is_study(row: Mapping[str, str]) -> bool:
    return bool(row.get("Year of study") or row.get("User defined order"))


def _package(table: StudyTable, path: Path, where: Sequence[str]) -> Iterator[Part]:
    beside = path.with_name(path.name.removesuffix(ROWS) + SETTINGS)
    settings: dict[tuple[str, str], _Heading] = {}
    if path.name.endswith(ROWS) and beside.is_file():
        for row in read_studies(beside).rows:
            settings[row.get(PACKAGE[0], ""), row.get(PACKAGE[1], "")] = _Heading(
                outcome=row.get("Analysis name", ""),
                comparison=row.get("Analysis group name", ""),
                active=row.get("Experimental intervention") or row.get("Experimental group label", ""),
                control=row.get("Control intervention") or row.get("Control group label", ""),
                kind=row.get("Data type", ""),
                measure=row.get("Effect measure", ""),
                swapped=plain(row.get(SWAP, "")) in {"true", "yes"},
            )
    chosen = table.where(where)
    for key in dict.fromkeys((row[PACKAGE[0]], row[PACKAGE[1]]) for row in chosen.rows):
        part = chosen.take([i for i, row in enumerate(chosen.rows) if (row[PACKAGE[0]], row[PACKAGE[1]]) == key])
        heading = settings.get(key) or _Heading(outcome=part.rows[0].get("Analysis name", ""))
        yield (
            part,
            heading,
            tuple(_cells(heading, row.get("Subgroup", ""), row.get("Footnotes", "")) for row in part.rows),
        )


def _cells(heading: _Heading, subgroup: str, footnotes: str) -> dict[str, str]:
    """Return what an analysis says of a row; a semicolon in the name of its outcome would make two of it."""
    swap = "RevMan swaps event and non-event, the effect here is that of events" if heading.swapped else ""
    said = (("comparison: ", heading.comparison), ("subgroup: ", subgroup), ("", footnotes), ("", swap))
    cells = {
        "outcome": heading.outcome.replace(";", ","),
        "technique_printed": heading.active,
        "comparator": heading.control,
        "notes": "; ".join(word + text for word, text in said if text),
    }
    return {column: cell for column, cell in cells.items() if cell}
