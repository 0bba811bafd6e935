"""The posterior by quadrature is the posterior: a slow grid, a simulation, and the likelihood model agree with it."""

import numpy as np
import pytest
from network_cases import network_of, random_studies
from scipy import stats

from assuage.errors import DataError
from assuage.synthesis.network_analysis import comparison, network_meta_analysis
from assuage.synthesis.network_bayes import Prior, bayes_check, read_prior


def test_two_treatments_on_a_plain_grid_of_effect_and_tau():
    y, v = np.array([0.1, 0.5, 0.9, 0.3]), np.array([0.04, 0.05, 0.08, 0.03])
    studies = [[("B", float(e), float(s) / 2), ("A", 0.0, float(s) / 2)] for e, s in zip(y, v, strict=True)]
    mu, tau = np.meshgrid(np.linspace(-5, 6, 2201), np.linspace(1e-6, 2, 801), indexing="ij")
    log = sum(stats.norm.logpdf(e, mu, np.sqrt(s + tau**2)) for e, s in zip(y, v, strict=True))
    mass = np.exp(log - log.max())
    mass[:, [0, -1]] /= 2
    mass /= mass.sum()
    check = bayes_check(network_of(studies), reference="A", prior=Prior(kind="uniform", scale=2.0))
    mean = float((mass * mu).sum())
    assert check.effects[0].mean == pytest.approx(mean, abs=1e-4)
    assert check.effects[0].sd == pytest.approx(float(np.sqrt((mass * (mu - mean) ** 2).sum())), abs=1e-3)
    assert check.tau.mean == pytest.approx(float((mass * tau).sum()), abs=1e-3)
    below = np.cumsum(mass.sum(axis=0))
    assert check.tau.median == pytest.approx(float(np.interp(0.5, below, tau[0])), abs=3e-3)


def test_twice_as_many_nodes_change_nothing_that_is_shown():
    network = network_of(random_studies(6, count=9)[0])
    one, two = (
        bayes_check(network, reference="A", prior=Prior(kind="half-normal", scale=1.0), nodes=n) for n in (400, 800)
    )
    for a, b in zip((one.tau, *one.effects), (two.tau, *two.effects), strict=True):
        assert (a.mean, a.sd, a.low, a.median, a.high) == pytest.approx(
            (b.mean, b.sd, b.low, b.median, b.high), abs=3e-4
        )


def test_with_many_studies_prior_and_likelihood_agree():
    network = network_of(random_studies(9, count=150, tau=0.3)[0])
    result = network_meta_analysis(network, reference="A", method="REML")
    check = bayes_check(network, reference="A", prior=read_prior("uniform:5", network))
    for found in check.effects:
        other = comparison(result, found.name, "A").network
        assert found.mean == pytest.approx(other.effect, abs=0.1 * other.se)
        assert found.sd == pytest.approx(other.se, rel=0.05)
    assert check.tau.median == pytest.approx(result.tau2**0.5, rel=0.05)


def test_the_prior_is_read_and_has_a_default():
    network = network_of([[("A", 0.0, 0.1), ("B", 3.0, 0.1)], [("A", 0.0, 0.1), ("B", -7.0, 0.1)]])
    assert read_prior(None, network) == Prior(kind="uniform", scale=7.0)
    assert read_prior("half-normal:0.5", network) == Prior(kind="half-normal", scale=0.5)
    for text in ("gamma:1", "uniform", "uniform:-1", "uniform:inf", "half-normal:x"):
        with pytest.raises(DataError, match="--bayes-prior"):
            read_prior(text, network)
