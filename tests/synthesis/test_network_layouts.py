"""Tables of networks as they circulate: what is clear is read, what could be read in two ways is asked for."""

import math

import pytest
from network_cases import write_table
from test_network_tables import COUNTS, effects, text

from assuage.errors import DataError
from assuage.synthesis.network_tables import read_network


@pytest.fixture
def expected(tmp_path):
    return effects(write_table(tmp_path / "long.csv", ["study", "treatment", "events", "n"], COUNTS))


def lines(tmp_path, head, rows):
    return text(tmp_path, "\n".join([head, *rows]))


@pytest.mark.parametrize(
    "names",
    [
        [f"{stem}{letter}" for letter in "ABC" for stem in ("treat", "r", "n")],
        [f"arm{i}_{stem}" for i in (1, 2, 3) for stem in ("treat", "event", "n")],
        [f"{i}.{stem}" for i in (1, 2, 3) for stem in ("treat", "r", "n")],
        [f"{stem}_arm{i}" for i in (1, 2, 3) for stem in ("treatment", "events", "total")],
        [f"{stem}{i}" for i in (1, 2, 3) for stem in ("Drug", "Resp", "Tot")],
    ],
)
def test_wide_arms_in_letters_and_with_the_arm_in_front(tmp_path, expected, names):
    rows = [("one", "A", 10, 100, "B", 20, 100, "", "", ""), ("two", "B", 15, 80, "C", 30, 90, "", "", ""),
            ("three", "A", 5, 50, "B", 9, 60, "C", 12, 55)]  # fmt: skip
    assert effects(write_table(tmp_path / "t.csv", ["study", *names], rows)) == pytest.approx(expected)


def test_lettered_columns_of_treatments_are_no_treatments(tmp_path):
    rows = ["one,X,10,100,Y,20,100", "two,Y,15,80,Z,30,90", "three,X,5,50,Z,9,60"]
    network = read_network(lines(tmp_path, "study,treatA,rA,nA,treatB,rB,nB", rows))
    assert network.treatments == ("X", "Y", "Z")


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("study,treatment,event,noevent", lambda s, t, r, n: f"{s},{t},{r},{n - r}"),
        ("study,treatment,n,N", lambda s, t, r, n: f"{s},{t},{r},{n}"),
        ("study,treatment,events/n", lambda s, t, r, n: f"{s},{t},{r}/{n}"),
        ('study,treatment,"n/N (%)"', lambda s, t, r, n: f"{s},{t},{r}/{n} ({100 * r / n:.1f}%)"),
        (
            "study,arm,drug,r,n",
            lambda s, t, r, n: f"{s},{'BAC'.index(t) if s == 'one' else 'CBA'.index(t)},{t},{r},{n}",
        ),
        ("study,arm,treatment,r,n", lambda s, t, r, n: f"{s},x{'BAC'.index(t) % 2},{t},{r},{n}"),
    ],
)
def test_arms_in_other_words(tmp_path, expected, head, row):
    assert effects(lines(tmp_path, head, [row(*arm) for arm in COUNTS])) == pytest.approx(expected)


def test_a_title_empty_rows_and_commas_of_thousands(tmp_path):
    rows = [f'{s},{t},{r},"{n + 1000:,}"' for s, t, r, n in COUNTS]
    plain = effects(lines(tmp_path, "study,treatment,r,n", [f"{s},{t},{r},{n + 1000}" for s, t, r, n in COUNTS]))
    spread = ["Trials of three drugs,,,", "study,treatment,r,n", *rows, ",,,", ",,,"]
    assert effects(text(tmp_path, "\n".join(spread))) == pytest.approx(plain)
    semicolons = [f"{s};{t};{r};{n + 1000:,}" for s, t, r, n in COUNTS]
    semicolons[0] = "one;A;10;1100"
    assert effects(lines(tmp_path, "study;treatment;r;n", semicolons)) == pytest.approx(plain)


def test_two_trials_of_one_author_are_told_apart_by_their_years(tmp_path):
    rows = ["Moon,1990,A,10,100", "Moon,1990,B,20,100", "Moon,1991,B,15,80", "Moon,1991,C,30,90", "Lee,1995,A,9,90",
            "Lee,1995,C,20,90"]  # fmt: skip
    network = read_network(lines(tmp_path, "author,year,treatment,r,n", rows))
    assert [study.name for study in network.studies] == ["Moon, 1990", "Moon, 1991", "Lee, 1995"]


def test_two_columns_that_could_be_the_treatments_or_the_events_are_asked_for(tmp_path):
    rows = [f"{s},{t},{'x' if t == 'A' else 'y'},{r},{n}" for s, t, r, n in COUNTS]
    with pytest.raises(DataError, match=r"intervention and drug could both hold the treatments; .*treatment=drug"):
        read_network(lines(tmp_path, "study,intervention,drug,r,n", rows))
    rows = [f"{s},{t},{r},{r // 2 + (s == 'two')},{n}" for s, t, r, n in COUNTS]
    path = lines(tmp_path, "study,treatment,death,stroke,n", rows)
    with pytest.raises(DataError, match=r"death and stroke could both hold the events; .*--columns events=stroke"):
        read_network(path)
    assert read_network(path, columns={"events": "death"}).columns["events"] == "death"


@pytest.mark.parametrize(
    ("head", "spread"),
    [
        ("study,treatment,mean,sd,n", lambda n: f"2,{n}"),
        ("study,treatment,mean,var,n", lambda n: f"4,{n}"),
        ("study,treatment,mean,lower,upper", None),
    ],
)
def test_means_with_their_spread_in_other_words(tmp_path, head, spread):
    rows = []
    for study, treatment, mean, n in COUNTS:
        half = 1.959964 * 2 / math.sqrt(n)
        rows.append(f"{study},{treatment},{mean},{spread(n) if spread else f'{mean - half},{mean + half}'}")
    found = read_network(lines(tmp_path, head, rows)).studies[0]
    assert found.effects[0] == -10
    assert found.variances[0] == pytest.approx(4 / 100 + 4 / 100)


def test_a_mean_outside_the_middle_of_its_interval_is_refused(tmp_path):
    rows = [f"{s},{t},{r},{r - 1},{r + 9}" for s, t, r, _ in COUNTS]
    with pytest.raises(DataError, match="10 is not the middle of its interval 9 to 19; give sd or se"):
        read_network(lines(tmp_path, "study,treatment,mean,lower,upper", rows))


CONTRASTS = [("one", "A", "B", -0.8, 0.4), ("two", "B", "C", -0.6, 0.3), ("three", "A", "C", -1.1, 0.5)]


@pytest.mark.parametrize(
    ("head", "row"),
    [
        ("study,treat,ref,logOR,se", lambda s, a, b, y, e: f"{s},{a},{b},{y},{e}"),
        ("study,baseline,treatment,logOR,se", lambda s, a, b, y, e: f"{s},{b},{a},{y},{e}"),
        ("study,comparison,logOR,se", lambda s, a, b, y, e: f"{s},{a} vs {b},{y},{e}"),
        ("study,comparison,logOR,se", lambda s, a, b, y, e: f"{s},{a} versus {b},{y},{e}"),
        ("study,comparison,logOR,se", lambda s, a, b, y, e: f"{s},{a}:{b},{y},{e}"),
        ("study,t1,t2,logOR,logOR_se", lambda s, a, b, y, e: f"{s},{a},{b},{y},{e}"),
        ("study,t1,t2,OR,OR_lower,OR_upper", lambda s, a, b, y, e: f"{s},{a},{b},{ratios(y, e)}"),
        ("study,t1,t2,OR,95% CI", lambda s, a, b, y, e: f"{s},{a},{b},{ratios(y, e, ' to ')}"),
        ("study,t1,t2,effect,lower,upper", lambda s, a, b, y, e: f"{s},{a},{b},{ratios(y, e)}"),
    ],
)
def test_contrasts_in_other_words(tmp_path, head, row):
    network = read_network(lines(tmp_path, head, [row(*c) for c in CONTRASTS]), measure="OR")
    assert [study.treatments for study in network.studies] == [("A", "B"), ("B", "C"), ("A", "C")]
    assert [study.effects[0] for study in network.studies] == pytest.approx([-0.8, -0.6, -1.1])
    assert [study.variances[0] for study in network.studies] == pytest.approx([0.16, 0.09, 0.25], rel=1e-4)


def ratios(y, e, between=","):
    low, high = math.exp(y - 1.959964 * e), math.exp(y + 1.959964 * e)
    return f"{math.exp(y):.8f},{low:.8f}{between}{high:.8f}"


def test_a_standard_error_does_not_hide_that_effects_are_ratios(tmp_path):
    rows = [f"{s},{a},{b},{ratios(y, e)},{e}" for s, a, b, y, e in CONTRASTS]
    path = lines(tmp_path, "study,treat1,treat2,effect,lower,upper,se", rows)
    with pytest.raises(DataError, match=r"is column effect a ratio\? Then write --measure OR"):
        read_network(path)
    assert read_network(path, measure="OR").studies[0].effects[0] == pytest.approx(-0.8)


def test_contrasts_without_an_effect_are_left_out_and_said(tmp_path):
    rows = [f"{s},{a},{b},{y},{e}" for s, a, b, y, e in CONTRASTS] + [
        "three,A,B,NA,NA",
        "three,B,C,,",
        "four,A,B,NA,NA",
    ]
    network = read_network(lines(tmp_path, "studlab,treat1,treat2,TE,seTE", rows))
    assert network.excluded == (("four", "no contrast with an effect"),)
    assert "arms without a contrast that has an effect left out of: three" in network.notes
    assert network.studies[2].treatments == ("A", "C")


def test_contrasts_without_a_study_say_what_to_add(tmp_path):
    rows = [f"{a},{b},{y},{e}" for _, a, b, y, e in CONTRASTS]
    with pytest.raises(DataError, match=r"needs a column study, .*; add it, with a name of its own in every row"):
        read_network(lines(tmp_path, "treat1,treat2,TE,seTE", rows))


def test_a_sum_below_a_network_is_no_study(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("study,treat1,treat2,TE,seTE\n1,A,B,0.5,0.3\n2,A,B,0.6,0.3\nTotal (95% CI),A,B,0.55,0.2\n")
    with pytest.raises(DataError, match="reads as a sum"):
        read_network(path)


@pytest.mark.parametrize("label", ["Total", "Overall (I-squared = 12%)", "Total (95% CI)"])
def test_a_sum_among_the_studies_of_a_network_is_refused(tmp_path, label):
    rows = [f"{s},{t},{r},{n}" for s, t, r, n in COUNTS] + [f"{label},{t},30,200" for t in "ABC"]
    with pytest.raises(DataError, match=rf"row {len(COUNTS) + 2} .* reads as a sum of the other rows; take it out"):
        read_network(lines(tmp_path, "study,treatment,events,n", rows))


def test_a_percentage_of_a_network_is_no_count(tmp_path):
    rows = [f"{s},{t},{r}%,{n}" for s, t, r, n in COUNTS]
    with pytest.raises(DataError, match=r"row 2, .* in column events is a percentage; write the number of people"):
        read_network(lines(tmp_path, "study,treatment,events,n", rows))


@pytest.mark.parametrize(
    ("head", "rows", "words"),
    [
        ("study,treatment,or,se", ("1,A,,", "1,B,1.5,0.3"), "is se the standard error of the ratio or or of its log"),
        ("study,treatment,or,var", ("1,A,,", "1,B,1.5,0.3"), "is var the variance .* Write the logarithms in a column"),
        ("study,treat1,treat2,or,var", ("1,A,B,1.5,0.3",), "is var the variance .*, or give lower and upper"),
        ("study,treatment,or,selogor", ("1,A,,", "1,B,-1.5,0.3"), "row 3, study 1: a ratio of -1.5 in column or"),
    ],
)
def test_the_spread_beside_a_ratio_is_asked_for(tmp_path, head, rows, words):
    with pytest.raises(DataError, match=words):
        read_network(lines(tmp_path, head, rows))


def test_the_error_of_a_logarithm_beside_a_ratio_against_a_baseline(tmp_path):
    network = read_network(lines(tmp_path, "study,treatment,or,selogor", ["1,A,,", "1,B,1.5,0.3"]))
    assert (network.studies[0].effects[0], network.studies[0].variances[0]) == pytest.approx((math.log(1.5), 0.09))


def test_a_treatment_may_be_a_superscript(tmp_path):
    assert read_network(lines(tmp_path, "study,treat1,treat2,TE,seTE", ["1,²,B,0.3,0.2"])).treatments == ("B", "²")


def test_means_with_intervals_in_one_cell(tmp_path):
    rows = ["1,A,5.1 (4.2 to 6.0)", "1,B,6.1 (5.2 to 7.0)"]
    network = read_network(lines(tmp_path, "study,treatment,mean (95% CI)", rows))
    assert network.studies[0].variances[0] == pytest.approx(2 * (1.8 / 3.919928) ** 2)


def test_effects_of_two_measures_are_asked_for(tmp_path):
    path = lines(tmp_path, "study,treat1,treat2,OR,RR,lower,upper", ["1,A,B,1.5,1.2,0.97,1.485"])
    with pytest.raises(
        DataError, match="columns OR and RR are effects of two measures; say which: --columns effect=OR"
    ):
        read_network(path)
    network = read_network(path, columns={"effect": "RR"})
    assert (network.measure, network.studies[0].effects[0]) == ("RR", pytest.approx(math.log(1.2)))
