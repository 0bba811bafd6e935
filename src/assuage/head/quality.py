"""Quality control of a head model as numbers: volumes, skull thickness, closure, symmetry.

A wrong head gives a confident wrong field. These figures show the usual faults: a leaking skull (CSF touching scalp),
brain pressed against bone, a skull of the wrong thickness, a lopsided segmentation, a scan that is cut.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from assuage.errors import HeadError
from assuage.head.model import Head
from assuage.head.norms import SKULL, Norm, Reference, norm, parts_of
from assuage.head.tissues import AIR, BRAIN_NAMES, SKULL_NAMES, SOFT_NAMES
from assuage.units import MM3_PER_ML

Float = NDArray[np.float64]

RAY_STEP_MM = 0.25
RAY_LENGTH_MM = 45.0
"""Deepest that a skull's inner face lies under the scalp, with room."""
RAY_COUNT = 4000
INSIDE_STOP_MM = 2.0
"""A ray ends once it has run this far in CSF or brain: bone beyond that is the other side."""
CALVARIA_MARGIN_MM = 25.0
"""The calvaria: everything this far above the plane of the fiducials. Below it the skull has natural openings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TissueVolume:
    """Volume of a tissue, or of a compartment made of several; `norm` is None where no range is cited at any age."""

    name: str
    volume_ml: float
    norm: Norm | None

    @property
    def reference(self) -> Reference | None:
        """The range that holds at the person's age; None without one."""
        return None if self.norm is None else self.norm.reference

    @property
    def within_cited_range(self) -> bool | None:
        """Whether the volume lies in the cited range of the age; None without a reference."""
        return None if self.reference is None else self.reference.low <= self.volume_ml <= self.reference.high


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SkullThickness:
    """Bone under scalp points of the calvaria, along the scalp normal.

    Attributes
    ----------
    points_mm, thickness_mm
        (n, 3) scalp points and (n,) mm of bone below each.
    mean_mm, median_mm, low_mm, high_mm
        Mean, median, 5th and 95th percentile.
    missing_share
        Share of points with less than 1 mm of bone.
    norm
        What is known of the mean at the person's age.
    """

    points_mm: Float
    thickness_mm: Float
    mean_mm: float
    median_mm: float
    low_mm: float
    high_mm: float
    missing_share: float
    norm: Norm


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadQc:
    """What quality control found.

    Attributes
    ----------
    volumes
        Every tissue, then the compartments with a cited range.
    skull
        None for a head without skull or without 10-10 sites.
    leak_count, leak_calvaria_count
        Voxel faces where CSF or brain touches soft tissue or air without bone between; all, and above the skull base.
    leaks_mm
        (leak_count, 3) centres of those faces.
    brain_skull_share
        Of the brain's faces towards CSF or skull, the share that touches skull directly.
    asymmetry
        Tissue to (left - right) / (left + right) volume about the plane through Nz, Cz, Iz; empty without fiducials.
    extension
        What the model adds below the scan, from the metadata.
    warnings
        One line each, sober.
    """

    head_name: str
    volumes: tuple[TissueVolume, ...]
    skull: SkullThickness | None
    leak_count: int
    leak_calvaria_count: int
    leaks_mm: Float
    brain_skull_share: float | None
    asymmetry: dict[str, float]
    extension: str | None
    warnings: tuple[str, ...]


def qc(head: Head) -> HeadQc:
    """Measure a head model.

    Parameters
    ----------
    head
        Any head; what it lacks (skull, brain, fiducials) is left out of the result.
    """
    volumes = tissue_volumes(head)
    frame = _frame(head)
    skull = None if frame is None else skull_thickness(head)
    leaks = leak_faces_mm(head)
    above = np.zeros(len(leaks), dtype=bool) if frame is None else frame.height_mm(leaks) > CALVARIA_MARGIN_MM
    share = _contact_share(head)
    asymmetry = {} if frame is None else _asymmetry(head, frame)
    return HeadQc(
        head_name=head.name,
        volumes=volumes,
        skull=skull,
        leak_count=len(leaks),
        leak_calvaria_count=int(above.sum()),
        leaks_mm=leaks,
        brain_skull_share=share,
        asymmetry=asymmetry,
        extension=_extension(head),
        warnings=tuple(_warnings(head, volumes, skull, int(above.sum()))),
    )


def tissue_volumes(head: Head) -> tuple[TissueVolume, ...]:
    """Return the volume of every tissue of a head, then of each compartment with a cited range, ml."""
    voxel_ml = abs(float(np.linalg.det(head.affine[:3, :3]))) / MM3_PER_ML
    names = [name for name in dict.fromkeys(head.tissues.values()) if name != AIR]
    if head.fractions is None:
        counts = {name: float(head.mask(name).sum()) for name in names}
    else:
        counts = {
            name: float(head.fractions[name].sum(dtype=np.int64)) / 255 for name in names if name in head.fractions
        }
    result = {name: TissueVolume(name=name, volume_ml=n * voxel_ml, norm=None) for name, n in counts.items()}
    for name, tissues in parts_of().items():
        parts = [part for part in tissues if part in counts]
        if parts:
            total = sum(counts[part] for part in parts) * voxel_ml
            result[name] = TissueVolume(name=name, volume_ml=total, norm=norm(name, head.age_years))
    return tuple(result.values())


def skull_thickness(head: Head) -> SkullThickness | None:
    """Measure bone along the scalp normal under the calvaria; None without skull or fiducials.

    The length is the integral of the skull fraction along the ray, so that thin bone counts for what it is.
    """
    bone, inside = _share(head, SKULL_NAMES), _share(head, BRAIN_NAMES | {"csf"})
    frame = _frame(head)
    if frame is None or bone is None or inside is None:
        return None
    over = np.flatnonzero(frame.height_mm(head.scalp.vertices_mm) > CALVARIA_MARGIN_MM)
    if not len(over):
        return None
    chosen = over[np.linspace(0, len(over) - 1, min(RAY_COUNT, len(over))).astype(int)]
    start, normal = head.scalp.vertices_mm[chosen], head.scalp.normals[chosen]
    depth = np.arange(RAY_STEP_MM / 2, RAY_LENGTH_MM, RAY_STEP_MM)
    points = start[:, None] - depth[None, :, None] * normal[:, None]
    inverse = np.linalg.inv(head.affine)
    index = np.moveaxis(points @ inverse[:3, :3].T + inverse[:3, 3], -1, 0)
    along_bone = map_coordinates(bone, index, order=1, mode="constant", cval=0.0)
    along_inside = map_coordinates(inside, index, order=1, mode="constant", cval=0.0)
    open_ = np.cumsum(along_inside, axis=1) * RAY_STEP_MM < INSIDE_STOP_MM
    thickness = np.asarray((along_bone * open_).sum(1) * RAY_STEP_MM, dtype=np.float64)
    low, high = np.percentile(thickness, [5, 95])
    return SkullThickness(
        points_mm=start,
        thickness_mm=thickness,
        mean_mm=float(thickness.mean()),
        median_mm=float(np.median(thickness)),
        low_mm=float(low),
        high_mm=float(high),
        missing_share=float((thickness < 1).mean()),
        norm=norm(SKULL, head.age_years),
    )


def leak_faces_mm(head: Head) -> Float:
    """Return the centres (n, 3) of voxel faces where CSF or brain touches soft tissue or air; eyes do not count."""
    inner = _where(head, BRAIN_NAMES | {"csf"})
    outer = _where(head, (SOFT_NAMES - {"eyes"}) | {AIR})
    found = [_faces(inner, outer, axis) for axis in range(3)]
    index = np.concatenate(found)
    return np.asarray(index @ head.affine[:3, :3].T + head.affine[:3, 3])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Frame:
    """The plane of the fiducials and the mid-sagittal plane."""

    origin_mm: Float
    up: Float
    right: Float

    def height_mm(self, points_mm: Float) -> Float:
        return np.asarray((points_mm - self.origin_mm) @ self.up)


def _frame(head: Head) -> _Frame | None:
    try:
        nz, iz, lpa, rpa = (head.fiducials_mm[name] for name in ("Nz", "Iz", "LPA", "RPA"))
        cz = head.ten_ten_mm["Cz"]
    except HeadError:
        return None
    up = np.cross(rpa - lpa, nz - iz)
    right = np.cross(nz - iz, cz - iz)
    right *= np.sign(right @ (rpa - lpa))
    return _Frame(origin_mm=(nz + iz) / 2, up=up / np.linalg.norm(up), right=right / np.linalg.norm(right))


def _where(head: Head, names: Iterable[str]) -> NDArray[np.bool_]:
    wanted = set(names)
    table = np.zeros(int(head.labels.max()) + 1, dtype=np.bool_)
    table[0] = AIR in wanted
    for key, name in head.tissues.items():
        if 0 <= key < len(table) and name in wanted:
            table[key] = True
    inside: NDArray[np.bool_] = table[head.labels]
    return inside


def _share(head: Head, names: Iterable[str]) -> NDArray[np.float32] | None:
    """Return the summed fraction of some tissues, or None if the head has none of them."""
    wanted = [name for name in names if name in head.tissues.values()]
    if not wanted:
        return None
    if head.fractions is None:
        return _where(head, wanted).astype(np.float32)
    total = np.zeros(head.labels.shape, dtype=np.float32)
    for name in wanted:
        if name in head.fractions:
            total += head.fractions[name]
    return total / np.float32(255)


def _faces(one: NDArray[np.bool_], other: NDArray[np.bool_], axis: int) -> Float:
    """Return the voxel indices (n, 3), half-way, of faces across `axis` between the two sets."""
    first = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
    second = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
    touching = (one[first] & other[second]) | (other[first] & one[second])
    index = np.argwhere(touching).astype(np.float64)
    index[:, axis] += 0.5
    return index


def _contact_share(head: Head) -> float | None:
    brain, skull, csf = (_where(head, names) for names in (BRAIN_NAMES, SKULL_NAMES, {"csf"}))
    bone = sum(len(_faces(brain, skull, axis)) for axis in range(3))
    fluid = sum(len(_faces(brain, csf, axis)) for axis in range(3))
    return bone / (bone + fluid) if bone + fluid else None


def _asymmetry(head: Head, frame: _Frame) -> dict[str, float]:
    """Return (left - right) / (left + right) per tissue, above the plane of the fiducials (the neck may lean)."""
    rightward = _linear_field(head, frame.right, frame.origin_mm) / np.float32(head.voxel_mm.mean())
    side = np.where(_linear_field(head, frame.up, frame.origin_mm) > 0, np.clip(rightward, -0.5, 0.5), 0).reshape(-1)
    balance = np.bincount(head.labels.reshape(-1), weights=side)
    total = np.bincount(head.labels.reshape(-1), weights=np.abs(side))
    result: dict[str, float] = {}
    for name in dict.fromkeys(head.tissues.values()):
        keys = [key for key, tissue in head.tissues.items() if tissue == name and 0 < key < len(total)]
        if name != AIR and total[keys].sum() > 0:
            result[name] = float(-balance[keys].sum() / total[keys].sum())
    return result


def _linear_field(head: Head, direction: Float, origin_mm: Float) -> NDArray[np.float32]:
    """Return (point - origin) . direction at every voxel centre, (nx, ny, nz) mm."""
    slope = direction @ head.affine[:3, :3]
    start = direction @ (head.affine[:3, 3] - origin_mm)
    i, j, k = (np.arange(n, dtype=np.float32) * np.float32(s) for n, s in zip(head.labels.shape, slope, strict=True))
    field: NDArray[np.float32] = i[:, None, None] + j[:, None] + k + np.float32(start)
    return field


def _extension(head: Head) -> str | None:
    """Return what the model adds below the scan, from the metadata."""
    found = head.metadata.get("neck_extension")
    if isinstance(found, Mapping):
        return "; ".join(f"{key} {value}" for key, value in found.items())
    return None if found is None else str(found)


def _warnings(head: Head, volumes: Iterable[TissueVolume], skull: SkullThickness | None, leaks: int) -> Iterable[str]:
    yield from head.warnings
    for volume in volumes:
        if volume.within_cited_range is False and volume.reference is not None:
            yield (
                f"{volume.name.replace('_', ' ')} volume {volume.volume_ml:.4g} ml is outside the cited adult range "
                f"{volume.reference.low:.4g}-{volume.reference.high:.4g} ml ({volume.reference.source_level})"
            )
    cited = None if skull is None else skull.norm.reference
    if skull is not None and cited is not None and not cited.low <= skull.mean_mm <= cited.high:
        yield (
            f"mean skull thickness {skull.mean_mm:.1f} mm is outside the cited adult range "
            f"{cited.low:.1f}-{cited.high:.1f} mm"
        )
    if leaks:
        yield f"{leaks} voxel faces of the calvaria have CSF or brain next to soft tissue or air without bone between"
