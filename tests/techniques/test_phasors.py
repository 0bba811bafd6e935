"""Oscillating fields: the closed form of the amplitude against a cycle in small steps; what phases may not change."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assuage.techniques.phasors import (
    at_peak,
    largest_amplitude,
    phase_deg,
    phase_difference_deg,
    phasor,
    wrapped_deg,
)

STEPS = 4000
seeds = st.integers(0, 10**6)
angles = st.floats(-720, 720)


def field(seed, n=5):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3)) + 1j * rng.normal(size=(n, 3)) * 10 ** rng.uniform(-3, 1)


def over_a_cycle(E):
    wt = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    return (E * np.exp(1j * wt)[:, None, None]).real


@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_amplitude_is_the_largest_of_a_cycle(seed):
    E = field(seed)
    sizes = np.linalg.norm(over_a_cycle(E), axis=-1).max(0)
    found = largest_amplitude(E)
    assert (found >= sizes * (1 - 1e-12)).all()
    np.testing.assert_allclose(found, sizes, rtol=2e-6)


@given(seed=seeds)
@settings(max_examples=40, deadline=None)
def test_the_peak_is_an_instant_of_the_cycle(seed):
    E = field(seed)
    peak = at_peak(E)
    np.testing.assert_allclose(np.linalg.norm(peak, axis=-1), largest_amplitude(E), rtol=1e-9)
    nearest = np.linalg.norm(over_a_cycle(E) - peak, axis=-1).min(0)
    assert (nearest <= 2 * np.pi / STEPS * np.linalg.norm(E, axis=-1)).all()


@given(seed=seeds, turn=angles)
@settings(max_examples=40, deadline=None)
def test_a_common_phase_changes_no_amplitude_and_no_difference(seed, turn):
    E = field(seed)
    turned = E * phasor(1.0, turn)
    np.testing.assert_allclose(largest_amplitude(turned), largest_amplitude(E), rtol=1e-9)
    before, after = phase_difference_deg(E[0, 0], E[1, 1]), phase_difference_deg(turned[0, 0], turned[1, 1])
    assert abs(wrapped_deg(after - before)) < 1e-6


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_real_field_keeps_its_size(seed):
    E = field(seed).real
    np.testing.assert_allclose(largest_amplitude(E), np.linalg.norm(E, axis=-1), rtol=1e-9)


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_amplitude_is_a_norm_and_never_below_that_of_a_component(seed):
    E, F = field(seed), field(seed + 1)
    assert (largest_amplitude(E + F) <= largest_amplitude(E) + largest_amplitude(F) + 1e-12).all()
    np.testing.assert_allclose(largest_amplitude(-3 * E), 3 * largest_amplitude(E))
    d = np.random.default_rng(seed).normal(size=3)
    d /= np.linalg.norm(d)
    assert (np.abs(E @ d) <= largest_amplitude(E) * (1 + 1e-12)).all()
    np.testing.assert_allclose(np.abs(E @ d), over_a_cycle(E).dot(d).max(0), rtol=2e-6)


@given(amplitude=st.floats(1e-3, 1e3), first=angles, lead=st.floats(-179, 179))
def test_phases_come_back(amplitude, first, lead):
    z = phasor(amplitude, first)
    assert abs(wrapped_deg(phase_deg(z) - first)) < 1e-8
    assert phase_difference_deg(z, phasor(1.0, first + lead)) == pytest.approx(lead, abs=1e-8)


def test_a_circular_field_has_the_same_size_all_the_time():
    E = np.array([1.0, 1j, 0.0])
    assert largest_amplitude(E) == pytest.approx(1.0)
    assert phase_deg(-1.0) == 180.0
