"""P-scores are what the simulated ranks tend to; one direction is the mirror of the other."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assuage.synthesis.network_ranks import p_scores, rank_treatments


def drawn(seed, count=5):
    rng = np.random.default_rng(seed)
    root = rng.normal(0, 0.5, (count, count))
    root[0] = 0.0
    return np.append(0.0, rng.normal(0, 0.6, count - 1)), root @ root.T


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000))
def test_p_scores_are_the_limit_of_sucra(seed):
    effects, covariance = drawn(seed)
    ranks = rank_treatments(
        tuple("ABCDE"), effects, covariance, small_is_good=True, level=0.95, draws=20_000, seed=seed
    )
    assert [r.p_score for r in ranks] == sorted((r.p_score for r in ranks), reverse=True)
    for rank in ranks:
        assert rank.sucra == pytest.approx(rank.p_score, abs=0.02)
        assert sum(rank.probabilities) == pytest.approx(1.0)
        assert rank.best_probability == rank.probabilities[0]
        assert rank.sucra == pytest.approx((5 - rank.mean_rank) / 4)
        cumulated = np.cumsum(rank.probabilities)[:-1].mean()
        assert rank.sucra == pytest.approx(cumulated)
        low, high = rank.sucra_interval
        assert low <= rank.sucra <= high
    assert np.mean([r.p_score for r in ranks]) == pytest.approx(0.5)


def test_large_good_is_small_bad():
    effects, covariance = drawn(1)
    small = p_scores(effects, covariance, small_is_good=True)
    np.testing.assert_allclose(small + p_scores(effects, covariance, small_is_good=False), 1.0)


def test_two_treatments_by_hand():
    scores = p_scores(np.array([0.0, -1.0]), np.array([[0.0, 0.0], [0.0, 0.25]]), small_is_good=True)
    assert scores[1] == pytest.approx(stats.norm.cdf(2.0))


def test_the_seed_fixes_the_draws():
    effects, covariance = drawn(2)
    options = {"small_is_good": True, "level": 0.9, "draws": 500}
    one = rank_treatments(tuple("ABCDE"), effects, covariance, seed=3, **options)
    assert one == rank_treatments(tuple("ABCDE"), effects, covariance, seed=3, **options)
    assert one != rank_treatments(tuple("ABCDE"), effects, covariance, seed=4, **options)
