"""What has to hold of any data: symmetries, limits, and the formulas in slow plain code."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from assuage.errors import DataError
from assuage.synthesis.analysis import Choices, analyse
from assuage.synthesis.conversions import (
    d_from_log_odds,
    d_from_r,
    d_from_t,
    log_odds_from_d,
    r_from_d,
    se_from_interval,
    t_from_p,
)
from assuage.synthesis.heterogeneity import METHODS, estimate_tau2, generalised_q, tau2_interval
from assuage.synthesis.influence import leave_one_out
from assuage.synthesis.measures import MEASURES, back_transform, exact_j, with_half
from assuage.synthesis.multilevel import fit_multilevel
from assuage.synthesis.p_curve import p_curve
from assuage.synthesis.pooling import TESTS, pool
from assuage.synthesis.reading import parse_studies
from assuage.synthesis.results_json import as_json
from assuage.synthesis.robust import robust_coefficients
from assuage.synthesis.small_study import rank_test, small_study
from assuage.synthesis.trim_fill import trim_and_fill
from assuage.synthesis.two_by_two import mantel_haenszel, pool_peto

RANDOM = tuple(method for method in METHODS if method != "EE")
LIGHT = settings(max_examples=15, deadline=None)


@st.composite
def effects(draw, least=4, most=9):
    k = draw(st.integers(least, most))
    y = draw(st.lists(st.floats(-2, 2), min_size=k, max_size=k))
    v = draw(st.lists(st.floats(0.01, 0.5), min_size=k, max_size=k))
    return np.array(y) + 1e-3 * np.arange(k), np.array(v)


@pytest.mark.parametrize("method", METHODS)
@given(data=effects())
@LIGHT
def test_a_flipped_sign_flips_the_estimate_and_nothing_else(method, data):
    y, v = data
    a, b = pool(y, v, method=method), pool(-y, v, method=method)
    assert b.tau2 == pytest.approx(a.tau2, abs=1e-8)
    assert b.coefficients.estimate[0] == pytest.approx(-a.coefficients.estimate[0], abs=1e-7)
    assert b.coefficients.ci_low[0] == pytest.approx(-a.coefficients.ci_high[0], abs=1e-7)


@pytest.mark.parametrize("method", METHODS)
@given(data=effects(), factor=st.floats(0.1, 50), shift=st.floats(-5, 5))
@LIGHT
def test_another_unit_and_origin(method, data, factor, shift):
    """y -> factor y + shift, v -> factor² v."""
    y, v = data
    a, b = pool(y, v, method=method), pool(factor * y + shift, factor**2 * v, method=method)
    assert b.tau2 == pytest.approx(factor**2 * a.tau2, rel=1e-5, abs=1e-7 * factor**2)
    assert b.coefficients.estimate[0] == pytest.approx(factor * a.coefficients.estimate[0] + shift, abs=1e-5 * factor)
    assert b.heterogeneity.q.statistic == pytest.approx(a.heterogeneity.q.statistic, rel=1e-7, abs=1e-9)


@given(data=effects(), seed=st.integers(0, 99))
@LIGHT
def test_the_order_of_studies_does_not_matter(data, seed):
    y, v = data
    order = np.random.default_rng(seed).permutation(y.size)
    a, b = pool(y, v), pool(y[order], v[order])
    assert b.coefficients.estimate[0] == pytest.approx(a.coefficients.estimate[0], abs=1e-9)
    assert b.heterogeneity.tau2_ci == pytest.approx(a.heterogeneity.tau2_ci, abs=1e-8)
    assert b.weights_percent == pytest.approx(a.weights_percent[order], abs=1e-7)


@pytest.mark.parametrize("method", RANDOM)
def test_without_heterogeneity_random_effects_is_the_common_effect(method):
    y, v = np.full(6, 0.3), np.linspace(0.05, 0.3, 6)
    fit, common = pool(y, v, method=method), pool(y, v, method="EE")
    assert fit.tau2 == 0
    assert fit.coefficients.se == pytest.approx(common.coefficients.se)
    assert fit.heterogeneity.i2_percent == 0
    assert fit.heterogeneity.h2 == 1
    assert fit.prediction == pytest.approx((fit.coefficients.ci_low[0], fit.coefficients.ci_high[0]))


def test_equal_variances_make_the_estimators_agree():
    """With one v for all, REML, DL, HE and PM are the sample variance minus v."""
    y, v = np.array([0.1, 0.9, -0.3, 1.4, 0.6]), np.full(5, 0.1)
    expected = np.var(y, ddof=1) - 0.1
    for method in ("REML", "DL", "HE", "PM"):
        assert estimate_tau2(y, v, np.ones((5, 1)), method).value == pytest.approx(expected, rel=1e-9)
    assert estimate_tau2(y, v, np.ones((5, 1)), "ML").value == pytest.approx(np.var(y) - 0.1, rel=1e-9)


@given(data=effects())
@LIGHT
def test_restricted_likelihood_is_highest_at_its_estimate(data):
    """The likelihood of the docstring, written out, on a grid."""
    y, v = data

    def height(t):
        w = 1 / (v + t)
        m = np.sum(w * y) / np.sum(w)
        return -0.5 * (np.sum(np.log(v + t)) + np.log(np.sum(w)) + np.sum(w * (y - m) ** 2))

    best = estimate_tau2(y, v, np.ones((y.size, 1)), "REML").value
    assert height(best) >= max(height(t) for t in np.linspace(0, 5, 400)) - 1e-9


@given(data=effects())
@LIGHT
def test_q_profile_bounds_put_q_at_its_quantiles(data):
    y, v = data
    x = np.ones((y.size, 1))
    low, high = tau2_interval(y, v, x, 0.95)
    df = y.size - 1
    for bound, quantile in ((low, 0.975), (high, 0.025)):
        if bound > 0:
            assert generalised_q(y, v, x, bound) == pytest.approx(chi2.ppf(quantile, df), rel=1e-7)


@given(data=effects(least=5))
@LIGHT
def test_hartung_knapp_in_plain_code(data):
    y, v = data
    fit = pool(y, v, test="hk")
    w = 1 / (v + fit.tau2)
    m = np.sum(w * y) / np.sum(w)
    se = math.sqrt(np.sum(w * (y - m) ** 2) / ((y.size - 1) * np.sum(w)))
    assert fit.coefficients.se[0] == pytest.approx(se, rel=1e-9)
    adhoc, t = pool(y, v, test="hk-adhoc"), pool(y, v, test="t")
    assert adhoc.coefficients.se[0] == pytest.approx(max(se, t.coefficients.se[0]), rel=1e-9)


@given(
    y=st.lists(st.sampled_from([0.0, 0.3, -1.2, 110.0]), min_size=1, max_size=6),
    v=st.lists(st.sampled_from([1e-6, 0.1, 1e4]), min_size=6, max_size=6),
    choices=st.sampled_from(
        [{}, {"test": "hk"}, {"method": "ML"}, {"method": "PM"}, {"moderators": ("group",)}, {"subgroup": "group"},
         {"cluster": ("group",), "rho": 0.5}, {"cluster": ("group",), "robust": "CR2"}, {"prediction_df": "k-2"}]
    ),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_table_has_a_result_or_is_refused(y, v, choices):
    lines = [f"s{i},{effect},{v[i]},{'ab'[i % 2]}" for i, effect in enumerate(y)]
    table = parse_studies("\n".join(["study,yi,vi,group", *lines]), source="t.csv")
    try:
        document = as_json(analyse(table, Choices(**choices)), source="t.csv")
    except DataError:
        return
    assert min(y) - 1e-6 <= document["studies"][0]["yi"] <= max(y)
    assert document["se"] is None or document["se"] >= 0


@pytest.mark.parametrize("test", TESTS)
def test_two_studies_and_one(test):
    two = pool(np.array([0.2, 0.6]), np.array([0.04, 0.09]), test=test)
    assert np.isfinite(two.coefficients.ci_low[0])
    one = pool(np.array([0.2]), np.array([0.04]), test=test)
    assert one.method == "EE"
    assert one.coefficients.estimate[0] == 0.2
    assert one.heterogeneity.q.statistic == pytest.approx(0)
    assert one.coefficients.ci_low[0] == pytest.approx(0.2 - 1.959964 * 0.2, abs=1e-6)


@pytest.mark.parametrize(
    ("y", "v", "choices", "words"),
    [
        ([0.1, 0.2], [0.1, 0.0], {}, "not positive"),
        ([0.1, np.nan], [0.1, 0.1], {}, "missing"),
        ([], [], {}, "no study"),
        ([0.1, 0.2], [0.1, 0.1], {"method": "XX"}, "REML"),
        ([0.1, 0.2], [0.1, 0.1], {"test": "wald"}, "hk"),
        ([0.1, 0.2], [0.1, 0.1], {"level": 1.0}, "0.95"),
    ],
)
def test_what_cannot_be_pooled_is_refused(y, v, choices, words):
    with pytest.raises(DataError, match=words):
        pool(np.array(y), np.array(v), **choices)


def test_moderators_that_depend_on_each_other_are_refused():
    x = np.column_stack([np.ones(5), np.arange(5), 2 * np.arange(5)])
    with pytest.raises(DataError, match="not independent"):
        pool(np.arange(5.0), np.ones(5), x, names=("a", "b", "c"))


@given(data=effects(least=5))
@LIGHT
def test_leave_one_out_is_the_fit_without_the_study(data):
    y, v = data
    fit = pool(y, v)
    for deletion in leave_one_out(fit):
        rest = pool(np.delete(y, deletion.index), np.delete(v, deletion.index))
        assert deletion.estimate == pytest.approx(rest.coefficients.estimate[0], abs=1e-9)
        assert deletion.hat == pytest.approx(fit.weights_percent[deletion.index] / 100)


@given(data=effects(least=5))
@LIGHT
def test_one_level_of_single_effects_is_the_random_effects_model(data):
    y, v = data
    for method in ("REML", "ML"):
        flat = pool(y, v, method=method)
        levels = [("study", [str(i) for i in range(y.size)])]
        deep = fit_multilevel(y, v, levels, method=method)
        assert deep.levels[0].variance == pytest.approx(flat.tau2, abs=1e-6)
        assert deep.coefficients.se[0] == pytest.approx(flat.coefficients.se[0], rel=1e-4)
        assert deep.likelihood.log_likelihood == pytest.approx(flat.likelihood[method].log_likelihood, abs=1e-7)


@pytest.mark.parametrize(("v_wide", "tau2"), [(0.3, 0.0073), (0.2, 0.5674)])
def test_the_higher_of_two_maxima_is_taken(v_wide, tau2):
    """Four precise effects alike and three wide ones apart: at v 0.3 the restricted likelihood has summits at .007
    and at .33, the first the higher; at v 0.2 that at .57 is left (read off a grid of 200)."""
    y, v = np.array([0.0, 0.1, -0.1, 0.05, 1.2, -1.4, 1.5]), np.array([0.001] * 4 + [v_wide] * 3)
    assert pool(y, v, method="REML").tau2 == pytest.approx(tau2, rel=0.05)
    deep = fit_multilevel(y, v, [("study", list("abcdefg"))], method="REML")
    assert deep.levels[0].variance == pytest.approx(tau2, rel=0.05)


def test_multilevel_likelihood_in_plain_code():
    """Restricted likelihood of the docstring with the full matrix, V with rho, and its maximum on a grid around."""
    rng = np.random.default_rng(3)
    study = np.repeat(np.arange(6), 3)
    y, v = 0.3 + rng.normal(0, 0.4, 6)[study] + rng.normal(0, 0.3, 18), rng.uniform(0.02, 0.1, 18)
    levels = [("study", [str(i) for i in study]), ("effect", [str(i) for i in range(18)])]
    fit = fit_multilevel(y, v, levels, rho=0.5)
    same = study[:, None] == study[None, :]
    covariance = np.where(same, 0.5 * np.sqrt(np.outer(v, v)), 0.0)
    np.fill_diagonal(covariance, v)

    def height(a, b):
        s = covariance + a * same + b * np.eye(18)
        inverse = np.linalg.inv(s)
        m = inverse.sum()
        mean = inverse.sum(axis=0) @ y / m
        quadratic = (y - mean) @ inverse @ (y - mean)
        constants = 17 * math.log(2 * math.pi) - math.log(18)
        return -0.5 * (constants + np.linalg.slogdet(s)[1] + math.log(m) + quadratic)

    a, b = (level.variance for level in fit.levels)
    assert fit.likelihood.log_likelihood == pytest.approx(height(a, b), abs=1e-9)
    around = [height(a * f, b * g) for f in (0.9, 1, 1.1) for g in (0.9, 1, 1.1)]
    assert max(around) <= fit.likelihood.log_likelihood + 1e-10
    low, high = fit.levels[0].ci
    assert low < a < high


def test_robust_errors_of_single_effects_hold_the_design():
    """CR1p with one effect per cluster is the Huber-White sandwich times k/(k − p); metafor prints 0.032106 for BCG
    (tests/testthat/test_misc_robust.r)."""
    a, b = (
        np.array([4, 6, 3, 62, 33, 180, 8, 505, 29, 17, 186, 5, 27.0]),
        np.array([119, 300, 228, 13536, 5036, 1361, 2537, 87886, 7470, 1699, 50448, 2493, 16886.0]),
    )
    c, d = (
        np.array([11, 29, 11, 248, 47, 372, 10, 499, 45, 65, 141, 3, 29.0]),
        np.array([128, 274, 209, 12619, 5761, 1079, 619, 87892, 7232, 1600, 27197, 2338, 17825.0]),
    )
    y, v = MEASURES["RR"].compute({"a": a, "b": b, "c": c, "d": d})
    fit = pool(y, v)
    blocks = tuple(np.array([i]) for i in range(13))
    sigma = tuple(np.array([[variance + fit.tau2]]) for variance in v)
    got = robust_coefficients(
        y, fit.x, fit.coefficients.estimate, fit.model_covariance, blocks, sigma, names=("b",), kind="CR1p"
    )
    assert got.se[0] ** 2 == pytest.approx(0.032106, abs=5e-7)


def test_coverage_of_intervals():
    """95 % intervals by Hartung-Knapp and the Q-profile hold the truth about as often (k = 8, tau² = 0.1)."""
    rng = np.random.default_rng(11)
    runs, mean_held, tau2_held = 300, 0, 0
    for _ in range(runs):
        v = rng.uniform(0.02, 0.2, 8)
        y = 0.5 + rng.normal(0, math.sqrt(0.1), 8) + rng.normal(0, np.sqrt(v))
        fit = pool(y, v, test="hk", method="DL")
        mean_held += fit.coefficients.ci_low[0] <= 0.5 <= fit.coefficients.ci_high[0]
        low, high = fit.heterogeneity.tau2_ci
        tau2_held += low <= 0.1 <= high
    assert 0.91 <= mean_held / runs <= 0.985
    assert 0.91 <= tau2_held / runs <= 0.985


def test_trim_and_fill_puts_back_what_was_cut_and_flips_with_the_sign():
    rng = np.random.default_rng(5)
    v = rng.uniform(0.01, 0.3, 40)
    y = 0.4 + rng.normal(0, np.sqrt(v))
    kept = y > 0.15
    one = trim_and_fill(y[kept], v[kept], side="left")
    other = trim_and_fill(-y[kept], v[kept], side="right")
    assert one.missing == other.missing > 0
    assert other.fit.coefficients.estimate[0] == pytest.approx(-one.fit.coefficients.estimate[0], abs=1e-9)
    assert one.fit.coefficients.estimate[0] < pool(y[kept], v[kept]).coefficients.estimate[0]


def test_a_symmetric_funnel_lacks_nothing():
    se = np.linspace(0.1, 0.5, 8)
    y = np.concatenate([0.2 + se, 0.2 - se])
    filled = trim_and_fill(y, np.concatenate([se, se]) ** 2)
    assert filled.missing == 0


def test_p_curve_of_no_effect_and_of_much():
    from scipy.stats import norm  # noqa: PLC0415

    uniform = norm.isf(np.linspace(0.0005, 0.0495, 50) / 2)
    flat = p_curve(uniform)
    assert abs(flat.right_skew.full_z) < 0.2
    assert flat.power_percent < 8
    assert flat.inadequate
    strong = p_curve(np.linspace(2.5, 5, 30))
    assert strong.evidential_value
    assert strong.power_percent > 80
    with pytest.raises(DataError, match=r"p < 0\.05"):
        p_curve(np.array([0.3, -1.2]))


def test_p_curve_of_t_tends_to_that_of_z():
    z = np.array([2.1, 2.4, 3.0, 3.3, -2.6])
    far, near = p_curve(z), p_curve(z, np.full(5, 1e6))
    assert near.right_skew.full_z == pytest.approx(far.right_skew.full_z, abs=1e-3)
    assert near.flat.full_z == pytest.approx(far.flat.full_z, abs=1e-3)


def test_small_study_tests_refuse_what_they_cannot_see():
    with pytest.raises(DataError, match="too few"):
        small_study(np.array([0.1, 0.2]), np.array([0.1, 0.2]))
    with pytest.raises(DataError, match="same variance"):
        small_study(np.array([0.1, 0.2, 0.3]), np.full(3, 0.1))


def test_rank_test_takes_the_common_effect_off_the_variances():
    """By hand: with v - 1/Σw the deviates rise with v (tau 1); with v alone the first two would change places."""
    assert rank_test(np.array([0.0, -0.007, 19.83]), np.array([0.01, 0.011, 1.0])).tau == pytest.approx(1.0)


@pytest.mark.parametrize("n", [2, 5, 12, 300])
def test_exact_j_is_the_ratio_of_gamma_functions(n):
    expected = math.gamma(n / 2) / (math.sqrt(n / 2) * math.gamma((n - 1) / 2))
    assert float(exact_j(np.array(float(n)))) == pytest.approx(expected, rel=1e-12)
    assert float(exact_j(np.array(float(n)))) == pytest.approx(1 - 3 / (4 * n - 1), abs=0.02)


@pytest.mark.parametrize("name", ["OR", "RR", "RD", "PETO", "AS", "IRR", "IRD", "MD", "SMD"])
def test_swapped_arms_swap_the_sign(name):
    measure = MEASURES[name]
    values = {"a": 12.0, "b": 30.0, "c": 7.0, "d": 41.0, "x1": 12.0, "t1": 90.0, "x2": 7.0, "t2": 130.0,
              "m1": 3.0, "sd1": 1.2, "n1": 20.0, "m2": 2.1, "sd2": 0.8, "n2": 25.0}  # fmt: skip
    swap = {"a": "c", "b": "d", "c": "a", "d": "b"}
    one = {role: np.array([values[role]]) for role in measure.needs}
    other = {role: one[swap.get(role) or role.translate(str.maketrans("12", "21"))] for role in measure.needs}
    y, v = measure.compute(one)
    y2, v2 = measure.compute(other)
    assert y2 == pytest.approx(-y)
    assert v2 == pytest.approx(v)


def test_half_is_added_where_a_cell_is_zero_and_nowhere_else():
    table = {
        "a": np.array([0.0, 3.0]),
        "b": np.array([10.0, 7.0]),
        "c": np.array([2.0, 4.0]),
        "d": np.array([8.0, 6.0]),
    }
    changed, which = with_half("OR", table)
    assert which.tolist() == [True, False]
    assert [changed[cell][0] for cell in "abcd"] == [0.5, 10.5, 2.5, 8.5]
    assert [changed[cell][1] for cell in "abcd"] == [3, 7, 4, 6]
    untouched, none = with_half("AS", table)
    assert not np.any(none)
    assert untouched["a"][0] == 0


def test_conversions_go_there_and_back():
    y, v = np.array([0.7]), np.array([0.04])
    assert d_from_log_odds(*log_odds_from_d(y, v)) == (pytest.approx(y), pytest.approx(v))
    d, variance = d_from_r(np.array([0.5]), np.array([0.0058]))
    assert d == pytest.approx([1.1547], abs=5e-5)  # Borenstein et al. 2009, page 48
    assert variance == pytest.approx([0.0550], abs=5e-5)
    r, _ = r_from_d(d, variance, np.array([50.0]), np.array([50.0]))
    assert r == pytest.approx([0.5], abs=1e-9)
    n = np.array([20.0])
    t = t_from_p(np.array([0.04]), np.array([38.0]), np.array([-1.0]))
    assert t < 0
    assert d_from_t(t, n, n) == pytest.approx(t * math.sqrt(0.1))
    assert se_from_interval(np.array([-1.959964]), np.array([1.959964]), 0.95) == pytest.approx([1.0], rel=1e-6)


def test_borenstein_odds_ratio_to_d():
    """Borenstein et al. 2009, Introduction to Meta-Analysis, page 47: 0.9069 (0.0676) is d 0.5000 (0.0205)."""
    d, v = d_from_log_odds(np.array([0.9069]), np.array([0.0676]))
    assert d == pytest.approx([0.5000], abs=5e-5)
    assert v == pytest.approx([0.0205], abs=5.1e-5)


@pytest.mark.parametrize(
    ("name", "y", "shown"), [("OR", 0.0, 1.0), ("ZCOR", 0.5493, 0.5), ("PLO", 0.0, 0.5), ("PAS", np.pi / 4, 0.5)]
)
def test_back_transformation(name, y, shown):
    assert back_transform(name, y) == pytest.approx(shown, abs=1e-4)
    assert back_transform("SMD", y) is None


@given(x=st.integers(0, 20))
@LIGHT
def test_a_double_arcsine_comes_back_as_the_proportion(x):
    y, _ = MEASURES["PFT"].compute({"x": np.array([float(x)]), "n": np.array([20.0])})
    assert back_transform("PFT", float(y[0]), 20.0) == pytest.approx(x / 20, abs=1e-9)


def test_mantel_haenszel_of_one_table_is_its_own_effect():
    table = {"a": np.array([12.0]), "b": np.array([30.0]), "c": np.array([7.0]), "d": np.array([41.0])}
    for name in ("OR", "RR", "RD"):
        y, v = MEASURES[name].compute(table)
        fit = mantel_haenszel(name, table)
        assert fit.estimate == pytest.approx(y[0])
        assert fit.se**2 == pytest.approx(v[0], rel=0.03)
    y, v = MEASURES["PETO"].compute(table)
    assert pool_peto(table).estimate == pytest.approx(y[0])


def test_counts_without_information_are_refused():
    nothing = {"a": np.zeros(2), "b": np.array([10.0, 15.0]), "c": np.zeros(2), "d": np.array([10.0, 10.0])}
    with pytest.raises(DataError, match="undefined"):
        mantel_haenszel("OR", nothing)
    with pytest.raises(DataError, match="no study"):
        pool_peto(nothing)
    with pytest.raises(DataError, match="MH pools"):
        mantel_haenszel("SMD", nothing)
