"""`assuage target` end to end on a made person, its one-line refusals, and the way into a plan."""

import json
import re
from dataclasses import replace
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from connectivity.bold_example import PLANTED, head, write_bold

from assuage.cli import plan_request, target
from assuage.cli.app import run
from assuage.connectivity import read_target
from assuage.connectivity.group import read_group
from assuage.errors import DataError, PlanError
from assuage.head.hashing import head_hash
from assuage.head.minors import MARK, with_age
from assuage.plan.over_target import check_head, over_target
from assuage.targets import Target

FILES = {"target.json", "probability.nii.gz", "report.html"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("bids")
    write_bold(place)
    return place


@pytest.fixture
def ask(folder, monkeypatch, tmp_path):
    """Return a function that runs the command on the made person with further options."""
    monkeypatch.setattr(target, "load", lambda _name, _tissues: head())

    def run_it(*more, out=tmp_path / "out"):
        bold = folder / "sub-1_space-T1w_desc-preproc_bold.nii.gz"
        options = {"--bold": bold, "--confounds": folder / "confounds.tsv", "--head": "made",
                   "--circuit": "emotion_regulation", "--out": out}  # fmt: skip
        options.update(dict(zip(more[::2], more[1::2], strict=True)))
        return run(["target", *(str(x) for pair in options.items() for x in pair)])

    return run_it


def test_the_folder_holds_target_map_and_page(ask, tmp_path, capsys):
    assert ask("--method", "cluster") == 0
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} == FILES
    found = read_target(out / "target.json")
    assert np.linalg.norm(found.mean_mm - PLANTED.target_mm) < 8
    assert found.provenance["head_sha256"] == head_hash(head())
    image = nib.load(out / "probability.nii.gz")
    assert np.asarray(image.dataobj).sum() == pytest.approx(1.0, abs=1e-3)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "contested" in page
    assert "Khosravani" in page
    assert not re.search(r'(src|href)="http', page), "the page needs nothing from elsewhere"
    said = capsys.readouterr().out
    assert "group target" in said
    assert "contested" in " ".join(said.split())


def test_the_same_command_gives_the_same_target(ask, tmp_path):
    values = []
    for name in ("one", "two"):
        assert ask(out=tmp_path / name) == 0
        value = json.loads((tmp_path / name / "target.json").read_text(encoding="utf-8"))
        value["distribution"]["provenance"].pop("command")
        values.append(value)
    assert values[0] == values[1]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--space", "mni"), "--space says mni"),
        (("--space", "moon"), "'moon' is not known"),
        (("--method", "magic", "--bold", "none.nii.gz"), "methods: peak"),
        (("--method", "seed_map", "--bold", "none.nii.gz"), "needs group map"),
        (("--circuit", "sleep"), "is unknown"),
        (("--region", "toe"), "is unknown"),
        (("--seed", "6,x,3"), "not three numbers"),
        (("--seed", "amygdala R"), "--polarity"),
        (("--seed", "0,-70,0", "--polarity", "-"), "lies outside"),
        (("--polarity", "up"), "write + or -"),
        (("--fd-mm", "0.01"), "left after scrubbing"),
        (("--tr", "0"), "repetition time"),
        (("--bold", "none.nii.gz"), "no such file"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing_behind(options, says, ask, tmp_path, capsys):
    assert ask(*options) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert says in error[-1]
    assert not (tmp_path / "out").exists()


def test_a_plan_takes_the_mean_and_only_on_its_own_head(ask, tmp_path):
    assert ask() == 0
    found = read_target(tmp_path / "out" / "target.json")
    aim = plan_request.individual_target(SimpleNamespace(radius_mm=8.0), head(), found)
    assert aim.center_mm == pytest.approx(found.mean_mm, abs=1e-6)
    assert "95 % ellipsoid" in aim.notes[0]
    with pytest.raises(PlanError, match="not on"):
        check_head(found, replace(head(), affine=head().affine + np.eye(4)))


def test_the_field_over_the_target_is_that_at_its_points(ask, tmp_path):
    assert ask() == 0
    found = read_target(tmp_path / "out" / "target.json")
    made = head()
    index = np.indices(made.labels.shape).reshape(3, -1).T
    x = (index @ made.affine[:3, :3].T + made.affine[:3, 3])[:, 0].reshape(made.labels.shape)
    plan = SimpleNamespace(
        record=SimpleNamespace(techniques=[SimpleNamespace(technique="tms", field_file="f")]),
        volumes={"f": SimpleNamespace(array=x + 200.0, affine=made.affine)},
        head=made,
        target=Target.sphere(found.mean_mm, 8.0),
    )
    row = over_target(plan, found)["techniques"]["tms"]
    expected = found.weights @ found.points_mm[:, 0] + 200.0
    assert row["expected_V_per_m"] == pytest.approx(expected, abs=0.5)
    assert row["quantiles_V_per_m"]["0.05"] < row["quantiles_V_per_m"]["0.95"]


@pytest.mark.parametrize(("more", "says"), [(("--space", "mni"), "leave it out"), ((), "cannot read")])
def test_a_plan_refuses_a_target_file_it_cannot_use(more, says, tmp_path, capsys):
    typed = ["plan", "--head", "colin27", "--target", str(tmp_path / "t.json"), "--out", str(tmp_path / "plan"), *more]
    assert run(typed) == 2
    assert says in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "plan").exists()


def test_what_the_plan_maximises_over_is_read_with_the_group_target(ask, tmp_path):
    assert ask() == 0
    path = str(tmp_path / "out" / "target.json")
    found = read_target(path)
    where = plan_request._whereabouts(SimpleNamespace(target=path, target_quantile=0.1), found)
    assert where.objective.quantile == 0.1
    assert where.group.distance_mm == pytest.approx(np.linalg.norm(where.group.mean_mm - found.mean_mm), abs=0.02)
    assert where.group.says
    with pytest.raises(PlanError, match="needs the distribution"):
        plan_request._whereabouts(SimpleNamespace(target="1,2,3", target_quantile=0.1), None)
    value = json.loads((tmp_path / "out" / "target.json").read_text(encoding="utf-8"))
    cut = tmp_path / "cut.json"
    cut.write_text(json.dumps(value | {"group": {}}), encoding="utf-8")
    with pytest.raises(DataError, match="group target of"):
        read_group(cut)
    cut.write_text(json.dumps({k: v for k, v in value.items() if k != "group"}), encoding="utf-8")
    assert read_group(cut) is None


def test_an_adult_template_under_a_minor_is_said_on_the_page(ask, tmp_path, monkeypatch):
    monkeypatch.setattr(target, "load", lambda _name, _tissues: with_age(head(), 15.0))
    assert ask("--method", "cluster") == 0
    assert MARK[1:] in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
