"""Reach on a made cortex: three parcels, known couplings; below the cortex and the place itself are left out."""

import numpy as np
import pytest

from assuage.circuits import load_circuit
from assuage.circuits.connectome import connectome_of, network_reach, packaged_connectome
from assuage.circuits.weights import weigh
from assuage.errors import DataError
from assuage.evidence import load_evidence

AWAY_MM = 80.0


@pytest.fixture(scope="module")
def reward():
    return weigh(load_circuit("reward"), load_evidence())


def cortex(r, reward):
    """Return a cortex of three clouds: left and right orbitofrontal, and the cingulate gyrus."""
    labels = ("orbitofrontal cortex L", "orbitofrontal cortex R", "cingulate gyrus L")
    centers = [reward.circuit.find(label).mni_mm for label in labels]
    cloud = np.random.default_rng(0).uniform(-3, 3, (20, 3))
    vertices = np.vstack([np.array(center) + cloud for center in centers])
    return connectome_of(vertices, np.repeat([0, 1, 2], 20), np.array(r, dtype=float), source="made")


R = [[1.0, 0.5, 0.1], [0.5, 1.0, -0.2], [0.1, -0.2, 1.0]]


def test_reach_is_the_weighted_mean_of_fisher_z(reward):
    place = reward.circuit.find("cingulate gyrus L").mni_mm
    (reach,) = network_reach(cortex(R, reward), [reward], place)
    weights = [reward.of(reward.circuit.find(f"orbitofrontal cortex {side}")).weight.mean for side in "LR"]
    assert reach.r == pytest.approx(np.tanh(np.average(np.arctanh([0.1, -0.2]), weights=weights)))
    assert reach.through == ("orbitofrontal cortex L", "orbitofrontal cortex R")
    assert "cingulate gyrus L" in reach.without
    assert "nucleus accumbens L" in reach.without


def test_the_rank_counts_parcels_that_are_coupled_less(reward):
    place = reward.circuit.find("orbitofrontal cortex L").mni_mm
    (reach,) = network_reach(cortex(R, reward), [reward], place)
    assert 0 <= reach.rank < 1


def test_a_place_without_cortex_has_no_reach(reward):
    assert network_reach(cortex(R, reward), [reward], (0.0, 0.0, AWAY_MM)) is None


@pytest.mark.parametrize(
    ("r", "says"),
    [
        ([[1.0, 0.5], [0.5, 1.0]], "parcels up to 3"),
        ([[1.0, 0.5, 0.1], [0.4, 1.0, 0.0], [0.1, 0.0, 1.0]], "not symmetric"),
        ([[1.0, 1.5, 0.1], [1.5, 1.0, 0.0], [0.1, 0.0, 1.0]], "beyond -1 to 1"),
    ],
)
def test_a_matrix_that_is_none_is_refused(r, says, reward):
    with pytest.raises(DataError, match=says):
        cortex(r, reward)


def test_the_absent_package_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setattr("assuage.circuits.connectome.find_spec", lambda _: None)
    with pytest.raises(DataError, match=r"assuage\[connectome\]"):
        packaged_connectome()
