"""Parametric coils against the closed form of circular current loops (complete elliptic integrals)."""

import math

import numpy as np
import pytest
from scipy.special import ellipe, ellipk

from assuage.errors import SourceError
from assuage.sources import Coil, vector_potential_T_m
from assuage.sources.windings import Layer, ring_quadrature

FIGURE_OF_EIGHT = Layer(turns=9, inner_radius_mm=26, outer_radius_mm=44, wire_width_mm=1, wire_height_mm=7, offset_mm=3)


def loop_potential(points, radius_mm, center_mm):
    """A of 1 A around a circle about the z axis (Jackson, Classical Electrodynamics, section 5.5)."""
    d = (points - center_mm) * 1e-3
    rho, z, a = np.hypot(d[:, 0], d[:, 1]), d[:, 2], radius_mm * 1e-3
    k2 = 4 * a * rho / ((a + rho) ** 2 + z**2)
    size = 4e-7 / np.sqrt(k2) * np.sqrt(a / rho) * ((1 - k2 / 2) * ellipk(k2) - ellipe(k2))
    return (size / rho)[:, None] * np.stack([-d[:, 1], d[:, 0], np.zeros(len(d))], axis=1)


def winding_potential(points, layer, center_x):
    """A of turns with uniform current over their section."""
    heights, shares = np.polynomial.legendre.leggauss(5)
    total = np.zeros_like(points)
    for turn in layer.turn_radii_mm:
        for x, w in zip(heights, shares / 2, strict=True):
            for across, part in ((-1, 0.5), (1, 0.5)):
                radius = turn + across * layer.wire_width_mm / math.sqrt(12)
                center = [center_x, 0, -layer.offset_mm - layer.wire_height_mm * (1 + x) / 2]
                total += w * part * loop_potential(points, radius, center)
    return total


@pytest.mark.parametrize(("depth_mm", "tolerance"), [(4, 2e-3), (6, 3e-4), (15, 3e-5), (100, 1e-5)])
def test_figure_of_eight_is_that_of_circular_turns(depth_mm, tolerance):
    rng = np.random.default_rng(depth_mm)
    points = np.column_stack([rng.uniform(-95, 95, 300), rng.uniform(-50, 50, 300), np.full(300, float(depth_mm))])
    expected = winding_potential(points, FIGURE_OF_EIGHT, 44.0) - winding_potential(points, FIGURE_OF_EIGHT, -44.0)
    coil = Coil.figure_of_eight()
    error = vector_potential_T_m(points, coil.positions_mm, coil.moments_m2) - expected
    assert np.linalg.norm(error, axis=1).max() < tolerance * np.linalg.norm(expected, axis=1).max()


def test_circular_coil_is_that_of_circular_turns():
    coil = Coil.circular(
        turns=3, inner_radius_mm=20, outer_radius_mm=30, wire_width_mm=2, wire_height_mm=4, offset_mm=5
    )
    layer = Layer(turns=3, inner_radius_mm=20, outer_radius_mm=30, wire_width_mm=2, wire_height_mm=4, offset_mm=5)
    points = np.random.default_rng(3).uniform(-40, 40, (100, 3)) * [1, 1, 0] + [0.1, 0, 8]
    expected = winding_potential(points, layer, 0.0)
    error = vector_potential_T_m(points, coil.positions_mm, coil.moments_m2) - expected
    assert np.abs(error).max() < 2e-4 * np.abs(expected).max()


def test_total_moment_is_the_enclosed_area():
    """Mean of pi r^2 over the copper of each turn: pi (a^2 + w^2 / 12)."""
    turns = FIGURE_OF_EIGHT.turn_radii_mm
    expected = math.pi * (turns**2 + FIGURE_OF_EIGHT.wire_width_mm**2 / 12).sum()
    _, areas = ring_quadrature(FIGURE_OF_EIGHT, 7)
    np.testing.assert_allclose(areas.sum(), expected, rtol=1e-12)
    coil = Coil.figure_of_eight()
    right = coil.positions_mm[:, 0] > 0
    np.testing.assert_allclose(coil.moments_m2[right].sum(0), [0, 0, expected * 1e-6], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(coil.moments_m2.sum(0), 0, atol=1e-12)


def test_total_moment_of_the_published_reference_coil():
    """One dipole per wing of Stenroos & Koponen 2019 (make_coil_moment.m, first row): 0.0354896 m^2."""
    coil = Coil.figure_of_eight()
    assert coil.moments_m2[coil.positions_mm[:, 0] > 0, 2].sum() == pytest.approx(0.0354895669, rel=1e-6)


@pytest.mark.parametrize("degree", [0, 1, 2, 5, 9])
def test_ring_quadrature_is_exact_for_polynomials_in_r_squared(degree):
    radii, areas = ring_quadrature(FIGURE_OF_EIGHT, 5)
    r = np.linspace(0, 44, 400_001)
    middle = (r[1:] + r[:-1]) / 2
    turns = FIGURE_OF_EIGHT.turn_radii_mm
    enclosing = np.clip(turns[:, None] + 0.5 - middle, 0, 1).sum(0)
    expected = (enclosing * 2 * math.pi * middle * (middle / 44) ** (2 * degree)).sum() * (r[1] - r[0])
    assert (areas * (radii / 44) ** (2 * degree)).sum() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("coil", [Coil.figure_of_eight(), Coil.double_cone()], ids=lambda coil: coil.name)
def test_rising_current_drives_e_away_from_the_handle(coil):
    """The handle is at -y: E under the centre points to +y while the current rises; the wings mirror each other."""
    points = np.array([[0, 0, 15.0], [25, 10, 20], [-25, 10, 20]])
    e_primary = -vector_potential_T_m(points, coil.positions_mm, coil.moments_m2)
    assert e_primary[0, 1] > 0
    assert abs(e_primary[0, 0]) < 1e-9 * e_primary[0, 1]
    np.testing.assert_allclose(e_primary[2], e_primary[1] * [-1, 1, 1], rtol=1e-9, atol=1e-15)


def test_wings_bend_towards_the_head():
    flat, bent = Coil.figure_of_eight(), Coil.double_cone()
    assert flat.positions_mm[:, 2].max() < -3
    outer = np.abs(bent.positions_mm[:, 0]).argmax()
    assert bent.positions_mm[outer, 2] > 20
    assert bent.positions_mm[np.abs(bent.positions_mm[:, 0]) < 5, 2].max() < 5


def test_own_winding_loses_the_published_source():
    coil = Coil.figure_of_eight(turns=5)
    assert coil.max_didt_A_per_s is None
    assert "user" in coil.origin
    assert Coil.figure_of_eight().max_didt_A_per_s == pytest.approx(114.73e6)
    assert "Thielscher" in Coil.figure_of_eight().origin


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"turns": 30}, "do not fit"),
        ({"turns": 0}, "whole number of turns"),
        ({"inner_radius_mm": -1}, "positive millimetres"),
        ({"spacing_mm": 0}, "spacing_mm is 0"),
        ({"wing_tilt_deg": 95}, "wing_tilt_deg is 95"),
    ],
)
def test_impossible_windings_are_refused(changes, message):
    with pytest.raises(SourceError, match=message):
        Coil.figure_of_eight(**changes)
