"""Delivered pulses against the plan: exact at the plan, true to the forward solution beside it, and quick."""

import json
import time

import numpy as np
import pytest
from delivered_plans import poses_near, proposal, write_session
from scipy.spatial.transform import Rotation

from assuage.errors import AssuageError, NavigatorError, PlanError, PoseError
from assuage.head import load_head
from assuage.readback import open_plan, read_back
from assuage.readback.deviation import deviation
from assuage.sources import Coil


def test_the_planned_pose_gives_the_planned_field(opened, coil, planned, written, tmp_path):
    found = read_back(opened, coil, write_session(tmp_path / "s.xml", planned[None]))
    (pulse,) = found.pulses
    recorded = proposal(written[1], "tms")["dose"]
    assert pulse.target_V_per_m_per_A_per_us == pytest.approx(recorded["adjoint_V_per_m"], rel=1e-6)
    assert pulse.of_planned == pytest.approx(1, rel=1e-6)
    assert found.planned_forward_V_per_m_per_A_per_us == pytest.approx(recorded["magnitude_V_per_m"], rel=1e-6)
    assert (pulse.distance_mm, pulse.state, pulse.within_tolerance) == (0, "used", True)
    assert max(pulse.tilt_deg, abs(pulse.twist_deg)) < 1e-6


def test_a_displaced_pose_agrees_with_the_forward_solution(opened, coil, planned, tmp_path):
    poses = poses_near(planned, 3, shift_mm=6.0, turn_deg=10.0)
    found = read_back(opened, coil, write_session(tmp_path / "s.xml", poses))
    solved = opened.conductor.solve([coil.at(pose, didt_A_per_s=1e6) for pose in poses])
    for pulse, field in zip(found.pulses, solved, strict=True):
        forward = np.linalg.norm(field.mean_in(opened.target))
        assert pulse.target_V_per_m_per_A_per_us == pytest.approx(forward, rel=1e-3)
        assert abs(pulse.of_planned - 1) > 0.05


def test_a_session_of_thousands_takes_seconds(opened, coil, planned):
    """500 dipoles, 5000 poses: the plan's condensed coil has fewer."""
    rng = np.random.default_rng(0)
    pick = rng.choice(len(coil.positions_mm), 500, replace=len(coil.positions_mm) < 500)
    many = Coil(name="500", positions_mm=coil.positions_mm[pick], moments_m2=coil.moments_m2[pick])
    poses = poses_near(planned, 5000)
    opened.landscape.coil(many, poses[:2], didt_A_per_s=1e6)
    started = time.monotonic()
    assert np.isfinite(opened.landscape.coil(many, poses, didt_A_per_s=1e6)).all()
    assert time.monotonic() - started < 20


def test_tilt_and_twist_are_told_apart(planned):
    axes = planned[:3, :3]
    poses = np.repeat(planned[None], 3, 0)
    for k, vector in enumerate([(0, 0, 25.0), (12.0, 0, 0), (0, 0, -170.0)]):
        poses[k, :3, :3] = axes @ Rotation.from_rotvec(vector, degrees=True).as_matrix()
    poses[1, :3, 3] += axes @ [3.0, 4.0, -2.0]
    found = deviation(planned, poses)
    np.testing.assert_allclose(found.twist_deg, [25, 0, -170], atol=1e-6)
    np.testing.assert_allclose(found.tilt_deg, [0, 12, 0], atol=1e-5)
    np.testing.assert_allclose(found.along_scalp_mm, [0, 5, 0], atol=1e-9)
    np.testing.assert_allclose(found.outward_mm, [0, 2, 0], atol=1e-9)
    np.testing.assert_allclose(found.distance_mm[1], np.sqrt(29))


def test_a_twist_then_a_tilt_adds_up(planned):
    tilt, twist = np.deg2rad(15.0), np.deg2rad(-30.0)
    turn = Rotation.from_rotvec([tilt * 0.6, tilt * 0.8, 0]) * Rotation.from_rotvec([0, 0, twist])
    pose = planned.copy()
    pose[:3, :3] = planned[:3, :3] @ turn.as_matrix()
    found = deviation(planned, pose[None])
    assert found.tilt_deg[0] == pytest.approx(15)
    assert found.twist_deg[0] == pytest.approx(-30)


def test_what_is_unknown_stays_missing(opened, coil, planned, tmp_path):
    poses = poses_near(planned, 6, shift_mm=0.5)
    path = write_session(tmp_path / "s.xml", poses, didt=[80, None, 40, None, 0], tracked=[True, True, True, False])
    found = read_back(opened, coil, path)
    known = [pulse.target_V_per_m for pulse in found.pulses]
    assert [value is None for value in known] == [False, True, False, True, True, True]
    first = found.pulses[0]
    assert first.target_V_per_m == pytest.approx(80 * first.target_V_per_m_per_A_per_us, rel=1e-6)
    lost = found.pulses[3]
    assert (lost.state, lost.position_mm, lost.of_planned, lost.tilt_deg) == ("untracked", None, None, None)
    assert (found.counts.recorded, found.counts.used, found.counts.untracked) == (6, 5, 1)
    assert found.counts.without_didt == 3
    shares = [pulse.of_planned for pulse in found.pulses if pulse.of_planned is not None]
    assert found.of_planned.mean == pytest.approx(np.mean(shares), rel=1e-6)
    assert any("1 of 6 pulses were not tracked" in note for note in found.notes)


def test_the_tolerance_decides_what_counts_as_delivered(opened, coil, planned, tmp_path):
    poses = np.repeat(planned[None], 4, 0)
    poses[:, :3, 3] -= np.array([0, 1, 8, 12])[:, None] * planned[:3, 2]
    path = write_session(tmp_path / "s.xml", poses)
    found = read_back(opened, coil, path, tolerance_percent=10)
    assert [pulse.within_tolerance for pulse in found.pulses] == [True, True, False, False]
    assert found.within_tolerance_percent == 50
    assert read_back(opened, coil, path, tolerance_percent=90).within_tolerance_percent == 100
    with pytest.raises(PlanError, match="tolerance of 0 %"):
        read_back(opened, coil, path, tolerance_percent=0)


def test_drift_is_found(opened, coil, planned, tmp_path):
    poses = np.repeat(planned[None], 40, 0)
    poses[:, :3, 3] -= np.linspace(0, 10, 40)[:, None] * planned[:3, 2]
    found = read_back(opened, coil, write_session(tmp_path / "s.xml", poses, every_ms=1500)).drift
    assert found.position_mm == pytest.approx(10 * 36 / 39, rel=1e-6)
    assert found.of_planned_last < 0.9 < found.of_planned_first
    assert found.of_planned_per_minute < -0.1


def test_pulses_off_the_head_and_inside_it_are_counted_and_left_out(opened, coil, planned, tmp_path):
    poses = np.repeat(planned[None], 10, 0)
    poses[3, :3, 3] -= 80 * planned[:3, 2]
    poses[7, :3, 3] += 25 * planned[:3, 2]
    found = read_back(opened, coil, write_session(tmp_path / "s.xml", poses))
    assert (found.counts.used, found.counts.away, found.counts.inside) == (8, 1, 1)
    assert (found.pulses[3].state, found.pulses[7].state) == ("away", "inside")
    assert found.of_planned.sd == pytest.approx(0, abs=1e-9)
    poses[:, :3, 3] += 25 * planned[:3, 2]
    poses[3] = planned + np.pad(25 * planned[:3, 2:3], ((0, 1), (3, 0)))
    with pytest.raises(NavigatorError, match="part of the coil would lie in the head"):
        read_back(opened, coil, write_session(tmp_path / "in.xml", poses))


def lps(pose):
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ pose


def flipped(pose):
    return pose @ np.diag([1.0, -1.0, -1.0, 1.0])


def handle_turned(pose):
    return pose @ np.diag([-1.0, -1.0, 1.0, 1.0])


def moved(pose):
    return pose + np.pad(np.full((3, 1), 500.0), ((0, 1), (3, 0)))


def metres(pose):
    return np.block([[pose[:3, :3], pose[:3, 3:] / 1000], [np.zeros((1, 3)), 1]])


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        (lps, PoseError, "RAS and LPS are mixed up"),
        (flipped, PoseError, "flipped by 180 degrees"),
        (handle_turned, PoseError, r"handle is turned by -?1[78][0-9] degrees"),
        (moved, PoseError, "another image or another plan"),
        (metres, NavigatorError, "positions are in metres"),
    ],
)
def test_silent_failures_are_stopped_by_one_line(opened, coil, planned, tmp_path, wrong, error, said):
    path = write_session(tmp_path / "s.xml", [wrong(pose) for pose in poses_near(planned, 30, shift_mm=1.0)])
    with pytest.raises(error, match=said) as refused:
        read_back(opened, coil, path)
    assert "\n" not in str(refused.value)


def test_one_flipped_pulse_is_enough(opened, coil, planned, tmp_path):
    poses = poses_near(planned, 30, shift_mm=1.0)
    poses[17] = flipped(poses[17])
    with pytest.raises(PoseError, match="1 of 30 poses at the head face away from it, the first is tracked pulse 17"):
        read_back(opened, coil, write_session(tmp_path / "s.xml", poses))


def test_a_handle_that_really_was_turned_is_stated_reversed(opened, coil, planned, tmp_path):
    path = write_session(tmp_path / "s.xml", handle_turned(planned)[None])
    found = read_back(opened, coil, path, as_delivered=True)
    (pulse,) = found.pulses
    assert pulse.along_planned_V_per_m_per_A_per_us == pytest.approx(-pulse.target_V_per_m_per_A_per_us, rel=0.02)
    assert found.turned_pulses == 1
    assert any("reversed" in note for note in found.notes)


def test_an_identity_is_no_pose(opened, coil, planned, tmp_path):
    path = write_session(tmp_path / "s.xml", [planned, planned], tracked=[True, False])
    path.write_text(path.read_text().replace('set="false"', 'set="true"'))
    assert read_back(opened, coil, path).counts.untracked == 1
    path = write_session(tmp_path / "none.xml", [planned] * 3, tracked=[False] * 3)
    with pytest.raises(NavigatorError, match="none of 3 pulses was tracked"):
        read_back(opened, coil, path)


def test_markers_are_no_deliveries(opened, coil, written):
    with pytest.raises(NavigatorError, match="no recorded pulse"):
        read_back(opened, coil, written[1] / "navigator" / "localite_ras.xml")


def test_another_coil_head_or_conductivity_is_refused(opened, planned, written, tmp_path):
    path = write_session(tmp_path / "s.xml", planned[None])
    with pytest.raises(PlanError, match="is not the plan's"):
        read_back(opened, Coil.circular(), path)
    head = load_head(written[0])
    with pytest.raises(PlanError, match="is not the head of the plan"):
        open_plan(written[1], load_head("colin27"))
    with pytest.raises(PlanError, match="skull has"):
        open_plan(written[1], head.with_conductivities({"skull": 0.02}))
    with pytest.raises(AssuageError, match="cannot read"):
        open_plan(tmp_path, head)


def test_a_plan_whose_field_is_not_found_again_is_refused(opened, coil, planned, written, tmp_path):
    folder = tmp_path / "plan"
    folder.mkdir()
    content = json.loads((written[1] / "plan.json").read_text())
    next(item for item in content["techniques"] if item["technique"] == "tms")["dose"]["adjoint_V_per_m"] *= 1.01
    (folder / "plan.json").write_text(json.dumps(content))
    (folder / "target.nii.gz").write_bytes((written[1] / "target.nii.gz").read_bytes())
    with pytest.raises(PlanError, match="computed again"):
        read_back(open_plan(folder / "plan.json", opened.head), coil, write_session(tmp_path / "s.xml", planned[None]))
