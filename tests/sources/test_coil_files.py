"""Coil files: written here, read back, and every way they can be wrong."""

import base64
import json
import zlib

import numpy as np
import pytest

from assuage.errors import CoilFileError
from assuage.sources import Coil, magnetic_field_T, vector_potential_T_m

HEADER = "# toy.ccd version 1.1; dIdtmax=102.9;x=-300,300;resolution=3;stimulator=Rapid;brand=Acme;coilname=Toy 70;"
ROWS = ["-3.5e-02 0 -5e-03 0 0 -1e-4", "3.5e-02 0 -5e-03 1e-6 0 1e-4", "0 2e-2 -5e-03 0 0 2e-5"]


def write_ccd(tmp_path, *, header=HEADER, count="3", rows=ROWS):
    path = tmp_path / "toy.ccd"
    path.write_text("\n".join([header, count, "# centers and weighted directions", *rows]) + "\n")
    return path


def write_tcd(tmp_path, elements, **more):
    path = tmp_path / "toy.tcd"
    path.write_text(json.dumps({"name": "Toy", "brand": "Acme", "coilElementList": elements, **more}))
    return path


def packed(array):
    return base64.b64encode(zlib.compress(np.asarray(array, dtype="<f8").tobytes())).decode()


def circle(radius_mm, center, count=200, direction=1):
    angle = direction * 2 * np.pi * np.arange(count) / count
    points = np.stack([radius_mm * np.cos(angle), radius_mm * np.sin(angle), np.zeros(count)], axis=1) + center
    return points, np.roll(points, -1, axis=0) - points


def biot_savart(points, starts, vectors):
    d = (points[:, None] - (starts + vectors / 2)[None]) * 1e-3
    return 1e-7 * (np.cross(vectors[None] * 1e-3, d) / np.linalg.norm(d, axis=2)[..., None] ** 3).sum(1)


def test_ccd_positions_are_metres_and_the_header_is_kept(tmp_path):
    coil = Coil.read(write_ccd(tmp_path))
    np.testing.assert_allclose(coil.positions_mm[0], [-35, 0, -5])
    np.testing.assert_allclose(coil.moments_m2[1], [1e-6, 0, 1e-4])
    assert coil.name == "Toy 70"
    assert coil.max_didt_A_per_s == pytest.approx(102.9e6)
    assert "Rapid" in coil.origin


@pytest.mark.parametrize("header", ["# dipoles", "# coil.ccd version 1.0 number of elements", "#"])
def test_lean_header_leaves_the_limit_unknown(tmp_path, header):
    coil = Coil.read(str(write_ccd(tmp_path, header=header)))
    assert coil.max_didt_A_per_s is None
    assert coil.name == "toy"


def test_upper_case_suffix_is_understood(tmp_path):
    assert len(Coil.read(write_ccd(tmp_path).rename(tmp_path / "TOY.CCD")).positions_mm) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"count": "4"}, "line 2 announces 4 dipoles, the file holds 3"),
        ({"count": "three"}, "line 2: expected the number of dipoles, got 'three'"),
        ({"rows": [*ROWS[:2], "1 2 3 4 5"]}, "line 6: 5 values instead of 6"),
        ({"rows": [ROWS[0], "0 0 0 0 0 abc", ROWS[2]]}, "line 5: not a number"),
        ({"rows": [ROWS[0], ROWS[1], "0 0 nan 0 0 1"]}, "line 6: holds NaN"),
        ({"rows": []}, "no dipole lines"),
        ({"rows": [row.replace("e-02", "e+01") for row in ROWS]}, "positions must be in metres"),
        ({"rows": [row.replace("e-02", "e-06").replace("2e-2", "0").replace("5e-03", "0") for row in ROWS]}, "metres"),
        ({"header": "# dIdtmax=fast;coilname=x"}, "dIdtmax='fast' is not a positive number"),
        ({"header": "# dIdtmax=-3"}, "dIdtmax='-3' is not a positive number"),
    ],
)
def test_broken_ccd_is_refused_with_its_line(tmp_path, changes, message):
    with pytest.raises(CoilFileError, match=message):
        Coil.read(write_ccd(tmp_path, **changes))


def test_files_that_are_no_coils_are_refused(tmp_path):
    with pytest.raises(CoilFileError, match="no such coil file"):
        Coil.read(tmp_path / "none.ccd")
    with pytest.raises(CoilFileError, match=r"unknown coil file type '.gz'.*sampled fields"):
        Coil.read(tmp_path / "coil.nii.gz")
    (tmp_path / "binary.ccd").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(CoilFileError, match="cannot be read as text"):
        Coil.read(tmp_path / "binary.ccd")
    with pytest.raises(CoilFileError, match="one channel"):
        Coil.read(write_ccd(tmp_path), stimulator=1)


def test_tcd_dipoles_are_millimetres_packed_or_plain(tmp_path):
    points, values = [[10.0, 0, -5], [-10, 0, -5]], [[0, 0, 1e-4], [0, 0, -1e-4]]
    stimulators = [{"name": "X100", "brand": "Acme", "maxdIdt": 1.5e8}]
    plain = Coil.read(
        write_tcd(tmp_path, [{"type": 1, "points": points, "values": values}], stimulatorList=stimulators)
    )
    tight = Coil.read(write_tcd(tmp_path, [{"type": 1, "points": packed(points), "values": packed(values)}]))
    np.testing.assert_array_equal(plain.positions_mm, points)
    np.testing.assert_array_equal(tight.moments_m2, values)
    assert plain.name == "Acme Toy"
    assert plain.max_didt_A_per_s == pytest.approx(1.5e8)
    assert "X100" in plain.origin
    assert tight.max_didt_A_per_s is None


def test_tcd_circle_of_wire_is_a_loop_current(tmp_path):
    """Closed forms: B = mu0 a^2 / 2 / (a^2 + z^2)^1.5 on the axis; moment = enclosed area."""
    starts, vectors = circle(40.0, [0, 0, -5.0])
    coil = Coil.read(write_tcd(tmp_path, [{"type": 2, "points": packed(starts), "values": packed(vectors)}]))
    np.testing.assert_allclose(coil.moments_m2.sum(0), [0, 0, np.pi * 0.04**2], rtol=1e-3, atol=1e-9)
    axial = magnetic_field_T(np.array([[0, 0, 15.0]]), coil.positions_mm, coil.moments_m2)[0]
    np.testing.assert_allclose(axial, [0, 0, 2e-7 * np.pi * 0.04**2 / (0.04**2 + 0.02**2) ** 1.5], rtol=3e-3, atol=1e-9)


def test_tcd_wires_of_several_elements_make_one_circuit(tmp_path):
    """Two half circles in two elements close one loop; two full circles of opposite sense make a figure of eight."""
    starts, vectors = circle(30.0, [0, 0, -4.0])
    halves = [
        {"type": 2, "points": starts[k].tolist(), "values": vectors[k].tolist()} for k in (slice(100), slice(100, 200))
    ]
    loop = Coil.read(write_tcd(tmp_path, halves))
    assert not loop.notes
    right, left = circle(30.0, [32, 0, -4.0]), circle(30.0, [-32, 0, -4.0], direction=-1)
    eight = Coil.read(
        write_tcd(tmp_path, [{"type": 2, "points": p.tolist(), "values": v.tolist()} for p, v in (right, left)])
    )
    np.testing.assert_allclose(eight.moments_m2.sum(0), 0, atol=1e-9)
    assert -vector_potential_T_m(np.array([[0, 0, 12.0]]), eight.positions_mm, eight.moments_m2)[0, 1] > 0
    np.testing.assert_allclose(np.abs(eight.moments_m2[:, 2]).sum(), 2 * loop.moments_m2[:, 2].sum(), rtol=1e-3)


def test_tcd_wire_around_the_head_keeps_its_sheet_outside(tmp_path):
    """A wire along a saddle over a head of 80 mm radius: field inside by Biot and Savart, no dipole in the head."""
    angle = 2 * np.pi * np.arange(600) / 600
    polar = np.radians(60 + 15 * np.cos(2 * angle))
    radius = 92.0
    starts = np.stack([np.sin(polar) * np.cos(angle), np.sin(polar) * np.sin(angle), -np.cos(polar)], axis=1) * radius
    starts += [0, 0, 85.0]
    vectors = np.roll(starts, -1, axis=0) - starts
    coil = Coil.read(write_tcd(tmp_path, [{"type": 2, "points": packed(starts), "values": packed(vectors)}]))
    assert np.linalg.norm(coil.positions_mm - [0, 0, 85], axis=1).min() > 85
    points = np.random.default_rng(0).normal(size=(200, 3))
    points *= (70 / np.linalg.norm(points, axis=1))[:, None]
    points += [0, 0, 85.0]
    expected = biot_savart(points, starts, vectors)
    error = magnetic_field_T(points, coil.positions_mm, coil.moments_m2) - expected
    assert np.linalg.norm(error, axis=1).max() < 0.005 * np.linalg.norm(expected, axis=1).max()


def test_tcd_missing_lead_is_closed_and_noted(tmp_path):
    starts, vectors = circle(40.0, [0, 0, -5.0])
    coil = Coil.read(write_tcd(tmp_path, [{"type": 2, "points": packed(starts[:-5]), "values": packed(vectors[:-5])}]))
    assert "closed by a straight lead of 6.3 mm" in coil.notes[0]
    assert coil.moments_m2[:, 2].sum() == pytest.approx(np.pi * 0.04**2, rel=2e-3)


def test_tcd_neutral_deformations_are_noted(tmp_path):
    element = {"type": 1, "points": [[0, 0, -5.0], [9, 0, -5]], "values": [[0, 0, 1], [0, 0, 1]], "deformations": [0]}
    shape = {"deformList": [{"deformRange": 0, "type": "x"}]}
    ranges = [{"initial": 0, "range": [-5, 5]}]
    coil = Coil.read(write_tcd(tmp_path, [element], **shape, deformRangeList=ranges))
    assert "movable parts kept" in coil.notes[0]
    ranges[0]["initial"] = 3
    with pytest.raises(CoilFileError, match="starts at 3, not 0"):
        Coil.read(write_tcd(tmp_path, [element], **shape, deformRangeList=ranges))
    with pytest.raises(CoilFileError, match="not defined"):
        Coil.read(write_tcd(tmp_path, [element]))


def test_tcd_channels_are_read_one_by_one(tmp_path):
    elements = [
        {"type": 1, "stimulator": k, "points": [[0, 0, -5.0 - k], [9, 0, -5]], "values": [[0, 0, 1], [0, 0, 1]]}
        for k in (0, 1)
    ]
    path = write_tcd(tmp_path, elements, stimulatorList=[{"maxdIdt": 1e8}, {"maxdIdt": 2e8}])
    with pytest.raises(CoilFileError, match="driven by 2 stimulators"):
        Coil.read(path)
    coil = Coil.read(path, stimulator=1)
    assert coil.positions_mm[0, 2] == -6
    assert coil.max_didt_A_per_s == pytest.approx(2e8)
    with pytest.raises(CoilFileError, match="no element of stimulator 2"):
        Coil.read(path, stimulator=2)


GOOD = {"type": 1, "points": [[0, 0, -5.0], [9, 0, -5]], "values": [[0, 0, 1], [0, 0, 1]]}


@pytest.mark.parametrize(
    ("element", "message"),
    [
        (GOOD | {"type": 3}, r"coilElementList\[0\] is a sampled vector potential"),
        (GOOD | {"type": 7}, "type is 7"),
        (GOOD | {"points": [[0, 0, -5.0]]}, "1 points but 2 values"),
        (GOOD | {"points": [[0, 0], [1, 1]]}, r"shape \(2, 2\) instead of"),
        (GOOD | {"points": "not base64!"}, "not a table of numbers"),
        (GOOD | {"points": packed([1.0, 2.0])}, "not a table of numbers"),
        (GOOD | {"points": [[0, 0, float("nan")], [9, 0, -5]]}, r"points\[0\]: holds NaN"),
        (GOOD | {"points": [[0, 0, -0.005], [0.009, 0, -0.005]]}, "positions must be in millimetres"),
        ({"type": 1, "values": [[0, 0, 1]]}, "no 'points'"),
        ({"type": 2, "points": [[0, 0, -5.0], [30, 0, -5]], "values": [[30, 0, 0], [30, 0, 0]]}, "no way back"),
        ({"type": 2, "points": [[9.0 * k, 0, 0] for k in range(9)], "values": [[1.0, 0, 0]] * 9}, "do not follow one"),
    ],
)
def test_broken_tcd_is_refused_with_its_place(tmp_path, element, message):
    with pytest.raises(CoilFileError, match=message):
        Coil.read(write_tcd(tmp_path, [element]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1: not JSON"),
        ("[]", "no list 'coilElementList'"),
        ('{"coilElementList": []}', "holds no coil elements"),
        ('{"coilElementList": [{"type": 1, "points": [[0,0,0],[9,0,0]], "values": [[0,0,1],[0,0,1]]}], '
         '"stimulatorList": [{"maxdIdt": "fast"}]}', "maxdIdt is 'fast'"),
    ],
)  # fmt: skip
def test_files_that_are_no_tcd_are_refused(tmp_path, text, message):
    path = tmp_path / "x.tcd"
    path.write_text(text)
    with pytest.raises(CoilFileError, match=message):
        Coil.read(path)
