"""The mixture finds what was put in: means, a bias, tissues at the edge of the scan, two channels."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from assuage.segmentation import mixture
from assuage.segmentation.mixture import OWNER, TISSUES

SHAPE = (40, 40, 40)
VOXEL_MM = 6.0
BRIGHT = {"white_matter": 1.0, "grey_matter": 0.7, "csf": 0.35, "skull": 0.15, "scalp": 0.8, "eyes": 0.3, "air": 0.05}


def shells() -> np.ndarray:
    """Return the label of nested balls, innermost white matter, outermost air."""
    x, y, z = np.indices(SHAPE) - 19.5
    radius = np.sqrt(x * x + y * y + z * z)
    order = ["white_matter", "grey_matter", "csf", "skull", "scalp", "air"]
    label = np.array([TISSUES.index(name) for name in order])
    return label[np.digitize(radius, [8, 11, 13, 15, 18])]


def one_hot(label: np.ndarray) -> np.ndarray:
    return np.stack([(label == k).astype(np.float32) for k in range(len(TISSUES))])


NOWHERE = np.zeros(SHAPE, dtype=np.float32)


def fitted(images: np.ndarray, prior: np.ndarray, iterations: int, deep: np.ndarray = NOWHERE) -> mixture.Mixture:
    classes = mixture.in_classes(prior, deep)
    start = mixture.first_mixture(images, classes)
    return mixture.fitted(images, classes, start, iterations=iterations, voxel_mm=VOXEL_MM)


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, a noisy image with a bias of 20 %, and a blurred prior."""
    random = np.random.default_rng(3)
    label = shells()
    clean = np.array([BRIGHT[name] for name in TISSUES])[label]
    bias = np.exp(0.2 * (np.indices(SHAPE)[0] - 19.5) / 19.5)
    image = (clean * bias + 0.02 * random.standard_normal(SHAPE)).astype(np.float32)
    prior = np.stack([gaussian_filter(p, 1.5) for p in one_hot(label)]) + np.float32(1e-3)
    return label, np.maximum(image, 1e-3)[None], prior / prior.sum(0)


def test_labels_and_bias_are_found(world) -> None:
    label, images, prior = world
    fit = fitted(images, prior, 15)
    found = mixture.posteriors(mixture.log_likelihood(images, fit, NOWHERE), prior, rounds=2).argmax(0)
    brain = label <= TISSUES.index("grey_matter")
    assert (found == label)[brain].mean() > 0.97
    slope = np.log(mixture.bias_of(fit, SHAPE))[:, 19, 19]
    assert 0.4 < (slope[28] - slope[11]) / (0.2 * 17 / 19.5) < 1.1  # a Gaussian mean flattens a slope at its ends
    white = fit.mean[0, TISSUES.index("white_matter") == OWNER][0]
    grey = fit.mean[0, TISSUES.index("grey_matter") == OWNER].mean()
    assert grey / white == pytest.approx(0.7, abs=0.04)


def test_voxels_without_scan_keep_their_prior(world) -> None:
    _, images, prior = world
    hidden = images.copy()
    hidden[:, :, :, :12] = np.nan
    fit = fitted(hidden, prior, 3)
    likelihood = mixture.log_likelihood(hidden, fit, NOWHERE)
    assert np.all(likelihood[:, :, :, :12] == 0)
    found = mixture.posteriors(likelihood, prior, rounds=0)
    np.testing.assert_allclose(found[:, :, :, :12], prior[:, :, :, :12], atol=1e-4)


def test_a_second_channel_parts_what_the_first_cannot(world) -> None:
    """CSF and skull alike in the T1, apart in the T2."""
    label, images, _ = world
    random = np.random.default_rng(5)
    flat = np.full((len(TISSUES), *SHAPE), 1 / len(TISSUES), dtype=np.float32)
    prior = 0.5 * flat + 0.5 * np.stack([gaussian_filter(p, 2.0) for p in one_hot(label)])
    alike = images.copy()
    csf, skull = (label == TISSUES.index(name) for name in ("csf", "skull"))
    alike[0][csf | skull] = 0.2 + 0.02 * random.standard_normal(int((csf | skull).sum()))
    second = np.where(csf, 1.0, 0.3) + 0.02 * random.standard_normal(SHAPE)
    both = np.concatenate([alike, second[None].astype(np.float32)])
    share = []
    for channels in (alike, both):
        fit = fitted(channels, prior, 15)
        found = mixture.posteriors(mixture.log_likelihood(channels, fit, NOWHERE), prior, rounds=1).argmax(0)
        share.append((found == label)[csf | skull].mean())
    assert share[1] > 0.92
    assert share[1] > share[0] + 0.05


def test_evidence_prefers_the_prior_that_fits(world) -> None:
    label, images, prior = world
    fit = fitted(images, prior, 8)
    likelihood = mixture.log_likelihood(images, fit, NOWHERE)
    moved = np.roll(prior, 4, axis=1)
    sharp = 0.98 * one_hot(label) + 0.02 * prior
    assert mixture.evidence(likelihood, sharp) > mixture.evidence(likelihood, prior)
    assert mixture.evidence(likelihood, prior) > mixture.evidence(likelihood, moved)


def test_posteriors_sum_to_one_and_strangers_do_not_touch(world) -> None:
    _, images, prior = world
    fit = fitted(images, prior, 3)
    found = mixture.posteriors(mixture.log_likelihood(images, fit, NOWHERE), prior, rounds=3)
    np.testing.assert_allclose(found.sum(0), 1.0, atol=1e-5)
    coupling = mixture.markov_coupling()
    np.testing.assert_array_equal(coupling, coupling.T)
    assert coupling[TISSUES.index("csf"), TISSUES.index("scalp")] < 0 < coupling[0, 0]


def test_deep_grey_as_bright_as_white_follows_the_prior() -> None:
    """A nucleus of the brightness of white matter: with the cortex's Gaussians it is white, with its own grey."""
    random = np.random.default_rng(4)
    label = shells()
    x, y, z = np.indices(SHAPE) - 19.5
    nucleus = x * x + y * y + z * z < 20
    label[nucleus] = mixture.GREY
    clean = np.array([BRIGHT[name] for name in TISSUES])[label]
    clean[nucleus] = 0.97 * BRIGHT["white_matter"]
    images = np.maximum(clean + 0.03 * random.standard_normal(SHAPE), 1e-3).astype(np.float32)[None]
    prior = np.stack([gaussian_filter(p, 0.7) for p in one_hot(label)]) + np.float32(1e-3)
    prior /= prior.sum(0)
    place = (np.abs([x, y, z]).max(0) < 6).astype(np.float32)
    called_grey = []
    for deep in (NOWHERE, place):
        likelihood = mixture.log_likelihood(images, fitted(images, prior, 10, deep), deep)
        found = mixture.posteriors(likelihood, prior, rounds=2).argmax(0)
        called_grey.append((found == mixture.GREY)[nucleus].mean())
    assert called_grey[0] < 0.6
    assert called_grey[1] > 0.8
