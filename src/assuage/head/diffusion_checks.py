"""Whether a map of diffusion tensors belongs to a head, and has its components in the stated order and axes.

| check | asks | stops if |
|---|---|---|
| coverage | white matter has a tensor at all | more than `MOST_WITHOUT` has none |
| order | the tensors are positive definite | fewer than `LEAST_POSITIVE`: under a wrong order almost none is |
| place | tensors are more anisotropic in white matter than beside it | the rank statistic is below `LEAST_CONTRAST` |
| axes | fibres continue along their own direction | another reading of the axes continues better by `CLEARLY_BETTER` |
| callosum | fibres cross the midline from left to right | their mean is off that axis by more than `MOST_OFF_DEG` |
| fans | callosum and corona radiata fan outwards the same way on both sides | they fan inwards |

Axes: from each fibrous voxel one step along the fibre, forward and back; the score is the mean |cos| between the two
directions, 0.5 (chance) where the step leaves the fibrous tissue. A flipped or permuted table breaks that continuity
(Jeurissen et al. 2014, Med Image Anal 18:953-962; Schilling et al. 2019, Magn Reson Imaging 58:82-89). Held against it
are all 24 permutations and flips of the image's axes and the three frames of `assuage.head.diffusion`. What turns image
and tensors together leaves the score as it is; the callosum sees that where it is turned out of the left-right axis.

Fans: a fibre along an axis looks the same when an axis is flipped, an oblique one does not. On its way outwards the
callosal radiation and the corona radiata rise (crown), the forceps minor runs forwards, the forceps major backwards;
a flip of x turns all three round, of y the forcipes, of z the crown. The score of a fan is

    sum n_a n_b s / sum |n_a n_b|,      s = sign of the side, times -1 for the forceps major
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeadError
from assuage.head.diffusion import (
    COMPONENTS,
    FRAMES,
    FULL,
    ORDERS,
    Sampled,
    TensorMap,
    eigen_of,
    frame_axes,
    rotation_of,
)
from assuage.head.model import Head

Array = NDArray[np.float64]

MOST_WITHOUT = 0.10
"""Share of the white matter that may lack a usable tensor; SimNIBS calls more than a tenth critical."""
LEAST_POSITIVE = 0.90
LEAST_CONTRAST = 0.65
"""Chance that a voxel of white matter is more anisotropic than one of grey matter or CSF; 0.5: unrelated. A working
choice; see docs/anisotropy.md for what shift it finds."""
FIBROUS = 0.25
"""Fractional anisotropy from which a voxel has a fibre direction."""
CLEARLY_BETTER = 0.02
"""In mean |cos|; a working choice, ten times its standard error for 10 000 voxels."""
STEP_MM = 3.0
STEP_VOXELS = 1.5
LEAST_FIBROUS = 500
"""Voxels below which the axes are not judged."""
MOST_FIBROUS = 20_000
MOST_COMPARED = 50_000
CHANCE = 0.5
"""Mean |cos| between directions that know nothing of each other."""
MIDLINE_MM, CALLOSUM_Y_MM, CALLOSUM_Z_MM = 4.0, (-35.0, 30.0), (5.0, 32.0)
"""Where midsagittal white matter is callosum, MNI: genu to splenium, above thalamus and brainstem."""
FANS: dict[str, tuple[tuple[float, float], tuple[float, float], tuple[float, float], int, int]] = {
    "crown": ((8.0, 28.0), (-35.0, 15.0), (25.0, 50.0), 2, 1),
    "forceps minor": ((5.0, 18.0), (30.0, 50.0), (-5.0, 20.0), 1, 1),
    "forceps major": ((6.0, 20.0), (-75.0, -48.0), (0.0, 22.0), 1, -1),
}
"""|x|, y and z in MNI mm, the axis that goes with x, and its sign on the way outwards."""
LEAST_CALLOSUM = 30
MOST_OFF_DEG = 15.0
"""Of the main axis of all midsagittal callosal fibres: 0 by the symmetry of the brain. A working choice, which leaves
room for the registration to MNI space."""
SAME_DEG = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What the checks measured; None: not to be judged on this head, `notes` say why.

    Attributes
    ----------
    positive
        Share of the tensors in white matter that are positive definite.
    contrast
        Chance that white matter is more anisotropic than the tissue beside it.
    continuity, continuity_otherwise
        Mean |cos| along the fibres as stated, and under the best other reading of the axes.
    callosum_deg
        Angle between the main axis of the midsagittal callosal fibres and the left-right axis.
    fans
        Score of each fan of `FANS` that has enough voxels.
    notes
        In words.
    """

    positive: float
    contrast: float | None
    continuity: float | None
    continuity_otherwise: float | None
    callosum_deg: float | None
    fans: dict[str, float]
    notes: tuple[str, ...]


def verify(tensors: TensorMap, head: Head, points_mm: Array, sampled: Sampled) -> Verified:
    """Hold a tensor map against a head.

    Parameters
    ----------
    points_mm, sampled
        Centres (n, 3) of the white matter's voxels and the tensors there.

    Raises
    ------
    HeadError
        One line: what does not fit, the figure, and the way out.
    """
    positive = _require_order(tensors, points_mm, sampled)
    _require_coverage(tensors, sampled)
    contrast = _require_place(tensors, head, sampled)
    continuity = _require_axes(tensors, points_mm)
    callosum_deg, fans = _require_anatomy(tensors, head, points_mm, sampled)
    notes = []
    if contrast is None:
        notes.append("the head has no grey matter or CSF under the tensor map, so its place was not checked")
    if continuity is None:
        notes.append(f"fewer than {LEAST_FIBROUS} voxels have a fibre direction, so the axes were not checked")
    if callosum_deg is None:
        notes.append("the callosum was not found (no MNI frame, or too few voxels), so left-right was not checked")
    if not fans:
        notes.append(
            "no fan of fibres was found (no MNI frame, or too few voxels), so flips were not checked on anatomy"
        )
    return Verified(
        positive=positive,
        contrast=contrast,
        continuity=None if continuity is None else continuity[0],
        continuity_otherwise=None if continuity is None else continuity[1],
        callosum_deg=callosum_deg,
        fans=fans,
        notes=tuple(notes),
    )


def _voxels_of(tensors: TensorMap, points_mm: Array) -> NDArray[np.intp]:
    """Return the voxels (m, 3) of the map nearest to points, each once."""
    index = np.rint(tensors.index(points_mm)).astype(np.intp)
    index = index[tensors.holds(index)]
    return np.unique(index, axis=0) if len(index) else index


def _require_order(tensors: TensorMap, points_mm: Array, sampled: Sampled) -> float:
    index = _voxels_of(tensors, points_mm)
    raw = tensors.values[tuple(index.T)].astype(np.float64)
    raw = raw[np.isfinite(raw).all(1) & (raw != 0).any(1)]
    if not len(raw):
        _refuse_coverage(tensors, sampled)
    share = {order: _positive(raw, tensors.order, order) for order in ORDERS}
    found = share[tensors.order]
    if found < LEAST_POSITIVE:
        best = max(share, key=lambda order: share[order])
        way_out = (
            f"read in the order {best!r} {share[best]:.0%} would be: state that order if {ORDERS[best].by} wrote it"
            if share[best] >= LEAST_POSITIVE
            else "no known order makes them so: is this a map of diffusion tensors?"
        )
        raise HeadError(
            f"{tensors.path.name}: {found:.0%} of the tensors in white matter are positive definite in the order "
            f"{tensors.order!r} ({LEAST_POSITIVE:.0%} needed); {way_out}"
        )
    return found


def _positive(raw: Array, stated: str, order: str) -> float:
    """Return the share that would be positive definite had the file another order; raw (n, 6) is in `COMPONENTS`."""
    was = [ORDERS[stated].components.index(name) for name in COMPONENTS]  # type: ignore[index]
    in_file = np.empty_like(raw)
    in_file[:, was] = raw
    read = in_file[:, [ORDERS[order].components.index(name) for name in COMPONENTS]]  # type: ignore[index]
    return float(eigen_of(read[:, FULL])[2].mean())


def _require_coverage(tensors: TensorMap, sampled: Sampled) -> None:
    if 1 - sampled.usable.mean() > MOST_WITHOUT:
        _refuse_coverage(tensors, sampled)


def _refuse_coverage(tensors: TensorMap, sampled: Sampled) -> None:
    raise HeadError(
        f"{tensors.path.name}: {1 - sampled.usable.mean():.0%} of the head's white matter has no usable tensor "
        f"({MOST_WITHOUT:.0%} allowed; {sampled.outside.mean():.0%} outside the map, {sampled.empty.mean():.0%} empty, "
        f"{sampled.not_positive.mean():.0%} not positive definite); give a map that is registered to the head's T1 and "
        "covers the brain"
    )


def _require_place(tensors: TensorMap, head: Head, sampled: Sampled) -> float | None:
    beside = np.zeros(head.labels.shape, bool)
    for name in ("grey_matter", "csf"):
        if name in head.tissues.values():
            beside |= head.mask(name)
    rng = np.random.default_rng(0)
    voxels = np.argwhere(beside)
    voxels = voxels[rng.permutation(len(voxels))[:MOST_COMPARED]]
    index = np.rint(tensors.index(voxels @ head.affine[:3, :3].T + head.affine[:3, 3])).astype(np.intp)
    index = index[tensors.holds(index)]
    eigen, _, positive = eigen_of(tensors.world_tensors(index))
    other = np.sort(eigen.anisotropy[positive])
    own = sampled.eigen.anisotropy[sampled.usable]
    if len(other) < LEAST_CALLOSUM:
        return None
    rank = np.searchsorted(other, own, "left") + np.searchsorted(other, own, "right")
    contrast = float(rank.mean() / (2 * len(other)))
    if contrast < LEAST_CONTRAST:
        raise HeadError(
            f"{tensors.path.name} does not lie on this head: a voxel of white matter is more anisotropic than one of "
            f"grey matter or CSF in {contrast:.0%} of pairs ({LEAST_CONTRAST:.0%} needed, 50% is chance); register the "
            "tensor map to the head's T1, turning the tensors with it"
        )
    return contrast


def _require_axes(tensors: TensorMap, points_mm: Array) -> tuple[float, float] | None:
    index = _voxels_of(tensors, points_mm)
    eigen, _, positive = eigen_of(tensors.world_tensors(index))
    fibrous = positive & (eigen.anisotropy >= FIBROUS)
    index, direction = index[fibrous], eigen.principal[fibrous]
    if len(index) < LEAST_FIBROUS:
        return None
    fibres = np.zeros((*tensors.values.shape[:3], 3), np.float32)
    fibres[tuple(index.T)] = direction
    seeds = np.random.default_rng(0).permutation(len(index))[:MOST_FIBROUS]
    found = _continuity(tensors, fibres, index[seeds], direction[seeds], np.eye(3))
    others = {
        name: _continuity(tensors, fibres, index[seeds], direction[seeds], turn)
        for name, turn in _other_readings(tensors)
    }
    best = max(others, key=lambda name: others[name])
    if others[best] > found + CLEARLY_BETTER:
        raise HeadError(
            f"{tensors.path.name}: fibres continue less well in the stated axes ({tensors.frame!r}: mean |cos| "
            f"{found:.2f}) than with {best} ({others[best]:.2f}); state the frame that the tensors are in, or fit them "
            "again with gradients turned like the image"
        )
    return found, others[best]


def _continuity(
    tensors: TensorMap, fibres: NDArray[np.float32], index: NDArray[np.intp], direction: Array, turn: Array
) -> float:
    """Return the mean |cos| between a fibre and the one a step along it, had every tensor been turned by `turn`."""
    step_mm = max(STEP_MM, STEP_VOXELS * float(tensors.voxel_mm.max()))
    step = step_mm * direction @ turn.T @ np.linalg.inv(tensors.affine[:3, :3]).T
    total = 0.0
    for way in (1, -1):
        there = np.rint(index + way * step).astype(np.intp)
        held = tensors.holds(there)
        other = np.zeros_like(direction)
        other[held] = fibres[tuple(there[held].T)]
        there_is = other.any(1)
        total += float(np.where(there_is, np.abs((other * direction).sum(1)), CHANCE).mean())
    return total / 2


def _other_readings(tensors: TensorMap) -> Iterator[tuple[str, Array]]:
    """Yield names and turns (3, 3) of the world's tensors that other axes would mean."""
    own, voxel = frame_axes(tensors.affine, tensors.frame), rotation_of(tensors.affine)
    for frame in FRAMES:
        turn = frame_axes(tensors.affine, frame) @ own.T
        if not _is_same(turn):
            yield f"the frame {frame!r}", turn
    for order in permutations(range(3)):
        for flip in ((1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1)):
            turn = voxel @ (np.diag(flip) @ np.eye(3)[list(order)]) @ voxel.T
            if not _is_same(turn):
                flipped = "".join(f", {axis} flipped" for axis, sign in zip("xyz", flip, strict=True) if sign < 0)
                yield f"image axes {' '.join('xyz'[k] for k in order)}{flipped}", turn


def _is_same(turn: Array) -> bool:
    """Say whether a turn leaves every line within `SAME_DEG`."""
    off = min(np.linalg.norm(turn - sign * np.eye(3), 2) for sign in (1, -1))
    return bool(off < np.deg2rad(SAME_DEG))


def _require_anatomy(
    tensors: TensorMap, head: Head, points_mm: Array, sampled: Sampled
) -> tuple[float | None, dict[str, float]]:
    """Return the score of the callosum, None without one, and of the fans."""
    if head.mni is None:
        return None, {}
    fibrous = sampled.usable & (sampled.eigen.anisotropy >= FIBROUS)
    mni = head.mni.head_to_mni(points_mm[fibrous])
    step = sampled.eigen.principal[fibrous]
    fibres = head.mni.head_to_mni(points_mm[fibrous] + step) - mni
    fibres /= np.linalg.norm(fibres, axis=1, keepdims=True)
    return _require_callosum(tensors, mni, fibres), _require_fans(tensors, mni, fibres)


def _inside(mni_mm: Array, ranges: tuple[tuple[float, float], ...]) -> NDArray[np.bool_]:
    """Say which MNI points (n, 3) lie in ranges of |x|, y and z."""
    place = np.column_stack([np.abs(mni_mm[:, 0]), mni_mm[:, 1:]])
    low, high = np.array(ranges).T
    return np.asarray(((place >= low) & (place <= high)).all(1))


def _require_callosum(tensors: TensorMap, mni_mm: Array, fibres: Array) -> float | None:
    inside = _inside(mni_mm, ((0.0, MIDLINE_MM), CALLOSUM_Y_MM, CALLOSUM_Z_MM))
    if inside.sum() < LEAST_CALLOSUM:
        return None
    main = np.linalg.eigh(fibres[inside].T @ fibres[inside])[1][:, 2]
    off_deg = float(np.rad2deg(np.arccos(min(abs(main[0]), 1.0))))
    if off_deg > MOST_OFF_DEG:
        raise HeadError(
            f"{tensors.path.name}: the fibres of the callosum do not cross from left to right (their main axis is "
            f"{off_deg:.0f} degrees off, {MOST_OFF_DEG:g} allowed) in the order {tensors.order!r} and frame "
            f"{tensors.frame!r}; state the order and frame that the tensors are in, and turn them with the image when "
            "registering"
        )
    return off_deg


def _require_fans(tensors: TensorMap, mni_mm: Array, fibres: Array) -> dict[str, float]:
    found = {}
    for name, (x_mm, y_mm, z_mm, axis, sign) in FANS.items():
        inside = _inside(mni_mm, (x_mm, y_mm, z_mm))
        if inside.sum() >= LEAST_CALLOSUM:
            slant = fibres[inside, 0] * fibres[inside, axis]
            found[name] = float((slant * np.sign(mni_mm[inside, 0])).sum() * sign / np.abs(slant).sum())
    wrong = [name for name, score in found.items() if score < 0]
    if wrong:
        raise HeadError(
            f"{tensors.path.name}: the fibres of the {' and the '.join(wrong)} fan inwards (score "
            f"{', '.join(f'{found[name]:.2f}' for name in wrong)}; above 0 needed), as if an axis were flipped, in the "
            f"frame {tensors.frame!r}; state the frame that the tensors are in: {', '.join(FRAMES)}"
        )
    return found
