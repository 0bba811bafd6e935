"""Parametric coils: from turns of copper to magnetic dipoles.

A flat winding of circular turns with current I is, outside its copper, a disc of dipoles along its axis with density

    n(r) I,    n(r) = number of turns that enclose radius r    (a turn of width w counts linearly across its copper)

The disc is replaced by rings of dipoles. Their radii and weights are the Gauss quadrature of the weight n in u = r^2,

    integral n(r) f(r^2) 2 pi r dr  =  sum_q  w_q f(r_q^2),

exact for polynomials f up to degree 2 Q - 1 (nodes from the Jacobi matrix, Golub & Welsch 1969, Math Comp 23:221-230);
the azimuthal mean of any outer field is such a series in r^2. The total moment, sum w_q = sum over turns of the
enclosed area, is exact. Across the height of the copper the same with Gauss-Legendre nodes.

| symbol | meaning | unit |
|---|---|---|
| r, u | radius in the wing, its square | mm, mm^2 |
| n | turns around r | 1 |
| r_q, w_q | ring radius, ring moment per ampere | mm, mm^2 |

Geometry and its source stand in `data/coils.toml`.
"""

import math
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.errors import SourceError
from assuage.sources.coil import Coil
from assuage.units import M_PER_MM

Float = NDArray[np.float64]

PIECE_NODES = 8
"""Gauss nodes per piece of n(r) when the moments of the weight are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Concentric circular turns in one plane.

    Attributes
    ----------
    turns
        Number of turns, evenly spaced.
    inner_radius_mm, outer_radius_mm
        Edges of the copper.
    wire_width_mm, wire_height_mm
        Section of the copper, in the plane and across it.
    offset_mm
        Distance of the copper from the coil face.
    """

    turns: int
    inner_radius_mm: float
    outer_radius_mm: float
    wire_width_mm: float
    wire_height_mm: float
    offset_mm: float

    def __post_init__(self) -> None:
        """Check that the turns fit."""
        lengths = (self.inner_radius_mm, self.outer_radius_mm, self.wire_width_mm, self.wire_height_mm)
        if self.turns < 1 or int(self.turns) != self.turns:
            raise SourceError(f"a winding needs a whole number of turns, got {self.turns}")
        if not all(math.isfinite(length) and length > 0 for length in lengths) or self.offset_mm < 0:
            raise SourceError(f"winding lengths must be positive millimetres and the offset not negative, got {self}")
        room = self.outer_radius_mm - self.inner_radius_mm
        if room < self.turns * self.wire_width_mm * (1 - 1e-9):
            raise SourceError(
                f"{self.turns} turns of {self.wire_width_mm:g} mm copper do not fit between radii "
                f"{self.inner_radius_mm:g} and {self.outer_radius_mm:g} mm; use fewer turns or thinner copper"
            )

    @property
    def turn_radii_mm(self) -> Float:
        """(turns,) radius of the middle of each turn."""
        half = self.wire_width_mm / 2
        if self.turns == 1:
            return np.array([(self.inner_radius_mm + self.outer_radius_mm) / 2])
        return np.linspace(self.inner_radius_mm + half, self.outer_radius_mm - half, self.turns)


def build(kind: str, *, spacing_mm: float, wing_tilt_deg: float | None = None, **changes: float | None) -> Coil:
    """Build a parametric coil.

    Parameters
    ----------
    kind
        Table of `coils.toml`: figure_of_eight, circular, double_cone.
    spacing_mm
        Distance of neighbouring dipoles.
    wing_tilt_deg
        Angle by which each wing is bent towards the head; None: that of the table.
    changes
        Fields of `Layer` to replace; a changed winding loses name, source and maximum dI/dt of the table.
    """
    if not (math.isfinite(spacing_mm) and spacing_mm > 0):
        raise SourceError(f"spacing_mm is {spacing_mm}; give a positive distance in mm, e.g. 4")
    entry = _table()[kind]
    tilt = float(entry["wing_tilt_deg"]) if wing_tilt_deg is None else wing_tilt_deg
    if not 0 <= tilt < 90:
        raise SourceError(f"wing_tilt_deg is {tilt}; wings bend towards the head by 0 to 90 degrees")
    wanted: dict[str, Any] = {key: value for key, value in changes.items() if value is not None}
    layers = [replace(Layer(**layer), **wanted) for layer in entry["layers"]]
    center = float(entry["wing_center_mm"])
    if center and "outer_radius_mm" in wanted:
        center = max(layer.outer_radius_mm for layer in layers)
    parts = [_wing(layer, center, spacing_mm) for layer in layers]
    positions, moments = (np.concatenate([part[k] for part in parts]) for k in (0, 1))
    if center:
        positions, moments = _two_wings(positions, moments, math.radians(tilt))
    changed = bool(wanted) or tilt != float(entry["wing_tilt_deg"])
    return Coil(
        name=f"{kind.replace('_', ' ')} (own winding)" if changed else str(entry["name"]),
        positions_mm=positions,
        moments_m2=moments,
        max_didt_A_per_s=None if changed else entry.get("max_didt_A_per_s"),
        origin="parametric, geometry given by the user" if changed else f"{entry['source']} ({entry['source_level']})",
    )


@cache
def _table() -> dict[str, Any]:
    text = files("assuage.sources").joinpath("data", "coils.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _wing(layer: Layer, center_mm: float, spacing_mm: float) -> tuple[Float, Float]:
    """Return positions (n, 3) and moments (n, 3) of one winding around (center_mm, 0), axis +z."""
    radii, areas = ring_quadrature(layer, math.ceil(layer.outer_radius_mm / spacing_mm) + 1)
    levels, shares = np.polynomial.legendre.leggauss(max(2, math.ceil(layer.wire_height_mm / spacing_mm)))
    heights = -layer.offset_mm - layer.wire_height_mm / 2 * (1 + levels)
    positions, moments = [], []
    for number, (radius, area) in enumerate(zip(radii, areas, strict=True)):
        count = max(6, math.ceil(2 * math.pi * radius / spacing_mm))
        angle = 2 * math.pi * (np.arange(count) + (number % 2) / 2) / count
        ring = np.stack([center_mm + radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        for height, share in zip(heights, shares / 2, strict=True):
            positions.append(np.column_stack([ring, np.full(count, height)]))
            moments.append(np.full(count, area * M_PER_MM**2 * share / count))
    axial = np.concatenate(moments)
    return np.concatenate(positions), np.column_stack([np.zeros((len(axial), 2)), axial])


def _two_wings(positions: Float, moments: Float, tilt: float) -> tuple[Float, Float]:
    """Bend the wing at +x towards the head and add its mirror image, whose current runs the other way round."""
    turn = np.array([[math.cos(tilt), 0, -math.sin(tilt)], [0, 1, 0], [math.sin(tilt), 0, math.cos(tilt)]])
    right, axis = positions @ turn.T, moments @ turn.T
    return np.concatenate([right, right * [-1, 1, 1]]), np.concatenate([axis, axis * [1, -1, -1]])


def ring_quadrature(layer: Layer, count: int) -> tuple[Float, Float]:
    """Return radii (count,) in mm and moments per ampere (count,) in mm^2 of the rings that replace the turns.

    Lanczos with full orthogonalisation on a fine quadrature of the weight, then the Jacobi matrix.
    """
    half = layer.wire_width_mm / 2
    edges = np.unique(np.concatenate([[0.0], layer.turn_radii_mm - half, layer.turn_radii_mm + half]))
    x, w = np.polynomial.legendre.leggauss(PIECE_NODES)
    low, high = edges[:-1, None], edges[1:, None]
    r = (low + (high - low) * (1 + x) / 2).ravel()
    enclosing = np.clip((layer.turn_radii_mm[:, None] + half - r) / layer.wire_width_mm, 0, 1).sum(0)
    weight = (((high - low) * w / 2).ravel()) * enclosing * 2 * math.pi * r
    u = (r / layer.outer_radius_mm) ** 2
    basis = np.zeros((count + 1, len(r)))
    basis[0] = np.sqrt(weight / weight.sum())
    diagonal, beside = np.zeros(count), np.zeros(count)
    for k in range(count):
        following = u * basis[k]
        diagonal[k] = basis[k] @ following
        for _ in range(2):
            following -= basis[: k + 1].T @ (basis[: k + 1] @ following)
        beside[k] = np.linalg.norm(following)
        basis[k + 1] = following / beside[k]
    jacobi = np.diag(diagonal) + np.diag(beside[:-1], 1) + np.diag(beside[:-1], -1)
    nodes, vectors = np.linalg.eigh(jacobi)
    return layer.outer_radius_mm * np.sqrt(np.maximum(nodes, 0)), vectors[0] ** 2 * weight.sum()
