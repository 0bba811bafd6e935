"""Embedded rows that were read again: what they say now."""

import pytest

from assuage.circuits import load_circuit
from assuage.circuits.weights import Share, weigh
from assuage.evidence import load_evidence


def test_a_primary_study_is_no_review_and_an_unsigned_difference_gives_no_direction():
    evidence = load_evidence()
    study = evidence.row("studies", "zahid2022")
    assert (study["design"], study["nssi_sample"], study["modality"]) == ("primary", "part", "fNIRS")
    weighed = weigh(load_circuit("impulse_control"), evidence)
    left = weighed.of(weighed.circuit.find("dorsolateral prefrontal cortex L"))
    assert {r.finding: r.why_not for r in left.reports if r.study == "zahid2022"} == {
        "zahid2022-1": "",
        "zahid2022-2": "change within a group",
    }
    assert weighed.studies == 4
    # guo2024, dahlgren2018, zahid2022 name it; ml2023nirs names the prefrontal cortex, which holds three regions
    assert left.weight.mean == pytest.approx(Share.of(3 + 1 / 3, 2 / 3).mean)
    # lower in dahlgren2018, higher in ml2023nirs: "altered" is neither
    assert left.higher.mean == pytest.approx(Share.of(1 / 3, 1).mean)
