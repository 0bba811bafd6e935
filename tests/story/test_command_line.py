"""The command line end to end on somebody else's labels: another resolution, an oblique affine, a lesion."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from assuage.head.gallery import sphere_head

TURN = Rotation.from_euler("xyz", [12.0, -7.0, 20.0], degrees=True).as_matrix()
CENTER_MM = np.array([4.0, -11.0, 17.0])
ASSUAGE = [sys.executable, "-m", "assuage.cli"]


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sphere head as a label file with names, conductivities and fiducials beside it; the person looks along +y."""
    head = sphere_head(voxel_mm=(3.0, 3.2, 3.5), center_mm=CENTER_MM, rotation=TURN, hard_labels=True)
    data = np.array(head.labels)
    index = np.argwhere(data > 0)
    world = index @ head.affine[:3, :3].T + head.affine[:3, 3] - CENTER_MM
    lesion = index[np.linalg.norm(world - [30.0, -20.0, 30.0], axis=1) < 12]
    data[tuple(lesion.T)] = 9
    path = tmp_path_factory.mktemp("story") / "sub-07_labels.nii.gz"
    nib.save(nib.Nifti1Image(data.astype(np.int16), head.affine), path)
    assert head.given_fiducials_mm is not None
    rows = [f"{name} = {[round(float(x), 3) for x in place]}" for name, place in head.given_fiducials_mm.items()]
    names = [f'{key} = "{name}"' for key, name in {**head.tissues, 9: "lesion"}.items()]
    beside = ["[tissues]", *names, "[conductivity_S_per_m]", "lesion = 0.8", "[fiducials_mm]", *rows]
    path.with_name("sub-07_labels.tissues.toml").write_text("\n".join(beside) + "\n", encoding="utf-8")
    return path


def target_text() -> str:
    """A place in the left frontal grey matter, world mm, as it is typed."""
    return ",".join(f"{x:.1f}" for x in CENTER_MM + np.array([-40.0, 35.0, 45.0]))


@pytest.fixture(scope="module")
def planned(labels: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    out = labels.parent / "plan"
    command = [*ASSUAGE, "plan", "--head", str(labels), "--target", target_text(), "--space", "head"]
    command += ["--techniques", "tdcs,4x1", "--voxel-mm", "6", "--out", str(out), "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False), out


def test_a_foreign_head_gets_a_plan(planned):
    done, out = planned
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["report"] == str(out / "report.html")
    plan = shown["plan"]
    assert plan == json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert {t["name"] for t in plan["head"]["tissues"]} >= {"lesion", "grey_matter", "skull"}
    np.testing.assert_allclose(plan["target"]["center_mm"], [float(x) for x in target_text().split(",")], atol=5.0)
    assert {t["technique"] for t in plan["techniques"]} == {"tdcs", "hd_tdcs_4x1"}
    for technique in plan["techniques"]:
        dose = technique["dose"]
        assert 0.01 < dose["magnitude_V_per_m"] < 5
        assert dose["adjoint_V_per_m"] == pytest.approx(dose["magnitude_V_per_m"], rel=0.01)
        assert dose["error"]["combined_sd_V_per_m"] > 0
        assert sum(e["current_A"] for e in technique["proposal"]["electrodes"]) == pytest.approx(0, abs=1e-9)


def test_the_folder_is_complete_and_nothing_lies_beside_it(planned, labels):
    _, out = planned
    record = json.loads((out / "plan.json").read_text(encoding="utf-8"))
    assert all((out / item["path"]).stat().st_size == item["bytes"] for item in record["files"])
    assert (out / "head_qc" / "overlay.png").is_file()
    assert "sub-07_labels" in (out / "report.html").read_text(encoding="utf-8")
    assert {p.name for p in labels.parent.iterdir()} == {labels.name, "sub-07_labels.tissues.toml", "plan"}


def test_progress_was_on_stderr(planned):
    done, _ = planned
    lines = done.stderr.splitlines()
    assert len(lines) >= 5
    assert all(" s] " in line for line in lines)


def test_an_interruption_leaves_nothing_behind(labels, tmp_path):
    out = tmp_path / "plan"
    command = [*ASSUAGE, "plan", "--head", str(labels), "--target", target_text(), "--voxel-mm", "6", "--out", str(out)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        time.sleep(0.5)
        os.kill(process.pid, signal.SIGINT)
        rest = process.stderr.read().splitlines()
        assert process.wait(60) == 130
    assert first.startswith("[")
    assert rest[-1] == "assuage: interrupted; nothing half-written was left behind"
    assert "Traceback" not in "".join(rest)
    assert list(tmp_path.iterdir()) == []


def test_quality_figures_of_a_foreign_head(labels, tmp_path):
    command = [*ASSUAGE, "head", "show", str(labels), "--out", str(tmp_path / "qc"), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout)
    assert figures == json.loads((tmp_path / "qc" / "qc.json").read_text(encoding="utf-8"))
    skull = next(volume for volume in figures["volumes"] if volume["name"] == "skull")
    assert skull["volume_ml"] == pytest.approx(4 / 3 * np.pi * (86**3 - 80**3) / 1000, rel=0.05)
    assert (tmp_path / "qc" / "overlay.png").stat().st_size > 10_000
