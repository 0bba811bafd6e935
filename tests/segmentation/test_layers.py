"""Closed layers: a hole in the skull is closed, nothing leaks, thin bone over the vault keeps its least thickness."""

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from assuage.segmentation import layers
from assuage.segmentation.morphology import membership

SHAPE = (72, 72, 72)
RADII = {"white_matter": 16, "grey_matter": 20, "csf": 22, "skull": 26, "scalp": 32}


def radius() -> np.ndarray:
    x, y, z = np.indices(SHAPE) - 35.5
    return np.sqrt(x * x + y * y + z * z)


def ball_parts(thin_mm: float = 4.0) -> dict[str, np.ndarray]:
    r = radius()
    radii = RADII | {"skull": 22 + thin_mm}
    parts, inner = {}, 0.0
    for name, outer in radii.items():
        parts[name] = ((r >= inner) & (r < outer)).astype(np.float32)
        inner = outer
    parts["eyes"] = np.zeros(SHAPE, np.float32)
    parts["air"] = (r >= inner).astype(np.float32)
    return parts


def closed(parts: dict[str, np.ndarray], vault: bool = True, template_mm: float = 4.0) -> dict[str, np.ndarray]:
    whole = np.full(SHAPE, 1.0 if vault else 0.0, np.float32)
    return layers.closed_head(parts, vault=whole, skull_mm=np.full(SHAPE, template_mm, np.float32), voxel_mm=1.0)


def touching(shares: dict[str, np.ndarray], one: str, other: str) -> int:
    """Return how many faces join voxels whose largest share is the one and the other tissue."""
    names = list(shares)
    stack = np.stack([*shares.values(), 1 - np.sum(list(shares.values()), axis=0)])
    label = stack.argmax(0)
    a, b = names.index(one), names.index(other)
    pairs = [(np.delete(label, -1, axis), np.delete(label, 0, axis)) for axis in range(3)]
    return int(sum(((p == a) & (q == b)).sum() + ((p == b) & (q == a)).sum() for p, q in pairs))


def test_volumes_of_nested_balls_are_kept() -> None:
    found = closed(ball_parts())
    inner = 0.0
    for name, outer in RADII.items():
        expected = 4 / 3 * np.pi * (outer**3 - inner**3)
        assert found[name].sum() == pytest.approx(expected, rel=0.06), name
        inner = outer
    assert np.sum(list(found.values()), axis=0).max() <= 1 + 1e-5


def test_a_hole_in_the_skull_is_closed() -> None:
    parts = ball_parts()
    x, y, _ = np.indices(SHAPE) - 35.5
    hole = (np.hypot(x, y) < 2.5) & (parts["skull"] > 0)
    parts["scalp"][hole], parts["skull"][hole] = 1.0, 0.0
    assert touching(parts, "csf", "scalp") > 0
    assert touching(closed(parts), "csf", "scalp") == 0


def test_bone_keeps_its_least_thickness_where_the_template_has_bone() -> None:
    parts = ball_parts(thin_mm=1.0)
    bone = closed(parts)["skull"].sum()
    least = 4 / 3 * np.pi * ((22 + layers.LEAST_VAULT * 4.0) ** 3 - 22**3)
    assert bone > 0.85 * least
    assert closed(parts, vault=False)["skull"].sum() > 0.85 * least
    assert closed(parts, vault=False, template_mm=0.0)["skull"].sum() < 0.8 * least


def test_grey_matter_keeps_a_layer_of_csf() -> None:
    parts = ball_parts()
    parts["grey_matter"] += parts["csf"]
    parts["csf"] = np.zeros(SHAPE, np.float32)
    found = closed(parts)
    assert touching(found, "grey_matter", "skull") == 0


def test_a_sinus_stays_air_and_an_island_goes() -> None:
    parts = ball_parts()
    x, y, z = np.indices(SHAPE) - 35.5
    sinus = np.sqrt((x - 0) ** 2 + (y - 28) ** 2 + z**2) < 3.4
    island = np.sqrt((x + 29) ** 2 + y**2 + z**2) < 1.5
    for name in ("skull", "scalp"):
        parts[name][sinus | island] = 0
    parts["air"][sinus], parts["skull"][island] = 1.0, 1.0
    found = closed(parts)
    assert found["air"][sinus].mean() > 0.6
    assert found["skull"][island].sum() < 1.0


def test_membership_keeps_the_volume_and_the_half_level() -> None:
    mask = radius() < 20
    soft = membership(mask, 0.9)
    assert soft.sum() == pytest.approx(mask.sum(), rel=0.01)
    inside = distance_transform_edt(mask) > 2
    assert soft[inside].min() == 1.0


def test_bone_as_bright_as_fat_below_the_vault_stays_closed_where_the_template_has_bone() -> None:
    parts = ball_parts()
    x, y, z = np.indices(SHAPE) - 35.5
    orbit = (np.hypot(x, y) < 8) & (z > 0)
    bright = orbit & (parts["skull"] > 0)
    parts["scalp"][bright], parts["skull"][bright] = 1.0, 0.0
    found = closed(parts, vault=False)
    assert touching(found, "csf", "scalp") == 0
    along = found["skull"][36, 36, 36:].sum()
    assert along == pytest.approx(layers.LEAST_BASE * 4.0, abs=0.8)


def test_an_opening_of_the_template_stays_open() -> None:
    parts = ball_parts()
    x, y, z = np.indices(SHAPE) - 35.5
    canal = (np.hypot(x, y) < 5) & (z < 0)
    parts["scalp"][canal & (parts["skull"] > 0)] = 1.0
    parts["skull"][canal] = 0.0
    thickness = np.where(canal, 0.0, 4.0).astype(np.float32)
    found = layers.closed_head(parts, vault=np.zeros(SHAPE, np.float32), skull_mm=thickness, voxel_mm=1.0)
    assert found["skull"][36, 36, :35].sum() < 0.3
