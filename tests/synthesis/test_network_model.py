"""The fast weighted regression is the dense textbook model, and does not care how a network is written down."""

import numpy as np
import pytest
from dense_network import Dense
from hypothesis import given, settings
from hypothesis import strategies as st
from network_cases import network_of, random_studies
from scipy import stats

from assuage.errors import DataError
from assuage.synthesis.network_analysis import comparison, network_meta_analysis
from assuage.synthesis.network_model import (
    METHODS,
    Network,
    NetworkStudy,
    all_effects,
    consistency_columns,
    estimate_tau2,
    fit,
    i_squared,
    log_likelihood,
    observed_covariance,
    rows_of,
    tau2_interval,
)

SEEDS = st.integers(0, 10_000)


def prepared(studies, reference="A"):
    network = network_of(studies)
    rows = rows_of(network)
    return network, rows, consistency_columns(rows, network.treatments, reference)


@settings(max_examples=25)
@given(seed=SEEDS)
def test_the_fast_regression_is_the_dense_model(seed):
    studies, _ = random_studies(seed, count=12)
    _, rows, columns = prepared(studies)
    dense = Dense(studies, "A")
    for tau2 in (0.0, 0.2):
        beta, cov, q = dense.fit(tau2)
        done = fit(rows, columns, tau2)
        assert done.df == dense.df
        np.testing.assert_allclose(done.beta, beta, atol=1e-9)
        np.testing.assert_allclose(done.covariance, cov, atol=1e-9)
        assert done.q == pytest.approx(q, rel=1e-9)
    assert estimate_tau2(rows, columns, "DL") == pytest.approx(dense.dl(), rel=1e-8, abs=1e-12)
    ours = [log_likelihood(rows, columns, t, restricted=True) for t in (0.1, 0.7)]
    theirs = [dense.log_likelihood(t, True) for t in (0.1, 0.7)]
    assert ours[0] - ours[1] == pytest.approx(theirs[0] - theirs[1], rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("method", ["REML", "ML"])
def test_tau2_is_where_the_dense_likelihood_is_largest(seed, method):
    studies, _ = random_studies(seed)
    _, rows, columns = prepared(studies)
    expected = Dense(studies, "A").likeliest(method == "REML")
    assert estimate_tau2(rows, columns, method) == pytest.approx(expected, rel=1e-5, abs=1e-8)


@settings(max_examples=25)
@given(seed=SEEDS)
def test_two_treatments_are_an_ordinary_meta_analysis(seed):
    rng = np.random.default_rng(seed)
    y, v = rng.normal(0.3, 0.5, 8), rng.uniform(0.01, 0.2, 8)
    studies = [[("B", float(e), float(s) / 2), ("A", 0.0, float(s) / 2)] for e, s in zip(y, v, strict=True)]
    w = 1 / v
    q = (w * (y - (w * y).sum() / w.sum()) ** 2).sum()
    tau2 = max(0.0, (q - 7) / (w.sum() - (w**2).sum() / w.sum()))
    w = 1 / (v + tau2)
    result = network_meta_analysis(network_of(studies), reference="A")
    found = comparison(result, "B", "A").network
    assert result.q.q == pytest.approx(q)
    assert result.tau2 == pytest.approx(tau2, abs=1e-12)
    assert found.effect == pytest.approx((w * y).sum() / w.sum())
    assert found.se == pytest.approx(w.sum() ** -0.5)


@settings(max_examples=25)
@given(seed=SEEDS)
def test_order_of_arms_studies_and_reference_changes_nothing(seed):
    studies, _ = random_studies(seed, count=10)
    rng = np.random.default_rng(seed)
    shuffled = [[arms[i] for i in rng.permutation(len(arms))] for arms in studies]
    shuffled = [shuffled[i] for i in rng.permutation(len(shuffled))]
    one = network_meta_analysis(network_of(studies), reference="A", draws=100)
    two = network_meta_analysis(network_of(shuffled), reference="D", draws=100)
    assert two.tau2 == pytest.approx(one.tau2, abs=1e-9)
    assert two.decomposition.between.q == pytest.approx(one.decomposition.between.q, abs=1e-8)
    for pair in (("A", "B"), ("E", "C")):
        first, second = comparison(one, *pair), comparison(two, *pair)
        assert second.network.effect == pytest.approx(first.network.effect, abs=1e-8)
        assert second.network.se == pytest.approx(first.network.se, abs=1e-8)


def test_turning_all_signs_turns_all_effects_and_ranks():
    studies, _ = random_studies(5)
    turned = [[(name, -value, variance) for name, value, variance in arms] for arms in studies]
    one = network_meta_analysis(network_of(studies), reference="A", small_values="desirable")
    two = network_meta_analysis(network_of(turned), reference="A", small_values="undesirable")
    np.testing.assert_allclose(two.random.effects, -one.random.effects, atol=1e-10)
    assert [rank.treatment for rank in one.random.ranks] == [rank.treatment for rank in two.random.ranks]
    assert [rank.p_score for rank in one.random.ranks] == pytest.approx([rank.p_score for rank in two.random.ranks])


def test_effects_are_consistent():
    result = network_meta_analysis(network_of(random_studies(8)[0]))
    for model in (result.common, result.random):
        ab, bc, ac = (comparison(result, *pair, model=model).network.effect for pair in ("AB", "BC", "AC"))
        assert ab + bc == pytest.approx(ac, abs=1e-12)


@settings(max_examples=25)
@given(seed=SEEDS)
def test_an_arm_that_nobody_else_has_tells_nothing_about_the_others(seed):
    studies, _ = random_studies(seed, count=12)
    longer = [[*studies[0], ("Z", 0.7, 0.05)], *studies[1:]]
    one = network_meta_analysis(network_of(studies), reference="A", draws=100)
    two = network_meta_analysis(network_of(longer), reference="A", draws=100)
    assert two.q.q == pytest.approx(one.q.q, rel=1e-9)
    assert two.q.df == one.q.df
    assert two.tau2 == pytest.approx(one.tau2, abs=1e-10)
    np.testing.assert_allclose(two.random.effects[:5], one.random.effects, atol=1e-9)


def test_a_network_made_of_a_known_truth_gives_it_back():
    studies, truth = random_studies(11, count=400, tau=0.4)
    result = network_meta_analysis(network_of(studies), reference="A", method="REML")
    for name in "BCDE":
        found = comparison(result, name, "A").network
        assert abs(found.effect - (truth[name] - truth["A"])) < 4 * found.se
        assert found.se < 0.06
    assert result.tau2 == pytest.approx(0.16, abs=0.04)
    low, high = result.tau2_interval
    assert low < 0.16 < high
    assert result.decomposition.within.q + result.decomposition.between.q == pytest.approx(result.q.q)


def test_intervals_hold_the_truth_as_often_as_they_say():
    inside, count = 0, 0
    for seed in range(150):
        studies, truth = random_studies(seed, count=25, tau=0.3)
        _, rows, columns = prepared(studies)
        done = fit(rows, columns, 0.09)
        gap = done.beta - np.array([truth[name] - truth["A"] for name in "BCDE"])
        inside += int((np.abs(gap) < 1.96 * np.sqrt(np.diag(done.covariance))).sum())
        count += 4
    assert 0.925 < inside / count < 0.975


def test_contrasts_that_do_not_close_are_reconciled_and_counted():
    """By hand: the reduced weights of a triangle, and least squares over its three contrasts (Ruecker 2012)."""
    y = np.array([0.5, 0.9, 0.31])
    v = np.array([0.04, 0.05, 0.06])
    study = NetworkStudy(name="s", treatments=("A", "B", "C"), effects=y, variances=v)
    network = Network(studies=(study,), treatments=("A", "B", "C"), measure="MD")
    rows = rows_of(network)
    arm = np.array([v[0] + v[1] - v[2], v[0] + v[2] - v[1], v[1] + v[2] - v[0]]) / 2
    joint = 1 / arm
    weights = np.array([joint[i] * joint[j] for i, j in ((0, 1), (0, 2), (1, 2))]) / joint.sum()
    incidence = np.array([[1, -1, 0], [1, 0, -1], [0, 1, -1]], float)
    theta = np.linalg.lstsq(np.sqrt(weights)[:, None] * incidence, np.sqrt(weights) * y, rcond=None)[0]
    rest = y - incidence @ theta
    done = fit(rows, consistency_columns(rows, network.treatments, "C"), 0.0)
    effects, covariance = all_effects(done, network.treatments, "C")
    np.testing.assert_allclose(effects[:2], theta[:2] - theta[2], atol=1e-12)
    assert done.q == pytest.approx(float((weights * rest**2).sum()))
    assert covariance[0, 0] == pytest.approx(v[1])


def test_impossible_standard_errors_are_refused():
    study = NetworkStudy(
        name="odd", treatments=("A", "B", "C"), effects=np.zeros(3), variances=np.array([0.01, 0.01, 0.09])
    )
    network = Network(studies=(study,), treatments=("A", "B", "C"), measure="MD")
    with pytest.raises(DataError, match="study odd: the standard errors"):
        rows_of(network)


@pytest.mark.parametrize(("q", "k", "upper"), [(3.0, 7, 0.708), (1.0, 5, 0.792), (2.0, 4, 0.847)])
def test_i2_interval_without_heterogeneity_is_the_familiar_one(q, k, upper):
    """0 % [0 %; 70.8 %] for seven studies, 79.2 % for five, 84.7 % for four: as the R package meta prints."""
    value, (low, high) = i_squared(q, k - 1, 0.95)
    assert (value, low) == (0.0, 0.0)
    assert high == pytest.approx(upper, abs=5e-4)


def test_i2_without_degrees_of_freedom_is_not_said():
    assert i_squared(0.0, 0, 0.95) is None
    assert i_squared(0.5, 1, 0.95) == (0.0, None)


def test_tau2_interval_is_where_q_meets_chi_square():
    _, rows, columns = prepared(random_studies(4, tau=0.6)[0])
    low, high = tau2_interval(rows, columns, 0.95)
    assert low < estimate_tau2(rows, columns, "DL") < high
    df = columns.shape[0] - columns.shape[1]
    assert stats.chi2.cdf(fit(rows, columns, low).q, df) == pytest.approx(0.975)
    assert stats.chi2.cdf(fit(rows, columns, high).q, df) == pytest.approx(0.025)


@pytest.mark.parametrize("method", ["REML", "ML"])
def test_observed_information_is_the_second_derivative_of_the_likelihood(method):
    restricted = method == "REML"
    _, rows, columns = prepared(random_studies(4, tau=0.6)[0])
    tau2 = estimate_tau2(rows, columns, method)
    done = fit(rows, columns, tau2)

    def minus_log_likelihood(p):
        v = rows.spread + p[-1] / 2
        rest = rows.fixed_z - columns @ p[:-1]
        value = 0.5 * (np.log(v).sum() + (rest**2 / v).sum())
        return value + restricted * 0.5 * np.linalg.slogdet((columns / v[:, None]).T @ columns)[1]

    start, h = np.append(done.beta, tau2), 1e-4
    n = len(start)
    hessian = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            for a in (1, -1):
                for b in (1, -1):
                    step = start.copy()
                    step[i] += a * h
                    step[j] += b * h
                    hessian[i, j] += a * b * minus_log_likelihood(step) / (4 * h * h)
    expected = np.linalg.inv(hessian)[:-1, :-1]
    np.testing.assert_allclose(observed_covariance(rows, columns, done, restricted=restricted), expected, rtol=1e-4)


def test_without_degrees_of_freedom_there_is_only_the_common_effect():
    result = network_meta_analysis(network_of([[("A", 0.0, 0.1), ("B", 1.0, 0.1)], [("B", 0.0, 0.1), ("C", 1.0, 0.2)]]))
    assert result.random is None
    assert (result.tau2, result.i2, result.q.p_value, result.tau2_interval) == (None, None, None, None)
    assert result.tau2_by_method == dict.fromkeys(METHODS)
    assert any("estimated once" in note for note in result.notes)
    assert comparison(result, "C", "A").network.se == pytest.approx(0.5**0.5)


def test_one_study_is_refused():
    with pytest.raises(DataError, match="study s0 is the only one"):
        network_meta_analysis(network_of([[("A", 0.0, 0.1), ("B", 1.0, 0.1), ("C", 1.0, 0.1)]]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "SJ"}, "--method 'SJ'"),
        ({"reference": "Q"}, "--reference 'Q'"),
        ({"small_values": "fine"}, "--small-values 'fine'"),
        ({"level": 95}, "--level 95"),
        ({"seed": -1}, "--seed -1"),
        ({"draws": 3}, "--draws 3"),
    ],
)
def test_options_that_cannot_be_are_refused(options, said):
    with pytest.raises(DataError, match=said):
        network_meta_analysis(network_of(random_studies(1)[0]), **options)
