"""Who looked at a head: kept with the hashes of what was looked at, void if either changes, refusing if rejected."""

import json
from dataclasses import replace

import numpy as np
import pytest

from assuage.cli.app import run
from assuage.errors import DataError, HeadError
from assuage.head import load_head
from assuage.head.folder import FIGURES_FILE, SIGN_FILE, write_head
from assuage.head.gallery import sphere_head
from assuage.head.hashing import head_hash
from assuage.head.signoff import refuse_rejected, said, sign, sign_off
from assuage.plan.provenance import head_record
from assuage.report import head_quality


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "sub head"
    made.mkdir()
    head = sphere_head(voxel_mm=5.0)
    write_head(head, made)
    (made / FIGURES_FILE).write_text(json.dumps(head_quality.as_json(head_quality.qc(head))), encoding="utf-8")
    return made


def test_nobody_then_somebody(folder):
    assert sign_off(load_head(folder)) is None
    assert said(None) == "nobody has signed off this head"
    assert head_record(load_head(folder)).sign_off is None
    head = sign(folder, by=" AE ", note="orbits checked")
    found = sign_off(head)
    assert (found.state, found.by, found.note) == ("signed", "AE", "orbits checked")
    assert found.head_sha256 == head_hash(head)
    assert said(found).startswith("signed off by AE on 20")
    recorded = head_record(load_head(folder)).sign_off
    assert (recorded.state, recorded.by, recorded.quality_sha256) == ("signed", "AE", found.quality_sha256)
    assert recorded.signed_utc.endswith("+00:00")


def test_a_head_that_changed_makes_it_void(folder):
    head = sign(folder, by="AE")
    labels = head.labels.copy()
    labels[tuple(np.argwhere(labels == 3)[0])] = 4
    changed = replace(head, labels=labels)
    found = sign_off(changed)
    assert found.state == "void"
    assert found.decision == "signed"
    assert "the head has changed" in said(found)
    assert "nobody has signed off" in said(found)
    write_head(changed, folder)
    assert sign_off(load_head(folder)).state == "void"


def test_figures_that_changed_make_it_void(folder):
    sign(folder, by="AE")
    (folder / FIGURES_FILE).write_text("{}", encoding="utf-8")
    assert "quality figures have changed" in sign_off(load_head(folder)).why


def test_a_rejected_head_is_refused_until_it_changes(folder):
    head = sign(folder, by="AE", reject=True, note="skull open")
    with pytest.raises(HeadError, match=r"rejected by AE on .*: skull open; correct .* build the head again"):
        refuse_rejected(head)
    refuse_rejected(replace(head, labels=np.where(head.labels == 1, 2, head.labels).astype(np.uint8)))
    refuse_rejected(sign(folder, by="BF"))


def test_the_embedded_head_needs_none_and_a_copy_of_it_does(tmp_path):
    colin = load_head("colin27")
    assert sign_off(colin).state == "embedded"
    assert head_record(colin).sign_off.state == "embedded"
    write_head(colin, tmp_path)
    assert sign_off(load_head(tmp_path)) is None


def test_what_cannot_be_signed(folder, tmp_path):
    with pytest.raises(HeadError, match="head import"):
        sign(tmp_path, by="AE")
    with pytest.raises(DataError, match="--by is empty"):
        sign(folder, by="  ")
    (folder / FIGURES_FILE).unlink()
    with pytest.raises(DataError, match=FIGURES_FILE):
        sign(folder, by="AE")
    assert not (folder / SIGN_FILE).exists()


@pytest.mark.parametrize("text", ["no json", "{}", '{"format": "other", "decision": "signed"}'])
def test_a_damaged_sign_off_is_refused(folder, text):
    (folder / SIGN_FILE).write_text(text, encoding="utf-8")
    with pytest.raises(HeadError, match="sign again"):
        load_head(folder)


def test_the_command_signs_and_a_plan_on_a_rejected_head_is_one_line(folder, capsys, tmp_path):
    assert run(["head", "sign", str(folder), "--by", "AE"]) == 0
    page = (folder / "quality.html").read_text(encoding="utf-8")
    assert "Signed off by AE on " in page
    assert "assuage head sign" not in page
    assert run(["head", "sign", str(folder), "--by", "AE", "--reject", "--note", "<leak>", "--json"]) == 0
    page = (folder / "quality.html").read_text(encoding="utf-8")
    assert "Rejected by AE" in page
    assert "&lt;leak&gt;" in page
    assert f"assuage head sign &#39;{folder}&#39; --by" in page
    capsys.readouterr()
    out = tmp_path / "plan"
    code = run(["plan", "--head", str(folder), "--target=-40,32,46", "--space", "head", "--out", str(out)])
    lines = [line for line in capsys.readouterr().err.strip().splitlines() if "rejected" in line]
    assert code == 2
    assert len(lines) == 1
    assert "build the head again" in lines[0]
    assert not out.exists()
