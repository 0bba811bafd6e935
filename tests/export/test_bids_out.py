"""A plan as BIDS: the validator accepts it, images keep values and place, the draft's tables say what the plan says."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from readback.delivered_plans import poses_near, proposal, write_plan, write_session

from assuage.cli.app import run
from assuage.errors import DataError, PlanError
from assuage.export import export_bids, read_table
from assuage.export.nibs import delivered_set, planned_sets
from assuage.export.nibs_keys import columns, key_table, write_table
from assuage.head import load_head
from assuage.plan.records import MontageProposal
from assuage.readback import open_plan, read_back
from assuage.readback.records import ElectrodeDelivered, ElectrodeFidelity, PlanRef, SourceRef
from assuage.sources import Coil


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_plan(tmp_path_factory.mktemp("exported"))


@pytest.fixture(scope="module")
def opened(written):
    return open_plan(written[1], load_head(written[0]))


@pytest.fixture(scope="module")
def fidelity(written, opened, tmp_path_factory):
    """Path of the fidelity.json of five pulses, the third untracked."""
    folder = tmp_path_factory.mktemp("session")
    poses = poses_near(np.array(proposal(written[1], "tms")["proposal"]["pose"]), 5)
    session = write_session(folder / "pulses.xml", poses, didt=[70] * 5, tracked=[True, True, False, True, True])
    found = read_back(opened, Coil.figure_of_eight(), session, off_target=False)
    (folder / "fidelity.json").write_text(found.model_dump_json(), encoding="utf-8")
    return folder / "fidelity.json"


@pytest.fixture(scope="module")
def dataset(written, fidelity, tmp_path_factory):
    out = tmp_path_factory.mktemp("bids") / "assuage"
    head, plan = written
    for session in ("a", "b"):
        asked = ["export", "bids", str(plan), "--out", str(out), "--participant", "sub-01", "--session", session,
                 "--head", str(head), "--nibs-draft", "--delivered", str(fidelity)]  # fmt: skip
        assert run(asked) == 0
    return out


def nibs(dataset: Path, rest: str) -> Path:
    return dataset / "sub-01/ses-a/nibs" / f"sub-01_ses-a_{rest}"


def test_the_validator_finds_no_error(dataset):
    program = Path(sys.executable).with_name("bids-validator-deno")
    done = subprocess.run([program, "--json", str(dataset)], capture_output=True, text=True, check=False)
    issues = json.loads(done.stdout)["issues"]["issues"]
    assert [issue for issue in issues if issue["severity"] == "error"] == []
    assert "anat" in done.stdout or done.returncode == 0


def test_the_validator_would_find_a_wrong_name(dataset, tmp_path):
    copy = shutil.copytree(dataset, tmp_path / "copy")
    anat = copy / "sub-01/ses-a/anat"
    (anat / "sub-01_ses-a_desc-head_dseg.nii.gz").rename(anat / "sub-01_ses-a_desc-head_labels.nii.gz")
    program = Path(sys.executable).with_name("bids-validator-deno")
    done = subprocess.run([program, "--json", str(copy)], capture_output=True, text=True, check=False)
    assert any(issue["severity"] == "error" for issue in json.loads(done.stdout)["issues"]["issues"])


def test_every_image_and_table_has_a_sidecar(dataset):
    lacking = [
        path.name
        for pattern in ("*.nii.gz", "*.tsv")
        for path in dataset.rglob(pattern)
        if not path.with_name(path.name.partition(".")[0] + ".json").is_file()
    ]
    assert lacking == []


def test_labels_keep_values_place_and_names(dataset, opened):
    path = dataset / "sub-01/ses-a/anat/sub-01_ses-a_desc-head_dseg.nii.gz"
    image = nib.load(path)
    assert np.array_equal(np.asarray(image.dataobj), opened.head.labels)
    assert np.allclose(image.affine, opened.head.affine, atol=1e-5)
    rows = [row.split("\t") for row in path.with_name(path.name[:-6] + "tsv").read_text().splitlines()[1:]]
    assert {int(row[0]): row[1].replace(" ", "_") for row in rows} == opened.head.tissues
    assert ["GM", "1"] in [row[2:] for row in rows]


def test_fractions_are_probabilities(opened, tmp_path):
    head = opened.head
    share = {name: np.where(head.mask(name), 255, 0).astype(np.uint8) for name in head.tissues.values()}
    export_bids(replace(opened, head=replace(head, fractions=share)), tmp_path / "out", participant="1")
    image = nib.load(tmp_path / "out/sub-1/anat/sub-1_label-GM_desc-head_probseg.nii.gz")
    values = np.asarray(image.dataobj)
    assert (values.min(), values.max()) == (0, 1)
    assert np.array_equal(values == 1, head.mask("grey_matter"))


def test_fields_plan_and_navigator_files_are_there(dataset, written):
    plan = written[1]
    assert nibs(dataset, "plan.json").read_bytes() == (plan / "plan.json").read_bytes()
    assert nibs(dataset, "desc-tms_efield.nii.gz").read_bytes() == (plan / "fields/tms.nii.gz").read_bytes()
    assert json.loads(nibs(dataset, "desc-tms_efield.json").read_text())["Units"] == "V/m"
    listed = nibs(dataset, "files.tsv").read_text()
    assert "navigator-brainsight.txt" in listed
    kept = {path.name for path in (dataset / "sub-01/ses-a/nibs").iterdir()}
    assert {f"sub-01_ses-a_{p.relative_to(plan).as_posix().replace('/', '-')}" for p in plan.rglob("*.txt")} <= kept


def test_a_coils_courses_and_pose(dataset, written):
    rows = {row["event_id"]: row for row in read_table(nibs(dataset, "task-rest_acq-tms_nibs.tsv"), "nibs")}
    assert rows["itbs"]["type"] == "TMS"
    layers = {key: value for key, value in rows["itbs"].items() if key.startswith("pattern")}
    assert layers == {"pattern1_count": "3", "pattern1_frequency_Hz": "50", "pattern2_count": "10",
                      "pattern2_frequency_Hz": "5", "pattern3_count": "20", "pattern3_interval_s": "10"}  # fmt: skip
    assert rows["rtms_10hz"]["pattern1_count"] == "40"
    assert rows["rtms_10hz"]["pattern2_interval_s"] == "30"
    assert rows["rtms_1hz"]["pattern1_count"] == "1000"
    for course in proposal(written[1], "tms")["courses"]:
        row, strength = rows[course["technique"]], course["intensity"]
        assert float(row["intensity_scaling"]) == pytest.approx(strength["percent_mt"] / 100)
        assert row["intensity_reference"] == {"resting": "rMT", "active": "aMT"}[strength["threshold"]]
    (marker,) = read_table(nibs(dataset, "task-rest_acq-tms_markers.tsv"), "markers")
    pose = np.array(proposal(written[1], "tms")["proposal"]["pose"])
    assert np.array([float(v) for v in marker["transform"].split("|")]).reshape(4, 4) == pytest.approx(pose, abs=1e-5)
    for name, column in (("coil_mm", 3), ("normal", 2), ("direction", 1)):
        found = [float(marker[f"{name}.{axis}"]) for axis in "xyz"]
        assert found == pytest.approx(pose[:3, column], abs=1e-4)
    side = json.loads(nibs(dataset, "task-rest_acq-tms_nibs.json").read_text())
    assert side["NIBSBIDSDraft"] == "6.3"
    assert {entry["IntensityID"] for entry in side["IntensitySet"]} == {
        row["intensity_reference"] for row in rows.values()
    }
    assert side["pattern3_interval"]["Units"] == "s"
    assert "Planned, not delivered" in side["NIBSDescription"]


def test_a_montage(dataset, written):
    (row,) = read_table(nibs(dataset, "task-rest_acq-hdtdcs4x1_nibs.tsv"), "nibs")
    planned = proposal(written[1], "hd_tdcs_4x1")["proposal"]["electrodes"]
    assert row["element_id"].split("|") == [electrode["name"] for electrode in planned]
    currents = [float(value) for value in row["intensity"].split("|")]
    assert currents == pytest.approx([1e3 * electrode["current_A"] for electrode in planned])
    assert sum(currents) == pytest.approx(0, abs=1e-6)
    side = json.loads(nibs(dataset, "task-rest_acq-hdtdcs4x1_nibs.json").read_text())
    assert side["stimulus_intensity"]["Units"] == "mA"
    assert side["nibs_element_id"]["Delimiter"] == "|"
    assert [element["ElectrodeRole"] for element in side["ElementSet"]].count("anode") == 1
    system = json.loads(nibs(dataset, "task-rest_coordsystem.json").read_text())
    assert set(system["AnatomicalLandmarkCoordinates"]) == {"NAS", "INI", "LPA", "RPA"}
    assert (dataset / system["IntendedFor"].removeprefix("bids::")).is_file()


def test_alternating_and_interfering_currents(opened):
    record = opened.record
    item = next(t for t in record.techniques if t.technique == "tdcs")
    assert isinstance(item.proposal, MontageProposal)
    one, other = item.proposal.electrodes

    def rows(*electrodes):
        changed = item.model_copy(update={"proposal": item.proposal.model_copy(update={"electrodes": electrodes})})
        (made,), _ = planned_sets(record.model_copy(update={"techniques": (changed,)}))
        return made.nibs

    def at(electrode, current_A, phase_deg, carrier_Hz=10.0):
        return electrode.model_copy(update={"current_A": current_A, "phase_deg": phase_deg, "carrier_Hz": carrier_Hz})

    (row,) = rows(at(one, 0.002, 0.0), at(other, 0.002, 180.0))
    assert (row["intensity"], row["phase_deg"], row["shape"]) == ([2.0, -2.0], [0.0, 0.0], "Sinusoid")
    (row,) = rows(at(one, 0.002, 0.0), at(other, 0.002, 90.0))
    assert row["phase_deg"] == [0.0, 90.0]
    assert "do not" in row["description"]
    first, second = rows(at(one, 0.001, None, 2000.0), at(other, -0.001, None, 2000.0),
                         at(one, 0.001, None, 2010.0), at(other, -0.001, None, 2010.0))  # fmt: skip
    assert (first["frequency_Hz"], second["frequency_Hz"]) == (2000.0, 2010.0)
    assert first["event_id"] != second["event_id"]


def test_a_delivered_session(dataset, fidelity):
    events = read_table(nibs(dataset, "task-rest_acq-tmsdelivered_events.tsv"), "events")
    places = {row["position_id"]: row for row in read_table(
        nibs(dataset, "task-rest_acq-tmsdelivered_markers.tsv"), "markers")}  # fmt: skip
    recorded = json.loads(fidelity.read_text())["pulses"]
    assert [float(event["onset_s"]) for event in events] == pytest.approx([p["time_s"] for p in recorded])
    assert [event["state"] for event in events] == [p["state"] for p in recorded]
    assert "position_id" not in events[2], "an untracked pulse has no place"
    assert [float(event["didt_A_per_us"]) for event in events] == [70.0] * 5
    for event, pulse in zip(events, recorded, strict=True):
        if pulse["pose"] is not None:
            place, pose = places[event["position_id"]], np.array(pulse["pose"])
            for name, column in (("coil_mm", 3), ("normal", 2), ("direction", 1)):
                found = [float(place[f"{name}.{axis}"]) for axis in "xyz"]
                assert found == pytest.approx(pose[:3, column], abs=1e-4)
            assert [float(v) for v in place["transform"].split("|")] == pytest.approx(pose.ravel(), abs=1e-4)
    assert (dataset / "sub-01/ses-a/nibs/sub-01_ses-a_fidelity.json").is_file()


def test_without_the_flag_there_is_no_draft(opened, tmp_path):
    made = export_bids(opened, tmp_path / "out", participant="01")
    assert not [name for name in made.files if "markers" in name or "coordsystem" in name]


@pytest.mark.parametrize("kind", ["nibs", "markers", "events"])
def test_the_table_of_names_goes_both_ways(tmp_path, kind):
    known = columns(kind)
    spellings = [spelling for several in known.values() for spelling in several]
    assert len(spellings) == len(set(spellings)), "one column, one quantity"
    row = {name: f"value {k}" for k, name in enumerate(known)}
    assert write_table(tmp_path / "t.tsv", kind, [row, {}]) == list(known)
    assert read_table(tmp_path / "t.tsv", kind) == [row, {}]


def test_the_drafts_own_spellings_are_read(tmp_path):
    """The iTBS example of draft 6.3 names its keys otherwise than the draft's text."""
    path = tmp_path / "example.tsv"
    path.write_text("event_id\tnibs_type\telement_id\tstimulus_intensity\tpattern3_count\tcustom\n"
                    "itbs\tTMS\tCoil_1\t50\t20\tn/a\n", encoding="utf-8")  # fmt: skip
    assert read_table(path, "nibs") == [
        {"event_id": "itbs", "type": "TMS", "element_id": "Coil_1", "intensity": "50", "pattern3_count": "20"}
    ]
    path.write_text("event_id\tnibs_event_id\n1\t2\n", encoding="utf-8")
    with pytest.raises(DataError, match="event_id in two columns"):
        read_table(path, "nibs")


def test_every_entry_of_the_table_is_described():
    table = key_table()
    assert table["draft"]["version"] == "6.3"
    assert all(entry["description"] for kind in ("nibs", "markers", "events") for entry in table[kind].values())


def test_refusals_leave_the_dataset_as_it_was(dataset, opened, written, fidelity, tmp_path):
    before = sorted(path.name for path in dataset.rglob("*"))
    with pytest.raises(DataError, match="exists; remove it"):
        export_bids(opened, dataset, participant="01", session="a")
    with pytest.raises(DataError, match="'0_1' is no label"):
        export_bids(opened, dataset, participant="0_1")
    other = json.loads(fidelity.read_text())
    other["plan"]["sha256"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(other))
    with pytest.raises(DataError, match="another plan"):
        export_bids(opened, dataset, participant="02", delivered=tmp_path / "other.json")
    with pytest.raises(DataError, match=r"no fidelity.json"):
        export_bids(opened, dataset, participant="02", delivered=written[1] / "plan.json")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "note.txt").write_text("mine")
    with pytest.raises(DataError, match="something else"):
        export_bids(opened, tmp_path / "mine", participant="01")
    assert sorted(path.name for path in dataset.rglob("*")) == before
    assert [path.name for path in dataset.parent.iterdir()] == [dataset.name], "no scratch is left"


def test_a_head_of_another_participant_and_a_changed_file_are_refused(opened, tmp_path):
    head = replace(opened.head, metadata={**opened.head.metadata, "participant": "07"})
    with pytest.raises(DataError, match="is of participant 07, not 01"):
        export_bids(replace(opened, head=head), tmp_path / "out", participant="01")
    folder = shutil.copytree(opened.folder, tmp_path / "plan")
    (folder / "fields/tdcs.nii.gz").write_bytes(b"")
    with pytest.raises(PlanError, match="is not the file that was planned"):
        export_bids(replace(opened, folder=folder), tmp_path / "out", participant="01")
    (folder / "fields/tdcs.nii.gz").unlink()
    with pytest.raises(PlanError, match="is missing"):
        export_bids(replace(opened, folder=folder), tmp_path / "out", participant="01")
    assert not (tmp_path / "out").exists()


def test_delivered_electrodes_have_places_and_no_time():
    electrode = ElectrodeDelivered(
        name="F3", current_A=0.002, planned_mm=(0, 0, 0), digitised_mm=(1, 2, 3), delivered_mm=(1, 2, 4),
        off_scalp_mm=1.0, displacement_mm=4.0,
    )  # fmt: skip
    found = ElectrodeFidelity.model_construct(
        plan=PlanRef.model_construct(technique="tdcs", title="x"),
        source=SourceRef.model_construct(file="cap.csv"),
        electrodes=(electrode,),
    )
    made = delivered_set(found)
    assert made.events == []
    assert (made.markers[0]["target_mm.z"], made.nibs[0]["intensity"]) == (4.0, [2.0])
