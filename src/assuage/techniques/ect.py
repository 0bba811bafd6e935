"""Electroconvulsive therapy: the placements on a person's scalp, what each does in the brain, and the stimulus.

A train of rectangular pulses in pairs of opposite sign (all of one sign where a placement is unidirectional):

    Q = I PW 2 f T

| symbol | meaning | unit |
|---|---|---|
| I | current of a pulse | A |
| PW | pulse width | s |
| f | frequency of pairs; pulses come at 2 f | Hz |
| T | duration of the train | s |
| Q | charge that flows, both directions counted | C |

The field in the brain scales with I alone; PW enters through the threshold (`excitation`); f and T only through Q.
Research planning only. What a seizure needs, and what follows from it, is outside this model.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assuage.errors import PlanError
from assuage.sources import Montage
from assuage.targets import Target
from assuage.techniques.ect_placements import Placement, ect_placement, placement_names
from assuage.techniques.excitation import ExcitationLaw, checked_width_s, excitation_law
from assuage.techniques.scalp import Scalp
from assuage.techniques.seizure import (
    BrainMap,
    SeizureDose,
    extent_note,
    measure,
    over_memory,
    seizure_map,
)

if TYPE_CHECKING:
    from assuage.field import Conductor, Field

TECHNIQUE = "ect"

LARGEST_CURRENT_A = 5.0
"""A larger current was given in other units; devices stay below 1 A, and the safety rules hold what is cited."""

LONGEST_TRAIN_S = 60.0
"""A longer train was given in other units."""

EXTENT_SOURCE = (
    "published models cut at the upper head err by about 50 % (bilateral) and 5 % (right unilateral) in the 99th "
    "percentile, with the neck by about 2 % (Front Psychiatry 2023, 14:1168672, abstract)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stimulus:
    """A train of ECT pulses.

    Attributes
    ----------
    current_A
        Of each pulse.
    pulse_width_s
        Of each pulse.
    pair_frequency_Hz
        Pairs of pulses per second, the frequency that devices show.
    duration_s
        Of the train.
    """

    current_A: float
    pulse_width_s: float
    pair_frequency_Hz: float
    duration_s: float

    def __post_init__(self) -> None:
        """Refuse what is no stimulus; what is one but lies outside cited ranges is for the safety rules."""
        _check("current_A", self.current_A, LARGEST_CURRENT_A, "A, e.g. 0.8")
        checked_width_s(self.pulse_width_s, "pulse_width_s")
        _check("duration_s", self.duration_s, LONGEST_TRAIN_S, "s, e.g. 4")
        _check("pair_frequency_Hz", self.pair_frequency_Hz, math.inf, "Hz, e.g. 20")
        if self.duty > 1:
            raise PlanError(
                f"pulses of {1e3 * self.pulse_width_s:g} ms at {self.pair_frequency_Hz:g} pairs a second overlap "
                f"({self.duty:.2f} of the time); check pulse_width_s and pair_frequency_Hz"
            )

    @property
    def duty(self) -> float:
        """Share of the train during which current flows."""
        return 2 * self.pair_frequency_Hz * self.pulse_width_s

    @property
    def charge_C(self) -> float:
        """Charge of the train, both directions counted."""
        return self.current_A * self.pulse_width_s * 2 * self.pair_frequency_Hz * self.duration_s

    @property
    def pulses(self) -> float:
        """Pulses of the train, 2 f T."""
        return 2 * self.pair_frequency_Hz * self.duration_s

    def quantities(self) -> dict[str, Any]:
        """Return the quantities that safety rules look at, SI."""
        return {
            "technique": TECHNIQUE,
            "peak_current_A": self.current_A,
            "pulse_width_s": self.pulse_width_s,
            "pulse_pair_frequency_Hz": self.pair_frequency_Hz,
            "stimulus_duration_s": self.duration_s,
            "charge_C": self.charge_C,
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EctProposal:
    """One placement with one stimulus on one head.

    Attributes
    ----------
    placement, stimulus
        What goes where.
    source
        The montage that was solved; after `with_stimulus` it still carries the first current, `montage` the new one.
    field
        Its field.
    brain, law
        What the dose was read with.
    dose
        At the stimulus.
    target_name
        Region that the proposal aims at, or None.
    words
        Where the electrodes go and what flows.
    notes
        Sources, assumptions, what the head lacks.
    """

    placement: Placement
    stimulus: Stimulus
    source: Montage
    field: "Field"
    brain: BrainMap
    law: ExcitationLaw
    dose: SeizureDose
    target_name: str | None
    words: str
    notes: tuple[str, ...]

    @property
    def montage(self) -> Montage:
        """The electrodes at the current of the stimulus."""
        return self.placement.montage(self.stimulus.current_A)

    @property
    def target_over_hippocampus(self) -> float | None:
        """Mean field in the target over that in the hippocampi; None without a target or without hippocampi."""
        return None if self.target_name is None else over_memory(self.dose, self.target_name)


def propose(
    conductor: "Conductor",
    stimulus: Stimulus,
    *,
    placements: Iterable[str] | None = None,
    scalp: Scalp | None = None,
    target: Target | None = None,
    law: ExcitationLaw | None = None,
) -> tuple[EctProposal, ...]:
    """Propose placements: one forward solve each, solved together.

    Parameters
    ----------
    conductor
        Of the head.
    stimulus
        The train.
    placements
        Names; None takes all of `placement_names()`.
    scalp
        Of the head, if at hand.
    target
        A region whose field is reported beside the hippocampi; `seizure.rank` orders by their ratio.
    law
        Threshold of neurons; None takes `excitation_law()`.

    Raises
    ------
    PlanError
        An unknown placement, none at all, or a head without brain.
    SourceError
        Electrodes that do not fit on this scalp.
    """
    names = placement_names() if placements is None else tuple(placements)
    if not names:
        raise PlanError(f"no ECT placement asked for; placements: {', '.join(placement_names())}")
    scalp, law = scalp or Scalp(conductor.head), law or excitation_law()
    found = [ect_placement(scalp, name) for name in names]
    sources = [placement.montage(stimulus.current_A) for placement in found]
    brain = seizure_map(conductor, scalp, target)
    common = (extent_note(scalp) + "; " + EXTENT_SOURCE, f"threshold of neurons: {law.source}")
    return tuple(
        _proposal(
            placement=placement,
            stimulus=stimulus,
            source=source,
            field=field,
            brain=brain,
            law=law,
            target_name=None if target is None else target.name,
            notes=(*placement.notes, *common),
        )
        for placement, source, field in zip(found, sources, conductor.solve(sources), strict=True)
    )


def with_stimulus(proposal: EctProposal, stimulus: Stimulus) -> EctProposal:
    """Return the same placement with another stimulus; the field is linear in the current and not solved again."""
    kept = {name: getattr(proposal, name) for name in ("placement", "source", "field", "brain", "law", "target_name")}
    return _proposal(stimulus=stimulus, notes=proposal.notes, **kept)


def _proposal(*, placement: Placement, stimulus: Stimulus, source: Montage, **parts: Any) -> EctProposal:
    law, scale = parts["law"], stimulus.current_A / abs(float(source.currents_A[0]))
    dose = measure(
        parts["field"], parts["brain"], threshold_V_per_m=law.rectangular_V_per_m(stimulus.pulse_width_s), scale=scale
    )
    return EctProposal(
        placement=placement, stimulus=stimulus, source=source, dose=dose, words=_words(placement, stimulus), **parts
    )


def _words(placement: Placement, stimulus: Stimulus) -> str:
    """Say where the electrodes go and what flows between them."""
    polarity = (
        f"all pulses of one direction, the current entering at {placement.sites[0].label}"
        if placement.unidirectional
        else "pulses of alternating direction"
    )
    return (
        f"{placement.words} {1e3 * stimulus.current_A:.0f} mA, {1e3 * stimulus.pulse_width_s:g} ms pulses, "
        f"{stimulus.pair_frequency_Hz:g} pairs a second for {stimulus.duration_s:g} s, {polarity}: "
        f"{1e3 * stimulus.charge_C:.1f} mC."
    )


def _check(name: str, value: float, largest: float, unit: str) -> None:
    if not (math.isfinite(value) and 0 < value <= largest):
        bound = "" if math.isinf(largest) else f" and up to {largest:g}"
        raise PlanError(f"{name} = {value}; give a finite number above 0{bound} {unit}")
