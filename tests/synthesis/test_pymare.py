"""PyMARE's regressions as a second opinion on random data: estimators of tau², tests, Q-profile, Q."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assuage.synthesis.pooling import pool

with warnings.catch_warnings():
    warnings.simplefilter("ignore", ResourceWarning)  # importing PyMARE leaves a file open
    from pymare import Dataset, estimators

THEIRS = {
    "EE": lambda test: estimators.WeightedLeastSquares(small_sample_correction=test),
    "DL": lambda test: estimators.DerSimonianLaird(small_sample_correction=test),
    "HE": lambda test: estimators.Hedges(small_sample_correction=test),
    "ML": lambda test: estimators.VarianceBasedLikelihoodEstimator(method="ml", small_sample_correction=test),
    "REML": lambda test: estimators.VarianceBasedLikelihoodEstimator(method="reml", small_sample_correction=test),
}
SEARCHED = {"ML", "REML"}
"""Found by a search in PyMARE, which stops earlier than ours."""


@pytest.mark.parametrize("method", THEIRS)
@pytest.mark.parametrize("test", ["z", "hk"])
@given(seed=st.integers(0, 2**32 - 1), moderated=st.booleans())
@settings(max_examples=12, deadline=None)
def test_pymare_finds_the_same(method, test, seed, moderated):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(5, 25))
    v = rng.uniform(0.02, 0.4, k)
    y = 0.3 + rng.normal(size=k) * np.sqrt(v + rng.choice([0.0, 0.3]))
    x = np.column_stack([np.ones(k), rng.normal(size=k)]) if moderated else np.ones((k, 1))
    ours = pool(y, v, x, names=("intercept", "dose")[: x.shape[1]], method=method, test=test)
    data = Dataset(y, v, X=x, add_intercept=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = THEIRS[method]({"z": "wald", "hk": "knapp-hartung"}[test]).fit_dataset(data).summary()
        spread, fixed, profile = theirs.get_heterogeneity_stats(), theirs.get_fe_stats(), theirs.get_re_stats()
    near = {"rel": 2e-3, "abs": 2e-4} if method in SEARCHED else {"rel": 1e-7, "abs": 1e-9}
    assert ours.tau2 == pytest.approx(float(np.ravel(theirs.tau2)[0]), **near)
    assert ours.heterogeneity.q.statistic == pytest.approx(float(spread["Q"][0]), rel=1e-8)
    found = ours.coefficients
    for name, values in (("est", found.estimate), ("se", found.se), ("ci_l", found.ci_low), ("ci_u", found.ci_high)):
        assert values == pytest.approx(fixed[name][:, 0], **near)
    if method != "EE":
        bounds = [float(profile[name].ravel()[0]) for name in ("ci_l", "ci_u")]
        assert ours.heterogeneity.tau2_ci == pytest.approx(bounds, rel=1e-3, abs=1e-4)
