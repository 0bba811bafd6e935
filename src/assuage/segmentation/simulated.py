"""Simulated people: the embedded head under a random smooth deformation, with a synthetic T1 of known truth.

A point p of the person lies at  q = A p + u(p)  in the embedded head: A a similarity with its own scale along each
axis, u a Gaussian random field smooth over `SMOOTH_MM`. Truth = the embedded head's tissue fractions at q. The T1 is

    I(p) = bias(p) * blur[ sum_t f_t(q) m_t + s r(q) ] + Rician noise,      r = template T1 - sum_t f_t mean_t

so that soft tissue and marrow keep the texture of a real scan, while the tissue contrast m_t, its scale s, the receive
bias, the noise, the blur and the voxel size are drawn anew for every person.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom
from scipy.spatial.transform import Rotation

from assuage.head import Head, load_head
from assuage.head.mni import Warp
from assuage.segmentation.template import trilinear

Float = NDArray[np.float64]
Volume = NDArray[np.float32]

SCALE = (0.86, 1.0)
"""Per axis, person over embedded head; the embedded head is a tenth longer than life (docs/head_colin27.md)."""
ROTATION_DEG = 8.0
SHIFT_MM = 12.0
SMOOTH_MM = 28.0
DISPLACEMENT_MM = 2.5
"""Standard deviation of one component of u."""
GRID_MM = 4.0
CONTRAST = {
    "white_matter": 112.0,
    "grey_matter": 84.0,
    "csf": 42.0,
    "skull": 22.0,
    "scalp": 88.0,
    "eyes": 42.0,
    "air": 9.0,
}
"""Median T1 of each tissue in the embedded scan."""
CONTRAST_SPREAD = 0.08
TEXTURE = (0.7, 1.1)
GAMMA = (0.85, 1.2)
BIAS_SD = 0.12
BIAS_SMOOTH_MM = 60.0
NOISE_SD = (2.0, 5.0)
BLUR_MM = (0.3, 0.7)
VOXEL_MM = ((1.0, 1.0, 1.0), (0.9, 0.9, 0.9), (1.2, 1.0, 1.0), (1.0, 1.0, 1.3))
MARGIN_MM = 8.0
BELOW_MM = (0.0, 20.0)
"""How far the scan reaches below the lower end of the embedded scan."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatedPerson:
    """A person whose anatomy is known.

    Attributes
    ----------
    truth
        Head on its own grid with exact fractions.
    t1
        (nx, ny, nz) float32, the synthetic scan.
    t1_affine
        (4, 4), voxel index of the scan to RAS+ mm.
    to_template
        Person's mm to the embedded head's mm.
    """

    truth: Head
    t1: Volume
    t1_affine: Float
    to_template: Warp

    def from_template(self, points_mm: Float) -> Float:
        """Return where points (n, 3) mm of the embedded head lie in the person, by fixed-point iteration."""
        inverse = np.linalg.inv(self.to_template.linear)
        points = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3)
        found: Float = points @ inverse[:3, :3].T + inverse[:3, 3]
        for _ in range(50):
            missing = points - self.to_template(found)
            found = found + missing @ inverse[:3, :3].T
        return found


def simulated_person(
    seed: int, *, voxel_mm: tuple[float, float, float] | None = None, truth_mm: float = 1.0
) -> SimulatedPerson:
    """Draw one person.

    Parameters
    ----------
    seed
        The same seed gives the same person.
    voxel_mm
        Voxel of the scan; None draws one.
    truth_mm
        Voxel of the true head.
    """
    random = np.random.default_rng(seed)
    template = load_head("colin27")
    warp = _random_warp(random, template)
    low, high = _extent_mm(template, warp)
    truth_affine, truth_shape = _grid(low - MARGIN_MM, high + MARGIN_MM, np.full(3, truth_mm))
    moved = _carried(list(_fractions(template).values()), _index(template, warp, truth_affine, truth_shape))
    fractions = {
        name: np.round(share).astype(np.uint8) for name, share in zip(_fractions(template), moved, strict=True)
    }
    truth = Head.from_labels(
        _largest(fractions),
        truth_affine,
        tissues={number: name for number, name in enumerate(fractions, start=1)},
        name=f"simulated-{seed}",
        fractions=fractions,
    )
    spacing = np.array(voxel_mm or VOXEL_MM[int(random.integers(len(VOXEL_MM)))])
    start = low - MARGIN_MM
    start[2] = _scan_floor_mm(template, warp) - random.uniform(*BELOW_MM)
    t1_affine, shape = _grid(start, high + MARGIN_MM, spacing)
    t1 = _synthetic_t1(random, template, warp, t1_affine, shape)
    person = SimulatedPerson(truth=truth, t1=t1, t1_affine=t1_affine, to_template=warp)
    fiducials = person.from_template(np.array(list(template.fiducials_mm.values())))
    return replace(person, truth=truth.with_fiducials(dict(zip(template.fiducials_mm, fiducials, strict=True))))


def _random_warp(random: np.random.Generator, template: Head) -> Warp:
    """Draw q = A p + u(p) on a coarse grid of the person's space."""
    scale = random.uniform(*SCALE, size=3)
    turn = Rotation.from_euler("xyz", random.uniform(-ROTATION_DEG, ROTATION_DEG, 3), degrees=True).as_matrix()
    linear = np.eye(4)
    linear[:3, :3] = np.diag(1.0 / scale) @ turn
    linear[:3, 3] = random.uniform(-SHIFT_MM, SHIFT_MM, 3)
    corners = _corners(template.labels.shape) @ template.affine[:3, :3].T + template.affine[:3, 3]
    inverse = np.linalg.inv(linear)
    box = corners @ inverse[:3, :3].T + inverse[:3, 3]
    grid_affine, shape = _grid(box.min(0) - 20, box.max(0) + 20, np.full(3, GRID_MM))
    field = np.stack([_smooth_noise(random, shape, SMOOTH_MM / GRID_MM) * DISPLACEMENT_MM for _ in range(3)], -1)
    return Warp(linear=linear, displacement_mm=field.astype(np.float32), grid_affine=grid_affine)


def _smooth_noise(random: np.random.Generator, shape: tuple[int, ...], sigma: float) -> Float:
    """Return a Gaussian random field of unit variance."""
    pad = int(3 * sigma)
    noise = gaussian_filter(random.standard_normal([n + 2 * pad for n in shape]), sigma, mode="wrap")
    inner = noise[tuple(slice(pad, -pad) for _ in shape)]
    return np.asarray(inner / noise.std(), dtype=np.float64)


def _grid(low: Float, high: Float, spacing: Float) -> tuple[Float, tuple[int, int, int]]:
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = low
    nx, ny, nz = (int(n) for n in np.ceil((high - low) / spacing) + 1)
    return affine, (nx, ny, nz)


def _corners(shape: tuple[int, ...]) -> Float:
    return np.array([[i, j, k] for i in (0, shape[0]) for j in (0, shape[1]) for k in (0, shape[2])], dtype=np.float64)


def _extent_mm(template: Head, warp: Warp) -> tuple[Float, Float]:
    """Return the corners of the person's box: where the template's head lands, found on the coarse grid."""
    if warp.grid_affine is None or warp.displacement_mm is None:  # a drawn warp always has them
        raise AssertionError
    affine, shape = warp.grid_affine, warp.displacement_mm.shape[:3]
    inside = _carried([template.inside_fraction()], _index(template, warp, affine, shape))[0] > 0.05
    found = np.argwhere(inside) @ affine[:3, :3].T + affine[:3, 3]
    return found.min(0), found.max(0)


def _scan_floor_mm(template: Head, warp: Warp) -> float:
    """Return the height at which the person's counterpart of the embedded scan ends."""
    cut = float(template.metadata["neck_extension"]["cut_z_mm"])
    inverse = np.linalg.inv(warp.linear)
    return float((inverse @ np.array([0.0, -20.0, cut, 1.0]))[2])


def _index(template: Head, warp: Warp, affine: Float, shape: tuple[int, ...]) -> Volume:
    """Return the template's voxel index at every voxel of a grid of the person, (3, nx, ny, nz)."""
    inverse = np.linalg.inv(template.affine)
    result = np.empty((3, *shape), dtype=np.float32)
    plane = np.stack(np.meshgrid(*(np.arange(n) for n in shape[1:]), indexing="ij"), -1).reshape(-1, 2)
    for i in range(shape[0]):
        moved = warp(np.column_stack([np.full(len(plane), i), plane]) @ affine[:3, :3].T + affine[:3, 3])
        result[:, i] = (moved @ inverse[:3, :3].T + inverse[:3, 3]).T.reshape(3, *shape[1:])
    return result


def _carried(volumes: list[NDArray[Any]], at: Volume) -> Volume:
    """Return template volumes at indices (3, ...), (n, ...)."""
    moved: Volume = trilinear(np.ascontiguousarray(np.stack(volumes, -1), dtype=np.float32), at)
    return moved


def _fractions(template: Head) -> dict[str, NDArray[np.uint8]]:
    if template.fractions is None:  # the embedded head always has them
        raise AssertionError
    return template.fractions


def _largest(fractions: dict[str, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    stack = np.stack([np.zeros_like(next(iter(fractions.values()))), *fractions.values()])
    stack[0] = 255 - np.minimum(stack[1:].sum(0, dtype=np.uint16), 255).astype(np.uint8)
    return np.asarray(stack.argmax(0), dtype=np.uint8)


def _synthetic_t1(
    random: np.random.Generator, template: Head, warp: Warp, affine: Float, shape: tuple[int, int, int]
) -> Volume:
    """Return the scan on its own grid; it is computed at 1 mm or finer and averaged down by the blur."""
    assert template.t1 is not None
    parts = {name: share.astype(np.float32) / np.float32(255) for name, share in _fractions(template).items()}
    expected = sum(part * np.float32(CONTRAST[name]) for name, part in parts.items())
    texture = np.where(template.t1 > 0, template.t1.astype(np.float32) - expected, np.float32(0))
    *shares, grain = _carried([*parts.values(), texture], _index(template, warp, affine, shape))
    means = [CONTRAST[name] * (1 + CONTRAST_SPREAD * random.standard_normal()) for name in parts]
    clean: Volume = np.tensordot(np.array(means, np.float32), np.stack(shares), 1)
    clean += random.uniform(*TEXTURE) * grain
    top = CONTRAST["white_matter"]
    clean = np.asarray(np.maximum(clean, 0) / top, dtype=np.float32)
    clean = np.asarray(top * clean ** random.uniform(*GAMMA), dtype=np.float32)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    blur_mm = random.uniform(*BLUR_MM)
    clean = np.asarray(gaussian_filter(clean, np.hypot(blur_mm, 0.3 * spacing) / spacing), dtype=np.float32)
    coarse = [max(4, int(n * s / 8)) for n, s in zip(shape, spacing, strict=True)]
    bias = _smooth_noise(random, tuple(coarse), BIAS_SMOOTH_MM / 8)
    bias = zoom(bias, [n / m for n, m in zip(shape, coarse, strict=True)], order=1, grid_mode=True, mode="nearest")
    clean *= np.exp(BIAS_SD * bias).astype(np.float32)
    noise = random.uniform(*NOISE_SD)
    real = clean + np.float32(noise) * random.standard_normal(shape, dtype=np.float32)
    imaginary = np.float32(noise) * random.standard_normal(shape, dtype=np.float32)
    scan: Volume = np.hypot(real, imaginary)
    return scan * np.float32(random.uniform(2.0, 8.0))
