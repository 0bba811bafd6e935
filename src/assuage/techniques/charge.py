"""Charge and time that a protocol delivers in one session, from its flat record of quantities (SI).

With I the total current into the head (amplitude from zero to peak where it alternates), T the duration of the session:

    tDCS                    Q = I T
    tACS                    Q = I T            upper bound: the rectified mean is 2 / pi of it, the net charge 0
    temporal interference   Q = 2 I_pair T     two pairs; as tACS
    ECT                     Q = 2 I w f T      w pulse width, f pulse pairs per second, T stimulus duration
    DBS                     Q = I w f T        charge of the first phase of all pulses; the second takes it back
    TMS, MST                none: no current passes through an electrode
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from assuage.errors import DataError, PlanError

AGREE = 1e-2
"""A charge that is given and one that follows from current and time may differ by rounding and ramps, not by more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """Charge of one session.

    Attributes
    ----------
    charge_C
        None where nothing passes through an electrode, or a quantity is missing.
    words
        How it was found, or why there is none.
    """

    charge_C: float | None
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """Quantities that are multiplied; a tuple of names means the first that is known."""

    factors: tuple[tuple[str, ...], ...]
    times: float
    words: str


_DIRECT = _Rule(factors=(("total_current_A",), ("duration_s",)), times=1.0, words="total current x duration")
_ALTERNATING = _Rule(
    factors=(("peak_current_A", "total_current_A"), ("duration_s",)),
    times=1.0,
    words="amplitude x duration: an upper bound, the rectified mean is 64 % of it and the net charge 0",
)
_RULES: Mapping[str, _Rule | None] = MappingProxyType(
    {
        **dict.fromkeys(("tdcs", "hd_tdcs_4x1", "hd_tdcs", "hd_tdcs_focal"), _DIRECT),
        **dict.fromkeys(("tacs", "hd_tacs"), _ALTERNATING),
        "ti": _Rule(
            factors=(("current_per_pair_A",), ("duration_s",)),
            times=2.0,
            words="amplitude of both pairs x duration: an upper bound, the net charge is 0",
        ),
        "ect": _Rule(
            factors=(("peak_current_A",), ("pulse_width_s",), ("pulse_pair_frequency_Hz",), ("stimulus_duration_s",)),
            times=2.0,
            words="pulse current x pulse width x 2 x pulse pairs a second x stimulus duration",
        ),
        "dbs": _Rule(
            factors=(("amplitude_A",), ("pulse_width_s",), ("frequency_Hz",), ("duration_s",)),
            times=1.0,
            words="first phase of every pulse: amplitude x pulse width x rate x duration; the second phase takes it "
            "back",
        ),
        **dict.fromkeys(("tms", "rtms_1hz", "rtms_10hz", "itbs", "ctbs", "snt", "mst"), None),
    }
)

_DURATION: Mapping[str, str] = MappingProxyType({"ect": "stimulus_duration_s", "mst": "stimulus_duration_s"})


def delivered_charge(protocol: Mapping[str, Any]) -> Charge:
    """Return the charge of one session.

    Parameters
    ----------
    protocol
        Flat record: `technique`, and the quantities of the module docstring; missing ones absent. `charge_C`, where
        given, has to agree.

    Raises
    ------
    PlanError
        Unknown technique.
    DataError
        A quantity that is no number of 0 or more, or a charge that contradicts current and time.
    """
    technique = str(protocol.get("technique", ""))
    if technique not in _RULES:
        raise PlanError(f"technique {technique!r} has no rule for its charge; techniques with one: {', '.join(_RULES)}")
    rule = _RULES[technique]
    if rule is None:
        return Charge(charge_C=None, words="no current passes through an electrode")
    stated = _number(protocol, "charge_C")
    known = [_first(protocol, names) for names in rule.factors]
    missing = [" or ".join(names) for names, value in zip(rule.factors, known, strict=True) if value is None]
    if missing:
        lacking = f"{', '.join(missing)} not stated"
        return Charge(charge_C=stated, words=lacking if stated is None else f"as stated; {lacking}")
    charge = rule.times * float(np.prod([value for value in known if value is not None]))
    if stated is not None and abs(stated - charge) > AGREE * max(charge, stated):
        raise DataError(
            f"charge_C = {stated:g} contradicts {rule.words} = {charge:g} C; state one of them, or correct the other"
        )
    return Charge(charge_C=charge, words=rule.words)


def session_duration_s(protocol: Mapping[str, Any]) -> float | None:
    """Return how long the stimulation of one session lasts, s: the stimulus of ECT and MST, else the session; or "
    "None."""
    return _number(protocol, _DURATION.get(str(protocol.get("technique", "")), "duration_s"))


def _first(protocol: Mapping[str, Any], names: tuple[str, ...]) -> float | None:
    return next((value for value in (_number(protocol, name) for name in names) if value is not None), None)


def _number(protocol: Mapping[str, Any], name: str) -> float | None:
    value = protocol.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not (np.isfinite(value) and value >= 0):
        raise DataError(f"{name} = {value!r}; give a number of 0 or more, in SI units")
    return float(value)
