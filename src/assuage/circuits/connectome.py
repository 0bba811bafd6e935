"""How strongly a stimulated place is coupled to the regions of each circuit in a group connectome.

    a_p(x)   share of the cortical vertices within `RADIUS_MM` of a point x that belong to parcel p, sum 1
    z_pq     group connectivity of parcels p and q, Fisher z, off the diagonal
    z(x, y)  sum over p, q of a_p(x) a_q(y) z_pq, without pairs of a parcel with itself
    R_D(x)   mean of z(x, y) over the regions y of domain D, by their weights of evidence (`weights`)

A region that shares more than half of its cortex with x is the stimulated place itself and is left out, as are regions
below the cortex. The rank of R_D(x) among all parcels says whether the place is coupled to the circuit more than
cortex at large. Coupling at rest in healthy adults is no effect of stimulation.

The connectome is that of `brainspace` (BSD-3; group average of Human Connectome Project data, Vos de Wael et al. 2018,
10.1073/pnas.1803667115; Schaefer parcels), read from the installed package and never copied; or any other in the same
two tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.circuits.circuits import Region
from assuage.circuits.weights import CircuitEvidence
from assuage.errors import DataError

Float = NDArray[np.float64]

RADIUS_MM = 10.0
SAME_SHARE = 0.5
BELOW_CORTEX = frozenset(
    {
        "amygdala",
        "caudate",
        "hippocampus",
        "nucleus accumbens",
        "periaqueductal grey",
        "putamen",
        "thalamus",
        "ventral striatum",
    }
)
"""A connectome of cortical parcels knows nothing of these; the cortex nearest to one is another place."""
PARCELS = 400
PACKAGE = "brainspace"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Connectome:
    """Group connectivity of cortical parcels.

    Attributes
    ----------
    vertices_mm
        (v, 3) cortex in MNI152, mm.
    parcel_of
        (v,) parcel of each vertex, 0 to n - 1; -1 for the medial wall.
    fisher_z
        (n, n) with a zero diagonal.
    source
        What it is and where it came from.
    """

    vertices_mm: Float
    parcel_of: NDArray[np.int64]
    fisher_z: Float
    source: str

    def shares(self, point_mm: Sequence[float]) -> Float | None:
        """Return the parcels' shares (n,) of the cortex about an MNI point, or None where there is no cortex."""
        near = np.linalg.norm(self.vertices_mm - np.asarray(point_mm, dtype=np.float64), axis=1) <= RADIUS_MM
        parcels = self.parcel_of[near & (self.parcel_of >= 0)]
        if not len(parcels):
            return None
        return np.bincount(parcels, minlength=len(self.fisher_z)) / len(parcels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How a place is coupled to a domain.

    Attributes
    ----------
    domain
        Of the circuit.
    r
        Weighted mean correlation.
    rank
        Share of parcels of the cortex that are coupled less.
    through
        Regions that it rests on.
    without
        Regions left out: below the cortex, without a centroid, or the stimulated place itself.
    """

    domain: str
    r: float
    rank: float
    through: tuple[str, ...]
    without: tuple[str, ...]


def network_reach(
    connectome: Connectome, circuits: Sequence[CircuitEvidence], point_mm: Sequence[float]
) -> tuple[Reach, ...] | None:
    """Return the reach of an MNI point in every circuit that has cortex to compare; None where the point has none."""
    here = connectome.shares(point_mm)
    if here is None:
        return None
    found = [_reach(connectome, circuit, here) for circuit in circuits]
    return tuple(reach for reach in found if reach is not None)


def _reach(connectome: Connectome, circuit: CircuitEvidence, here: Float) -> Reach | None:
    through, without, weights, places = [], [], [], []
    for item in circuit.regions:
        place = _place(connectome, item.region)
        if place is None or np.minimum(place, here).sum() > SAME_SHARE:
            without.append(item.region.label)
            continue
        through.append(item.region.label)
        weights.append(item.weight.mean)
        places.append(place)
    if not through:
        return None
    wanted = np.average(places, axis=0, weights=weights) @ connectome.fisher_z
    ours = float(here @ wanted)
    return Reach(
        domain=circuit.circuit.domain,
        r=float(np.tanh(ours)),
        rank=float((wanted < ours).mean()),
        through=tuple(through),
        without=tuple(without),
    )


def _place(connectome: Connectome, region: Region) -> Float | None:
    if region.mni_mm is None or region.name in BELOW_CORTEX:
        return None
    return connectome.shares(region.mni_mm)


def packaged_connectome() -> Connectome:
    """Return the group connectome of `brainspace`.

    Raises
    ------
    DataError
        The package is not installed, or its files are not those that are expected.
    """
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise DataError(
            f"the group connectome comes with the package {PACKAGE}, which is not installed; run: "
            'pip install "assuage[connectome]"'
        )
    folder = Path(spec.origin).parent / "datasets"
    try:
        sides = [nib.load(folder / "surfaces" / f"conte69_32k_{side}.gii").darrays[0].data for side in ("lh", "rh")]
        labels = _numbers(folder / "parcellations" / f"schaefer_{PARCELS}_conte69.csv").ravel()
        matrix = _numbers(folder / "matrices" / "main_group" / f"schaefer_{PARCELS}_mean_connectivity_matrix.csv")
    except (OSError, ValueError) as error:
        raise DataError(f"{folder} is not as expected ({error}); install {PACKAGE} 0.3") from None
    return connectome_of(
        np.vstack(sides),
        labels.astype(np.int64) - 1,
        matrix,
        source=f"brainspace, Schaefer {PARCELS}, HCP group average",
    )


def connectome_of(vertices_mm: Float, parcel_of: NDArray[np.int64], r: Float, *, source: str) -> Connectome:
    """Make a connectome of vertices (v, 3), their parcels (v,) and correlations (n, n).

    Raises
    ------
    DataError
        Shapes that do not fit, an asymmetric matrix, or values that are no correlations.
    """
    count = len(r)
    if r.shape != (count, count) or len(parcel_of) != len(vertices_mm) or parcel_of.max() != count - 1:
        raise DataError(
            f"{source}: {r.shape} correlations, {len(vertices_mm)} vertices, parcels up to {parcel_of.max() + 1}; "
            "give one matrix row for each parcel and one parcel for each vertex"
        )
    if not np.allclose(r, r.T, atol=1e-6) or not (np.abs(r) <= 1 + 1e-9).all():
        raise DataError(f"{source}: the matrix is not symmetric, or holds values beyond -1 to 1; give correlations")
    clipped = np.clip(r, -0.999, 0.999)
    np.fill_diagonal(clipped, 0.0)
    return Connectome(
        vertices_mm=np.asarray(vertices_mm, dtype=np.float64),
        parcel_of=parcel_of,
        fisher_z=np.arctanh(clipped),
        source=source,
    )


def _numbers(path: Path) -> Float:
    return np.loadtxt(path, delimiter=",", dtype=np.float64)
