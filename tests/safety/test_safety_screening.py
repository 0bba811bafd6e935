"""Screening: yes is a review or a stop, unknown settles nothing, no is not a pass."""

import pytest
from protocol_examples import complete

from assuage.safety import OUTCOMES, check, load_rule_set
from assuage.safety.records import OUTCOME_OF

RULES = load_rule_set()
TECHNIQUES = sorted(RULES.techniques)


def found(technique, **more):
    return {verdict.rule_id: verdict for verdict in check(complete(technique, **more))}


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_every_topic_leads_to_its_consequence(technique):
    names = RULES.techniques[technique].names
    for topic in RULES.topics:
        key, rule_id = f"screen_{topic.key}", f"screen-{topic.key.replace('_', '-')}"
        entry = topic.for_technique(names)
        yes, no, unknown = (found(technique, **{key: answer})[rule_id] for answer in ("yes", "no", "unknown"))
        assert yes.outcome == (OUTCOME_OF[entry.consequence] if entry else "warn")
        assert (no.outcome, unknown.outcome) == ("cannot say", "cannot say")
        assert "clinician" in unknown.why
        assert topic.asks in yes.why
        assert (yes.value, no.value, unknown.value) == (1.0, 0.0, None)


def test_the_risk_of_suicide_is_reviewed_everywhere():
    for technique in TECHNIQUES:
        verdict = found(technique, screen_suicide_risk_raised_today="yes")["screen-suicide-risk-raised-today"]
        assert verdict.outcome == "warn"
        assert "a clinician decides before the session" in verdict.why


def test_what_was_not_asked_is_counted_and_named():
    assert "screening-complete" not in found("rtms_10hz")
    verdict = found("rtms_10hz", screen_pregnancy=None, screen_shunt=None)["screening-complete"]
    assert verdict.outcome == "cannot say"
    assert "pregnancy, " in verdict.why or "pregnancy" in verdict.why
    assert "shunt" in verdict.why
    assert verdict.limit - verdict.value == 2


def test_a_topic_of_the_site_is_not_lost():
    assert found("dbs", screen_site_topic="yes")["screen-site-topic"].outcome == "warn"
    assert found("dbs", screen_site_topic="no")["screen-site-topic"].outcome == "cannot say"


def test_answers_and_fast_trains_weigh_together():
    for topic in ("seizure_history", "sleep_loss", "alcohol_or_drugs", "threshold_lowering_medicine"):
        fast = found("rtms_10hz", **{f"screen_{topic}": "yes"})["seizure-risk-and-fast-trains"]
        assert fast.outcome == "warn"
        assert topic.replace("_", " ") in fast.why
        assert "seizure-risk-and-fast-trains" not in found("rtms_1hz", **{f"screen_{topic}": "yes"})
        assert found("itbs", **{f"screen_{topic}": "yes"})["seizure-risk-and-bursts"].outcome == "warn"
    assert "seizure-risk-and-fast-trains" not in found("rtms_10hz")
    unknown = found("rtms_10hz", screen_sleep_loss="yes", frequency_Hz=None)["seizure-risk-and-fast-trains"]
    assert unknown.outcome == "cannot say"


def test_pregnancy_and_a_risk_of_seizures_weigh_together():
    both = found("itbs", screen_pregnancy="yes", screen_medicine_changed_recently="yes")
    assert both["pregnancy-and-seizure-risk"].outcome == "warn"
    assert "pregnancy-and-seizure-risk" not in found("itbs", screen_pregnancy="yes")


ASKED = {
    "metal": {"metal_in_head", "intracranial_clips", "mri_contraindication"},
    "implants": {"brain_stimulator", "pacemaker", "other_brain_stimulation_planned"},
}


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_metal_and_implants_are_asked_about_for_every_technique(technique):
    names = RULES.techniques[technique].names
    asked = {topic.key for topic in RULES.topics if topic.for_technique(names)}
    for what, topics in ASKED.items():
        assert asked & topics, what


def test_medicines_are_asked_about_before_ect():
    for topic in ("lithium", "theophylline", "anticonvulsant_medicine"):
        verdict = found("ect", **{f"screen_{topic}": "yes"})[f"screen-{topic.replace('_', '-')}"]
        assert verdict.outcome == "warn"
        assert verdict.source_level == "abstract"


def test_lithium_and_age_weigh_together():
    old, young = (found("ect", screen_lithium="yes", age_years=age) for age in (50, 30))
    assert (old["lithium-and-age"].outcome, old["lithium-and-age"].unit) == ("warn", "years")
    assert "lithium-and-age" not in young


def test_an_implant_under_a_coil_is_stopped_by_what_was_measured():
    verdict = found("itbs", screen_brain_stimulator="yes")["implant-under-a-coil"]
    assert (verdict.outcome, verdict.source_level) == ("stop", "abstract")
    assert "implant-under-a-coil" not in found("tdcs", screen_brain_stimulator="yes")


def test_a_stricter_answer_is_never_milder():
    order = ("no", "unknown", "yes")
    for technique in TECHNIQUES:
        for topic in RULES.topics:
            ranks = [
                max(OUTCOMES.index(v.outcome) for v in check(complete(technique, **{f"screen_{topic.key}": answer})))
                for answer in order
            ]
            assert ranks == sorted(ranks)
