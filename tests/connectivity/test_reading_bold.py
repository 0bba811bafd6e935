"""Files in: volumes, surfaces, tables; and everything that has to be known or is refused."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from connectivity.bold_example import SPACING_MM, recording, write_bold

from assuage.connectivity import read_bold, read_confounds
from assuage.errors import AssuageError, DataError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("bids")
    write_bold(place)
    return place


@pytest.fixture
def bold(folder):
    return folder / "sub-1_space-T1w_desc-preproc_bold.nii.gz"


def changed(bold, tmp_path, edit, name="copy_space-T1w_bold.nii.gz"):
    """Write a changed copy of the data and its mask; returns both paths."""
    image = nib.load(bold)
    data, affine = np.asarray(image.dataobj), image.affine.copy()
    copy = nib.Nifti1Image(data, affine, image.header)
    copy = edit(copy) or copy
    nib.save(copy, tmp_path / name)
    mask = bold.with_name("sub-1_space-T1w_desc-brain_mask.nii.gz")
    return tmp_path / name, mask


def test_a_volume_of_fmriprep_says_everything(bold):
    made = read_bold(bold)
    true, _ = recording(minutes=8.0, seed=2)
    assert (made.space, made.tr_s, made.kind) == ("head", 2.0, "volume")
    assert made.series.shape == true.series.shape
    order = np.lexsort(true.points_mm.T[::-1])
    mine = np.lexsort(made.points_mm.T[::-1])
    assert made.points_mm[mine] == pytest.approx(true.points_mm[order], abs=1e-3)
    assert made.series[:, mine] == pytest.approx(true.series[:, order])


def no_time(image):
    image.header.set_xyzt_units("mm", "unknown")


def no_codes(image):
    return nib.Nifti1Image(np.asarray(image.dataobj), None)


def three_d(image):
    return nib.Nifti1Image(np.asarray(image.dataobj)[..., 0], image.affine)


def sheared(image):
    affine = image.affine.copy()
    affine[0, 1] = 2.0
    image.set_sform(affine, 1)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (no_time, "repetition time"),
        (three_d, "four dimensions"),
        (no_codes, "orientation"),
        (sheared, "sform and qform"),
    ],
)
def test_what_a_header_leaves_open_is_refused(edit, says, bold, tmp_path):
    path, mask = changed(bold, tmp_path, edit)
    with pytest.raises(AssuageError, match=says):
        read_bold(path, mask=mask)


def test_nan_in_the_mask_is_refused(bold, tmp_path):
    def spoil(image):
        data = np.asarray(image.dataobj).copy()
        data[tuple(np.argwhere(data[..., 0] != 0)[0])] = np.nan
        return nib.Nifti1Image(data, image.affine, image.header)

    path, mask = changed(bold, tmp_path, spoil)
    with pytest.raises(DataError, match="NaN"):
        read_bold(path, mask=mask)


def test_the_space_is_known_or_asked_for(bold, tmp_path):
    with pytest.raises(DataError, match="--space says mni"):
        read_bold(bold, space="mni")
    path, mask = changed(bold, tmp_path, lambda _: None, name="plain.nii.gz")
    with pytest.raises(DataError, match="does not say its space"):
        read_bold(path, mask=mask)
    assert read_bold(path, mask=mask, space="head").space == "head"
    path, mask = changed(bold, tmp_path, lambda _: None, name="x_space-fsaverage_bold.nii.gz")
    with pytest.raises(DataError, match="fsaverage"):
        read_bold(path, mask=mask)


def test_a_mask_is_found_or_asked_for_and_fits(bold, tmp_path):
    path, mask = changed(bold, tmp_path, lambda _: None)
    with pytest.raises(DataError, match="--mask"):
        read_bold(path)
    image = nib.load(mask)
    affine = image.affine.copy()
    affine[0, 3] += 3
    nib.save(nib.Nifti1Image(np.asarray(image.dataobj), affine), tmp_path / "off.nii.gz")
    with pytest.raises(DataError, match="another grid"):
        read_bold(path, mask=tmp_path / "off.nii.gz")
    nib.save(nib.Nifti1Image(np.zeros(image.shape, np.uint8), image.affine), tmp_path / "empty.nii.gz")
    with pytest.raises(DataError, match="empty"):
        read_bold(path, mask=tmp_path / "empty.nii.gz")


def test_header_and_sidecar_may_not_contradict(bold, tmp_path):
    path, mask = changed(bold, tmp_path, lambda _: None)
    path.with_name("copy_space-T1w_bold.json").write_text('{"RepetitionTime": 0.8}', encoding="utf-8")
    with pytest.raises(DataError, match=r"2 s in the header, 0.8 s in the sidecar"):
        read_bold(path, mask=mask)
    assert read_bold(path, mask=mask, tr_s=2.0).tr_s == 2.0


def test_confounds_have_to_be_those_of_the_run(folder, tmp_path):
    frames = recording(minutes=8.0, seed=2)[0].frames
    made = read_confounds(folder / "confounds.tsv", frames=frames)
    assert made.regressors.shape == (frames, 27)
    assert np.isfinite(made.regressors).all()
    with pytest.raises(DataError, match=f"{frames} rows"):
        read_confounds(folder / "confounds.tsv", frames=frames + 1)
    table = pd.read_csv(folder / "confounds.tsv", sep="\t")
    table.drop(columns="rot_x").to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    with pytest.raises(DataError, match="rot_x"):
        read_confounds(tmp_path / "a.tsv", frames=frames)
    table.drop(columns="global_signal").to_csv(tmp_path / "b.tsv", sep="\t", index=False)
    with pytest.raises(DataError, match="--no-global-signal"):
        read_confounds(tmp_path / "b.tsv", frames=frames)
    table.assign(non_steady_state_outlier00=[1] + [0] * (frames - 1)).to_csv(tmp_path / "c.tsv", sep="\t", index=False)
    assert not read_confounds(tmp_path / "c.tsv", frames=frames).kept(0.5)[0]


def test_a_table_of_parcels_needs_places_and_a_time(tmp_path):
    rng = np.random.default_rng(0)
    pd.DataFrame(rng.standard_normal((50, 3)), columns=["a", "b", "c"]).to_csv(
        tmp_path / "p.tsv", sep="\t", index=False
    )
    places = pd.DataFrame({"name": ["c", "a", "b"], "x": [3, 1, 2], "y": 0, "z": 0})
    places.to_csv(tmp_path / "places.tsv", sep="\t", index=False)
    made = read_bold(tmp_path / "p.tsv", geometry=(tmp_path / "places.tsv",), space="mni", tr_s=2.0)
    assert made.points_mm[:, 0].tolist() == [1, 2, 3]
    assert made.kind == "parcels"
    with pytest.raises(DataError, match="--tr"):
        read_bold(tmp_path / "p.tsv", geometry=(tmp_path / "places.tsv",), space="mni")
    with pytest.raises(DataError, match="--geometry"):
        read_bold(tmp_path / "p.tsv", space="mni", tr_s=2.0)
    places[:2].to_csv(tmp_path / "places.tsv", sep="\t", index=False)
    with pytest.raises(DataError, match="no place for 1 parcels"):
        read_bold(tmp_path / "p.tsv", geometry=(tmp_path / "places.tsv",), space="mni", tr_s=2.0)


@pytest.fixture
def surface(tmp_path):
    rng = np.random.default_rng(0)
    points = (rng.standard_normal((40, 3)) * 30).astype(np.float32)
    triangles = np.arange(39)[:, None].repeat(3, 1).astype(np.int32)
    arrays = [
        nib.gifti.GiftiDataArray(points, intent="NIFTI_INTENT_POINTSET"),
        nib.gifti.GiftiDataArray(triangles, intent="NIFTI_INTENT_TRIANGLE"),
    ]
    nib.save(nib.gifti.GiftiImage(darrays=arrays), tmp_path / "lh.surf.gii")
    return tmp_path / "lh.surf.gii", points


def test_a_surface_takes_its_vertices_and_leaves_out_the_empty_ones(surface, tmp_path):
    path, points = surface
    values = np.random.default_rng(1).standard_normal((20, 40)).astype(np.float32)
    values[:, 7] = 0
    meta = nib.gifti.GiftiMetaData({"TimeStep": "1400"})
    arrays = [nib.gifti.GiftiDataArray(row, intent="NIFTI_INTENT_TIME_SERIES", meta=meta) for row in values]
    nib.save(nib.gifti.GiftiImage(darrays=arrays), tmp_path / "lh_space-T1w.func.gii")
    made = read_bold(tmp_path / "lh_space-T1w.func.gii", geometry=(path,))
    assert made.tr_s == pytest.approx(1.4)
    assert made.points_mm == pytest.approx(np.delete(points, 7, axis=0))
    with pytest.raises(DataError, match="no coordinates"):
        read_bold(tmp_path / "lh_space-T1w.func.gii")


def test_cifti_takes_voxels_and_vertices(surface, tmp_path):
    path, points = surface
    vertices = nib.cifti2.BrainModelAxis.from_surface([3, 5], 40, name="CortexLeft")
    mask = np.zeros((4, 4, 4), bool)
    mask[1, 2, 3] = mask[2, 2, 2] = True
    affine = np.diag([2.0, 2, 2, 1])
    voxels = nib.cifti2.BrainModelAxis.from_mask(mask, name="accumbens_left", affine=affine)
    axis = nib.cifti2.SeriesAxis(0, 0.72, 30)
    values = np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32)
    nib.save(nib.Cifti2Image(values, (axis, vertices + voxels)), tmp_path / "x_space-MNI152.dtseries.nii")
    made = read_bold(tmp_path / "x_space-MNI152.dtseries.nii", geometry=(path,))
    assert made.points_mm == pytest.approx(np.vstack([points[[3, 5]], [[2, 4, 6], [4, 4, 4]]]))
    assert made.tr_s == 0.72
    with pytest.raises(DataError, match="left first"):
        read_bold(tmp_path / "x_space-MNI152.dtseries.nii")


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        read_bold(tmp_path / "none.nii.gz")


def test_the_example_has_the_spacing_it_says(bold):
    assert read_bold(bold).spacing_mm == pytest.approx(SPACING_MM)
