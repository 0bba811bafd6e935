"""Montages: what is accepted, what is refused and with which words."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import SourceError
from assuage.sources import Disc, Electrode, Montage, Pad, Ring


def test_names_and_currents_keep_their_order():
    montage = Montage({"F3": 2e-3, "Fp2": -1.5e-3, "Cz": -0.5e-3}, shape=Disc(8.0))
    assert montage.labels == ("F3", "Fp2", "Cz")
    np.testing.assert_array_equal(montage.currents_A, [2e-3, -1.5e-3, -0.5e-3])
    assert all(electrode.shape == Disc(8.0) for electrode in montage.electrodes)


def test_default_is_the_hd_disc():
    assert Montage({"F3": 2e-3, "Fp2": -2e-3}).electrodes[0].shape == Disc(6.0)


def test_shapes_by_name():
    montage = Montage({"F3": 2e-3, "Fp2": -2e-3}, shape={"F3": Disc(6.0), "Fp2": Pad(50, 70)})
    assert montage.electrodes[1].shape == Pad(50, 70)
    with pytest.raises(SourceError, match="no shape for electrode Fp2"):
        Montage({"F3": 2e-3, "Fp2": -2e-3}, shape={"F3": Disc(6.0)})
    with pytest.raises(SourceError, match="shape given for Oz, which carries no current"):
        Montage({"F3": 2e-3, "Fp2": -2e-3}, shape={"F3": Disc(6), "Fp2": Disc(6), "Oz": Disc(6)})


@given(st.lists(st.floats(-1e-2, 1e-2).filter(lambda amps: abs(amps) > 1e-6), min_size=1, max_size=6))
def test_any_currents_that_sum_to_zero_are_accepted_and_others_are_not(currents):
    rest = -math.fsum(currents)
    named = {f"E{k}": amps for k, amps in enumerate([*currents, rest])}
    if abs(rest) > 1e-6:
        assert abs(Montage(named).currents_A.sum()) < 1e-6 * max(map(abs, named.values()))
        named["E0"] += 0.1 * max(map(abs, named.values()))
    with pytest.raises(SourceError):
        Montage(named | {"X": 1e-3})


@pytest.mark.parametrize(
    ("currents", "message"),
    [
        ({"F3": 2e-3, "Fp2": -1.9e-3}, "currents sum to 0.1 mA, not 0"),
        ({"F3": 0.0, "Fp2": 0.0}, "0 of 2 electrodes carry current"),
        ({"F3": 1e-3, "Fp2": 0.0}, "1 of 2 electrodes carry current"),
        ({}, "0 of 0"),
        ({"F3": math.nan, "Fp2": -1e-3}, "electrode F3: current is nan A"),
        ({"F3": math.inf, "Fp2": -math.inf}, "electrode F3: current is inf A"),
    ],
)
def test_currents_that_make_no_circuit_are_refused(currents, message):
    with pytest.raises(SourceError, match=message):
        Montage(currents)


def test_thirds_in_single_precision_are_a_zero_sum():
    third = float(np.float32(2e-3 / 3))
    Montage({"Cz": 2e-3, "F3": -third, "F4": -third, "Pz": -third})


def test_points_are_taken_as_arrays_or_lists():
    montage = Montage.at_points_mm([(0, 0, 90), (60, 0, 60)], [1e-3, -1e-3], radius_mm=5)
    assert montage.electrodes[1].center_mm == (60.0, 0.0, 60.0)
    assert montage.electrodes[0].shape == Disc(5)
    again = Montage.at_points_mm(np.array([[0, 0, 90], [60, 0, 60]]), np.array([1e-3, -1e-3]))
    assert again.electrodes[0].shape == Disc(6)
    assert again.labels[0] == "(0.0, 0.0, 90.0) mm"


@pytest.mark.parametrize(
    ("points", "currents", "message"),
    [
        ([(0, 0, 90), (0, 0, 90)], [1e-3, -1e-3], "are the same point"),
        ([(0, 0, 90), (0, 9, 90)], [1e-3, -1e-3], r"overlap: centres 9.0 mm apart, radii need 12.0 mm"),
        ([(0, 0, 90)], [1e-3, -1e-3], r"must be \(n, 3\)"),
        ([(0, 90), (1, 2)], [1e-3, -1e-3], r"must be \(n, 3\)"),
        ([(0, 0, math.nan), (0, 90, 0)], [1e-3, -1e-3], "three finite numbers"),
    ],
)
def test_impossible_points_are_refused(points, currents, message):
    with pytest.raises(SourceError, match=message):
        Montage.at_points_mm(points, currents)


def test_pads_and_rings_of_sites():
    montage = Montage.pads("F3", "Fp2", current_A=2e-3)
    assert montage.electrodes[0].shape == Pad(50, 70)
    assert Montage.pads("F3", "Fp2", current_A=2e-3, pad=Pad(50, 50)).electrodes[1].current_A == -2e-3
    ring = Montage.four_by_one("C3", ["F3", "Cz", "P3", "T7"], current_A=2e-3)
    np.testing.assert_allclose(ring.currents_A, [2e-3, -5e-4, -5e-4, -5e-4, -5e-4])
    with pytest.raises(SourceError, match="sites repeat"):
        Montage.four_by_one("C3", ["F3", "Cz", "C3"], current_A=2e-3)
    with pytest.raises(SourceError, match="names of the return sites"):
        Montage.four_by_one("C3", "F3", current_A=2e-3)


def test_repeated_names_are_refused():
    electrodes = [Electrode(name="F3", current_A=amps, shape=Disc(6)) for amps in (1e-3, -1e-3)]
    with pytest.raises(SourceError, match="electrode F3 appears more than once"):
        Montage.of(electrodes)


def test_an_electrode_is_somewhere():
    with pytest.raises(SourceError, match="name or center_mm"):
        Electrode(current_A=1e-3, shape=Disc(6))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Disc(0), "Disc radius_mm is 0"),
        (lambda: Disc(math.nan), "Disc radius_mm is nan"),
        (lambda: Pad(50, -7), "Pad height_mm is -7"),
        (lambda: Pad(50, 7000), "Pad height_mm is 7000"),
        (lambda: Pad(50, 70, math.inf), "rotation_deg is inf"),
        (lambda: Ring(6, 6), "must be smaller than outer_mm"),
    ],
)
def test_impossible_shapes_are_refused(make, message):
    with pytest.raises(SourceError, match=message):
        make()


@pytest.mark.parametrize("shape", [Disc(6), Pad(50, 70), Pad(30, 40, 25), Ring(4, 6)])
def test_outline_holds_the_nominal_area(shape):
    u, v = np.meshgrid(np.arange(-50, 50, 0.1) + 0.05, np.arange(-50, 50, 0.1) + 0.05)
    outside = shape.outside_mm(u, v)
    assert (outside < 0).sum() * 0.01 == pytest.approx(shape.area_mm2, rel=0.01)
    slope = np.hypot(*np.gradient(outside, 0.1))
    assert np.quantile(np.abs(slope - 1), 0.97) < 0.02  # a distance grows by 1 mm per mm
    assert np.hypot(u, v)[outside < 0].max() <= shape.reach_mm
