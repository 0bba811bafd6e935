"""Exact numbers: what a protocol states in decimals is computed with fractions, so that no total drifts.

A number enters as an integer, a decimal (0.2 means 1/5, the decimal that was typed, not its binary neighbour) or a
quotient in text ("1/3"). It leaves as a JSON number where that number reads back as the same fraction, else as a
quotient.
"""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from assuage.errors import ProtocolError

Number = int | float | str | Decimal | Fraction
"""What a number may be written as."""

LARGEST = 10**12
"""No count, time, rate or current of a protocol comes near; a larger number is a slip."""
_WRITTEN = re.compile(r"[+-]?\d{1,30}(\.\d{1,30})?(e[+-]?\d{1,2}|/\d{1,30})?")
LARGEST_RELATIVE_ROUNDING = Fraction(1, 100)
"""A stated number of few digits stands for a computed one only if it is also this near: 0.5 must not cover 0.54."""


def exact(value: Any) -> Fraction:
    """Return a number as the fraction that was written.

    Raises
    ------
    ProtocolError
        No number, or one that is not finite.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str | Fraction):
        raise ProtocolError(f'{value!r} is not a number; write 8, 0.2 or "1/3"')
    written = repr(value) if isinstance(value, float) else value
    if isinstance(written, str) and not _WRITTEN.fullmatch(written.strip()):
        raise ProtocolError(f'{value!r} is not a finite number; write 8, 0.2 or "1/3"')
    try:
        number = Fraction(written)
    except (ValueError, OverflowError, ZeroDivisionError):
        raise ProtocolError(f'{value!r} is not a finite number; write 8, 0.2 or "1/3"') from None
    if abs(number) > LARGEST:
        raise ProtocolError(f"{float(number):g} is larger than anything in a protocol ({LARGEST:g}); check its unit")
    return number


def to_json(value: Fraction) -> int | float | str:
    """Return what JSON holds for a fraction: a number where it reads back the same, else a quotient."""
    if value.denominator == 1:
        return value.numerator
    number = float(value)
    return number if Fraction(repr(number)) == value else f"{value.numerator}/{value.denominator}"


Exact = Annotated[
    Fraction,
    PlainValidator(exact),
    PlainSerializer(to_json, return_type=int | float | str, when_used="json"),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?\d+(\.\d+)?(/\d+)?$"}]}),
]
"""A fraction in a record; a number or a quotient in a file."""


def show(value: Fraction | float) -> str:
    """Return a number for a message: exact where it has few digits, else six of them."""
    return f"{float(value):.6g}" if float(value) != int(value) else str(int(value))


def stands_for(stated: Fraction, computed: Fraction) -> bool:
    """Say whether a stated number is the computed one, or the computed one rounded to the digits that are stated."""
    if stated == computed:
        return True
    digits = _decimals(stated)
    if computed.denominator == 1 or digits is None:
        return False
    difference = abs(stated - computed)
    return difference <= Fraction(1, 2 * 10**digits) and difference <= LARGEST_RELATIVE_ROUNDING * abs(computed)


def _decimals(value: Fraction) -> int | None:
    """Return how many decimals a fraction has; None where it has no end."""
    rest, twos, fives = value.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    return max(twos, fives) if rest == 1 else None


def check_stated(stated: Mapping[str, Fraction], computed: Mapping[str, tuple[Fraction, ...]], *, what: str) -> None:
    """Refuse stated totals that differ from the computed ones.

    Parameters
    ----------
    stated
        Totals as the source or the user states them, by name.
    computed
        What follows from the parts; more than one value where two conventions are in use, the first being ours.
    what
        Of what, for the message.

    Raises
    ------
    ProtocolError
        With both numbers of every contradiction, or a total that this record does not have.
    """
    unknown = sorted(set(stated) - set(computed))
    problems = []
    if unknown:
        known = ", ".join(sorted(computed)) or "nothing"
        problems.append(f"{what} states {', '.join(unknown)}, which does not follow from its parts; what does: {known}")
    for name, value in stated.items():
        values = computed.get(name)
        if values and not any(stands_for(value, each) for each in values):
            found = " or ".join(show(each) for each in dict.fromkeys(values))
            problems.append(f"{what} states {name} = {show(value)}, but its parts give {found}; correct one of them")
    if problems:
        raise ProtocolError("; ".join(problems))


def require(condition: bool, message: str) -> None:
    """Refuse with a message unless a condition holds."""
    if not condition:
        raise ProtocolError(message)


def positive(what: str, value: Fraction | float | None, *, zero: bool = False) -> None:
    """Refuse a number that is not above 0 (with `zero`: below 0) or not finite; None passes."""
    if value is None:
        return
    good = math.isfinite(value) and (value > 0 or (zero and value == 0))
    require(
        good,
        f"{what} is {show(value) if math.isfinite(value) else value}; give a number "
        f"{'of 0 or more' if zero else 'above 0'}",
    )


def count(what: str, value: int) -> None:
    """Refuse a count below 1 or one that is no whole number."""
    require(
        isinstance(value, int) and not isinstance(value, bool) and value >= 1,
        f"{what} is {value!r}; give a whole number of 1 or more",
    )
