"""Recovery of the field per tissue: keeps what is smooth, mixes no tissues, calms what alternates."""

import numpy as np
import pytest

from assuage.field.recovery import recover

SHAPE = (14, 12, 10)
X = np.stack(np.meshgrid(*[np.arange(n, dtype=float) for n in SHAPE], indexing="ij"), -1)


def two_tissues(seed=0):
    """An oblique interface: labels 1 and 2, voxels near it cut, air in a corner."""
    rng = np.random.default_rng(seed)
    normal = rng.normal(size=3)
    normal /= np.linalg.norm(normal)
    distance = (X - np.array(SHAPE) / 2) @ normal
    label = np.where(distance > 0, 2, 1).astype(np.uint8)
    label[:2, :2, :2] = 0
    kind = np.where(np.abs(distance) < 0.8, 0, -1 - label.astype(np.int32)).astype(np.int32)
    return label, kind


def recovered(kind, label, raw):
    out = np.empty((*SHAPE, 3), np.float32)
    recover(kind >= 0, label, raw.astype(np.float32), out)
    return out


@pytest.mark.parametrize("seed", range(4))
def test_constants_are_kept_in_each_tissue(seed):
    label, kind = two_tissues(seed)
    raw = np.where(label[..., None] == 1, [1.0, -2, 3], [-4.0, 5, 0.5]) * (label > 0)[..., None]
    np.testing.assert_allclose(recovered(kind, label, raw), raw, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_linear_fields_are_kept_up_to_the_ridge(seed):
    """The ridge pulls the slope down by its share of the patch's second moment: far less than the change per voxel."""
    label, kind = two_tissues(seed)
    slopes = np.random.default_rng(seed).normal(size=(3, 3, 3))
    raw = np.einsum("...i,...ic->...c", X, slopes[label])
    change = np.abs(slopes).max()
    off = np.abs(recovered(kind, label, raw) - raw)
    assert off[label > 0].max() < 0.2 * change


def test_linear_fields_are_exact_on_symmetric_patches():
    label, kind = np.ones(SHAPE, np.uint8), np.zeros(SHAPE, np.int32)
    raw = X @ np.random.default_rng(0).normal(size=(3, 3))
    inner = (slice(3, -3),) * 3
    np.testing.assert_allclose(recovered(kind, label, raw)[inner], raw[inner], rtol=1e-5, atol=1e-4)


def test_tissues_do_not_mix():
    label, kind = two_tissues()
    raw = np.zeros((*SHAPE, 3))
    raw[label == 2] = 1e6
    assert np.abs(recovered(kind, label, raw)[label == 1]).max() == 0


def test_alternating_error_is_calmed():
    label, kind = two_tissues()
    noise = ((-1.0) ** X.sum(-1))[..., None] * np.ones(3)
    near = (kind == 0) & (label > 0)
    inner = np.zeros(SHAPE, bool)
    inner[2:-2, 2:-2, 2:-2] = True
    out = recovered(kind, label, noise)
    assert np.sqrt((out[near & inner] ** 2).mean()) < 0.3


def test_far_from_cuts_nothing_changes():
    label, kind = two_tissues()
    raw = np.random.default_rng(0).normal(size=(*SHAPE, 3)).astype(np.float32)
    out = recovered(kind, label, raw)
    near = np.zeros(SHAPE, bool)
    for i, j, k in np.argwhere(kind >= 0):
        near[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2, max(k - 1, 0) : k + 2] = True
    assert (out[~near] == raw[~near]).all()
    assert (out[near & (label > 0)] != raw[near & (label > 0)]).any()


def test_lone_voxel_keeps_its_value():
    label = np.ones(SHAPE, np.uint8)
    kind = np.full(SHAPE, -2, np.int32)
    label[5, 5, 5], kind[5, 5, 5] = 2, 0
    raw = np.zeros((*SHAPE, 3))
    raw[5, 5, 5] = 7.0
    out = recovered(kind, label, raw)
    assert (out[5, 5, 5] == 7).all()
    assert (out[label == 1] == 0).all()
