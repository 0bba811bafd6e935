"""`assuage check` reads a protocol.json: every example is judged, none is called safe, the unsafe ones are stopped."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.cli.app import run
from assuage.cli.check import check_file
from assuage.errors import SourceError
from assuage.protocols import quantities, read_protocol, write_protocol
from assuage.protocols.gallery import TECHNIQUES, example, example_content
from assuage.protocols.protocol import from_content
from assuage.safety import OUTCOMES, check
from assuage.sources.lead import Lead, lead_names

UNSAFE = [
    # technique, what is wrong with the example, the rule that has to stop it
    (
        "rtms_10hz",
        {"dose__session__train__bursts": 60, "dose__session__inter_train_interval_s": 26},
        "tms-train-duration",
    ),
    ("rtms_10hz", {"dose__intensity__percent_mt": 150}, "tms-train-duration"),
    ("rtms_10hz", {"dose__session__inter_train_interval_s": 0.5}, "tms-interval-harm"),
    ("rtms_10hz", {"safety__screening": {"cochlear_implant": "yes"}}, "screen-cochlear-implant"),
    ("rtms_1hz", {"safety__hearing_protection": False}, "tms-hearing"),
    ("rtms_1hz", {"safety__screening": {"recent_seizure": "yes"}}, "screen-recent-seizure"),
    ("itbs", {"dose__intensity__percent_mt": 130}, "tbs-intensity-label"),
    ("itbs", {"dose__session__trains": 90}, "tbs-pulses-accelerated"),
    ("itbs", {"safety__screening": {"metal_in_head": "yes"}}, "screen-metal-in-head"),
    ("ctbs", {"dose__session__train__bursts": 400}, "ctbs-train-duration"),
    ("snt", {"dose__course__phases__0__days": 10}, "snt-days"),
    ("snt", {"dose__course__phases__0__day__session_interval_s": 600}, "tbs-session-gap"),
    ("snt", {"dose__intensity__percent_mt": 140, "threshold__percent_mso": 40}, "snt-intensity-cap"),
    (
        "tdcs",
        {"dose__electrodes__0__current_A": 0.006, "dose__electrodes__1__current_A": -0.006},
        "tes-current-experience",
    ),
    ("tdcs", {"dose__timing__duration_s": 3600}, "tes-duration-experience"),
    (
        "tdcs",
        {"dose__course__phases__0__day": {"sessions": 4, "session_interval_s": 3600}},
        "tes-duration-guideline-2025",
    ),
    ("tdcs", {f"dose__electrodes__{k}__shape": {"kind": "disc", "radius_mm": 4} for k in (0, 1)}, "tes-skin-density"),
    ("hd_tdcs_4x1", {"dose__timing__duration_s": 4000}, "tes-session-within-a-day"),
    (
        "tacs",
        {"dose__electrodes__0__current_A": 0.015, "dose__electrodes__1__current_A": -0.015},
        "tacs-peak-guideline",
    ),
    ("ti", {"dose__timing__duration_s": 7200}, "tes-session-within-a-day"),
    ("ect", {"dose__current_A": 1.2}, "ect-current"),
    ("ect", {"dose__stimulus_duration_s": 12}, "ect-duration"),
    ("ect", {"dose__pair_frequency_Hz": 200}, "ect-frequency-highest"),
    ("ect", {"person__age_years": 11}, "ect-age-label"),
    ("mst", {"dose__frequency_Hz": 200}, "mst-frequency"),
    ("mst", {"dose__stimulus_duration_s": 20}, "mst-train-duration"),
    (
        "dbs",
        {"dose__pulse_width_s": 0.00045, "dose__contacts__0__current_A": -0.012, "dose__contacts__1__current_A": 0.012},
        "dbs-charge-density-and-k",
    ),
    ("tdcs_rtms", {"dose__rtms__session__inter_train_interval_s": 0.5}, "tms-interval-harm"),
    ("tdcs_rtms", {"safety__screening": {"brain_stimulator": "yes"}}, "screen-brain-stimulator"),
]

MORE = {
    "tdcs": (("dose__electrodes__0__current_A", 0.002), ("dose__electrodes__1__current_A", -0.002)),
    "hd_tdcs": (("dose__timing__duration_s", 1200),),
    "ti": (("dose__timing__duration_s", 1200),),
    "itbs": (("dose__intensity__percent_mt", 80),),
    "rtms_1hz": (("dose__intensity__percent_mt", 60),),
    "ect": (("dose__stimulus_duration_s", 2),),
    "mst": (("dose__stimulus_duration_s", 2),),
    "dbs": (("dose__contacts__0__current_A", -0.001), ("dose__contacts__1__current_A", 0.001)),
}
"""Intensities and durations, and what they are at factor 1."""
tenths = st.integers(1, 100).map(lambda count: Fraction(count, 10))


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_protocol_file_is_judged(technique, tmp_path):
    path = tmp_path / "protocol.json"
    write_protocol(example(technique), path)
    checked = check_file(path)
    assert checked.technique == read_protocol(path).technique
    assert checked.verdicts
    assert "safe" not in checked.summary().lower()


@pytest.mark.parametrize(("technique", "change", "rule_id"), UNSAFE)
def test_the_command_stops_what_must_not_go_ahead(technique, change, rule_id, tmp_path, capsys):
    usual = {verdict.rule_id: verdict.outcome for verdict in check(quantities(example(technique)))}
    assert usual.get(rule_id) != "stop"
    path = write_protocol(changed(technique, **change), tmp_path / "protocol.json")
    assert run(["check", str(path), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert rule_id in {verdict["rule_id"] for verdict in found["verdicts"] if verdict["outcome"] == "stop"}


def test_there_are_at_least_twenty_of_them():
    assert len({(technique, rule_id) for technique, _, rule_id in UNSAFE}) >= 20


@pytest.mark.parametrize("technique", MORE)
@given(tenths, tenths)
def test_more_in_the_file_is_never_judged_milder(technique, a, b):
    before, after = (judged(technique, factor) for factor in sorted((a, b)))
    assert all(OUTCOMES.index(after[rule_id]) >= OUTCOMES.index(outcome) for rule_id, outcome in before.items())


LEAD = "Medtronic 3389"


@pytest.mark.parametrize(
    ("contact", "said"),
    [
        ({"name": "3a"}, "contact '3a' is a segment, but lead 'Medtronic 3389' has rings only"),
        ({"area_m2": 1.5e-6}, "1.5e-06 m2, but a contact of lead 'Medtronic 3389' has 5.98e-06 m2"),
        ({"area_m2": 6.0}, "6 m2, but a contact of lead 'Medtronic 3389' has 5.98e-06 m2"),
    ],
)
def test_contacts_of_another_lead_are_refused_in_one_line(contact, said, tmp_path, capsys):
    path = write_protocol(changed("dbs", dose__lead=LEAD), tmp_path / "protocol.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    document["dose"]["contacts"][0] = document["dose"]["contacts"][0] | contact
    path.write_text(json.dumps(document), encoding="utf-8")
    assert run(["check", str(path)]) == 2
    error = capsys.readouterr().err.strip()
    assert said in error
    assert "\n" not in error


def test_a_lead_with_more_contacts_than_it_has_is_refused():
    with pytest.raises(SourceError, match="5 contacts, but lead 'Medtronic 3389' has 4"):
        Lead.load(LEAD).require_contacts(dict.fromkeys("12345"))


@pytest.mark.parametrize("name", lead_names())
def test_every_lead_may_have_its_own_contacts(name):
    lead = Lead.load(name)
    lead.require_contacts({contact.label: contact.area_m2 for contact in lead.contacts})


def changed(technique, **changes):
    """Return an example without the totals that a change would contradict, or a setting above full output."""
    content = example_content(technique, **{"threshold__percent_mso": None, **changes})
    content["dose"].pop("stated", None)
    return from_content(content)


def judged(technique, factor):
    change = {path: str(Fraction(str(value)) * factor) for path, value in MORE[technique]}
    found = check(quantities(changed(technique, **change)))
    return {verdict.rule_id: verdict.outcome for verdict in found}
