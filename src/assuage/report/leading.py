"""Which technique leads by its field, which by what the user weighted, and where the two orders part."""

from typing import Any

from assuage.plan.order_records import ChosenRecord, ShortlistRecord
from assuage.plan.records import PlanRecord, TechniqueRecord
from assuage.report import words

EVENLY = 1e-6


def leaders(record: PlanRecord) -> dict[str, Any] | None:
    """Return both leaders with what sets them apart; None for a plan without a shortlist that holds something."""
    listed = record.shortlist
    if listed is None or not listed.chosen or not record.ranking.ranks:
        return None
    by_name = {item.technique: item for item in record.techniques}
    field = by_name[min(record.ranking.ranks, key=lambda rank: rank.place).technique]
    first = listed.chosen[0]
    own = {field.technique, *(course.technique for course in field.courses)}
    placed = next((item for item in listed.chosen if item.technique in own), None)
    left_out = next((item for item in listed.left_out if item.technique in own), None)
    gains, losses = _apart(first, placed)
    return {
        "field": field,
        "first": first,
        "first_item": _record_of(record, first.technique),
        "same": first.technique in own,
        "placed": placed,
        "because": "; ".join(left_out.reasons) if left_out and placed is None else "",
        "weights": _weights(first),
        "gains": gains,
        "losses": losses,
        "rows": [
            (a, b)
            for a, b in zip(first.criteria, placed.criteria if placed else (), strict=placed is not None)
            if words.plain(a.criterion) in {*gains, *losses}
        ],
    }


def folded(chosen: tuple[ChosenRecord, ...]) -> dict[str, str]:
    """Return criterion -> what more than half of the techniques say about it, so that it is said once; else nothing."""
    common = {}
    for k, part in enumerate(chosen[0].criteria if chosen else ()):
        said = [item.criteria[k].words for item in chosen]
        most = max(set(said), key=lambda text: (said.count(text), text))
        if len(said) > 1 and said.count(most) > len(said) / 2:
            common[part.criterion] = most
    return common


def left_out(shortlist: ShortlistRecord | None) -> list[tuple[str, list[str]]]:
    """Return why techniques are left out of a shortlist, each reason once, with their names."""
    found: dict[str, list[str]] = {}
    for item in shortlist.left_out if shortlist else ():
        found.setdefault("; ".join(item.reasons), []).append(item.label)
    return list(found.items())


def _apart(first: ChosenRecord, other: ChosenRecord | None) -> tuple[list[str], list[str]]:
    """Return the criteria that add more to the first, and those that add more to the other."""
    pairs = [] if other is None else list(zip(first.criteria, other.criteria, strict=True))
    more = [words.plain(a.criterion) for a, b in pairs if a.adds > b.adds + EVENLY]
    less = [words.plain(a.criterion) for a, b in pairs if b.adds > a.adds + EVENLY]
    return more, less


def _weights(item: ChosenRecord) -> str:
    weights = {words.plain(part.criterion): part.weight for part in item.criteria}
    if max(weights.values()) - min(weights.values()) < EVENLY:
        return "all criteria alike"
    return words.listing(f"{name} {words.percent(weight)}" for name, weight in weights.items() if weight > 0)


def _record_of(record: PlanRecord, name: str) -> TechniqueRecord | None:
    """Return the record that holds a technique of the shortlist; a course stands with its coil."""
    for item in record.techniques:
        if item.technique == name or any(course.technique == name for course in item.courses):
            return item
    return None
