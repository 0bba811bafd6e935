"""The circuit table: complete, sourced, nothing invented."""

import pytest

from assuage.circuits import circuit_names, load_circuit
from assuage.errors import DataError
from assuage.evidence import load_evidence


def test_the_four_domains():
    assert set(circuit_names()) == {"emotion_regulation", "reward", "pain", "impulse_control"}


def test_aliases_lead_to_the_same_circuit():
    assert load_circuit("reward_feedback") is load_circuit("reward")
    assert load_circuit("Pain-Processing") is load_circuit("pain")


@pytest.mark.parametrize("name", ["emotion_regulation", "reward", "pain", "impulse_control"])
def test_every_centroid_has_a_source_and_lies_in_a_head(name):
    circuit = load_circuit(name)
    assert len(circuit.located) + len(circuit.without_centroid) == len(circuit.regions)
    assert len({region.key for region in circuit.regions}) == len(circuit.regions)
    for region in circuit.regions:
        assert region.role
        assert region.techniques_in_principle
    for region in circuit.located:
        assert region.named_by
        assert region.source
        assert all(abs(x) < 110 for x in region.mni_mm)
        if region.hemisphere:
            assert (region.mni_mm[0] < 0) == (region.hemisphere == "L")


def test_regions_without_a_centroid_are_listed():
    assert [region.name for region in load_circuit("pain").without_centroid] == ["periaqueductal grey"]
    assert [region.name for region in load_circuit("impulse_control").without_centroid] == [
        "pre-supplementary motor area"
    ]


@pytest.mark.parametrize("name", ["emotion_regulation", "reward", "pain", "impulse_control"])
def test_the_primary_region_is_the_first_that_a_surface_technique_reaches(name):
    circuit = load_circuit(name)
    before = circuit.located[: circuit.located.index(circuit.primary)]
    assert circuit.primary.surface_in_principle
    assert not any(region.surface_in_principle for region in before)


def test_deep_regions_are_not_called_reachable_from_the_surface():
    circuit = load_circuit("emotion_regulation")
    assert not circuit.find("amygdala L").surface_in_principle
    assert not circuit.find("anterior insula").surface_in_principle


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(DataError, match="emotion_regulation"):
        load_circuit("memory")
    circuit = load_circuit("emotion_regulation")
    assert circuit.find("AMYGDALA_l").hemisphere == "L"
    with pytest.raises(DataError, match="both sides"):
        circuit.find("amygdala")
    with pytest.raises(DataError, match="subgenual"):
        circuit.find("cerebellum")


def test_who_names_a_region_stands_in_the_evidence():
    evidence = load_evidence()
    known = {row.id for table in ("studies", "trials") for row in evidence.rows[table]}
    named = {name for domain in circuit_names() for region in load_circuit(domain).regions for name in region.named_by}
    identifiers = {name.partition(" (")[0] for name in named}
    assert len(identifiers & known) > 20
    assert {name for name in identifiers - known if " " not in name} == {"trials"}
