"""Pooled effects of the living review: only what may be pooled, with the pairwise code's digits; the rest is said."""

import csv
import re

import pytest

from assuage.circuits.pooled import synthesis_groups
from assuage.circuits.weights import POOLS
from assuage.cli.app import run
from assuage.errors import DataError
from assuage.evidence import load_evidence
from assuage.evidence.grades import load_trials, trial_of
from assuage.evidence.schema import tables
from assuage.evidence.strata import NO_AGE, SEVERAL, age_of
from assuage.synthesis import Choices, analyse, read_studies

MADE_UP = {
    "nssi_sample": "yes", "technique": "rtms", "age_group": "adolescents", "design": "rct", "comparator": "sham",
    "outcome": "episodes", "coded_from": "abstract", "coded_by": "A. Coder",
}  # fmt: skip
NO_EFFECT = "no effect printed with its interval (OR, Peto OR, RR, HR, MD, SMD, d, g)"
EFFECTS = ((-0.42, -0.91, 0.07), (-0.75, -1.30, -0.20), (-0.10, -0.55, 0.35))


def trial(name, effect, **cells):
    return {"id": name, "report": name, "citation": f"{name} et al. 2026", "effect": effect, **MADE_UP, **cells}


def three(**cells):
    return [trial(f"made{i}", f"SMD {y} ({low} to {high})", **cells) for i, (y, low, high) in enumerate(EFFECTS)]


@pytest.fixture
def load(tmp_path):
    """Return what lays made-up trials over the embedded tables."""

    def laid(rows):
        folder = tmp_path / "tables"
        folder.mkdir(exist_ok=True)
        with (folder / "trials.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, tables()["trials"].names, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return load_evidence(folder)

    return laid


def pooled_of(found):
    return [comparison for group in found for comparison in group.pooled]


def reasons_of(found, row):
    return {why for group in found for why, rows in group.reasons if row in {r.id for r in rows}}


def test_the_embedded_tables_pool_nothing_and_every_row_has_a_reason_in_every_group():
    evidence = load_evidence()
    found = synthesis_groups(evidence)
    assert pooled_of(found) == []
    assert {row.id for group in found for row in group.rows} == {row.id for row in evidence.rows["trials"]}
    for group in found:
        assert sum(len(rows) for _, rows in group.reasons) == len(group.rows) > 0
        assert all(why for why, _ in group.reasons)


def test_embedded_rows_count_as_the_grades_say():
    evidence = load_evidence()
    for known in load_trials():
        assert trial_of(evidence.row("trials", known.id)) == known


def test_pooled_numbers_are_those_of_the_pairwise_command(load, tmp_path):
    found = pooled_of(synthesis_groups(load(three())))
    table = tmp_path / "same.csv"
    lines = ["study,estimate,lower,upper", *(f"s{i},{y},{a},{b}" for i, (y, a, b) in enumerate(EFFECTS))]
    table.write_text("\n".join(lines))
    alone = analyse(read_studies(table), Choices(measure="SMD", method="REML", test="hk")).fit
    (one,) = found
    fit = one.analysis.fit
    assert (fit.method, fit.test, fit.k) == ("REML", "hk", 3)
    assert fit.coefficients.rows() == alone.coefficients.rows()
    assert (fit.tau2, fit.prediction) == (alone.tau2, alone.prediction)
    assert fit.heterogeneity.i2_percent == alone.heterogeneity.i2_percent


def test_ratios_are_pooled_as_logarithms(load):
    rows = [trial("r1", "RR 0.50 (0.25 to 1.00)"), trial("r2", "RR 0.50 (0.25 to 1.00)")]
    (one,) = pooled_of(synthesis_groups(load(rows)))
    assert one.analysis.effects.back(float(one.analysis.fit.coefficients.estimate[0])) == pytest.approx(0.5)


def test_a_peto_odds_ratio_is_a_scale_of_its_own(load):
    rows = [trial("r1", "OR 0.50 (0.25 to 1.00)"), trial("p1", "3 of 20 vs 5 of 20, computed Peto OR 0.4 (0.2 to 0.8)")]
    assert pooled_of(synthesis_groups(load(rows))) == []
    (one,) = pooled_of(
        synthesis_groups(load([*rows, trial("p2", "Peto OR 0.4 (0.2 to 0.8)")]), important={"Peto OR": 1.25})
    )
    assert (one.scale, {taken.row.id for taken in one.taken}) == ("Peto OR", {"p1", "p2"})
    assert one.analysis.effects.back(float(one.analysis.fit.coefficients.estimate[0])) == pytest.approx(0.4)


def test_effects_of_a_file_are_pooled(tmp_path):
    """Rows from `evidence add --csv` say the arms before the effect."""
    table = tmp_path / "t.csv"
    table.write_text("study,ai,n1i,ci,n2i\nRoe 2020,3,20,5,20\nPoe 2021,3,30,6,30\n")
    cells = [part for name in ("nssi_sample", "technique", "age_group", "design", "comparator", "outcome")
             for part in ("--set", f"{name}={MADE_UP[name]}")]  # fmt: skip
    options = ["--to", str(tmp_path / "mine"), "--table", "trials", "--coded-by", "A", "--level", "full_text"]
    assert run(["evidence", "add", *options, "--csv", str(table), "--measure", "OR", *cells]) == 0
    (one,) = pooled_of(synthesis_groups(load_evidence(tmp_path / "mine")))
    page = tmp_path / "review.html"
    assert run(["evidence", "report", "--out", str(page), "--tables", str(tmp_path / "mine")]) == 0
    assert "No full text was read" not in page.read_text(encoding="utf-8"), "these rows were"
    fit = analyse(read_studies(table), Choices(measure="OR", method="REML", test="hk")).fit
    assert float(one.analysis.fit.coefficients.estimate[0]) == pytest.approx(
        float(fit.coefficients.estimate[0]), abs=1e-3
    )


def test_adolescents_and_adults_are_never_put_together(load):
    young, old = three(), [{**row, "id": f"old{row['id']}", "report": f"old{row['id']}"} for row in three()]
    old = [{**row, "age_group": "adults"} for row in old]
    found = [group for group in synthesis_groups(load([*young, *old])) if group.pooled]
    assert sorted(group.age for group in found) == ["adolescents", "adults"]
    for group in found:
        assert {age_of(trial_of(row).age_groups) for row in group.rows} == {group.age}
    for words, why in (("adolescents;adults", SEVERAL), ("children", SEVERAL), ("", NO_AGE)):
        mixed = synthesis_groups(load(three(age_group=words)))
        assert pooled_of(mixed) == []
        assert reasons_of(mixed, "made0") == {why}
    assert [s.age for s in synthesis_groups(load(three(age_group="older_adults"))) if s.pooled] == ["adults"]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"design": "meta_analysis"}, POOLS),
        ({"coded_from": "secondary"}, "read from secondary only"),
        ({"coded_from": "registry", "effect": ""}, "read from registry only"),
        ({"design": "open_label"}, "not controlled"),
        ({"design": ""}, "control not stated"),
        ({"effect": ""}, "no result read"),
        ({"effect": "lower than sham, p=0.01"}, NO_EFFECT),
        ({"effect": "SMCC -0.4 (-0.9 to 0.1)"}, NO_EFFECT),
        ({"effect": "day 1 d=-0.4 (-0.9, 0.1); day 9 d=-0.3 (-0.8, 0.2)"},
         "no effect, or more than one, under the name of the outcome"),
        ({"comparator": ""}, "comparison not stated"),
        ({"outcome": ""}, "outcome not stated"),
        ({"nssi_sample": "no", "population": "MDD"}, "alone with its comparison (mdd, against sham, rct, SMD)"),
        ({"comparator": "sertraline"}, "alone with its comparison (self-injury, against sertraline, rct, SMD)"),
        ({"effect": "OR 0.5 (0.2 to 1.2)"}, "alone with its comparison (self-injury, against sham, rct, OR)"),
    ],
)  # fmt: skip
def test_a_row_that_may_not_be_pooled_says_why(load, change, why):
    rows = three()
    rows[0] = {**rows[0], **change}
    found = synthesis_groups(load(rows))
    (one,) = pooled_of(found)
    assert {taken.row.id for taken in one.taken} == {"made1", "made2"}
    assert reasons_of(found, "made0") == {why}


def test_differences_of_means_are_pooled_on_one_instrument_only(load):
    rows = [
        trial(f"made{i}", f"MD {y} ({low} to {high})", instrument="HAM-D17") for i, (y, low, high) in enumerate(EFFECTS)
    ]
    (whole,) = pooled_of(synthesis_groups(load([*rows[:2], {**rows[2], "instrument": "HAMD-17"}])))
    assert (len(whole.taken), whole.instrument) == (3, "HAM-D17")
    found = synthesis_groups(load([*rows[:2], {**rows[2], "instrument": "MADRS"}]))
    (one,) = pooled_of(found)
    assert {taken.row.id for taken in one.taken} == {"made0", "made1"}
    assert reasons_of(found, "made2") == {"alone with its comparison (self-injury, against sham, rct, MD, MADRS)"}
    found = synthesis_groups(load([*rows[:2], {**rows[2], "instrument": ""}]))
    assert reasons_of(found, "made2") == {"instrument not stated, in whose units a difference of means is"}
    named = [{**row, "instrument": "", "outcome": "MADRS, change"} for row in rows]
    (one,) = pooled_of(synthesis_groups(load(named)))
    assert one.instrument == "MADRS"
    free = [{**row, "instrument": name} for row, name in zip(three(), ("HAM-D17", "MADRS", ""), strict=True)]
    (one,) = pooled_of(synthesis_groups(load(free)))
    assert (len(one.taken), one.instrument) == (3, ""), "a standardised difference has no units"


def test_other_follow_ups_are_kept_apart(load):
    rows = [{**row, "follow_up": word} for row, word in zip(three(), ("week 4", "Week  4", "6 months"), strict=True)]
    found = synthesis_groups(load(rows))
    (one,) = pooled_of(found)
    assert ({taken.row.id for taken in one.taken}, one.follow_up) == ({"made0", "made1"}, "week 4")
    assert reasons_of(found, "made2") == {"alone with its comparison (self-injury, against sham, rct, SMD, 6 months)"}


def test_courses_that_a_plan_keeps_apart_are_not_put_together(load):
    rows = [{**row, "plan_technique": f"tms;rtms_{hz}hz"} for row, hz in zip(three(), (1, 10, 10), strict=True)]
    (one,) = pooled_of(synthesis_groups(load(rows)))
    assert {taken.row.id for taken in one.taken} == {"made1", "made2"}
    assert pooled_of(synthesis_groups(load([{**row, "plan_technique": "none"} for row in three()])))


@pytest.mark.parametrize("shared", ["report", "doi", "pmid", "registration"])
def test_rows_that_may_hold_the_same_people_are_not_pooled(load, shared):
    rows = [{**row, shared: {"doi": "10.1234/x", "pmid": "39000001", "registration": "NCT01234567"}.get(shared, "same")}
            for row in three()[:2]]  # fmt: skip
    found = synthesis_groups(load([*rows, three()[2]]))
    assert pooled_of(found) == []
    assert "same people" in next(iter(reasons_of(found, "made0")))


def test_an_effect_belongs_to_the_outcome_in_front_of_it(load):
    cells = {"outcome": "response; remission"}
    rows = [
        trial("a1", "remission OR 2.0 (1.0-4.0); response OR 3.0 (1.5-6.0)", **cells),
        trial("a2", "response OR 3.0 (1.5-6.0), remission OR 2.0 (1.0-4.0)".replace(", r", "; r"), **cells),
    ]
    found = {s.outcome: s.pooled[0] for s in synthesis_groups(load(rows)) if s.pooled}
    middle = {
        name: one.analysis.effects.back(float(one.analysis.fit.coefficients.estimate[0])) for name, one in found.items()
    }
    assert middle == {"response": pytest.approx(3.0), "remission": pytest.approx(2.0)}


def test_confidence_is_a_bound_while_something_is_not_coded(load):
    (bare,) = pooled_of(synthesis_groups(load(three())))
    domains = bare.confidence.domains
    assert {name for name, d in domains.items() if d.judgement == "not coded"} == set(domains) - {"indirectness"}
    assert bare.confidence.grade == "at most high; 4 of 5 domains not coded"
    (judged,) = pooled_of(synthesis_groups(load(three(rob="high", nssi_sample="part")), important={"SMD": 0.2}))
    said = {name: d.judgement for name, d in judged.confidence.domains.items()}
    assert (said["within-study bias"], said["indirectness"]) == ("major concerns", "some concerns")
    assert said["imprecision"] == "major concerns"
    assert said["reporting bias"] == "not coded"
    assert judged.confidence.grade == "at most very low; 1 of 5 domains not coded"


def test_a_scale_that_is_none_is_refused(load):
    with pytest.raises(DataError, match="--important XY: no scale"):
        synthesis_groups(load(three()), important={"XY": 1.0})
    with pytest.raises(DataError, match="needs a ratio above 1"):
        synthesis_groups(load([]), important={"OR": 0.5})


def test_the_page_shows_pooled_effects_and_every_link_has_its_row(load, tmp_path):
    load(three())
    page = tmp_path / "review.html"
    assert (
        run(["evidence", "report", "--out", str(page), "--tables", str(tmp_path / "tables"), "--important", "SMD=0.5"])
        == 0
    )
    text = page.read_text(encoding="utf-8")
    assert "1 pooled effect, from" in text
    assert 'aria-label="Forest plot"' in text
    links = set(re.findall(r'href="#([^"]+)"', text))
    assert {"row-made0", "row-made1", "row-made2"} <= links
    assert links <= set(re.findall(r'id="([^"]+)"', text))


def test_the_page_of_the_embedded_tables_says_that_nothing_is_pooled(tmp_path, capsys):
    assert run(["evidence", "report", "--out", str(tmp_path / "review.html")]) == 0
    text = (tmp_path / "review.html").read_text(encoding="utf-8")
    assert f"Nothing is pooled: 0 of {len(synthesis_groups(load_evidence()))} synthesis groups" in text
    assert run(["evidence", "report", "--out", str(tmp_path / "b.html"), "--important", "OR"]) == 2
    assert "write for example OR=1.25" in capsys.readouterr().err
    assert run(["evidence", "report", "--out", str(tmp_path / "b.html"), "--important", "OR=2,OR=3"]) == 2
    assert "--important names OR twice" in capsys.readouterr().err
    assert "No full text was read" in text
    assert not (tmp_path / "b.html").exists()
