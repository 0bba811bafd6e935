"""The order of the techniques, in words."""

from assuage.plan.order_records import Rank, Ranking
from assuage.plan.records import TechniqueRecord
from assuage.plan.regions import DOSE_SHARE

RULE = (
    "Techniques that a limit stops come last, those that need surgery before them, those that need anaesthesia before"
    f" these. Of the others, those whose proposal gives at least {DOSE_SHARE:g} of their own best under C3 come first:"
    " of what the same technique, optimised for it, gives the cortex there. Within each group the order is by "
    "selectivity: the dose in the target over the 99th percentile of the same field in the target's tissue of the "
    "whole head. It says how much of what a technique does to the brain it does where it is wanted. It does not say "
    "which technique works: a pulse of tens of V/m and a steady field of tenths of V/m act by different mechanisms, "
    "so their doses are shown beside each other, not added or weighed. What aims at another region says so with its "
    "numbers."
)


ANAESTHESIA, SURGERY = 1, 2
NEEDS = {"ect": ANAESTHESIA, "mst": ANAESTHESIA, "dbs": SURGERY}
"""What a technique asks of the person beyond sitting still; it outweighs any selectivity in the order."""


def rank(techniques: tuple[TechniqueRecord, ...], target: str) -> Ranking:
    """Order techniques by the rule, with the reasons of each place.

    Parameters
    ----------
    techniques
        Of the plan.
    target
        Name of the region that the plan is for; a technique that aims elsewhere says so with its numbers.
    """
    order = sorted(
        techniques,
        key=lambda item: (
            item.worst_verdict == "stop",
            NEEDS.get(item.technique, 0),
            item.dose.relative_to_reference < DOSE_SHARE,
            -item.dose.target_over_e99,
            item.technique,
        ),
    )
    return Ranking(
        rule=RULE,
        ranks=tuple(
            Rank(
                place=k + 1,
                technique=item.technique,
                score=item.dose.target_over_e99,
                reasons=_reasons(item, techniques, target),
            )
            for k, item in enumerate(order)
        ),
    )


def _reasons(item: TechniqueRecord, techniques: tuple[TechniqueRecord, ...], target: str) -> tuple[str, ...]:
    dose, error = item.dose, item.dose.error
    part = 100 * error.combined_sd_V_per_m / max(dose.magnitude_V_per_m, 1e-12)
    larger = "placement" if error.placement_sd_V_per_m > error.conductivity_sd_V_per_m else "tissue conductivity"
    own = _aims_at(item, target)
    where = "the target" if own == target else f"{own}, at which this technique aims instead of {target},"
    reasons = [
        f"the dose in {where} is {dose.target_over_e99:.2f} times the 99th percentile in its tissue",
        f"{dose.magnitude_V_per_m:.3g} V/m at {dose.intensity}, +-{part:.0f} % (mostly {larger})",
        f"{100 * dose.relative_to_reference:.0f} % of its {dose.reference_name} ({dose.reference_V_per_m:.3g} V/m)",
        f"half-maximum volume {dose.half_max_volume_mm3 / 1000:.1f} ml",
    ]
    beside = [other.dose.half_max_volume_mm3 for other in techniques if _aims_at(other, target) == target]
    if own == target and dose.half_max_volume_mm3 <= min(beside):
        reasons.append("smallest stimulated volume of all that aim at the target")
    stopped = [verdict.why for verdict in item.verdicts if verdict.outcome == "stop"]
    warned = [verdict.why for verdict in item.verdicts if verdict.outcome == "warn"]
    needs = NEEDS.get(item.technique)
    if needs:
        reasons.insert(0, "needs " + ("anaesthesia: comes after what does not" if needs == ANAESTHESIA else "surgery"))
    if not needs and dose.relative_to_reference < DOSE_SHARE:
        reasons.insert(0, f"less than {DOSE_SHARE:g} of its {dose.reference_name}: comes after what reaches that")
    reasons += [f"a limit stops it: {why}" for why in stopped]
    reasons += [f"caution: {why}" for why in warned]
    return tuple(reasons)


def _aims_at(item: TechniqueRecord, target: str) -> str:
    """Return the name of the region where the numbers of a technique stand."""
    return target if item.currency is None else item.currency.target
