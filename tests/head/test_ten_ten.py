"""10-10 sites on spheres and ellipsoids, where every arc length is known; fiducials given, carried over, estimated."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation

from assuage.errors import HeadError
from assuage.head import Head, site
from assuage.head.fiducials import mni_fiducials_mm
from assuage.head.gallery import sphere_head
from assuage.head.mni import MniTransform
from assuage.head.ten_ten import along_arc

COMMON = """
Fp1 Fpz Fp2 AF7 AF3 AFz AF4 AF8 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8 T7 C5
C3 C1 Cz C2 C4 C6 T8 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4
PO8 O1 Oz O2 Iz P9 P10 TP9 TP10
"""


@pytest.fixture(scope="module")
def sphere() -> Head:
    return sphere_head(voxel_mm=2.0)


def ellipsoid_head(semi_mm: np.ndarray, rotation: np.ndarray | None = None) -> Head:
    """An ellipsoid of brain in scalp; `rotation` turns the head against the grid."""
    turn = np.eye(3) if rotation is None else rotation
    ticks = np.arange(-120, 121, 2.0)
    grid = np.stack(np.meshgrid(ticks, ticks, ticks, indexing="ij"), axis=-1) @ turn
    outer = ((grid / semi_mm) ** 2).sum(-1) < 1
    inner = ((grid / (semi_mm * 0.85)) ** 2).sum(-1) < 1
    affine = np.diag([2.0, 2.0, 2.0, 1.0])
    affine[:3, 3] = -120
    return Head.from_labels(outer * 2 - inner.astype(int), affine, tissues={1: "grey_matter", 2: "scalp"})


def on_ellipsoid(direction: np.ndarray, semi_mm: np.ndarray) -> np.ndarray:
    return direction / np.linalg.norm(direction / semi_mm)


def ellipsoid_fiducials(semi_mm: np.ndarray) -> dict[str, np.ndarray]:
    directions = {"Nz": (0, 1, -0.4), "Iz": (0, -1, -0.4), "LPA": (-1, 0, -0.4), "RPA": (1, 0, -0.4)}
    return {name: on_ellipsoid(np.array(d, dtype=float), semi_mm) for name, d in directions.items()}


def ellipse_point_at_share(a: float, b: float, start: float, share: float) -> tuple[float, float]:
    """The point at a share of the arc from parameter `start` to pi - start of (a cos t, b sin t)."""

    def speed(t: float) -> float:
        return float(np.hypot(a * np.sin(t), b * np.cos(t)))

    total = quad(speed, start, np.pi - start)[0]
    t = brentq(lambda end: quad(speed, start, end)[0] - share * total, start, np.pi - start)
    return a * np.cos(t), b * np.sin(t)


def test_common_sites_are_there_on_the_scalp(sphere: Head) -> None:
    assert set(sphere.ten_ten_mm) >= set(COMMON.split())
    assert len(COMMON.split()) >= 64
    _, _, distance = sphere.scalp.nearest(np.array(list(sphere.ten_ten_mm.values())))
    assert distance.max() < 0.01


def test_sphere_sites_have_the_textbook_angles(sphere: Head) -> None:
    sites = {name: point / np.linalg.norm(point) for name, point in sphere.ten_ten_mm.items()}

    def angle(one: str, other: str) -> float:
        return float(np.degrees(np.arccos(np.clip(sites[one] @ sites[other], -1, 1))))

    assert angle("Nz", "Iz") == pytest.approx(135, abs=1)
    for one, other in (("Nz", "Fpz"), ("Fpz", "AFz"), ("Fz", "FCz"), ("Cz", "CPz"), ("T7", "C5"), ("C4", "C6")):
        assert angle(one, other) == pytest.approx(22.5, abs=0.3)
    for one, other in (("Fpz", "Fp1"), ("Fp2", "AF8"), ("F7", "FT7"), ("T8", "TP8"), ("O1", "Oz")):
        assert angle(one, other) == pytest.approx(18, abs=0.3)
    assert sites["Cz"] == pytest.approx([0, 0, 1], abs=0.01)
    assert sites["T7"] == pytest.approx([-1, 0, 0], abs=0.01)
    assert sites["Oz"] == pytest.approx([0, -1, 0], abs=0.01)


def test_cross_arcs_are_quartered_on_their_plane(sphere: Head) -> None:
    m = sphere.ten_ten_mm
    normal = np.cross(m["Fz"] - m["F7"], m["F8"] - m["F7"])
    normal /= np.linalg.norm(normal)
    for name in ("F5", "F3", "F1", "F2", "F4", "F6"):
        assert abs((m[name] - m["F7"]) @ normal) < 0.5
    steps = np.linalg.norm(np.diff([m[name] for name in ("F7", "F5", "F3", "F1", "Fz")], axis=0), axis=1)
    assert np.ptp(steps) < 0.6


def test_left_and_right_mirror_each_other(sphere: Head) -> None:
    m = sphere.ten_ten_mm
    for left, right in (("F3", "F4"), ("P5", "P6"), ("O1", "O2"), ("TP9", "TP10"), ("FC1", "FC2")):
        assert m[left] * [-1, 1, 1] == pytest.approx(m[right], abs=0.3)


@pytest.mark.parametrize("turn_deg", [0.0, 25.0])
def test_ellipsoid_midline_proportions_are_exact_arc_lengths(turn_deg: float) -> None:
    semi = np.array([75.0, 95.0, 85.0])
    turn = Rotation.from_euler("xz", [turn_deg / 2, turn_deg], degrees=True).as_matrix()
    head = ellipsoid_head(semi, turn).with_fiducials(
        {name: turn @ point for name, point in ellipsoid_fiducials(semi).items()}
    )
    nz = ellipsoid_fiducials(semi)["Nz"]
    start = np.arctan2(nz[2] / semi[2], nz[1] / semi[1])
    for name, share in (("Fpz", 0.1), ("Fz", 0.3), ("Cz", 0.5), ("Oz", 0.9)):
        y, z = ellipse_point_at_share(semi[1], semi[2], start, share)
        assert turn.T @ head.ten_ten_mm[name] == pytest.approx([0, y, z], abs=1.2)
    lpa = ellipsoid_fiducials(semi)["LPA"]
    start = np.arctan2(lpa[2] / semi[2], -lpa[0] / semi[0])
    x, z = ellipse_point_at_share(semi[0], semi[2], start, 0.3)
    assert turn.T @ head.ten_ten_mm["C3"] == pytest.approx([-x, 0, z], abs=1.2)


def test_tape_bridges_a_hollow(sphere: Head) -> None:
    labels = sphere.labels.copy()
    z = sphere.affine[2, 2] * np.arange(labels.shape[2]) + sphere.affine[2, 3]
    x = sphere.affine[0, 0] * np.arange(labels.shape[0]) + sphere.affine[0, 3]
    dent = (np.abs(x)[:, None, None] < 14) & (z > 78)
    labels[np.broadcast_to(dent, labels.shape)] = 0
    dented = Head.from_labels(labels, sphere.affine, tissues=sphere.tissues)
    ends = sphere.fiducials_mm
    over = along_arc(sphere.scalp, ends["LPA"], np.array([0, 0, 92.0]), ends["RPA"], np.array([0.2]))
    bridged = along_arc(dented.scalp, ends["LPA"], np.array([0, 0, 79.0]), ends["RPA"], np.array([0.2]))
    assert np.linalg.norm(over - bridged) < 3


def test_site_knows_old_names_fiducials_and_any_capitals(sphere: Head) -> None:
    assert np.array_equal(site(sphere, "t3"), sphere.ten_ten_mm["T7"])
    assert np.array_equal(site(sphere, "T6"), sphere.ten_ten_mm["P8"])
    assert np.array_equal(site(sphere, "FPZ"), sphere.ten_ten_mm["Fpz"])
    assert np.array_equal(site(sphere, "nasion"), sphere.fiducials_mm["Nz"])
    assert np.array_equal(site(sphere, "lpa"), sphere.fiducials_mm["LPA"])


def test_unknown_site_is_refused_with_neighbours_named(sphere: Head) -> None:
    with pytest.raises(HeadError, match=r"no 10-10 site 'F33'; close to it: .*F3"):
        site(sphere, "F33")


def test_sphere_without_fiducials_has_the_vertex_on_top(sphere: Head) -> None:
    head = Head.from_labels(sphere.labels, sphere.affine, tissues=sphere.tissues)
    assert head.fiducial_origin == "estimated from the shape of the head"
    assert any("estimated" in line for line in head.warnings)
    assert head.ten_ten_mm["Cz"] == pytest.approx([0, 0, 92], abs=1.5)
    assert head.fiducials_mm["Nz"][1] > 80
    assert head.fiducials_mm["LPA"][0] < -80


def test_elongated_head_gets_estimates_in_proportion() -> None:
    head = ellipsoid_head(np.array([80.0, 102.0, 90.0]))
    assert head.fiducials_mm["Nz"][1] > 60
    assert head.fiducials_mm["Iz"][1] < -60
    assert head.fiducials_mm["LPA"][0] == pytest.approx(-head.fiducials_mm["RPA"][0], abs=3)
    assert head.ten_ten_mm["Cz"][2] > 80


def test_fiducials_from_mni_land_on_the_scalp(sphere: Head) -> None:
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, 3] = [0.5, -16.0, -10.0]
    head = replace(sphere, given_fiducials_mm=None, mni=MniTransform.affine(affine))
    assert head.fiducial_origin == "MNI positions"
    expected = mni_fiducials_mm()["Nz"] - affine[:3, 3]
    foot, _, _ = head.scalp.nearest(expected)
    assert head.fiducials_mm["Nz"] == pytest.approx(foot[0])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Nz": None}, "missing"),
        ({"nose": (0, 90, 0)}, "unknown fiducial 'nose'"),
        ({"Nz": (0, 90)}, "three numbers"),
        ({"Nz": (0, 900, 0)}, "mm from the scalp"),
    ],
)
def test_wrong_fiducials_are_refused(sphere: Head, change, words) -> None:
    points = {**sphere.fiducials_mm, **change}
    points = {name: value for name, value in points.items() if value is not None}
    with pytest.raises(HeadError, match=words):
        sphere.with_fiducials(points)


def test_fiducials_on_one_line_are_refused(sphere: Head) -> None:
    nz = sphere.fiducials_mm["Nz"]
    same = sphere.with_fiducials({name: nz for name in ("Nz", "Iz", "LPA", "RPA")})
    with pytest.raises(HeadError, match="fiducials"):
        _ = same.ten_ten_mm
