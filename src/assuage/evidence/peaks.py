"""Rows of `coordinates` from experiments, and back: no study is guessed, no number of people invented."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from assuage.errors import DataError
from assuage.evidence.coordinates import Experiment
from assuage.evidence.tables import Evidence, Row


def cells_of(
    experiments: Iterable[Experiment], evidence: Evidence, *, fixed: Mapping[str, str], studies: Mapping[str, str]
) -> tuple[dict[str, str], ...]:
    """Return the cells of `coordinates` rows for experiments.

    Parameters
    ----------
    fixed
        Cells that every row gets: coded_by, coded_from, direction, comparison, database, licence, added.
    studies
        Name in the file -> id in `studies`, for names that are no id, DOI or PubMed identifier of a study.

    Raises
    ------
    DataError
        Studies of the file that are in no row of `studies`, all named.
    """
    listed = tuple(experiments)
    known = {item.study: _study(item.study, evidence, studies) for item in listed}
    unknown = [name for name, row in known.items() if row is None]
    if unknown:
        raise DataError(
            f"{', '.join(repr(name) for name in unknown)}: no id, DOI or PubMed identifier of a study; add the studies "
            "first, or name them with --study 'NAME=ID'"
        )
    taken = {row.id for row in evidence.rows["coordinates"]}
    cells = []
    for item in listed:
        study = known[item.study]
        for peak, original in zip(item.peaks_mm, item.original_mm, strict=True):
            identifier = _free(study.id if study else "", taken)
            cells.append(
                {
                    "id": identifier,
                    "study_id": study.id if study else "",
                    **dict(zip("xyz", (f"{value:.1f}".removesuffix(".0") for value in peak), strict=True)),
                    "space": "MNI",
                    "contrast": item.contrast,
                    "n_subjects": "" if item.people is None else str(item.people),
                    "notes": _conversion(original) if item.converted else "",
                    **fixed,
                }
            )
    return tuple(cells)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Experiments of rows, and the ids of the studies of which no number of people is known."""

    experiments: tuple[Experiment, ...]
    without_people: tuple[str, ...]


def experiments_of(rows: Iterable[Row], evidence: Evidence) -> Grouped:
    """Return rows of `coordinates` as experiments: one for each study and contrast, in order.

    The number of people is that of the row, else of both groups of the study, else its total.
    """
    studies = {row.id: row for row in evidence.rows["studies"]}
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["study_id"], row["contrast"] or row["table"]), []).append(row)
    experiments = []
    for (study, contrast), members in groups.items():
        peaks = np.array([[row.number(axis) for axis in "xyz"] for row in members], dtype=np.float64)
        people = _people(members, studies.get(study))
        experiments.append(Experiment(study=study, contrast=contrast, people=people, peaks_mm=peaks, original_mm=peaks))
    lacking = dict.fromkeys(item.study for item in experiments if item.people is None)
    return Grouped(experiments=tuple(experiments), without_people=tuple(lacking))


def _people(members: list[Row], study: Row | None) -> int | None:
    own = {row.number("n_subjects") for row in members} - {None}
    if len(own) == 1:
        return int(own.pop() or 0) or None
    if own or study is None:
        return None
    groups = (study.number("n_nssi"), study.number("n_control"))
    both = sum(n for n in groups if n) if None not in groups else study.number("n_total")
    return int(both) if both else None


def _study(name: str, evidence: Evidence, studies: Mapping[str, str]) -> Row | None:
    wanted = studies.get(name, name).casefold()
    for row in evidence.rows["studies"]:
        if wanted in {row.id.casefold(), row["doi"].casefold(), row["pmid"], row["pmcid"].casefold()} - {""}:
            return row
    return None


def _free(study: str, taken: set[str]) -> str:
    number = 1
    while f"{study}-p{number}" in taken:
        number += 1
    taken.add(f"{study}-p{number}")
    return f"{study}-p{number}"


def _conversion(original: np.ndarray) -> str:
    xyz = " ".join(f"{value:g}" for value in original)
    return f"Talairach {xyz}, converted by the inverse of icbm2tal (Lancaster et al. 2007)"
