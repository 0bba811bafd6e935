"""Tables as they circulate: groups by any words, several numbers in one cell, titles, sums, exports of RevMan."""

import math
from pathlib import Path

import numpy as np
import pytest

from assuage.errors import DataError
from assuage.synthesis.analysis import Choices, analyse
from assuage.synthesis.effects import effects_of
from assuage.synthesis.reading import parse_studies, read_studies

DATA = Path(__file__).parent / "data"
COUNTS = np.array([(4, 123, 11, 139), (6, 306, 29, 303), (62, 13598, 248, 12867)], float)
MEANS = np.array([(5.0, 4.7, 13, 6.5, 3.8, 13), (4.9, 1.71, 30, 6.1, 2.3, 50)], float)


def effects(text, measure=None):
    return effects_of(parse_studies(text, source="t.csv"), measure=measure)


def table(names, rows):
    return "\n".join(
        [" ".join(("study", *names)), *(" ".join([f"s{i}", *map(str, row)]) for i, row in enumerate(rows))]
    )


def log_odds(rows):
    a, n1, c, n2 = np.asarray(rows, float).T
    return np.log(a / (n1 - a) / (c / (n2 - c)))


@pytest.mark.parametrize(
    "names",
    [
        ("d.asp", "n.asp", "d.plac", "n.plac"),
        ("event.cisa", "n.cisa", "event.plac", "n.plac"),
        ("Ee", "Ne", "Ec", "Nc"),
        ("succ.e", "nobs.e", "succ.c", "nobs.c"),
        ("tcases", "ttotal", "ccases", "ctotal"),
        ("deaths1", "pop1", "deaths0", "pop0"),
        ("e1", "n1", "e2", "n2"),
        ("rT", "nT", "rC", "nC"),
        ("eventTreat", "nTreat", "eventCtrl", "nCtrl"),
        ("evacc", "nvacc", "ectrl", "nctrl"),
        ("events.smokers", "n.smokers", "events.nonsmokers", "n.nonsmokers"),
        ("x.a", "n.a", "x.p", "n.p"),
        ("new_arm_event", "new_arm_total", "control_arm_event", "control_arm_total"),
    ],
)
@pytest.mark.parametrize("is_turned", [False, True])
def test_counts_of_two_groups_under_any_words(names, is_turned):
    rows = COUNTS[:, [2, 3, 0, 1]] if is_turned else COUNTS
    names = names[2:] + names[:2] if is_turned else names
    assert effects(table(names, rows), "OR").y == pytest.approx(log_odds(COUNTS))


@pytest.mark.parametrize(
    "names", [("nstreat", "nftreat", "nscontrol", "nfcontrol"), ("tcases", "tnoncases", "ccases", "cnoncases")]
)
def test_events_and_non_events_of_two_groups_under_any_words(names):
    a, n1, c, n2 = COUNTS.T
    assert effects(table(names, np.c_[a, n1 - a, c, n2 - c]), "OR").y == pytest.approx(log_odds(COUNTS))


@pytest.mark.parametrize(
    "names",
    [
        ("mean.psyc", "sd.psyc", "n.psyc", "mean.cont", "sd.cont", "n.cont"),
        ("meanExp", "sdExp", "nExp", "meanCtrl", "sdCtrl", "nCtrl"),
        ("x1", "s1", "n1", "x2", "s2", "n2"),
        ("xt", "st", "nt", "xc", "sc", "nc"),
        ("Y1", "S1", "N1", "Y2", "S2", "N2"),
    ],
)
def test_means_of_two_groups_under_any_words(names):
    found = effects(table(names, MEANS))
    assert found.measure.name == "MD"
    assert found.y == pytest.approx([-1.5, -1.2])
    assert found.v[0] == pytest.approx(4.7**2 / 13 + 3.8**2 / 13)


def test_a_variance_beside_a_mean_is_that_of_the_people():
    rows = MEANS.copy()
    rows[:, [1, 4]] **= 2
    names = ("mean.amlo", "var.amlo", "n.amlo", "mean.plac", "var.plac", "n.plac")
    assert effects(table(names, rows)).v[0] == pytest.approx(4.7**2 / 13 + 3.8**2 / 13)


def test_two_groups_of_which_either_could_be_the_first_are_asked_for():
    text = table(("mean.amb", "sd.amb", "n.amb", "mean.elev", "sd.elev", "n.elev"), MEANS)
    with pytest.raises(DataError, match=r"amb and elev, .*--columns m1=mean\.amb,m2=mean\.elev,sd1=sd\.amb"):
        effects(text)
    with pytest.raises(DataError, match="amb and elev"):
        effects(text, "SMD")


def test_two_columns_of_one_number_of_a_group_are_asked_for():
    text = "study,resp.vort,deaths.vort,n.vort,resp.plac,deaths.plac,n.plac\na,4,1,20,5,2,19"
    with pytest.raises(
        DataError, match=r"columns resp\.vort and deaths\.vort for one number: --columns a=resp\.vort,c=resp"
    ):
        effects(text, "OR")
    named = dict(a="deaths.vort", c="deaths.plac", n1="n.vort", n2="n.plac")
    assert effects_of(parse_studies(text, source="t.csv", given=named)).y == pytest.approx(log_odds([(1, 20, 2, 19)]))


def test_a_superscript_is_no_number():
    with pytest.raises(DataError, match="give no effect"):
        effects("study,n,N\na,²,50")


@pytest.mark.parametrize("names", ["event.e time.e event.c time.c", "d.smokers py.smokers d.nonsmokers py.nonsmokers"])
def test_rates_of_two_groups(names):
    found = effects(f"study {names}\na 10 1000 20 1100")
    assert found.measure.name == "IRR"
    assert found.y[0] == pytest.approx(math.log(10 / 1000 / (20 / 1100)))


def test_treatments_named_t1_and_t2_are_no_times():
    assert effects(table(("t1", "t2", "r1", "n1", "r2", "n2"), [("A", "B", *COUNTS[0])]), "OR").k == 1


def test_the_spread_named_after_its_effect_goes_first():
    text = "study,VD,ln_OR,v_ln_OR\na,4,-0.9,0.36\nb,6,-1.7,0.21"
    assert effects(text).v == pytest.approx([0.36, 0.21])
    assert effects("study,b,se_b\na,0.1,0.2").v == pytest.approx([0.04])
    assert effects("study,logor,varlogor,se\na,0.1,0.2,9").v == pytest.approx([0.2])


@pytest.mark.parametrize("name", ["ES", "effect", "_ES", "estimate"])
def test_effects_with_the_intervals_of_ratios_are_asked_for(name):
    text = f"study,{name},lower,upper\na,0.39,0.12,1.26\nb,0.19,0.08,0.46\nc,0.25,0.07,0.91"
    with pytest.raises(DataError, match="symmetric on the log scale"):
        effects(text)
    assert effects(text, "OR").y == pytest.approx(np.log([0.39, 0.19, 0.25]))


def test_ratios_under_a_vague_name_keep_the_error_of_their_logarithm_out():
    text = "study,_ES,_seES,_LCI,_UCI\na,0.39,0.6,0.12,1.26\nb,0.19,0.45,0.08,0.46"
    assert effects(text, "RR").y == pytest.approx(np.log([0.39, 0.19]))


@pytest.mark.parametrize(
    "label",
    [
        "Total", "Total (95% CI)", "Overall", "Pooled estimate", "Subtotal", "RE Model", "Sub total", "Total:",
        '"Subtotal (I-squared = 17.4%, p = 0.297)"', "Total events", '"Total (fixed effect, 95% CI)"', "D+L pooled ES",
        "RE Model for All Studies", "Random effects model (HK)", "Test for overall effect: Z = 2", "Summary effect",
    ],
)  # fmt: skip
def test_a_sum_among_the_studies_is_refused(label):
    with pytest.raises(DataError, match=r"row 4 \(.*\) reads as a sum of the other rows; take it out"):
        effects(f"study,yi,vi\na,0.1,0.2\nb,0.3,0.2\n{label},0.2,0.1")


@pytest.mark.parametrize(
    ("head", "cells"),
    [
        ("OR,95% CI", "0.39,0.12-1.26"), ("OR,CI", '0.39,"[0.12, 1.26]"'), ("OR (95% CI)", "0.39 (0.12 to 1.26)"),
        ("OR [95% CI]", '"0.39 [0.12, 1.26]"'), ("OR,95% confidence interval", "0.39,0.12 – 1.26"),
    ],
)  # fmt: skip
def test_an_interval_in_one_cell(head, cells):
    found = effects(f"study,{head}\na,{cells}")
    assert found.y[0] == pytest.approx(math.log(0.39))
    assert found.v[0] ** 0.5 == pytest.approx(math.log(1.26 / 0.12) / 3.919928)


def test_negative_bounds_in_one_cell():
    found = effects("study;MD;95% CI\na;-1,2;-2,4 to -0,1\nb;0,5;-0,5 – 1,5")
    assert found.v**0.5 == pytest.approx([2.3 / 3.919928, 2.0 / 3.919928])


def test_an_interval_of_another_level_is_left_alone():
    with pytest.raises(DataError, match="no row gives an effect"):
        effects("study,OR,90% CI\na,0.39,0.12-1.26")


@pytest.mark.parametrize(
    "text",
    [
        "study,Vaccine n/N,Control n/N\na,4/123,11/139",
        "study,Vaccine (n/N),Control (n/N)\na,4/123 (3.3%),11/139 (7.9%)",
        "study,treatment n,treatment N,control n,control N\na,4,123,11,139",
        "study,n1,N1,n2,N2\na,4,123,11,139",
        "study,Treatment events,Control events\na,4/123,11/139",
    ],
)
def test_events_of_people_in_one_cell_or_as_n_and_N(text):
    assert effects(text, "OR").y == pytest.approx(log_odds(COUNTS[:1]))


def test_n_beside_other_events_is_no_event():
    found = effects("study,ai,n1i,ci,n2i,n,N\na,4,123,11,139,123,500", "OR")
    assert found.y == pytest.approx(log_odds(COUNTS[:1]))
    with pytest.raises(DataError, match="'n' and 'N' could both be n"):
        effects("study,r,n,N\na,0.3,50,100")


def test_mean_and_deviation_in_one_cell():
    found = effects("study,Exp mean (SD),Exp n,Control mean ± SD,Control n\na,5.0 (4.7),13,6.5 ± 3.8,13")
    assert (found.y[0], found.v[0]) == pytest.approx((-1.5, (4.7**2 + 3.8**2) / 13))


def test_a_title_row_numbers_and_commas_of_thousands():
    plain = effects(table(("events1", "n1", "events2", "n2"), COUNTS.astype(int)), "OR").y
    rows = [f"s{i};{a};{n1:,};{c};{n2:,}" for i, (a, n1, c, n2) in enumerate(COUNTS.astype(int))]
    head = "study;events1;n1;events2;n2"
    assert effects("\n".join(["BCG vaccine;;;;", head, *rows]), "OR").y == pytest.approx(plain)
    numbered = [f"{i + 1};{row}" for i, row in enumerate(rows)]
    assert effects("\n".join([head, *numbered]), "OR").labels == ("s0", "s1", "s2")
    decimal = effects("study;mean1;sd1;n1;mean2;sd2;n2\na;1,234;0,5;10;2,345;0,5;12")
    assert decimal.y == pytest.approx([-1.111])


@pytest.mark.parametrize("text", ["study,mean,se,n\na,3.2,0.5,12", "study,prevalence,se\na,3.2,0.5"])
def test_means_and_prevalences_with_a_standard_error_are_pooled_as_they_are(text):
    found = effects(text)
    assert (found.y[0], found.v[0]) == (3.2, 0.25)


def test_a_prevalence_beside_its_counts_is_not_the_effect():
    assert effects("study,cases,n,prevalence,lower,upper\na,4,123,0.03,0.01,0.08").measure.name == "PLO"


def test_two_rows_a_study_under_group_are_arms():
    with pytest.raises(DataError, match="arms of studies, as column group says"):
        effects("study,group,events,total\na,BCG,4,123\na,control,11,139\nb,BCG,6,306\nb,control,29,303")


def test_a_group_of_people_is_no_arm():
    text = "study,group,events,total\na,juveniles,4,123\na,juveniles,11,139\nb,adults,6,306"
    assert effects(text).measure.name == "PLO"


def test_known_groups_that_do_not_give_the_measure_are_not_asked_for():
    with pytest.raises(DataError, match="no row gives an effect of measure ZCOR"):
        effects(table(("n1i", "m1i", "sd1i", "n2i", "m2i", "sd2i"), MEANS), "ZCOR")


ASPIRIN = [(49, 615, 67, 624), (44, 758, 64, 771), (102, 832, 126, 850), (32, 317, 38, 309), (85, 810, 52, 406),
           (246, 2267, 219, 2257), (1570, 8587, 1720, 8600)]  # fmt: skip
"""Fleiss 1993, doi:10.1177/096228029300200202, as the data set Fleiss1993bin of the R package meta has it."""


@pytest.mark.parametrize(
    "head",
    [",Vaccine,,Control,\nstudy,events,total,events,total", "Study,Vaccine,,Control,\n,events,total,events,total"],
)
def test_a_header_of_two_lines(head):
    rows = "\n".join(f"s{i},{a},{n1},{c},{n2}" for i, (a, n1, c, n2) in enumerate(COUNTS.astype(int)))
    found = effects(f"{head}\n{rows}", "OR")
    assert found.y == pytest.approx(log_odds(COUNTS))
    assert found.labels == ("s0", "s1", "s2")
    assert effects(",yi,vi\na,NA,NA\nb,0.1,0.2").k == 1


def test_an_estimate_outside_the_middle_of_its_interval_is_said():
    notes = effects("study,OR,lower,upper\na,0.39,0.12,1.26\nb,0.19,0.08,4.6\nc,0.5,0.3,0.83").notes
    assert "not in the middle of the interval that the table states, check the numbers: b" in notes
    assert not any("middle" in note for note in effects("study,md,lower,upper\na,0.5,0.1,0.9").notes)
    ratios = effects("study,estimate,lower,upper\na,2.5,0.8,7.8\nb,3,1,9\nc,1.9,0.5,7.2", "OR")
    assert ratios.notes == ("3 effect(s) from estimate and interval",)


def test_studies_named_like_a_sum_are_studies():
    assert effects("study,yi,vi\nTOTAL 2015,0.1,0.2\nTotal knee (Smith),0.3,0.2").k == 2


def test_intervals_that_do_not_fit_the_standard_errors_are_said():
    rows = "".join(
        f"\n{name},{y},{e},{y - 1.6449 * e},{y + 1.6449 * e}" for name, y, e in (("a", 1, 0.2), ("b", 2, 0.4))
    )
    notes = effects(f"study,md,se,lower,upper{rows}").notes
    assert any(note.startswith("the stated intervals are 0.84 times as wide") for note in notes)
    fitting = effects_of(parse_studies(f"study,md,se,lower,upper{rows}", source="t.csv"), level=0.9)
    assert not any("as wide" in note for note in fitting.notes)


def test_a_percentage_is_no_count():
    with pytest.raises(DataError, match="column events1: '4%' is a percentage; write the number of people"):
        effects("study,events1,n1,events2,n2\na,4%,123,11%,139", "OR")


def test_commas_of_a_column_that_has_decimal_ones_are_decimal():
    found = effects('study,yi,vi,n\na,"1,250","0,2","1,250"\nb,"0,3","0,1",300')
    assert found.y == pytest.approx([1.25, 0.3])


def test_decimal_commas_of_one_column_make_those_of_another_decimal():
    found = effects('study,OR,se\na,"1,234","0,123"\nb,"2,345","0,2"')
    assert found.y == pytest.approx(np.log([1.234, 2.345]))
    found = parse_studies('study,yi,vi,n\na,"0,2","0,1","1,140.5"\nb,"0,3","0,1","2,140"', source="t.csv")
    assert found.numbers("n").tolist() == [1140.5, 2140]


def test_a_header_of_blanks_above_decimal_commas_is_no_title():
    found = effects("study yi vi\na 0,12 0,03\nb 0,22 0,04")
    assert (found.y.tolist(), found.labels) == ([0.12, 0.22], ("a", "b"))


@pytest.mark.parametrize(
    ("name", "cells"), [("age (range)", ("35 (18-65)", "40 (20-60)")), ("median [IQR]", ("12 [8, 24]", "9 [4, 12]"))]
)
def test_a_range_beside_an_effect_is_no_interval(name, cells):
    a, b = (f'"{cell}"' for cell in cells)
    assert set(effects(f"study,{name},logOR,p\na,{a},0.5,0.03\nb,{b},0.3,0.2").way) == {"from estimate and p"}
    found = effects(f"study,{name},OR (95% CI)\na,{a},0.39 (0.12 to 1.26)\nb,{b},0.5 (0.3 to 0.83)")
    assert found.y == pytest.approx(np.log([0.39, 0.5]))


def test_the_error_beside_a_ratio_is_said_to_be_that_of_its_logarithm():
    assert "1 effect(s) from ratio and standard error of its logarithm" in effects("study,HR,se\na,0.8,0.1").notes


def test_aspirin_trials_as_the_package_meta_prints_them():
    """Printout of meta 8.5-0 (metabin, OR, method.tau REML and DL, metabias Egger) in a course on health statistics."""
    found = analyse(
        parse_studies(table(("d.asp", "n.asp", "d.plac", "n.plac"), ASPIRIN), source="t.csv"), Choices(measure="OR")
    )
    reml, dl = found.by_method["REML"], found.by_method["DL"]
    assert rounded(reml) == [0.8683, 0.7559, 0.9973, 0.0457, 0.0147]
    assert rounded(dl) == [0.8763, 0.7743, 0.9917, 0.0365, 0.0096]
    spread = dl.heterogeneity
    assert [round(x, 2) for x in (spread.q.statistic, spread.h2**0.5)] == [9.95, 1.29]
    assert round(spread.q.p_value, 4) == 0.1269
    assert round(found.small_study.egger_classical.coefficients.p_value[1], 4) == 0.3992


def rounded(fit):
    line = fit.coefficients
    ratios = np.exp([line.estimate[0], line.ci_low[0], line.ci_high[0]])
    return [round(float(x), 4) for x in (*ratios, line.p_value[0], fit.tau2)]


def revman(outcome, **choices):
    choices = Choices(where=("Comparison Number=1", f"Outcome Number={outcome}"), **choices)
    return analyse(read_studies(DATA / "fleiss1993_revman.csv"), choices)


def test_an_export_of_revman_is_pooled_one_analysis_at_a_time():
    with pytest.raises(DataError, match=r'2 analyses .*--where "Comparison Number=1" --where "Outcome Number=1"'):
        analyse(read_studies(DATA / "fleiss1993_revman.csv"), Choices())
    odds = revman(1, method="MH")
    assert odds.effects.k == 7
    assert odds.effects.measure.name == "OR"
    pooled = odds.counted_result
    found = np.exp([pooled.estimate, pooled.ci_low, pooled.ci_high])
    assert found == pytest.approx([0.89686556, 0.8405144, 0.95699471], abs=1e-8)
    means = revman(2, method="EE")
    pooled = means.fit.coefficients
    assert means.effects.measure.name == "MD"
    found = [pooled.estimate[0], pooled.ci_low[0], pooled.ci_high[0], means.fit.heterogeneity.q.statistic]
    assert found == pytest.approx([-0.70938839, -1.25848502, -0.16029176, 5.66012379], abs=1e-7)


def test_headings_of_subgroups_of_revman_are_left_out_and_said():
    names = "Comparison Number,Outcome Number,Subgroup Number,Name,Effect Measure,Events 1,Total 1,Events 2,Total 2"
    lines = ["1,1,0,deaths,RR,11,40,15,40,", "1,1,1,adults,,11,40,15,40,", "1,1,1,one,,5,20,8,20,2001",
             "1,1,1,two,,6,20,7,20,2002"]  # fmt: skip
    found = analyse(parse_studies("\n".join([f"{names},Year of study", *lines]), source="t.csv"), Choices())
    assert (found.effects.k, found.effects.measure.name) == (2, "RR")
    assert any("headings of subgroups: adults" in note for note in found.notes)


@pytest.mark.parametrize(
    ("column", "cell"),
    [("Participants age", "12-18"), ("Specific age", "14 to 17"), ("Age, median (range)", "35 (18-65)")],
)
def test_spans_of_other_things_are_no_intervals(column, cell):
    found = parse_studies(f"study;{column};OR;se\na;{cell};15;0.3\nb;{cell};16;0.4\n", source="t.csv")
    assert not {"ci_low", "ci_high"} & found.roles.keys()
    assert effects_of(found).v == pytest.approx([0.09, 0.16])


def test_ci_within_a_word_is_no_interval():
    found = effects("study;Incidence rate ratio (95% CI)\na;0.41 (0.13 to 1.26)\nb;0.8 (0.5 to 1.3)\n")
    assert found.measure.name == "IRR"
    assert found.y == pytest.approx(np.log([0.41, 0.8]))


def test_a_minus_behind_a_blank_is_a_sign():
    with pytest.raises(DataError, match="give no effect"):
        effects("study;MD (95% CI)\na;-0.3 (-0.5 -0.1)\nb;-0.2 (-0.6 -0.1)\n")
    v = effects("study;MD (95% CI)\na;-0.3 (-0.5 - -0.1)\nb;-0.2 (-0.3--0.1)\n").v
    assert np.sqrt(v) == pytest.approx(np.array([0.2, 0.1]) / 1.959964, rel=1e-6)


@pytest.mark.parametrize(
    "label",
    [
        "D+L pooled ES",
        "Test for overall effect: Z = 2",
        "Sub total",
        "Total events",
        "Total (n = 2)",
        "Total:",
        "Subtotal women",
        "Random effects model (REML)",
        "RE Model (Q = 3)",
        "Summary effect",
    ],
)
def test_sums_are_refused_whatever_stands_behind_their_name(label):
    with pytest.raises(DataError, match="reads as a sum"):
        effects(f"study,yi,vi\na,0.1,0.01\nb,0.2,0.01\n{label},0.15,0.005\n")
    assert effects("study,yi,vi\nTOTAL 2015,0.1,0.01\nb,0.2,0.01\n").k == 2


def test_bounds_of_ratios_beside_their_logarithms_are_no_slip():
    rows = [(0.6, 0.6), (0.7, 0.6), (0.5, 0.6)]
    cells = [f"s{i},{y},{s},{math.exp(y - 1.96 * s):.2f},{math.exp(y + 1.96 * s):.2f}" for i, (y, s) in enumerate(rows)]
    found = effects("\n".join(["study,logor,se,ci_lb,ci_ub", *cells]))
    assert found.measure.name == "OR"
    assert not found.notes


@pytest.mark.parametrize(("said", "name"), [("Peto Odds Ratio", "PETO"), ("Risk Ratio", "RR"), ("Gamma", "OR")])
def test_the_measure_of_an_export_of_revman_is_read_in_words(said, name):
    names = "Comparison Number,Outcome Number,Subgroup Number,Name,Effect Measure,Events 1,Total 1,Events 2,Total 2"
    lines = [f"1,1,0,deaths,{said},11,40,15,40,", "1,1,0,one,,5,20,8,20,2001", "1,1,0,two,,6,20,7,20,2002"]
    found = analyse(parse_studies("\n".join([f"{names},Year of study", *lines]), source="t.csv"), Choices())
    assert found.effects.measure.name == name
    assert any("'Gamma', which is not known" in note for note in found.notes) == (said == "Gamma")


def test_of_two_effects_with_intervals_none_is_taken_silently():
    text = (
        "study;OR (95% CI);RR (95% CI)\na;0.41 (0.13 to 1.26);0.5 (0.2 to 1.4)\nb;0.8 (0.5 to 1.3);0.9 (0.5 to 1.5)\n"
    )
    with pytest.raises(DataError, match="'OR' and 'RR' could both be ratio"):
        effects(text)
    found = effects_of(parse_studies(text, source="t.csv", given={"ratio": "RR"}))
    assert found.measure.name == "RR"
    assert found.y == pytest.approx(np.log([0.5, 0.9]))
    assert np.sqrt(found.v) == pytest.approx(np.log([7, 3]) / (2 * 1.959964), rel=1e-6)


def test_a_column_cut_out_of_a_cell_can_be_named():
    text = "study;Estimate (95% CI)\na;1.2 (0.7 to 1.7)\nb;1.1 (0.8 to 1.4)\n"
    found = effects_of(parse_studies(text, source="t.csv", given={"yi": "Estimate"}), measure="OR")
    assert found.y == pytest.approx([1.2, 1.1])
