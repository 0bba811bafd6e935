"""FreeSurfer's and SynthSeg's brain in a built head: the place is that of the world, others are refused."""

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assuage.errors import HeaderError, HeadError
from assuage.segmentation.brain import LEAST_AGREEMENT, REPLACED, read_brain, with_brain
from assuage.segmentation.grid import Grid
from assuage.segmentation.mixture import TISSUES

CENTRE_MM = np.array([6.0, -9.0, 14.0])
VENTRICLE_MM = np.array([14.0, 0.0, 0.0])
WHITE_MM, BRAIN_MM, CAVITY_MM, SKULL_MM, HEAD_MM = 26.0, 34.0, 38.0, 43.0, 50.0
CONFORMED = np.array([[-1.0, 0, 0, 64], [0, 0, 1, -70], [0, -1, 0, 72], [0, 0, 0, 1]])
"""As FreeSurfer conforms: 1 mm, first axis to the left, second down, third to the front."""
LAS = np.array([[-1.0, 0, 0, 66], [0, 1, 0, -72], [0, 0, 1, -60], [0, 0, 0, 1]])
OBLIQUE = np.eye(4)
OBLIQUE[:3, :3] = Rotation.from_euler("xyz", [14, -9, 21], degrees=True).as_matrix()
OBLIQUE[:3, 3] = CENTRE_MM - OBLIQUE[:3, :3] @ np.full(3, 64.0)
SHAPE = (128, 128, 128)
SEG_FILES = {"aseg.mgz": CONFORMED, "synthseg.nii.gz": LAS, "oblique.nii.gz": OBLIQUE}


def distance_mm(shape, affine, centre_mm=CENTRE_MM) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance to a centre and the world x of every voxel."""
    world = np.moveaxis(np.indices(shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
    return np.linalg.norm(world - centre_mm, axis=-1), world[..., 0]


def labels(affine, centre_mm=CENTRE_MM) -> np.ndarray:
    """Return a ball of white matter in cortex, left and right labelled as FreeSurfer does, a ventricle on the right."""
    away, x = distance_mm(SHAPE, affine, centre_mm)
    right = x > centre_mm[0]
    seg = np.where(away < WHITE_MM, np.where(right, 41, 2), np.where(right, 42, 3))
    ventricle, _ = distance_mm(SHAPE, affine, centre_mm + VENTRICLE_MM)
    seg[ventricle < 6] = 43
    seg[away >= BRAIN_MM] = 0
    return seg


def write(path, seg, affine):
    if path.suffix == ".mgz":
        nib.save(nib.MGHImage(seg.astype(np.int32), affine), path)
        return path
    image = nib.Nifti1Image(seg.astype(np.int16), affine)
    image.set_sform(affine, code=1)
    image.set_qform(affine, code=1)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


@pytest.fixture(scope="module")
def grid() -> Grid:
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = CENTRE_MM - 56
    return Grid(shape=(57, 57, 57), affine=affine)


@pytest.fixture(scope="module")
def built(grid) -> np.ndarray:
    """Shares of a build that saw a slightly larger brain without a ventricle."""
    away, _ = distance_mm(grid.shape, grid.affine)
    edges = {"white_matter": WHITE_MM + 1, "grey_matter": BRAIN_MM + 2, "csf": CAVITY_MM, "skull": SKULL_MM,
             "scalp": HEAD_MM, "air": np.inf}  # fmt: skip
    shares, inner = np.zeros((len(TISSUES), *grid.shape), np.float16), -1.0
    for name, outer in edges.items():
        shares[TISSUES.index(name)] = (away > inner) & (away <= outer)
        inner = outer
    return shares


@pytest.mark.parametrize("name", SEG_FILES)
def test_labels_land_in_the_world_whatever_their_axes(tmp_path, grid, built, name):
    affine = SEG_FILES[name]
    brain = read_brain(write(tmp_path / name, labels(affine), affine))
    shares, agreement = with_brain(built, brain, grid)
    assert agreement > 0.9
    away, x = distance_mm(grid.shape, grid.affine)
    ventricle, _ = distance_mm(grid.shape, grid.affine, CENTRE_MM + VENTRICLE_MM)
    white, grey, csf = (shares[TISSUES.index(tissue)] for tissue in REPLACED)
    assert white[(away < WHITE_MM - 2) & (ventricle > 8)].min() > 0.95
    assert grey[(away > WHITE_MM + 2) & (away < BRAIN_MM - 2)].min() > 0.95
    assert csf[ventricle < 4].min() > 0.95, "the ventricle is on the right"
    assert csf[away > WHITE_MM + 2][x[away > WHITE_MM + 2] < CENTRE_MM[0]].sum() > 0


def test_shares_add_up_and_the_outer_layers_stay(tmp_path, grid, built):
    brain = read_brain(write(tmp_path / "aseg.mgz", labels(CONFORMED), CONFORMED))
    shares, _ = with_brain(built, brain, grid)
    assert shares.sum(0) == pytest.approx(1.0, abs=2e-3)
    assert shares.min() >= 0
    away, _ = distance_mm(grid.shape, grid.affine)
    for name in ("skull", "scalp", "air"):
        outside = away > CAVITY_MM
        kept, before = (volume[TISSUES.index(name)][outside] for volume in (shares, built))
        assert np.abs(kept - before).max() < 1e-3
    lost = (away > BRAIN_MM + 1.5) & (away < BRAIN_MM + 2)
    lost[:, :, :28] = False
    assert lost.any()
    assert shares[TISSUES.index("csf")][lost].min() > 0.9, "what only the build took for brain is CSF"


def test_below_the_labels_the_cord_stays(tmp_path, grid, built):
    cord = built.copy()
    away, _ = distance_mm(grid.shape, grid.affine)
    axis = np.linalg.norm((np.moveaxis(np.indices(grid.shape), 0, -1) @ grid.affine[:3, :3].T + grid.affine[:3, 3]
                           - CENTRE_MM)[..., :2], axis=-1)  # fmt: skip
    column = (axis < 5) & (np.arange(grid.shape[2]) < 8)
    cord[:, column] = 0
    cord[TISSUES.index("white_matter"), column] = 1
    brain = read_brain(write(tmp_path / "aseg.mgz", labels(CONFORMED), CONFORMED))
    shares, _ = with_brain(cord, brain, grid)
    low = column & (away > BRAIN_MM + 4)
    assert low.any()
    assert shares[TISSUES.index("white_matter")][low].min() == 1


def test_another_brain_is_refused(tmp_path, grid, built):
    shifted = labels(LAS, CENTRE_MM + VENTRICLE_MM[[1, 0, 2]])
    with pytest.raises(HeadError, match=f"{LEAST_AGREEMENT} is needed"):
        with_brain(built, read_brain(write(tmp_path / "other.nii.gz", shifted, LAS)), grid)
    far = LAS.copy()
    far[:3, 3] += 400
    with pytest.raises(HeadError, match="no brain where the scan lies"):
        with_brain(built, read_brain(write(tmp_path / "far.nii.gz", labels(LAS), far)), grid)


def test_what_is_not_freesurfers_is_refused(tmp_path):
    seg = labels(LAS)
    outer = np.where(seg == 3, 165, np.where(seg == 43, 258, seg))
    with pytest.raises(HeadError, match="labels 165, 258, which are not of the brain"):
        read_brain(write(tmp_path / "samseg.nii.gz", outer, LAS))
    with pytest.raises(HeadError, match="no labels"):
        read_brain(write(tmp_path / "empty.nii.gz", seg * 0, LAS))
    image = nib.Nifti1Image(seg.astype(np.float32) + 0.4, LAS)
    image.set_sform(LAS, code=1)
    nib.save(image, tmp_path / "image.nii.gz")
    with pytest.raises(HeadError, match="no whole numbers"):
        read_brain(tmp_path / "image.nii.gz")
    with pytest.raises(HeaderError, match="is no file"):
        read_brain(tmp_path / "nothing.mgz")


def test_parcels_count_as_cortex(tmp_path):
    seg = labels(LAS)
    parcels = np.where(seg == 3, 1027, np.where(seg == 42, 12101, np.where(seg == 2, 3001, seg)))
    brain = read_brain(write(tmp_path / "aparc.nii.gz", parcels, LAS))
    plain = read_brain(write(tmp_path / "aseg.nii.gz", seg, LAS))
    assert np.array_equal(brain.tissue, plain.tissue)
