"""What is known from studies, as records of a plan: how much each technique was studied, and what names each region.

Every number leads to rows of the tables by their ids.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from assuage.circuits import Circuit, circuit_names, load_circuit
from assuage.circuits.connectome import BELOW_CORTEX, network_reach, packaged_connectome
from assuage.circuits.review import FEW
from assuage.circuits.weights import CircuitEvidence, RegionEvidence, Share, weigh
from assuage.errors import DataError
from assuage.evidence import Evidence, load_evidence
from assuage.evidence.grades import evidence_for, load_trials
from assuage.evidence.strata import Age, age_group, strata, target_name
from assuage.plan.record_base import Record


class TrialRecord(Record):
    """A row of the table of trials."""

    id: str
    report: str = Field(description="publication: its arms and outcomes are one trial")
    citation: str
    identifier: str
    population: str
    target: str
    nssi: Literal["yes", "part", "no"]
    pools: bool = Field(default=False, description="a pooled analysis of trials")
    result: str = Field(
        description="better, no_difference, worse, mixed or unclear against its comparison; blank: not read"
    )
    says: str
    level: str = Field(description="level of text it was read from")
    source: str
    counted: bool
    why_not: str


class IndirectRecord(Record):
    """Trials that count in another stratum, and what differs."""

    differs: tuple[str, ...]
    trials: tuple[str, ...]


class StratumRecord(Record):
    """How much a technique was studied at one target in one sample of one age."""

    target: str
    sample: Literal["nssi", "other"] = Field(description="nssi: chosen because of non-suicidal self-injury")
    age: Age
    people: str = Field(description="sample and age in words")
    grade: Literal["A", "B", "C", "D", "none"]
    reason: str
    trials: tuple[str, ...] = Field(description="rows of the table of trials")
    indirect: tuple[IndirectRecord, ...] = Field(
        description="named where no trial of the stratum counts; lends no grade"
    )


class StudiedRecord(Record):
    """How much a technique was studied."""

    grade: Literal["A", "B", "C", "D", "none"]
    words: str
    nssi_controlled: int
    other_controlled: int
    adolescent_controlled: int
    pooled_analyses: int = Field(
        default=0, description="of controlled trials, which they may hold twice: no trial more"
    )
    listed: int
    trials: tuple[TrialRecord, ...]
    strata: tuple[StratumRecord, ...] = Field(
        default=(),
        description="the same grade by target, sample and age: the plan's target first, then those of the trials",
    )


class FindingRecord(Record):
    """A row of the table of findings that names a region."""

    finding: str = Field(description="row of the table of findings")
    study: str
    citation: str
    measure: str
    direction: str
    contrast: str
    statistic: str
    age_group: str
    nssi_sample: str
    coded_from: str = Field(description="level of text it was read from")
    identifier: str = Field(default="", description="DOI or PubMed number of the study; blank where none was read")
    source: str = Field(default="", description="where the text was found")
    vote: float
    why_not: str


class RegionStudiedRecord(Record):
    """What the findings say of a region."""

    key: str
    label: str
    weight: Share = Field(description="share of the studies of the domain that would name the region")
    weight_by_age: dict[str, Share]
    higher: Share = Field(description="share that would find its function higher than in the comparison group")
    wanted: Literal["increase", "decrease", "open"] = Field(
        description="direction of change towards the comparison group"
    )
    why: str
    conflict: bool
    findings: tuple[FindingRecord, ...]


class CouplingRecord(Record):
    """How the target is coupled to a circuit in a group connectome; no effect of stimulation."""

    domain: str
    r: float
    rank: float = Field(description="share of the cortex's parcels that are coupled to the circuit less")
    through: tuple[str, ...]
    without: tuple[str, ...]


class NetworkRecord(Record):
    """The network reach of the target over the circuits, or why there is none."""

    source: str = ""
    couplings: tuple[CouplingRecord, ...] = ()
    missing: str = ""


class EvidenceRecord(Record):
    """The evidence that a plan stands on."""

    techniques: dict[str, StudiedRecord]
    age_group: Literal["", "adolescents", "adults"] = Field(
        default="", description="of the person; blank: unknown, below 10 years, or 18 and 19, where both words hold"
    )
    region: str = Field(default="", description="the plan's target as strata name it; blank: no region of a circuit")
    studies: int | None = Field(description="studies of the domain that were counted; None: the plan has no circuit")
    regions: tuple[RegionStudiedRecord, ...]
    against: tuple[str, ...] = Field(description="what speaks against the target, in sentences")
    network: NetworkRecord


def evidence_record(
    techniques: Iterable[str],
    circuit: Circuit | None,
    region_key: str,
    *,
    place_mm: Sequence[float] | None,
    age_years: float | None = None,
) -> EvidenceRecord:
    """Return the evidence of techniques and, for a circuit, of its regions.

    Parameters
    ----------
    techniques
        Of the plan.
    circuit, region_key
        Circuit and the region of it that is planned for; None and "" for a single target.
    place_mm
        (3,) MNI place of the target, None where the head has no MNI frame.
    age_years
        Of the person, None where it is unknown.
    """
    evidence = load_evidence()
    weighed = None if circuit is None else weigh(circuit, evidence)
    region = next((r for r in circuit.regions if r.key == region_key), None) if circuit else None
    named = "" if region is None else target_name(region.name, region.hemisphere)
    return EvidenceRecord(
        techniques={name: _studied(name, named) for name in dict.fromkeys(techniques)},
        age_group=age_group(age_years),
        region=named,
        studies=None if weighed is None else weighed.studies,
        regions=() if weighed is None else tuple(_region(item) for item in weighed.regions),
        against=() if weighed is None else _against(weighed, region_key),
        network=_network(circuit, region_key, place_mm, evidence),
    )


def _studied(technique: str, target: str) -> StudiedRecord:
    found = strata(technique, load_trials(), target=target)
    return StudiedRecord.taken_from(evidence_for(technique)).model_copy(
        update={"strata": tuple(StratumRecord.taken_from(stratum) for stratum in found)}
    )


def _network(
    circuit: Circuit | None, region_key: str, place_mm: Sequence[float] | None, evidence: Evidence
) -> NetworkRecord:
    region = next((r for r in circuit.regions if r.key == region_key), None) if circuit else None
    if place_mm is None or (region is not None and region.name in BELOW_CORTEX):
        return NetworkRecord(missing="the target has no place on the cortex of a connectome")
    try:
        connectome = packaged_connectome()
    except DataError as error:
        return NetworkRecord(missing=str(error))
    found = network_reach(connectome, [weigh(load_circuit(name), evidence) for name in circuit_names()], place_mm)
    if found is None:
        return NetworkRecord(source=connectome.source, missing="no cortex of the connectome lies near the target")
    return NetworkRecord(
        source=connectome.source,
        couplings=tuple(CouplingRecord.taken_from(reach) for reach in found),
    )


def _against(weighed: CircuitEvidence, region_key: str) -> tuple[str, ...]:
    item = next((item for item in weighed.regions if item.region.key == region_key), None)
    said = []
    if weighed.studies < FEW:
        said.append(f"Only {weighed.studies} studies of this domain could be counted; every weight rests on few votes.")
    if item is None:
        return tuple(said)
    said.append(
        f"{item.region.label} has {item.weight.yes:.1f} votes of {weighed.studies} counted studies of the domain; the "
        "others do not name it."
    )
    heavier = [other.region.label for other in weighed.regions if other.weight.mean > item.weight.mean]
    if heavier:
        said.append(f"The evidence names more often: {', '.join(heavier)}.")
    if item.conflict:
        said.append(f"Studies disagree on the direction: {item.why().removeprefix('open: ')}.")
    elif item.wanted == "open":
        said.append(f"Which direction of change to want is {item.why()}.")
    few = {age: share.yes + share.no for age, share in item.by_age.items() if share.yes + share.no < FEW}
    said += [f"Counted studies of {age} in this domain: {count:.0f}." for age, count in few.items()]
    return tuple(said)


def _region(item: RegionEvidence) -> RegionStudiedRecord:
    return RegionStudiedRecord(
        key=item.region.key,
        label=item.region.label,
        weight=item.weight,
        weight_by_age=item.by_age,
        higher=item.higher,
        wanted=item.wanted,
        why=item.why(),
        conflict=item.conflict,
        findings=tuple(FindingRecord.taken_from(report) for report in item.reports),
    )
