"""Notes as points with footnotes, leaders of both orders, and counts of what could not be checked."""

from types import SimpleNamespace

import pytest

from assuage.report import leading, noted, unchecked

DISC = "disc: discs of current devices (from memory, unverified)"
THRESHOLD = (
    "threshold of neurons: threshold at 0.3 ms: Deng, Lisanby & Peterchev 2011, J Neural Eng 8:016007, "
    "doi:10.1088/1741-2560/8/1/016007: 2.1-2.5 V/cm = 6.2-7.2 thresholds (abstract, derived); time constant: "
    "Peterchev et al. 2013, Clin Neurophysiol 124:1364-1372, doi:10.1016/j.clinph.2013.01.011: motor cortex (abstract)"
)


def test_sources_become_footnotes_and_each_has_one_number():
    made = noted.notes((DISC, THRESHOLD, "size: 5 cm from rim to rim (from memory, unverified)"))
    assert made.points[0] == noted.Point(label="Disc", parts=(("Discs of current devices.", (1,)),))
    assert made.points[1].parts == (
        ("Threshold at 0.3 ms: 2.1-2.5 V/cm = 6.2-7.2 thresholds.", (2,)),
        ("Time constant: motor cortex.", (3,)),
    )
    assert made.points[2].parts == (("5 cm from rim to rim.", (1,)),)
    assert len(made.sources) == 3
    assert "doi:10.1088/1741-2560/8/1/016007 (abstract, derived)" in made.sources[1]


def test_no_word_of_a_note_is_lost():
    made = noted.notes((DISC, THRESHOLD))
    said = " ".join([f"{p.label} {t}" for p in made.points for t, _ in p.parts] + list(made.sources)).lower()
    for word in ("deng", "peterchev", "6.2-7.2", "motor cortex", "10.1016/j.clinph.2013.01.011", "devices"):
        assert word in said


def test_a_source_that_is_the_text_stays():
    line = "limit of the search: a value after Shannon 1992 (PMC1) (from memory, unverified)"
    made = noted.notes((line,))
    assert "Shannon 1992" in made.points[0].parts[0][0]
    assert noted.notes(("(abstract)",)).points[0].parts == (("(abstract).", ()),)


def test_numerics_are_the_method():
    words = "Current enters at F3 (disc). The model carries these currents to 9e-06 %."
    made = noted.notes(("forward solution: 20 iterations", "an option"), words)
    assert made.method == ("The model carries these currents to 9e-06 %.", "Forward solution: 20 iterations.")
    assert noted.headline(words) == "Current enters at F3 (disc)."
    assert [point.parts[0][0] for point in made.points] == ["An option."]


def part(criterion, adds, words="alike", weight=0.5):
    return SimpleNamespace(criterion=criterion, adds=adds, words=words, weight=weight)


def chosen(technique, place, *criteria):
    return SimpleNamespace(technique=technique, label=technique.upper(), place=place, score=0.5, criteria=criteria)


def record(*listed, left_out=()):
    item = SimpleNamespace(technique="tms", courses=[SimpleNamespace(technique="itbs")])
    return SimpleNamespace(
        techniques=[item, SimpleNamespace(technique="tdcs", courses=[])],
        ranking=SimpleNamespace(
            ranks=[SimpleNamespace(technique="tdcs", place=2), SimpleNamespace(technique="tms", place=1)]
        ),
        shortlist=SimpleNamespace(chosen=listed, left_out=left_out),
    )


def test_what_sets_two_leaders_apart_is_named():
    first = chosen("tdcs", 1, part("evidence", 0.4), part("focality", 0.1), part("burden", 0.2))
    other = chosen("itbs", 2, part("evidence", 0.1), part("focality", 0.3), part("burden", 0.2))
    made = leading.leaders(record(first, other))
    assert (made["field"].technique, made["first"].technique, made["same"]) == ("tms", "tdcs", False)
    assert (made["gains"], made["losses"]) == (["evidence"], ["focality"])
    assert [a.criterion for a, _ in made["rows"]] == ["evidence", "focality"]
    assert made["weights"] == "all criteria alike"


def test_a_course_of_the_leading_coil_is_the_same_leader():
    assert leading.leaders(record(chosen("itbs", 1, part("evidence", 0.4))))["same"]


def test_a_leader_by_field_that_is_left_out_says_why():
    gone = SimpleNamespace(technique="tms", label="TMS", reasons=("the site lacks: a coil",))
    made = leading.leaders(record(chosen("tdcs", 1, part("evidence", 0.4)), left_out=(gone,)))
    assert (made["placed"], made["because"], made["rows"]) == (None, "the site lacks: a coil", [])


def test_without_a_shortlist_there_is_one_leader():
    assert leading.leaders(record()) is None


def test_what_most_say_is_said_once():
    rows = tuple(chosen(name, 1, part("equipment", 0.1), part("burden", 0.1, words=name)) for name in ("a", "b", "c"))
    assert leading.folded(rows) == {"equipment": "alike"}
    gone = tuple(SimpleNamespace(label=name, reasons=("too far",)) for name in ("a", "b"))
    assert leading.left_out(SimpleNamespace(left_out=gone)) == [("too far", ["a", "b"])]


@pytest.mark.parametrize(
    ("why", "limit", "reason"),
    [
        ("4 mA, but age_years is not given and the limit holds from 18 years on", 4.0, "age is not given"),
        ("duration_s is not given", 1.0, "a value of the session is not given"),
        ("2 against 4 mA, but the source was not read", 4.0, "the source was not read"),
        ("5 of 5 screening topics have no answer: heart_disease", None, "screening not answered"),
        ("no cited limit of days applies to SNT", None, "no limit in what was read"),
        ("600 against 1800 pulses, but the source covers intensity_percent_mt <= 90 only", 1800.0, unchecked.OTHER),
    ],
)
def test_every_reason_is_one_of_a_few(why, limit, reason):
    assert unchecked.reason(SimpleNamespace(why=why, limit=limit)) == reason


def test_counts_add_up_and_what_was_checked_is_left_out():
    open_ = SimpleNamespace(why="duration_s is not given", limit=1.0, outcome="cannot say")
    none = SimpleNamespace(why="no cited limit", limit=None, outcome="cannot say")
    done = SimpleNamespace(why="fine", limit=1.0, outcome="within cited range")
    made = unchecked.summary([("tDCS", [open_, open_, none, done]), ("TMS", [done])])
    assert made["unchecked_reasons"] == ["a value of the session is not given", unchecked.NO_LIMIT]
    assert made["unchecked_rows"] == [("tDCS", [2, 1], 3)]
