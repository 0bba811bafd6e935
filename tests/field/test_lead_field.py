"""The lead field: superposition equals a solution of the montage; on disk by what it depends on."""

import os

import numpy as np
import pytest
from small_heads import NAMES, SIGMA, small_sphere

from assuage.errors import DataError, SourceError
from assuage.field import Conductor, lead_field_store
from assuage.field.lead_field import TOLERANCE, solve_lead_field, tissue_voxels
from assuage.field.lead_field_store import FOLDER_VARIABLE, digest, lead_field
from assuage.field.recovery import recover, recover_at
from assuage.sources import Disc, Electrode, Montage, place

DISC = Disc(4.0)
DIRECTIONS = np.array([[0, 0, 1.0], [0.9, 0, 0.3], [-0.5, 0.8, 0.2], [0, -0.9, 0.4], [0.5, 0.5, 0.7]])
CURRENTS_A = np.array([1e-3, -0.4e-3, 0.7e-3, -1.5e-3, 0.2e-3])


def points(head):
    return head.scalp.nearest(43.0 * DIRECTIONS / np.linalg.norm(DIRECTIONS, axis=1)[:, None])[0]


def laid(head):
    return [
        place(Electrode(name=f"E{k}", center_mm=tuple(point), current_A=0.0, shape=DISC), head)
        for k, point in enumerate(points(head).tolist())
    ]


@pytest.fixture(scope="module")
def conductor():
    return Conductor(small_sphere(), 3.0)


@pytest.fixture(scope="module")
def contacts(conductor):
    return laid(conductor.head)


@pytest.fixture(scope="module")
def lead(conductor, contacts):
    return solve_lead_field(conductor, contacts, tissues=frozenset({"grey_matter"}))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path / "lead_fields"


def direct(conductor, currents_A):
    montage = Montage.at_points_mm(points(conductor.head), currents_A, radius_mm=DISC.radius_mm)
    return conductor.solve(montage)


def test_superposition_is_the_field_of_the_montage(conductor, lead):
    E = direct(conductor, CURRENTS_A).e_V_per_m[tuple(lead.index.T)]
    off = lead.montage_V_per_m(CURRENTS_A) - E
    assert np.abs(off).max() < 1e-3 * np.abs(E).max()


def test_a_tighter_tolerance_closes_the_gap(conductor, contacts):
    lead = solve_lead_field(conductor, contacts, tissues=frozenset({"grey_matter"}), tolerance=1e-7)
    E = direct(conductor, CURRENTS_A).e_V_per_m[tuple(lead.index.T)]
    assert np.abs(lead.montage_V_per_m(CURRENTS_A) - E).max() < 3e-5 * np.abs(E).max()


def test_axes_are_those_of_the_world():
    turn = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
    conductor = Conductor(small_sphere(rotation=turn), 3.0)
    lead = solve_lead_field(conductor, laid(conductor.head)[:3], tissues=frozenset({"grey_matter"}))
    E = direct(conductor, CURRENTS_A * 0 + [1e-3, -1e-3, 0, 0, 0]).e_V_per_m[tuple(lead.index.T)]
    assert np.abs(lead.montage_V_per_m([1e-3, -1e-3, 0]) - E).max() < 1e-3 * np.abs(E).max()


def test_voxels_are_those_of_the_tissue(conductor, lead):
    assert (lead.tissue == conductor.tissue.tissues.index("grey_matter")).all()
    assert lead.field_V_per_m_per_A.dtype == np.float32
    some = np.array([0, 5, len(lead.index) - 1])
    np.testing.assert_array_equal(lead.rows(lead.index[some]), some)
    np.testing.assert_array_equal(lead.rows([[0, 0, 0], [500, 0, 0]]), [-1, -1])


def test_recovery_of_chosen_voxels_is_that_of_the_whole_grid(conductor):
    rng = np.random.default_rng(0)
    raw = rng.normal(size=(*conductor.grid.shape, 3)).astype(np.float32)
    whole = np.empty_like(raw)
    recover(conductor.cut, conductor.tissue.label, raw, whole)
    where = tissue_voxels(conductor, frozenset({"grey_matter", "csf"}))
    twice = np.empty((len(where), 6), np.float32)
    recover_at(conductor.cut, conductor.tissue.label, np.concatenate([raw, 2 * raw], -1), where, twice)
    np.testing.assert_array_equal(twice[:, :3], whole[tuple(where.T)])
    np.testing.assert_allclose(twice[:, 3:], 2 * whole[tuple(where.T)], rtol=1e-5, atol=1e-5)


def counted(monkeypatch):
    calls = []
    solve = lead_field_store.solve_lead_field
    monkeypatch.setattr(lead_field_store, "solve_lead_field", lambda *a, **k: calls.append(1) or solve(*a, **k))
    return calls


GREY = frozenset({"grey_matter"})


def test_a_second_call_reads_identical_data(conductor, contacts, folder, monkeypatch):
    calls = counted(monkeypatch)
    first = lead_field(conductor, contacts, tissues=GREY)
    second = lead_field(conductor, contacts, tissues=GREY)
    assert len(calls) == 1
    assert first.names == second.names
    for name in ("index", "tissue", "points_mm", "field_V_per_m_per_A"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert [path.suffix for path in folder.iterdir()] == [".npz"]


def test_what_it_depends_on_changes_the_digest(conductor, contacts):
    def of(conductor=conductor, contacts=contacts, tissues=GREY, tolerance=TOLERANCE):
        return digest(conductor, contacts, tissues=tissues, tolerance=tolerance)

    softer = dict(zip(NAMES, SIGMA, strict=True)) | {"skull": 0.016}
    moved = small_sphere(center_mm=(1.0, 0.0, 0.0))
    others = [
        of(Conductor(conductor.head, 3.0, conductivity_S_per_m=softer)),
        of(Conductor(conductor.head, 4.0)),
        of(Conductor(moved, 3.0)),
        of(contacts=contacts[:-1]),
        of(contacts=[*contacts[1:], contacts[0]]),
        of(tissues=frozenset({"grey_matter", "csf"})),
        of(tolerance=1e-5),
    ]
    assert of() == digest(Conductor(small_sphere(), 3.0), contacts, tissues=GREY, tolerance=TOLERANCE)
    assert len({of(), *others}) == len(others) + 1


@pytest.mark.parametrize("damage", ["cut", "foreign", "flipped", "renamed", "empty"])
def test_a_damaged_file_is_solved_anew(conductor, contacts, folder, damage):
    first = lead_field(conductor, contacts[:2], tissues=GREY)
    (path,) = folder.iterdir()
    content = bytearray(path.read_bytes())
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "foreign":
        path.write_text("not ours")
    elif damage == "flipped":
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    elif damage == "renamed":
        np.savez(path, key=np.array("other"), field=first.field_V_per_m_per_A)
    else:
        path.write_bytes(b"")
    again = lead_field(conductor, contacts[:2], tissues=GREY)
    np.testing.assert_array_equal(again.field_V_per_m_per_A, first.field_V_per_m_per_A)


def test_a_folder_that_cannot_be_had_stops_nothing(conductor, contacts, tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    monkeypatch.setenv(FOLDER_VARIABLE, str(blocked))
    assert lead_field(conductor, contacts[:2], tissues=GREY).field_V_per_m_per_A.any()
    monkeypatch.delenv(FOLDER_VARIABLE)
    monkeypatch.setattr(lead_field_store, "user_cache", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert lead_field(conductor, contacts[:2], tissues=GREY).field_V_per_m_per_A.any()


def test_a_write_that_fails_stops_nothing_and_leaves_nothing(conductor, contacts, folder, monkeypatch):
    def full(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(lead_field_store.np, "savez", full)
    assert lead_field(conductor, contacts[:2], tissues=GREY).field_V_per_m_per_A.any()
    assert not list(folder.iterdir())


def test_the_oldest_make_room(conductor, contacts, folder, monkeypatch):
    first = lead_field(conductor, contacts[:2], tissues=GREY)
    (old,) = folder.iterdir()
    os.utime(old, (1, 1))
    monkeypatch.setattr(lead_field_store, "LARGEST_BYTES", int(1.5 * first.field_V_per_m_per_A.nbytes))
    lead_field(conductor, contacts[1:3], tissues=GREY)
    (kept,) = folder.iterdir()
    assert kept != old
    monkeypatch.setattr(lead_field_store, "LARGEST_BYTES", 10)
    lead_field(conductor, contacts[2:4], tissues=GREY)
    assert list(folder.iterdir()) == [kept]


def test_refusals(conductor, contacts, lead):
    with pytest.raises(SourceError, match="1 contacts"):
        solve_lead_field(conductor, contacts[:1])
    with pytest.raises(DataError, match="no voxel of white_matter"):
        solve_lead_field(conductor, contacts, tissues=frozenset({"white_matter"}))
    with pytest.raises(SourceError, match="add up to"):
        lead.montage_V_per_m([1e-3, 0, 0, 0, 0])
    with pytest.raises(SourceError, match="one for each"):
        lead.montage_V_per_m([1e-3, -1e-3])
