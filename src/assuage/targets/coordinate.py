"""A target from one coordinate, in MNI or head space, moved to the nearest grey matter."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import TargetError
from assuage.targets.target import NOT_AIMED_AT, OUTSIDE_BRAIN, Target

if TYPE_CHECKING:
    from assuage.head import Head

MAX_SNAP_MM = 10.0
"""A coordinate farther than this from grey matter is refused: it is in another space or in another place."""

DEFAULT_RADIUS_MM = 10.0
"""A sphere that holds enough grey matter to average over on a 2 mm grid; a working choice, shown in every plan."""


def from_coordinate(
    head: "Head",
    xyz_mm: ArrayLike,
    *,
    space: Literal["mni", "head"] = "head",
    radius_mm: float = DEFAULT_RADIUS_MM,
    direction: ArrayLike | None = None,
    name: str = "",
    notes: Iterable[str] = (),
) -> Target:
    """Make a spherical target around the grey matter nearest to a coordinate.

    Parameters
    ----------
    head
        The head the target is meant for.
    xyz_mm
        (3,) coordinate, mm.
    space
        "mni" (brought to the head by its registration) or "head" (world coordinates of the head's image).
    radius_mm, direction, name, notes
        As in `Target.sphere`.

    Returns
    -------
    Target whose `snapped_mm` says how far the centre moved (0 where the coordinate lies in grey matter) and whose
    `requested_mm` is the coordinate in head space.

    Raises
    ------
    TargetError
        No MNI registration, an unknown space, or no grey matter within `MAX_SNAP_MM`.
    """
    asked = np.asarray(xyz_mm, dtype=np.float64)
    if asked.shape != (3,) or not np.isfinite(asked).all():
        raise TargetError(f"coordinate {xyz_mm!r}; give three finite numbers in mm, for example -44,40,29")
    if space not in {"mni", "head"}:
        raise TargetError(f"space = {space!r}; give 'mni' or 'head'")
    said = " ".join(f"{x:g}" for x in asked)
    remarks = list(notes)
    if space == "mni":
        if head.mni is None:
            raise TargetError(
                f"MNI coordinate {said}: head {head.name!r} has no MNI registration; give the coordinate in head space"
            )
        point = np.asarray(head.mni.mni_to_head(asked[None]), dtype=np.float64)[0]
        remarks.append(f"MNI {said} lies at {' '.join(f'{x:.1f}' for x in point)} mm in the head")
    else:
        point = asked
    center, snapped_mm = _snap(head, point, said=f"{space} {said}")
    if snapped_mm > 0:
        remarks.append(f"moved {snapped_mm:.1f} mm to the nearest grey matter")
    return Target.sphere(
        center,
        radius_mm,
        direction,
        name=name or f"{'MNI' if space == 'mni' else 'head'} {said}",
        snapped_mm=snapped_mm,
        requested_mm=point,
        notes=remarks,
    )


def nearest_cortex_mm(head: "Head", point_mm: ArrayLike) -> NDArray[np.float64]:
    """Return the grey matter (3,) nearest to any point, for example to a scalp site or the centre of a coil.

    Raises
    ------
    TargetError
        The head holds no brain tissue.
    """
    index = np.argwhere(np.isin(head.labels, cortex_tags(head)))
    if not len(index):
        raise TargetError(f"head {head.name!r} holds no brain tissue; name its tissues")
    centers = index @ head.affine[:3, :3].T + head.affine[:3, 3]
    nearest: NDArray[np.float64] = centers[int(np.linalg.norm(centers - np.asarray(point_mm), axis=1).argmin())]
    return nearest


def cortex_tags(head: "Head") -> list[int]:
    """Return the labels of grey matter, or of all brain tissue where the head does not tell grey from white."""
    names = set(head.tissues.values())
    wanted = {"grey_matter"} if "grey_matter" in names else names - OUTSIDE_BRAIN - NOT_AIMED_AT
    return [tag for tag, tissue in head.tissues.items() if tissue in wanted]


def _snap(head: "Head", point_mm: NDArray[np.float64], *, said: str) -> tuple[NDArray[np.float64], float]:
    """Return the nearest point of grey matter and its distance in mm (the point itself and 0 if it lies in it)."""
    tags = cortex_tags(head)
    world_to_voxel = np.linalg.inv(head.affine)
    voxel = world_to_voxel[:3, :3] @ point_mm + world_to_voxel[:3, 3]
    shape = np.array(head.labels.shape)
    own = np.round(voxel).astype(int)
    if (own >= 0).all() and (own < shape).all() and head.labels[tuple(own)] in tags:
        return point_mm, 0.0
    reach = np.ceil(MAX_SNAP_MM / np.asarray(head.voxel_mm)).astype(int) + 1
    low, high = np.clip(own - reach, 0, shape), np.clip(own + reach + 1, 0, shape)
    index = np.argwhere(np.isin(head.labels[tuple(map(slice, low, high))], tags)) + low
    centers = index @ head.affine[:3, :3].T + head.affine[:3, 3]
    distance = np.linalg.norm(centers - point_mm, axis=1)
    if not len(distance) or distance.min() > MAX_SNAP_MM:
        nearest = f"{distance.min():.1f} mm away" if len(distance) else f"farther than {MAX_SNAP_MM:g} mm"
        raise TargetError(
            f"coordinate {said}: the nearest grey matter of head {head.name!r} is {nearest}, limit {MAX_SNAP_MM:g} mm; "
            "check the space (MNI or head) and the side"
        )
    best = int(distance.argmin())
    return centers[best], float(distance[best])
