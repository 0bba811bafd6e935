"""How firm the first place of a shortlist is: the nearest weights at which another technique draws level.

The first a changes with weight W_c alone (the others held) where it meets technique b:

    W_c* = W_c - D / d,    D = sum_c W_c (v_ac - v_bc),    d = v_ac - v_bc
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assuage.plan.technique_facts import Criterion


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far one weight must move, the others held, before another technique comes first.

    Attributes
    ----------
    criterion, weight
        Which, and the user's weight.
    lower, lower_first
        The nearest lower weight at which the first place is shared, and with whom; None: it never is.
    upper, upper_first
        The nearest higher one.
    """

    criterion: Criterion
    weight: float
    lower: float | None
    lower_first: str | None
    upper: float | None
    upper_first: str | None


def shift_of(
    criterion: Criterion,
    first: Mapping[Criterion, float],
    rivals: Sequence[tuple[str, Mapping[Criterion, float]]],
    raw: Mapping[Criterion, float],
) -> Shift:
    """Return the nearest weights of a criterion at which another technique draws level with the first.

    Parameters
    ----------
    criterion
        Which weight moves.
    first, rivals
        Values of the first technique by criterion; name and values of the others.
    raw
        The user's weights.
    """
    weight = raw[criterion]
    lower: tuple[float, str] | None = None
    upper: tuple[float, str] | None = None
    for technique, values in rivals:
        lead = max(0.0, sum(raw[name] * (first[name] - values[name]) for name in first))
        slope = first[criterion] - values[criterion]
        if slope == 0:
            continue
        meets = weight - lead / slope
        if slope > 0 and meets >= 0 and (lower is None or meets > lower[0]):
            lower = (meets, technique)
        if slope < 0 and (upper is None or meets < upper[0]):
            upper = (meets, technique)
    return Shift(
        criterion=criterion,
        weight=weight,
        lower=None if lower is None else lower[0],
        lower_first=None if lower is None else lower[1],
        upper=None if upper is None else upper[0],
        upper_first=None if upper is None else upper[1],
    )
