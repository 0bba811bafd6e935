"""`assuage plan` without its computation: what is asked of the planner, and what happens when the report fails."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from assuage.cli import plan_request, planning
from assuage.cli.driving import coil_and_driving
from assuage.errors import AssuageError, PlanError
from assuage.head.gallery import sphere_head
from assuage.plan import Choosing
from assuage.techniques.dbs import Implant
from assuage.techniques.ect import Stimulus
from assuage.techniques.mst import Train


class MadePlan:
    """Stands in for a finished plan: writes the folder, then calls `finish` as the real one does."""

    def __init__(self, head):
        self.record, self.head = SimpleNamespace(title="made up"), head

    def write(self, folder, *, force, finish):
        Path(folder).mkdir()
        (Path(folder) / "plan.json").write_text("{}", encoding="utf-8")
        finish(Path(folder))
        assert force is False
        return self.record


@pytest.fixture
def asked(monkeypatch):
    """Replace the planner by one that remembers what it was asked."""
    seen = {}

    def plan(head, target_or_circuit, techniques, **options):
        seen.update(options, head=head, target=target_or_circuit, techniques=techniques)
        options["progress"]("set up", 0.5)
        return MadePlan(head)

    monkeypatch.setattr(planning, "plan", plan)
    monkeypatch.setattr(planning, "load", lambda name, _: SimpleNamespace(name=name, mni=None))
    monkeypatch.setattr(planning.head_quality, "write", lambda _head, _folder: {})
    monkeypatch.setattr(planning, "write_report", lambda _folder, path: path.write_text("report", encoding="utf-8"))
    monkeypatch.setattr(plan_request, "from_coordinate", lambda _head, point, **options: (point, options))
    return seen


def request(out, **changed):
    options = {
        "head": "colin27", "out": out, "circuit": None, "region": None, "target": None, "space": None, "radius_mm": 8.0,
        "techniques": None, "coil": None, "voxel_mm": 2.0, "current_milliampere": 1.5, "hair_mm": 3.0,
        "age_years": 16.0, "weights": "focality=2, burden=1", "equipment": "tes_device,pads", "tissues": None,
        "seed": 7, "force": False, "motor_threshold": None, "active_threshold": False, "stimulator": None,
        "coil_dose": None, "hotspot": None, "hotspot_side": "left", "courses": None, "tacs_frequency_Hz": None,
        "tacs_phase": None, "tacs_partner": None, "dbs_lead": None, "dbs_pulse_us": None, "dbs_avoid": (),
        "session_minutes": None, "ect_stimulus": None, "mst_train": None,
    }  # fmt: skip
    return plan_request.Request(**(options | changed))


def test_every_option_reaches_the_planner(asked, tmp_path):
    made = planning.make_plan(request(tmp_path / "out", circuit="pain", region="thalamus R", techniques="tms, hd-tdcs"))
    assert asked["target"] == "pain"
    assert asked["techniques"] == ("tms", "hd-tdcs")
    assert asked["current_A"] == pytest.approx(1.5e-3)
    assert asked["protocol"] == {"age_years": 16.0}
    assert asked["choosing"] == Choosing(weights={"focality": 2.0, "burden": 1.0}, equipment=("tes_device", "pads"))
    assert {key: asked[key] for key in ("region", "radius_mm", "voxel_mm", "hair_mm", "seed")} == {
        "region": "thalamus R", "radius_mm": 8.0, "voxel_mm": 2.0, "hair_mm": 3.0, "seed": 7,
    }  # fmt: skip
    assert (made.folder / "report.html").read_text(encoding="utf-8") == "report"


@pytest.mark.parametrize(("space", "used"), [(None, "head"), ("mni", "mni"), ("head", "head")])
def test_a_coordinate_is_taken_as_said_and_a_guess_is_noted(space, used, asked, tmp_path):
    planning.make_plan(request(tmp_path / "out", target="-44,40,29", space=space))
    point, options = asked["target"]
    assert point == (-44.0, 40.0, 29.0)
    assert options["space"] == used
    assert options["radius_mm"] == 8.0
    assert bool(options.get("notes")) is (space is None)


def test_a_failed_report_does_not_cost_the_plan(asked, tmp_path, monkeypatch):
    def fail(_folder, _path):
        raise ZeroDivisionError("no width")

    monkeypatch.setattr(planning, "write_report", fail)
    with pytest.raises(
        PlanError, match=r"the plan is complete in .*out, but its report could not be made \(no width\)"
    ):
        planning.make_plan(request(tmp_path / "out", circuit="pain"))
    assert asked["target"] == "pain"
    assert (tmp_path / "out" / "plan.json").is_file()
    assert not (tmp_path / "out" / "report.html").exists()


def driving_of(tmp_path, **options):
    return coil_and_driving(request(tmp_path / "out", **options))[1]


def test_nothing_said_about_the_coil_is_no_driving(tmp_path):
    assert coil_and_driving(request(tmp_path / "out")) == (None, None)


def test_threshold_devices_and_dose_are_read_as_typed(tmp_path):
    made = driving_of(tmp_path, motor_threshold="65A/us", coil_dose="mt=110", active_threshold=True)
    assert (made.threshold_didt_A_per_s, made.way, made.amount) == (65e6, "percent_mt", 110.0)
    assert made.threshold_state == "active"
    made = driving_of(tmp_path, motor_threshold="48 %", stimulator="magpro x100", coil="C-B60", coil_dose="matched")
    assert (made.threshold_percent_output, made.stimulator_coil) == (48.0, "C-B60")
    assert (made.way, made.amount) == ("matched_field", None)
    assert driving_of(tmp_path, coil_dose="didt=80").amount == 80e6


def test_a_hotspot_is_a_file_or_a_point(tmp_path):
    pose = np.eye(4)
    (tmp_path / "pose.txt").write_text("\n".join(" ".join(map(str, row)) for row in pose), encoding="utf-8")
    (tmp_path / "pose.json").write_text(str(pose.tolist()), encoding="utf-8")
    for name in ("pose.txt", "pose.json"):
        made = driving_of(tmp_path, motor_threshold="65A/us", hotspot=str(tmp_path / name))
        assert np.array_equal(made.hotspot_pose, pose)
    assert driving_of(tmp_path, motor_threshold="65A/us", hotspot="-40,-10,80").hotspot_mm == [-40.0, -10.0, 80.0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"motor_threshold": "65"}, "no unit"),
        ({"motor_threshold": "48%"}, "needs the stimulator"),
        ({"motor_threshold": "48%", "stimulator": "MagPro", "coil": "C-B60"}, "a known stimulator: DuoMAG XT"),
        ({"motor_threshold": "65A/us", "coil_dose": "strong"}, "mt=110"),
        ({"motor_threshold": "65A/us", "hotspot": "1,2"}, "three numbers"),
        ({"motor_threshold": "65A/us", "hotspot": "none.txt"}, "cannot read the hotspot pose"),
        ({"motor_threshold": "65A/us", "hotspot_side": "up"}, "left or right"),
        ({"coil_dose": "mt"}, "needs a motor threshold"),
        ({"coil": "C-B60"}, "--stimulator"),
        ({"active_threshold": True}, "--motor-threshold"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line(options, says, tmp_path):
    with pytest.raises(AssuageError, match=says) as refusal:
        driving_of(tmp_path, **options)
    assert "\n" not in str(refusal.value)


def test_a_rhythm_reaches_the_planner(asked, tmp_path):
    options = {"tacs_frequency_Hz": 6.0, "tacs_phase": "anti", "tacs_partner": "amygdala R"}
    planning.make_plan(request(tmp_path / "out", circuit="pain", **options))
    rhythm = asked["rhythm"]
    assert (rhythm.frequency_Hz, rhythm.phase_deg, rhythm.partner) == (6.0, 180.0, "amygdala R")


def test_a_second_coordinate_is_a_place_in_the_space_of_the_first(asked, tmp_path):
    options = {"target": "-44,40,29", "tacs_phase": "-90", "tacs_partner": "44,40,29", "space": "head"}
    planning.make_plan(request(tmp_path / "out", **options))
    point, placed = asked["rhythm"].partner
    assert point == (44.0, 40.0, 29.0)
    assert (placed["space"], placed["radius_mm"], asked["rhythm"].phase_deg) == ("head", 8.0, -90.0)


def test_no_rhythm_is_none(asked, tmp_path):
    planning.make_plan(request(tmp_path / "out", circuit="pain"))
    assert asked["rhythm"] is None


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"tacs_phase": "sideways"}, "--tacs-phase 'sideways' is no phase; write in, anti, or degrees"),
        ({"tacs_phase": "inf"}, "is no angle"),
        ({"tacs_frequency_Hz": -1.0}, "a frequency of -1 Hz alternates nothing"),
        ({"tacs_partner": "1,2"}, "--tacs-partner '1,2' is not three numbers"),
    ],
)
def test_what_is_no_rhythm_is_refused_before_the_head_is_read(options, says, tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "load", lambda *_: pytest.fail("the head was read"))
    with pytest.raises(PlanError, match=says):
        planning.make_plan(request(tmp_path / "out", circuit="pain", **options))
    assert not (tmp_path / "out").exists()


def test_lead_pulse_and_regions_to_spare(tmp_path):
    head = sphere_head(voxel_mm=4.0)
    asked = request(
        tmp_path, dbs_lead="abbott directed 6172", dbs_pulse_us=90.0, dbs_avoid=("10,0,20,3", "-10 0 20 2.5")
    )
    made = plan_request.implant_of(asked, head)
    assert made.lead.name == "Abbott Directed 6172"
    assert made.pulse.width_s == pytest.approx(90e-6)
    assert [region.radius_mm for region in made.avoid] == [3.0, 2.5]
    np.testing.assert_allclose(made.avoid[1].center_mm, [-10, 0, 20])
    assert made.as_asked()["avoid"][0]["radius_mm"] == 3.0
    assert plan_request.implant_of(request(tmp_path), head) == Implant()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dbs_lead": "Medtronik 3389"}, "nearest: Medtronic 3389"),
        ({"dbs_pulse_us": 450.0}, "30 to 240 us"),
        ({"dbs_avoid": ("10,0,20",)}, "is not X,Y,Z,RADIUS"),
        ({"dbs_avoid": ("10,0,20,-3",)}, "is not X,Y,Z,RADIUS"),
        ({"dbs_avoid": ("",)}, "is not X,Y,Z,RADIUS"),
    ],
)
def test_what_cannot_be_implanted_is_refused(changed, said, tmp_path):
    with pytest.raises(AssuageError, match=said):
        plan_request.implant_of(request(tmp_path, **changed), sphere_head(voxel_mm=4.0))


def test_a_session_reaches_the_planner(asked, tmp_path):
    options = {"session_minutes": 30.0, "ect_stimulus": "0.5 ms, 600mA", "mst_train": "10s,120A/us,350us"}
    planning.make_plan(request(tmp_path / "out", circuit="pain", **options))
    sessions = asked["sessions"]
    assert sessions.current_s == 1800.0
    assert sessions.ect == Stimulus(current_A=0.6, pulse_width_s=0.5e-3, pair_frequency_Hz=20.0, duration_s=4.0)
    assert sessions.mst.period_s == pytest.approx(350e-6)
    assert replace(sessions.mst, period_s=350e-6) == Train(
        duration_s=10.0, frequency_Hz=100.0, period_s=350e-6, didt_A_per_s=120e6
    )


def test_equipment_behind_a_plus_is_to_be_acquired(asked, tmp_path):
    planning.make_plan(request(tmp_path / "out", circuit="pain", equipment="tes_device, +pads,+ hd_electrodes"))
    assert asked["choosing"].equipment == ("tes_device",)
    assert asked["choosing"].may_acquire == ("pads", "hd_electrodes")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"session_minutes": 0.0}, "a session of 0 s is none"),
        ({"ect_stimulus": "800"}, "--ect-stimulus '800' is no number with a unit of it; write for example"),
        ({"ect_stimulus": "120A/us"}, "is no number with a unit of it"),
        ({"ect_stimulus": "0.3ms,300us"}, "gives pulse_width_s twice"),
        ({"ect_stimulus": "800mA,300s"}, "duration_s = 300"),
        ({"mst_train": "800mA"}, "--mst-train '800mA'"),
        ({"mst_train": "5000Hz"}, "frequency_Hz = 5000"),
    ],
)
def test_what_is_no_session_is_refused_before_the_head_is_read(options, says, tmp_path, monkeypatch):
    monkeypatch.setattr(planning, "load", lambda *_: pytest.fail("the head was read"))
    with pytest.raises(PlanError, match=says) as refusal:
        planning.make_plan(request(tmp_path / "out", circuit="pain", **options))
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "out").exists()
