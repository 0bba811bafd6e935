"""How far a pooled effect of two groups can be trusted: the domains of `network_confidence` without incoherence.

| domain | from |
|---|---|
| within-study bias, indirectness | what is said of every study (low, some, high), weighted by its share |
| reporting bias | nothing in a table of results says it: not coded |
| imprecision | the confidence interval of the pooled effect against the smallest effect that matters |
| heterogeneity | its prediction interval, likewise |

A domain without what it needs is "not coded" and never fine; the grade is then the best that it can still be.

Source: Nikolakopoulou et al. 2020, PLoS Med 17:e1003082, 10.1371/journal.pmed.1003082. CINeMA is made for networks; its
domains but incoherence apply to one comparison as they are.
"""

from collections.abc import Mapping
from dataclasses import replace

from assuage.synthesis.analysis import Analysis
from assuage.synthesis.network_confidence import (
    UNJUDGED,
    Confidence,
    Domain,
    grade,
    heterogeneity,
    imprecision,
    smallest_effect,
    weighted,
)
from assuage.synthesis.pooling import Fit

NOT_CODED = "not coded"


def pairwise_confidence(
    analysis: Analysis,
    *,
    arms: tuple[str, str],
    rob: Mapping[str, str],
    indirectness: Mapping[str, str],
    important: float | None = None,
) -> Confidence:
    """Judge a plain pooled effect by five domains.

    Parameters
    ----------
    arms
        What was compared with what.
    rob, indirectness
        Label of a study -> low, some or high; blank or missing: not coded.
    important
        The smallest effect that matters: a ratio above 1 for ratios, else a difference above 0.

    Raises
    ------
    DataError
        `important` is not that.
    """
    effects, fit = analysis.effects, analysis.fit
    delta = smallest_effect(important, ratio=effects.measure.scale == "log", measure=effects.measure.name)
    shares = dict(zip(effects.labels, (float(w) / 100 for w in fit.weights_percent), strict=True))
    narrow = interval_of(fit)
    domains = {
        "within-study bias": weighted(rob, shares, "rob"),
        "reporting bias": Domain(judgement=UNJUDGED, why="nobody searched for what was not published"),
        "indirectness": weighted(indirectness, shares, "indirectness"),
        "imprecision": imprecision(narrow, delta),
        "heterogeneity": heterogeneity(narrow, fit.prediction, delta),
    }
    said = {
        name: replace(domain, judgement=NOT_CODED) if domain.judgement == UNJUDGED else domain
        for name, domain in domains.items()
    }
    return Confidence(first=arms[0], second=arms[1], domains=said, grade=grade(said))


def interval_of(fit: Fit) -> tuple[float, float]:
    """Return the confidence interval of a pooled effect, on the scale of analysis."""
    return float(fit.coefficients.ci_low[0]), float(fit.coefficients.ci_high[0])
