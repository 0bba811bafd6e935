"""Published worked examples to the printed digit; each says where its numbers were printed.

Where a last digit differs from metafor's it is the stopping rule of its iterations (tau² to 1e-5, intervals to 1e-4)
that shows, and the test says so by `within`.
"""

import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from assuage.synthesis.analysis import Analysis, Choices, analyse
from assuage.synthesis.heterogeneity import estimate_tau2
from assuage.synthesis.measures import odds_ratio, risk_ratio
from assuage.synthesis.multilevel import fit_multilevel
from assuage.synthesis.pooling import pool
from assuage.synthesis.reading import read_studies
from assuage.synthesis.trim_fill import trim_and_fill

DATA = Path(__file__).parent / "data"


@cache
def run(file: str, **choices: object) -> Analysis:
    return analyse(read_studies(DATA / f"{file}.csv"), Choices(**choices))  # type: ignore[arg-type]


def close(value: float, printed: str | float, *, within: int = 0) -> bool:
    """Whether a value rounds to what was printed, or to `within` units of its last digit."""
    text = str(printed)
    unit = 10.0 ** -(len(text.partition(".")[2]))
    return abs(value - float(text)) <= (0.5 + within) * unit * (1 + 1e-9)


def table_of(file: str, *roles: str) -> dict[str, np.ndarray]:
    table = read_studies(DATA / f"{file}.csv")
    return {role: table.numbers(role) for role in roles}


# Viechtbauer 2010, Journal of Statistical Software 36(3), doi:10.18637/jss.v036.i03, section 3: log risk ratios of BCG
def test_bcg_random_effects():
    a = run("colditz1994", measure="RR")
    c, h = a.fit.coefficients.rows()[0], a.fit.heterogeneity
    for name, printed in {
        "estimate": "-0.7145", "se": "0.1798", "statistic": "-3.9744", "ci_low": "-1.0669", "ci_high": "-0.3622"
    }.items():  # fmt: skip
        assert close(c[name], printed), name
    assert c["p_value"] < 0.0001
    assert close(h.tau2, "0.3132")
    assert close(h.tau2_se, "0.1664")
    assert close(h.i2_percent, "92.22")
    assert close(h.h2, "12.86")
    assert close(h.q.statistic, "152.2330")
    assert [close(x, p) for x, p in zip(h.tau2_ci, ("0.1197", "1.1115"), strict=True)] == [True, True]
    assert [close(x, p) for x, p in zip(h.i2_ci, ("81.92", "97.68"), strict=True)] == [True, True]
    assert [close(x, p) for x, p in zip(h.h2_ci, ("5.53", "43.07"), strict=True)] == [True, True]


def test_bcg_prediction_interval():
    """predict() of the same model, Viechtbauer 2010, section 3: 0.4894 with 0.1546 to 1.5490 as risk ratios."""
    low, high = run("colditz1994", measure="RR").fit.prediction
    assert close(math.exp(low), "0.1546", within=1)
    assert close(math.exp(high), "1.5490", within=1)


def test_bcg_mixed_effects():
    """Viechtbauer 2010, section 3.2: latitude and year."""
    a = run("colditz1994", measure="RR", moderators=("ablat", "year"))
    printed = [
        ("-3.5455", "29.0959", "-0.1219", "0.9030", "-60.5724", "53.4814"),
        ("-0.0280", "0.0102", "-2.7371", "0.0062", "-0.0481", "-0.0080"),
        ("0.0019", "0.0147", "0.1299", "0.8966", "-0.0269", "0.0307"),
    ]
    for row, numbers, within in zip(a.fit.coefficients.rows(), printed, (8, 0, 0), strict=True):
        for name, number in zip(("estimate", "se", "statistic", "p_value", "ci_low", "ci_high"), numbers, strict=True):
            assert close(row[name], number, within=within), (row["name"], name)
    h = a.fit.heterogeneity
    assert close(h.tau2, "0.1108")
    assert close(h.tau2_se, "0.0845")
    assert close(h.i2_percent, "71.98")
    assert close(h.h2, "3.57")
    assert close(h.q.statistic, "28.3251")
    assert close(h.q.p_value, "0.0016")
    assert close(a.fit.moderators.statistic, "12.2043", within=2)
    assert close(a.fit.moderators.p_value, "0.0022")


def test_bcg_latitude_alone():
    """Viechtbauer 2010, section 3.3: -0.0291 (0.0072), tau² 0.0764; R² 75.62 printed by later versions of metafor."""
    a = run("colditz1994", measure="RR", moderators=("ablat",))
    row = a.fit.coefficients.rows()[1]
    assert close(row["estimate"], "-0.0291")
    assert close(row["se"], "0.0072")
    assert close(a.fit.tau2, "0.0764", within=1)
    assert close(a.fit.r2_percent, "75.62", within=1)


@pytest.mark.parametrize(
    ("method", "estimate", "low", "high", "tau2"),
    [("DL", "0.4896", "0.3449", "0.6950", "0.3088")],
)
def test_bcg_dersimonian_laird(method, estimate, low, high, tau2):
    """metafor, tests/testthat/test_misc_confint.r; Stata metan gives the same."""
    fit = run("colditz1994", measure="RR", method=method).fit
    c = fit.coefficients.rows()[0]
    assert close(math.exp(c["estimate"]), estimate)
    assert close(math.exp(c["ci_low"]), low)
    assert close(math.exp(c["ci_high"]), high)
    assert close(fit.tau2, tau2)


def test_bcg_influence():
    """metafor, tests/testthat/test_misc_influence.r: the first trial."""
    first = run("colditz1994", measure="RR").influence[0]
    printed = {
        "rstudent": -0.218142474344442, "dffits": -0.0407075604868486, "cook": 0.00171654236729195,
        "covratio": 1.11644891104804, "tau2": 0.336156745300306, "q": 151.582572747109, "hat": 0.0505948307931551,
        "estimate": -0.707083788031436, "se": 0.189961024702717, "ci_low": -1.07940055491509,
        "i2_percent": 93.2259349111223, "h2": 14.762184698253,
    }  # fmt: skip
    for name, value in printed.items():
        assert getattr(first, name) == pytest.approx(value, rel=2e-6), name
    assert first.dfbetas[0] == pytest.approx(-0.0402659025974144, rel=2e-6)


def test_bcg_influence_of_a_meta_regression():
    """metafor, the same file: hat values, and Cook's distances of its rma.mv."""
    found = run("colditz1994", measure="RR", moderators=("ablat",)).influence
    hat = [0.049, 0.1493, 0.0351, 0.3481, 0.2248, 0.2367, 0.064, 0.357, 0.0926, 0.1157, 0.2309, 0.0189, 0.0778]
    cook = [0.0048, 0.0489, 0.0104, 0.2495, 0.0072, 0.2883, 0.3643, 0.2719, 0.02, 0.1645, 0.0009, 0.0404, 0.1434]
    assert [d.hat for d in found] == pytest.approx(hat, abs=5.1e-5)
    assert [d.cook for d in found] == pytest.approx(cook, abs=5.1e-5)


def test_bcg_small_study_figures():
    """Viechtbauer 2010, section 3.5: Egger's t -1.4013 (p 0.1887), rank tau 0.0256 (p 0.9524), fail-safe N 598."""
    small = run("colditz1994", measure="RR").small_study
    assert close(small.egger_classical.statistic, "-1.4013")
    assert close(small.egger_classical.p_value, "0.1887")
    assert close(small.rank.tau, "0.0256")
    assert close(small.rank.p_value, "0.9524")
    assert small.fail_safe_rosenthal == 598


@pytest.mark.parametrize(
    ("measure", "estimate", "low", "high", "z", "q"),
    [
        ("RR", "-0.4537", "-0.5308", "-0.3766", "-11.5338", "152.5676"),
        ("OR", "-0.4734", "-0.5538", "-0.3930", "-11.5444", "163.9426"),
        ("RD", "-0.0033", "-0.0039", "-0.0027", "-11.4708", "386.7759"),
    ],
)
def test_bcg_mantel_haenszel(measure, estimate, low, high, z, q):
    """metafor against Stata metan, tests/testthat/test_misc_metan_vs_rma.mh_with_dat.bcg.r."""
    fit = run("colditz1994", measure=measure, method="MH").counted_result
    for value, printed in ((fit.estimate, estimate), (fit.ci_low, low), (fit.ci_high, high), (fit.statistic, z)):
        assert close(value, printed)
    assert close(fit.q.statistic, q)


def test_bcg_peto():
    """The same, rma.peto."""
    fit = run("colditz1994", method="Peto").counted_result
    printed = ("-0.4744", "-0.5541", "-0.3948", "-11.6689", "167.7302")
    values = (fit.estimate, fit.ci_low, fit.ci_high, fit.statistic, fit.q.statistic)
    assert all(close(value, text) for value, text in zip(values, printed, strict=True))


def test_bcg_odds_ratios_of_van_houwelingen():
    """van Houwelingen, Arends, Stijnen 2002, doi:10.1002/sim.1040, pages 596-609."""
    common = run("colditz1994", measure="OR", method="EE").fit.coefficients
    assert close(math.exp(common.estimate[0]), "0.647")
    assert close(math.exp(common.ci_low[0]), "0.595")
    ml = run("colditz1994", measure="OR", method="ML")
    c = ml.fit.coefficients
    assert [
        close(math.exp(x), p) for x, p in ((c.estimate[0], "0.476"), (c.ci_low[0], "0.336"), (c.ci_high[0], "0.675"))
    ]
    assert close(ml.fit.tau2, "0.302")
    low, high = ml.by_test["hk"].coefficients.ci_low[0], ml.by_test["hk"].coefficients.ci_high[0]
    assert close(math.exp(low), "0.318")
    assert close(math.exp(high), "0.714")
    regression = run("colditz1994", measure="OR", method="ML", moderators=("ablat",)).fit
    assert close(regression.coefficients.estimate[0], "0.371")
    assert close(regression.coefficients.estimate[1], "-0.033")
    assert close(regression.tau2, "0.004")
    assert close(regression.r2_percent, "98.7")


def test_normand_hospital_stay():
    """Normand 1999, table IX, pages 351-352 (mean differences with the pooled standard deviation)."""
    t = table_of("normand1999", "m1", "sd1", "n1", "m2", "sd2", "n2")
    pooled = ((t["n1"] - 1) * t["sd1"] ** 2 + (t["n2"] - 1) * t["sd2"] ** 2) / (t["n1"] + t["n2"] - 2)
    y, v = t["m1"] - t["m2"], pooled * (1 / t["n1"] + 1 / t["n2"])
    for method, estimate, low, high, tau2 in (
        ("EE", "-3.49", "-5.03", "-1.96", "0.00"),
        ("DL", "-14.10", "-24.45", "-3.75", "218.72"),
        ("REML", "-15.12", "-32.67", "2.43", "685.20"),
    ):
        fit = pool(y, v, method=method)
        c = fit.coefficients
        assert close(c.estimate[0], estimate)
        assert close(c.ci_low[0], low)
        assert close(c.ci_high[0], high)
        assert close(fit.tau2, tau2)


def test_normand_standardised_means():
    """metafor, tests/testthat/test_misc_escalc.r: the first four trials, Hedges' g and ratios of means."""
    smd, rom = run("normand1999", measure="SMD").effects, run("normand1999", measure="ROM").effects
    unequal = run("normand1999", measure="SMDH").effects
    assert unequal.y[:4] == pytest.approx([-0.3553, -0.3465, -2.3018, -1.8880], abs=5.1e-5)
    assert unequal.v[:4] == pytest.approx([0.0131, 0.0657, 0.0509, 0.1874], abs=5.1e-5)
    assert smd.y[:4] == pytest.approx([-0.3552, -0.3479, -2.3176, -1.8880], abs=5e-5)
    assert smd.v[:4] == pytest.approx([0.0131, 0.0645, 0.0458, 0.1606], abs=5e-5)
    assert rom.y[:4] == pytest.approx([-0.3102, -0.0715, -0.6202, -0.7303], abs=5e-5)
    assert rom.v[:4] == pytest.approx([0.0094, 0.0028, 0.0018, 0.0119], abs=5e-5)


def test_teacher_expectancy_random_effects():
    """Raudenbush and Bryk 1985, page 83 (Q 35.83: 35.85 there); Raudenbush 2009, table 16.2."""
    a = run("raudenbush1985")
    c = a.fit.coefficients
    assert close(a.fit.tau2, "0.0188")
    assert close(c.estimate[0], "0.0837")
    assert close(c.statistic[0], "1.6208")
    assert close(a.fit.heterogeneity.q.statistic, "35.8295")
    assert close(a.fit.prediction[0], "-0.204")
    assert close(a.fit.prediction[1], "0.371")
    assert a.small_study.fail_safe_rosenthal == 26  # metafor, test_misc_fsn.r
    assert a.small_study.fail_safe_rosenberg == 0


@pytest.mark.parametrize(
    ("test", "rows"),
    [
        ("z", {"EE": (0.0, 0.060, 0.036, 1.655, -0.011, 0.132), "ML": (0.013, 0.078, 0.047, 1.637, -0.015, 0.171),
               "REML": (0.019, 0.084, 0.052, 1.621, -0.018, 0.185), "DL": (0.026, 0.089, 0.056, 1.601, -0.020, 0.199),
               "HE": (0.080, 0.114, 0.079, 1.443, -0.041, 0.270)}),
        ("hk", {"EE": (0.0, 0.060, 0.051, 1.173, -0.048, 0.168), "ML": (0.013, 0.078, 0.059, 1.311, -0.047, 0.202),
                "REML": (0.019, 0.084, 0.062, 1.359, -0.046, 0.213), "DL": (0.026, 0.089, 0.064, 1.405, -0.044, 0.223),
                "HE": (0.080, 0.114, 0.071, 1.608, -0.035, 0.264)}),
    ],
)  # fmt: skip
def test_teacher_expectancy_by_method(test, rows):
    """Raudenbush 2009, in Cooper, Hedges, Valentine, table 16.3, page 309."""
    a = run("raudenbush1985", test=test)
    for method, printed in rows.items():
        fit = a.by_method[method]
        c = fit.coefficients
        values = (fit.tau2, c.estimate[0], c.se[0], c.statistic[0], c.ci_low[0], c.ci_high[0])
        assert values == pytest.approx(printed, abs=5.1e-4), method


def test_teacher_expectancy_weeks(tmp_path):
    """Raudenbush and Bryk 1985, pages 90 and 92: weeks of contact, at most 3."""
    text = (DATA / "raudenbush1985.csv").read_text().splitlines()
    lines = [text[0] + ",weeks_c"] + [f"{line},{min(3, int(line.split(',')[3]))}" for line in text[1:]]
    file = tmp_path / "weeks.csv"
    file.write_text("\n".join(lines))
    fit = analyse(read_studies(file), Choices(moderators=("weeks_c",))).fit
    assert close(fit.tau2, "0.0000")
    assert [close(x, p) for x, p in zip(fit.coefficients.estimate, ("0.4072", "-0.1572"), strict=True)] == [True, True]
    z = fit.coefficients.statistic
    assert [close(x, p, within=1) for x, p in zip(z, ("4.6782", "-4.3884"), strict=True)] == [True, True]
    assert close(fit.heterogeneity.q.statistic, "16.5708")


def test_school_calendars_two_levels():
    """Konstantopoulos 2011, table 4; interval by Q-profile from metafor's analysis example."""
    fit = run("konstantopoulos2011").fit
    assert close(fit.coefficients.estimate[0], "0.1279", within=1)
    assert close(fit.coefficients.se[0], "0.0439")
    assert close(fit.tau2, "0.0884")
    assert close(fit.heterogeneity.tau2_se, "0.0202")
    assert close(fit.heterogeneity.tau2_ci[0], "0.0564", within=1)
    assert close(fit.heterogeneity.tau2_ci[1], "0.1388")


@pytest.mark.parametrize(
    ("method", "estimate", "se", "variances"),
    [("ML", "0.1845", "0.0805", ("0.0577", "0.0329")), ("REML", "0.1847", "0.0846", ("0.0651", "0.0327"))],
)
def test_school_calendars_three_levels(method, estimate, se, variances):
    """Konstantopoulos 2011, table 5 (ML); metafor's analysis example (REML)."""
    fit = run("konstantopoulos2011", cluster=("district", "study"), method=method).multilevel
    assert close(fit.coefficients.estimate[0], estimate)
    assert close(fit.coefficients.se[0], se)
    assert [close(level.variance, printed) for level, printed in zip(fit.levels, variances, strict=True)] == [
        True,
        True,
    ]
    if method == "REML":
        assert close(fit.likelihood.log_likelihood, "-7.9587")
        assert [close(x, p) for x, p in zip(fit.levels[0].ci, ("0.0222", "0.2072"), strict=True)] == [True, True]
        assert [close(x, p) for x, p in zip(fit.levels[1].ci, ("0.0163", "0.0628"), strict=True)] == [True, True]
        assert fit.levels[0].variance / sum(level.variance for level in fit.levels) == pytest.approx(0.6653, abs=5e-5)
    else:
        assert [close(x, p) for x, p in zip(fit.prediction, ("-0.4262", "0.7951"), strict=True)] == [True, True]


def test_school_calendars_with_year():
    """Konstantopoulos 2011, table 5: year about its mean (slope 0.0051, se 0.0085), variances 0.0565 and 0.0329."""
    fit = run("konstantopoulos2011", cluster=("district", "study"), method="ML", moderators=("year",)).multilevel
    assert close(fit.coefficients.estimate[1], "0.0051")
    assert close(fit.coefficients.se[1], "0.0085")
    assert [close(level.variance, p) for level, p in zip(fit.levels, ("0.0565", "0.0329"), strict=True)] == [True, True]


def test_passive_smoking():
    """Hackshaw 1998 in metafor: 0.2189 and Egger's p 0.0352 (course notes of Viechtbauer, wvbauer.com, 2021-06-03),
    fail-safe N 393 and 202 (tests/testthat/test_misc_fsn.r)."""
    a = run("hackshaw1998")
    assert a.effects.measure.name == "OR"
    assert close(a.fit.coefficients.estimate[0], "0.2189")
    assert close(a.small_study.egger_mixed.p_value, "0.0352")
    assert a.small_study.fail_safe_rosenthal == 393
    assert a.small_study.fail_safe_rosenberg == 202


def test_passive_smoking_trim_and_fill():
    """metafor's print of trimfill() when its data set carried variances of four decimals: 7 on the left (se 4.0399),
    then 0.1745 (0.0484). Q is printed as 60.5196; it hangs on where tau² stopped, through the added effects."""
    effects = run("hackshaw1998").effects
    filled = trim_and_fill(effects.y, effects.v.round(4))
    assert (filled.side, filled.missing) == ("left", 7)
    assert close(filled.se, "4.0399")
    c = filled.fit.coefficients.rows()[0]
    printed = {"estimate": "0.1745", "se": "0.0484", "statistic": "3.6015", "p_value": "0.0003", "ci_low": "0.0795",
               "ci_high": "0.2694"}  # fmt: skip
    for name, text in printed.items():
        assert close(c[name], text), name
    h = filled.fit.heterogeneity
    assert close(h.tau2, "0.0245")
    assert close(h.tau2_se, "0.0183", within=1)
    assert h.q.statistic == pytest.approx(60.5196, abs=0.01)
    assert h.i2_percent == pytest.approx(28.86, abs=0.02)


def test_conscientiousness():
    """metafor's output for Molloy et al. 2014, printed at vuorre.com (2016, Bayesian meta-analysis)."""
    a = run("molloy2014")
    assert a.effects.measure.name == "ZCOR"
    c, h = a.fit.coefficients.rows()[0], a.fit.heterogeneity
    printed = {"estimate": "0.1499", "se": "0.0316", "ci_low": "0.0881", "ci_high": "0.2118"}
    assert all(close(c[name], text) for name, text in printed.items())
    assert close(c["statistic"], "4.7501", within=1)
    assert close(h.tau2, "0.0081")
    assert close(h.tau2_se, "0.0055")
    assert close(h.i2_percent, "61.73")
    assert close(h.h2, "2.61")
    assert close(h.q.statistic, "38.1595")
    assert close(h.q.p_value, "0.0009")
    reml = a.fit.likelihood["REML"]
    printed = (("log_likelihood", "8.6096"), ("aic", "-13.2191"), ("bic", "-11.8030"), ("aicc", "-12.2191"))
    assert all(close(getattr(reml, name), text) for name, text in printed)


def test_magnesium():
    """metafor, tests/testthat/test_misc_pub_bias.r: Egger's z -4.6686, Kendall's tau 0.15 (p 0.4503)."""
    small = run("egger2001", measure="OR").small_study
    assert close(small.egger_mixed.statistic, "-4.6686")
    assert close(small.rank.tau, "0.15")
    assert close(small.rank.p_value, "0.4503")


def test_beta_blockade():
    """Yusuf et al. 1985, page 107: odds ratio 0.93 (0.74 to 1.18), by Peto's method."""
    a = run("yusuf1985_table6", method="Peto")
    fit = a.counted_result
    assert [close(math.exp(x), p) for x, p in ((fit.estimate, "0.93"), (fit.ci_low, "0.74"), (fit.ci_high, "1.18"))]
    assert [d.label for d in a.effects.dropped] == ["Snow 1"]


def test_diuretics_in_pregnancy():
    """Viechtbauer 2007, doi:10.1002/sim.2514, table II, page 44."""
    text = read_studies(DATA / "collins1985b.csv")
    n1, n2, x1, x2 = (text.numbers_in(name) for name in ("pre.nti", "pre.nci", "pre.xti", "pre.xci"))
    y, v = odds_ratio({"a": x1, "b": n1 - x1, "c": x2, "d": n2 - x2})
    fits = {method: pool(y, v, method=method) for method in ("DL", "ML", "REML", "SJ")}
    assert {m: round(f.tau2, 3) for m, f in fits.items()} == {"DL": 0.230, "ML": 0.239, "REML": 0.301, "SJ": 0.456}
    assert [round(x, 3) for x in fits["DL"].heterogeneity.tau2_ci] == [0.072, 2.203]
    levels = [("trial", [str(i) for i in range(9)])]
    profile = {m: fit_multilevel(y, v, levels, method=m).levels[0] for m in ("ML", "REML")}
    assert [round(x, 3) for x in profile["ML"].ci] == [0.027, 1.131]
    assert [round(x, 3) for x in profile["REML"].ci] == [0.043, 1.475]
    for method, low, high in (("ML", -0.101, 0.578), ("REML", -0.131, 0.732)):
        h = fits[method].heterogeneity
        assert h.tau2 - 1.96 * h.tau2_se == pytest.approx(low, abs=6e-4)
        assert h.tau2 + 1.96 * h.tau2_se == pytest.approx(high, abs=6e-4)


def test_st_johns_wort():
    """Viechtbauer 2007, Zeitschrift fuer Psychologie 215, doi:10.1027/0044-3409.215.2.104; digits of metafor's analysis
    example viechtbauer2007b."""
    t = table_of("linde2005", "a", "n1", "c", "n2")
    table = read_studies(DATA / "linde2005.csv")
    y, v = risk_ratio({"a": t["a"], "b": t["n1"] - t["a"], "c": t["c"], "d": t["n2"] - t["c"]})
    common = pool(y, v, method="EE")
    assert close(math.exp(common.coefficients.estimate[0]), "1.3840")
    assert close(common.heterogeneity.q.statistic, "51.5454")
    dl = pool(y, v, method="DL")
    assert close(math.exp(dl.coefficients.estimate[0]), "1.5722")
    assert [close(math.exp(x), p) for x, p in zip(dl.prediction, ("0.8488", "2.9120"), strict=True)] == [True, True]
    dose = table.numbers_in("dosage") * 7 / 1000 * table.numbers_in("duration") - 34
    base = table.numbers_in("baseline") - 20
    x = np.column_stack([np.ones(17), dose, base, dose * base])
    mixed = pool(y, v, x, names=("intercept", "dose", "baseline", "both"), method="DL")
    assert mixed.coefficients.estimate == pytest.approx([0.47625885, -0.0058448, -0.06722782, -0.00156996], abs=5e-9)
    assert mixed.coefficients.se == pytest.approx([0.08764097, 0.00999872, 0.03522283, 0.00344659], abs=5e-9)
    assert close(mixed.r2_percent, "47.3778")
    printed = {"HS": (0.0253, 0.0197), "HE": (0.0388, 0.0764), "DL": (0.0475, 0.0376), "SJ": (0.0912, 0.0436),
               "PM": (0.0633, 0.046), "ML": (0.024, 0.0222), "REML": (0.0558, 0.0409),
               "EB": (0.0633, 0.046)}  # fmt: skip
    for method, (tau2, se) in printed.items():
        found = estimate_tau2(y, v, x, method)
        assert found.value == pytest.approx(tau2, abs=5.1e-5), method
        assert found.se == pytest.approx(se, abs=5.1e-5), method


@pytest.mark.parametrize(
    ("file", "measure", "estimate", "low", "high", "q"),
    [
        ("rothman2008_deaths", "RD", "0.0349", "-0.0176", "0.0874", "0.0017"),
        ("rothman2008_deaths", "RR", "0.2818", "-0.1442", "0.7078", "0.4472"),
        ("rothman2008_deaths", "OR", "0.3387", "-0.1731", "0.8505", "0.3474"),
        ("rothman2008_rates", "IRD", "11.4392", "6.3498", "16.5286", "26.8758"),
        ("rothman2008_rates", "IRR", "0.3539", "0.1776", "0.5303", "10.4117"),
    ],
)
def test_modern_epidemiology(file, measure, estimate, low, high, q):
    """Rothman, Greenland, Lash 2008, chapter 15, 90 % intervals; digits of metafor's analysis example rothman2008."""
    fit = run(file, measure=measure, method="MH", level=0.90).counted_result
    for value, printed in ((fit.estimate, estimate), (fit.ci_low, low), (fit.ci_high, high), (fit.q.statistic, q)):
        assert close(value, printed)
    if measure == "IRR":
        assert close(fit.association.statistic, "10.7021")


def test_double_arcsine():
    """Miller 1978, page 138, as in metafor's analysis example miller1978: 0.3595 at the harmonic mean."""
    a = run("miller1978", measure="PFT", method="EE")
    assert 2 * a.effects.y == pytest.approx([1.1391, 1.2888, 1.5253, 0.9515], abs=5.1e-5)
    assert 4 * a.effects.v == pytest.approx([0.0870, 0.0571, 0.0465, 0.1538], abs=5.1e-5)
    assert close(a.effects.back(float(a.fit.coefficients.estimate[0])), "0.3595")


def test_third_wave_as_the_field_prints_it():
    """Harrer, Cuijpers, Furukawa, Ebert 2021, Doing Meta-Analysis with R (ISBN 9780367610074), chapters 4 and 9:
    R package meta, REML with Hartung-Knapp, and Egger's test."""
    a = run("third_wave", test="hk")
    c, h = a.fit.coefficients.rows()[0], a.fit.heterogeneity
    printed = {"estimate": "0.5771", "ci_low": "0.3782", "ci_high": "0.7760", "statistic": "6.12"}
    assert all(close(c[name], text) for name, text in printed.items())
    assert [close(x, p) for x, p in zip((h.tau2, *h.tau2_ci), ("0.0820", "0.0295", "0.3533"), strict=True)] == [
        True
    ] * 3
    assert [close(x, p) for x, p in zip(h.i2_from_q, ("62.6", "37.9", "77.5"), strict=True)] == [True] * 3
    assert close(h.q.statistic, "45.50")
    assert close(a.small_study.egger_classical.statistic, "4.677")
    assert close(a.small_study.egger_classical.p_value, "0.00025", within=1)
    assert close(a.small_study.egger_classical.coefficients.estimate[1], "4.111")


THIRD_WAVE_PRINTED = {
    "Call et al.": ("0.7091", "0.1979", "1.2203"), "Cavanagh et al.": ("0.3549", "-0.0300", "0.7397"),
    "DanitzOrsillo": ("1.7912", "1.1139", "2.4685"), "de Vibe et al.": ("0.1825", "-0.0484", "0.4133"),
    "Frazier et al.": ("0.4219", "0.1380", "0.7057"), "Frogeli et al.": ("0.6300", "0.2458", "1.0142"),
    "Gallego et al.": ("0.7249", "0.2846", "1.1652"), "Hazlett-Stevens & Oren": ("0.5287", "0.1162", "0.9412"),
    "Hintz et al.": ("0.2840", "-0.0453", "0.6133"), "Kang et al.": ("1.2751", "0.6142", "1.9360"),
    "Kuhlmann et al.": ("0.1036", "-0.2781", "0.4853"), "Lever Taylor et al.": ("0.3884", "-0.0639", "0.8407"),
    "Phang et al.": ("0.5407", "0.0619", "1.0196"), "Rasanen et al.": ("0.4262", "-0.0794", "0.9317"),
    "Ratanasiripong": ("0.5154", "-0.1731", "1.2039"), "Shapiro et al.": ("1.4797", "0.8618", "2.0977"),
    "Song & Lindquist": ("0.6126", "0.1683", "1.0569"), "Warnecke et al.": ("0.6000", "0.1120", "1.0880"),
}  # fmt: skip


def test_third_wave_study_by_study():
    """The first online edition of the same book, section 6.1: what `print` of R package meta shows of each study."""
    a = run("third_wave")
    assert list(a.effects.labels) == list(THIRD_WAVE_PRINTED)
    half = 1.959963984540054 * np.sqrt(a.effects.v)
    for y, margin, printed in zip(a.effects.y, half, THIRD_WAVE_PRINTED.values(), strict=True):
        assert [close(x, p) for x, p in zip((y, y - margin, y + margin), printed, strict=True)] == [True] * 3


def test_third_wave_by_sidik_and_jonkman():
    """The same section: tau² by SJ, Hartung-Knapp, prediction interval with k - 2 degrees of freedom."""
    a = run("third_wave", method="SJ", test="hk", prediction_df="k-2")
    c = a.fit.coefficients.rows()[0]
    printed = {"estimate": "0.5935", "ci_low": "0.3891", "ci_high": "0.7979", "statistic": "6.13"}
    assert all(close(c[name], text) for name, text in printed.items())
    assert close(a.fit.tau2, "0.1337")
    assert [close(x, p) for x, p in zip(a.fit.prediction, ("-0.2084", "1.3954"), strict=True)] == [True, True]


def test_third_wave_p_curve():
    """The same, chapter 9.2.3: dmetar. Its half-curve Z of flatness is that of p-curve.com (see `p_curve`)."""
    curve = run("third_wave").p_curve
    assert (curve.given, curve.significant, curve.below_025) == (18, 11, 10)
    assert close(curve.right_skew.binomial_p, "0.006")
    assert close(curve.right_skew.full_z, "-5.943")
    assert close(curve.right_skew.half_z, "-4.982")
    assert close(curve.flat.binomial_p, "0.975")
    assert close(curve.flat.full_z, "3.260")
    assert close(curve.flat.full_p, "0.999")
    assert close(curve.flat_half_z_of_the_app, "5.158")
    assert close(curve.power_percent, "84")
    assert [close(x, p) for x, p in zip(curve.power_ci_percent, ("62.7", "94.6"), strict=True)] == [True, True]
    assert curve.evidential_value
    assert not curve.inadequate


def test_recidivism_with_moderators_and_robust_errors():
    """Assink and Wibbelink 2016 as printed in the reference of clubSandwich (vcovCR.rma.mv): metafor's three-level
    model, CR2 with Satterthwaite degrees of freedom."""
    a = run("assink2016", cluster=("study", "esid"), moderators=("year", "deltype"), robust="CR2")
    fit = a.multilevel
    assert [close(level.variance, p) for level, p in zip(fit.levels, ("0.1493", "0.0853"), strict=True)] == [True, True]
    assert close(fit.q.statistic, "610.2644")
    assert close(fit.moderators.statistic, "19.2399")
    printed = [
        ("-0.2438", "0.2101", "-1.1605", "0.2458", "-0.6556", "0.1680"),
        ("-0.0380", "0.0183", "-2.0773", "0.0378", "-0.0738", "-0.0021"),
        ("0.7094", "0.1914", "3.7069", "0.0002", "0.3343", "1.0845"),
        ("0.5054", "0.2099", "2.4078", "0.0160", "0.0940", "0.9168"),
    ]
    for row, numbers in zip(fit.coefficients.rows(), printed, strict=True):
        for name, text in zip(("estimate", "se", "statistic", "p_value", "ci_low", "ci_high"), numbers, strict=True):
            assert close(row[name], text), (row["name"], name)
    covariance = [0.015081059, 0.0007603265, 0.0042972555, 0.010075586]
    assert np.diag(a.robust.covariance) == pytest.approx(covariance, rel=2e-6)
    assert [close(x, p) for x, p in zip(a.robust.df_each, ("5.35", "7.22", "2.25", "2.03"), strict=True)] == [True] * 4
    p_values = ("0.10015", "0.20977", "0.00555", "0.03614")
    assert [close(x, p) for x, p in zip(a.robust.p_value, p_values, strict=True)] == [True] * 4


def test_recidivism_with_correlated_errors():
    """The same data with V of rho 0.6 within studies, in metafor (printed beside a glmmTMB fit): logLik -72.7667."""
    fit = run("assink2016", cluster=("study", "esid"), rho=0.6).multilevel
    assert [close(level.variance, p) for level, p in zip(fit.levels, ("0.0807", "0.1545"), strict=True)] == [True, True]
    assert close(fit.coefficients.estimate[0], "0.3678")
    assert close(fit.coefficients.se[0], "0.0965")
    assert close(fit.q.statistic, "745.4385")
    i = fit.likelihood
    printed = (("log_likelihood", "-72.7667"), ("aic", "151.5334"), ("bic", "159.3188"), ("aicc", "151.7861"))
    assert all(close(getattr(i, name), text) for name, text in printed)


def test_practical_meta_analysis():
    """Lipsey and Wilson 2001, exhibits 7.3 to 7.7, pages 133-141."""
    common = run("lipsey2001", method="EE", subgroup="random")
    c = common.fit.coefficients.rows()[0]
    names = ("estimate", "se", "statistic", "p_value", "ci_low", "ci_high")
    assert [round(c[name], 4) for name in names] == [0.1549, 0.0609, 2.5450, 0.0109, 0.0356, 0.2742]
    assert close(common.fit.heterogeneity.q.statistic, "14.7640")
    groups = [fit.coefficients.rows()[0] for _, fit in common.subgroups.groups]
    assert [round(row["estimate"], 4) for row in groups] == [0.2984, -0.0277]
    assert close(common.subgroups.separate_tau2.statistic, "7.0739")
    assert close(common.subgroups.common_tau2.statistic, "7.0739")
    random = run("lipsey2001", method="DL").fit
    assert round(random.tau2, 6) == 0.025955
    c = random.coefficients.rows()[0]
    assert [round(c[name], 4) for name in names] == [0.1534, 0.0858, 1.7893, 0.0736, -0.0146, 0.3215]
    mixed = run("lipsey2001", method="DL", moderators=("random", "intensity")).fit
    assert [round(x, 4) for x in mixed.coefficients.estimate] == [0.3311, -0.3269, -0.0068]
    assert [round(x, 4) for x in mixed.coefficients.se] == [0.3198, 0.1439, 0.0528]
    assert close(mixed.moderators.statistic, "5.5711")
    assert close(mixed.r2_percent, "81.20")
