"""Digitised electrodes against the planned montage: exact at the plan; exchanged, mirrored or metric ones refused."""

import numpy as np
import pytest
from delivered_plans import proposal

from assuage.errors import NavigatorError, PlanError
from assuage.readback import read_back_electrodes
from assuage.sources import Disc, Electrode, Montage, Pad


def write_cap(path, places):
    lines = [f"Electrode,{x!r},{y!r},{z!r},{name}" for name, (x, y, z) in places.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session", params=["tdcs", "hd_tdcs_4x1"])
def montage(request, written):
    return request.param, proposal(written[1], request.param)


@pytest.fixture(scope="session")
def pair(written):
    found = proposal(written[1], "tdcs")["proposal"]["electrodes"]
    return {item["name"]: np.array(item["center_mm"]) for item in found}


def places_of(item):
    return {each["name"]: tuple(each["center_mm"]) for each in item["proposal"]["electrodes"]}


def test_electrodes_at_their_places_give_the_planned_field(opened, montage, tmp_path):
    name, item = montage
    found = read_back_electrodes(opened, write_cap(tmp_path / "cap.csv", places_of(item)), technique=name)
    assert found.of_planned == pytest.approx(1, rel=1e-6)
    assert found.planned_V_per_m == pytest.approx(item["dose"]["adjoint_V_per_m"], rel=1e-6)
    assert found.largest_displacement_mm < 1e-3
    assert found.within_tolerance


def test_displaced_electrodes_agree_with_the_forward_solution(opened, montage, tmp_path):
    name, item = montage
    rng = np.random.default_rng(3)
    places = {key: tuple((np.array(at) + rng.normal(0, 4, 3)).tolist()) for key, at in places_of(item).items()}
    found = read_back_electrodes(opened, write_cap(tmp_path / "cap.csv", places), technique=name)
    electrodes = []
    for each in item["proposal"]["electrodes"]:
        outline = each["outline"]
        shape = (
            Disc(outline["radius_mm"]) if outline["kind"] == "disc" else Pad(outline["width_mm"], outline["height_mm"])
        )
        electrodes.append(
            Electrode(name=each["name"], center_mm=places[each["name"]], current_A=each["current_A"], shape=shape)
        )
    field = opened.conductor.solve(Montage.of(electrodes))
    np.testing.assert_allclose(
        found.delivered_e_V_per_m, field.mean_in(opened.target), atol=1e-3 * found.delivered_V_per_m
    )
    assert found.mean_displacement_mm > 2
    assert abs(found.of_planned - 1) > 1e-3


def exchanged(pair):
    (first, a), (second, b) = pair.items()
    return {first: tuple(b.tolist()), second: tuple(a.tolist())}


def test_exchanged_anode_and_cathode_are_refused_or_stated_reversed(opened, pair, tmp_path):
    path = write_cap(tmp_path / "cap.csv", exchanged(pair))
    with pytest.raises(PlanError, match="anode and cathode are exchanged") as refused:
        read_back_electrodes(opened, path, technique="tdcs")
    assert "\n" not in str(refused.value)
    found = read_back_electrodes(opened, path, technique="tdcs", as_delivered=True)
    assert found.along_planned_V_per_m < -0.8 * found.planned_V_per_m
    assert any("exchanged" in note for note in found.notes)


def test_exchanged_returns_of_equal_current_are_only_noted(opened, written, tmp_path):
    places = places_of(proposal(written[1], "hd_tdcs_4x1"))
    names = list(places)
    places[names[1]], places[names[2]] = places[names[2]], places[names[1]]
    found = read_back_electrodes(opened, write_cap(tmp_path / "cap.csv", places), technique="hd-tdcs-4x1")
    assert found.of_planned == pytest.approx(1, rel=1e-6)
    assert any("exchanged" in note for note in found.notes)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda at: at * [-1, -1, 1], "RAS and LPS are mixed up"),
        (lambda at: at / 1000, "write millimetres"),
        (lambda at: at / 10, "mm from the scalp"),
        (lambda at: at * 1.3, "mm from the scalp"),
    ],
)
def test_other_frames_and_units_are_refused(opened, pair, tmp_path, change, said):
    path = write_cap(tmp_path / "cap.csv", {name: tuple(change(at).tolist()) for name, at in pair.items()})
    with pytest.raises(NavigatorError, match=said) as refused:
        read_back_electrodes(opened, path, technique="tdcs")
    assert "\n" not in str(refused.value)


def test_a_montage_elsewhere_on_the_head_is_refused(opened, pair, tmp_path):
    apart = {name: at + np.array([0.0, 60.0 if at[1] < 0 else -60.0, 0.0]) for name, at in pair.items()}
    on_skin = opened.head.scalp.nearest(np.array(list(apart.values())))[0]
    path = write_cap(tmp_path / "cap.csv", dict(zip(pair, map(tuple, on_skin.tolist()), strict=True)))
    with pytest.raises((NavigatorError, PlanError), match="mm from the plan"):
        read_back_electrodes(opened, path, technique="tdcs")


def test_a_montage_has_to_be_named_and_complete(opened, pair, tmp_path):
    path = write_cap(tmp_path / "cap.csv", {next(iter(pair)): tuple(next(iter(pair.values())).tolist())})
    with pytest.raises(PlanError, match="name one: --technique"):
        read_back_electrodes(opened, path)
    with pytest.raises(PlanError, match="'tms' is no montage"):
        read_back_electrodes(opened, path, technique="tms")
    with pytest.raises(NavigatorError, match="no electrode"):
        read_back_electrodes(opened, path, technique="tdcs")


def test_points_of_a_navigator_serve_as_well(opened, pair, tmp_path):
    rows = [f"{name}\t{x:.4f}\t{y:.4f}\t{z:.4f}" for name, (x, y, z) in pair.items()]
    head = ["# Version: 12", "# Coordinate system: NIfTI:Scanner", "# Created by: Brainsight", "# Units: millimetres"]
    path = tmp_path / "electrodes.txt"
    columns = "# Electrode Name\tLoc. X\tLoc. Y\tLoc. Z"
    path.write_text("\n".join([*head, columns, *rows]) + "\n", encoding="utf-8")
    found = read_back_electrodes(opened, path, technique="tdcs")
    assert found.source.format == "brainsight"
    assert found.of_planned == pytest.approx(1, rel=1e-4)
