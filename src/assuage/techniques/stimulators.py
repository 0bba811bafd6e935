"""Stimulator-coil pairs with a sourced largest dI/dt: the only way between % of stimulator output and A/us.

    dI/dt = output / 100 * max dI/dt of the pair

The relation is an assumption that every pair carries in words (`Pair.assumptions`). A pair that is not in
`data/stimulators.toml` is refused: the largest dI/dt belongs to both devices together, never to the coil alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from assuage.errors import DataError, SourceError
from assuage.techniques.tables import read_table
from assuage.units import A_PER_S_PER_A_PER_US


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A stimulator with a coil.

    Attributes
    ----------
    stimulator, coil
        Names as in the source.
    max_didt_A_per_s
        dI/dt at 100 % of the stimulator's output.
    display
        What the stimulator showed for that pulse, unit not stated by the source; None if unknown.
    assumptions
        What a conversion with this pair takes for granted.
    source, source_level
        Of the largest dI/dt.
    """

    stimulator: str
    coil: str
    max_didt_A_per_s: float
    display: float | None
    assumptions: tuple[str, ...]
    source: str
    source_level: str

    @property
    def label(self) -> str:
        """Both names, for messages and reports."""
        return f"{self.stimulator} with {self.coil}"

    def didt_A_per_s(self, percent_output: float) -> float:
        """Return dI/dt, A/s, at a setting of the stimulator.

        Raises
        ------
        SourceError
            The setting is not above 0 and at most 100 %: no stimulator has it.
        """
        if not 0 < percent_output <= 100:
            raise SourceError(
                f"{percent_output:g} % of the output of {self.label}: a stimulator goes from above 0 to 100 %; lower "
                "the intensity or take a coil that needs less"
            )
        return percent_output / 100 * self.max_didt_A_per_s

    def percent_output(self, didt_A_per_s: float) -> float:
        """Return the setting, %, that makes a dI/dt, A/s; above 100 where the pair cannot make it."""
        return 100 * didt_A_per_s / self.max_didt_A_per_s


def pairs() -> tuple[Pair, ...]:
    """Return every pair with a sourced largest dI/dt."""
    return _table()


def find_pair(stimulator: str, coil: str) -> Pair:
    """Return a stimulator-coil pair; capitals, spaces and dashes do not matter, the coil's maker may be left out.

    Raises
    ------
    SourceError
        The pair has no sourced largest dI/dt; the message lists the coils of this stimulator that have one, or the
        stimulators.
    """
    for pair in pairs():
        maker_less = pair.coil.partition("_")[2]
        if _key(stimulator) == _key(pair.stimulator) and _key(coil) in {_key(pair.coil), _key(maker_less)}:
            return pair
    own = [pair.coil for pair in pairs() if _key(stimulator) == _key(pair.stimulator)]
    if own:
        known = f"a coil that is known with this stimulator: {', '.join(own)}"
    else:
        known = f"a known stimulator: {', '.join(dict.fromkeys(pair.stimulator for pair in pairs()))}"
    raise SourceError(
        f"no sourced largest dI/dt for stimulator {stimulator!r} with coil {coil!r}, so % of its output cannot be "
        f"turned into A/us; give the intensity as dI/dt (many stimulators show it), or {known}"
    )


@cache
def _table() -> tuple[Pair, ...]:
    data = read_table("stimulators")
    found = tuple(_pair(row, data) for row in data["pair"])
    if len({(_key(pair.stimulator), _key(pair.coil)) for pair in found}) != len(found):
        raise DataError("stimulators.toml names a pair twice")
    return found


def _pair(row: Mapping[str, Any], data: Mapping[str, Any]) -> Pair:
    limit, display = row["max_didt_A_per_s"], row.get("display")
    assumptions = [f"{data['linearity']} ({data['linearity_source']})"]
    if display is not None:
        shown = limit / A_PER_S_PER_A_PER_US
        assumptions.append(
            f"the measured largest dI/dt is {shown:g} A/us where the stimulator shows {display:g} (unit not stated "
            f"in the source; {100 * (display / shown - 1):+.0f} % if A/us): the measured value is used"
        )
    return Pair(
        stimulator=row["stimulator"],
        coil=row["coil"],
        max_didt_A_per_s=limit,
        display=display,
        assumptions=tuple(assumptions),
        source=data["source"],
        source_level=data["source_level"],
    )


def _key(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())
