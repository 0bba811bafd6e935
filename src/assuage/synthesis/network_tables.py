"""From a file to a network: read the table, make contrasts, see that all treatments are connected."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from assuage.errors import DataError
from assuage.synthesis.measure_choice import default_said
from assuage.synthesis.network_arms import (
    COUNT_MEASURES,
    MEAN_MEASURES,
    MEASURES,
    Arm,
    arm_of,
    check_arm,
    contrasts_of,
    merged,
    needed_of,
)
from assuage.synthesis.network_choices import require_one_reading, with_pairs, with_ratios, with_years
from assuage.synthesis.network_columns import Layout, find_layout
from assuage.synthesis.network_contrasts import Made, baseline_in, contrasts_in, studies_from
from assuage.synthesis.network_model import Network, NetworkStudy
from assuage.synthesis.network_rows import Numbered, count_in, is_empty, is_no_number, label_in, number_in, study_of
from assuage.synthesis.study_rows import refuse_total
from assuage.synthesis.text_table import parse_table, text_of

CORRECTED = "added in every arm of studies with a zero cell"
COUNTED = {"events", "nonevents", "n"}
ARM_LAYOUTS = {"arms", "wide_arms", "named_arms"}


def read_network(
    path: str | Path,
    *,
    measure: str | None = None,
    columns: Mapping[str, str] | None = None,
    continuity: float = 0.5,
) -> Network:
    """Read a table of studies (docs/network_meta_analysis.md) into a connected network.

    Parameters
    ----------
    path
        CSV with commas, semicolons, tabs or blanks between the cells.
    measure
        OR, RR, RD, IRR, MD, SMD, ROM, HR or generic; default: OR for counts and MD for means, which is said, IRR for
        rates, and what the name of the column says for contrasts.
    columns
        Role to column, for names that are not known.
    continuity
        Added to the cells of every arm of a study with an arm with a zero cell.

    Raises
    ------
    DataError
        The table cannot be read without guessing, contradicts itself, or its treatments are not connected.
    """
    if measure is not None and measure not in MEASURES:
        raise DataError(f"--measure {measure!r} is not known; write one of {', '.join(MEASURES)}")
    if not continuity >= 0 or math.isinf(continuity):
        raise DataError(f"--continuity {continuity:g}: give 0 or more, such as 0.5")
    path = Path(path)
    named = (columns or {}).values()
    table = parse_table(text_of(path), source=path.name, is_missing=is_no_number, named=named)
    header, rows = with_pairs(table.header, table.rows)
    blank = {name: any(is_no_number(row[name]) for row in rows) for name in header}
    distinct = {name: len({row[name] for row in rows}) == len(rows) for name in header}
    layout = find_layout(header, columns or {}, has_blank=blank, is_distinct=distinct)
    require_one_reading(layout, header, rows, columns or {})
    layout = with_ratios(layout, rows, measure)
    numbered = list(zip(table.lines, with_years(layout, header, rows), strict=True))
    for line, row in numbered:
        refuse_total(study_of(layout, row, line), f"{path.name} row {line}")
    chosen, others = _measure(layout, measure)
    if layout.kind in ARM_LAYOUTS:
        arms, alike = _arms(layout, numbered, chosen)
        studies, excluded, notes = _from_arms(arms, chosen, continuity)
        notes += [f"arms of one treatment merged in: {', '.join(alike)}"] if alike else []
        if others:
            sd = np.array([arm.sd or math.nan for _, found in arms for arm in found])
            notes.insert(0, default_said(chosen, others, sd))
    else:
        groups = contrasts_in(layout, numbered) if layout.kind == "contrasts" else baseline_in(layout, numbered)
        studies, excluded, notes = studies_from(groups)
    if not studies:
        raise DataError(f"{path}: no study with two arms is left" + "".join(f"; {n}: {why}" for n, why in excluded[:3]))
    studies = _with_moderators(studies, layout, header, numbered)
    treatments = tuple(sorted({name for study in studies for name in study.treatments}, key=_natural))
    _require_one_spelling(treatments)
    require_connected(studies, treatments)
    shown = {**layout.single, **{role: " ".join(group.values()) for role, group in layout.numbered.items() if group}}
    return Network(
        studies=tuple(studies), treatments=treatments, measure=chosen, notes=tuple(notes), excluded=tuple(excluded),
        columns=shown,
    )  # fmt: skip


def _natural(name: str) -> tuple[int, float, str, str]:
    return (0, float(name), "", name) if name.replace(".", "", 1).isdecimal() else (1, 0.0, name.lower(), name)


def _measure(layout: Layout, asked: str | None) -> tuple[str, list[str]]:
    """Return the measure asked for, or that of the columns with the others that they give; refuse what does not fit."""
    roles = {*layout.single, *layout.numbered}
    roles |= {"n"} if {"events", "nonevents"} <= roles else set()
    if layout.kind not in ARM_LAYOUTS:
        if asked and layout.measure and asked not in {layout.measure, "generic"}:
            raise DataError(
                f"--measure {asked}: the column {layout.single['effect']} holds {layout.measure}; leave it out"
            )
        return layout.measure or asked or "generic", []
    fits = {
        **(dict.fromkeys(COUNT_MEASURES, 1) if {"events", "n"} <= roles else {}),
        **({"IRR": 1} if {"events", "person_time"} <= roles else {}),
        **(dict.fromkeys(MEAN_MEASURES, 1) if "mean" in roles else {}),
    }
    if asked is None:
        name = next(iter(fits)) if "n" in roles or "IRR" not in fits else "IRR"
        return name, [other for other in fits if other != name]
    if asked not in fits:
        raise DataError(
            f"--measure {asked} cannot be made of the columns {', '.join(sorted(roles))}; they give {', '.join(fits)}"
        )
    return asked, []


def _arms(layout: Layout, rows: Numbered, measure: str) -> tuple[list[tuple[str, list[Arm]]], list[str]]:
    """Return the arms of every study, in the order of the file, and the studies with merged arms.

    A multi-arm study may stand in several wide rows, one for each pair: an arm with the same numbers is the same arm.
    """
    roles = ("events", "nonevents", "n", "mean", "sd", "se", "variance", "lower", "upper", "person_time")
    studies: dict[str, list[Arm]] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    alike = []
    for number, row in rows:
        study = study_of(layout, row, number)
        if layout.kind == "arms":
            columns = [{role: layout.single.get(role) for role in ("treatment", *roles)}]
        else:
            places = sorted(layout.labels or layout.numbered["treatment"])
            columns = [{role: layout.numbered.get(role, {}).get(i) for role in ("treatment", *roles)} for i in places]
        found = []
        for place, named in enumerate(columns, 1):
            treatment = layout.labels[place] if layout.labels else label_in(row, named["treatment"] or "")
            if is_empty(treatment) or (layout.labels and all(is_no_number(row[c]) for c in named.values() if c)):
                continue
            where = f"row {number}, study {study}, arm {treatment}"
            values = {role: (count_in if role in COUNTED else number_in)(row, named[role], where) for role in roles}
            found.append(arm_of(treatment, values, where))
        together = _merge_alike(found, f"row {number}, study {study}", measure) if layout.kind == "wide_arms" else found
        alike += [study] * (len(together) < len(found))
        found = together
        known = studies.setdefault(study, [])
        if layout.kind == "arms":
            known += found
            continue
        compared = (study, frozenset(arm.treatment for arm in found))
        if compared in seen:
            raise DataError(f"row {number}: study {study} stands twice; take one row out or name the studies apart")
        seen.add(compared)
        known += [arm for arm in found if arm not in known]
    return list(studies.items()), alike


def _merge_alike(arms: Sequence[Arm], where: str, measure: str) -> list[Arm]:
    """Merge the arms of one treatment in one row, which cannot be two studies; those that do not add up stay apart.

    Each is checked before: a sum would hide more events than people, or a negative standard deviation.
    """
    by_treatment: dict[str, list[Arm]] = {}
    for arm in arms:
        by_treatment.setdefault(arm.treatment, []).append(arm)
    for arm in (arm for same in by_treatment.values() if len(same) > 1 for arm in same):
        if all(getattr(arm, role) is not None for role in needed_of(measure)):
            check_arm(f"{where}, arm {arm.treatment}", arm, measure)
    together = [merged(same) for same in by_treatment.values()]
    return [arm for arm in together if arm is not None] if None not in together else list(arms)


def _from_arms(studies: Iterable[tuple[str, list[Arm]]], measure: str, continuity: float) -> Made:
    needed = needed_of(measure)
    made: list[NetworkStudy] = []
    excluded, corrected, partial = [], [], []
    for name, reported in studies:
        arms = [arm for arm in reported if all(getattr(arm, role) is not None for role in needed)]
        if twice := [arm.treatment for i, arm in enumerate(arms) if arm.treatment in {a.treatment for a in arms[:i]}]:
            raise DataError(
                f"study {name}: two arms of {twice[0]}; merge them into one, or give them (or two studies) two names"
            )
        if len(arms) < 2:
            excluded.append((name, f"{len(arms)} arm with {' and '.join(needed)}"))
            continue
        if len(arms) < len(reported):
            partial.append(name)
        found = contrasts_of(name, arms, measure, continuity)
        if isinstance(found, str):
            excluded.append((name, found))
            continue
        effects, variances, zero = found
        corrected += [name] * zero
        made.append(
            NetworkStudy(
                name=name, treatments=tuple(arm.treatment for arm in arms), effects=effects, variances=variances,
                participants=tuple(arm.n for arm in arms),
                events=tuple(arm.events for arm in arms),
            )
        )  # fmt: skip
    notes = []
    if corrected:
        notes.append(f"{continuity:g} {CORRECTED}: {', '.join(corrected)}")
    if partial:
        notes.append(f"arms without {' and '.join(needed)} left out of: {', '.join(partial)}")
    return made, excluded, notes


def _with_moderators(
    studies: Sequence[NetworkStudy], layout: Layout, header: Sequence[str], rows: Numbered
) -> list[NetworkStudy]:
    """Hang the columns without a role on their study where they say one thing per study."""
    roles = {role: layout.single[role] for role in ("rob", "indirectness") if role in layout.single}
    free: dict[str, str] = {name: name for name in header if name not in layout.used}
    said: dict[str, dict[str, str | None]] = {}
    for number, row in rows:
        own = said.setdefault(study_of(layout, row, number), {})
        for role, column in (free | roles).items():
            if not is_empty(row[column]):
                own[role] = row[column] if own.get(role, row[column]) == row[column] else None
    varying = {role for own in said.values() for role, value in own.items() if value is None}
    return [
        replace(study, moderators={role: value for role, value in said[study.name].items() if role not in varying})
        for study in studies
    ]


def _require_one_spelling(treatments: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name in treatments:
        other = seen.setdefault("".join(name.lower().split()), name)
        if other != name:
            raise DataError(f"treatments {other!r} and {name!r} differ only in capitals or spaces; write them alike")


def require_connected(studies: Sequence[NetworkStudy], treatments: Sequence[str]) -> None:
    """Refuse treatments that no chain of studies connects, with the treatments of each part."""
    group = {name: {name} for name in treatments}
    for study in studies:
        joined = set().union(*(group[name] for name in study.treatments))
        for name in joined:
            group[name] = joined
    parts = {frozenset(members) for members in group.values()}
    if len(parts) > 1:
        listed = " | ".join(", ".join(sorted(part)) for part in sorted(parts, key=lambda p: (-len(p), sorted(p))))
        raise DataError(
            f"the network falls into {len(parts)} parts that no study connects: {listed}; analyse each on its own"
        )
