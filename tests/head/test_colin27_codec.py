"""The container of the embedded head: what goes in comes out, within its quantisation."""

from pathlib import Path

import numpy as np
import pytest

from assuage.errors import DataError
from assuage.head.colin27_codec import LEVELS, Warp, decode, encode, split_fractions


def two_part_fractions(seed: int = 3) -> dict[str, np.ndarray]:
    """A block whose voxels hold one or two of three tissues, some with air round the head."""
    rng = np.random.default_rng(seed)
    shape = (7, 8, 9)
    part = rng.uniform(0, 1, shape).astype(np.float32)
    pair = rng.integers(0, 4, shape)
    a = np.where(pair == 0, part, 0) + np.where(pair == 3, part, 0)
    b = np.where(pair == 0, 1 - part, 0) + np.where(pair == 1, part, 0)
    c = np.where(pair == 1, 1 - part, 0) + np.where(pair == 2, 1.0, 0)
    return {"grey_matter": a.astype(np.float32), "csf": b.astype(np.float32), "skull": c.astype(np.float32)}


def warp(seed: int) -> Warp:
    rng = np.random.default_rng(seed)
    displacement = rng.normal(0, 4, (4, 5, 6, 3)).astype(np.float32)
    return Warp(linear=np.eye(4) * [1, 2, 3, 1], grid_affine=np.diag([4.0, 4, 4, 1]), displacement=displacement)


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, dict[str, np.ndarray]]:
    fractions = two_part_fractions()
    path = tmp_path / "head.npz"
    t1 = np.random.default_rng(1).integers(0, 255, (7, 8, 9)).astype(np.uint8)
    encode(
        path,
        affine=np.diag([1.0, 1, 1, 1]),
        t1=t1,
        fractions=fractions,
        mni={"head_to_mni": warp(1), "mni_to_head": warp(2)},
        fiducials_mm={"nasion": np.array([0.0, 80.5, -30.25])},
        metadata={"name": "block", "volume_ml": {"csf": 1.5}},
    )
    return path, fractions


def test_parts_return_within_half_a_level(stored: tuple[Path, dict[str, np.ndarray]]) -> None:
    path, fractions = stored
    decoded = decode(path)["fractions"]
    assert list(decoded) == list(fractions)
    for name, part in fractions.items():
        assert np.abs(decoded[name] / 255.0 - part).max() <= 0.5 / LEVELS + 1e-6
    assert np.sum([f.astype(int) for f in decoded.values()], axis=0).max() <= 255


def test_the_largest_part_stays_the_largest() -> None:
    rng = np.random.default_rng(0)
    parts = rng.dirichlet(np.ones(5), size=(6, 6, 6)).astype(np.float32)
    fractions = {f"t{k}": parts[..., k] for k in range(4)}
    first, second, amount = split_fractions(fractions)
    assert np.array_equal(first, parts.argmax(-1))
    assert np.array_equal(second[amount > 0], parts.argsort(-1)[..., -2][amount > 0])
    assert amount.max() <= LEVELS // 2


def test_warps_fiducials_and_metadata_return(stored: tuple[Path, dict[str, np.ndarray]]) -> None:
    data = decode(stored[0])
    for seed, name in ((1, "head_to_mni"), (2, "mni_to_head")):
        assert np.abs(data["mni"][name]["displacement"] - warp(seed)["displacement"]).max() <= 0.0051
        assert np.array_equal(data["mni"][name]["linear"], warp(seed)["linear"])
    assert data["fiducials_mm"]["nasion"].tolist() == [0.0, 80.5, -30.25]
    assert data["metadata"]["volume_ml"] == {"csf": 1.5}


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="rebuild it"):
        decode(tmp_path / "other.npz")
