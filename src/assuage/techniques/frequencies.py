"""The two carriers of temporal interference: what a plan proposes, with its source in `data/interference.toml`."""

from dataclasses import dataclass

import numpy as np

from assuage.errors import PlanError
from assuage.techniques.tables import cited, read_table

LEAST_CYCLES = 10.0
"""Carrier cycles in a beat below which there is no envelope to speak of (a working choice)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """Frequencies of the two pairs.

    Attributes
    ----------
    first_Hz, second_Hz
        Of the first and the second pair.
    source
        Where they are from, in words.
    """

    first_Hz: float
    second_Hz: float
    source: str

    def __post_init__(self) -> None:
        """Refuse frequencies that make no envelope.

        Raises
        ------
        PlanError
            With the frequencies.
        """
        both = (self.first_Hz, self.second_Hz)
        if not all(np.isfinite(value) and value > 0 for value in both) or self.first_Hz == self.second_Hz:
            raise PlanError(f"carriers of {both[0]:g} and {both[1]:g} Hz do not beat; give two different frequencies")
        if min(both) < LEAST_CYCLES * self.difference_Hz:
            raise PlanError(
                f"carriers of {both[0]:g} and {both[1]:g} Hz beat at {self.difference_Hz:g} Hz, fewer than "
                f"{LEAST_CYCLES:g} cycles to a beat; raise the carriers or bring them closer"
            )

    @property
    def difference_Hz(self) -> float:
        """Frequency of the envelope."""
        return abs(self.second_Hz - self.first_Hz)


def usual_carriers() -> Carriers:
    """Return the carriers that a plan proposes."""
    row = read_table("interference")["carriers"]
    first = float(row["first_Hz"])
    return Carriers(first_Hz=first, second_Hz=first + float(row["difference_Hz"]), source=cited(row))
