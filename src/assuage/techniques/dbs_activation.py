"""The volume of tissue that a lead activates, by two criteria, and its overlap with regions.

    field                  |E| >= T(w)
    activating function    f = d^2 phi / ds^2 >= F(w) along the fibre, or along the direction in which f is largest

Thresholds hold for a pulse width w. T is a cited value at one width, carried to others by Weiss's law,
T(w) = T(w0) (1 + c / w) / (1 + c / w0), within the range of its source only. F is derived from T: both criteria agree
where a point cathode of the reference current in the reference tissue reaches T (`data/dbs.toml`),

    r = sqrt(I / (4 pi sigma T)),    F = T / r.

f is the second difference of the potential over one internode on each side. Where a voxel belongs to the lead by its
centre, or the differences reach out of the brain, the mean of the neighbours that have a value stands in. A voxel that
the threshold surface cuts counts in part, linearly in the distance of its centre from the surface; voxels count with
their share of brain tissue.

These are predictions for model axons, not of clinical effect.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from assuage.errors import PlanError
from assuage.head.tissues import BRAIN_NAMES, conductivities
from assuage.techniques.tables import read_table
from assuage.units import S_PER_US

if TYPE_CHECKING:
    from assuage.field.implant import ContactFields
    from assuage.targets import Target

Array = NDArray[np.float64]
Array32 = NDArray[np.float32]
Criterion = Literal["field", "activating_function"]

UNVERIFIED = "from memory, unverified"
"""The level of a number whose source was not read."""
INTERNODE_MM = 0.5
"""Distance of the second difference: about a hundred fibre diameters, of fibres of 3 to 6 um."""
FAR_BELOW = 0.3
"""Where the norm of the second derivatives is below this part of the threshold, the norm stands for the largest one."""
RIM = 2
"""Voxels by which values are carried from the brain into the voxels that the lead cuts."""
SUBPOINTS = 2
"""Points per voxel edge at which membership in a region is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A threshold of activation.

    Attributes
    ----------
    criterion
        "field" or "activating_function".
    value
        V/m or V/m^2.
    pulse_width_s
        For which it holds.
    source, source_level
        Where it comes from and how well that was read.
    warnings
        What must be said wherever it is used.
    """

    criterion: Criterion
    value: float
    pulse_width_s: float
    source: str
    source_level: str
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no threshold."""
        if not (math.isfinite(self.value) and self.value > 0):
            raise PlanError(f"threshold {self.value} of the criterion {self.criterion!r}; give a value above 0")


def threshold(criterion: Criterion, pulse_width_s: float) -> Threshold:
    """Return the threshold of a criterion for a pulse width.

    Raises
    ------
    PlanError
        A pulse width outside the range of the source, or an unknown criterion.
    """
    base, duration = read_table("dbs")["field_threshold"], read_table("dbs")["strength_duration"]
    shortest, longest = duration["shortest_us"] * S_PER_US, duration["longest_us"] * S_PER_US
    if not shortest * (1 - 1e-9) <= pulse_width_s <= longest * (1 + 1e-9):
        raise PlanError(
            f"no threshold for a pulse width of {pulse_width_s / S_PER_US:g} us: the source covers "
            f"{duration['shortest_us']:g} to {duration['longest_us']:g} us; give your own Threshold"
        )
    at, chronaxie = base["pulse_width_us"] * S_PER_US, duration["chronaxie_us"] * S_PER_US
    value = base["value_V_per_m"] * (1 + chronaxie / pulse_width_s) / (1 + chronaxie / at)
    exact = math.isclose(pulse_width_s, at, rel_tol=1e-9)
    level = base["source_level"] if exact else duration["source_level"]
    source = base["source"] if exact else f"{base['source']}; carried to this pulse width by {duration['source']}"
    parts = [(base["pulse_width_source"], base["pulse_width_source_level"])]
    if not exact:
        parts += [(duration[f"{name}source"], duration[f"{name}source_level"]) for name in ("", "range_")]
    warnings = tuple(f"{what} ({how})" for what, how in parts if how == UNVERIFIED)
    if criterion == "field":
        return Threshold(
            criterion="field",
            value=value,
            pulse_width_s=pulse_width_s,
            source=source,
            source_level=level,
            warnings=warnings,
        )
    if criterion != "activating_function":
        raise PlanError(f"criterion {criterion!r} is unknown; use 'field' or 'activating_function'")
    row = read_table("dbs")["activating_function"]
    sigma = conductivities()[row["reference_tissue"]].value
    radius_m = math.sqrt(row["reference_current_A"] / (4 * math.pi * sigma * value))
    return Threshold(
        criterion="activating_function",
        value=value / radius_m,
        pulse_width_s=pulse_width_s,
        source=row["source"],
        source_level=row["source_level"],
        warnings=(*warnings, "the threshold of the activating function is derived, no source for one was read"),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Activation:
    """Tissue activated by one criterion.

    Attributes
    ----------
    threshold
        That was exceeded.
    share
        (nx, ny, nz) activated share of every voxel, float32.
    affine
        (4, 4) of the voxels, mm.
    volume_mm3
        Of all.
    reaches_border
        It touches the faces of the box: the volume is a lower bound.
    """

    threshold: Threshold
    share: Array32 = field(repr=False)
    affine: Array = field(repr=False)
    volume_mm3: float
    reaches_border: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Of an activated volume with a region.

    Attributes
    ----------
    name
        Of the region.
    region_mm3, activated_mm3
        Brain tissue of the region, and what is activated of it.
    fraction
        Activated part of the region.
    dice
        Twice the common volume over the sum of both.
    """

    name: str
    region_mm3: float
    activated_mm3: float
    fraction: float
    dice: float


def brain_share(fields: "ContactFields") -> Array32:
    """Return the share of brain tissue of every voxel of the fine grid, (nx, ny, nz)."""
    tissue = fields.conductor.tissue
    brain = np.isin(tissue.tissues, list(BRAIN_NAMES))
    share = brain[tissue.label].astype(np.float32)
    cut = tissue.block >= 0
    share[cut] = brain[tissue.blocks].mean((1, 2, 3))[tissue.block[cut]]
    return share


def activate(
    fields: "ContactFields", currents_A: Array, limit: Threshold, *, fibres: ArrayLike | None = None
) -> Activation:
    """Return the tissue that currents activate.

    Parameters
    ----------
    fields
        Of the lead.
    currents_A
        (n,) from the contacts into the tissue: cathodes are negative.
    limit
        Criterion and threshold.
    fibres
        Unit vectors along the fibres in world axes, (3,) or (nx, ny, nz, 3), for the activating function
        (`fibre_directions` has those of tensors); None, or 0 in a voxel: the direction in which it is largest.
    """
    if limit.criterion == "field":
        if fibres is not None:
            raise PlanError("the field criterion knows no fibre direction; use the activating function")
        values = _extended(np.linalg.norm(fields.e_V_per_m(currents_A), axis=-1), _labelled_brain(fields), RIM)
    else:
        values = activating_function(fields, currents_A, floor_V_per_m2=FAR_BELOW * limit.value, fibres=fibres)
    inside = brain_share(fields)
    share = part_above(values, limit.value) * inside
    voxel_mm3 = fields.conductor.grid.voxel_mm**3
    rim = np.ones(share.shape, bool)
    rim[1:-1, 1:-1, 1:-1] = False
    return Activation(
        threshold=limit,
        share=share,
        affine=fields.affine,
        volume_mm3=float(share.sum(dtype=np.float64) * voxel_mm3),
        reaches_border=bool((share[rim] > 0).any()),
    )


def part_above(values: Array32, level: float) -> Array32:
    """Return the share of each voxel with values above a level, taking the values as linear within the voxel."""
    spread = sum(np.abs(slope) for slope in np.gradient(values))
    safe = np.maximum(spread, np.float32(1e-6 * level))
    return np.asarray(np.clip(0.5 + (values - level) / safe, 0, 1), np.float32)


def activating_function(
    fields: "ContactFields", currents_A: Array, *, floor_V_per_m2: float = 0.0, fibres: ArrayLike | None = None
) -> Array32:
    """Return the activating function (nx, ny, nz), V/m^2, in the brain of the fine grid; elsewhere 0.

    Parameters
    ----------
    fields, currents_A, fibres
        As for `activate`.
    floor_V_per_m2
        Values below it need not be exact; they stay below it.
    """
    grid = fields.conductor.grid
    step = max(1, round(INTERNODE_MM / grid.voxel_mm))
    centre = _at_centres(fields.phi_V(currents_A))
    usable = ndimage.binary_erosion(_labelled_brain(fields), np.ones((3, 3, 3), bool), iterations=step)
    curvature = _second_differences(centre, step, step * grid.voxel_m)
    values = _largest(curvature, floor_V_per_m2)
    if fibres is not None:
        given = np.asarray(fibres, np.float32)
        length = np.linalg.norm(given, axis=-1)
        if given.shape not in {(3,), (*grid.shape, 3)} or (np.minimum(np.abs(length - 1), length) > 1e-3).any():
            raise PlanError("fibres have to be unit vectors, (3,) or one per voxel of the fine grid")
        direction = np.broadcast_to(given @ grid.axes.astype(np.float32), (*grid.shape, 3))
        along = np.einsum("...i,ij...,...j->...", direction, curvature, direction)
        values = np.where(np.broadcast_to(length > 0.5, grid.shape), along, values)
    return _extended(values, usable, step + RIM)


def fibre_directions(fields: "ContactFields") -> Array32:
    """Return the main axis of the conductor's tensors in every voxel of the fine grid, (nx, ny, nz, 3), world axes.

    0 in tissues without tensors.

    Raises
    ------
    PlanError
        The conductor was made without tensors.
    """
    tensors, tissue = fields.conductor.given_tensors, fields.conductor.tissue
    if not tensors:
        raise PlanError("the conductor has no tensors; make it with tensor_S_per_m, or name the fibres yourself")
    directions = np.zeros((*tissue.label.shape, 3), np.float32)
    for name, values in tensors.items():
        own = tissue.label == tissue.tissues.index(name)
        directions[own] = np.linalg.eigh(values[own])[1][..., -1]
    return directions


def _labelled_brain(fields: "ContactFields") -> NDArray[np.bool_]:
    tissue = fields.conductor.tissue
    return np.asarray(np.isin(tissue.tissues, list(BRAIN_NAMES))[tissue.label])


def _extended(values: NDArray[np.floating[Any]], known: NDArray[np.bool_], voxels: int) -> Array32:
    """Return values carried outwards by some voxels from where they are known: means of the known neighbours."""
    weight = known.astype(np.float32)
    filled = np.where(known, values, 0.0).astype(np.float32)
    for _ in range(voxels):
        around = ndimage.uniform_filter(weight, 3, mode="constant")
        mean = ndimage.uniform_filter(filled, 3, mode="constant") / np.maximum(around, np.float32(1e-6))
        fresh = (weight == 0) & (around > 1e-3)
        filled[fresh] = mean[fresh]
        weight[fresh] = 1
    return filled


def _at_centres(phi: Array) -> Array:
    """Return potentials at the voxel centres, the mean of the corners, from padded nodes."""
    inner = phi[1:-1, 1:-1, 1:-1]
    for axis in range(3):
        low, high = np.moveaxis(inner, axis, 0)[:-1], np.moveaxis(inner, axis, 0)[1:]
        inner = np.moveaxis((low + high) / 2, 0, axis)
    return np.asarray(inner)


def _second_differences(values: Array, step: int, step_m: float) -> Array:
    """Return the second differences (3, 3, nx, ny, nz) over `step` voxels; the border repeats."""
    padded = np.pad(values, step, mode="edge")

    def moved(*by: int) -> Array:
        return padded[tuple(slice(step + b, step + b + n) for b, n in zip(by, values.shape, strict=True))]

    result = np.empty((3, 3, *values.shape))
    for a in range(3):
        ahead = np.eye(3, dtype=int)[a] * step
        result[a, a] = (moved(*ahead) - 2 * values + moved(*-ahead)) / step_m**2
        for b in range(a):
            aside = np.eye(3, dtype=int)[b] * step
            alike = moved(*(ahead + aside)) + moved(*-(ahead + aside))
            unlike = moved(*(ahead - aside)) + moved(*(aside - ahead))
            result[a, b] = result[b, a] = (alike - unlike) / (4 * step_m**2)
    return result


def _largest(tensors: Array, floor: float) -> Array:
    """Return the largest eigenvalue of each tensor, or a value between it and the floor where it is below."""
    norm = np.sqrt((tensors**2).sum((0, 1)))
    values = np.minimum(norm, floor) if floor > 0 else norm.copy()
    where = norm >= floor
    values[where] = np.linalg.eigvalsh(np.moveaxis(tensors[:, :, where], -1, 0))[:, -1]
    return np.asarray(values)


def region_share(fields: "ContactFields", region: "Target") -> Array32:
    """Return the share of every voxel of the fine grid that is brain tissue of a region, (nx, ny, nz)."""
    grid = fields.conductor.grid
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1).reshape(-1, 3).astype(np.float64)
    inside = region.inside(grid.world_mm(index)).reshape(grid.shape)
    near = np.argwhere(ndimage.binary_dilation(inside, np.ones((3, 3, 3), bool)))
    share = np.zeros(grid.shape, np.float32)
    if len(near):
        ticks = (np.arange(SUBPOINTS) + 0.5) / SUBPOINTS - 0.5
        offsets = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), -1).reshape(-1, 3)
        points = grid.world_mm((near[:, None] + offsets).reshape(-1, 3))
        share[tuple(near.T)] = region.inside(points).reshape(len(near), -1).mean(1)
    return np.asarray(share * brain_share(fields))


def overlaps(activation: Activation, fields: "ContactFields", regions: Iterable["Target"]) -> tuple[Overlap, ...]:
    """Return the overlap of an activated volume with each region.

    Parameters
    ----------
    activation, fields
        What is activated, and the fine grid.
    regions
        They may reach beyond the box. Their tissue setting is not used: all brain tissue inside counts.
    """
    voxel_mm3 = fields.conductor.grid.voxel_mm**3
    found = []
    for region in regions:
        share = region_share(fields, region)
        common = float(np.minimum(share, activation.share).sum(dtype=np.float64)) * voxel_mm3
        whole = float(share.sum(dtype=np.float64)) * voxel_mm3 + outside_box_mm3(fields, region)
        found.append(
            Overlap(
                name=region.name,
                region_mm3=whole,
                activated_mm3=common,
                fraction=common / whole,
                dice=2 * common / (whole + activation.volume_mm3),
            )
        )
    return tuple(found)


def outside_box_mm3(fields: "ContactFields", region: "Target") -> float:
    """Return the brain tissue of a region beyond the box of the fine grid, by the head's own voxels.

    Raises
    ------
    TargetError
        A region without brain tissue.
    """
    head = fields.whole
    brain = tuple(sorted(BRAIN_NAMES & set(head.tissues.values())))
    index = np.argwhere(replace(region, tissue=brain).mask_in(head))
    place = fields.conductor.grid.index(index @ head.affine[:3, :3].T + head.affine[:3, 3])
    beyond = ((place < -0.5) | (place >= np.array(fields.conductor.grid.shape) - 0.5)).any(1)
    return float(beyond.sum() * np.prod(head.voxel_mm))
