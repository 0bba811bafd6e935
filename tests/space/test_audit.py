"""The header audit: every finding is triggered, good headers pass."""

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assuage.errors import HeaderError
from assuage.space import audit_header, audit_label_values


def image(shape=(90, 100, 95), affine=None, sform=1, qform=1) -> nib.Nifti1Image:
    matrix = np.diag([2.0, 2.0, 2.0, 1.0]) if affine is None else affine
    made = nib.Nifti1Image(np.zeros(shape, dtype=np.uint8), matrix)
    made.set_sform(matrix, code=sform)
    made.set_qform(matrix, code=qform)
    made.header.set_xyzt_units("mm")
    return made


def oblique() -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [10, 20, -30], degrees=True).as_matrix() * [1.0, 1.1, 1.2]
    affine[:3, 3] = [-80, -100, -60]
    return affine


def severities(made: nib.Nifti1Image, **options) -> set[tuple[str, str]]:
    return {(f.severity, f.what) for f in audit_header(made, **options).findings}


def test_good_oblique_header_passes_with_its_affine() -> None:
    audit = audit_header(image((180, 200, 160), oblique())).require()
    assert np.allclose(audit.affine, oblique(), atol=1e-5)
    assert audit.findings == ()


def test_left_handed_is_fine() -> None:
    assert severities(image(affine=np.diag([-1.4, 1.4, 1.4, 1.0]), shape=(120, 120, 120))) == set()


def test_no_codes_is_refused() -> None:
    with pytest.raises(HeaderError, match="no orientation in the header"):
        audit_header(image(sform=0, qform=0)).require()


def test_qform_alone_counts() -> None:
    made = image(sform=0, qform=1)
    assert np.allclose(audit_header(made).require().affine, np.diag([2.0, 2, 2, 1]))


def test_disagreement_is_refused_with_both_shown_and_can_be_decided() -> None:
    made = image()
    other = np.diag([2.0, 2.0, 2.0, 1.0])
    other[0, 3] = 30
    made.set_sform(other, code=4)
    with pytest.raises(HeaderError, match=r"sform and qform disagree: corners up to 30\.0 mm.*sform.*qform"):
        audit_header(made).require()
    assert audit_header(made, orientation="sform").require().affine[0, 3] == 30
    assert audit_header(made, orientation="qform").require().affine[0, 3] == 0


def test_small_disagreement_warns() -> None:
    made = image()
    other = np.diag([2.0, 2.0, 2.0, 1.0])
    other[0, 3] = 0.5
    made.set_sform(other, code=1)
    assert ("warn", "sform and qform disagree") in severities(made)
    assert audit_header(made).require().warnings


def test_shear_is_refused() -> None:
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[0, 1] = 0.1
    made = nib.Nifti1Image(np.zeros((90, 100, 95), dtype=np.uint8), None)
    made.set_sform(affine, code=1)
    made.header.set_xyzt_units("mm")
    with pytest.raises(HeaderError, match=r"sheared: \|cosine\| of two axes 0\.0"):
        audit_header(made).require()


@pytest.mark.parametrize(
    ("size", "shape", "severity", "what"),
    [
        (0.1, (90, 90, 90), "stop", "voxel size"),
        (6.0, (40, 40, 40), "stop", "voxel size"),
        (2.0, (90, 90, 90), "warn", "coarse voxels"),
        (1.0, (90, 180, 180), "stop", "field of view too small for a head"),
        (1.0, (120, 180, 180), "warn", "small field of view"),
    ],
)
def test_size_findings(size, shape, severity, what) -> None:
    assert (severity, what) in severities(image(shape, np.diag([size, size, size, 1.0])))


def test_uneven_voxels_warn() -> None:
    assert ("warn", "uneven voxels") in severities(image((180, 180, 60), np.diag([1.0, 1.0, 3.0, 1.0])))


def test_units() -> None:
    made = image()
    made.header.set_xyzt_units("meter")
    with pytest.raises(HeaderError, match="not mm: meter"):
        audit_header(made).require()
    made.header.set_xyzt_units("unknown")
    assert ("note", "length unit missing in the header") in severities(made)


def test_dimensions() -> None:
    with pytest.raises(HeaderError, match="not one 3-D volume"):
        audit_header(image((90, 100, 95, 4))).require()
    assert ("note", "trailing dimensions of size 1") in severities(image((90, 100, 95, 1)))
    with pytest.raises(HeaderError, match="three dimensions"):
        audit_header(image((90, 100)))


def test_two_refusals_are_counted() -> None:
    with pytest.raises(HeaderError, match="and 1 more"):
        audit_header(image((90, 180, 180, 3), np.diag([1.0, 1, 1, 1]))).require()


def test_other_formats_are_refused() -> None:
    with pytest.raises(HeaderError, match="not NIfTI"):
        audit_header(nib.MGHImage(np.zeros((4, 4, 4), dtype=np.float32), np.eye(4)), name="a.mgz")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (np.array([0.0, 1.0, np.nan]), "NaN"),
        (np.array([0.0, 1.5]), "an intensity image"),
        (np.array([0, -3]), "negative labels"),
        (np.arange(400), "an intensity image"),
    ],
)
def test_label_values(data, what) -> None:
    (finding,) = audit_label_values(data)
    assert finding.severity == "stop"
    assert finding.what.startswith(what)
    assert finding.value
    assert finding.way_out


def test_labels_stored_as_float_are_fine() -> None:
    assert audit_label_values(np.array([0.0, 1.0, 2.0], dtype=np.float32)) == []
