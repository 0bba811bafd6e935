"""Where a dose is read: maps of a field, and the voxels of a target on their grid.

A map is a solved `Field`, or a `FieldMap`: vectors (amplitude of tACS) or sizes (envelope of temporal interference) on
any grid, with the tissue of every voxel. A patch is a target on a grid: voxels v with weights w_v that sum to 1,

    w_v = share of the target's tissue that lies in v

On a conductor's grid the shares come from the target's read-out, the same that adjoint and error bars use; on any other
grid every voxel counts alike whose centre lies in the target and in its tissue.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from assuage.errors import DataError, TargetError
from assuage.targets import Target

if TYPE_CHECKING:
    from assuage.field import Conductor, Field, ReadOut
    from assuage.head import Head

Array = NDArray[np.float64]
Float = NDArray[np.floating[Any]]

SAME_GRID_MM = 1e-3
"""Two affines that differ by less than this describe one grid: rounding in a file header stays below it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FieldMap:
    """A field that is not the solution of one source: amplitudes, envelopes, sums.

    Attributes
    ----------
    head
        The head.
    values_V_per_m
        (nx, ny, nz, 3) vectors in world axes, or (nx, ny, nz) sizes.
    labels, tissues
        (nx, ny, nz) index into the tissue names, the first being air.
    affine
        (4, 4) voxel to world, mm.
    says
        What the values are, for example "peak-to-peak change of the envelope, largest over directions".
    largest_S_per_m
        (nx, ny, nz) conductivity, its largest eigenvalue where there are tensors; None: not known.
    """

    head: "Head"
    values_V_per_m: Float
    labels: NDArray[np.integer[Any]]
    tissues: tuple[str, ...]
    affine: Array
    says: str
    largest_S_per_m: Float | None = None

    def __post_init__(self) -> None:
        """Refuse values that do not fit the grid, are not finite, or have no name.

        Raises
        ------
        DataError
            Saying which of these.
        """
        values = np.asarray(self.values_V_per_m)
        if values.shape not in {self.labels.shape, (*self.labels.shape, 3)} or self.labels.ndim != 3:
            raise DataError(
                f"the map has values of shape {values.shape} and labels of shape {self.labels.shape}; give one "
                "number or three for every voxel"
            )
        bad = int((~np.isfinite(values)).sum())
        if bad:
            raise DataError(f"the map holds {bad} values that are NaN or infinite; solve it again")
        if values.ndim == 3 and (values < 0).any():
            raise DataError(f"the map holds sizes below 0 (least {values.min():g} V/m); give vectors, or magnitudes")
        if not self.says:
            raise DataError("the map does not say what its values are; name the quantity")

    @classmethod
    def on(cls, field: "Field", values_V_per_m: Float, *, says: str) -> "FieldMap":
        """Put values on the grid of a solved field."""
        return cls(
            head=field.head,
            values_V_per_m=values_V_per_m,
            labels=field.labels,
            tissues=field.tissues,
            affine=field.affine,
            says=says,
            largest_S_per_m=field.largest_S_per_m,
        )

    @property
    def is_vector(self) -> bool:
        """Whether the values have a direction."""
        return bool(np.ndim(self.values_V_per_m) == 4)

    @cached_property
    def magnitude_V_per_m(self) -> Float:
        """(nx, ny, nz) sizes, V/m."""
        return np.linalg.norm(self.values_V_per_m, axis=-1) if self.is_vector else self.values_V_per_m


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patch:
    """A target on a grid.

    Attributes
    ----------
    name, center_mm
        Of the target.
    index
        (n, 3) voxels.
    weights
        (n,) summing to 1.
    tissues
        What counts.
    shape, affine
        The grid that `index` belongs to.
    reading
        The target as a linear functional of a solved field, where the grid is a conductor's; else None.
    """

    name: str
    center_mm: Array
    index: NDArray[np.int64]
    weights: Array
    tissues: frozenset[str]
    shape: tuple[int, ...]
    affine: Array
    reading: "ReadOut | None"


def patch_on(conductor: "Conductor", target: Target, *, reading: "ReadOut | None" = None) -> Patch:
    """Return a target on a conductor's grid.

    Parameters
    ----------
    conductor, target
        The grid and the target.
    reading
        The target's read-out, if it is known already.

    Raises
    ------
    TargetError
        The target holds none of its tissue on this grid.
    """
    reading = reading if reading is not None else conductor.read_out(target)
    wanted = target.tissue_in(conductor.head)
    inside = _is_tissue(conductor.tissue.label, conductor.tissue.tissues, wanted)[tuple(reading.where.T)]
    if not inside.any():
        raise TargetError(_nothing(target, wanted, conductor.grid.voxel_mm))
    weights = reading.weights[inside]
    return Patch(
        name=target.name,
        center_mm=target.center_mm,
        index=reading.where[inside],
        weights=weights / weights.sum(),
        tissues=wanted,
        shape=conductor.tissue.label.shape,
        affine=conductor.grid.affine,
        reading=reading,
    )


def patch_in(values: "FieldMap | Field", target: Target) -> Patch:
    """Return a target on the grid of any map: the voxels whose centre lies in it and whose tissue counts.

    Raises
    ------
    TargetError
        No voxel does.
    """
    wanted = target.tissue_in(values.head)
    index = np.argwhere(_is_tissue(values.labels, values.tissues, wanted))
    points = index @ values.affine[:3, :3].T + values.affine[:3, 3]
    index = index[target.inside(points)]
    if not len(index):
        raise TargetError(_nothing(target, wanted, float(np.linalg.norm(values.affine[:3, 0]))))
    return Patch(
        name=target.name,
        center_mm=target.center_mm,
        index=index,
        weights=np.full(len(index), 1 / len(index)),
        tissues=wanted,
        shape=values.labels.shape,
        affine=values.affine,
        reading=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Located:
    """Named places of a head.

    Attributes
    ----------
    patches
        By name.
    absent
        Name to the reason why a place is not among them.
    """

    patches: Mapping[str, Patch]
    absent: Mapping[str, str]


def locate(targets: Mapping[str, Target | str], make: Callable[[Target], Patch]) -> Located:
    """Return the patch of every target; one that has none says why.

    Parameters
    ----------
    targets
        Name to target, or to the reason why there is none.
    make
        Turns a target into a patch, for example ``lambda target: patch_on(conductor, target)``.
    """
    patches: dict[str, Patch] = {}
    absent: dict[str, str] = {}
    for name, target in targets.items():
        if isinstance(target, str):
            absent[name] = target
            continue
        try:
            patches[name] = make(target)
        except TargetError as error:
            absent[name] = str(error)
    return Located(patches=patches, absent=absent)


def check_same_grid(values: "FieldMap | Field", patch: Patch) -> None:
    """Refuse a patch of another grid.

    Raises
    ------
    DataError
        Shapes or affines differ.
    """
    if values.labels.shape != patch.shape or np.abs(values.affine - patch.affine).max() > SAME_GRID_MM:
        raise DataError(
            f"patch {patch.name!r} belongs to a grid of {patch.shape} voxels, the map has {values.labels.shape} or "
            "lies elsewhere; make the patch on the map's own grid"
        )


def _is_tissue(labels: NDArray[np.integer[Any]], tissues: tuple[str, ...], wanted: frozenset[str]) -> NDArray[np.bool_]:
    return np.isin(labels, [tag for tag, tissue in enumerate(tissues) if tissue in wanted])


def _nothing(target: Target, wanted: frozenset[str], voxel_mm: float) -> str:
    return (
        f"target {target.name!r} holds no voxel of {' or '.join(sorted(wanted))} on the {voxel_mm:g} mm grid; "
        "enlarge it, or take a finer grid"
    )
