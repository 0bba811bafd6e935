"""The search for contacts and amplitude: exhaustive scores, limits, the bound."""

from dataclasses import replace

import numpy as np
import pytest
from dbs_heads import SIGMA
from hypothesis import given, settings
from hypothesis import strategies as st

from assuage.errors import PlanError
from assuage.field import Conductor
from assuage.field.implant import implant
from assuage.field.implant_box import Encapsulation
from assuage.head.gallery import sphere_head
from assuage.sources.lead import Lead, lead_names
from assuage.targets import Target
from assuage.techniques.dbs_activation import activate, overlaps, threshold
from assuage.techniques.dbs_charge import ChargeLimits
from assuage.techniques.dbs_contacts import choose_contacts, largest_currents_A, patterns, reachable, strongest

UP = np.array([0.0, 0.0, 1.0])
LIMIT = threshold("field", 60e-6)
LIMITS = ChargeLimits.load()


@pytest.fixture(scope="module")
def fields():
    head = sphere_head(radii_mm=(40.0,), tissues=("grey_matter",), conductivity_S_per_m=(SIGMA,))
    lead = Lead.load("Boston Vercise Directed (Cartesia)").at([0.0, 0.0, -4.0], UP)
    layer = Encapsulation(thickness_mm=0.3, conductivity_S_per_m=0.15)
    return implant(Conductor(head, 2.0), lead, layer, voxel_mm=0.25, margin_mm=6.0)


@pytest.fixture(scope="module")
def aside(fields):
    """A target beside segment 2a (towards the front), and one behind the lead."""
    center = fields.placed.contact_centers_mm()[fields.placed.lead.index("2a")]
    return (
        Target.sphere(center + np.array([0, 1.5, 0]), 2.0, name="front"),
        Target.sphere(center - np.array([0, 3.5, 0]), 2.0, name="behind"),
    )


@pytest.mark.parametrize("name", lead_names())
def test_patterns_are_balanced(name):
    lead = Lead.load(name)
    rows = patterns(lead)
    assert np.allclose(np.minimum(rows, 0).sum(1), -1)
    returned = np.maximum(rows, 0).sum(1)
    assert (np.isclose(returned, 0) | np.isclose(returned, 1)).all()
    assert len(np.unique(rows, axis=0)) == len(rows)
    single = -np.eye(len(lead.contacts))
    assert all((np.abs(rows - row).max(1) < 1e-9).any() for row in single)
    assert np.isclose(patterns(lead, bipolar=False).sum(1), -1).all()


def test_the_segment_that_faces_the_target_is_chosen(fields, aside):
    front, behind = aside
    lead = fields.placed.lead
    voxels = reachable(fields, front, limit=LIMIT, limits=LIMITS, avoid=(behind,))
    choice = choose_contacts(voxels, lead, limit=LIMIT, limits=LIMITS)
    strongest_contact = int(np.argmin(choice.currents_A))
    assert lead.labels[strongest_contact] == "2a"
    assert 0 < choice.covered_fraction <= choice.bound_fraction <= 1
    largest = largest_currents_A(lead, LIMITS, LIMIT.pulse_width_s)
    assert (np.abs(choice.currents_A) <= largest + 1e-6).all()
    assert choice.amplitude_A <= LIMITS.total_A + 1e-9
    activation = activate(fields, choice.currents_A, LIMIT)
    found = overlaps(activation, fields, (front, behind))
    assert abs(found[0].dice - choice.dice) < 0.05
    assert found[1].fraction < found[0].fraction


def test_no_pattern_of_the_list_does_better_by_brute_force(fields, aside):
    """A plain loop over patterns and amplitudes finds nothing above the choice."""
    front, _ = aside
    lead = fields.placed.lead
    tight = replace(LIMITS, contact_A=2e-3, total_A=3e-3, step_A=0.5e-3)
    voxels = reachable(fields, front, limit=LIMIT, limits=tight)
    choice = choose_contacts(voxels, lead, limit=LIMIT, limits=tight, bipolar=False)
    largest = largest_currents_A(lead, tight, LIMIT.pulse_width_s)
    best = 0.0
    for pattern in patterns(lead, bipolar=False):
        for amplitude in np.arange(1, 7) * 0.5e-3:
            if (np.abs(amplitude * pattern) > largest + 1e-12).any():
                continue
            E = np.einsum("k,kmc->mc", amplitude * pattern, voxels.e_per_A.astype(float))
            on = np.linalg.norm(E, axis=1) >= LIMIT.value
            covered = voxels.target_mm3[on].sum()
            best = max(best, 2 * covered / (voxels.weight_mm3[on].sum() + voxels.target_total_mm3))
    assert best > 0
    assert choice.score >= best - 1e-6
    assert np.isclose(choice.score, choice.dice, atol=0.02)


def test_tighter_limits_bound_the_coverage(fields):
    far = Target.sphere(fields.placed.world_mm([[5.0, 0.0, 4.0]])[0], 2.0, name="far")
    covered, bounds = [], []
    for total in (3e-3, 6e-3, 12e-3):
        limits = replace(LIMITS, total_A=total)
        voxels = reachable(fields, far, limit=LIMIT, limits=limits)
        bounds.append(float(voxels.target_mm3.sum()) / voxels.target_total_mm3)
        try:
            covered.append(choose_contacts(voxels, fields.placed.lead, limit=LIMIT, limits=limits).covered_fraction)
        except PlanError:
            covered.append(0.0)
    assert bounds == sorted(bounds)
    assert bounds[0] < 1
    assert all(c <= b + 1e-9 for c, b in zip(covered, bounds, strict=True))


@settings(max_examples=30)
@given(st.lists(st.floats(-1, 1), min_size=8, max_size=8), st.integers(0, 10))
def test_no_currents_exceed_the_bound(shares, seed):
    rng = np.random.default_rng(seed)
    e = rng.normal(size=(8, 50, 3)).astype(np.float32)
    largest, total = np.full(8, 2.0), 3.0
    c = np.clip(np.array(shares) * 2, -2, 2)
    over = max(np.maximum(c, 0).sum(), np.maximum(-c, 0).sum()) / total
    c = c / max(over, 1.0)
    assert (np.linalg.norm(np.einsum("k,kmc->mc", c, e), axis=1) <= strongest(e, largest, total) * (1 + 1e-5)).all()
    unequal = largest * np.linspace(0.2, 1, 8)
    assert (strongest(e, unequal, total) <= strongest(e, largest, total) + 1e-6).all()


def test_refusals(fields, aside):
    with pytest.raises(PlanError, match="field criterion"):
        reachable(fields, aside[0], limit=threshold("activating_function", 60e-6), limits=LIMITS)
    far = Target.sphere(fields.placed.world_mm([[0.0, 25.0, 4.0]])[0], 2.0)
    voxels = reachable(fields, far, limit=LIMIT, limits=LIMITS)
    with pytest.raises(PlanError, match="move the lead nearer"):
        choose_contacts(voxels, fields.placed.lead, limit=LIMIT, limits=LIMITS)
