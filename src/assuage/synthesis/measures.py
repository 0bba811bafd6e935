r"""Effect sizes and their sampling variances from what two groups, or one, report.

Arm 1 is the treated group. a b: events and non-events of arm 1; c d: of arm 2; n1 = a + b, n2 = c + d, N = n1 + n2.
x t: events and time at risk; m s n: mean, standard deviation, size; r: correlation.
J(q) = Γ(q/2)/(sqrt(q/2) Γ((q − 1)/2)), exact (Hedges 1981, doi:10.3102/10769986006002107).

| measure | effect y | variance v |
|---|---|---|
| OR | log ad/bc | 1/a + 1/b + 1/c + 1/d (Woolf 1955) |
| RR | log (a/n1)/(c/n2) | 1/a − 1/n1 + 1/c − 1/n2 |
| RD | a/n1 − c/n2 | ab/n1³ + cd/n2³ |
| PETO | (a − n1(a + c)/N)/V | 1/V, V = n1 n2 (a + c)(b + d)/(N²(N − 1)) [1] |
| AS | asin sqrt(a/n1) − asin sqrt(c/n2) | 1/(4 n1) + 1/(4 n2) (Rücker et al. 2009, doi:10.1002/sim.3511) |
| OR2D | OR times sqrt 3/π | v of OR times 3/π² (Hasselblad and Hedges 1995, doi:10.1037/0033-2909.117.1.167) |
| IRR, IRD | log (x1/t1)/(x2/t2); x1/t1 − x2/t2 | 1/x1 + 1/x2; x1/t1² + x2/t2² |
| MD | m1 − m2 | s1²/n1 + s2²/n2 |
| SMD | g = J(n1 + n2 − 2)(m1 − m2)/s, s pooled | 1/n1 + 1/n2 + g²/(2(n1 + n2)) [2] |
| SMD, unbiased | the same | 1/n1 + 1/n2 + (1 − (q − 2)/(q J²)) g², q = n1 + n2 − 2 [3] |
| SMDH | J(n1 + n2 − 2)(m1 − m2)/s, s² = (s1² + s2²)/2 | J²[y²A/(8s⁴) + B/s²] [5] |
| SMD1 | J(n2 − 1)(m1 − m2)/s2 | 1/n1 + 1/n2 + y²/(2 n2) (Glass 1976; Hedges 1981) |
| ROM | log m1/m2 | s1²/(n1 m1²) + s2²/(n2 m2²) (Hedges, Gurevitch, Curtis 1999, doi:10.2307/177062) |
| MC | m1 − m2 of one group | (s1² + s2² − 2 r s1 s2)/n |
| SMCC | J(n − 1)(m1 − m2)/sd of the change | 1/n + y²/(2n) (Gibbons, Hedeker, Davis 1993) |
| SMCR | J(n − 1)(m1 − m2)/s1 | 2(1 − r)/n + y²/(2n) (Becker 1988, doi:10.1111/j.2044-8317.1988.tb00901.x) |
| COR | r | (1 − r²)²/(n − 1) |
| ZCOR | atanh r | 1/(n − 3) (Fisher 1921) |
| PR PLN PLO | x/n, log x/n, log x/(n − x) | p(1 − p)/n, 1/x − 1/n, 1/x + 1/(n − x) |
| PAS PFT | asin sqrt(x/n); ½(asin sqrt(x/(n+1)) + asin sqrt((x+1)/(n+1))) | 1/(4n); 1/(4n + 2) [4] |
| IR IRLN | x/t, log x/t | x/t², 1/x |
| MN | m | s²/n |

[1] Yusuf et al. 1985, doi:10.1016/S0033-0620(85)80003-7
[2] Hedges 1982, doi:10.1037/0033-2909.92.2.490
[3] Hedges 1983, doi:10.1037/0033-2909.93.2.388
[4] Freeman and Tukey 1950
[5] Bonett 2009, Psychological Methods 14, 225; A = s1⁴/(n1 − 1) + s2⁴/(n2 − 1), B = s1²/(n1 − 1) + s2²/(n2 − 1).

PFT is turned back at the harmonic mean of the sample sizes (Miller 1978, doi:10.2307/2683464).

Zero cells: ½ is added to all four cells of a study that has a zero among them (to both counts of a rate, to x and n −
x of a proportion), and to no other study; AS, PAS and PFT need no addition. `HALF` says which measures are corrected.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

Array = NDArray[np.float64]
Pair = tuple[Array, Array]
Given = Mapping[str, Array]


def exact_j(q: Array) -> Array:
    """Return the small-sample factor J(q) of Hedges (1981) for q degrees of freedom, q > 1."""
    q = np.asarray(q, float)
    return np.asarray(np.exp(gammaln(q / 2) - gammaln((q - 1) / 2)) / np.sqrt(q / 2))


def odds_ratio(t: Given) -> Pair:
    """Log odds ratio."""
    a, b, c, d = t["a"], t["b"], t["c"], t["d"]
    return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d


def risk_ratio(t: Given) -> Pair:
    """Log risk ratio."""
    a, c, n1, n2 = t["a"], t["c"], t["a"] + t["b"], t["c"] + t["d"]
    return np.log((a / n1) / (c / n2)), 1 / a - 1 / n1 + 1 / c - 1 / n2


def risk_difference(t: Given) -> Pair:
    """Risk difference."""
    a, b, c, d = t["a"], t["b"], t["c"], t["d"]
    return a / (a + b) - c / (c + d), a * b / (a + b) ** 3 + c * d / (c + d) ** 3


def peto(t: Given) -> Pair:
    """Log odds ratio by Peto's one step from no effect."""
    a, b, c, d = t["a"], t["b"], t["c"], t["d"]
    n1, n2 = a + b, c + d
    n = n1 + n2
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = n1 * n2 * (a + c) * (b + d) / (n**2 * (n - 1))
        return (a - n1 * (a + c) / n) / variance, 1 / variance


def arcsine_difference(t: Given) -> Pair:
    """Difference of the arcsine-transformed risks."""
    n1, n2 = t["a"] + t["b"], t["c"] + t["d"]
    return np.arcsin(np.sqrt(t["a"] / n1)) - np.arcsin(np.sqrt(t["c"] / n2)), 1 / (4 * n1) + 1 / (4 * n2)


def odds_ratio_as_smd(t: Given) -> Pair:
    """Standardised mean difference behind an odds ratio of a logistic outcome."""
    y, v = odds_ratio(t)
    return y * np.sqrt(3) / np.pi, v * 3 / np.pi**2


def rate_ratio(t: Given) -> Pair:
    """Log ratio of two incidence rates."""
    return np.log(t["x1"] / t["t1"] / (t["x2"] / t["t2"])), 1 / t["x1"] + 1 / t["x2"]


def rate_difference(t: Given) -> Pair:
    """Difference of two incidence rates."""
    return t["x1"] / t["t1"] - t["x2"] / t["t2"], t["x1"] / t["t1"] ** 2 + t["x2"] / t["t2"] ** 2


def mean_difference(t: Given) -> Pair:
    """Difference of two means."""
    return t["m1"] - t["m2"], t["sd1"] ** 2 / t["n1"] + t["sd2"] ** 2 / t["n2"]


def standardised(t: Given) -> Pair:
    """Hedges' g from means and standard deviations."""
    q = t["n1"] + t["n2"] - 2
    pooled = np.sqrt(((t["n1"] - 1) * t["sd1"] ** 2 + (t["n2"] - 1) * t["sd2"] ** 2) / q)
    return hedges_g((t["m1"] - t["m2"]) / pooled, t["n1"], t["n2"])


def hedges_g(d: Array, n1: Array, n2: Array) -> Pair:
    """Hedges' g and its large-sample variance from Cohen's d (pooled standard deviation)."""
    g = exact_j(n1 + n2 - 2) * d
    return g, 1 / n1 + 1 / n2 + g**2 / (2 * (n1 + n2))


def unbiased_variance(g: Array, n1: Array, n2: Array) -> Array:
    """Return the unbiased variance of Hedges' g."""
    q = n1 + n2 - 2
    return 1 / n1 + 1 / n2 + (1 - (q - 2) / (q * exact_j(q) ** 2)) * g**2


def standardised_unequal(t: Given) -> Pair:
    """Mean difference in units of the root mean square of two standard deviations that may differ."""
    s2 = (t["sd1"] ** 2 + t["sd2"] ** 2) / 2
    j = exact_j(t["n1"] + t["n2"] - 2)
    y = j * (t["m1"] - t["m2"]) / np.sqrt(s2)
    fourth = t["sd1"] ** 4 / (t["n1"] - 1) + t["sd2"] ** 4 / (t["n2"] - 1)
    second = t["sd1"] ** 2 / (t["n1"] - 1) + t["sd2"] ** 2 / (t["n2"] - 1)
    return y, j**2 * (y**2 * fourth / (8 * s2**2) + second / s2)


def glass_delta(t: Given) -> Pair:
    """Mean difference in units of the standard deviation of arm 2."""
    y = exact_j(t["n2"] - 1) * (t["m1"] - t["m2"]) / t["sd2"]
    return y, 1 / t["n1"] + 1 / t["n2"] + y**2 / (2 * t["n2"])


def ratio_of_means(t: Given) -> Pair:
    """Log ratio of two means of the same sign."""
    y = np.log(t["m1"] / t["m2"])
    return y, t["sd1"] ** 2 / (t["n1"] * t["m1"] ** 2) + t["sd2"] ** 2 / (t["n2"] * t["m2"] ** 2)


def _change_variance(t: Given) -> Array:
    return t["sd1"] ** 2 + t["sd2"] ** 2 - 2 * t["r"] * t["sd1"] * t["sd2"]


def mean_change(t: Given) -> Pair:
    """Change of a mean within one group."""
    return t["m1"] - t["m2"], _change_variance(t) / t["n"]


def standardised_change(t: Given) -> Pair:
    """Change in units of the standard deviation of the change."""
    y = exact_j(t["n"] - 1) * (t["m1"] - t["m2"]) / np.sqrt(_change_variance(t))
    return y, 1 / t["n"] + y**2 / (2 * t["n"])


def standardised_change_raw(t: Given) -> Pair:
    """Change in units of the standard deviation of the first mean."""
    y = exact_j(t["n"] - 1) * (t["m1"] - t["m2"]) / t["sd1"]
    return y, 2 * (1 - t["r"]) / t["n"] + y**2 / (2 * t["n"])


def correlation(t: Given) -> Pair:
    """Correlation as it is."""
    return t["r"], (1 - t["r"] ** 2) ** 2 / (t["n"] - 1)


def fisher_z(t: Given) -> Pair:
    """Fisher's z of a correlation."""
    return np.arctanh(t["r"]), 1 / (t["n"] - 3)


def proportion(t: Given) -> Pair:
    """Proportion as it is."""
    p = t["x"] / t["n"]
    return p, p * (1 - p) / t["n"]


def log_proportion(t: Given) -> Pair:
    """Log of a proportion."""
    return np.log(t["x"] / t["n"]), 1 / t["x"] - 1 / t["n"]


def logit_proportion(t: Given) -> Pair:
    """Log odds of a proportion."""
    return np.log(t["x"] / (t["n"] - t["x"])), 1 / t["x"] + 1 / (t["n"] - t["x"])


def arcsine_proportion(t: Given) -> Pair:
    """Arcsine of the root of a proportion."""
    return np.arcsin(np.sqrt(t["x"] / t["n"])), 1 / (4 * t["n"])


def double_arcsine(t: Given) -> Pair:
    """Mean of two arcsines of a proportion (Freeman and Tukey)."""
    x, n = t["x"], t["n"]
    y = 0.5 * (np.arcsin(np.sqrt(x / (n + 1))) + np.arcsin(np.sqrt((x + 1) / (n + 1))))
    return y, 1 / (4 * n + 2)


def incidence_rate(t: Given) -> Pair:
    """Incidence rate as it is."""
    return t["x"] / t["t"], t["x"] / t["t"] ** 2


def log_incidence_rate(t: Given) -> Pair:
    """Log of an incidence rate."""
    return np.log(t["x"] / t["t"]), 1 / t["x"]


def single_mean(t: Given) -> Pair:
    """Mean of one group."""
    return t["m"], t["sd"] ** 2 / t["n"]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """An effect measure: what it needs, how it is computed, and on which scale it is pooled."""

    name: str
    words: str
    needs: tuple[str, ...]
    compute: Callable[[Given], Pair] | None
    scale: str = "as is"


TABLE, MEANS, RATES = ("a", "b", "c", "d"), ("m1", "sd1", "n1", "m2", "sd2", "n2"), ("x1", "t1", "x2", "t2")
PAIRED = ("m1", "sd1", "m2", "sd2", "r", "n")
HALF = {"OR", "RR", "RD", "PETO", "OR2D", "IRR", "IRD", "PR", "PLN", "PLO", "IR", "IRLN"}
"""Measures with ½ added where a count is zero."""

MEASURES: dict[str, Measure] = {
    measure.name: measure
    for measure in (
        Measure(name="OR", words="log odds ratio", needs=TABLE, compute=odds_ratio, scale="log"),
        Measure(name="RR", words="log risk ratio", needs=TABLE, compute=risk_ratio, scale="log"),
        Measure(name="RD", words="risk difference", needs=TABLE, compute=risk_difference),
        Measure(name="PETO", words="log odds ratio (Peto)", needs=TABLE, compute=peto, scale="log"),
        Measure(name="AS", words="arcsine risk difference", needs=TABLE, compute=arcsine_difference),
        Measure(
            name="OR2D", words="standardised mean difference from odds ratio", needs=TABLE, compute=odds_ratio_as_smd
        ),
        Measure(name="IRR", words="log incidence rate ratio", needs=RATES, compute=rate_ratio, scale="log"),
        Measure(name="IRD", words="incidence rate difference", needs=RATES, compute=rate_difference),
        Measure(name="MD", words="mean difference", needs=MEANS, compute=mean_difference),
        Measure(name="SMD", words="standardised mean difference (Hedges' g)", needs=MEANS, compute=standardised),
        Measure(
            name="SMDH", words="standardised mean difference, SDs differ", needs=MEANS, compute=standardised_unequal
        ),
        Measure(name="SMD1", words="standardised mean difference (Glass' delta)", needs=MEANS, compute=glass_delta),
        Measure(name="ROM", words="log ratio of means", needs=MEANS, compute=ratio_of_means, scale="log"),
        Measure(name="MC", words="mean change", needs=PAIRED, compute=mean_change),
        Measure(
            name="SMCC", words="standardised mean change (change score)", needs=PAIRED, compute=standardised_change
        ),
        Measure(
            name="SMCR",
            words="standardised mean change (raw score)",
            needs=("m1", "sd1", "m2", "r", "n"),
            compute=standardised_change_raw,
        ),
        Measure(name="COR", words="correlation", needs=("r", "n"), compute=correlation),
        Measure(name="ZCOR", words="Fisher's z of a correlation", needs=("r", "n"), compute=fisher_z, scale="atanh"),
        Measure(name="PR", words="proportion", needs=("x", "n"), compute=proportion),
        Measure(name="PLN", words="log proportion", needs=("x", "n"), compute=log_proportion, scale="log"),
        Measure(
            name="PLO", words="log odds of a proportion", needs=("x", "n"), compute=logit_proportion, scale="logit"
        ),
        Measure(name="PAS", words="arcsine proportion", needs=("x", "n"), compute=arcsine_proportion, scale="arcsine"),
        Measure(name="PFT", words="double arcsine proportion", needs=("x", "n"), compute=double_arcsine),
        Measure(name="IR", words="incidence rate", needs=("x", "t"), compute=incidence_rate),
        Measure(name="IRLN", words="log incidence rate", needs=("x", "t"), compute=log_incidence_rate, scale="log"),
        Measure(name="MN", words="mean", needs=("m", "sd", "n"), compute=single_mean),
        Measure(name="HR", words="log hazard ratio", needs=(), compute=None, scale="log"),
        Measure(name="GEN", words="effect as given", needs=(), compute=None),
    )
}

_BACK: dict[str, Callable[[Array], Array]] = {
    "log": np.exp,
    "atanh": np.tanh,
    "logit": lambda y: 1 / (1 + np.exp(-y)),
    "arcsine": lambda y: np.sin(np.clip(y, 0, np.pi / 2)) ** 2,
}


def back_transform(measure: str, y: float, n: float | None = None) -> float | None:
    """Return a value on the scale people read (ratio, correlation, proportion); None where it is that already."""
    scale = MEASURES[measure].scale
    if measure == "PFT":
        return None if n is None else _inverse_double_arcsine(y, n)
    return float(_BACK[scale](np.asarray(y))) if scale in _BACK else None


def _inverse_double_arcsine(y: float, n: float) -> float:
    """Return the proportion of a double arcsine at a sample of n (Miller 1978, doi:10.2307/2683464)."""
    low, high = (0.5 * (math.asin(math.sqrt(x / (n + 1))) + math.asin(math.sqrt((x + 1) / (n + 1)))) for x in (0.0, n))
    if y <= low or y >= high:
        return 0.0 if y <= low else 1.0
    sine = math.sin(2 * y)
    inner = sine + (sine - 1 / sine) / n
    return 0.5 * (1 - math.copysign(1.0, math.cos(2 * y)) * math.sqrt(max(0.0, 1 - inner**2)))


def with_half(measure: str, given: Given) -> tuple[dict[str, Array], NDArray[np.bool_]]:
    """Return the counts with ½ added where the module's docstring says so, and which studies that were (k,)."""
    counts = {"a", "b", "c", "d"} if "a" in given else {"x1", "x2"} if "x1" in given else {"x"}
    changed = dict(given)
    if measure not in HALF:
        return changed, np.zeros(next(iter(given.values())).shape, bool)
    zero = np.any([given[name] == 0 for name in sorted(counts)], axis=0)
    if counts == {"x"} and "n" in given:
        zero |= given["x"] == given["n"]
        changed["n"] = given["n"] + 1.0 * zero
    for name in counts:
        changed[name] = given[name] + 0.5 * zero
    return changed, np.asarray(zero, bool)
