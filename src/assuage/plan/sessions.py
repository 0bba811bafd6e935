"""What one session of a technique is: how long currents flow, the stimulus of ECT, the train of MST.

The user says so, or the plan shows an example with its source. What is said goes to the cited limits as it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from assuage.errors import PlanError
from assuage.plan.technique_facts import technique_facts
from assuage.techniques.ect import Stimulus
from assuage.techniques.mst import Train
from assuage.units import S_PER_MIN

ELECTRICAL = ("tdcs", "hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal", "tacs", "hd_tacs", "ti")
"""Techniques whose session is a time during which a current flows through the scalp."""

LONGEST_S = 86400.0
"""A longer session than a day was given in other units; what is too long by a cited limit is for the safety rules."""

GIVEN = "as given"
STIMULUS = Stimulus(current_A=0.8, pulse_width_s=0.3e-3, pair_frequency_Hz=20.0, duration_s=4.0)
"""An example within the ranges of current devices; titration decides."""
TRAIN = Train.of(4.0)
"""An example, as long as that of ECT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """What the user says of one session; None: an example.

    Attributes
    ----------
    current_s
        How long the current of each of `ELECTRICAL` flows. A combination keeps the session of its own source.
    ect, mst
        Stimulus and train.
    """

    current_s: float | None = None
    ect: Stimulus | None = None
    mst: Train | None = None

    def __post_init__(self) -> None:
        """Refuse what is no length of time.

        Raises
        ------
        PlanError
            Not above 0, or more than a day.
        """
        if self.current_s is not None and not (np.isfinite(self.current_s) and 0 < self.current_s <= LONGEST_S):
            raise PlanError(f"a session of {self.current_s:g} s is none; give seconds above 0 and up to {LONGEST_S:g}")

    def check(self, names: tuple[str, ...]) -> None:
        """Refuse what belongs to a technique that the plan does not make.

        Raises
        ------
        PlanError
            With the techniques to add.
        """
        asked = (
            (self.current_s, "the length of a session of current", ELECTRICAL),
            (self.ect, "a stimulus", ("ect",)),
            (self.mst, "a train", ("mst",)),
        )
        for value, what, of in asked:
            if value is not None and not set(of) & set(names):
                raise PlanError(
                    f"{what} belongs to {', '.join(of)}, and the plan makes none of them; add one, or drop it"
                )

    def quantities(self, technique: str) -> dict[str, Any]:
        """Return what the cited limits look at of a session of current; empty for other techniques."""
        return {} if technique not in ELECTRICAL else {"duration_s": self._current(technique)[0]}

    def words(self, technique: str) -> str:
        """Say where the length of a session comes from, or why there is none."""
        if technique in ELECTRICAL:
            return self._current(technique)[1]
        if technique == "dbs":
            return "the generator runs continuously: there is no session"
        if technique in {"ect", "mst"}:
            return f"length of the stimulus, {'an example' if getattr(self, technique) is None else GIVEN}"
        return "by course"

    @property
    def as_settings(self) -> Mapping[str, Any]:
        """What was said, for the record of how to repeat the plan."""
        said: dict[str, Any] = {"current_s": self.current_s}
        if self.ect is not None:
            said["ect"] = self.ect.quantities()
        if self.mst is not None:
            said["mst"] = {name: getattr(self.mst, name) for name in Train.__slots__}
        return {key: value for key, value in said.items() if value is not None}

    def _current(self, technique: str) -> tuple[float, str]:
        if self.current_s is not None:
            return self.current_s, GIVEN
        facts = technique_facts(technique)
        return facts.minutes * S_PER_MIN, f"{facts.minutes:g} min: {facts.source} [{facts.source_level}]"
