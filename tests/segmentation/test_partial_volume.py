"""Shares of a mixed voxel follow its brightness; a noisy scan leans on a prior that has proved right."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from assuage.segmentation.partial_volume import shares, skin

SHAPE = (36, 24, 24)
MEANS = np.array([1.0, 0.7, 0.35])


def slab(first: int, second: int, edge: float) -> np.ndarray:
    """Return shares (3, ...) of a plane between two tissues at a fractional voxel."""
    x = np.arange(SHAPE[0])[:, None, None] + np.zeros(SHAPE)
    part = np.clip(edge - x + 0.5, 0, 1)
    result = np.zeros((3, *SHAPE), dtype=np.float32)
    result[first], result[second] = part, 1 - part
    return result


@pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 2), (0, 2)])
@pytest.mark.parametrize("edge", [17.0, 17.25, 17.5, 17.8])
def test_a_mixed_voxel_holds_the_share_that_its_brightness_says(first: int, second: int, edge: float) -> None:
    truth = slab(first, second, edge)
    image = np.tensordot(MEANS, truth, 1).astype(np.float32)
    posterior = np.zeros_like(truth)
    np.put_along_axis(posterior, truth.argmax(0)[None], 1.0, axis=0)
    wrong = np.roll(truth, 6, axis=1)
    found = shares(image, posterior, wrong, voxel_mm=1.0)
    inner = (slice(None), slice(14, 22), slice(6, 18), slice(6, 18))
    np.testing.assert_allclose(found[inner], truth[inner], atol=0.03)


def test_the_prior_helps_a_noisy_scan_only_where_it_is_right() -> None:
    random = np.random.default_rng(2)
    truth = slab(0, 1, 17.3)
    clean = np.tensordot(MEANS, truth, 1)
    noisy = (clean + 0.06 * random.standard_normal(SHAPE)).astype(np.float32)
    posterior = np.stack([gaussian_filter(p, 0.5) for p in truth])
    inner = (slice(None), slice(15, 20), slice(4, 20), slice(4, 20))

    def error(prior: np.ndarray) -> float:
        found = shares(noisy, posterior, prior, voxel_mm=1.0)
        return float(np.abs(found - truth)[inner].mean())

    right, wrong = error(truth), error(slab(0, 1, 13.3))
    blind = error(np.full_like(truth, 1 / 3))
    assert right < 0.6 * blind
    assert wrong < 1.3 * blind


def test_uneven_grey_matter_counts_at_its_border_with_white_and_not_with_csf() -> None:
    """Two thirds of the spread of grey matter are no error of the brightness where it meets CSF."""
    random = np.random.default_rng(3)

    def found(first: int, second: int, texture: float) -> float:
        """Return how far the share sought lies from the prior's, which is 1.5 voxels off."""
        truth, prior = slab(first, second, 17.3), slab(first, second, 18.8)
        core = slab(0, 1, 60.0)
        truth[:, :, :8], prior[:, :, :8] = core[:, :, :8], core[:, :, :8]
        image = np.tensordot(MEANS, truth, 1) + 0.03 * random.standard_normal(SHAPE)
        image += texture * truth[1] * random.standard_normal(SHAPE)
        near = np.s_[first, 15:20, 14:22, 4:20]
        return float((shares(image.astype(np.float32), truth, prior, voxel_mm=1.0) - prior)[near].mean())

    assert abs(found(0, 1, 0.2)) < 0.5 * abs(found(0, 1, 0.0))
    assert abs(found(1, 2, 0.2)) > 0.9 * abs(found(1, 2, 0.0))


def test_the_sum_is_kept() -> None:
    random = np.random.default_rng(4)
    posterior = random.dirichlet([1, 1, 1], SHAPE).transpose(3, 0, 1, 2).astype(np.float32) * 0.8
    image = np.tensordot(MEANS, posterior, 1).astype(np.float32)
    found = shares(image, posterior, posterior, voxel_mm=1.0)
    np.testing.assert_allclose(found.sum(0), posterior.sum(0), atol=1e-5)
    assert found.min() >= 0


def test_skin_lies_where_half_the_brightness_is() -> None:
    """Posteriors that call every voxel with a tenth of skin scalp; the shares find the border again."""
    random = np.random.default_rng(6)
    x = np.indices((60, 20, 20))[0].astype(np.float32)
    truth = np.clip(30.8 - x + 0.5, 0, 1)
    image = (0.03 + 0.77 * truth + 0.01 * random.standard_normal(truth.shape)).astype(np.float32)
    scalp = (truth > 0.1).astype(np.float32)
    image[:, :, 18:] = np.nan
    found, air = skin(image, scalp, 1 - scalp, voxel_mm=1.0)
    np.testing.assert_allclose(found + air, 1.0, atol=1e-6)
    seen = np.s_[:, :, :18]
    assert abs(scalp[seen].sum() / truth[seen].sum() - 1) > 0.015
    assert found[seen].sum() / truth[seen].sum() == pytest.approx(1.0, abs=0.003)
    np.testing.assert_array_equal(found[:, :, 18:], scalp[:, :, 18:])
