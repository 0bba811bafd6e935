"""Recomputed statistics: what is rightly rounded never fails, what cannot be is named; against slow plain formulas."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from assuage.evidence import printed, recompute
from assuage.evidence.printed import Estimate, MeanSd
from assuage.evidence.reported import scales

DECIMALS = st.integers(1, 3)


def only(found):
    (one,) = found
    return one


def shown(value, decimals):
    return f"{value:.{decimals}f}"


@given(st.floats(0.05, 6), st.integers(3, 300), DECIMALS, st.integers(2, 4), st.booleans())
def test_a_rightly_rounded_t_never_fails(t, df, decimals, p_decimals, negative):
    p = 2 * stats.t.sf(t, df)
    assume(round(p, p_decimals) > 0)
    sign = "-" if negative else ""
    test = only(printed.test_results(f"t({df})={sign}{shown(t, decimals)}, p={shown(p, p_decimals)}"))
    assert test.df == (df,)
    assert recompute.p_misfit(test, test.df) is None


@given(st.floats(0.05, 30), st.integers(1, 10), st.integers(3, 300), DECIMALS, st.integers(2, 4))
def test_a_rightly_rounded_f_never_fails(value, df1, df2, decimals, p_decimals):
    p = stats.f.sf(value, df1, df2)
    assume(round(p, p_decimals) > 0)
    test = only(printed.test_results(f"F({df1}, {df2}) = {shown(value, decimals)}, p = {shown(p, p_decimals)}"))
    assert recompute.p_misfit(test, test.df) is None


@given(st.floats(-0.99, 0.99), st.integers(3, 300), st.integers(2, 3), st.integers(2, 4))
def test_a_rightly_rounded_r_never_fails(r, df, decimals, p_decimals):
    p = 2 * stats.t.sf(abs(r) * math.sqrt(df / (1 - r * r)), df)
    assume(round(p, p_decimals) > 0)
    test = only(printed.test_results(f"r({df})={shown(r, decimals)}, p={shown(p, p_decimals)}"))
    assert recompute.p_misfit(test, test.df) is None


@given(st.floats(0.05, 40), st.integers(1, 10), DECIMALS, st.integers(2, 4))
def test_a_rightly_rounded_chi2_never_fails(value, df, decimals, p_decimals):
    p = stats.chi2.sf(value, df)
    assume(round(p, p_decimals) > 0)
    test = only(printed.test_results(f"chi2({df}, N = 120) = {shown(value, decimals)}, p={shown(p, p_decimals)}"))
    assert test.df == (df,)
    assert recompute.p_misfit(test, test.df) is None


@given(st.floats(0.1, 5), st.integers(5, 200), st.sampled_from([0.5, 2.0]))
def test_a_wrong_p_fails(t, df, factor):
    p = 2 * stats.t.sf(t, df)
    assume(0.0005 < p * factor < 0.9)
    assume(p > 0.0005)
    text = f"t({df})={t:.4f}, p={p * factor:.6f}"
    test = only(printed.test_results(text))
    assert "not p =" in str(recompute.p_misfit(test, test.df))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("t(58)=2.31, p=.02", True),  # 0.0245 rounds to .02
        ("t(58)=2.31, p=.03", False),
        ("t[33]=-2.61, p=0.014", True),
        ("t(58)=2.31, p<.05", True),
        ("t(58)=2.31, p<.01", False),
        ("t(58)=1.31, p>.05", True),
        ("t(58)=2.31, p>.05", False),
        ("t(58)=1.80, p=.04", False),
        ("t(58)=1.80, p=.04, one-tailed", True),
        ("F(1,40)=4.08, p=.050", True),
        ("z = 1.96, p = .05", True),
        ("χ²(1)=3.84, p=.05", True),
        ("rs=-0.438, p=0.012", False),
        ("t(58)=5.31, p=1.8e-6", True),
        ("t(58)=5.31, p=1.8 × 10^-6", True),
        ("t(58)=5.31, P = 1.8x10−3", False),
    ],
)
def test_printed_examples(text, fits):
    test = only(printed.test_results(text))
    df = test.df or ((33.0,) if test.kind == "r" else ())
    assert (recompute.p_misfit(test, df) is None) == fits


def test_a_p_value_belongs_to_the_statistic_before_it():
    first, second = printed.test_results("r=0.1, p=0.39; with covariates r=-0.27, p=0.014")
    assert (first.p.number.value, second.p.number.value) == (0.39, 0.014)
    first, second = printed.test_results("t(20)=1.1, F(1,20)=2.0, p=.17")
    assert first.p is None
    assert second.p.number.value == 0.17


@given(st.floats(-2, 2), st.floats(0.05, 1), st.integers(2, 3))
def test_a_rightly_rounded_ratio_never_fails(log_ratio, se, decimals):
    low, value, high = (math.exp(log_ratio + k * recompute.Z95 * se) for k in (-1, 0, 1))
    text = f"OR {shown(value, decimals)} ({shown(low, decimals)}-{shown(high, decimals)}), SE {se:.3f}"
    assume(float(shown(low, decimals)) > 0)
    estimate = only(printed.estimates(text))
    assert estimate.ratio
    for rule in (recompute.interval_misfit, recompute.asymmetry, recompute.se_misfit):
        assert rule(estimate) is None
    p = 2 * stats.norm.sf(abs(log_ratio) / se)
    assume(abs(p - 0.05) > 0.001)
    with_p = only(printed.estimates(f"{text}, p={p:.4f}"))
    assert recompute.p_against_interval(with_p) is None


@given(st.floats(-5, 5), st.floats(0.05, 2), DECIMALS)
def test_a_rightly_rounded_difference_never_fails(value, se, decimals):
    low, high = (value + k * recompute.Z95 * se for k in (-1, 1))
    text = f"SMD {shown(value, decimals)} ({shown(low, decimals)} to {shown(high, decimals)}), SE {se:.3f}"
    estimate = only(printed.estimates(text))
    for rule in (recompute.interval_misfit, recompute.asymmetry, recompute.se_misfit):
        assert rule(estimate) is None


@pytest.mark.parametrize("text", ["t(58)=2,31, p=0,024", "t=12 weeks, p=.03", "OR, p value .03", "p of 0,03"])
def test_what_is_written_otherwise_is_left_alone(text):
    assert list(printed.test_results(text)) == []
    assert list(printed.p_values(text)) == [] or "p=.03" in text


@pytest.mark.parametrize(
    "text",
    [
        "OR 2.79 (0.78-9.97)",
        "OR = 2.79 [95% CI: 0.78, 9.97]",
        "OR 2.79, 95% CI 0.78-9.97",
        "OR=2.79, 95 % CI 0.78 to 9.97, p=.11",
        "OR 2.79 95% CI [0.78–9.97]",
    ],
)
def test_ways_to_print_an_interval(text):
    estimate = only(printed.estimates(text))
    assert (estimate.measure, estimate.value.value, estimate.low.value, estimate.high.value) == ("OR", 2.79, 0.78, 9.97)
    assert recompute.asymmetry(estimate) is None


def test_estimates_keep_their_measure():
    text = "HR 0.72 (0.52-0.99); 45-64 y 0.54 (0.30-0.99); <=44 y 1.22 (0.68-2.16); response 41.30% (31.03, 51.57)"
    assert [e.measure for e in printed.estimates(text)] == ["HR", "HR", "HR", ""]
    pair = list(printed.estimates("OR 3.03 (1.19-7.71), 1.59 (0.61-4.12)"))
    assert [e.measure for e in pair] == ["OR", "OR"]
    assert isinstance(pair[0], Estimate)
    assert [e.measure for e in printed.estimates("day 11 d=0.86 (0.38, 1.33); age 15.1 (12-17)")] == ["d", ""]


@given(st.lists(st.integers(0, 52), min_size=2, max_size=80), st.integers(1, 2))
def test_real_scores_pass_every_check_of_means(scores, decimals):
    mean, sd, n = np.mean(scores), np.std(scores, ddof=1), len(scores)
    item = only(printed.means(f"HAM-D17 {shown(mean, decimals)} (SD {shown(sd, decimals)})"))
    assert isinstance(item, MeanSd)
    assert recompute.off_scale(item, 0, 52, n, change=False) is None
    assert recompute.grim_misfit(item.mean, n) is None


@given(st.lists(st.integers(0, 52), min_size=3, max_size=60), st.lists(st.integers(0, 52), min_size=3, max_size=60))
def test_t_of_real_scores_passes(one, other):
    assume(np.std(one) > 0.5)
    assume(np.std(other) > 0.5)
    for pooled in (True, False):
        t = stats.ttest_ind(one, other, equal_var=pooled).statistic
        groups = (f"{np.mean(scores):.2f}+-{np.std(scores, ddof=1):.2f}" for scores in (one, other))
        text = f"{' vs '.join(groups)}, t={t:.2f}"
        first, second = printed.means(text)
        test = only(printed.test_results(text))
        assert recompute.t_misfit(test, first, second, len(one), len(other)) is None


@given(st.integers(1, 60), st.integers(1, 2), st.data())
def test_grim_against_every_sum(n, decimals, data):
    hundred = 10**decimals
    value = data.draw(st.integers(0, 5 * hundred)) / hundred
    half = 0.5 / hundred
    possible = any(abs(total / n - value) <= half + 1e-9 for total in range(6 * n))
    assert (recompute.grim_misfit(printed.printed(shown(value, decimals)), n) is None) == possible


@given(st.integers(1, 300), st.data(), st.integers(0, 1))
def test_a_count_fits_its_own_percentage(n, data, decimals):
    count = data.draw(st.integers(0, n))
    percent = printed.printed(shown(100 * count / n, decimals))
    assert recompute.count_misfit(count, percent, n) is None
    assert recompute.percent_misfit(percent, n) is None


@pytest.mark.parametrize(
    ("clause", "values"),
    [
        ("response 85% vs 31.7%", [85, 31.7]),
        ("79% vs 13% no longer met criteria", [79, 13]),
        ("remission 33.3%, highest of three", [33.3]),
        ("55.2% low, 54.5% moderate", []),
        ("62 (1.1%) vs 90 (1.6%)", []),
        ("response 41.30% (31.03, 51.57)", []),
        ("reduction 45.3% vs 20.1%", []),
    ],
)
def test_percentages_that_can_be_held_against_a_group(clause, values):
    assert [p.value for p in printed.percentages(clause)] == values


@given(st.text(max_size=200))
def test_any_text_can_be_looked_through(text):
    for test in printed.test_results(text):
        if test.df and len(test.df) == (2 if test.kind == "F" else 1):
            recompute.p_misfit(test, test.df)
    for estimate in printed.estimates(text):
        recompute.interval_misfit(estimate)
    list(printed.means(text))
    list(printed.p_values(text))


@pytest.mark.parametrize("scale", scales(), ids=lambda s: s.names[0])
def test_scales_have_a_source(scale):
    assert scale.low < scale.high
    assert scale.source
    assert scale.source_level in {"secondary", "abstract", "full_text"}
