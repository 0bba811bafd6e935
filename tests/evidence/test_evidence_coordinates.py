"""Peaks in and out: formats, spaces, whose they are; nothing guessed."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from assuage.cli.app import run
from assuage.errors import DataError
from assuage.evidence import load_evidence
from assuage.evidence.coordinates import (
    FORMATS,
    Experiment,
    mni_to_talairach,
    read_experiments,
    talairach_to_mni,
    write_experiments,
)

SLEUTH = """//Reference=MNI
// new2024: NSSI > HC
// Subjects=60
-12\t10\t-8
 24  -3.5  -20

// new2024: HC > NSSI
// Subjects = 58
0, 42, 6
"""
MORE = ["--coded-by", "A. Coder", "--level", "full_text"]
PEAKS = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 6), st.just(3)), elements=st.floats(-70, 70).map(lambda x: round(x, 1))
)


def experiments():
    def build(study, contrast, people, peaks):
        return Experiment(study=study, contrast=contrast, people=people, peaks_mm=peaks, original_mm=peaks)

    words = st.from_regex(r"[A-Za-z][A-Za-z0-9 ]{0,8}[A-Za-z0-9]", fullmatch=True)
    return st.builds(build, words, words, st.integers(1, 500), PEAKS)


def test_sleuth_text_is_read():
    first, second = read_experiments(SLEUTH, name="foci.txt")
    assert (first.study, first.contrast, first.people) == ("new2024", "NSSI > HC", 60)
    np.testing.assert_allclose(first.peaks_mm, [[-12, 10, -8], [24, -3.5, -20]])
    assert second.people == 58
    assert not first.converted


@pytest.mark.parametrize("form", FORMATS)
@given(items=st.lists(experiments(), min_size=1, max_size=4, unique_by=lambda e: (e.study, e.contrast)))
def test_what_is_written_is_read_again(form, items):
    again = read_experiments(write_experiments(items, form=form, name="set"), name="file")
    wanted = {(e.study, e.contrast): e for e in items}
    assert {(e.study, e.contrast) for e in again} == set(wanted)
    for item in again:
        same = wanted[item.study, item.contrast]
        assert item.people == same.people
        np.testing.assert_allclose(item.peaks_mm, same.peaks_mm, atol=0.006)


@given(st.text(max_size=200), st.sampled_from(["", "mni", "talairach"]))
def test_any_text_is_read_or_refused(text, space):
    try:
        found = read_experiments(text, name="file", space=space)
    except DataError:
        return
    assert all(np.isfinite(item.peaks_mm).all() and item.peaks_mm.shape[1] == 3 for item in found)


KEYS = st.sampled_from(["studies", "analyses", "points", "coordinates", "space", "contrasts", "coords", "x"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
DOCUMENTS = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=12
)


@given(DOCUMENTS)
def test_any_json_is_read_or_refused(document):
    with pytest.raises(DataError):
        read_experiments(json.dumps(document), name="file.json", space="mni")


@given(PEAKS)
def test_talairach_there_and_back(points):
    np.testing.assert_allclose(talairach_to_mni(mni_to_talairach(points)), points, atol=1e-9)


def test_talairach_against_the_printed_matrix():
    # icbm2tal "other" of Lancaster et al. 2007 by hand: row x of the matrix at (10, 20, 30)
    x = 0.9357 * 10 + 0.0029 * 20 - 0.0072 * 30 - 1.0423
    assert mni_to_talairach(np.array([[10.0, 20.0, 30.0]]))[0, 0] == pytest.approx(x)
    # the MNI brain is larger than Talairach's
    assert (np.abs(talairach_to_mni(np.array([[50.0, 0.0, 0.0]])))[0, 0]) > 50


@pytest.mark.parametrize(
    ("text", "space", "said"),
    [
        (SLEUTH.replace("//Reference=MNI\n", ""), "", "does not say its space"),
        (SLEUTH.replace("MNI", "Colin"), "", "neither MNI nor Talairach"),
        (SLEUTH, "talairach", "says mni, you say talairach"),
        (SLEUTH + "//Reference=Talairach\n", "", "names the spaces"),
        (SLEUTH, "icbm", "write mni or talairach"),
        (SLEUTH.replace("10\t-8", "10"), "", "line 4: .* is no peak"),
        ("//Reference=MNI\n1 2 3\n", "", "without a line // Study"),
        ("", "mni", "holds no peaks"),
        ("{", "mni", "is no JSON"),
        ('{"a": 1}', "mni", "has not the structure|neither a studyset"),
        (
            '{"studies": [{"id": "a", "analyses": [{"id": "b", "points": '
            '[{"space": "MNI", "coordinates": [1, 2]}]}]}]}',
            "",
            "three finite numbers",
        ),
        (
            '{"studies": [{"id": "a", "analyses": [{"id": "b", "points": [{"space": "MNI", "coordinates": [1, 2, 3]},'
            '{"space": "TAL", "coordinates": [1, 2, 3]}]}]}]}',
            "",
            "in one analysis",
        ),
    ],
)
def test_what_cannot_be_read_is_refused(text, space, said):
    with pytest.raises(DataError, match=said):
        read_experiments(text, name="file", space=space)


def test_import_keeps_what_a_peak_was(tmp_path, write, valid, capsys):
    del valid["coordinates"]
    folder, file = write(tmp_path, valid), tmp_path / "foci.txt"
    file.write_text(SLEUTH.replace("MNI", "Talairach").replace("new2024", "New, 2024"), encoding="utf-8")
    arguments = ["evidence", "coordinates", "import", str(file), "--to", str(folder), *MORE]
    assert run(arguments) == 2
    assert "'New, 2024': no id, DOI or PubMed identifier of a study" in capsys.readouterr().err
    assert run([*arguments, "--study", "New, 2024=new2024", "--direction", "decrease", "--comparison", "group"]) == 0
    assert "3 peaks were Talairach" in capsys.readouterr().out
    rows = [row for row in load_evidence(folder).rows["coordinates"] if row["study_id"] == "new2024"]
    assert [row.id for row in rows] == ["new2024-p1", "new2024-p2", "new2024-p3"]
    assert rows[0]["notes"].startswith("Talairach -12 10 -8, converted by the inverse of icbm2tal")
    assert (rows[0]["n_subjects"], rows[0]["direction"], rows[0]["database"]) == ("60", "decrease", "foci.txt")
    np.testing.assert_allclose(
        mni_to_talairach(np.array([[float(rows[0][a]) for a in "xyz"]])), [[-12, 10, -8]], atol=0.06
    )


def test_a_direction_from_a_database_is_refused(tmp_path, write, valid, capsys):
    folder, file = write(tmp_path, valid), tmp_path / "foci.txt"
    file.write_text(SLEUTH, encoding="utf-8")
    arguments = ["evidence", "coordinates", "import", str(file), "--to", str(folder), "--coded-by", "A. Coder"]
    assert run([*arguments, "--level", "database", "--direction", "increase"]) == 2
    assert "claims more than its source level allows" in capsys.readouterr().err


@pytest.mark.parametrize("form", FORMATS)
def test_the_embedded_peaks_go_out_and_come_in(tmp_path, capsys, form):
    out = tmp_path / "peaks"
    assert run(["evidence", "coordinates", "export", str(out), "--format", form]) == 0
    assert ("left out" in capsys.readouterr().out) == (form == "sleuth")
    found = read_experiments(out.read_text(encoding="utf-8"), name="peaks")
    assert sum(len(e.peaks_mm) for e in found) == (13 if form == "sleuth" else 61)
    assert run(["evidence", "coordinates", "export", str(out), "--format", form]) == 2
    assert "exists; name a new file" in capsys.readouterr().err


def test_an_unknown_format_and_no_peaks(tmp_path, capsys):
    assert run(["evidence", "coordinates", "export", str(tmp_path / "a"), "--format", "excel"]) == 2
    assert "formats: sleuth, nimare, studyset" in capsys.readouterr().err
    where = ["--where", "study_id == 'niedtfeld2010'"]
    assert run(["evidence", "coordinates", "export", str(tmp_path / "a"), "--format", "sleuth", *where]) == 2
    assert "no peaks to write; left out without a number of people: niedtfeld2010" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()
