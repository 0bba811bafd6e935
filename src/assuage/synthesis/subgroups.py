"""Subgroups: a pooled effect in each, and whether they differ.

Q between, tau² in each: Σ w_g (b_g − b)²/1, w_g = 1/se_g², b their weighted mean, chi² with g − 1 (Borenstein et al.
2009, Introduction to Meta-Analysis, ch. 19). Q between, one tau²: the omnibus test of a meta-regression on the groups
(`pooling`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from assuage.errors import DataError
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.pooling import Fit, Omnibus, pool


@dataclass(frozen=True, kw_only=True)
class Subgroups:
    """Name and fit of each subgroup, and the tests between them (one tau²: None where it cannot be fitted)."""

    column: str
    groups: tuple[tuple[str, Fit], ...]
    separate_tau2: Omnibus
    common_tau2: Omnibus | None


def subgroups(
    y: Array, v: Array, labels: Sequence[str], *, column: str, method: str, test: str, level: float
) -> Subgroups:
    """Pool effects y (k,) of variances v (k,) in each group of `labels` (k,).

    Raises
    ------
    DataError
        There is one group only.
    """
    names = sorted(set(labels), key=lambda text: (text.casefold(), text))
    if len(names) < 2:
        raise DataError(f"subgroups by {column!r}: there is one group only; leave --subgroup out")
    member = np.array(labels)
    fits = tuple(
        (name, pool(y[member == name], v[member == name], method=method, test=test, level=level)) for name in names
    )
    b = np.array([float(fit.coefficients.estimate[0]) for _, fit in fits])
    w = np.array([1 / float(fit.coefficients.se[0]) ** 2 for _, fit in fits])
    q = float(np.sum(w * (b - np.sum(w * b) / np.sum(w)) ** 2))
    df = len(names) - 1
    x = np.column_stack([np.ones(y.size)] + [(member == name).astype(float) for name in names[1:]])
    common = None
    if y.size > len(names):
        common = pool(y, v, x, names=("intercept", *names[1:]), method=method, test=test, level=level).moderators
    return Subgroups(
        column=column,
        groups=fits,
        separate_tau2=Omnibus(statistic=q, df1=df, df2=None, p_value=float(chi2.sf(q, df))),
        common_tau2=common,
    )
