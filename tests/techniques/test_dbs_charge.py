"""Charge per phase, density and Shannon's k, against worked rows and as bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import PlanError
from assuage.sources.lead import Lead
from assuage.techniques.dbs_charge import ChargeLimits, contact_charges, shannon_k, stimulation_quantities

RING, LONG, SEGMENT = Lead.load("Medtronic 3389"), Lead.load("Medtronic 3391"), Lead.load("Abbott Directed 6172")
ONLY_DENSITY = ChargeLimits(charge_density_C_per_m2=0.3, shannon_k=9.0, contact_A=1.0, total_A=1.0, step_A=1e-4)
ONLY_SHANNON = ChargeLimits(charge_density_C_per_m2=1e6, shannon_k=1.5, contact_A=1.0, total_A=1.0, step_A=1e-4)


@pytest.mark.parametrize(("lead", "k"), [(RING, 1.73), (LONG, 2.03)])
def test_thirty_microcoulomb_per_square_centimetre_as_k(lead, k):
    area = lead.contacts[0].area_m2
    assert abs(shannon_k(0.3, 0.3 * area) - k) < 0.005


@pytest.mark.parametrize(
    ("lead", "label", "width_us", "amplitude_mA"),
    [(RING, "1", 60, 29.9), (RING, "1", 450, 3.99), (SEGMENT, "2a", 60, 7.6)],
)
def test_amplitude_at_the_density_limit(lead, label, width_us, amplitude_mA):
    contact = lead.contacts[lead.index(label)]
    assert abs(ONLY_DENSITY.largest_A(contact, width_us * 1e-6) * 1e3 - amplitude_mA) < 0.006 * amplitude_mA


def test_density_at_the_conservative_k():
    contact = RING.contacts[0]
    charge = ONLY_SHANNON.largest_A(contact, 60e-6) * 60e-6
    assert abs(charge / contact.area_m2 * 1e2 - 23.0) < 0.05


@given(st.sampled_from([RING, LONG, SEGMENT]), st.floats(1e-5, 5e-4), st.floats(1e-4, 20e-3))
def test_charges_are_what_they_say(lead, width_s, current_A):
    currents = np.zeros(len(lead.contacts))
    currents[-1], currents[0] = -current_A, current_A / 2
    low, high = contact_charges(lead, currents, width_s)
    assert (low.label, high.label) == (lead.labels[0], lead.labels[-1])
    assert np.isclose(high.charge_per_phase_C, current_A * width_s)
    assert np.isclose(high.charge_density_per_phase_C_per_m2 * high.contact_area_m2, high.charge_per_phase_C)
    expected = np.log10(high.charge_density_per_phase_C_per_m2 * 1e2) + np.log10(high.charge_per_phase_C * 1e6)
    assert np.isclose(high.shannon_k, expected)
    # the whole grows with the square of the current
    assert np.isclose(high.shannon_k - low.shannon_k, np.log10(4 * low.contact_area_m2 / high.contact_area_m2))


@given(st.sampled_from([RING, LONG, SEGMENT]), st.floats(3e-5, 4.5e-4))
def test_the_largest_current_meets_one_limit_and_breaks_none(lead, width_s):
    limits = ChargeLimits.load()
    contact = lead.contacts[0]
    largest = limits.largest_A(contact, width_s)
    currents = np.zeros(len(lead.contacts))
    currents[0] = largest
    (charge,) = contact_charges(lead, currents, width_s)
    used = [
        charge.charge_density_per_phase_C_per_m2 / limits.charge_density_C_per_m2,
        10 ** ((charge.shannon_k - limits.shannon_k) / 2),
        largest / limits.contact_A,
    ]
    assert np.isclose(max(used), 1)


def test_limits_name_their_sources():
    assert any("unverified" in source for source in ChargeLimits.load().sources)
    assert any("vendor_manual" in source for source in ChargeLimits.load().sources)


def test_quantities_take_the_worst_of_each():
    currents = np.zeros(len(SEGMENT.contacts))
    currents[SEGMENT.index("1")], currents[SEGMENT.index("2a")] = -3e-3, -2e-3
    charges = contact_charges(SEGMENT, currents, 90e-6)
    found = stimulation_quantities(charges, pulse_width_s=90e-6, frequency_Hz=130.0, impedance_Ohm=800.0, voltage_V=4.0)
    ring, segment = charges
    assert found["technique"] == "dbs"
    assert found["amplitude_A"] == 3e-3
    assert found["charge_per_phase_C"] == ring.charge_per_phase_C
    assert found["charge_density_per_phase_C_per_m2"] == segment.charge_density_per_phase_C_per_m2
    assert found["shannon_k"] == max(ring.shannon_k, segment.shannon_k)
    assert found["contact_area_m2"] == segment.contact_area_m2
    assert (found["pulse_width_s"], found["frequency_Hz"]) == (90e-6, 130.0)


def test_refusals():
    with pytest.raises(PlanError, match="above 0"):
        shannon_k(0.0, 1e-6)
    with pytest.raises(PlanError, match="pulse_width_s"):
        contact_charges(RING, np.ones(4), 0.0)
    with pytest.raises(PlanError, match="no contact carries current"):
        stimulation_quantities((), pulse_width_s=1e-4, frequency_Hz=1.0, impedance_Ohm=1.0, voltage_V=1.0)
    with pytest.raises(PlanError, match="allow no current"):
        ChargeLimits(charge_density_C_per_m2=0.0, shannon_k=1.5, contact_A=1.0, total_A=1.0, step_A=1e-4)
