"""Results of metafor 3.8-1 and clubSandwich 0.5.8, run for these tests (data/README.md says how), to six digits.

The tables stand as metadat has them, and no column is named to the reader.
"""

from functools import cache
from pathlib import Path

import pytest

from assuage.synthesis.analysis import Choices, analyse
from assuage.synthesis.reading import read_studies
from assuage.synthesis.results_json import as_json

DATA = Path(__file__).parent / "data"


@cache
def document(file, **choices):
    return as_json(analyse(read_studies(DATA / f"{file}.csv"), Choices(**choices)), source=file)


# file, measure: REML estimate, se, tau², its se, I², Q; tau² by DL and PM; Q-profile interval; Hartung-Knapp interval;
# Egger mixed, Egger classical, Kendall's tau; Mantel-Haenszel estimate, se, Q
PAIRWISE = {
    ("hahn2001", "RR"): (
        (-0.382948512, 0.121737087, 0, 0.053413532, 0, 6.719716339), (0, 0), (0, 0.338081301),
        (-0.592368990, -0.173528034), (-0.625357416, -0.786091239, -0.151515152),
        (-0.424936623, 0.121400153, 6.718086593),
    ),
    ("nielweise2008", "IRR"): (
        (-0.396259051, 0.226785046, 0.093607805, 0.211697810, 20.88316391, 9.697597029),
        (0.0752539493, 0.0706383338), (0, 1.484494984), (-0.905777407, 0.113259306),
        (-1.499517951, -1.453618528, -0.444444444), (-0.415175233, 0.183439208, 9.865202446),
    ),
    ("viechtbauer2021", "OR"): (
        (0.595038279, 0.143070307, 0.303299473, 0.130516262, 80.81858438, 104.840510168),
        (0.325221884, 0.284698411), (0.131486388, 0.714861027), (0.302815962, 0.887260596),
        (0.874172906, 0.713401311, 0.115789474), (0.527716346, 0.057161034, 104.853700905),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PAIRWISE, ids="-".join)
def test_pairwise(case):
    """hahn2001 has three trials without events; viechtbauer2021 calls its columns nTi nCi xTi xCi."""
    file, measure = case
    reml, tau2, interval, knapp, bias, counted = PAIRWISE[case]
    found = document(file, measure=measure)
    names = ("estimate", "se", "tau2", "tau2_se", "i2_percent", "q")
    assert [found[name] for name in names] == pytest.approx(reml, rel=1e-6, abs=1e-9)
    assert [found["by_method"][name]["tau2"] for name in ("DL", "PM")] == pytest.approx(tau2, rel=1e-6)
    assert found["tau2_ci"] == pytest.approx(interval, rel=1e-6, abs=1e-9)
    hk = found["by_test"]["hk"]
    assert (hk["ci_low"], hk["ci_high"]) == pytest.approx(knapp, rel=1e-6)
    small = found["small_study"]
    statistics = (
        small["egger_mixed"]["statistic"], small["egger_classical"]["statistic"], small["rank_test"]["kendall_tau"],
    )  # fmt: skip
    assert statistics == pytest.approx(bias, rel=1e-6)
    fit = found["mantel_haenszel_and_peto"][0]
    assert (fit["estimate"], fit["se"], fit["q"]) == pytest.approx(counted, rel=1e-6)


def test_hahn_risk_differences_keep_the_trials_without_events():
    """rma.mh(measure="RD", drop00=FALSE); by default its Q leaves them out (3.806188)."""
    fit = document("hahn2001", measure="RD")["mantel_haenszel_and_peto"][0]
    assert (fit["estimate"], fit["se"], fit["q"]) == pytest.approx((-0.04924612, 0.01389308, 8.454807), rel=1e-6)


# moderators: coefficients, standard errors, variances of study and effect, log likelihood, CR2 errors and their df
TANNERSMITH = {
    (): (
        (0.102358966,), (0.022399987,), (0.006895998, 0.002796030), 94.10883037, (0.022369594,), (15.829792302,),
    ),
    ("aget1", "propmale"): (
        (0.137491110, -0.001569512, -0.022660128), (0.136490675, 0.009445985, 0.063340257),
        (0.007521487, 0.002903634), 92.75161899, (0.298244525, 0.021182813, 0.074829199),
        (4.900400400, 4.487630826, 8.033498096),
    ),
}  # fmt: skip


@pytest.mark.parametrize("moderators", TANNERSMITH)
def test_multilevel_with_robust_errors(moderators):
    """113 effects of 17 studies: rma.mv(random = ~ 1 | studyid/effect), robust(clubSandwich = TRUE).

    With moderators metafor stops short of the maximum (slope 1e-3 where assuage has 1e-10): five digits.
    """
    estimates, errors, variances, height, robust, freedom = TANNERSMITH[moderators]
    plain = document("tannersmith2016", cluster=("studyid",), moderators=moderators)
    assert [row["estimate"] for row in plain["coefficients"]] == pytest.approx(estimates, abs=5e-7)
    assert [row["se"] for row in plain["coefficients"]] == pytest.approx(errors, rel=5e-6)
    assert [level["sigma2"] for level in plain["variance_components"]] == pytest.approx(variances, rel=5e-6)
    assert plain["fit_statistics"]["REML"]["log_likelihood"] == pytest.approx(height, rel=1e-9)
    sandwich = document("tannersmith2016", cluster=("studyid",), moderators=moderators, robust="CR2")
    assert [row["se"] for row in sandwich["coefficients"]] == pytest.approx(robust, rel=5e-6)
    assert [row["df"] for row in sandwich["coefficients"]] == pytest.approx(freedom, rel=5e-6)
