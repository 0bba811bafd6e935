"""Placement by tape: the steps lead back to the place, lengths have units, and errors are those published."""

import json

import numpy as np
import pytest
from delivered_plans import proposal

from assuage.cli.app import run
from assuage.errors import DataError, HeadError, PlanError
from assuage.head import load_head
from assuage.readback import place_plan, place_site
from assuage.readback.opened import coil_technique
from assuage.readback.scatter import Scatter, _table, coil_scatter, placement_error
from assuage.readback.tape import Measures, length_mm, mark_mm, mark_of, model_measures, repeat_length_mm

TAPED = Measures(nasion_inion_mm=362.0, tragus_tragus_mm=362.0, circumference_mm=580.0)


@pytest.fixture(scope="module")
def colin():
    return load_head("colin27")


@pytest.mark.parametrize("site", ["F3", "F4", "C3", "P4", "Fp1", "O2", "T7", "F7", "Pz", "Fz", "FC5", "Cz", "PO8"])
def test_the_steps_lead_back_to_the_place(colin, site):
    at = colin.ten_ten_mm[site]
    mark = mark_of(colin, at)
    np.testing.assert_allclose(mark_mm(colin, mark), at, atol=1.0)
    if site not in {"Pz", "Fz", "Cz"}:
        assert mark.left == (at[0] < 0)


def test_shares_on_a_sphere_are_those_of_angles(opened):
    """On a sphere, Fpz, T7 and Oz lie on the equator, so that F3's azimuth and elevation are its shares."""
    head = opened.head
    radius = np.linalg.norm(head.ten_ten_mm["Cz"])
    for azimuth, elevation in ((20.0, 30.0), (75.0, 55.0), (140.0, 10.0)):
        a, e = np.deg2rad([azimuth, elevation])
        at = radius * np.array([-np.sin(a) * np.cos(e), np.cos(a) * np.cos(e), np.sin(e)])
        mark = mark_of(head, head.scalp.nearest(at[None])[0][0])
        assert mark.around == pytest.approx(azimuth / 360, abs=2e-3)
        assert mark.down == pytest.approx(1 - elevation / 90, abs=5e-3)
        assert mark.left


def test_lengths_of_a_sphere(opened):
    found = model_measures(opened.head)
    assert found.circumference_mm == pytest.approx(2 * np.pi * 92, rel=5e-3)
    assert found.nasion_inion_mm == pytest.approx(2 * np.pi * 92 * 225 / 360, rel=5e-3)
    assert found.tragus_tragus_mm == pytest.approx(found.nasion_inion_mm, rel=1e-2)


def test_a_larger_head_gets_longer_steps(opened):
    small = place_site(opened.head, "f3", TAPED)
    large = place_site(
        opened.head, "F3", Measures(nasion_inion_mm=398.2, tragus_tragus_mm=398.2, circumference_mm=638.0)
    )
    (a,), (b,) = small.places, large.places
    assert b.around_mm == pytest.approx(1.1 * a.around_mm)
    assert b.down_mm == pytest.approx(1.1 * a.down_mm)
    assert (a.around_percent, a.down_percent) == (b.around_percent, b.down_percent)
    assert not small.warnings
    assert len(large.warnings) == 3
    assert "differ by" in large.warnings[0]
    assert (small.plan, small.dose) == (None, None)


def test_the_tape_decides_when_to_warn(opened):
    own = model_measures(opened.head)
    taped = Measures(
        nasion_inion_mm=own.nasion_inion_mm + 4.0,
        tragus_tragus_mm=own.tragus_tragus_mm,
        circumference_mm=own.circumference_mm,
    )
    assert not place_site(opened.head, "F3", taped).warnings
    strict = place_site(opened.head, "F3", taped, repeat_mm=3.0)
    assert [each.differs for each in strict.lengths] == [True, False, False]
    assert strict.tape.source == "stated by the user"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("36", "no unit"),
        ("14in", "'in' where cm or mm"),
        ("0.36m", "'m' where cm or mm"),
        ("36mm", "is no head"),
        ("360cm", "is no head"),
        ("long", "is no length"),
        ("-36cm", "is no length"),
    ],
)
def test_a_length_needs_its_unit(text, said):
    with pytest.raises(DataError, match=said):
        length_mm(text, "nasion-inion")


def test_lengths_are_read_in_centimetres_and_millimetres():
    assert length_mm("36 cm", "nasion-inion") == length_mm("360mm", "tragus-tragus") == 360
    assert length_mm("36,5cm", "nasion-inion") == 365
    assert repeat_length_mm("4mm") == 4
    with pytest.raises(DataError, match="no repeat error"):
        repeat_length_mm("40cm")


def test_errors_are_those_published():
    """Rayleigh's law, set by one number of a source, gives the other percentiles of the same source."""
    record, scatter = placement_error("cap_marks")
    draws = np.random.default_rng(0).normal(0, scatter.shift_mm, (200_000, 2))
    assert np.hypot(*draws.T).mean() == pytest.approx(10.66, rel=0.01)
    assert record.mean_mm == pytest.approx(10.66)
    turns = np.random.default_rng(1).normal(0, scatter.twist_deg, 200_000)
    assert np.abs(turns).mean() == pytest.approx(5.99, rel=0.01)
    record, scatter = placement_error("beam_f3")
    for share, mm in _table()["errors"]["beam_f3"]["quantiles_mm"]:
        assert scatter.shift_mm * np.sqrt(-2 * np.log(1 - share)) == pytest.approx(mm, rel=0.08)
    assert record.source_level == "abstract"
    with pytest.raises(PlanError, match="choose from cap_marks"):
        placement_error("none")


def test_no_error_is_the_plan_and_more_error_costs_more(opened, coil, written):
    _, planned = coil_technique(opened.record)
    still = coil_scatter(opened, coil, planned, Scatter(shift_mm=0, twist_deg=0, tilt_deg=0), count=2, seed=0)
    recorded = proposal(written[1], "tms")["dose"]
    assert np.linalg.norm(still, axis=1) == pytest.approx([recorded["adjoint_V_per_m"]] * 2, rel=1e-4)
    doses = [place_plan(opened, coil, TAPED, error=name).dose for name in ("scalp_repeat", "beam_f3", "cap_marks")]
    assert 1 > doses[0].mean_of_planned > doses[1].mean_of_planned > doses[2].mean_of_planned > 0.7
    for dose in doses:
        assert dose.percentile_5_V_per_m < dose.mean_V_per_m < dose.percentile_95_V_per_m
        assert dose.planned_V_per_m == pytest.approx(recorded["adjoint_V_per_m"], rel=1e-6)


def test_a_montage_is_placed_electrode_by_electrode(opened, written):
    found = place_plan(opened, None, TAPED, technique="hd-tdcs-4x1")
    item = proposal(written[1], "hd_tdcs_4x1")
    assert [place.name for place in found.places] == [each["name"] for each in item["proposal"]["electrodes"]]
    assert found.dose.planned_V_per_m == pytest.approx(item["dose"]["adjoint_V_per_m"], rel=1e-6)
    assert found.dose.percentile_5_of_planned < 0.95
    assert "mA" in found.places[0].words


def test_what_is_not_there_is_refused(opened):
    with pytest.raises(HeadError, match="site 'Q3'"):
        place_site(opened.head, "Q3", TAPED)
    with pytest.raises(DataError, match="below the circumference"):
        place_site(opened.head, "T9", TAPED)


def test_the_command_writes_a_sheet(written, tmp_path, capsys):
    lengths = ["--nasion-inion", "36.2cm", "--tragus-tragus", "362mm", "--circumference", "58cm"]
    out = tmp_path / "sheet"
    assert run(["placement", *lengths, "--plan", str(written[1]), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "Mark: coil centre" in said
    assert "warning" not in said
    content = json.loads((out / "placement.json").read_text())
    assert content["places"][0]["side"] == "left"
    page = (out / "placement.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    for arguments, what in (
        ([*lengths], "neither of --plan and --site"),
        (["--nasion-inion", "36", *lengths[2:], "--site", "F3"], "no unit"),
        ([*lengths, "--site", "F3", "--out", str(out)], "not empty"),
        ([*lengths, "--plan", str(written[1]), "--error", "none"], "not known"),
    ):
        assert run(["placement", *arguments]) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("[")]
        assert len(lines) == 1
        assert what in lines[0]
