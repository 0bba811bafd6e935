"""Correlations out of sums, block lengths, and the methods against slow plain code."""

import numpy as np
import pytest

from assuage.connectivity.blocks import autocorrelation, block_frames, effective_frames
from assuage.connectivity.bootstrap import PIECES, block_weights, spread, spread_of
from assuage.connectivity.methods import METHODS, geometry, method_named, resolution_mm2, scores
from assuage.connectivity.moments import correlations, moments
from assuage.connectivity.simulate import grid_points
from assuage.errors import DataError


def test_a_replicate_is_the_correlation_of_the_frames_it_takes():
    rng = np.random.default_rng(0)
    x, s = rng.standard_normal((63, 4)) + 3, rng.standard_normal((63, 2))
    sums = moments(x, s, piece_frames=5)
    weights = rng.integers(0, 3, size=(6, sums.pieces)).astype(float)
    found = correlations(sums, weights)
    edges = [*range(0, 60, 5), 63]
    for row, weight in enumerate(weights):
        frames = np.concatenate([np.tile(np.arange(edges[k], edges[k + 1]), int(w)) for k, w in enumerate(weight)])
        for k in range(2):
            slow = [np.corrcoef(s[frames, k], x[frames, v])[0, 1] for v in range(4)]
            assert found[row, k] == pytest.approx(slow, abs=1e-9)


def test_blocks_are_circular_and_contiguous():
    weights = block_weights(np.array([[5, 1]]), 6)
    assert weights.sum() == 2 * PIECES
    assert weights[0].tolist() == [1, 1, 1, 0, 0, 1]


def test_longer_memory_asks_for_longer_blocks_and_leaves_fewer_frames():
    rng = np.random.default_rng(1)
    white = rng.standard_normal((2000, 6))
    slow = np.array([np.convolve(column, np.ones(20) / 20, mode="same") for column in white.T]).T
    assert block_frames(slow, tr_s=20.0) > 2 * block_frames(white, tr_s=20.0)
    assert effective_frames(white[:, 0], white[:, 1:]) > 5 * effective_frames(slow[:, 0], slow[:, 1:])
    assert autocorrelation(white[:, 0], 3)[0] == 1


@pytest.fixture(scope="module")
def region():
    return geometry(grid_points(np.zeros(3), 20.0, 4.0), spacing_mm=4.0, reach_mm=7.0, fwhm_mm=6.0)


def bump(region, center, width=7.0):
    return 0.5 * np.exp(-0.5 * ((region.points_mm - center) ** 2).sum(1) / width**2)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_finds_a_clear_network(name, region):
    center = np.array([4.0, -4.0, 0.0])
    maps = np.stack([bump(region, center), np.full(len(region.points_mm), 0.1)])[None]
    found = METHODS[name](scores(-maps, region, -1), region)[0]
    assert np.linalg.norm(found - center) < 2.5


@pytest.mark.parametrize("name", ["cluster", "network"])
def test_noise_does_not_pull_a_centre_towards_the_middle_of_the_region(name, region):
    """Far from a network noise decides who wins; those points must not weigh."""
    center = np.array([6.0, -4.0, 3.0])
    clear = np.stack([bump(region, center + aside, 9.0) for aside in ([0, 0, 0], [-8, 4, 4], [8, -6, -4])])
    noise = 0.35 * np.random.default_rng(0).standard_normal((400, *clear.shape))
    truth = METHODS[name](scores(clear[None], region, 1), region)[0]
    found = METHODS[name](scores(clear + noise, region, 1), region).mean(0)
    assert np.linalg.norm(found - truth) < 1.0


def test_a_cluster_is_the_heavier_of_two(region):
    two = np.maximum(bump(region, [10, 0, 0], 4), 0.8 * bump(region, [-10, 0, 0], 4))
    found = METHODS["cluster"](scores(two[None, None], region, 1), region)[0]
    assert np.linalg.norm(found - [10, 0, 0]) < 4


def test_smoothing_keeps_a_constant_map(region):
    flat = scores(np.full((1, 1, len(region.points_mm)), 0.3), region, 1)
    assert flat == pytest.approx(np.arctanh(0.3))


def test_the_same_seed_gives_the_same_spread(region):
    rng = np.random.default_rng(0)
    sums = moments(rng.standard_normal((200, len(region.points_mm))), rng.standard_normal((200, 1)), piece_frames=4)

    def locate(weights):
        return METHODS["peak"](scores(correlations(sums, weights), region, 1), region)

    one, same, other = (spread(locate, pieces=sums.pieces, draws=12, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.draws_mm, same.draws_mm)
    assert not np.array_equal(one.draws_mm, other.draws_mm)
    assert one.draws_mm.mean(0) == pytest.approx(one.mean_mm)


def test_a_centre_of_many_points_is_sharper_than_its_voxel_and_a_point_is_not(region):
    score = scores(bump(region, [2.0, 0.0, 0.0], 6)[None], region, 1)
    voxel = region.spacing_mm**2 / 12
    assert resolution_mm2("peak", score, region) == pytest.approx(voxel)
    assert 0 < resolution_mm2("cluster", score, region) < 0.2 * voxel
    alone = np.full((1, len(region.points_mm)), -1.0)
    alone[0, 3] = 1.0
    assert resolution_mm2("network", np.vstack([alone, np.zeros_like(alone)]), region) == pytest.approx(voxel)


def test_the_scatter_of_few_replicates_is_not_taken_for_that_of_recordings():
    """Bagged targets of covariance C, each from 8 replicates of covariance W about it: Sigma is C, not C + W / 8."""
    rng = np.random.default_rng(0)
    C, W, mean = np.diag([4.0, 1.0, 0.25]), np.diag([16.0, 16.0, 16.0]), np.array([1.0, 0.0, 0.0])
    outer = rng.multivariate_normal(np.zeros(3), C, 4000)
    inner = outer[:, None] + rng.multivariate_normal(np.zeros(3), W, (4000, 8))
    around, found = spread_of(inner, mean)
    assert around.mean(0) == pytest.approx(0, abs=1e-12)
    assert found == pytest.approx(C + np.diag([1.0, 0, 0]), abs=0.25)
    assert np.cov(inner.mean(1).T)[2, 2] > 2.0


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(DataError, match="peak, cluster, seed_map, network"):
        method_named("magic", with_map=False)
