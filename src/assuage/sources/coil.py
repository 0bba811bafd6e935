"""A coil as magnetic dipoles, and the same coil placed on a head.

The coil frame: z points **into the head**, the handle to -y, the origin on the coil face that touches the scalp, so
that the dipoles of a flat coil lie at z <= 0 (a bent coil embraces the head and reaches to z > 0). Positions in mm;
moments in A m^2 per ampere of coil current, that is m^2.

Positive `didt_A_per_s` means the coil current rises (first phase of the pulse). A dipole m with rate dm/dt has
`E_primary = -dA/dt` with A of `kernels`. In `Coil.figure_of_eight` the wing at +x has moments along +z, the wing at
-x along -z, as in the published Magstim and MagVenture dipole files: the winding current over the centre runs to -y
(towards the handle) and, while it rises, the induced E under the centre points against it, to **+y**, away from the
handle.
"""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import CoilFileError, SourceError
from assuage.space import validate_pose

SPACING_MM = 5.0
"""Dipole distance of the parametric coils: field within 4e-5 of circular turns at 6 mm from the face, 7e-4 at 4 mm."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Coil:
    """A coil: magnetic dipoles in the coil frame.

    Attributes
    ----------
    name
        Shown in reports.
    positions_mm
        (n, 3) dipole positions in the coil frame.
    moments_m2
        (n, 3) dipole moments in A m^2 per ampere of coil current.
    max_didt_A_per_s
        dI/dt at 100 % stimulator output, None if unknown (then %MSO is refused, never guessed).
    origin
        Where it came from: file, or source of the winding geometry.
    notes
        What the reader ignored or assumed.
    """

    name: str
    positions_mm: NDArray[np.float64] = field(repr=False)
    moments_m2: NDArray[np.float64] = field(repr=False)
    max_didt_A_per_s: float | None = None
    origin: str = ""
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the arrays and make them read-only.

        Raises
        ------
        SourceError
            Wrong shapes, no dipole, NaN, no moment at all, or an impossible maximum dI/dt.
        """
        positions = np.array(self.positions_mm, dtype=np.float64)
        moments = np.array(self.moments_m2, dtype=np.float64)
        if positions.ndim != 2 or positions.shape[1:] != (3,) or positions.shape != moments.shape or not len(positions):
            raise SourceError(
                f"coil {self.name!r}: positions {positions.shape} and moments {moments.shape} must both be (n, 3)"
            )
        for what, array in (("positions", positions), ("moments", moments)):
            bad = np.flatnonzero(~np.isfinite(array).all(1))
            if bad.size:
                raise SourceError(
                    f"coil {self.name!r}: {bad.size} dipole {what} not finite, first at index {bad[0]}; check the file"
                )
        if not moments.any():
            raise SourceError(f"coil {self.name!r}: all {len(moments)} dipole moments are zero; it induces nothing")
        limit = self.max_didt_A_per_s
        if limit is not None and not (np.isfinite(limit) and limit > 0):
            raise SourceError(f"coil {self.name!r}: maximum dI/dt is {limit} A/s; give a positive number or None")
        for attribute, array in (("positions_mm", positions), ("moments_m2", moments)):
            array.setflags(write=False)
            object.__setattr__(self, attribute, array)

    @classmethod
    def read(cls, path: str | Path, *, stimulator: int | None = None) -> "Coil":
        """Read a coil file; the suffix decides: `.ccd` (dipoles, metres) or `.tcd` (JSON, mm).

        Parameters
        ----------
        path
            The file.
        stimulator
            Channel of a `.tcd` coil that is driven by several stimulators.

        Raises
        ------
        CoilFileError
            Unknown suffix, missing file, or anything wrong inside, with the line or key.
        """
        from assuage.sources.files import read_ccd  # noqa: PLC0415 - the readers build Coils
        from assuage.sources.tcd import read_tcd  # noqa: PLC0415

        path = Path(path)
        suffix = path.suffix.lower()
        if suffix == ".tcd":
            return read_tcd(path, stimulator=stimulator)
        if suffix != ".ccd":
            raise CoilFileError(
                f"{path.name}: unknown coil file type {suffix!r}; known: .ccd (dipoles), .tcd (dipoles or wires); "
                "sampled fields (.nii.gz) hold no geometry to place against a head"
            )
        if stimulator not in {None, 0}:
            raise CoilFileError(f"{path.name}: a .ccd coil has one channel, 0; got stimulator={stimulator}")
        return read_ccd(path)

    @classmethod
    def figure_of_eight(
        cls,
        *,
        turns: int | None = None,
        inner_radius_mm: float | None = None,
        outer_radius_mm: float | None = None,
        wire_width_mm: float | None = None,
        wire_height_mm: float | None = None,
        offset_mm: float | None = None,
        wing_tilt_deg: float | None = None,
        spacing_mm: float = SPACING_MM,
    ) -> "Coil":
        """Build a figure-of-eight coil; without arguments the Magstim 70 mm (Thielscher & Kammer 2004).

        Parameters
        ----------
        turns
            Per wing.
        inner_radius_mm, outer_radius_mm
            Edges of the copper of a wing; the wings touch.
        wire_width_mm, wire_height_mm
            Section of the copper.
        offset_mm
            Distance of the copper from the coil face.
        wing_tilt_deg
            Bend of each wing towards the head.
        spacing_mm
            Distance of neighbouring dipoles.

        Raises
        ------
        SourceError
            A winding that does not fit, or lengths that are none.
        """
        from assuage.sources.windings import build  # noqa: PLC0415 - windings builds Coils

        return build(
            "figure_of_eight",
            spacing_mm=spacing_mm,
            wing_tilt_deg=wing_tilt_deg,
            turns=turns,
            inner_radius_mm=inner_radius_mm,
            outer_radius_mm=outer_radius_mm,
            wire_width_mm=wire_width_mm,
            wire_height_mm=wire_height_mm,
            offset_mm=offset_mm,
        )

    @classmethod
    def circular(
        cls,
        *,
        turns: int | None = None,
        inner_radius_mm: float | None = None,
        outer_radius_mm: float | None = None,
        wire_width_mm: float | None = None,
        wire_height_mm: float | None = None,
        offset_mm: float | None = None,
        spacing_mm: float = SPACING_MM,
    ) -> "Coil":
        """Build a circular coil; without arguments 90 mm mean diameter, 14 turns. Parameters as `figure_of_eight`."""
        from assuage.sources.windings import build  # noqa: PLC0415 - windings builds Coils

        return build(
            "circular",
            spacing_mm=spacing_mm,
            turns=turns,
            inner_radius_mm=inner_radius_mm,
            outer_radius_mm=outer_radius_mm,
            wire_width_mm=wire_width_mm,
            wire_height_mm=wire_height_mm,
            offset_mm=offset_mm,
        )

    @classmethod
    def double_cone(cls, *, wing_tilt_deg: float | None = None, spacing_mm: float = SPACING_MM) -> "Coil":
        """Build a bent figure-of-eight coil; without arguments the MagVenture Cool D-B80, wings bent by 30 degrees."""
        from assuage.sources.windings import build  # noqa: PLC0415 - windings builds Coils

        return build("double_cone", spacing_mm=spacing_mm, wing_tilt_deg=wing_tilt_deg)

    def at(self, pose: ArrayLike, didt_A_per_s: float) -> "PlacedCoil":
        """Place the coil.

        Parameters
        ----------
        pose
            (4, 4), mm: columns x, y, z (into the head), centre; handle to -y.
        didt_A_per_s
            Rate of change of the coil current; the sign is that of the first phase.

        Raises
        ------
        PoseError
            The pose is not rigid.
        SourceError
            dI/dt is not finite.
        """
        return PlacedCoil(coil=self, pose=np.asarray(pose, dtype=np.float64), didt_A_per_s=didt_A_per_s)

    def condensed(self, *, tolerance: float = 5e-4) -> "Coil":
        """Return a coil with fewer dipoles and the same field in the head, for searches over many poses.

        Parameters
        ----------
        tolerance
            Largest relative L2 error of the vector potential 10 mm in front of the coil (deeper it is smaller).

        Returns
        -------
        Coil
            Dipoles at some of the positions of this coil, with new amplitudes; this coil itself if fewer would not do.
            `notes` states the number and the error reached.

        Raises
        ------
        SourceError
            The tolerance is not between 0 and 1.
        """
        from assuage.sources.condense import condense  # noqa: PLC0415 - scipy.linalg loads only when needed

        return condense(self, tolerance)


@dataclass(frozen=True, kw_only=True, eq=False)
class PlacedCoil:
    """A coil at a pose with a rate of change of its current.

    Attributes
    ----------
    coil
        The coil.
    pose
        (4, 4) in mm, validated and read-only.
    didt_A_per_s
        dI/dt.
    """

    coil: Coil
    pose: NDArray[np.float64]
    didt_A_per_s: float

    def __post_init__(self) -> None:
        """Validate the pose and dI/dt."""
        pose = np.array(validate_pose(self.pose))
        pose.setflags(write=False)
        object.__setattr__(self, "pose", pose)
        rate = float(self.didt_A_per_s)
        if not np.isfinite(rate):
            raise SourceError(f"didt_A_per_s is {rate}; give the rate of change of the coil current in A/s, e.g. 1e6")
        object.__setattr__(self, "didt_A_per_s", rate)

    @cached_property
    def positions_mm(self) -> NDArray[np.float64]:
        """(n, 3) dipole positions in world coordinates."""
        return np.asarray(self.coil.positions_mm @ self.pose[:3, :3].T + self.pose[:3, 3])

    @cached_property
    def moment_rate(self) -> NDArray[np.float64]:
        """(n, 3) rates of the dipole moments in world axes, A m^2/s."""
        return np.asarray(self.coil.moments_m2 @ self.pose[:3, :3].T * self.didt_A_per_s)
