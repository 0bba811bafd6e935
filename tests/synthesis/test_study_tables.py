"""Reading: many names for the same columns, one meaning; what cannot be is refused in one line with its place."""

import math

import numpy as np
import pytest

from assuage.errors import DataError
from assuage.synthesis.analysis import Choices, analyse, columns_given
from assuage.synthesis.columns import role_of
from assuage.synthesis.effects import effects_of
from assuage.synthesis.measures import MEASURES
from assuage.synthesis.reading import number_of, parse_studies, read_studies
from assuage.synthesis.row_ways import people_of

COUNTS = [(4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209)]


def parse(text, **given):
    return parse_studies(text, source="t.csv", given=given)


def counts(header, rows, separator=","):
    lines = [separator.join(header)] + [separator.join(str(x) for x in row) for row in rows]
    return parse("\n".join(lines))


@pytest.mark.parametrize(
    "names",
    [
        ("ai", "n1i", "ci", "n2i"),
        ("event.e", "n.e", "event.c", "n.c"),
        ("Events 1", "Total 1", "Events 2", "Total 2"),
        ("Experimental cases", "Experimental total", "Control cases", "Control total"),
        ("events_treatment", "n_treatment", "events_control", "n_control"),
        ("deaths_active", "n_active", "deaths_sham", "n_sham"),
        ("r1", "n1", "r2", "n2"),
        ("x1", "n1", "x2", "n2"),
        ("xt", "nt", "xc", "nc"),
        ("xTi", "nTi", "xCi", "nCi"),
        ("x.nrt", "n.nrt", "x.ctrl", "n.ctrl"),
        ("events_itbs", "n_itbs", "events_waitlist", "n_waitlist"),
        ("hcq_arm_event", "hcq_arm_total", "control_arm_event", "control_arm_total"),
    ],
)
@pytest.mark.parametrize("separator", [",", ";", "\t", " ", "   "])
def test_counts_by_any_name(names, separator):
    if " " in separator:
        names = [name.replace(" ", "_") for name in names]
    rows = [(f"s{i}", a, a + b, c, c + d) for i, (a, b, c, d) in enumerate(COUNTS)]
    effects = effects_of(counts(("study", *names), rows, separator), measure="RR")
    a, b, c, d = np.array(COUNTS, float).T
    assert effects.y == pytest.approx(np.log((a / (a + b)) / (c / (c + d))))


@pytest.mark.parametrize("names", [("ai", "bi", "ci", "di"), ("tpos", "tneg", "cpos", "cneg"), ("a", "b", "c", "d")])
def test_four_cells_by_any_name(names):
    effects = effects_of(counts(names, COUNTS), measure="OR")
    a, b, c, d = np.array(COUNTS, float).T
    assert effects.y == pytest.approx(np.log(a * d / (b * c)))
    assert effects.labels == ("row 2", "row 3", "row 4")  # lines of the file, as in messages


@pytest.mark.parametrize(
    "names",
    [
        ("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i"),
        ("mean.e", "sd.e", "n.e", "mean.c", "sd.c", "n.c"),
        ("Mean 1", "SD 1", "Total 1", "Mean 2", "SD 2", "Total 2"),
        ("Experimental Mean", "Experimental SD", "Experimental Total", "Control Mean", "Control SD", "Control Total"),
        ("mean_treatment", "sd_treatment", "n_treatment", "mean_control", "sd_control", "n_control"),
        ("Me", "Se", "Ne", "Mc", "Sc", "Nc"),
        ("meant", "sdt", "nt", "meanc", "sdc", "nc"),
    ],
)
def test_means_by_any_name(names):
    effects = effects_of(counts(names, [(5, 2, 20, 6, 2.5, 25)]), measure="MD")
    assert effects.y == pytest.approx([-1])
    assert effects.v == pytest.approx([4 / 20 + 6.25 / 25])


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("yi", "yi"), ("TE", "yi"), ("seTE", "sei"), ("vi", "vi"), ("std_err", "sei"), ("95% CI lower", "ci_low"),
        ("ci.ub", "ci_high"), ("hr_lower", "ci_low"), ("OR.ub", "ci_high"), ("var_g", "vi"), ("se.logOR", "sei"),
        ("Cohen's d", "d_value"), ("hedges_g", "g_value"), ("x1i", "x1"), ("t2i", "t2"), ("time.e", "t1"),
        ("sd of group 1", "sd1"), ("author", None), ("ablat", None), ("year", None), ("country", None), ("dose", None),
    ],
)  # fmt: skip
def test_roles(name, role):
    found = role_of(name)
    assert (found[0] if found else None) == role


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", 1.5),
        ("−0.3", -0.3),
        ("0,25", 0.25),
        ("1e-3", 0.001),
        (" 7 ", 7.0),
        ("12%", 12.0),
        ("x", None),
        ("inf", None),
    ],
)
def test_numbers(text, value):
    assert number_of(text) == value


def test_a_decimal_comma_and_a_byte_order_mark(tmp_path):
    file = tmp_path / "t.csv"
    file.write_bytes("\ufeffStudie;yi;vi\nä;0,5;0,04\nb;−0,1;0,09\n".encode())
    effects = effects_of(read_studies(file))
    assert effects.y.tolist() == [0.5, -0.1]
    file.write_bytes("study;yi;vi\nMüller;0,5;0,04\n".encode("cp1252"))
    assert read_studies(file).labels == ("Müller",)


def test_ratios_with_intervals_are_logged():
    effects = effects_of(parse("study,OR,ci.lb,ci.ub\na,1.18,0.90,1.54\nb,1.45,1.02,2.08"))
    assert effects.measure.name == "OR"
    assert effects.y == pytest.approx(np.log([1.18, 1.45]))
    assert effects.v[0] == pytest.approx(((math.log(1.54) - math.log(0.90)) / (2 * 1.959964)) ** 2, rel=1e-6)


def test_the_level_of_reported_intervals():
    table = parse("study,OR,lower,upper\na,1.18,0.90,1.54\nb,1.4,1.0,2.0")
    wide, narrow = effects_of(table, level=0.95), effects_of(table, level=0.90)
    assert narrow.v[0] / wide.v[0] == pytest.approx((1.959964 / 1.644854) ** 2, rel=1e-5)


def test_estimates_that_could_be_ratios_are_not_pooled_as_they_are():
    table = parse("study,estimate,ci_low,ci_high\na,0.5,0.3,0.8333\nb,1.2,0.7,2.0571\nc,0.9,0.5,1.62")
    with pytest.raises(DataError, match="log scale"):
        effects_of(table)
    assert effects_of(table, measure="OR").y == pytest.approx(np.log([0.5, 1.2, 0.9]))
    assert effects_of(table, measure="GEN").y.tolist() == [0.5, 1.2, 0.9]


def test_logarithms_of_ratios_are_told_from_ratios():
    logged = parse("study,estimate,ci_low,ci_high\na,0.9,0.5,1.3\nb,1.2,0.2,2.2\nc,0.8,0.1,1.5")
    assert effects_of(logged, measure="OR").y.tolist() == [0.9, 1.2, 0.8]
    negative = parse("study,estimate,se\na,-0.9,0.5\nb,1.2,0.2")
    assert effects_of(negative, measure="OR").y.tolist() == [-0.9, 1.2]
    with pytest.raises(DataError, match="ratio=estimate"):
        effects_of(parse("study,estimate,se\na,0.9,0.5\nb,1.2,0.2"), measure="OR")


def test_every_row_by_what_it_reports():
    text = (
        "study,mean1,sd1,n1,mean2,sd2,n2,t,d,F,p,direction\n"
        "means,5,2,20,6,2,20,,,,,\n"
        "t,,,20,,,22,2.1,,,,\n"
        "d,,,30,,,30,,0.4,,,\n"
        "F,,,15,,,15,,,4.41,,-\n"
        "p,,,15,,,15,,,,0.03,+\n"
        "p without sign,,,15,,,15,,,,0.03,\n"
    )
    effects = effects_of(parse(text), measure="SMD")
    assert effects.labels == ("means", "t", "d", "F", "p")
    assert [d.label for d in effects.dropped] == ["p without sign"]
    assert effects.y[3] < 0 < effects.y[4]
    means = {"m1": 5.0, "sd1": 2.0, "n1": 20.0, "m2": 6.0, "sd2": 2.0, "n2": 20.0}
    smd = MEASURES["SMD"].compute({role: np.array([value]) for role, value in means.items()})
    assert effects.y[0] == pytest.approx(smd[0][0])
    assert any("from t" in note for note in effects.notes)


def test_odds_ratios_and_correlations_join_standardised_differences():
    text = "study,g,se,ai,bi,ci,di,r,n\na,0.5,0.2,,,,,,\nb,,,20,10,12,18,,\nc,,,,,,,0.24,80\n"
    alone = effects_of(parse(text), measure="SMD")
    assert alone.k == 1
    assert any("2 dropped row(s)" in note and "--convert" in note for note in alone.notes)
    effects = effects_of(parse(text), measure="SMD", convert=True)
    assert effects.k == 3
    assert effects.y[1] == pytest.approx(math.log(20 * 18 / 120) * math.sqrt(3) / math.pi)
    assert effects.y[2] == pytest.approx(2 * 0.24 / math.sqrt(1 - 0.24**2))


def test_variances_of_hedges_g():
    table = parse("study,mean1,sd1,n1,mean2,sd2,n2\na,5,2,8,6,2,9\nb,5,2,20,5.5,2.5,18")
    usual, unbiased = effects_of(table, measure="SMD"), effects_of(table, measure="SMD", smd_variance="unbiased")
    assert usual.y.tolist() == unbiased.y.tolist()
    assert np.all(np.abs(usual.v - unbiased.v) > 0)
    assert usual.v == pytest.approx(unbiased.v, rel=0.05)


def test_a_reported_d_or_g_with_its_variance_is_taken_as_it_is():
    for name in ("d", "g", "smd"):
        effects = effects_of(parse(f"study,{name},se\na,0.5,0.2\nb,0.3,0.1"))
        assert effects.measure.name == "SMD"
        assert effects.y.tolist() == [0.5, 0.3]
        assert effects.v == pytest.approx([0.04, 0.01])


def test_standard_errors_of_arms_become_standard_deviations():
    effects = effects_of(parse("study,mean1,se1,n1,mean2,se2,n2\na,5,0.5,16,6,0.5,25"), measure="MD")
    assert effects.v == pytest.approx([0.5**2 + 0.5**2])


def test_zero_cells_are_said():
    text = "study,ai,n1i,ci,n2i\na,0,20,3,20\nb,0,10,0,12\nc,5,40,9,41\n"
    effects = effects_of(parse(text), measure="OR")
    assert effects.k == 3
    assert any("½ added" in note and "a, b" in note for note in effects.notes)
    assert any("both arms" in note and note.endswith(": b") for note in effects.notes)
    dropped = effects_of(parse(text), measure="OR", drop_double_zeros=True)
    assert dropped.labels == ("a", "c")


def test_missing_rows_are_counted_and_said():
    effects = effects_of(parse("study,yi,vi\na,0.1,0.2\nb,NA,0.1\nc,.,\nd,0.3,0.1"))
    assert effects.k == 2
    assert [(d.line, d.label) for d in effects.dropped] == [(3, "b"), (4, "c")]
    assert "yi" in effects.dropped[0].why


def test_labels_are_authors_with_years():
    table = parse("trial,author,year,yi,vi\n1,Aronson,1948,0.1,0.2\n2,Rosenthal,1960,0.1,0.2")
    assert table.labels == ("Aronson, 1948", "Rosenthal, 1960")
    assert parse("id,yi,vi\n7,0.1,0.2").labels == ("study 7",)


def test_moderators_of_every_kind():
    text = "study,yi,vi,dose,kind,group\n" + "\n".join(
        f"s{i},{0.1 * i},0.1,{i},{'sham' if i % 2 else 'open'},{i % 3}" for i in range(9)
    )
    fit = analyse(parse(text), Choices(moderators=("dose", "kind", "factor(group)", "dose:kind"))).fit
    assert fit.coefficients.names == ("intercept", "dose", "kind=sham", "group=1", "group=2", "dose:kind=sham")
    bare = analyse(parse(text), Choices(moderators=("kind",), intercept=False)).fit
    assert bare.coefficients.names == ("kind=open", "kind=sham")
    assert bare.moderators.df1 == 2


def test_effects_without_a_moderator_are_left_out_and_said():
    text = "study,yi,vi,dose\na,0.1,0.1,1\nb,0.2,0.1,NA\nc,0.4,0.1,3\nd,0.3,0.2,4\n"
    analysis = analyse(parse(text), Choices(moderators=("dose",)))
    assert analysis.effects.k == 3
    assert any("moderator: b" in note for note in analysis.notes)


def test_a_random_effect_for_each_effect_is_added_below_a_cluster():
    text = "study,yi,vi\n" + "\n".join(f"{'abcd'[i // 2]},{0.1 * i + 0.2 * (i % 2)},0.02" for i in range(8))
    added = analyse(parse(text), Choices(cluster=("study",)))
    assert [level.name for level in added.multilevel.levels] == ["study", "study/effect"]
    assert any("random effect for each effect" in note for note in added.notes)
    alone = analyse(parse(text), Choices(cluster=("study",), row_level=False))
    assert [level.name for level in alone.multilevel.levels] == ["study"]
    plain = analyse(parse(text), Choices())
    assert any("several rows" in note for note in plain.notes)


LEFT_OPEN = [
    ("study,ai,n1i,ci,n2i\na,1,20,3,20\n", "OR", "OR (log odds ratio) is pooled because no measure was asked for"),
    ("study,mean1,sd1,n1,mean2,sd2,n2\na,1,1,9,2,1,9\n", "MD", "--measure SMD, ROM; a difference of means needs one"),
    ("study,mean1,sd1,n1,mean2,sd2,n2\na,1,1,9,2,4,9\n", "MD", "standard deviations run from 1 to 4"),
    ("study,m1i,m2i,sd1i,sd2i,ri,ni\na,1,2,1,1,0.5,9\n", "MC", "others: --measure SMCC, SMCR"),
    ("study,xi,ni\na,1,20\n", "PLO", "others: --measure PR"),
]


@pytest.mark.parametrize(("text", "name", "words"), LEFT_OPEN)
def test_a_measure_left_open_is_the_usual_one_and_said(text, name, words):
    table = parse(text)
    effects = effects_of(table)
    assert effects.measure.name == name
    assert words in effects.notes[0]
    stated = effects_of(table, measure=name)
    assert (stated.y, stated.v, stated.other_measures) == (effects.y, effects.v, ())
    assert not any("asked for" in note for note in stated.notes)


@pytest.mark.parametrize(
    ("ratios", "name"), [("0.80 0.70 1.10", "HR"), ("0.8 0.7003 1.1", "HR"), ("0.80 0.72 1.10", "GEN")]
)
def test_a_column_of_ratios_names_the_measure_of_its_logarithms(ratios, name):
    rows = zip("abc", ("-0.223", "-0.357", "0.0953"), ratios.split(), strict=True)
    table = parse("study,TE,seTE,HR\n" + "\n".join(f"{label},{te},0.1,{hr}" for label, te, hr in rows))
    assert effects_of(table).measure.name == name


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("study,ai,bi,ci,di\na,1,19,3,17\nb,1,19,3,\n", [40, None]),
        ("study,ai,n1i,ci,n2i\na,1,20,3,22\n", [42]),
        ("study,ri,ni\na,0.3,33\n", [33]),
        ("study,yi,vi,n\na,0.1,0.2,50\nb,0.1,0.2,\n", [50, None]),
        ("study,yi,vi\na,0.1,0.2\n", [None]),
    ],
)
def test_people_of_a_study(text, people):
    table = parse(text)
    assert [None if np.isnan(n) else n for n in people_of(table)] == people


REFUSED = [
    ("study,yi,vi\n", {}, "no rows"),
    ("study,yi,vi\na,0.1,x\n", {}, r"t\.csv row 2, column vi: 'x' is not a number"),
    ("study,yi,vi\na,0.1,-0.2\n", {}, r"row 2, column vi: -0\.2: it has to be above 0"),
    ("study,yi,vi\na,0.1,0.2,0.3\n", {}, "4 fields under 3 columns"),
    ("study,yi,yi\na,0.1,0.2\n", {}, "'yi' is there twice"),
    ("study,estimate,coef,se\na,0.1,0.1,0.2\n", {}, "could both be estimate"),
    ("study,ai,n1i,ci,n2i\na,25,20,3,20\n", {"measure": "OR"}, r"column ai: 25: more events than the 20"),
    ("study,ai,n1i,ci,n2i\na,-1,20,3,20\n", {"measure": "OR"}, "cannot be negative"),
    ("study,r,n\na,1.0,30\n", {}, "column r: 1: a correlation"),
    ("study,r,n\na,0.3,3\n", {}, "needs more than 3"),
    ("study,hr,lower,upper\na,0.9,1.2,0.5\n", {}, "not below the upper bound"),
    ("study,hr,lower,upper\na,2.9,0.5,1.2\n", {}, "outside its interval"),
    ("study,yi,vi\na,0.1,0.2\n", {"measure": "XYZ"}, "'XYZ' is not known"),
    ("study,colour\na,red\n", {}, "give no effect"),
    ("study,mean1,sd1,n1,mean2,sd2,n2\na,1,0,9,2,0,9\n", {"measure": "MD"}, "variance of the effect is 0"),
    ("study,F,n1,n2,direction\na,4,9,9,up\n", {"measure": "SMD"}, r"'up' is no direction; write \+ or -"),
    ("study,yi,vi\na,0.1,0.2\n", {"smd_variance": "x"}, "large-sample or unbiased"),
]


@pytest.mark.parametrize(("text", "choices", "words"), REFUSED, ids=range(len(REFUSED)))
def test_what_cannot_be_is_refused(text, choices, words):
    with pytest.raises(DataError, match=words) as caught:
        effects_of(parse(text), **choices)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"method": "XX"}, "REML"),
        ({"test": "wald"}, "hk"),
        ({"method": "MH"}, "counts of every study"),
        ({"method": "MH", "moderators": ("dose",)}, "no --moderators"),
        ({"moderators": ("nope",)}, "no column 'nope'"),
        ({"moderators": ("one",)}, "one value only"),
        ({"subgroup": "one"}, "one group only"),
        ({"cluster": ("gap",)}, "every effect needs its --cluster"),
        ({"robust": "CR2"}, "--cluster"),
        ({"cluster": ("one", "study")}, "one unit only"),
        ({"rho": 0.5}, "--cluster"),
        ({"rho": 1.5, "cluster": ("study",)}, r"\[0, 1\)"),
        ({"robust": "HC3", "cluster": ("study",)}, "CR2"),
        ({"method": "DL", "cluster": ("study",), "test": "z", "rho": 2.0}, r"\[0, 1\)"),
        ({"prediction_df": "k-3"}, "k-2"),
        ({"reported_level": 0.0}, "0.95"),
        ({"trim_side": "up"}, "left or right"),
    ],
)
def test_choices_that_do_not_fit_are_refused(choices, words):
    text = "study,yi,vi,dose,one,gap\na,0.1,0.1,1,1,x\nb,0.2,0.1,2,1,\nc,0.4,0.1,3,1,y\nd,0.3,0.2,4,1,y\n"
    with pytest.raises(DataError, match=words):
        analyse(parse(text), Choices(**choices))


def test_what_is_not_needed_is_not_held_against_the_table():
    text = "study,yi,vi,cases,events,p\na,0.1,0.2,3,4,0.000\nb,0.2,0.1,5,6,0.03"
    assert effects_of(parse(text)).k == 2
    with pytest.raises(DataError, match="could both be x"):
        effects_of(parse("study,cases,events,n\na,3,4,9\nb,5,6,9"), measure="PR")
    with pytest.raises(DataError, match=r"1\.5: a p-value"):
        effects_of(parse("study,yi,p\na,0.1,1.5\nb,0.2,0.1"))


def test_means_become_odds_ratios():
    """Gibson et al. 2002, first four trials, as metafor's D2ORL (tests/testthat/test_misc_escalc.r)."""
    text = (
        "author,n1i,m1i,sd1i,n2i,m2i,sd2i\nCote,50,2.20,12.73,54,5.20,12.50\nGhosh,140,17.60,24.20,136,34.10,38.80\n"
        "Hayward,23,0.38,0.56,19,0.23,0.29\nHeard,97,2.09,5.93,94,2.66,4.95\n"
    )
    effects = effects_of(parse(text), measure="OR", convert=True)
    assert effects.y == pytest.approx([-0.4315, -0.9285, 0.5932, -0.1890], abs=5.1e-5)
    assert effects.v == pytest.approx([0.1276, 0.0493, 0.3204, 0.0690], abs=5.1e-5)


def test_rows_may_be_chosen():
    table = parse("study,yi,vi,design\na,0.1,0.2,cohort\nb,0.2,0.1,trial\nc,0.3,0.1,trial")
    assert analyse(table, Choices(where=("design=trial",))).effects.labels == ("b", "c")
    with pytest.raises(DataError, match="there are cohort, trial"):
        analyse(table, Choices(where=("design=case",)))
    with pytest.raises(DataError, match="COLUMN=VALUE"):
        analyse(table, Choices(where=("design",)))


def test_columns_may_be_named():
    assert columns_given(["estimate=logor", " sei = s "]) == {"estimate": "logor", "sei": "s"}
    with pytest.raises(DataError, match="ROLE=COLUMN"):
        columns_given(["logor"])
    table = parse("study,effekt,fehler\na,0.3,0.1\nb,0.2,0.1", yi="effekt", sei="fehler")
    assert effects_of(table).y.tolist() == [0.3, 0.2]
    with pytest.raises(DataError, match="no column 'nope'"):
        parse("study,yi\na,1", vi="nope")
    with pytest.raises(DataError, match="not a role"):
        parse("study,yi\na,1", foo="yi")


def test_files_that_are_no_tables(tmp_path):
    with pytest.raises(DataError, match="folder"):
        read_studies(tmp_path)
    binary = tmp_path / "x.csv"
    binary.write_bytes(b"PK\x03\x04\x00\x00")
    with pytest.raises(DataError, match="not a text table"):
        read_studies(binary)


@pytest.mark.parametrize(
    "header",
    [
        "nei,nci,e1i,c1i,e2i,c2i",
        "x.nrt,n.nrt,x.gum,n.gum,x.ctrl,n.ctrl",
        "x.nrt,n.nrt,x.gum,n.gum",
        "events_all,n_all,events_control,n_control,m,s",
        "events_baseline,n_baseline,events_control,n_control,m,s",
        "events_tau,n_tau,events_control,n_control,m,s",
        "events_waitlist,n_waitlist,events_control,n_control,m,s",
    ],
)
def test_arms_that_the_names_leave_open_are_not_guessed(header):
    """Two times (Fine et al. 1993), two treated arms, no control, everyone, a time, two controls."""
    with pytest.raises(DataError):
        effects_of(parse(f"study,{header}\na,20,21,3,5,4,6\nb,30,31,2,4,5,7"), measure="OR")


def test_a_third_arm_is_said_to_be_left_out():
    table = parse("study,r1,n1,r2,n2,r3,n3\na,1,10,2,10,,\nb,3,20,4,20,5,20\nc,2,30,4,31,NA,NA")
    notes = effects_of(table, measure="OR").notes
    assert [note for note in notes if "third arm (r3, n3)" in note and ": b;" in note]
    assert not effects_of(parse("study,r1,n1,r2,n2\na,1,10,2,10"), measure="OR").notes


@pytest.mark.parametrize(
    "header",
    [
        "author,treatment,r,N",
        "author,treatment,stroke,total",
        "author,trt,events,n",
        "author,arm,mean,sd,n",
        "studyc,trtc,r,n",
    ],
)
def test_arms_of_a_network_are_sent_to_the_network_command(header):
    cells = ",".join(["3", "9", "30"][: header.count(",") - 1])
    rows = [f"{author},{arm},{cells}" for author in ("Boyd", "Calverley") for arm in ("drug", "placebo")]
    with pytest.raises(DataError, match=f"arms of studies, as column {header.split(',')[1]} says.*evidence nma"):
        effects_of(parse("\n".join([header, *rows])))


@pytest.mark.parametrize(("names", "told"), [("treat1,treat2", True), ("t1,t2", True), ("x1,t1,x2,t2", False)])
def test_rows_of_different_pairs_of_treatments_are_said(names, told):
    cells = ["1,2", "2,1", "1,3"] if told else ["3,10,4,11", "2,20,1,22", "5,9,6,8"]
    rows = [f"{label},{cell},0.{i},0.2" for i, (label, cell) in enumerate(zip("abc", cells, strict=True), 1)]
    notes = effects_of(parse("\n".join([f"study,{names},yi,vi", *rows]))).notes
    assert [note.startswith("the rows compare 2 different pairs of treatments") for note in notes] == [True] * told
    alike = parse("\n".join(["study,treat1,treat2,yi,vi", "a,A,B,0.1,0.2", "b,A,B,0.3,0.2"]))
    assert not effects_of(alike).notes


def test_one_pair_of_treatments_in_both_directions_is_said():
    (note,) = effects_of(parse("study,treat1,treat2,yi,vi\na,A,B,0.1,0.2\nb,B,A,-0.1,0.2\nc,A,B,0.1,0.2")).notes
    assert note.startswith("1 of 3 rows compare B with A, the others A with B, and")


def test_a_column_whose_name_has_no_latin_letters_is_no_third_arm():
    assert not effects_of(parse("study,备注,ai,n1i,ci,n2i\na,x,1,10,2,10"), measure="OR").notes


def test_arms_without_any_number_are_refused_without_a_warning(recwarn):
    with pytest.raises(DataError, match="no row gives an effect"):
        effects_of(parse("study,treatment,r,n\na,drug,,10\na,sham,,20"))
    assert not recwarn.list


def test_a_cell_too_many_says_what_to_quote():
    with pytest.raises(DataError, match="4 fields under 3 columns; quote text with blanks"):
        parse("study yi vi\nSmith 2001 0.1 0.2")


def test_low_and_high_ci_are_bounds():
    effects = effects_of(parse("study,hr,low_ci,high_ci\na,0.83,0.7,0.99\nb,1.39,1.21,1.61"))
    assert effects.measure.name == "HR"
    assert effects.v[0] ** 0.5 == pytest.approx(math.log(0.99 / 0.7) / 3.92, rel=1e-4)


def test_commas_of_thousands_are_no_decimals():
    rows = 'study,yi,vi,n\na,0.1,0.2,"1,200"\nb,0.2,0.3,"12,345,678"\nc,"0,5",0.1,3\n'
    quoted = parse_studies(rows, source="t.csv")
    assert quoted.numbers("n").tolist() == [1200, 12345678, 3]
    assert quoted.numbers("yi")[2] == 0.5
    other = parse_studies("study;yi;vi;n\na;0,125;0,2;40\n", source="t.csv")
    assert other.numbers("yi")[0] == 0.125


def test_a_row_dropped_for_its_p_value_says_so():
    effects = effects_of(
        parse_studies("study,direction,p,n1,n2\na,+,0.000,20,20\nb,+,0.03,22,22\n", source="t.csv"), measure="SMD"
    )
    assert [(row.label, row.why) for row in effects.dropped] == [
        ("a", "a p of 0 gives no effect; it lies above 0 and at most at 1")
    ]
