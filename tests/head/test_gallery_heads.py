"""The gallery: exact volumes, whatever the grid; slabs layer by layer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from assuage.errors import HeadError
from assuage.head.gallery import slab_head, sphere_head


@settings(max_examples=12)
@given(
    st.tuples(*[st.floats(2.0, 5.0)] * 3),
    st.tuples(*[st.floats(-0.5, 0.5)] * 3),
    st.tuples(*[st.floats(-30, 30)] * 3),
)
def test_shell_volumes_are_exact(voxel_mm, offset, center) -> None:
    radii = (20.0, 23.0, 30.0, 36.0)
    head = sphere_head(radii_mm=radii, voxel_mm=voxel_mm, offset_voxels=offset, center_mm=center, margin_mm=6)
    volumes = np.diff([0.0, *(4 / 3 * np.pi * np.array(radii) ** 3)])
    for name, volume in zip(("grey_matter", "csf", "skull", "scalp"), volumes, strict=True):
        found = head.fractions[name].sum(dtype=float) / 255 * np.prod(voxel_mm)
        assert found == pytest.approx(volume, rel=0.01)


def test_fractions_are_centred() -> None:
    center = np.array([3.0, -4.0, 5.0])
    head = sphere_head(voxel_mm=(3.0, 4.0, 5.0), center_mm=center, offset_voxels=(0.2, -0.3, 0.4))
    total = sum(share.astype(float) for share in head.fractions.values()) / 255
    points = np.argwhere(total >= 0) @ head.affine[:3, :3].T + head.affine[:3, 3]
    assert np.average(points, axis=0, weights=total.reshape(-1)) == pytest.approx(center, abs=0.01)


def test_shares_never_exceed_the_voxel() -> None:
    head = sphere_head(voxel_mm=4.0)
    total = sum(share.astype(int) for share in head.fractions.values())
    assert total.max() == 255
    assert total[tuple(np.array(total.shape) // 2)] == 255
    assert total[0, 0, 0] == 0


def test_labels_follow_the_centres_and_the_rotation_only_turns() -> None:
    turn = Rotation.from_euler("xyz", [30, 10, -50], degrees=True).as_matrix()
    head = sphere_head(voxel_mm=4.0, rotation=turn, center_mm=(5.0, 6.0, 7.0), offset_voxels=(0.11, 0.23, 0.37))
    points = np.argwhere(head.labels >= 0) @ head.affine[:3, :3].T + head.affine[:3, 3]
    shell = np.searchsorted((78, 80, 86, 92), np.linalg.norm(points - [5, 6, 7], axis=1), side="right")
    assert np.array_equal(head.labels.reshape(-1), np.where(shell < 4, shell + 1, 0))


def test_hard_labels_have_no_fractions() -> None:
    assert sphere_head(voxel_mm=4.0, hard_labels=True).fractions is None


def test_equal_names_share_one_fraction() -> None:
    head = sphere_head(voxel_mm=4.0, radii_mm=(60, 70, 80), tissues=("scalp", "skull", "scalp"))
    assert set(head.fractions) == {"scalp", "skull"}
    total = head.fractions["scalp"].sum(dtype=float) / 255 * 64
    assert total == pytest.approx(4 / 3 * np.pi * (60**3 + 80**3 - 70**3), rel=0.01)


def test_values_per_shell_or_by_name() -> None:
    listed = sphere_head(voxel_mm=5.0, conductivity_S_per_m=(0.3, 1.6, 0.01, 0.4))
    named = sphere_head(
        voxel_mm=5.0, conductivity_S_per_m={"grey_matter": 0.3, "csf": 1.6, "skull": 0.01, "scalp": 0.4}
    )
    assert listed.conductivity_S_per_m == named.conductivity_S_per_m


def test_slab_layers() -> None:
    head = slab_head(thicknesses_mm=(5.0, 7.5, 20.0), tissues=("scalp", "skull", "grey_matter"), voxel_mm=2.0)
    assert list(head.tissue_at([[0, 0, 3], [0, 0, -2], [0, 0, -9], [0, 0, -20]])) == [
        "air",
        "scalp",
        "skull",
        "grey_matter",
    ]
    for name, thickness in (("scalp", 5.0), ("skull", 7.5), ("grey_matter", 20.0)):
        assert head.fractions[name].sum(dtype=float) / 255 * 8 == pytest.approx(80 * 80 * thickness, rel=0.01)


@pytest.mark.parametrize(
    "options",
    [
        {"radii_mm": (80, 78, 86, 92)},
        {"radii_mm": (80, 90)},
        {"rotation": np.diag([1, 1, 2])},
    ],
)
def test_bad_spheres_are_refused(options) -> None:
    with pytest.raises(HeadError):
        sphere_head(**options)


def test_bad_slab_is_refused() -> None:
    with pytest.raises(HeadError, match="must be positive"):
        slab_head(thicknesses_mm=(5.0,), tissues=("scalp", "skull"))
