"""Tensor files: each program's order and axes, rotation, interpolation, mappings, and what is stopped."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from assuage import Head
from assuage.errors import HeaderError, HeadError
from assuage.head import with_white_matter_tensors
from assuage.head.diffusion import ORDERS, frame_axes, packed, read_tensors, rotation_of, sample, turned
from assuage.head.tensor_gallery import (
    ACROSS,
    ALONG,
    GREY,
    anatomy,
    bundle,
    commissural,
    places,
    scan_grid,
    write_tensors,
)
from assuage.head.white_matter import relative_eigenvalues

SIGMA = 0.126


class SameSpace:
    """An MNI registration: the identity."""

    space = "that of the block"

    def mni_to_head(self, points_mm):
        return np.asarray(points_mm, float)

    head_to_mni = mni_to_head


def block_head(voxel_mm=3.0):
    """A brain of sheets of white matter between grey matter, in CSF, over the MNI places of the fans."""
    affine = np.diag([voxel_mm, voxel_mm, voxel_mm, 1.0])
    affine[:3, 3] = -48.0, -84.0, -18.0
    shape = (33, 49, 29)
    x, y, z = places(affine, shape).T
    radius = np.hypot(x, 62.0 - z)
    labels = np.full(len(x), 3, np.uint8)
    inside = (np.abs(x) < 40) & (np.abs(y + 10) < 66) & (z > -12) & (z < 60)
    labels[inside] = 2
    labels[inside & (np.abs(x) < 32) & (radius % 18 < 12)] = 1
    head = Head.from_labels(
        labels.reshape(shape), affine, tissues={1: "white_matter", 2: "grey_matter", 3: "csf"}, name="block"
    )
    return replace(head, mni=SameSpace())


@pytest.fixture(scope="module")
def head():
    return block_head()


@pytest.fixture(scope="module")
def oblique(head):
    """Affine and world tensors of an oblique scan with another voxel size."""
    affine, shape = scan_grid(head, (2.5, 2.5, 3.0), turn_deg=(12, -8, 26))
    return affine, anatomy(head, affine, shape)


def random_tensors(shape=(44, 42, 40), seed=0):
    rng = np.random.default_rng(seed)
    return bundle(rng.normal(size=(int(np.prod(shape)), 3))).reshape(*shape, 3, 3)


def world_of(path, **stated):
    read = read_tensors(path, **stated)
    index = np.stack(np.meshgrid(*[np.arange(n) for n in read.values.shape[:3]], indexing="ij"), -1).reshape(-1, 3)
    return read.world_tensors(index).reshape(*read.values.shape[:3], 3, 3)


def turned_affine(flip=1.0):
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [20, -15, 40], degrees=True).as_matrix() * [2.5 * flip, 2.5, 3.0]
    affine[:3, 3] = -40, 10, 5
    return affine


@pytest.mark.parametrize("flip", [1.0, -1.0])
@pytest.mark.parametrize("order", list(ORDERS))
def test_every_order_comes_back_in_world_axes(order, flip, tmp_path):
    tensors, affine = random_tensors(), turned_affine(flip)
    path = write_tensors(tmp_path / "dti.nii.gz", tensors, affine, order=order)
    np.testing.assert_allclose(world_of(path, order=order), tensors, atol=1e-3 * ALONG)
    if order in {"dipy", "ants"}:
        path = write_tensors(tmp_path / "five.nii.gz", tensors, affine, order=order, symmetric_matrix=True)
        np.testing.assert_allclose(world_of(path, order=order), tensors, atol=1e-3 * ALONG)


def test_written_out_by_hand_each_program_says_the_same(tmp_path):
    """A fibre along (1, 2, 0) of the scanner, on an upright image stored from left to right (det > 0)."""
    xx, yy, zz, xy = 1.0, 2.0, 0.5, 0.7
    lines = {
        "fsl": (xx, -xy, 0, yy, 0, zz),  # x flipped: radiological axes
        "mrtrix": (xx, yy, zz, xy, 0, 0),
        "dipy": (xx, -xy, yy, 0, 0, zz),
        "ants": (xx, xy, yy, 0, 0, zz),
    }
    for order, values in lines.items():
        data = np.broadcast_to(np.float32(values), (60, 60, 60, 6))
        image = nib.Nifti1Image(data, np.diag([2.0, 2, 2, 1]))
        nib.save(image, tmp_path / "dti.nii.gz")
        found = world_of(tmp_path / "dti.nii.gz", order=order)[3, 4, 5]
        np.testing.assert_allclose(found, [[xx, xy, 0], [xy, yy, 0], [0, 0, zz]], atol=1e-6)
    image = nib.Nifti1Image(
        np.broadcast_to(np.float32((xx, xy, 0, yy, 0, zz)), (60, 60, 60, 6)), np.diag([-2.0, 2, 2, 1])
    )
    nib.save(image, tmp_path / "dti.nii.gz")  # stored from right to left: FSL flips nothing, and x of the image is left
    np.testing.assert_allclose(world_of(tmp_path / "dti.nii.gz", order="fsl")[3, 4, 5][0, 1], -xy, atol=1e-6)


angles = st.tuples(*[st.floats(-180, 180) for _ in range(3)])


@settings(max_examples=40, deadline=None)
@given(angles=angles, flip=st.sampled_from([1.0, -1.0]), sizes=st.tuples(*[st.floats(0.5, 4.0) for _ in range(3)]))
def test_axes_are_orthogonal_and_the_rotation_of_the_affine_whatever_the_voxels(angles, flip, sizes):
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([flip * sizes[0], *sizes[1:]])
    np.testing.assert_allclose(rotation_of(affine), turn @ np.diag([flip, 1, 1]), atol=1e-9)
    for frame in ("fsl", "voxel", "world"):
        axes = frame_axes(affine, frame)
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(frame_axes(affine, "fsl")) < 0


@settings(max_examples=25, deadline=None)
@given(angles=angles, seed=st.integers(0, 10))
def test_turning_the_world_turns_what_is_read_between_voxels(angles, seed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("turned")
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    whole = np.eye(4)
    whole[:3, :3] = turn
    affine, tensors = turned_affine(), random_tensors(seed=seed)
    points = places(affine, (3, 3, 3)) + affine[:3, :3] @ [12.3, 11.7, 13.4]
    for order in ("fsl", "mrtrix"):
        one = sample(read_tensors(write_tensors(folder / "a.nii", tensors, affine, order=order), order=order), points)
        both = turned(tensors.reshape(-1, 3, 3), turn).reshape(tensors.shape)
        path = write_tensors(folder / "b.nii", both, whole @ affine, order=order)
        other = sample(read_tensors(path, order=order), points @ turn.T)
        np.testing.assert_allclose(other.eigen.values, one.eigen.values, rtol=1e-3)
        matrix = [np.einsum("nij,nj,nkj->nik", e.vectors, e.values, e.vectors) for e in (one.eigen, other.eigen)]
        np.testing.assert_allclose(matrix[1], turned(matrix[0], turn), atol=1e-3 * ALONG)


def test_between_voxels_the_volume_is_the_geometric_mean_and_missing_neighbours_do_not_count(tmp_path):
    tensors = random_tensors()
    tensors[10, 10, 10], tensors[11, 10, 10] = np.diag([8.0, 1, 1]) * GREY, np.diag([1.0, 1, 2]) * GREY
    tensors[20, 20, 20], tensors[21, 20, 20] = np.eye(3) * GREY, 0.0
    tensors[30, 30, 30], tensors[31, 30, 30] = np.eye(3) * GREY, -np.eye(3) * GREY
    read = read_tensors(
        write_tensors(tmp_path / "dti.nii", tensors, np.diag([3.0, 3, 3, 1]), order="mrtrix"), order="mrtrix"
    )
    found = sample(read, 3.0 * np.array([[10.5, 10, 10], [20.3, 20, 20], [20.8, 20, 20], [30.9, 30, 30], [99, 0, 0]]))
    assert found.eigen.values[0].prod() == pytest.approx(4.0 * GREY**3, rel=1e-4)
    np.testing.assert_allclose(found.eigen.values[1], GREY, rtol=1e-4)
    assert found.usable.tolist() == [True, True, False, False, False]
    assert found.empty.tolist() == [False, False, True, False, False]
    assert found.not_positive.tolist() == [False, False, False, True, False]
    assert found.outside.tolist() == [False, False, False, False, True]


def test_mappings_by_hand(tmp_path):
    tensors = np.broadcast_to(np.diag([4.0, 2.0, 1.0]) * 5e-4, (40, 40, 40, 3, 3)).copy()
    tensors[:20] *= 2.0
    read = read_tensors(write_tensors(tmp_path / "dti.nii", tensors, np.diag([3.0, 3, 3, 1]), order="fsl"), order="fsl")
    found = sample(read, 3.0 * np.array([[5.0, 5, 5], [30, 5, 5]]))
    normalised, _ = relative_eigenvalues(found, "volume-normalised", SIGMA)
    np.testing.assert_allclose(SIGMA * normalised, SIGMA * np.array([[0.5, 1, 2]] * 2), rtol=1e-5)
    np.testing.assert_allclose(np.cbrt((SIGMA * normalised).prod(1)), SIGMA, rtol=1e-6)
    direct, capped = relative_eigenvalues(found, "direct", SIGMA)
    factor = 1 / np.cbrt((64 + 8) / 2 * 5e-4**3)  # 1 over the cube root of the mean determinant
    np.testing.assert_allclose(direct, factor * np.array([[2.0, 4, 8], [1, 2, 4]]) * 5e-4, rtol=1e-5)
    assert not capped.any()
    large, capped = relative_eigenvalues(found, "direct", 1.2)
    assert capped.tolist() == [True, False]
    assert (1.2 * large).max() == pytest.approx(2.0)


def test_ratio_of_eigenvalues_is_clipped(tmp_path):
    tensors = np.broadcast_to(np.diag([30.0, 1.0, 1.0]) * 1e-4, (40, 40, 40, 3, 3))
    read = read_tensors(write_tensors(tmp_path / "dti.nii", tensors, np.diag([3.0, 3, 3, 1]), order="fsl"), order="fsl")
    found = sample(read, np.array([[30.0, 30, 30]]))
    np.testing.assert_allclose(found.eigen.values[0], [3e-4, 3e-4, 3e-3], rtol=1e-4)
    assert found.clipped.all()


@pytest.mark.parametrize("order", ["fsl", "mrtrix", "dipy"])
def test_an_oblique_scan_gives_the_head_its_tensors(head, oblique, order, tmp_path):
    affine, tensors = oblique
    path = write_tensors(tmp_path / "dti.nii.gz", tensors, affine, order=order)
    body = with_white_matter_tensors(head, path, order=order)
    relative = body.tensors.relative[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3).astype(float)
    np.testing.assert_allclose(np.linalg.det(relative), 1.0, rtol=1e-4)
    origin = body.tensors.origin
    assert origin["isotropic_share"] == 0.0
    assert origin["checks"]["notes"] == ()
    assert origin["median_ratio"] == pytest.approx(ALONG / ACROSS, rel=0.25)
    points = np.argwhere(head.mask("white_matter")) @ head.affine[:3, :3].T + head.affine[:3, 3]
    fibre = np.linalg.eigh(relative)[1][:, :, 2]
    assert np.median(np.abs((fibre * commissural(points)).sum(1))) > 0.95


def test_turning_head_scan_and_tensors_together_turns_the_conductivities(head, oblique, tmp_path):
    affine, tensors = oblique
    turn = Rotation.from_euler("zyx", [25, -10, 5], degrees=True).as_matrix()
    whole = np.eye(4)
    whole[:3, :3] = turn
    one = with_white_matter_tensors(
        head, write_tensors(tmp_path / "a.nii", tensors, affine), order="fsl"
    ).tensors.relative

    class Turned(SameSpace):
        def mni_to_head(self, points_mm):
            return np.asarray(points_mm) @ turn.T

        def head_to_mni(self, points_mm):
            return np.asarray(points_mm) @ turn

    other_head = replace(head, affine=whole @ head.affine, mni=Turned())
    both = turned(tensors.reshape(-1, 3, 3), turn).reshape(tensors.shape)
    path = write_tensors(tmp_path / "b.nii", both, whole @ affine)
    other = with_white_matter_tensors(other_head, path, order="fsl").tensors.relative
    square = one[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3).astype(float)
    difference = np.abs(packed(turned(square, turn)) - other).max(1)
    assert np.quantile(difference, 0.999) < 2e-3  # a point on the edge between two voxels may fall either way


@pytest.mark.parametrize(
    ("wrote", "stated"), [(a, b) for a in ("fsl", "mrtrix", "dipy") for b in ("fsl", "mrtrix", "dipy") if a != b]
)
def test_a_wrong_order_is_stopped_and_the_right_one_named(head, oblique, wrote, stated, tmp_path):
    affine, tensors = oblique
    path = write_tensors(tmp_path / "dti.nii.gz", tensors, affine, order=wrote)
    with pytest.raises(HeadError, match=rf"positive definite in the order '{stated}'.*read in the order '{wrote}'"):
        with_white_matter_tensors(head, path, order=stated)


@pytest.mark.parametrize(
    ("in_file", "stated", "says"),
    [
        ("voxel", "fsl", "continue less well|fan inwards|callosum"),
        ("fsl", "voxel", "continue less well|fan inwards|callosum"),
        ("world", "fsl", "continue less well|fan inwards|callosum"),
        ("world", "voxel", "continue less well|callosum do not cross"),
        ("voxel", "world", "callosum do not cross"),
    ],
)
def test_a_wrong_frame_is_stopped(head, oblique, in_file, stated, says, tmp_path):
    affine, tensors = oblique
    path = write_tensors(tmp_path / "dti.nii.gz", tensors, affine, order="fsl", frame=in_file)
    with pytest.raises(HeadError, match=says):
        with_white_matter_tensors(head, path, order="fsl", frame=stated)
    assert with_white_matter_tensors(head, path, order="fsl", frame=in_file).tensors.origin["frame"] == in_file


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flips_of_an_upright_scan_are_stopped_by_anatomy(head, axis, tmp_path, monkeypatch):
    affine, shape = scan_grid(head, 3.0, margin_mm=9.0)
    flip = np.eye(3)
    flip[axis, axis] = -1
    tensors = anatomy(head, affine, shape)
    both = turned(tensors.reshape(-1, 3, 3), flip).reshape(tensors.shape)
    path = write_tensors(tmp_path / "dti.nii", both, affine, order="mrtrix")
    monkeypatch.setattr("assuage.head.diffusion_checks.CLEARLY_BETTER", 1.0)
    with pytest.raises(HeadError, match="fan inwards"):
        with_white_matter_tensors(head, path, order="mrtrix")


def test_permuted_axes_are_stopped_without_any_mni_frame(head, oblique, tmp_path):
    affine, tensors = oblique
    swap = np.array([[0, 0, 1.0], [0, 1, 0], [1, 0, 0]])
    both = turned(tensors.reshape(-1, 3, 3), swap).reshape(tensors.shape)
    path = write_tensors(tmp_path / "dti.nii.gz", both, affine, order="mrtrix")
    with pytest.raises(HeadError, match="continue less well"):
        with_white_matter_tensors(replace(head, mni=None), path, order="mrtrix")


def test_a_map_beside_the_head_or_with_holes_is_stopped_and_few_holes_are_told(head, oblique, tmp_path):
    affine, tensors = oblique
    away = affine.copy()
    away[:3, 3] += 9.0
    with pytest.raises(HeadError, match=r"does not lie on this head|has no usable tensor"):
        with_white_matter_tensors(head, write_tensors(tmp_path / "away.nii", tensors, away), order="fsl")
    world = places(affine, tensors.shape[:3]).reshape(*tensors.shape[:3], 3)
    holed = tensors.copy()
    holed[world[..., 1] > 40] = np.nan
    with pytest.raises(HeadError, match=r"no usable tensor \(10% allowed; 0% outside the map, 1\d% empty"):
        with_white_matter_tensors(head, write_tensors(tmp_path / "holed.nii", holed, affine), order="fsl")
    few = tensors.copy()
    few[world[..., 1] > 50] = 0.0
    body = with_white_matter_tensors(head, write_tensors(tmp_path / "few.nii", few, affine), order="fsl")
    origin = body.tensors.origin
    assert 0.005 < origin["isotropic_share"] < 0.10
    assert origin["isotropic_share"] == pytest.approx(origin["empty_share"])
    square = body.tensor_S_per_m["white_matter"][head.mask("white_matter")]
    plain = (np.abs(square - head.conductivity_S_per_m["white_matter"] * np.eye(3)) < 1e-6).all((1, 2))
    assert plain.mean() == pytest.approx(origin["isotropic_share"], abs=1e-6)


def bare_block():
    return Head.from_labels(np.full((4, 4, 4), 1), np.eye(4), tissues={1: "white_matter"})


def shear(affine):
    sheared = affine.copy()
    sheared[0, 1] += 0.3
    return sheared


def test_files_that_are_no_tensors_are_refused(head, oblique, tmp_path):
    affine, tensors = oblique
    good = write_tensors(tmp_path / "good.nii", tensors, affine)
    ask = {"order": "fsl"}
    with pytest.raises(HeadError, match="order 'slicer' is not known"):
        with_white_matter_tensors(head, good, order="slicer")
    with pytest.raises(HeadError, match="frame 'scanner' is not known"):
        with_white_matter_tensors(head, good, frame="scanner", **ask)
    with pytest.raises(HeadError, match="mapping 'linear' is not known"):
        with_white_matter_tensors(head, good, mapping="linear", **ask)
    with pytest.raises(HeaderError, match="does not exist"):
        with_white_matter_tensors(head, tmp_path / "none.nii", **ask)
    nib.save(nib.Nifti1Image(np.zeros((50, 50, 50, 3), np.float32), affine), tmp_path / "v1.nii")
    with pytest.raises(HeaderError, match=r"shape \(50, 50, 50, 3\)"):
        with_white_matter_tensors(head, tmp_path / "v1.nii", **ask)
    (tmp_path / "text.nii").write_text("no image", encoding="utf-8")
    with pytest.raises(HeaderError, match="cannot be read"):
        with_white_matter_tensors(head, tmp_path / "text.nii", **ask)
    image = nib.Nifti1Image(np.zeros((50, 50, 50, 6), np.float32), None)
    image.set_sform(shear(affine), 1)
    nib.save(image, tmp_path / "sheared.nii")
    with pytest.raises(HeaderError, match="sheared"):
        with_white_matter_tensors(head, tmp_path / "sheared.nii", **ask)
    five = write_tensors(tmp_path / "five.nii", tensors, affine, order="ants", symmetric_matrix=True)
    with pytest.raises(HeadError, match="is a NIfTI symmetric matrix"):
        with_white_matter_tensors(head, five, **ask)
    bare = Head.from_labels(np.full((4, 4, 4), 1), np.eye(4), tissues={1: "grey_matter"})
    with pytest.raises(HeadError, match="has no white matter"):
        with_white_matter_tensors(bare, good, **ask)
    kept, other = with_white_matter_tensors(head, good, **ask).tensors, bare_block()
    with pytest.raises(HeadError, match="one row for each of its voxels"):
        other.with_tensors(kept)
