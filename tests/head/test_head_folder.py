"""A head written as a folder comes back the same; a damaged folder is refused in one line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from assuage import Head, load_head
from assuage.errors import HeadError
from assuage.head.folder import FRACTION_FILE, LABEL_FILE, RECORD_FILE, write_head
from assuage.head.mni import MniTransform, Warp


@pytest.fixture
def head() -> Head:
    """Return a small ball with fractions, T1, fiducials and a curved MNI map."""
    x, y, z = np.indices((40, 44, 42)) - 20.0
    radius = np.sqrt(x * x + y * y + z * z)
    labels = np.select([radius < 10, radius < 13, radius < 16], [1, 2, 3], 0)
    fractions = {
        name: (255 * (labels == k)).astype(np.uint8) for k, name in ((1, "grey_matter"), (2, "skull"), (3, "scalp"))
    }
    affine = np.diag([4.0, 4.0, 4.0, 1.0])
    affine[:3, 3] = -80
    made = Head.from_labels(
        labels,
        affine,
        tissues={1: "grey_matter", 2: "skull", 3: "scalp"},
        conductivity_S_per_m={"skull": 0.012},
        name="ball",
        fractions=fractions,
        t1=radius.astype(np.float32),
    )
    field = np.random.default_rng(1).normal(size=(5, 5, 5, 3)).astype(np.float32)
    warp = Warp(linear=np.eye(4), displacement_mm=field, grid_affine=np.diag([30.0, 30.0, 30.0, 1.0]))
    mni = MniTransform(forward=warp, backward=Warp(linear=np.eye(4)))
    made = replace(made, mni=mni, metadata={"origin": "test", "warnings": ["one"]})
    return made.with_fiducials({"Nz": [0, 64, 0], "Iz": [0, -64, 0], "LPA": [-64, 0, 0], "RPA": [64, 0, 0]})


def test_round_trip(head: Head, tmp_path: Path) -> None:
    write_head(head, tmp_path)
    back = load_head(tmp_path)
    np.testing.assert_array_equal(back.labels, head.labels)
    np.testing.assert_allclose(back.affine, head.affine)
    assert back.fractions is not None
    assert head.fractions is not None
    for name, share in head.fractions.items():
        np.testing.assert_array_equal(back.fractions[name], share)
    np.testing.assert_allclose(back.t1, head.t1)
    assert back.conductivity_S_per_m == head.conductivity_S_per_m
    assert back.metadata == head.metadata
    assert back.name == "ball"
    for name, point in head.fiducials_mm.items():
        np.testing.assert_allclose(back.fiducials_mm[name], point, atol=0.1)
    points = np.random.default_rng(2).uniform(-50, 50, (20, 3))
    assert back.mni is not None
    assert head.mni is not None
    np.testing.assert_allclose(back.mni.head_to_mni(points), head.mni.head_to_mni(points), atol=1e-4)


@pytest.mark.parametrize("name", [LABEL_FILE, FRACTION_FILE])
def test_a_missing_file_is_named(head: Head, tmp_path: Path, name: str) -> None:
    write_head(head, tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(HeadError, match=name.split(".", maxsplit=1)[0]):
        load_head(tmp_path)


def test_a_damaged_record_is_refused(head: Head, tmp_path: Path) -> None:
    write_head(head, tmp_path)
    (tmp_path / RECORD_FILE).write_text("{", encoding="utf-8")
    with pytest.raises(HeadError, match="cannot be read"):
        load_head(tmp_path)
    (tmp_path / RECORD_FILE).write_text('{"format": "other"}', encoding="utf-8")
    with pytest.raises(HeadError, match="format 'other'"):
        load_head(tmp_path)


def test_files_of_two_heads_are_refused(head: Head, tmp_path: Path) -> None:
    write_head(head, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    moved = head.affine.copy()
    moved[0, 3] += 5
    write_head(replace(head, affine=moved, given_fiducials_mm=None, mni=None), other)
    (tmp_path / FRACTION_FILE).write_bytes((other / FRACTION_FILE).read_bytes())
    with pytest.raises(HeadError, match="another grid"):
        load_head(tmp_path)
