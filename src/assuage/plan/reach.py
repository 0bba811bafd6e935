"""Whether a proposal reaches the region that it aims at: one rule for every technique, asked of what is proposed.

The rule is that of the matrix (`regions.CRITERION`). The matrix asks what a technique could do for each region if it
were optimised for that; here the proposal of the plan is judged, at the region where its own numbers stand.
"""

from assuage.plan.currency_records import ReachRecord
from assuage.plan.describe import number
from assuage.plan.records import TechniqueRecord
from assuage.plan.regions import DOSE_SHARE, STRONGER_SHARE, is_reached


def reach_of(record: TechniqueRecord) -> ReachRecord | None:
    """Return whether a proposal reaches its region, with the numbers; None where it has no field to judge by."""
    stated, dose = record.currency, record.dose
    if stated is None:
        return None
    share, stronger = dose.relative_to_reference, stated.stronger_elsewhere
    words = (
        f"{stated.target} gets {share:.2g} of the technique's {dose.reference_name} (asked: {DOSE_SHARE:g} or more); "
        f"{100 * stronger:.2g} % of the same tissue in the head gets more (asked: {100 * STRONGER_SHARE:g} % or less)"
    )
    return ReachRecord(
        target=stated.target,
        relative_to_reference=number(share),
        stronger_elsewhere=number(stronger),
        reached=is_reached(share, stronger),
        words=words,
    )
