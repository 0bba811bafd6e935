"""Groups, objectives and currents over several places, without a head."""

import numpy as np
import pytest

from assuage.plan.joint_spread import difference, joint_spread
from assuage.techniques import optimise
from assuage.techniques.aims import GROUPS, NEAR_MM, Aims, Objective, grouped, rms_within, weighted_quantile
from assuage.techniques.goal import Goal
from assuage.techniques.montages_over import best_currents_over

LIMITS = optimise.Limits(total_A=2e-3, electrode_A=1e-3)


def aims(weights, direction=None, quantile=None):
    return Aims(
        landscapes=(), weights=np.array(weights), goal=Goal(direction=direction, normal=None),
        objective=Objective(quantile=quantile),
    )  # fmt: skip


@pytest.fixture
def A():
    """Sensitivities of three places that share little: the magnitude has several maxima."""
    return np.random.default_rng(3).normal(0, 100, (3, 24, 3))


WEIGHTS = (0.5, 0.3, 0.2)


def test_groups_are_few_where_places_are_near_and_at_most_six_where_they_are_not():
    rng = np.random.default_rng(0)
    near, far = rng.normal(0, 0.8, (60, 3)), rng.normal(0, 20, (60, 3))
    weights = np.full(60, 1 / 60)
    assert grouped(near, weights, seed=0).max() == 0
    label = grouped(far, weights, seed=0)
    assert label.max() == GROUPS - 1
    assert NEAR_MM < rms_within(far, weights, label) < rms_within(far, weights, np.zeros(60, int))
    same = grouped(np.zeros((5, 3)), np.full(5, 0.2), seed=0)
    assert not same.any()


def test_the_weighted_quantile_is_that_of_repeated_values():
    values, counts = np.array([3.0, 1.0, 2.0, 5.0]), np.array([2, 1, 4, 3])
    whole = np.sort(np.repeat(values, counts))
    for q in (0.05, 0.1, 0.5, 0.7, 0.95):
        assert weighted_quantile(values, counts / counts.sum(), q) == whole[int(np.ceil(q * 10)) - 1]


def test_along_a_direction_the_optimum_is_that_of_the_mean_sensitivity(A):
    along = np.array([0.0, 0.6, 0.8])
    found = best_currents_over(aims(WEIGHTS, along), A, LIMITS, count=24)
    alone = optimise.maximise(np.tensordot(WEIGHTS, A, 1), along, LIMITS)
    assert found.full.primal_V_per_m == pytest.approx(alone.primal_V_per_m, rel=1e-9)


def test_the_expected_magnitude_beats_every_place_alone_and_random_search_and_stays_below_its_bound(A):
    of = aims(WEIGHTS)
    found = best_currents_over(of, A, LIMITS, count=8)
    centred = A - A.mean(1, keepdims=True)
    for part in A:
        alone = optimise.maximise(part, None, LIMITS).currents_A
        assert found.full.primal_V_per_m >= of.of(alone @ centred) - 1e-9
    rng, best, problem = np.random.default_rng(0), 0.0, optimise.problem_of(24, LIMITS, None)
    for _ in range(4000):
        along = rng.normal(size=(3, 3))
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        currents, _ = problem.solve(np.einsum("k,kna,ka->n", WEIGHTS, centred, along))
        best = max(best, float(of.of(currents @ centred)))
    assert best * 0.999 <= found.full.primal_V_per_m <= found.full.dual_V_per_m
    assert found.reached_V_per_m <= found.full.primal_V_per_m * (1 + 1e-9)
    assert abs(found.currents_A.sum()) < 1e-12
    assert np.abs(found.currents_A).max() <= LIMITS.electrode_A + 1e-12


def test_the_currents_for_a_quantile_have_a_better_one_than_those_for_the_expected_field(A):
    low, mean = aims(WEIGHTS, quantile=0.15), aims(WEIGHTS)
    centred = A - A.mean(1, keepdims=True)
    for_low = best_currents_over(low, A, LIMITS, count=24).full.currents_A
    for_mean = best_currents_over(mean, A, LIMITS, count=24).full.currents_A
    assert low.of(for_low @ centred) > low.of(for_mean @ centred)
    assert mean.of(for_low @ centred) < mean.of(for_mean @ centred)


def test_the_shares_are_those_of_a_sum_of_independent_parts():
    along = np.array([1.0, 0.0, 0.0])
    of = aims((0.25, 0.75), along)
    places, shifts, changes = np.array([4.0, 8.0]), np.linspace(-1, 1, 9), np.linspace(-0.5, 0.5, 11)
    means = (places[:, None, None] + shifts[:, None]) * along
    slopes = np.broadcast_to(along[:, None], (2, 3, 1))
    spread = joint_spread(of, means, slopes, changes[:, None])
    parts = np.array([0.25 * 3**2 + 0.75 * 1**2, shifts.var(), changes.var()])
    got = np.array([spread.target_share, spread.placement_share, spread.conductivity_share])
    assert got == pytest.approx(parts / parts.sum())
    assert spread.joint_share == pytest.approx(0, abs=1e-12)
    assert spread.expected == pytest.approx(7.0)
    assert spread.sd == pytest.approx(np.sqrt(parts.sum()))


def test_what_two_placements_share_cancels_in_their_difference():
    along = np.array([1.0, 0.0, 0.0])
    of, changes = aims((0.5, 0.5), along), np.linspace(-2, 2, 21)[:, None]
    slopes = np.broadcast_to(along[:, None], (2, 3, 1))
    one, other = (
        joint_spread(of, np.array(places)[:, None, None] * along, slopes, changes)
        for places in ((6.0, 5.0), (5.0, 5.5))
    )
    more = difference(one, other)
    assert (more.mean, more.sd, more.better) == pytest.approx((0.25, 0.75, 0.5))
    assert more.sd < one.sd
