"""The binomial likelihood: refused in one line where it cannot be had; with NumPyro it gives the published chains."""

import importlib.util
import sys

import pytest
from network_cases import DATA, network_of, random_studies

from assuage.errors import DataError
from assuage.synthesis.network_bayes import read_prior
from assuage.synthesis.network_binomial import binomial_check
from assuage.synthesis.network_tables import read_network


def smoking():
    return read_network(DATA / "smoking_higgins.csv")


def test_without_numpyro_the_way_out_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpyro", None)
    network = smoking()
    with pytest.raises(DataError, match=r"pip install 'assuage\[bayes\]'"):
        binomial_check(network, reference="A", prior=read_prior("uniform:5", network))


def test_only_counts_have_this_likelihood():
    network = network_of(random_studies(1)[0])
    with pytest.raises(DataError, match="needs arms with events and n"):
        binomial_check(network, reference="A", prior=read_prior("uniform:5", network))
    risks = read_network(DATA / "smoking_higgins.csv", measure="RR")
    with pytest.raises(DataError, match="--measure OR"):
        binomial_check(risks, reference="A", prior=read_prior("uniform:5", risks))


@pytest.mark.skipif(importlib.util.find_spec("numpyro") is None, reason="extra bayes is not installed")
def test_smoking_as_the_published_chains_have_it():
    """Lu & Ades 2006 by GeMTC; data/README.md. Bounds are those of short chains."""
    network = smoking()
    check = binomial_check(network, reference="A", prior=read_prior("uniform:5", network), draws=2000)
    printed = {"B": (0.491, 0.402), "C": (0.836, 0.240), "D": (1.102, 0.438)}
    for found in check.effects:
        mean, sd = printed[found.name]
        assert found.mean == pytest.approx(mean, abs=0.25 * sd)
        assert found.sd == pytest.approx(sd, rel=0.2)
    assert check.tau.mean == pytest.approx(0.845, abs=0.05)
