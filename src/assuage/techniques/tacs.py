"""tACS: montages that alternate, for one region or for two with a wanted phase difference.

One region: the field of alternating currents with phases 0 and 180 degrees is that of the same direct currents times
cos(w t), so the best pair of pads and the best currents are those of tDCS, taken as amplitudes from zero to peak.

Several regions: `phase_lock`. A phase difference needs a sign of direction in each region: the field along d with phase
p is the field along -d with phase p + 180. Directions are given, or the mean inward cortical normal (then 0 degrees
means that current flows into both cortices at the same time), or searched: from a start in each region the problem is
solved, every direction turns to the field that results, and again until nothing is gained. That is an ascent, not a
proof; `free_bound` is one, the best that any currents do for the least favoured region alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.sources import Montage
from assuage.techniques import optimise
from assuage.techniques.optimise import Limits
from assuage.techniques.patches import FieldMap
from assuage.techniques.phase_lock import Locked, Wish, lock
from assuage.techniques.phasors import Complex, at_peak, largest_amplitude, phasor
from assuage.techniques.tables import read_table

if TYPE_CHECKING:
    from assuage.field import Conductor, Field, ReadOut
    from assuage.sources.montage import Shape

Array = NDArray[np.float64]

TURNS = 20
"""Rounds of the search for directions."""
GAIN = 1e-4
"""It ends when a round gains less than this share: far below every other uncertainty of a dose."""
AMPLITUDE = "amplitude of the electric field, zero to peak"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """What alternates, beside the currents.

    Attributes
    ----------
    frequency_Hz
        Of all electrodes.
    phase_deg
        By how much the second region shall lead the first.
    says
        Where the frequency comes from.
    """

    frequency_Hz: float
    phase_deg: float = 0.0
    says: str = "as given"

    def __post_init__(self) -> None:
        """Refuse what is no frequency."""
        if not (np.isfinite(self.frequency_Hz) and self.frequency_Hz > 0):
            raise PlanError(f"frequency_Hz = {self.frequency_Hz}; give a number above 0")


def example_wave(key: str) -> Wave:
    """Return the example of `data/tacs.toml` for "one_region" or "two_regions"."""
    row = next(row for row in read_table("tacs")["example"] if row["id"] == key)
    return Wave(frequency_Hz=row["frequency_Hz"], says=f"an example: {row['says']} ({row['source']})")


def search_directions(
    wishes: Sequence[Wish], limits: Limits, *, fixed: Collection[int] = ()
) -> tuple[Locked, list[Wish]]:
    """Turn the directions of wishes to the fields that result, as long as the smallest weighted amplitude grows.

    Parameters
    ----------
    wishes, limits
        The problem, with the directions to start from.
    fixed
        Numbers of the wishes whose direction stays.

    Returns
    -------
    The currents, certified for the directions found, and the wishes with these directions.
    """
    best, chosen = lock(wishes, limits), list(wishes)
    for _ in range(TURNS):
        turned = [
            wish if k in fixed else replace(wish, direction=_turned(wish, best.currents_A))
            for k, wish in enumerate(chosen)
        ]
        found = lock(turned, limits)
        if found.value_V_per_m <= best.value_V_per_m * (1 + GAIN):
            break
        best, chosen = found, turned
    return best, chosen


def free_bound(wishes: Sequence[Wish], limits: Limits) -> float:
    """Return what the smallest weighted amplitude cannot exceed, whatever the directions and phases, V/m."""
    return min(wish.weight * optimise.maximise(wish.A, None, limits).dual_V_per_m for wish in wishes)


def _turned(wish: Wish, currents_A: Complex) -> Array:
    """Return the direction of a region's field at the instant at which its wanted phase has its peak."""
    field = ((currents_A @ (wish.A - wish.A.mean(0))) * phasor(1.0, -wish.phase_deg)).real
    length = float(np.linalg.norm(field))
    return wish.direction if length == 0 else np.asarray(field / length)


@dataclass(frozen=True, kw_only=True, eq=False)
class PhasorField:
    """The field of alternating currents: that of their real parts, and of their imaginary parts if there are any."""

    real: "Field"
    imaginary: "Field | None"

    def mean_over(self, reading: "ReadOut") -> Complex:
        """Return the complex mean field of a read-out, (3,) V/m in world axes."""
        mean = self.real.mean_over(reading).astype(np.complex128)
        return mean if self.imaginary is None else mean + 1j * self.imaginary.mean_over(reading)

    def amplitude_map(self) -> FieldMap:
        """Return the amplitude in every voxel: vectors where all currents are in line, else sizes."""
        values = self.real.e_V_per_m
        if self.imaginary is not None:
            values = largest_amplitude(values + 1j * self.imaginary.e_V_per_m).astype(np.float32)
        return FieldMap.on(self.real, values, says=AMPLITUDE)


def solve_phasors(conductor: "Conductor", names: Sequence[str], currents_A: Complex, *, shape: "Shape") -> PhasorField:
    """Solve alternating currents on a conductor: one forward solution, or two where phases differ by other than 180.

    Parameters
    ----------
    conductor
        Of the head.
    names, currents_A
        Sites and their complex currents (n,), sum 0.
    shape
        Of every electrode.
    """
    parts = [currents_A.real] + ([currents_A.imag] if np.abs(currents_A.imag).max() > 0 else [])
    montages = [Montage(dict(zip(names, map(float, part), strict=True)), shape=shape) for part in parts]
    real, *rest = conductor.solve(montages)
    return PhasorField(real=real, imaginary=rest[0] if rest else None)


def oriented_peak(mean: Complex) -> Array:
    """Return the mean field (3,) at the instant at which it is largest, on the side of its real part."""
    peak = at_peak(mean)
    return -peak if float(peak @ mean.real) < 0 else peak
