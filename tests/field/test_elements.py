"""Element matrices: what every one must obey, and the cases with exact answers."""

from itertools import permutations, product

import numpy as np
import pytest
from small_heads import full

from assuage.field.basis import P, edge_conductances, multiscale_gradients
from assuage.field.elements import (
    CORNERS,
    MEAN_GRADIENT,
    TRILINEAR,
    centre_of,
    curl_drive,
    flow,
    mean_gradient,
    own_at_centre,
    stiffness,
)
from assuage.field.subvoxel import M

H = 2e-3
WHOLE = np.ones((M, M, M), bool)


def gradients(s):
    G = np.empty((8, 3, M**3))
    multiscale_gradients(np.ascontiguousarray(s), G)
    return G


def matrices(s, h=H):
    """K (8, 8), T (8, 3), R (3, 8) of the whole voxel."""
    s = np.ascontiguousarray(s)
    G, K, T, R = gradients(s), np.empty(28), np.empty((8, 3)), np.empty((3, 8))
    F = np.empty_like(G)
    flow(s, G, np.zeros((M, M, M), np.uint8), np.array([-1]), np.empty((0, 3, 3)), 1.0, F)
    stiffness(F, G, h, K)
    curl_drive(F, h, T)
    mean_gradient(G, WHOLE, h, R)
    return full(K), T, R


def random_block(seed, *, air=0.0):
    """Two tissues and some air on either side of random planes."""
    rng = np.random.default_rng(seed)
    place = np.stack(np.meshgrid(*[np.arange(M + 2) - (M + 1) / 2] * 3, indexing="ij"), -1)
    s = np.where(place @ rng.normal(size=3) > rng.uniform(-1, 1), *np.exp(rng.uniform(np.log(0.005), np.log(2), 2)))
    s[place @ rng.normal(size=3) > 2.5 - 4 * air] = 0.0 if air else 0.3
    return s


def test_basis_sums_to_one():
    for seed in range(10):
        assert np.abs(gradients(random_block(seed)).sum(0)).max() < 1e-12


def test_block_of_one_tissue_is_the_trilinear_element():
    """The basis functions are the trilinear ones; K differs by the midpoint quadrature on the sub-voxels alone."""
    K, T, R = matrices(np.full((M + 2,) * 3, 0.7))
    ticks = (np.arange(M) + 0.5) / M
    expected = np.zeros((8, 8))
    for point in product(ticks, repeat=3):
        factor = np.where(CORNERS, point, 1 - np.array(point))
        slope = 2.0 * CORNERS - 1
        g = np.stack([slope[:, c] * factor[:, (c + 1) % 3] * factor[:, (c + 2) % 3] for c in range(3)], 1)
        expected += 0.7 * H / M**3 * g @ g.T
    np.testing.assert_allclose(K, expected, atol=1e-12 * H)
    np.testing.assert_allclose(R, MEAN_GRADIENT / H, rtol=1e-12)
    assert np.abs(T).max() < 1e-12 * H**2
    assert np.abs(K - 0.7 * H * full(TRILINEAR)).max() < 0.7 * H / (4 * M**2)


def test_uniform_voxel_has_its_centre_in_the_middle():
    D, member = np.empty(3), np.empty((M, M, M), np.bool_)
    centre_of(WHOLE, H, D)
    assert np.abs(D).max() < 1e-15
    own_at_centre(np.ones((M, M, M), np.uint8), 1, member)
    assert member.sum() == 8
    centre_of(member, H, D)
    assert np.abs(D).max() < 1e-15


def test_read_out_is_of_the_tissue_asked_for():
    tissues = np.ones((M, M, M), np.uint8)
    tissues[0] = 2
    member, D = np.empty((M, M, M), np.bool_), np.empty(3)
    own_at_centre(tissues, 2, member)
    assert (member == (tissues == 2)).all()
    centre_of(member, H, D)
    np.testing.assert_allclose(D, [H * (0.5 / M - 0.5), 0, 0], atol=1e-15)


@pytest.mark.parametrize("cut", [1, 2, 3])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_two_layers_conduct_in_series_across_and_in_parallel_along(axis, cut):
    low, high, share = 0.012, 1.7, cut / M
    s = np.full((M + 2,) * 3, high)
    s[(slice(None),) * axis + (slice(cut + 1),)] = low
    K, _, _ = matrices(s)
    for along in range(3):
        u = CORNERS[:, along].astype(float)
        exact = 1 / (share / low + (1 - share) / high) if along == axis else share * low + (1 - share) * high
        np.testing.assert_allclose(u @ K @ u, exact * H, rtol=1e-10)
        flow = K @ u  # through the two faces, and evenly over each
        np.testing.assert_allclose(flow[CORNERS[:, along] == 1].sum(), exact * H, rtol=1e-10)


@pytest.mark.parametrize("air", [0.0, 0.4, 0.8])
def test_stiffness_is_positive_semidefinite(air):
    for seed in range(10):
        s = random_block(seed, air=air)
        if not s[1:-1, 1:-1, 1:-1].any():
            continue
        values = np.linalg.eigvalsh(matrices(s)[0])
        assert values[0] > -1e-12 * values[-1]
        assert np.sum(values < 1e-9 * values[-1]) <= (1 if air == 0 else 8)


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("flips", [(), (0,), (1, 2), (0, 1, 2)])
def test_elements_turn_and_mirror_with_their_block(order, flips):
    Q = np.eye(3)[list(order)]
    for axis in flips:
        Q[axis] *= -1
    corner = np.array([np.flatnonzero((Q @ c == (2 * CORNERS - 1)).all(1))[0] for c in 2 * CORNERS - 1])
    for seed in range(3):
        s = random_block(seed, air=0.3)
        K, T, R = matrices(s)
        turned_K, turned_T, turned_R = matrices(np.flip(s.transpose(order), flips))
        np.testing.assert_allclose(turned_K[np.ix_(corner, corner)], K, atol=1e-10 * np.abs(K).max())
        np.testing.assert_allclose(turned_R[:, corner], Q @ R, atol=1e-9 * np.abs(R).max())
        expected = np.linalg.det(Q) * T @ Q.T  # a curl is an axial vector
        np.testing.assert_allclose(turned_T[corner], expected, atol=1e-10 * np.abs(T).max())


def test_air_carries_nothing_and_what_is_left_conducts():
    """A voxel half of air conducts half along the surface, nothing across it."""
    s = np.full((M + 2,) * 3, 0.4)
    s[M // 2 + 1 :] = 0.0
    K, _, _ = matrices(s)
    u = CORNERS[:, 1].astype(float)
    np.testing.assert_allclose(u @ K @ u, 0.2 * H, rtol=1e-10)


def test_sub_edge_takes_the_mean_of_the_four_sub_voxels_around_it():
    e = np.random.default_rng(1).uniform(0.1, 2, (M + 2,) * 3)
    g = np.zeros((3, P**3))
    edge_conductances(e, g)
    for axis in range(3):
        for place in ((0, 1, 2), (2, 3, 1), (1, 0, 3)):
            box = tuple(slice(p + 1, p + 2) if a == axis else slice(p, p + 2) for a, p in enumerate(place))
            np.testing.assert_allclose(g[axis].reshape(P, P, P)[place], e[box].mean())
