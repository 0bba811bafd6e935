"""Strength-duration law: its limits, its differential equation, and the numbers it is fed with."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import PlanError
from assuage.techniques.excitation import (
    ExcitationLaw,
    excitation_law,
    published,
    threshold_ect,
    threshold_mst,
    time_constant,
)

LAW = ExcitationLaw(rheobase_V_per_m=27.0, time_constant_s=196e-6, source="test")
WIDTHS = st.floats(1e-5, 5e-2)


def slow_threshold(law, shape, duration_s, steps=20000):
    """Integrate tau dy/dt = f - y by small Euler steps until long after the pulse; return the threshold of the peak."""
    dt, y, peak = duration_s / steps, 0.0, 0.0
    for k in range(steps):
        y += dt / law.time_constant_s * (shape((k + 0.5) * dt) - y)
        peak = max(peak, abs(y))
    return law.rheobase_V_per_m / peak


@given(WIDTHS, WIDTHS)
def test_longer_pulses_need_less(a, b):
    low, high = sorted((a, b))
    assert LAW.rectangular_V_per_m(high) <= LAW.rectangular_V_per_m(low) * (1 + 1e-12)


def test_long_pulse_needs_the_rheobase_and_short_one_a_constant_product():
    assert LAW.rectangular_V_per_m(0.05) == pytest.approx(27.0, rel=1e-9)
    product = 27.0 * 196e-6
    for width in (1e-7, 1e-8):
        assert LAW.rectangular_V_per_m(width) * width == pytest.approx(product, rel=width / 196e-6)


def test_chronaxie_needs_twice_the_rheobase():
    assert LAW.rectangular_V_per_m(LAW.chronaxie_s) == pytest.approx(54.0)


@pytest.mark.parametrize("width_s", [0.1e-3, 0.3e-3, 1.5e-3])
def test_rectangle_solves_the_membrane(width_s):
    assert LAW.rectangular_V_per_m(width_s) == pytest.approx(slow_threshold(LAW, lambda _: 1.0, width_s), rel=1e-3)


@pytest.mark.parametrize("period_s", [0.1e-3, 0.28e-3, 0.37e-3, 5e-3])
def test_sine_solves_the_membrane(period_s):
    slow = slow_threshold(LAW, lambda t: math.cos(2 * math.pi * t / period_s), period_s)
    assert LAW.sine_V_per_m(period_s) == pytest.approx(slow, rel=2e-3)


def test_sine_falls_to_the_rheobase_and_rises_for_short_periods():
    thresholds = [LAW.sine_V_per_m(period) for period in np.geomspace(2e-5, 0.1, 30)]
    assert all(a > b for a, b in pairwise(thresholds))
    assert thresholds[-1] == pytest.approx(27.0, rel=0.02)


def test_thresholds_follow_from_the_rounded_numbers_of_the_abstract():
    """A quotient of rounded numbers lies in an interval; both ends of the published range must hold one value."""

    def interval(field, ratio):
        return (field - 5) / (ratio + 0.05), (field + 5) / (ratio - 0.05)

    for value, ends in (
        (threshold_ect(), ((210.0, 6.2), (250.0, 7.2))),
        (threshold_mst(), ((110.0, 1.2), (220.0, 2.3))),
    ):
        lows, highs = zip(*(interval(*end) for end in ends), strict=True)
        assert value.low == pytest.approx(max(lows), abs=0.1)
        assert value.high == pytest.approx(min(highs), abs=0.1)
        assert value.value == pytest.approx((max(lows) + min(highs)) / 2, abs=0.1)


def test_law_returns_the_threshold_it_was_made_from():
    assert excitation_law().rectangular_V_per_m(0.3e-3) == pytest.approx(threshold_ect().value)


def test_one_law_nearly_predicts_the_other_modality():
    """The MST threshold was not used: 87 V/m at 0.37 ms, 5 % below the interval that the abstract implies."""
    predicted = excitation_law().sine_V_per_m(0.37e-3)
    known = threshold_mst()
    assert 0.9 * known.low <= predicted <= 1.1 * known.high


def test_numbers_carry_their_source():
    for value in (time_constant(), threshold_ect(), threshold_mst()):
        assert value.low <= value.value <= value.high
        assert "doi" in value.source
        assert value.source_level
    assert all(row.low <= row.high and row.source and row.source_level for row in published())


@pytest.mark.parametrize("width_s", [0.0, -1e-3, math.nan, math.inf, 0.3])
def test_refuses_widths_that_are_none(width_s):
    with pytest.raises(PlanError, match="give seconds"):
        LAW.rectangular_V_per_m(width_s)
    with pytest.raises(PlanError, match="give seconds"):
        LAW.sine_V_per_m(width_s)


@pytest.mark.parametrize("field", ["rheobase_V_per_m", "time_constant_s"])
def test_refuses_laws_that_are_none(field):
    with pytest.raises(PlanError, match=field):
        ExcitationLaw(**{"rheobase_V_per_m": 27.0, "time_constant_s": 2e-4, "source": "", field: 0.0})
