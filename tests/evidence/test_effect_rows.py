"""Tables of effects become trials: exports of RevMan with their true headings, columns of metafor, and what is refused.

Studies of the RevMan 5 export are those of Fleiss 1993 (Stat Methods Med Res 2:121) as RevMan 5 printed them, and its
heading is that of a real export (Fleiss93_CR.csv of the R package meta). The heading of the data package is Cochrane's.
The subgroups, the hazard ratio and the numbers of the data package are made up.
"""

import hashlib
import json

import pytest

from assuage.cli.app import run
from assuage.evidence import load_evidence, validate
from assuage.evidence.effect_rows import read_effect_rows
from assuage.evidence.printed import estimates

REVMAN_5 = """Comparison Number,Outcome Number,Subgroup Number,Name,Data Type,Statistical Method,Effect Measure,\
Analysis Model,Events 1,Mean 1,SD 1,Total 1,Events 2,Mean 2,SD 2,Total 2,Effect Estimate,SE,CI Start,CI End,\
Weight,Q,P(Q),I²(Q),Tau²,Z,P(Z),Qint,P(Qint),I²(Qint),df,Group Label 1,Group Label 2,Left Graph Label,\
Right Graph Label,Year of study,User defined order
1,0,0,Examples,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,
1,1,0,Deaths,DIC,MH,OR,Fixed,93,,,1373,131,,,1395,0.7,,0.5,0.9,100,0,1,0,0,3,0.001,0,0,0,1,Aspirin,Placebo,l,r,,
1,1,0,MRC-1,,,,,49,0,0,615,67,0,0,624,0.71971415,0.19721981,0.48897453,1.05933628,3.17649,,,,,,,,,,,,,,,1974,1
1,1,0,CDP,,,,,44,0,0,758,64,0,0,771,0.6807598,0.20289717,0.4573909,1.01321191,3.10168911,,,,,,,,,,,,,,,1976,2
1,2,0,Days,CON,IV,MD,Fixed,0,,,43,0,,,63,-0.7,,-1.2,-0.2,100,1,0.2,0,0,2,0.01,0,1,0,1,Therapy,None,l,r,,
1,2,1,Short,,,,,0,,,13,0,,,13,-1.5,,-4.8,1.8,2.8,0,1,0,0,1,0.4,,,,0,,,,,,
1,2,1,Davis,,,,,0,5,4.7,13,0,6.5,3.8,13,-1.5,1.67630546,-4.78549833,1.78549833,2.79315513,,,,,,,,,,,,,,,1973,12
1,2,2,Florell,,,,,0,4.9,1.71,30,0,6.1,2.3,50,-1.2,0.45085474,-2.08365906,-0.31634094,38.6,,,,,,,,,,,,,,,1971,13
1,3,0,Hazard,GIV,IV,HR,Fixed,0,,,0,0,,,0,0.8,,0.6,1.1,100,0,1,0,0,1,0.2,0,1,0,0,A,B,l,r,,
1,3,0,MRC-1,,,,,0,0,0,0,0,0,0,0,0.8,0.155,0.590395,1.084021,100,,,,,,,,,,,,,,,1974,1
"""
PACKAGE = """Analysis group,Analysis number,Analysis name,Subgroup,Applicability,Study,Study year,GIV Mean,GIV SE,\
Experimental mean,Experimental SD,Experimental cases,Experimental N,Control mean,Control SD,Control cases,Control N,\
O-E,Variance,Weight,Mean,CI start,CI end,Footnotes
1,1,Depression,Adolescents,,Roe 2021,2021,,,10.1,4.2,,30,13.0,4.4,,31,,,60,-0.67,-1.18,-0.15,Week 4
1,1,Depression,Adults,,Doe 2019,2019,,,12.0,5.0,,40,12.5,5.5,,38,,,40,-0.09,-0.54,0.35,
1,1,Depression,Adults,,Coe 2020,2020,,,11.0,,,20,12.0,,,20,,,0,,,,
1,2,Response,,,Roe 2021,2021,,,,,0,30,,,5,31,,,50,0.09,0.01,1.6,
1,2,Response,,,Poe 2018,2018,,,,,0,20,,,0,20,,,0,,,,
2,1,Relapse,,,Doe 2019,2019,-0.4,0.2,,,,,,,,,,,100,0.67,0.45,0.99,
"""
SETTINGS = """Analysis group,Analysis number,Analysis name,Analysis group name,Data type,Experimental intervention,\
Control intervention,Effect measure,Study CI
1,1,Depression,rTMS against sham,Continuous,rTMS,Sham,Std. Mean Difference,95%
1,2,Response,rTMS against sham,Dichotomous,rTMS,Sham,Risk Ratio,95%
2,1,Relapse,rTMS against drug,Contrast level,rTMS,Drug,Hazard Ratio,95%
"""
ESCALC = """trial,author,year,ai,n1i,ci,n2i,alloc,technique,nssi_sample,doi
1,Aronson,1948,4,123,11,139,random,rtms,no,10.1234/a.1948
2,"Ferguson & Simes",1949,6,306,29,303,random,tdcs,part,
"""
CODER = ["--table", "trials", "--coded-by", "A. Coder", "--level", "full_text"]
FIXED = ["--set", "technique=rtms", "--set", "nssi_sample=no"]


def add(folder, file, *more):
    return run(["evidence", "add", "--to", str(folder), *CODER, "--csv", str(file), *more])


def saved(folder, name, text):
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_an_export_of_revman_5_becomes_trials_with_the_effects_that_revman_printed(tmp_path, capsys):
    file = saved(tmp_path, "review.csv", REVMAN_5)
    assert add(tmp_path / "mine", file, *FIXED) == 0
    said = capsys.readouterr().out
    assert "columns not understood and left out: Statistical Method, Analysis Model, Weight, Q," in said
    assert "taken for the heading of a subgroup: Short (review.csv row 7)" in said
    evidence = load_evidence(tmp_path / "mine")
    rows = {row.id: row for row in evidence.rows["trials"] if row["coded_by"] == "A. Coder"}
    assert list(rows) == ["mrc1974", "cdp1976", "davis1973", "florell1971", "mrc1974-2"]
    printed = {"mrc1974": (0.7197, 0.4890, 1.0593), "cdp1976": (0.6808, 0.4574, 1.0132),
               "davis1973": (-1.5, -4.7855, 1.7855), "florell1971": (-1.2, -2.0837, -0.3163),
               "mrc1974-2": (0.8, 0.5904, 1.0840)}  # fmt: skip
    for name, numbers in printed.items():
        (found,) = estimates(rows[name]["effect"])
        assert (found.value.value, found.low.value, found.high.value) == pytest.approx(numbers, abs=1e-3)
    mrc, davis = rows["mrc1974"], rows["davis1973"]
    assert mrc["effect"].startswith("49 of 615 vs 67 of 624, computed OR 0.7197 (95% CI")
    assert (mrc["n_active"], mrc["n_control"], mrc["outcome"], mrc["comparator"]) == ("615", "624", "Deaths", "Placebo")
    assert davis["effect"].startswith("5 (SD 4.7) vs 6.5 (SD 3.8), computed MD")
    assert davis["notes"] == "comparison: Examples; subgroup: Short"
    assert rows["mrc1974-2"]["report"] == mrc["report"] == "mrc1974"
    assert rows["mrc1974-2"]["n_active"] == "", "0 people is what RevMan writes for none stated"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert mrc["source"] == f"review.csv row 4, SHA-256 {digest}"
    assert (mrc["coded_from"], mrc["year"], mrc["citation"]) == ("full_text", "1974", "MRC-1 1974")
    assert not [p for p in validate(evidence) if p.severity == "error"]


def test_a_data_package_takes_measure_and_arms_from_its_settings(tmp_path, capsys):
    file = saved(tmp_path, "CD1-data-rows.csv", PACKAGE)
    saved(tmp_path, "CD1-overall-estimates-and-settings.csv", SETTINGS)
    assert add(tmp_path / "mine", file, *FIXED, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["columns_not_understood"] == [
        "Applicability",
        "O-E",
        "Variance",
        "Weight",
        "Mean",
        "CI start",
        "CI end",
    ]
    assert "no effect: Poe 2018: no events in either arm, or numbers are missing" in said["notes"]
    assert any("½ added" in note and "Roe 2021" in note for note in said["notes"])
    rows = {row.id: row for row in load_evidence(tmp_path / "mine").rows["trials"] if row.id in said["added"]}
    assert list(rows) == ["roe2021", "doe2019", "coe2020", "roe2021-2", "poe2018", "doe2019-2"]
    (smd,) = estimates(rows["roe2021"]["effect"])
    assert (smd.measure, smd.value.value) == ("SMD", pytest.approx(-0.666, abs=2e-3))
    assert rows["roe2021"]["notes"] == "comparison: rTMS against sham; subgroup: Adolescents; Week 4"
    assert rows["roe2021-2"]["effect"].endswith("½ added to its counts")
    assert (rows["poe2018"]["effect"], rows["poe2018"]["n_active"]) == ("0 of 20 vs 0 of 20", "20")
    assert rows["doe2019-2"]["effect"] == "HR 0.6703 (95% CI 0.4529 to 0.9920), as given"
    assert rows["doe2019-2"]["comparator"] == "Drug"
    assert (rows["coe2020"]["effect"], rows["coe2020"]["n_active"]) == ("", "20"), "means without their SDs"


def test_a_measure_that_the_file_states_is_not_renamed(tmp_path):
    file = saved(tmp_path, "CD1-data-rows.csv", PACKAGE)
    saved(tmp_path, "CD1-overall-estimates-and-settings.csv", SETTINGS.replace("Risk Ratio", "Unknown Ratio"))
    effects = [entry.get("effect", "") for entry in read_effect_rows(file, measure="RR").entries]
    assert [effect for effect in effects if "HR 0.6703" in effect], "stated as a hazard ratio"
    assert [effect for effect in effects if "computed RR" in effect], "what the file leaves open"
    assert [effect for effect in effects if "computed SMD" in effect]


def test_an_analysis_of_non_events_says_that_its_effects_are_of_events(tmp_path):
    file = saved(tmp_path, "CD1-data-rows.csv", PACKAGE)
    first, *rest = SETTINGS.splitlines()
    swapped = [f"{line},{'TRUE' if 'Response' in line else 'FALSE'}" for line in rest]
    saved(
        tmp_path,
        "CD1-overall-estimates-and-settings.csv",
        "\n".join([f"{first},Swap event and non-event", *swapped]).replace("Depression", "Depression; week 4"),
    )
    entries = read_effect_rows(file).entries
    assert entries[0]["outcome"] == "Depression, week 4"
    assert {entry["outcome"] for entry in entries if "swaps event" in entry.get("notes", "")} == {"Response"}


def test_set_fills_what_a_row_leaves_open(tmp_path):
    file = saved(tmp_path, "t.csv", "study,technique,yi,vi\nRoe 2020,tdcs,0.1,0.2\nPoe 2021,,0.1,0.2\n")
    assert add(tmp_path / "mine", file, *FIXED) == 0
    rows = [row for row in load_evidence(tmp_path / "mine").rows["trials"] if row["coded_by"] == "A. Coder"]
    assert [row["technique"] for row in rows] == ["tdcs", "rtms"]


def test_results_of_one_name_with_other_numbers_are_several_rows_of_one_report(tmp_path):
    file = saved(tmp_path, "t.csv", "study,yi,vi\nRoe 2020,0.1,0.2\nRoe 2020,0.3,0.2\n")
    assert add(tmp_path / "mine", file, *FIXED) == 0
    rows = [row for row in load_evidence(tmp_path / "mine").rows["trials"] if row["coded_by"] == "A. Coder"]
    assert [(row.id, row["report"]) for row in rows] == [("roe2020", "roe2020"), ("roe2020-2", "roe2020")]
    assert add(tmp_path / "mine", file, *FIXED) == 2


def test_the_columns_of_escalc_and_those_of_trials_are_taken(tmp_path, capsys):
    file = saved(tmp_path, "bcg.csv", ESCALC)
    assert add(tmp_path / "mine", file, "--measure", "rr", "--set", "outcome=cases") == 0
    assert "left out: trial, alloc" in capsys.readouterr().out
    rows = [row for row in load_evidence(tmp_path / "mine").rows["trials"] if row["coded_by"] == "A. Coder"]
    assert [row["citation"] for row in rows] == ["Aronson 1948", "Ferguson & Simes 1949"]
    assert [row["technique"] for row in rows] == ["rtms", "tdcs"]
    assert rows[0]["doi"] == "10.1234/a.1948"
    (first,) = estimates(rows[0]["effect"])
    assert first.value.value == pytest.approx(0.4109, abs=1e-4), "exp(-0.8893), Viechtbauer 2010, escalc of dat.bcg"


@pytest.mark.parametrize(
    ("text", "effect", "people"),
    [
        ("study,yi,vi\nRoe 2020,-0.5,0.04\n", "effect -0.5000 (95% CI -0.8920 to -0.1080), as given", ""),
        ("study,smd,se,n1i,n2i\nRoe 2020,-0.5,0.2,20,22\n", "SMD -0.5000 (95% CI -0.8920 to -0.1080), as given", "20"),
        ("author,year,tpos,tneg,cpos,cneg\nRoe,2020,4,119,11,128\n", "4 of 123 vs 11 of 139, computed", "123"),
        (
            "study;m1i;sd1i;n1i;m2i;sd2i;n2i\nRoe 2020;5,5;1,5;20;6;1,6;21\n",
            "5,5 (SD 1,5) vs 6 (SD 1,6), computed",
            "20",
        ),
    ],
)
def test_other_tables(tmp_path, text, effect, people):
    measure = {"t": "OR", "m": "MD"}.get(text.partition("ear,")[2][:1] or text[6:7])
    (entry,) = read_effect_rows(saved(tmp_path, "t.csv", text), measure=measure).entries
    assert entry["effect"].startswith(effect)
    assert entry.get("n_active", "") == people
    assert entry["year"] == "2020"


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        (PACKAGE, [*FIXED], "does not say the effect measure of Depression; put the file"),
        (PACKAGE, [*FIXED, "--measure", "XX"], "--measure 'XX' is not known"),
        (PACKAGE, [*FIXED, "--where", "Study=Nobody"], "no row has Study 'Nobody'"),
        (PACKAGE, [*FIXED, "--columns", "n1=Control N"], "an export of RevMan, whose columns are known"),
        (REVMAN_5.replace("49,0,0,615", "649,0,0,615"), FIXED, "review.csv row 4, column Events 1: 649: more events"),
        (
            REVMAN_5.replace("5,4.7,13", "5,-4.7,13"),
            FIXED,
            "column SD 1: -4.7: a standard deviation cannot be negative",
        ),
        ("\n".join(REVMAN_5.splitlines()[:3]), FIXED, "has headings of RevMan 5 and no study"),
        (ESCALC, ["--set", "outcome=x"], "which effect is meant is open; write --measure OR, RR or RD"),
        (ESCALC, ["--measure", "RR", "--set", "year=1950"], "--set year=1950: that cell comes from the file"),
        (ESCALC, ["--measure", "RR", "--set", "report=x"], "--set report=x: that cell comes from the file"),
        (ESCALC, ["--measure", "RR", "--set", "technique=ect"], "--set technique=ect: that cell comes from the file"),
        (
            "study,yi,vi\nRoe 2020,0.1,0.2\nPoe 2021,0.1,0.2\n",
            [*FIXED, "--set", "doi=10.1234/review"],
            "--set doi=10.1234/review would make 2 publications one; give the file a column doi",
        ),
        (ESCALC.replace("rtms", "magnets"), ["--measure", "RR"], "'magnets' is unknown; words: tms, rtms"),
        (ESCALC.replace("10.1234/a", "a"), ["--measure", "RR"], "'a.1948' is no doi"),
        ("id,yi,vi\n1,0.1,0.2\n", FIXED, "a column such as study or author has to name it"),
        (
            "study,yi,vi\nRoe 2020,0.1,0.2\nRoe 2020,0.1,0.2\n",
            FIXED,
            "Roe 2020 stands twice in the file (t.csv row 2 and",
        ),
        (
            "study,yi,vi\nRoe 2020,999,0.2\n",
            [*FIXED, "--measure", "OR"],
            "t.csv row 2 (Roe 2020): exp(999) is no effect",
        ),
        ("study,yi,vi\nRoe 2020,0.1,0.2\n", [], "Roe 2020 lacks nssi_sample, technique; give --set nssi_sample="),
    ],
)
def test_what_cannot_stand_is_refused_in_one_line_and_nothing_written(tmp_path, capsys, text, more, said):
    name = "review.csv" if text.startswith(("Comparison", "Analysis")) else "t.csv"
    assert add(tmp_path / "mine", saved(tmp_path, name, text), *more) == 2
    refused = capsys.readouterr().err
    assert said in refused
    assert refused.count("\n") == 1
    assert not (tmp_path / "mine").exists()


def test_a_level_that_may_state_no_result_is_refused(tmp_path, capsys):
    file = saved(tmp_path, "t.csv", "study,yi,vi\nRoe 2020,0.1,0.2\n")
    arguments = ["evidence", "add", "--to", str(tmp_path / "mine"), "--table", "trials", "--coded-by", "A"]
    assert run([*arguments, "--level", "database", "--csv", str(file), *FIXED]) == 2
    assert "claims more than its source level allows" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--csv", "x.csv"], "--csv holds trials; --table studies holds none"),
        (["--measure", "RR"], "name the file with --csv"),
        (["--csv", "x.csv", "--table", "trials"], "x.csv"),
        (["--csv", "x.rm5", "--table", "trials"], "x.rm5 is no table; of a RevMan review take"),
        (["--csv", "x.csv", "--ris", "y.ris"], "one file at a time"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, capsys, more, said):
    assert run(["evidence", "add", "--to", str(tmp_path), "--coded-by", "A", "--level", "abstract", *more]) == 2
    refused = capsys.readouterr().err
    assert said in refused
    assert refused.count("\n") == 1


def test_the_same_file_twice_is_refused_or_skipped_and_another_outcome_joins_its_report(tmp_path, capsys):
    folder, file = tmp_path / "mine", saved(tmp_path, "bcg.csv", ESCALC)
    more = ["--measure", "RR", "--set", "outcome=cases"]
    assert add(folder, file, *more) == 0
    before = (folder / "trials.csv").read_bytes()
    capsys.readouterr()
    assert add(folder, file, *more) == 2
    assert "Aronson 1948, cases belongs to aronson1948" in capsys.readouterr().err
    assert add(folder, file, *more, "--skip-known") == 0
    assert "left out: Aronson 1948, cases: aronson1948" in capsys.readouterr().out
    assert (folder / "trials.csv").read_bytes() == before
    assert add(folder, file, "--measure", "RR", "--set", "outcome=deaths") == 0
    rows = load_evidence(folder).rows["trials"]
    assert [row["report"] for row in rows if row.id.startswith("aronson")] == ["aronson1948", "aronson1948"]
    elsewhere = saved(tmp_path, "other.csv", ESCALC.replace("Aronson", "Aronson and Doe"))
    assert add(folder, elsewhere, *more) == 2
    assert "Aronson and Doe 1948, cases belongs to aronson1948" in capsys.readouterr().err


def test_reported_bounds_are_kept_as_they_are(tmp_path):
    text = "study,hr,lower,upper\nRoe 2020,0.70,0.50,0.92\nPoe 2021,0.80,0.60,1.10\n"
    made = read_effect_rows(saved(tmp_path, "t.csv", text), measure="HR").entries
    (roe,), (poe,) = (tuple(estimates(entry["effect"])) for entry in made)
    assert [(e.value.value, e.low.value, e.high.value) for e in (roe, poe)] == [(0.7, 0.5, 0.92), (0.8, 0.6, 1.1)]
    plain = "study,yi,lower,upper,vi\nRoe 2020,0.30,0.05,0.42,0.01\nPoe 2021,0.30,,,0.01\n"
    roe_said, poe_said = (
        entry["effect"] for entry in read_effect_rows(saved(tmp_path, "p.csv", plain), measure="SMD").entries
    )
    assert "0.3 (95% CI 0.05 to 0.42)" in roe_said  # no digits that the file has not
    assert "0.3000 (95% CI 0.1040 to 0.4960)" in poe_said


def test_a_year_that_cannot_be_is_refused_or_said_and_never_dropped(tmp_path, capsys):
    rows = "study,year,yi,vi\nRoe,1820,0.3,0.1\n"
    assert add(tmp_path / "mine", saved(tmp_path, "t.csv", rows), "--measure", "SMD", *FIXED) == 2
    said = capsys.readouterr().err
    assert "t.csv row 2, column year: '1820' holds no year from 1900 to 2100; correct it or leave it empty" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "mine").exists()
    read = read_effect_rows(
        saved(tmp_path, "l.csv", "study,yi,vi\nRoe 1820,0.3,0.1\nPoe (2021),0.2,0.1\n"), measure="SMD"
    )
    assert [entry.get("year", "") for entry in read.entries] == ["", "2021"]
    assert "no year that can be in Roe 1820: its year is left open" in read.notes
