"""The numerical field against the exact one on layered spheres, and how it gets better with smaller voxels."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from spheres import (
    COIL,
    RADII_MM,
    band_errors,
    exact_coil,
    exact_discs,
    layered_head,
    pose_over,
    two_discs,
)

from assuage import Conductor

SURFACE_MM = RADII_MM[0]
THIN_SKULL_S_PER_M = (0.33, 1.65, 0.01, 0.45)
BANDS_MM = (0.0, 0.77 * SURFACE_MM, SURFACE_MM - 3.0, SURFACE_MM)
COIL_AT = COIL.at(pose_over((0.4, -0.3, 1.0), RADII_MM[-1]), didt_A_per_s=1e6)
DISCS = two_discs([(0.1, 0.2, 1.0), (1.0, 0.3, -0.16)], RADII_MM[-1])


def errors_of(conductor):
    coil, discs = conductor.solve([COIL_AT, DISCS])
    return band_errors(coil, exact_coil(COIL_AT), BANDS_MM), band_errors(discs, exact_discs(DISCS), BANDS_MM)


@pytest.fixture(scope="module")
def exact_fractions():
    """Errors by voxel size, tissue fractions exact."""
    return {h: errors_of(Conductor(layered_head(h, offset_voxels=(0.3, 0.1, -0.2)), voxel_mm=h)) for h in (2.0, 4.0)}


def test_coil_at_2_mm(exact_fractions):
    errors = exact_fractions[2.0][0]
    assert (np.array(errors) <= [0.03, 0.03, 0.06]).all()


def test_electrodes_at_2_mm(exact_fractions):
    errors = exact_fractions[2.0][1]
    assert (np.array(errors) <= [0.036, 0.06, 0.105]).all()


@pytest.mark.parametrize("csf_mm", [3.0, 1.0], ids=["thick CSF", "CSF of half a voxel"])
def test_hard_labels_at_2_mm(csf_mm):
    """Labels alone, as any segmentation gives them, and skull 1:165; the thin layer is a sieve in the label image."""
    radii_mm = (RADII_MM[0], RADII_MM[0] + csf_mm, *RADII_MM[2:])
    head = layered_head(2.0, radii_mm, THIN_SKULL_S_PER_M, hard_labels=True, offset_voxels=(0.3, 0.1, -0.2))
    coil, discs = Conductor(head, voxel_mm=2.0).solve([COIL_AT, DISCS])
    exact = exact_discs(DISCS, radii_mm, THIN_SKULL_S_PER_M)
    assert (np.array(band_errors(coil, exact_coil(COIL_AT), BANDS_MM)) <= [0.02, 0.03, 0.05]).all()
    assert (np.array(band_errors(discs, exact, BANDS_MM)) <= [0.036, 0.045, 0.06]).all()


@pytest.mark.parametrize(("source", "least"), [(0, 0.5), (1, 1.2)], ids=["coil", "electrodes"])
def test_order_of_convergence_in_the_interior(exact_fractions, source, least):
    """The goal is 1.5. Cut voxels are right to first order, and large ones err little already: see the next test."""
    coarse, fine = (exact_fractions[h][source][0] for h in (4.0, 2.0))
    assert np.log2(coarse / fine) >= least


def test_large_voxels_err_little(exact_fractions):
    coil, discs = exact_fractions[4.0]
    assert (np.array(coil) <= [0.025, 0.05, 0.08]).all()
    assert (np.array(discs) <= [0.06, 0.06, 0.06]).all()


def test_layer_of_half_a_voxel_is_seen():
    """1 mm of CSF on a 2 mm grid: kept by volume, the field in the brain is as good as with a thick layer."""
    radii_mm = (52.0, 53.0, 58.0, 63.0)
    montage = two_discs([(0.1, 0.2, 1.0), (1.0, 0.3, -0.16)], radii_mm[-1])
    head = layered_head(2.0, radii_mm, offset_voxels=(0.3, 0.1, -0.2))
    field = Conductor(head, voxel_mm=2.0).solve(montage)
    assert (np.array(band_errors(field, exact_discs(montage, radii_mm), (0.0, 40.0, 49.0, 52.0))) <= 0.05).all()


def test_noise_of_the_fractions_thins_no_skull(exact_fractions):
    """Segmentations give fractions with noise; interfaces roughened by it once let 5 % more current into the brain."""
    head = layered_head(2.0, offset_voxels=(0.3, 0.1, -0.2))
    rng = np.random.default_rng(3)
    noisy = {name: share.astype(float) for name, share in head.fractions.items()}
    names = list(noisy)
    for inner, outer in pairwise(names):  # what one tissue loses its neighbour gets
        mixed = (noisy[inner] > 0) & (noisy[outer] > 0)
        moved = np.clip(51.0 * rng.normal(size=mixed.shape), -noisy[outer], noisy[inner]) * mixed
        noisy[inner], noisy[outer] = noisy[inner] - moved, noisy[outer] + moved
    rough = replace(head, fractions={name: np.rint(share).astype(np.uint8) for name, share in noisy.items()})
    errors = errors_of(Conductor(rough, voxel_mm=2.0))
    for found, exact in zip(errors, exact_fractions[2.0], strict=True):
        assert (np.array(found) <= np.array(exact) + 0.01).all()
