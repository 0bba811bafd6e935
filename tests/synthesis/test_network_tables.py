"""Every shape of table that published networks come in gives the same studies; what would need guessing is refused."""

import math

import numpy as np
import pytest
from network_cases import write_table

from assuage.errors import DataError
from assuage.synthesis.network_analysis import comparison, network_meta_analysis
from assuage.synthesis.network_arms import Arm, merged
from assuage.synthesis.network_tables import read_network

COUNTS = [("one", "A", 10, 100), ("one", "B", 20, 100), ("two", "B", 15, 80), ("two", "C", 30, 90),
          ("three", "A", 5, 50), ("three", "B", 9, 60), ("three", "C", 12, 55)]  # fmt: skip


def text(tmp_path, content, name="table.csv"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def effects(path, **options):
    network = read_network(path, **options)
    result = network_meta_analysis(network, reference="A", draws=100)
    found = [comparison(result, name, "A").network for name in ("B", "C")]
    return [number for e in found for number in (e.effect, e.se)] + [result.q.q]


@pytest.fixture
def expected(tmp_path):
    return effects(write_table(tmp_path / "long.csv", ["study", "treatment", "events", "n"], COUNTS))


@pytest.mark.parametrize(
    "names",
    [
        ["studlab", "treat", "event", "n"], ["Study ID", "trt", "r", "N"],
        ["study", "treatment", "responders", "sampleSize"],
        ["trial", "arm", "xi", "ni"], ["author", "treatment", "death", "randomized"], ["study", "trt", "d", "total"],
    ],
)  # fmt: skip
def test_long_arms_under_the_names_of_other_programs(tmp_path, expected, names):
    assert effects(write_table(tmp_path / "t.csv", names, COUNTS)) == pytest.approx(expected)


WIDE = [("one", "A", 10, 100, "B", 20, 100, "NA", "", "."), ("two", "B", 15, 80, "C", 30, 90, "", "", ""),
        ("three", "A", 5, 50, "B", 9, 60, "C", 12, 55)]  # fmt: skip


@pytest.mark.parametrize(
    "names",
    [
        ["study", *(f"{stem}{i}" for i in (1, 2, 3) for stem in ("treat", "event", "n"))],
        ["study", *(f"{stem}[,{i}]" for i in (1, 2, 3) for stem in ("t", "r", "n"))],
        ["study", *(f"{stem}.{i}" for i in (1, 2, 3) for stem in ("treatment", "resp", "n"))],
    ],
)
def test_wide_arms(tmp_path, expected, names):
    assert effects(write_table(tmp_path / "t.csv", names, WIDE)) == pytest.approx(expected)


def test_a_multi_arm_study_in_a_row_for_each_pair(tmp_path, expected):
    rows = []
    for study in ("one", "two", "three"):
        arms = [row[1:] for row in COUNTS if row[0] == study]
        rows += [(study, *a, *b) for i, a in enumerate(arms) for b in arms[i + 1 :]]
    names = ["study", "treat1", "event1", "n1", "treat2", "event2", "n2"]
    assert effects(write_table(tmp_path / "t.csv", names, rows)) == pytest.approx(expected)


def test_wide_arms_without_a_study_are_one_study_a_row(tmp_path, expected):
    names = [f"{stem}{i}" for i in (1, 2, 3) for stem in ("t", "r", "n")]
    path = write_table(tmp_path / "t.csv", names, [row[1:] for row in WIDE])
    assert effects(path) == pytest.approx(expected)
    assert [study.name for study in read_network(path).studies] == ["study 1", "study 2", "study 3"]


def test_arms_with_the_treatment_in_the_name(tmp_path, expected):
    path = text(tmp_path, "Study,Design,dA,nA,dB,nB,dC,nC\none,AB,10,100,20,100,.,.\ntwo,BC,.,.,15,80,30,90\n"
                          "three,ABC,5,50,9,60,12,55\n")  # fmt: skip
    assert effects(path) == pytest.approx(expected)


@pytest.mark.parametrize("separator", [",", ";", "\t", " "])
def test_winbugs_names_under_any_separator(tmp_path, expected, separator):
    names = ["study", *(f"{stem}[,{i}]" for stem in "trn" for i in (1, 2, 3))]
    rows = [(r[0], r[1], r[4], r[7] or "NA", r[2], r[5], r[8] or "NA", r[3], r[6], r[9] or "NA") for r in WIDE]
    lines = [separator.join(map(str, row)) for row in [names, *rows]]
    assert effects(text(tmp_path, "\n".join(lines) + "\nEND\n")) == pytest.approx(expected)


def test_empty_cells_behind_the_last_column_do_no_harm(tmp_path, expected):
    lines = [",".join(map(str, row)) for row in [("study", "treatment", "events", "n"), *COUNTS]]
    assert effects(text(tmp_path, lines[0] + "\n" + "\n".join(line + ",," for line in lines[1:]))) == pytest.approx(
        expected
    )


@pytest.mark.parametrize("separator", [";", "\t", " "])
def test_separators(tmp_path, expected, separator):
    lines = [separator.join(map(str, row)) for row in [("study", "treatment", "events", "n"), *COUNTS]]
    assert effects(text(tmp_path, "\n".join(lines) + "\n")) == pytest.approx(expected)


def test_a_column_that_numbers_rows_names_no_study(tmp_path, expected):
    rows = [(i, *row) for i, row in enumerate(COUNTS, 1)]
    names = ["id", "author", "treatment", "events", "n"]
    assert effects(write_table(tmp_path / "long.csv", names, rows)) == pytest.approx(expected)
    wide = [(i, "Smith", *row[1:]) for i, row in enumerate(WIDE, 1)]
    names = ["id", "author", *(f"{stem}{i}" for i in (1, 2, 3) for stem in ("treatment", "resp", "n"))]
    path = write_table(tmp_path / "wide.csv", names, wide)
    assert effects(path) == pytest.approx(expected)
    assert read_network(path).columns["study"] == "id"


def test_contrasts_keep_their_study_beside_an_author(tmp_path):
    rows = [("one", "Smith", "A", "B", 1.0, 0.5), ("two", "Smith", "A", "C", 1.0, 0.5)]
    names = ["study", "author", "treat1", "treat2", "TE", "seTE"]
    assert len(read_network(write_table(tmp_path / "t.csv", names, rows)).studies) == 2
    numbered = write_table(tmp_path / "u.csv", ["id", *names[1:]], [(i, *row[1:]) for i, row in enumerate(rows)])
    with pytest.raises(DataError, match="2 of the 3 contrasts"):
        read_network(numbered)


def test_columns_can_be_named(tmp_path, expected):
    path = write_table(tmp_path / "t.csv", ["who", "what", "quit", "of"], COUNTS)
    given = {"study": "who", "treatment": "what", "events": "quit", "n": "of"}
    assert effects(path, columns=given) == pytest.approx(expected)


def log_odds_ratios():
    rows = []
    for study in ("one", "two", "three"):
        arms = [(t, math.log(r / (n - r)), 1 / r + 1 / (n - r), n) for s, t, r, n in COUNTS if s == study]
        rows += [(study, a, b, x - y, math.sqrt(v + w), n, m) for i, (a, x, v, n) in enumerate(arms)
                 for b, y, w, m in arms[i + 1 :]]  # fmt: skip
    return rows


@pytest.mark.parametrize(
    "names",
    [
        ["study", "treat1", "treat2", "TE", "seTE", "n1", "n2"], ["study", "t1", "t2", "logOR", "se", "n1", "n2"],
        ["studlab", "treatment1", "treatment2", "effect", "std.err", "n1", "n2"],
        ["study", "treat1", "treat2", "lnOR", "selnOR", "n1", "n2"],
        ["Trial", "Intervention", "Comparator", "log_OR", "se_log_OR", "n1", "n2"],
    ],
)  # fmt: skip
def test_contrasts(tmp_path, expected, names):
    path = write_table(tmp_path / "t.csv", names, log_odds_ratios())
    assert effects(path) == pytest.approx(expected)
    assert read_network(path).studies[0].participants == (100.0, 100.0)


def test_contrasts_as_ratios_with_intervals(tmp_path, expected):
    rows = [(s, a, b, math.exp(e), math.exp(e - 1.959963984540054 * se), math.exp(e + 1.959963984540054 * se))
            for s, a, b, e, se, *_ in log_odds_ratios()]  # fmt: skip
    path = write_table(tmp_path / "t.csv", ["study", "treat1", "treat2", "OR", "lower", "upper"], rows)
    assert effects(path) == pytest.approx(expected)
    assert read_network(path).measure == "OR"


def test_the_standard_error_of_a_logarithm_stands_beside_its_ratio(tmp_path, expected):
    rows = [(s, a, b, math.exp(e), se) for s, a, b, e, se, *_ in log_odds_ratios()]
    path = write_table(tmp_path / "t.csv", ["study", "treat1", "treat2", "OR", "selogOR"], rows)
    assert effects(path) == pytest.approx(expected)


def test_contrasts_to_a_baseline_with_its_variance(tmp_path, expected):
    rows = []
    for study in ("one", "two", "three"):
        arms = [(t, math.log(r / (n - r)), 1 / r + 1 / (n - r)) for s, t, r, n in COUNTS if s == study]
        rows.append((study, arms[0][0], "NA", math.sqrt(arms[0][2])))
        rows += [(study, t, x - arms[0][1], math.sqrt(v + arms[0][2])) for t, x, v in arms[1:]]
    path = write_table(tmp_path / "t.csv", ["study", "treatment", "diff", "std.err"], rows)
    assert effects(path) == pytest.approx(expected)


def test_two_contrasts_of_three_with_the_standard_error_of_the_baseline(tmp_path):
    head = "study,treat1,treat2,TE,seTE,baseline_se\n"
    whole = text(
        tmp_path, "study,treat1,treat2,TE,seTE\ns,B,A,1,0.5\ns,C,A,2,0.6\ns,C,B,1,0.67082039325\n", "whole.csv"
    )
    part = text(tmp_path, head + "s,B,A,1,0.5,0.2828427125\ns,C,A,2,0.6,0.2828427125\n")
    np.testing.assert_allclose(read_network(part).studies[0].variances, read_network(whole).studies[0].variances)
    np.testing.assert_allclose(read_network(part).studies[0].effects, read_network(whole).studies[0].effects)


def test_means_rates_and_their_measures(tmp_path):
    means = text(tmp_path, "study,treatment,mean,sd,n\ns,A,10,2,50\ns,B,8,4,40\n", "means.csv")
    study = read_network(means).studies[0]
    assert (study.effects[0], study.variances[0]) == pytest.approx((2.0, 4 / 50 + 16 / 40))
    study = read_network(means, measure="ROM").studies[0]
    assert (study.effects[0], study.variances[0]) == pytest.approx((math.log(1.25), 4 / 5000 + 16 / 2560))
    study = read_network(means, measure="SMD").studies[0]
    pooled = math.sqrt((49 * 4 + 39 * 16) / 88)
    j = math.gamma(44) / (math.sqrt(44) * math.gamma(43.5))
    g = j * 2 / pooled
    assert (study.effects[0], study.variances[0]) == pytest.approx(
        (g, 1 / 50 + 1 / 40 + (1 - 86 / (88 * j * j)) * g * g)
    )
    rates = text(tmp_path, "study,treatment,events,person_time\ns,A,10,500\ns,B,20,400\n", "rates.csv")
    network = read_network(rates)
    assert network.measure == "IRR"
    assert network.studies[0].effects[0] == pytest.approx(math.log(0.02 / 0.05))
    assert network.studies[0].variances[0] == pytest.approx(0.15)


def test_risk_measures_by_hand(tmp_path):
    path = text(tmp_path, "study,treatment,events,n\ns,A,10,100\ns,B,20,80\n")
    study = read_network(path, measure="RR").studies[0]
    assert (study.effects[0], study.variances[0]) == pytest.approx((math.log(0.4), 0.1 - 0.01 + 0.05 - 1 / 80))
    study = read_network(path, measure="RD").studies[0]
    assert (study.effects[0], study.variances[0]) == pytest.approx((-0.15, 0.1 * 0.9 / 100 + 0.25 * 0.75 / 80))


def test_smd_of_three_arms_closes(tmp_path):
    path = text(tmp_path, "study,treatment,mean,sd,n\ns,A,10,2,50\ns,B,8,4,40\ns,C,9,3,30\n")
    study = read_network(path, measure="SMD").studies[0]
    assert study.effects[0] + study.effects[2] == pytest.approx(study.effects[1])
    pooled = math.sqrt((49 * 4 + 39 * 16 + 29 * 9) / 117)
    assert study.effects[0] == pytest.approx(2 / pooled)
    assert study.variances[0] == pytest.approx(1 / 50 + 1 / 40 + (2 / pooled) ** 2 / 240)


def test_zero_cells_are_corrected_in_all_arms_and_said(tmp_path):
    path = text(tmp_path, "study,treatment,events,n\ns,A,0,20\ns,B,5,20\ns,C,3,20\nnone,A,0,9\nnone,B,0,9\n"
                          "all,A,9,9\nall,C,8,8\n")  # fmt: skip
    network = read_network(path, measure="OR")
    assert network.excluded == (("none", "no event in any arm"), ("all", "an event for everyone in every arm"))
    assert network.notes == ("0.5 added in every arm of studies with a zero cell: s",)
    assert network.studies[0].effects[2] == pytest.approx(math.log(5.5 / 15.5) - math.log(3.5 / 17.5))
    with pytest.raises(DataError, match="study s: an arm with a zero cell"):
        read_network(path, continuity=0.0)
    risk = read_network(path, measure="RD")
    assert [study.name for study in risk.studies] == ["s", "none", "all"]
    assert risk.studies[0].effects[0] == pytest.approx(-0.25)


@pytest.mark.parametrize(
    ("rows", "measure", "words"),
    [
        ("study,treatment,events,n\ns,A,1,20\ns,B,5,20\n", "OR", "asked for; others: --measure RR, RD"),
        ("study,treatment,events,time\ns,A,1,20\ns,B,5,20\n", "IRR", ""),
        ("study,treatment,mean,sd,n\ns,A,1,2,20\ns,B,5,9,20\n", "MD", "deviations run from 2 to 9"),
    ],
)
def test_a_measure_that_nobody_asked_for_is_said(tmp_path, rows, measure, words):
    network = read_network(text(tmp_path, rows))
    assert network.measure == measure
    assert words in "".join(network.notes[:1])
    assert len(network.notes) == bool(words)
    assert read_network(text(tmp_path, rows), measure=measure).notes == ()


def test_arms_without_the_outcome_are_left_out_and_said(tmp_path):
    path = text(
        tmp_path, "study,treatment,events,n\ns,A,3,20\ns,B,5,20\ns,C,NA,20\nt,A,3,20\nt,C,4,18\nu,A,1,9\nu,B,NA,9\n"
    )
    network = read_network(path, measure="OR")
    assert network.studies[0].treatments == ("A", "B")
    assert network.excluded == (("u", "1 arm with events and n"),)
    assert network.notes == ("arms without events and n left out of: s",)


def test_further_columns_become_moderators(tmp_path):
    path = text(
        tmp_path,
        "study,treatment,events,n,age,rob\ns,A,3,20,16,low\ns,B,5,20,16,low\nt,A,3,20,21,high\nt,B,4,18,21,high\n",
    )
    first, second = read_network(path).studies
    assert first.moderators == {"age": "16", "rob": "low"}
    assert second.moderators == {"age": "21", "rob": "high"}


def test_numbered_treatments_sort_as_numbers(tmp_path):
    rows = [("s", i, 5, 20) for i in (10, 2, 1)]
    network = read_network(write_table(tmp_path / "t.csv", ["study", "treatment", "events", "n"], rows))
    assert network.treatments == ("1", "2", "10")


def test_whole_numbers_written_with_a_point_are_the_same_treatment(tmp_path):
    path = text(tmp_path, "t1,t2,t3,r1,n1,r2,n2,r3,n3\n1,2,4.0,1,9,2,9,3.0,9.0\n1,4,NA,1,9,2,9,NA,NA\n")
    assert read_network(path).treatments == ("1", "2", "4")


ARMS = "study,treatment,events,n\n"
CONTRASTS = "study,treat1,treat2,TE,seTE\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("a,b,c\n1,2,3\n", "the columns a, b, c make no known table"),
        ("study\n", "has no rows of studies"),
        (ARMS.replace(",", " ") + "s A 3\n", "row 2: 3 fields under 4 columns"),
        ("study,n,n,events\ns,1,2,3\n", "column 'n' is there twice"),
        (ARMS + "s,A,12%,20\ns,B,5,20\n", "'12%' in column events is a percentage"),
        (ARMS + "s,A,three,20\ns,B,5,20\n", "'three' in column events is not a number"),
        (ARMS + "s,A,inf,20\ns,B,5,20\n", "'inf' in column events is not a number"),
        (ARMS + "s,A,30,20\ns,B,5,20\n", "30 events among n = 20"),
        (ARMS + "s,A,-1,20\ns,B,5,20\n", "-1 events"),
        (ARMS + "s,A,1,20\ns,A,5,20\n", "two arms of A"),
        (ARMS + "s,A,1,20\ns,B,1,20\nt,a,1,20\nt,B,1,20\n", "'A' and 'a' differ only in capitals"),
        (ARMS + "s,A,1,20\n", "no study with two arms is left; s: 1 arm"),
        (ARMS + ",A,1,20\n", "no study in column study"),
        (ARMS + "s,A,1,20\ns,B,2,20\nt,C,1,20\nt,D,2,20\nu,D,2,9\nu,E,3,9\n", "2 parts .*: C, D, E | A, B"),
        ("study,treatment,mean,sd,n\ns,A,1,0,20\ns,B,2,1,20\n", "sd 0; it is above 0"),
        ("study,treatment,mean,sd,n\ns,A,1,2,1\ns,B,2,1,20\n", "n = 1; a mean"),
        ("study,treatment,mean,sd,n\ns,A,1,,20\ns,B,2,1,20\n", "neither sd and n nor se"),
        ("study,treatment,events,time\ns,A,1,0\ns,B,2,1\n", "person-time 0"),
        ("treat1,treat2,TE,seTE\nA,B,1,1\n", "contrasts needs a column study"),
        (CONTRASTS + "s,A,A,1,1\n", "treatments 'A' and 'A'"),
        (CONTRASTS + "s,A,B,1,0\n", "standard error of 0"),
        (CONTRASTS + "s,A,B,1,-0.2\n", "standard error of -0.2"),
        (CONTRASTS + "s,A,B,1,1\ns,B,A,-1,1\n", "same two treatments stands twice"),
        (CONTRASTS + "s,A,B,1,1\ns,A,C,1,1\n", "2 of the 3 contrasts between its 3 treatments"),
        (CONTRASTS + "s,A,B,1,0.5\ns,A,C,1,0.5\ns,B,C,1,0.5\n", "do not add up"),
        (CONTRASTS + "s,A,B,0,1\ns,A,C,0,1\ns,A,D,0,1\ns,B,C,0,1\ns,B,D,0,1\ns,C,D,0,2\n", "does not fit the others"),
        ("study,treat1,treat2,OR,lower,upper\ns,A,B,-1,0.5,2\n", "ratios are above 0"),
        ("study,treat1,treat2,OR,lower,upper\ns,A,B,3,0.5,2\n", "does not lie in its interval"),
        ("study,treat1,treat2,OR,se\ns,A,B,2,0.2\n", "is se the standard error of the ratio OR or of its logarithm"),
        ("study,treat1,treat2,effect,lower,upper\ns,A,B,2,1,9\n", "is not the middle of its interval"),
        ("study,treat1,treat2,effect,se,lower,upper\ns,A,B,2,NA,NA,NA\n", "without standard error, variance or"),
        ("study,treatment,diff,se\ns,A,NA,0.1\ns,B,NA,0.2\n", "A and B|B and A"),
        ("study,treatment,diff,se\ns,A,1,0.1\ns,B,2,0.2\nt,A,NA,1\nt,B,1,1\n", "every arm has a difference"),
        ("study,treatment,diff,se\ns,A,NA,NA\ns,B,2,NA\n", "a difference without a standard error"),
        ("study,treat1,treat2,TE,seTE,baseline_se\ns,A,B,1,1,2\ns,A,C,1,1,2\n", "is below that of A"),
        ("study,t1,t2,r1,n1,r2,n2\ns,A,B,1,9,2,9\ns,A,B,1,9,2,9\n", "study s stands twice"),
        ("study,t1,t2,r1,n1,r2,n2\ns,A,B,1,9,2,9\ns,A,C,3,9,2,9\n", "study s: two arms of A"),
    ],
)  # fmt: skip
def test_what_would_need_guessing_is_refused(tmp_path, content, said):
    with pytest.raises(DataError, match=said):
        read_network(text(tmp_path, content))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"measure": "PETO"}, "--measure 'PETO'"),
        ({"measure": "MD"}, "--measure MD cannot be made of"),
        ({"measure": "HR"}, "--measure HR cannot be made of"),
        ({"continuity": -1}, "--continuity -1"),
        ({"columns": {"colour": "n"}}, "no role 'colour'"),
        ({"columns": {"n": "people"}}, "no column 'people'"),
    ],
)
def test_options_that_do_not_fit_the_table_are_refused(tmp_path, options, said):
    path = write_table(tmp_path / "t.csv", ["study", "treatment", "events", "n"], COUNTS)
    with pytest.raises(DataError, match=said):
        read_network(path, **options)


def test_a_measure_that_contradicts_its_column_is_refused(tmp_path):
    path = text(tmp_path, "study,treat1,treat2,logHR,se\ns,A,B,1,1\n")
    assert read_network(path).measure == "HR"
    with pytest.raises(DataError, match="--measure OR: the column logHR holds HR"):
        read_network(path, measure="OR")


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"PK\x00\x01\n\x00")
    with pytest.raises(DataError, match="not a text table"):
        read_network(path)


def test_arms_of_one_treatment_in_a_row_are_merged(tmp_path):
    rows = "study,t1,r1,n1,t2,r2,n2,t3,r3,n3\ns,A,1,10,B,2,11,B,3,12\nt,A,2,20,B,5,21,NA,NA,NA\n"
    network = read_network(text(tmp_path, rows), measure="OR")
    assert network.notes == ("arms of one treatment merged in: s",)
    assert network.studies[0].effects == pytest.approx([math.log(1 / 9 * 18 / 5)])
    assert network.studies[0].participants == (10, 23)


@pytest.mark.parametrize(
    ("text_of_table", "said"),
    [
        (
            "study,t1,r1,n1,t2,r2,n2,t3,r3,n3\ns,A,1,10,B,12,10,B,3,20\n",
            "row 2, study s, arm B: 12 events among n = 10",
        ),
        ("study,t1,r1,n1,t2,r2,n2,t3,r3,n3\ns,A,1,10,B,-1,10,B,3,20\n", "arm B: -1 events"),
        (
            "study,t1,y1,sd1,n1,t2,y2,sd2,n2,t3,y3,sd3,n3\ns,A,1,2,20,B,1,-2,20,B,2,2,20\n",
            "row 2, study s, arm B: sd -2; it is above 0",
        ),
        ("study,t1,y1,sd1,n1,t2,y2,sd2,n2,t3,y3,sd3,n3\ns,A,1,2,20,B,1,2,0,B,2,2,0\n", "arm B: n = 0"),
    ],
)
def test_a_merge_hides_no_number_that_cannot_be(tmp_path, text_of_table, said):
    with pytest.raises(DataError, match=said):
        read_network(text(tmp_path, text_of_table))


def test_merged_means_are_those_of_everyone_together():
    rng = np.random.default_rng(3)
    people = [rng.normal(mean, 1.5, count) for mean, count in ((1.0, 5), (2.0, 9), (0.0, 7))]
    arms = [Arm(treatment="A", mean=x.mean(), sd=x.std(ddof=1), n=len(x)) for x in people[:2]]
    last = people[2]
    arms.append(Arm(treatment="A", mean=last.mean(), se=last.std(ddof=1) / math.sqrt(len(last)), n=len(last)))
    one, everyone = merged(arms), np.concatenate(people)
    assert (one.mean, one.sd, one.n) == pytest.approx((everyone.mean(), everyone.std(ddof=1), 21))
    assert merged([arms[0], Arm(treatment="A", mean=1.0, se=0.2)]) is None
    assert merged([Arm(treatment="A", events=1, n=9), Arm(treatment="A", n=9)]) is None


def test_a_ratio_beside_its_logarithm_names_the_measure(tmp_path):
    """hr, low_ci, high_ci beside TE and seTE, as the R package meta leaves them."""
    header = "study,hr,low_ci,high_ci,treat1,treat2,TE,seTE\n"
    rows = "a,0.83,0.7,0.99,d,x,-0.18632958,0.08842627\nb,1.39,1.21,1.61,a,x,0.32930375,0.07286201\n"
    network = read_network(text(tmp_path, header + rows))
    assert network.measure == "HR"
    bounds = "study,hr,low_ci,high_ci,treat1,treat2,TE\na,0.83,0.7,0.99,d,x,-0.186\nb,1.39,1.21,1.61,a,x,0.329\n"
    assert read_network(text(tmp_path, bounds)).studies[1].effects == pytest.approx([math.log(1.39)])
    assert [study.effects[0] for study in network.studies] == [-0.18632958, 0.32930375]
    assert [study.variances[0] ** 0.5 for study in network.studies] == pytest.approx([0.08842627, 0.07286201])
