"""The matrix of a plan: what every technique can do for every region of a circuit."""

from assuage.circuits import Circuit
from assuage.plan import regions
from assuage.plan.describe import number
from assuage.plan.records import Matrix, MatrixCell


def matrix_cell(
    technique: str,
    region: str,
    *,
    best_V_per_m: float,
    reference_V_per_m: float,
    stronger_elsewhere: float,
    proposed_V_per_m: float,
) -> MatrixCell:
    """Return what a technique can do for a region, and what the plan's proposal does there.

    Parameters
    ----------
    technique, region
        By key.
    best_V_per_m, reference_V_per_m
        The best dose in the region and in the reference cortex.
    stronger_elsewhere
        Share of the region's tissue in the head that then gets more.
    proposed_V_per_m
        What the proposal of the plan gives there.
    """
    share = best_V_per_m / reference_V_per_m
    return MatrixCell(
        technique=technique,
        region=region,
        best_V_per_m=number(best_V_per_m),
        relative_to_reference=number(share),
        stronger_elsewhere=number(stronger_elsewhere),
        reached=regions.is_reached(share, stronger_elsewhere),
        proposed_V_per_m=number(proposed_V_per_m),
    )


def circuit_matrix(circuit: Circuit, cells: list[MatrixCell]) -> Matrix:
    """Return the matrix of a circuit, with what its ratios mean."""
    return Matrix(
        criterion=regions.CRITERION,
        reference=regions.REFERENCE_NAME,
        threshold=regions.DOSE_SHARE,
        selectivity_threshold=regions.STRONGER_SHARE,
        cells=tuple(cells),
        reached_by_none=regions.reached_by_none(cells),
        without_centroid=tuple(region.key for region in circuit.without_centroid),
    )
