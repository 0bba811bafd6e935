"""Electrodes: where, how large, how much current.

A montage is a set of electrodes whose currents sum to zero; positive current enters the head. The shapes are outlines
on the scalp; `contact.place` lays them onto a head.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import SourceError

CURRENT_SUM_TOLERANCE = 1e-6
"""Largest |sum of currents| / largest |current|: rounding of thirds in double or float32 stays below it."""
SAME_POINT_MM = 1e-3
"""Two electrode centres closer than this are the same point."""
MAX_EXTENT_MM = 200.0
"""No electrode is larger than a head; a larger number is a unit mix-up."""


def _check_size(what: str, value: float) -> None:
    if not (math.isfinite(value) and 0 < value <= MAX_EXTENT_MM):
        raise SourceError(f"{what} is {value}; give millimetres between 0 and {MAX_EXTENT_MM:g}")


@dataclass(frozen=True, slots=True)
class Disc:
    """A round electrode.

    Attributes
    ----------
    radius_mm
        Along the scalp.
    """

    radius_mm: float

    def __post_init__(self) -> None:
        """Check the size."""
        _check_size("Disc radius_mm", self.radius_mm)

    @property
    def area_mm2(self) -> float:
        """Flat area."""
        return math.pi * self.radius_mm**2

    @property
    def reach_mm(self) -> float:
        """Largest distance of the outline from the centre."""
        return self.radius_mm

    def outside_mm(self, u_mm: NDArray[np.float64], v_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the signed distance to the outline, negative inside, in the flat frame of the electrode."""
        return np.hypot(u_mm, v_mm) - self.radius_mm


@dataclass(frozen=True, slots=True)
class Pad:
    """A rectangular electrode.

    Attributes
    ----------
    width_mm, height_mm
        Sides along the scalp.
    rotation_deg
        Turn of the height axis, counter-clockwise seen from outside the head. At 0 the height points up (world +z)
        along the scalp or, within 30 degrees of the top of the head, where "up" means nothing, to the front (world +y).
    """

    width_mm: float
    height_mm: float
    rotation_deg: float = 0.0

    def __post_init__(self) -> None:
        """Check the size."""
        _check_size("Pad width_mm", self.width_mm)
        _check_size("Pad height_mm", self.height_mm)
        if not math.isfinite(self.rotation_deg):
            raise SourceError(f"Pad rotation_deg is {self.rotation_deg}; give an angle in degrees")

    @property
    def area_mm2(self) -> float:
        """Flat area."""
        return self.width_mm * self.height_mm

    @property
    def reach_mm(self) -> float:
        """Largest distance of the outline from the centre."""
        return math.hypot(self.width_mm, self.height_mm) / 2

    def outside_mm(self, u_mm: NDArray[np.float64], v_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the signed distance to the outline, negative inside, in the flat frame of the electrode."""
        angle = math.radians(self.rotation_deg)
        across = np.abs(math.cos(angle) * u_mm + math.sin(angle) * v_mm) - self.width_mm / 2
        along = np.abs(math.cos(angle) * v_mm - math.sin(angle) * u_mm) - self.height_mm / 2
        outside = np.hypot(np.maximum(across, 0), np.maximum(along, 0))
        return np.asarray(outside + np.minimum(np.maximum(across, along), 0))


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring electrode.

    Attributes
    ----------
    inner_mm, outer_mm
        Radii along the scalp.
    """

    inner_mm: float
    outer_mm: float

    def __post_init__(self) -> None:
        """Check the size."""
        _check_size("Ring inner_mm", self.inner_mm)
        _check_size("Ring outer_mm", self.outer_mm)
        if self.inner_mm >= self.outer_mm:
            raise SourceError(f"Ring inner_mm {self.inner_mm} must be smaller than outer_mm {self.outer_mm}")

    @property
    def area_mm2(self) -> float:
        """Flat area."""
        return math.pi * (self.outer_mm**2 - self.inner_mm**2)

    @property
    def reach_mm(self) -> float:
        """Largest distance of the outline from the centre."""
        return self.outer_mm

    def outside_mm(self, u_mm: NDArray[np.float64], v_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the signed distance to the outline, negative inside, in the flat frame of the electrode."""
        radius = np.hypot(u_mm, v_mm)
        return np.maximum(radius - self.outer_mm, self.inner_mm - radius)


Shape = Disc | Pad | Ring


@dataclass(frozen=True, slots=True, kw_only=True)
class Electrode:
    """One electrode.

    Attributes
    ----------
    name
        Site of the 10-10 system, or a free label where `center_mm` is given.
    center_mm
        World position; None: the site called `name` on the head it is placed on.
    current_A
        Positive into the head.
    shape
        Outline on the scalp.
    """

    name: str | None = None
    center_mm: tuple[float, float, float] | None = None
    current_A: float
    shape: Shape

    def __post_init__(self) -> None:
        """Check that the electrode is somewhere and carries a finite current."""
        if self.name is None and self.center_mm is None:
            raise SourceError("an electrode needs a 10-10 name or center_mm; got neither")
        if self.center_mm is not None:
            center = np.asarray(self.center_mm, dtype=np.float64)
            if center.shape != (3,) or not np.isfinite(center).all():
                raise SourceError(
                    f"electrode {self.label}: center_mm is {self.center_mm}; give three finite numbers in mm"
                )
            object.__setattr__(self, "center_mm", tuple(center.tolist()))
        if not math.isfinite(self.current_A):
            raise SourceError(f"electrode {self.label}: current is {self.current_A} A; give a finite number")

    @property
    def label(self) -> str:
        """The name, or the position where there is no name."""
        if self.name is not None:
            return self.name
        x, y, z = self.center_mm or (math.nan,) * 3
        return f"({x:.1f}, {y:.1f}, {z:.1f}) mm"


@dataclass(frozen=True, slots=True, init=False)
class Montage:
    """Electrodes whose currents sum to zero.

    Attributes
    ----------
    electrodes
        In the order given.
    """

    electrodes: tuple[Electrode, ...]

    def __init__(self, currents_A: Mapping[str, float], *, shape: Shape | Mapping[str, Shape] = Disc(6.0)) -> None:
        """Build a montage on named sites.

        Parameters
        ----------
        currents_A
            Site name to current, positive into the head.
        shape
            One shape for all, or one per site name.

        Raises
        ------
        SourceError
            Currents not finite or not summing to zero, fewer than two that are not zero, a site without shape.
        """
        shapes = _shape_of(shape, tuple(currents_A))
        self._set(Electrode(name=name, current_A=float(amps), shape=shapes[name]) for name, amps in currents_A.items())

    def _set(self, electrodes: Iterable[Electrode]) -> None:
        electrodes = tuple(electrodes)
        _check(electrodes)
        object.__setattr__(self, "electrodes", electrodes)

    @classmethod
    def of(cls, electrodes: Iterable[Electrode]) -> "Montage":
        """Build a montage from electrodes; raises as the constructor, and on duplicates or overlaps."""
        montage = cls.__new__(cls)
        montage._set(electrodes)
        return montage

    @classmethod
    def at_points_mm(cls, points_mm: ArrayLike, currents_A: ArrayLike, radius_mm: float = 6.0) -> "Montage":
        """Build a montage of discs at world positions.

        Parameters
        ----------
        points_mm
            (n, 3), on or near the scalp.
        currents_A
            (n,), positive into the head.
        radius_mm
            Of every disc.

        Raises
        ------
        SourceError
            As the constructor; also wrong shapes, duplicate points, discs that overlap.
        """
        points = np.asarray(points_mm, dtype=np.float64)
        currents = np.asarray(currents_A, dtype=np.float64)
        if points.ndim != 2 or points.shape[1] != 3 or currents.shape != points.shape[:1]:
            raise SourceError(f"points_mm {points.shape} must be (n, 3) and currents_A {currents.shape} (n,)")
        return cls.of(
            Electrode(center_mm=(x, y, z), current_A=amps, shape=Disc(radius_mm))
            for (x, y, z), amps in zip(points.tolist(), currents.tolist(), strict=True)
        )

    @classmethod
    def pads(cls, anode: str, cathode: str, *, current_A: float, pad: Pad = Pad(50.0, 70.0)) -> "Montage":
        """Build a two-pad montage; 50 x 70 mm pads unless said otherwise (50 x 50 mm: `Pad(50, 50)`)."""
        return cls({anode: current_A, cathode: -current_A}, shape=pad)

    @classmethod
    def four_by_one(
        cls, center: str, returns: Iterable[str], *, current_A: float, shape: Shape = Disc(6.0)
    ) -> "Montage":
        """Build a 4x1 (or n x 1) ring: the current enters at `center` and leaves in equal parts at `returns`."""
        sites = tuple(returns)
        if isinstance(returns, str) or not sites:
            raise SourceError(f"four_by_one needs the names of the return sites, got {returns!r}")
        if len({center, *sites}) != len(sites) + 1:
            raise SourceError(f"four_by_one: sites repeat in {center}, {', '.join(sites)}; name each once")
        return cls({center: current_A, **dict.fromkeys(sites, -current_A / len(sites))}, shape=shape)

    @property
    def labels(self) -> tuple[str, ...]:
        """Name of each electrode, or its position where it has no name."""
        return tuple(electrode.label for electrode in self.electrodes)

    @property
    def currents_A(self) -> NDArray[np.float64]:
        """(n,) currents, positive into the head."""
        return np.array([electrode.current_A for electrode in self.electrodes])


def _check(electrodes: tuple[Electrode, ...]) -> None:
    currents = np.array([electrode.current_A for electrode in electrodes])
    if np.count_nonzero(currents) < 2:
        raise SourceError(
            f"{np.count_nonzero(currents)} of {len(currents)} electrodes carry current; a circuit needs two"
        )
    total = currents.sum()
    if abs(total) > CURRENT_SUM_TOLERANCE * np.abs(currents).max():
        raise SourceError(
            f"currents sum to {total * 1e3:.6g} mA, not 0; what enters the head must leave it: add the return"
        )
    names = [electrode.name for electrode in electrodes if electrode.name is not None]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SourceError(f"electrode {', '.join(repeated)} appears more than once; give each site one current")
    for first, second in combinations((e for e in electrodes if e.center_mm is not None), 2):
        _check_apart(first, second)


def _check_apart(first: Electrode, second: Electrode) -> None:
    distance = math.dist(first.center_mm or (), second.center_mm or ())
    if distance < SAME_POINT_MM:
        raise SourceError(
            f"electrodes {first.label} and {second.label} are the same point; give each point one current"
        )
    if isinstance(first.shape, Pad | Ring) or isinstance(second.shape, Pad | Ring):
        return  # only their outlines on the head can tell: place_montage does
    needed = first.shape.reach_mm + second.shape.reach_mm
    if distance < needed - SAME_POINT_MM and distance < 0.95 * needed:
        raise SourceError(
            f"electrodes {first.label} and {second.label} overlap: centres {distance:.1f} mm apart, "
            f"radii need {needed:.1f} mm; move them apart or make them smaller"
        )


def _shape_of(shape: Shape | Mapping[str, Shape], names: tuple[str, ...]) -> Mapping[str, Shape]:
    if not isinstance(shape, Mapping):
        return dict.fromkeys(names, shape)
    missing = [name for name in names if name not in shape]
    if missing:
        raise SourceError(f"no shape for electrode {', '.join(missing)}; add it to the shape mapping")
    extra = [name for name in shape if name not in names]
    if extra:
        raise SourceError(f"shape given for {', '.join(extra)}, which carries no current; remove it or add its current")
    return shape
