"""Temporal interference: the search against brute force, its bounds, and its symmetries."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from assuage.errors import PlanError, TargetError
from assuage.field import Conductor
from assuage.field.lead_field import solve_lead_field
from assuage.head.gallery import sphere_head
from assuage.sources import Disc, Electrode, Montage, place
from assuage.targets import Target
from assuage.techniques import modulation, optimise, ti_search
from assuage.techniques.frequencies import Carriers, usual_carriers
from assuage.techniques.patches import patch_on
from assuage.techniques.ti import TiField, bound

PAIR_A = 1e-3
seeds = st.integers(0, 2**32 - 1)
RATIOS = [(1.0, 1.0), *((r, 1.0) for r in ti_search.RATIOS), *((1.0, r) for r in ti_search.RATIOS)]


def region(seed, n, v=5):
    rng = np.random.default_rng(seed)
    weights = rng.random(v) + 0.1
    field = rng.normal(size=(n, v, 3)) * rng.uniform(10, 300, size=(n, 1, 1))
    return ti_search.Region(field_V_per_m_per_A=field.astype(np.float32), weights=weights / weights.sum())


def montage_depth(part, electrodes, currents_A, *, squared=False):
    F = part.field_V_per_m_per_A.astype(float)
    a, b, c, d = electrodes
    depth = modulation.largest(currents_A[0] * (F[a] - F[b]), currents_A[1] * (F[c] - F[d])).depth_V_per_m
    return float(np.sqrt(part.weights @ depth**2)) if squared else float(part.weights @ depth)


def all_montages(n):
    """Every two pairs without a common electrode, every ratio."""
    for one in combinations(range(n), 2):
        for two in combinations(range(n), 2):
            if one < two and not set(one) & set(two):
                for ratio in RATIOS:
                    yield (*one, *two), np.array(ratio) * PAIR_A


def brute_front(near, far, share):
    """Every montage, compared with every other."""
    each = [
        (electrodes, amps, montage_depth(near, electrodes, amps), montage_depth(far, electrodes, amps, squared=True))
        for electrodes, amps in all_montages(len(near.field_V_per_m_per_A))
    ]
    target, elsewhere = np.array([item[2] for item in each]), np.array([item[3] for item in each])
    enough = target >= share * target.max()
    beaten = ((target[:, None] <= target) & (elsewhere[:, None] > elsewhere)).any(1)
    return [each[k] for k in np.flatnonzero(enough & ~beaten)], target.max()


@settings(max_examples=12, deadline=None)
@given(seeds, st.integers(4, 7))
def test_the_largest_is_that_of_all_pairs(seed, n):
    near = region(seed, n)
    found = ti_search.largest(near, pair_current_A=PAIR_A)
    best = max(montage_depth(near, electrodes, amps) for electrodes, amps in all_montages(n))
    assert found.target_V_per_m[0] == pytest.approx(best, rel=1e-5)
    assert montage_depth(near, found.electrodes[0], found.currents_A[0]) == pytest.approx(best, rel=1e-5)


@settings(max_examples=8, deadline=None)
@given(seeds, st.integers(4, 7), st.sampled_from([0.3, 0.5, 0.9]))
def test_the_front_is_that_of_all_pairs_and_ratios(seed, n, share):
    near, far = region(seed, n), region(seed + 1, n, 8)
    found = ti_search.pareto(near, far, pair_current_A=PAIR_A, least_share=share)
    expected, _ = brute_front(near, far, share)
    expected.sort(key=lambda item: -item[2])
    np.testing.assert_allclose(found.target_V_per_m, [item[2] for item in expected], rtol=1e-5)
    np.testing.assert_allclose(found.elsewhere_V_per_m, [item[3] for item in expected], rtol=1e-5)


def test_eight_electrodes_too():
    near, far = region(3, 8), region(4, 8, 9)
    found = ti_search.pareto(near, far, pair_current_A=PAIR_A, least_share=0.4)
    expected, best = brute_front(near, far, 0.4)
    assert len(found.electrodes) == len(expected)
    assert found.target_V_per_m[0] == pytest.approx(best, rel=1e-5)
    assert (np.sort(found.electrodes, 1)[:, 1:] > np.sort(found.electrodes, 1)[:, :-1]).all()


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_the_pairs_may_be_swapped_and_electrodes_renumbered(seed):
    rng = np.random.default_rng(seed)
    near, far, order = region(seed, 6), region(seed + 1, 6, 7), rng.permutation(6)
    found = ti_search.pareto(near, far, pair_current_A=PAIR_A, least_share=0.5)
    turned = [
        ti_search.Region(field_V_per_m_per_A=part.field_V_per_m_per_A[order], weights=part.weights)
        for part in (near, far)
    ]
    other = ti_search.pareto(*turned, pair_current_A=PAIR_A, least_share=0.5)
    np.testing.assert_allclose(other.target_V_per_m, found.target_V_per_m, rtol=1e-5)
    np.testing.assert_allclose(other.elsewhere_V_per_m, found.elsewhere_V_per_m, rtol=1e-5)
    for electrodes, amps in zip(found.electrodes, found.currents_A, strict=True):
        swapped = montage_depth(near, np.roll(electrodes, 2), amps[::-1])
        assert swapped == pytest.approx(montage_depth(near, electrodes, amps), rel=1e-12)


def strongest_by_linear_programme(g, total_A, each_A):
    """Largest 2 min(g.I1, g.I2) over all currents of two arrays that share the limits, solved as it stands."""
    n = len(g)
    # unknowns: I1+, I1-, I2+, I2- (n each), t;   maximise t with t <= 2 g.(I+ - I-) for both
    zero, line = np.zeros(n), np.concatenate([g, -g])
    upper = [np.concatenate([-2 * line, zero, zero, [1]]), np.concatenate([zero, zero, -2 * line, [1]])]
    limits = [0.0, 0.0]
    upper.append(np.append(np.ones(4 * n), 0.0))
    limits.append(2 * total_A)
    for k in range(n):
        row = np.zeros(4 * n + 1)
        row[[k, n + k, 2 * n + k, 3 * n + k]] = 1
        upper.append(row)
        limits.append(each_A)
    even = np.zeros((2, 4 * n + 1))
    even[0, :n], even[0, n : 2 * n], even[1, 2 * n : 3 * n], even[1, 3 * n : 4 * n] = 1, -1, 1, -1
    cost = np.zeros(4 * n + 1)
    cost[-1] = -1
    found = linprog(cost, upper, limits, even, [0, 0], bounds=(0, None), method="highs")
    assert found.status == 0
    return -found.fun


@settings(max_examples=25, deadline=None)
@given(seeds, st.integers(4, 12))
def test_unlimited_interference_reaches_the_hd_optimum_and_no_more(seed, n):
    rng = np.random.default_rng(seed)
    A, d = rng.normal(size=(n, 3)) * 100, rng.normal(size=3)
    d /= np.linalg.norm(d)
    hd = optimise.maximise(A, d, optimise.Limits(total_A=2e-3, electrode_A=1e-3))
    assert strongest_by_linear_programme(A @ d, 2e-3, 1e-3) == pytest.approx(hd.primal_V_per_m, rel=1e-6)
    half = hd.currents_A / 2
    assert modulation.along(half @ A, half @ A, d) == pytest.approx(hd.primal_V_per_m, rel=1e-9)


@settings(max_examples=15, deadline=None)
@given(seeds, st.integers(4, 7))
def test_no_two_pairs_exceed_the_bound(seed, n):
    near = region(seed, n, 3)
    best = ti_search.largest(near, pair_current_A=PAIR_A).target_V_per_m[0]
    high = bound(near, pair_current_A=PAIR_A)
    assert best <= high
    one = ti_search.Region(field_V_per_m_per_A=near.field_V_per_m_per_A[:, :1], weights=np.ones(1))
    limits = optimise.Limits(total_A=2 * PAIR_A, electrode_A=PAIR_A)
    exact = optimise.maximise(near.field_V_per_m_per_A[:, 0].astype(float), None, limits)
    value = bound(one, pair_current_A=PAIR_A)
    assert exact.primal_V_per_m * (1 - 1e-6) <= value <= exact.primal_V_per_m * 1.02


DISC = Disc(6.0)
ANGLES = [(30, 0), (30, 90), (30, 180), (30, 270), (70, 20), (70, 160), (70, 200), (70, 340)]


def at(polar, azimuth):
    p, a = np.deg2rad([polar, azimuth])
    return 92 * np.array([np.sin(p) * np.cos(a), np.sin(p) * np.sin(a), np.cos(p)])


@pytest.fixture(scope="module")
def sphere():
    """A sphere with eight electrodes that mirror each other in x = 0, and their lead field."""
    head = sphere_head(voxel_mm=4.0)
    conductor = Conductor(head, 4.0)
    contacts = [
        place(Electrode(name=f"E{k}", center_mm=tuple(head.scalp.nearest(at(*angle)[None])[0][0].tolist()),
                        current_A=0.0, shape=DISC), head)
        for k, angle in enumerate(ANGLES)
    ]  # fmt: skip
    return conductor, solve_lead_field(conductor, contacts, tissues=frozenset({"grey_matter"}), tolerance=1e-6)


def proposal(sphere, center_mm, direction=None):
    conductor, lead = sphere
    target = Target.sphere(np.array(center_mm), 12.0)
    return TiField(lead=lead, total_current_A=2 * PAIR_A).propose(
        patch_on(conductor, target), target, direction=direction
    )


def test_on_a_real_lead_field_interference_is_bounded_by_hd(sphere):
    conductor, lead = sphere
    target = Target.sphere(np.array([20.0, 10.0, 40.0]), 12.0, direction=(0.0, 0.6, 0.8))
    patch, d = patch_on(conductor, target), np.array([0.0, 0.6, 0.8])
    field = lead.field_V_per_m_per_A[:, lead.rows(patch.index)].astype(float)
    A = np.einsum("v,nvc->nc", patch.weights, field)
    hd = optimise.maximise(A, d, optimise.Limits(total_A=2 * PAIR_A, electrode_A=PAIR_A))
    assert strongest_by_linear_programme(A @ d, 2 * PAIR_A, PAIR_A) == pytest.approx(hd.primal_V_per_m, rel=1e-6)
    found = proposal(sphere, target.center_mm, d)
    assert found.strongest.target_V_per_m <= found.bound_V_per_m
    assert found.bound_V_per_m >= hd.primal_V_per_m * (1 - 1e-6)


def test_depths_are_those_of_the_solved_fields(sphere):
    conductor, lead = sphere
    found = proposal(sphere, [25.0, 0.0, 40.0])
    target = Target.sphere(np.array([25.0, 0.0, 40.0]), 12.0)
    patch = patch_on(conductor, target)
    by_name = dict(zip(lead.names, ANGLES, strict=True))
    for item in (found.proposed, found.strongest):
        montages = [
            [conductor.head.scalp.nearest(at(*by_name[name])[None])[0][0] for name in pair] for pair in item.pairs
        ]
        E = [
            conductor.solve(Montage.at_points_mm(np.array(places), [amps, -amps], radius_mm=6.0)).e_V_per_m
            for places, amps in zip(montages, item.currents_A, strict=True)
        ]
        depth = modulation.largest(E[0], E[1]).depth_V_per_m[tuple(patch.index.T)]
        assert item.target_V_per_m == pytest.approx(float(patch.weights @ depth), rel=1e-3)


def test_a_mirrored_target_gets_the_same(sphere):
    right, left = proposal(sphere, [25.0, 8.0, 40.0]), proposal(sphere, [-25.0, 8.0, 40.0])
    assert left.strongest.target_V_per_m == pytest.approx(right.strongest.target_V_per_m, rel=2e-3)
    assert left.proposed.focality == pytest.approx(right.proposed.focality, rel=5e-3)
    assert left.bound_V_per_m == pytest.approx(right.bound_V_per_m, rel=2e-3)


def test_the_proposal_is_the_most_focal_with_enough_depth(sphere):
    found = proposal(sphere, [25.0, 0.0, 40.0])
    assert found.strongest is found.front[0]
    assert found.proposed.focality == pytest.approx(max(item.focality for item in found.front), rel=0.02)
    assert all(item.target_V_per_m >= 0.5 * found.strongest.target_V_per_m * (1 - 1e-5) for item in found.front)
    assert all(max(item.currents_A) == pytest.approx(PAIR_A) for item in found.front)
    assert found.pairs == 28
    assert found.combinations == sum(1 for _ in all_montages(8)) / len(RATIOS)
    target = [item.target_V_per_m for item in found.front]
    assert target == sorted(target, reverse=True)


def test_along_a_direction_only_components_count(sphere):
    d = np.array([0.6, 0.0, 0.8])
    free, fixed = proposal(sphere, [25.0, 0.0, 40.0]), proposal(sphere, [25.0, 0.0, 40.0], d)
    assert fixed.strongest.target_V_per_m <= free.strongest.target_V_per_m
    assert fixed.bound_V_per_m <= free.bound_V_per_m
    conductor, lead = sphere
    target = Target.sphere(np.array([25.0, 0.0, 40.0]), 12.0)
    patch = patch_on(conductor, target)
    depth = TiField(lead=lead, total_current_A=2 * PAIR_A).depth_V_per_m(fixed.strongest, d)
    assert fixed.strongest.target_V_per_m == pytest.approx(float(patch.weights @ depth[lead.rows(patch.index)]))


def test_refusals(sphere):
    conductor, lead = sphere
    with pytest.raises(PlanError, match="3 electrodes make no two separate pairs"):
        ti_search.largest(region(0, 3), pair_current_A=PAIR_A)
    with pytest.raises(PlanError, match="total current of 0"):
        TiField(lead=lead, total_current_A=0.0)
    scalp = Target.sphere(np.array([0.0, 0.0, 89.0]), 6.0, tissue="scalp")
    with pytest.raises(TargetError, match="are not in the lead field"):
        TiField(lead=lead, total_current_A=2e-3).strongest(patch_on(conductor, scalp), scalp)
    whole = Target.sphere(np.zeros(3), 70.0)
    with pytest.raises(PlanError, match="farther than 2 radii"):
        TiField(lead=lead, total_current_A=2e-3).strongest(patch_on(conductor, whole), whole)


def test_carriers_beat():
    usual = usual_carriers()
    assert usual.difference_Hz == 20
    assert "10.1016/j.cell.2017.05.024" in usual.source
    for first, second in ((2000.0, 2000.0), (0.0, 20.0), (100.0, 120.0), (np.nan, 10.0)):
        with pytest.raises(PlanError, match="beat"):
            Carriers(first_Hz=first, second_Hz=second, source="test")
