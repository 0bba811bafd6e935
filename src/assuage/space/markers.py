"""What a navigator file holds, and the checks that all formats share.

Every pose is (4, 4) in the convention of `assuage.space.pose`, every position (3,), both in RAS+ mm. What a file leaves
out stays None: an unknown dI/dt is never replaced by a number.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import NavigatorError, PoseError
from assuage.space.pose import ORTHONORMAL_TOLERANCE, validate_pose

Float = NDArray[np.float64]

METRES_REACH_MM = 1.0
"""No coil rests within 1 mm of the world's origin: positions that small are metres."""
MICROMETRES_REACH_MM = 1e4
"""No scanner is wider than this."""
IDENTITY_TOLERANCE = 1e-9
"""Software writes an unset matrix as exact zeros and ones."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Marker:
    """A named coil pose.

    Attributes
    ----------
    name
        One printable line.
    pose
        (4, 4), RAS+ mm; z into the head, the handle points to -y.
    """

    name: str
    pose: Float

    def __post_init__(self) -> None:
        """Check name and pose."""
        if not self.name or self.name != readable_name(self.name, ""):
            raise NavigatorError(f"marker name {self.name!r} is empty or not one plain line; give it another name")
        object.__setattr__(self, "pose", checked_pose(self.pose, f"marker {self.name!r}"))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Point:
    """A named place without an orientation: `kind` is what the file calls it, such as "landmark" or "entry"."""

    name: str
    kind: str
    position_mm: Float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pulse:
    """One recorded pulse; None is what the file does not say.

    Attributes
    ----------
    pose
        (4, 4), RAS+ mm; None where the coil was not tracked.
    time_s
        Since `NavigatorSession.started`.
    didt_A_per_s
        Rate of the coil current as the stimulator reported it.
    amplitude_percent
        Of the stimulator's output.
    """

    name: str
    pose: Float | None
    time_s: float | None
    didt_A_per_s: float | None
    amplitude_percent: float | None

    @property
    def tracked(self) -> bool:
        """Whether the navigator saw the coil."""
        return self.pose is not None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NavigatorSession:
    """Everything that one navigator file says.

    Attributes
    ----------
    source, format
        File name; "brainsight", "localite", "visor", "invesalius" or "softaxic".
    software, version
        As the file names them, "" where it does not.
    frame
        The coordinate system as the file names it; what is in this record is RAS+ mm.
    markers, points, pulses
        Untracked pulses are among the pulses, without a pose.
    unset_markers
        Markers that the file lists but that were never set; they are not in `markers`.
    started
        The moment that `Pulse.time_s` counts from, as the file writes it.
    residuals_mm
        Of the registration of the head, one for each number in the file.
    notes
        What a reader has to know, one line each.
    """

    source: str
    format: str
    software: str = ""
    version: str = ""
    frame: str
    markers: tuple[Marker, ...] = ()
    points: tuple[Point, ...] = ()
    pulses: tuple[Pulse, ...] = ()
    unset_markers: int = 0
    started: str = ""
    residuals_mm: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def tracked(self) -> tuple[Pulse, ...]:
        """The pulses with a pose."""
        return tuple(pulse for pulse in self.pulses if pulse.tracked)

    @property
    def untracked_count(self) -> int:
        """Pulses without a pose; they count as delivered but say nothing about where."""
        return len(self.pulses) - len(self.tracked)

    @property
    def missing_didt_count(self) -> int:
        """Pulses whose dI/dt the file does not give."""
        return sum(pulse.didt_A_per_s is None for pulse in self.pulses)


def readable_name(text: str, otherwise: str) -> str:
    """Return a name as one printable line that no format takes for a comment or for a missing value."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    name = " ".join(plain.split()).lstrip("# ")
    return otherwise if name in {"", "(null)"} else name


def is_unset(matrix: ArrayLike) -> bool:
    """Whether a raw matrix of a file is the identity or all zero: no pose was ever put in."""
    values = np.asarray(matrix, dtype=np.float64)
    rows = np.abs(values[:3]).max() <= IDENTITY_TOLERANCE
    return bool(rows or np.abs(values - np.eye(4)).max() <= IDENTITY_TOLERANCE)


def checked_pose(matrix: ArrayLike, what: str) -> Float:
    """Return a pose, or refuse it in the name of `what`.

    Raises
    ------
    PoseError
        Not rigid, or the identity, which stands for a marker that was never set.
    """
    try:
        pose = validate_pose(matrix)
    except PoseError as error:
        raise PoseError(f"{what}: {error}") from None
    if is_unset(pose):
        raise PoseError(f"{what} is the identity matrix: it was never set in the navigator; set it, or leave it out")
    return pose


def rounded_pose(matrix: Float, what: str, *, decimals: int) -> tuple[Float, float]:
    """Return the pose behind axes that a file rounded to some decimals, and how much was put right.

    Rounding two unit columns by h = 10^-decimals / 2 changes their product by at most 2 sqrt(3) h. Up to that beyond
    the usual tolerance the nearest rotation is taken; anything more is shear and refused.

    Raises
    ------
    PoseError
        See `checked_pose`.
    """
    axes = matrix[:3, :3]
    if not np.isfinite(matrix).all():
        return checked_pose(matrix, what), 0.0
    off = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if not ORTHONORMAL_TOLERANCE < off <= ORTHONORMAL_TOLERANCE + np.sqrt(3) * 10.0**-decimals:
        return checked_pose(matrix, what), 0.0
    left, _, right = np.linalg.svd(axes)
    pose = matrix.copy()
    pose[:3, :3] = left @ right
    return checked_pose(pose, what), off


def require_millimetres(session: NavigatorSession) -> NavigatorSession:
    """Return the session, or refuse positions that cannot be millimetres.

    Raises
    ------
    NavigatorError
        All coil centres lie within 1 mm of the origin (metres), or one beyond 10 m (micrometres).
    """
    poses = [marker.pose for marker in session.markers]
    poses += [pulse.pose for pulse in session.pulses if pulse.pose is not None]
    centres = np.array([pose[:3, 3] for pose in poses]).reshape(-1, 3)
    if len(centres) == 0:
        return session
    reach = float(np.linalg.norm(centres, axis=1).max())
    if reach < METRES_REACH_MM or reach > MICROMETRES_REACH_MM:
        unit = "metres" if reach < METRES_REACH_MM else "micrometres"
        raise NavigatorError(
            f"{session.source}: the farthest coil centre is {reach:.3g} mm from the origin, so positions are in "
            f"{unit}; export in millimetres"
        )
    return session
