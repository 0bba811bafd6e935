"""Arrays in place of pairs: the ascent against brute force and the HD optimum, its limits, and what a plan is told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assuage.errors import PlanError
from assuage.field import Conductor
from assuage.field.lead_field import solve_lead_field
from assuage.head.gallery import sphere_head
from assuage.sources import Disc, Electrode, place
from assuage.targets import Target
from assuage.techniques import modulation, optimise, ti_search
from assuage.techniques.patches import patch_on
from assuage.techniques.ti import TiField
from assuage.techniques.ti_arrays import ArrayLimits, depth, rise, root_mean_square, thin
from assuage.techniques.ti_gain import COUNTS, FEW, more_electrodes

PAIR_A = 1e-3
seeds = st.integers(0, 2**32 - 1)
vectors = hnp.arrays(float, 3, elements=st.floats(-2, 2).map(lambda x: round(x, 3)))


def region(seed, n, v=6):
    rng = np.random.default_rng(seed)
    weights = rng.random(v) + 0.1
    field = rng.normal(size=(n, v, 3)) * rng.uniform(30, 300, size=(n, 1, 1))
    return ti_search.Region(field_V_per_m_per_A=field.astype(np.float32), weights=weights / weights.sum())


def pair_start(near, far, *, k=-1):
    """A montage of the exact front as currents (2, n), with its depths in target and cortex."""
    found = ti_search.pareto(near, far, pair_current_A=PAIR_A, least_share=0.3)
    start = np.zeros((2, len(near.field_V_per_m_per_A)))
    for carrier in range(2):
        start[carrier, found.electrodes[k, 2 * carrier : 2 * carrier + 2]] = (
            np.array([1, -1]) * found.currents_A[k][carrier]
        )
    return start, found.target_V_per_m[k], found.elsewhere_V_per_m[k]


def slow_depth(part, currents):
    """Mean and root mean square depth by the definition: brute force over directions is in test_modulation."""
    F = part.field_V_per_m_per_A.astype(float)
    M = np.array([
        modulation.largest(
            sum(i * f for i, f in zip(currents[0], F[:, v], strict=True)),
            sum(i * f for i, f in zip(currents[1], F[:, v], strict=True)),
        ).depth_V_per_m
        for v in range(F.shape[1])
    ])  # fmt: skip
    return part.weights @ M, np.sqrt(part.weights @ M**2)


@given(vectors, vectors, vectors, st.floats(0, 1), st.sampled_from([-1.0, 1.0]))
def test_every_direction_is_a_floor_and_every_weight_a_ceiling(one, two, n, k, s):
    size = np.linalg.norm(n)
    M = modulation.largest(one, two).depth_V_per_m
    if size > 0:
        assert 2 * min(n @ one, s * (n @ two)) / size <= M + 1e-9
    if s * (one @ two) >= 0:
        assert 2 * np.linalg.norm(k * one + (1 - k) * s * two) >= M - 1e-9
    best = modulation.largest(one, two)
    ceiling = 2 * np.linalg.norm(best.share * one + (1 - best.share) * best.sign * two)
    floor = 2 * min(best.direction @ one, best.sign * (best.direction @ two))
    assert floor == pytest.approx(M, abs=1e-9)
    assert ceiling == pytest.approx(M, abs=1e-9)


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(4, 10), st.sampled_from([0.5e-3, 0.7e-3, 1e-3]))
def test_along_a_direction_without_cortex_the_hd_optimum_is_reached(seed, n, electrode_A):
    rng = np.random.default_rng(seed)
    d = rng.normal(size=3)
    d /= np.linalg.norm(d)
    A = rng.normal(size=(n, 3)) * 100
    near = ti_search.Region(field_V_per_m_per_A=((A @ d)[:, None, None] * d).astype(np.float32), weights=np.ones(1))
    start = np.zeros((2, n))
    start[0, :2], start[1, 2:4] = (PAIR_A, -PAIR_A), (PAIR_A, -PAIR_A)
    limits = ArrayLimits(carrier_A=PAIR_A, electrode_A=electrode_A)
    hd = optimise.maximise(A, d, optimise.Limits(total_A=2 * PAIR_A, electrode_A=electrode_A))
    reached = near.weights @ depth(near, rise(near, near, start, limits=limits))
    assert reached == pytest.approx(hd.primal_V_per_m, rel=2e-5)
    assert reached <= hd.dual_V_per_m * (1 + 2e-5)


@settings(max_examples=12, deadline=None)
@given(seeds, st.integers(5, 9))
def test_limits_are_kept_exactly_and_nothing_is_lost(seed, n):
    near, far = region(seed, n), region(seed + 1, n, 9)
    start, target, cortex = pair_start(near, far)
    limits = ArrayLimits(carrier_A=PAIR_A, electrode_A=0.9e-3 if seed % 2 else PAIR_A, elsewhere_V_per_m=cortex)
    found = rise(near, far, start, limits=limits)
    reached, off = slow_depth(near, found)[0], slow_depth(far, found)[1]
    if limits.electrode_A == PAIR_A:
        assert reached >= target * (1 - 1e-5)
    assert off <= cortex * (1 + 1e-9)
    assert np.abs(found).sum(1).max() <= 2 * PAIR_A * (1 + 1e-12)
    assert np.abs(found).sum(0).max() <= limits.electrode_A * (1 + 1e-12)
    np.testing.assert_allclose(found.sum(1), 0, atol=1e-15)
    np.testing.assert_array_equal(found, rise(near, far, start, limits=limits))


@settings(max_examples=8, deadline=None)
@given(seeds)
def test_a_start_beyond_the_limits_leads_within_them(seed):
    near, far = region(seed, 8), region(seed + 1, 8, 9)
    start, _, cortex = pair_start(near, far)
    limits = ArrayLimits(carrier_A=PAIR_A, electrode_A=PAIR_A, elsewhere_V_per_m=cortex)
    dense = rise(near, far, start, limits=limits)
    allowed = thin(dense, 3)
    found = rise(near, far, dense, limits=limits, allowed=allowed)
    assert not found[~allowed].any()
    np.testing.assert_allclose(found.sum(1), 0, atol=1e-15)
    assert slow_depth(far, found)[1] <= cortex * (1 + 1e-9)
    assert np.abs(found).sum(1).max() <= 2 * PAIR_A * (1 + 1e-12)


@settings(max_examples=12, deadline=None)
@given(seeds)
def test_the_carriers_may_be_swapped(seed):
    near, far = region(seed, 7), region(seed + 1, 7, 9)
    start, _, cortex = pair_start(near, far)
    limits = ArrayLimits(carrier_A=PAIR_A, electrode_A=PAIR_A, elsewhere_V_per_m=cortex)
    one, two = (rise(near, far, at, limits=limits) for at in (start, start[::-1]))
    assert near.weights @ depth(near, two) == pytest.approx(near.weights @ depth(near, one), rel=2e-3)


@pytest.mark.parametrize("seed", range(4))
def test_no_random_currents_do_better(seed):
    """Brute force: 40,000 random currents on four electrodes, each as strong as the limits allow."""
    near, far = region(seed, 4, 3), region(seed + 100, 4, 5)
    _, _, cortex = pair_start(near, far)
    limits = ArrayLimits(carrier_A=PAIR_A, electrode_A=PAIR_A, elsewhere_V_per_m=cortex)
    found = ti_search.pareto(near, far, pair_current_A=PAIR_A, least_share=0.3)
    reached = max(
        near.weights @ depth(near, rise(near, far, pair_start(near, far, k=k)[0], limits=limits))
        for k in range(len(found.currents_A))
    )
    rng = np.random.default_rng(seed)
    currents = rng.normal(size=(40_000, 2, 4))
    currents -= currents.mean(2, keepdims=True)
    currents *= PAIR_A / np.maximum(np.abs(currents).sum(2).max(1) / 2, np.abs(currents).sum(1).max(1))[:, None, None]

    def depths(part):
        E = np.einsum("mcn,nvx->cmvx", currents, part.field_V_per_m_per_A.astype(float))
        return modulation.largest(E[0], E[1]).depth_V_per_m

    off = np.sqrt(depths(far) ** 2 @ far.weights)
    brute = (depths(near) @ near.weights * np.minimum(1, cortex / off)).max()
    assert reached >= brute * (1 - 1e-3)
    assert reached <= brute * 1.35


def test_thin_keeps_the_largest_and_shares_nothing():
    currents = np.array([[5.0, -3.0, -2.0, 0.01, 0.0, 0.0], [-1.0, 3.5, 0.0, 0.0, -2.0, -0.5]])
    np.testing.assert_array_equal(thin(currents, 2), [[1, 0, 1, 0, 0, 0], [0, 1, 0, 0, 1, 0]])
    np.testing.assert_array_equal(thin(currents, 6), [[1, 0, 1, 0, 0, 0], [0, 1, 0, 0, 1, 1]])


def test_limits_that_allow_nothing_are_refused():
    for wrong in ({"carrier_A": 0.0}, {"electrode_A": -1.0}, {"elsewhere_V_per_m": np.nan}):
        with pytest.raises(PlanError, match="allow nothing"):
            ArrayLimits(**{"carrier_A": 1e-3, "electrode_A": 1e-3, **wrong})


ANGLES = [(20, 45), (20, 225), *((45, a) for a in range(0, 360, 60)), *((75, a) for a in range(20, 380, 60))]


@pytest.fixture(scope="module")
def gained():
    """A sphere with fourteen electrodes; what is found on it for a target."""
    head = sphere_head(voxel_mm=4.0)
    conductor = Conductor(head, 4.0)
    p, a = np.deg2rad(ANGLES).T
    directions = np.stack([np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)], 1)
    feet = head.scalp.nearest(92 * directions)[0]
    contacts = [
        place(Electrode(name=f"E{k}", center_mm=tuple(foot.tolist()), current_A=0.0, shape=Disc(6.0)), head)
        for k, foot in enumerate(feet)
    ]
    lead = solve_lead_field(conductor, contacts, tissues=frozenset({"grey_matter"}), tolerance=1e-5)
    target = Target.sphere(np.array([25.0, 0.0, 40.0]), 12.0)
    field, patch = TiField(lead=lead, total_current_A=2 * PAIR_A), patch_on(conductor, target)
    found, parts = field.propose(patch, target), []
    return field, patch, target, found, more_electrodes(field, found, patch, target, progress=parts.append), parts


def test_more_electrodes_are_never_worse_than_the_pairs(gained):
    _, _, _, found, gain, _ = gained
    assert [item.electrodes for item in gain.by_count] == list(COUNTS)
    assert all(item.pairs is found.proposed for item in gain.by_count)
    assert gain.few.electrodes == FEW
    depths = [item.target_V_per_m for item in gain.by_count]
    assert depths == sorted(depths)
    for item in (*gain.by_count, *gain.front):
        assert item.target_V_per_m >= item.pairs.target_V_per_m
        assert item.cortex_V_per_m <= item.pairs.cortex_V_per_m
        assert item.target_V_per_m <= found.bound_V_per_m
        assert item.gain >= 0
    assert gain.few.gain > 0.01
    cortex = [item.cortex_V_per_m for item in gain.front]
    assert cortex == sorted(cortex, reverse=True)


def test_arrays_can_be_set_on_a_stimulator(gained):
    *_, gain, _ = gained
    for item in (*gain.by_count, *gain.front):
        first, second = item.currents_A
        assert not set(first) & set(second)
        for carrier in item.currents_A:
            amps = np.array(list(carrier.values()))
            assert 2 <= len(amps) <= item.electrodes
            assert amps.sum() == pytest.approx(0, abs=1e-12)
            assert np.abs(amps).sum() <= 2 * PAIR_A * (1 + 1e-12)
            np.testing.assert_allclose(amps * 1e6, np.round(amps * 1e6), atol=1e-6)


def test_what_is_stated_is_what_the_currents_do(gained):
    field, patch, target, _, gain, _ = gained
    lead = field.lead
    for item in gain.by_count:
        currents = np.array([[carrier.get(name, 0.0) for name in lead.names] for carrier in item.currents_A])
        depths = modulation.largest(*(lead.montage_V_per_m(row) for row in currents)).depth_V_per_m
        assert item.target_V_per_m == pytest.approx(patch.weights @ depths[lead.rows(patch.index)], rel=1e-5)
        far = np.linalg.norm(lead.points_mm - target.center_mm, axis=1) > 2 * target.radius_mm
        assert item.cortex_V_per_m == pytest.approx(np.sqrt((depths[far] ** 2).mean()), rel=1e-5)
        assert root_mean_square(field.sample(field.off_target(target), 10**9, None), currents) == pytest.approx(
            item.cortex_V_per_m, rel=1e-5
        )


def test_progress_rises_to_one(gained):
    parts = gained[-1]
    assert parts == sorted(parts)
    assert parts[-1] == 1
