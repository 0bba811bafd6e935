"""Condensed coils: same field in the head, few dipoles."""

import numpy as np
import pytest

from assuage.errors import SourceError
from assuage.sources import Coil, vector_potential_T_m


@pytest.fixture(scope="module")
def figure_of_eight():
    return Coil.figure_of_eight()


def sources_below(coil, depth_mm, seed=0, count=500):
    """Random current dipoles Q in the head; by reciprocity sum m . B_Q = Q . A of the coil."""
    rng = np.random.default_rng(seed)
    low, high = coil.positions_mm.min(0), coil.positions_mm.max(0)
    points = np.column_stack([rng.uniform(low[0], high[0], count), rng.uniform(low[1], high[1], count)])
    points = np.column_stack([points, depth_mm + rng.exponential(15, count)])
    return points, rng.normal(size=(count, 3))


def seen(coil, points, currents):
    return (vector_potential_T_m(points, coil.positions_mm, coil.moments_m2) * currents).sum(1)


def test_figure_of_eight_needs_at_most_300_dipoles(figure_of_eight):
    condensed = figure_of_eight.condensed()
    assert len(condensed.positions_mm) <= 300
    points, currents = sources_below(figure_of_eight, 10.0)
    full = seen(figure_of_eight, points, currents)
    error = seen(condensed, points, currents) - full
    assert np.linalg.norm(error) < 5e-4 * np.linalg.norm(full)
    assert np.abs(error).max() < 2e-3 * np.abs(full).max()
    assert "condensed from" in condensed.notes[-1]
    assert condensed.max_didt_A_per_s == figure_of_eight.max_didt_A_per_s


def test_error_falls_with_depth(figure_of_eight):
    condensed = figure_of_eight.condensed()
    errors = []
    for depth in (10.0, 20.0):
        points, currents = sources_below(figure_of_eight, depth, seed=4)
        full = seen(figure_of_eight, points, currents)
        errors.append(np.linalg.norm(seen(condensed, points, currents) - full) / np.linalg.norm(full))
    assert errors[1] < 0.8 * errors[0]


def test_amplitudes_stay_near_those_of_the_coil(figure_of_eight):
    """Large alternating amplitudes would magnify the rounding of an interpolated field."""
    condensed = figure_of_eight.condensed()
    assert np.abs(condensed.moments_m2).sum() < 6 * np.abs(figure_of_eight.moments_m2).sum()


def test_bent_coil():
    coil = Coil.double_cone(spacing_mm=8.0)
    condensed = coil.condensed(tolerance=2e-3)
    assert len(condensed.positions_mm) < 300
    rng = np.random.default_rng(2)
    points = rng.normal(size=(500, 3))
    points *= (70 / np.linalg.norm(points, axis=1))[:, None]
    points += [0, 0, 90.0]
    a, b = (vector_potential_T_m(points, c.positions_mm, c.moments_m2) for c in (coil, condensed))
    assert np.linalg.norm(a - b) < 2e-3 * np.linalg.norm(a)


def test_looser_tolerance_needs_fewer(figure_of_eight):
    loose, tight = figure_of_eight.condensed(tolerance=1e-2), figure_of_eight.condensed()
    assert len(loose.positions_mm) < len(tight.positions_mm)
    assert figure_of_eight.condensed() is tight


def test_small_coil_is_returned_as_it_is():
    coil = Coil(name="toy", positions_mm=[[30, 0, -5.0], [-30, 0, -5]], moments_m2=[[0, 0, 1e-3], [0, 0, -1e-3]])
    assert coil.condensed() is coil


@pytest.mark.parametrize("tolerance", [0, -1, 2, float("nan")])
def test_impossible_tolerance_is_refused(figure_of_eight, tolerance):
    with pytest.raises(SourceError, match="tolerance is"):
        figure_of_eight.condensed(tolerance=tolerance)
