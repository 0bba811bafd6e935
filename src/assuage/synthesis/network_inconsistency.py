"""Do direct and indirect evidence agree? Designs, the full interaction model, and node splitting.

A design is the set of treatments that a study compares. With parameters of its own for every design (k_d - 1 of them)
the network falls into separate analyses; what this model leaves is heterogeneity within designs, and what it gains over
consistency is inconsistency between designs:

    Q_total = Q_within + Q_between,   df_between = sum (k_d - 1) - (T - 1)                  (Krahn 2013, Higgins 2012)

Under random effects the interaction model gets its own tau^2 (that of the heterogeneity within designs), and the Wald
statistic of all interactions is the difference of the two Q at that tau^2. Detaching one design gives it parameters of
its own and leaves the rest consistent.

For a comparison a - b that some studies make, with tau^2 of the whole network:

| symbol | meaning |
|---|---|
| direct | inverse-variance mean of the a - b contrasts, with variances v + tau^2 |
| p = se_network^2 / se_direct^2 | proportion of direct evidence (König 2013) |
| indirect = (network - p direct) / (1 - p), variance se_network^2 / (1 - p) | back-calculation (Dias 2010) |
| z = (direct - indirect) / sqrt(se_d^2 + se_i^2) | the two agree if it is a standard normal number |

`node_splits` fits a parameter w for the difference instead and estimates tau^2 anew: a study with a and b sees d_ab +
w; in a multi-arm study w is shared by both arms, a by +w/2 and b by -w/2 (symmetrical, White 2015).

Sources: Higgins et al. 2012, Res Synth Methods 3:98, 10.1002/jrsm.1044. White et al. 2012, 10.1002/jrsm.1045. Krahn,
Binder & König 2013, BMC Med Res Methodol 13:35, 10.1186/1471-2288-13-35. König, Krahn & Binder 2013, Stat Med 32:5414,
10.1002/sim.6001. Dias et al. 2010, Stat Med 29:932, 10.1002/sim.3767. White 2015, Stata J 15:951,
10.1177/1536867X1501500403.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import stats

from assuage.synthesis.network_model import (
    Array,
    Fit,
    Network,
    Rows,
    all_effects,
    consistency_columns,
    estimate_tau2,
    fit,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A chi-square statistic with its degrees of freedom and p; p None where df is 0."""

    q: float
    df: int
    p_value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An effect with its standard error."""

    effect: float
    se: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignRow:
    """One design: its studies, Q within it, and Q between the others once it is detached."""

    design: tuple[str, ...]
    studies: int
    within: Test
    detached: Test


@dataclass(frozen=True, slots=True, kw_only=True)
class Decomposition:
    """Q decomposed, and the design-by-treatment interaction model under random effects."""

    total: Test
    within: Test
    between: Test
    designs: tuple[DesignRow, ...]
    interaction: Test
    interaction_tau2: float | None
    interaction_tau2_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """One comparison: first minus second treatment."""

    first: str
    second: str
    studies: int
    network: Estimate
    direct: Estimate | None
    indirect: Estimate | None
    direct_proportion: float
    difference: Estimate | None
    z: float | None
    p_value: float | None
    tau2: float


def chi_square(q: float, df: int) -> Test:
    """Return the statistic with its p."""
    return Test(q=max(q, 0.0), df=df, p_value=float(stats.chi2.sf(max(q, 0.0), df)) if df > 0 else None)


def _own_columns(network: Network, rows: Rows, designs: Sequence[tuple[str, ...]]) -> Array:
    """Return the columns of parameters that belong to each of `designs` alone."""
    place = {name: i for i, name in enumerate(network.treatments)}
    blocks = []
    for design in designs:
        member = np.array([network.studies[i].design == design for i in rows.study])
        blocks.append(rows.design[:, [place[name] for name in design[1:]]] * member[:, None])
    return np.hstack(blocks)


def _independent(columns: Array) -> Array:
    """Keep the columns that add to the rank of those before them."""
    kept: list[int] = []
    basis = np.zeros((columns.shape[0], 0))
    for i in range(columns.shape[1]):
        rest = columns[:, i] - basis @ (basis.T @ columns[:, i])
        rest -= basis @ (basis.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > 1e-8 * max(1.0, float(np.linalg.norm(columns[:, i]))):
            kept.append(i)
            basis = np.hstack([basis, (rest / size)[:, None]])
    return columns[:, kept]


def decompose(network: Network, rows: Rows, method: str) -> Decomposition:
    """Split Q into heterogeneity within and inconsistency between designs."""
    consistency = consistency_columns(rows, network.treatments, network.treatments[0])
    full = _own_columns(network, rows, network.designs)
    total, within = fit(rows, consistency, 0.0), fit(rows, full, 0.0)
    df_between = full.shape[1] - consistency.shape[1]
    table = []
    for design in network.designs:
        member = np.array([network.studies[i].design == design for i in rows.study])
        studies = len(set(rows.study[member].tolist()))
        left = _independent(np.hstack([consistency, _own_columns(network, rows, [design])]))
        detached = fit(rows, left, 0.0)
        table.append(
            DesignRow(
                design=design, studies=studies,
                within=chi_square(float(within.parts[member].sum()), int(member.sum()) - (len(design) - 1)),
                detached=chi_square(detached.q - within.q, full.shape[1] - left.shape[1]),
            )
        )  # fmt: skip
    tau2 = estimate_tau2(rows, full, method)
    source = "within designs"
    if tau2 is None:
        tau2, source = estimate_tau2(rows, consistency, method), "no design has two studies: that of the network"
    wald = fit(rows, consistency, tau2 or 0.0).q - fit(rows, full, tau2 or 0.0).q
    return Decomposition(
        total=chi_square(total.q, total.df), within=chi_square(within.q, within.df),
        between=chi_square(total.q - within.q, df_between), designs=tuple(table),
        interaction=chi_square(wald, df_between), interaction_tau2=tau2, interaction_tau2_source=source,
    )  # fmt: skip


def direct_estimate(network: Network, first: str, second: str, tau2: float) -> tuple[Estimate, int] | None:
    """Return the inverse-variance mean of the contrasts first - second and how many studies make them."""
    found = [c for study in network.studies if (c := study.contrast(first, second)) is not None]
    if not found:
        return None
    weights = np.array([1.0 / (variance + tau2) for _, variance in found])
    effects = np.array([effect for effect, _ in found])
    mean = float((weights * effects).sum() / weights.sum())
    return Estimate(effect=mean, se=float(weights.sum() ** -0.5)), len(found)


def back_calculation(network: Network, done: Fit) -> tuple[Split, ...]:
    """Return direct, indirect and network evidence of every pair, at the tau^2 of `done` (a consistency fit)."""
    effects, covariance = all_effects(done, network.treatments, network.treatments[0])
    splits = []
    for (i, first), (j, second) in combinations(enumerate(network.treatments), 2):
        variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
        whole = Estimate(effect=float(effects[i] - effects[j]), se=float(np.sqrt(variance)))
        found = direct_estimate(network, first, second, done.tau2)
        if found is None:
            splits.append(
                Split(
                    first=first, second=second, studies=0, network=whole, direct=None, indirect=whole,
                    direct_proportion=0.0, difference=None, z=None, p_value=None, tau2=done.tau2,
                )
            )  # fmt: skip
            continue
        direct, studies = found
        proportion = min(1.0, whole.se**2 / direct.se**2)
        indirect = difference = z = p = None
        if 1 - proportion > 1e-9:
            indirect = Estimate(
                effect=(whole.effect - proportion * direct.effect) / (1 - proportion),
                se=whole.se / float(np.sqrt(1 - proportion)),
            )
            difference, z, p = _difference(direct, indirect)
        splits.append(
            Split(
                first=first, second=second, studies=studies, network=whole, direct=direct, indirect=indirect,
                direct_proportion=proportion, difference=difference, z=z, p_value=p, tau2=done.tau2,
            )
        )  # fmt: skip
    return tuple(splits)


def _difference(direct: Estimate, indirect: Estimate) -> tuple[Estimate, float, float]:
    between = Estimate(effect=direct.effect - indirect.effect, se=float(np.hypot(direct.se, indirect.se)))
    z = between.effect / between.se
    return between, z, float(2 * stats.norm.sf(abs(z)))


def node_splits(network: Network, rows: Rows, method: str | None) -> tuple[Split, ...]:
    """Refit with a parameter for direct minus indirect, for every comparison that has both.

    `method` None is the common-effect model; else tau^2 is estimated anew in each fit.
    """
    place = {name: i for i, name in enumerate(network.treatments)}
    splits = []
    for first, second in combinations(network.treatments, 2):
        compares = np.array([{first, second} <= set(network.studies[i].treatments) for i in rows.study])
        if not compares.any():
            continue
        shift = (rows.design[:, place[first]] - rows.design[:, place[second]]) / 2 * compares
        base = consistency_columns(rows, network.treatments, second)
        columns = np.hstack([base, shift[:, None]])
        if np.linalg.matrix_rank(columns, tol=1e-8) < columns.shape[1]:
            continue
        tau2 = 0.0 if method is None else estimate_tau2(rows, columns, method) or 0.0
        done, whole = fit(rows, columns, tau2), fit(rows, base, tau2)
        at = [name for name in network.treatments if name != second].index(first)
        cov = done.covariance
        indirect = Estimate(effect=float(done.beta[at]), se=float(np.sqrt(cov[at, at])))
        direct_variance = cov[at, at] + cov[-1, -1] + 2 * cov[at, -1]
        difference = Estimate(effect=float(done.beta[-1]), se=float(np.sqrt(cov[-1, -1])))
        z = difference.effect / difference.se
        splits.append(
            Split(
                first=first, second=second, studies=len(set(rows.study[compares].tolist())),
                network=Estimate(effect=float(whole.beta[at]), se=float(np.sqrt(whole.covariance[at, at]))),
                direct=Estimate(effect=float(done.beta[at] + done.beta[-1]), se=float(np.sqrt(direct_variance))),
                indirect=indirect, direct_proportion=float(whole.covariance[at, at] / direct_variance),
                difference=difference, z=z, p_value=float(2 * stats.norm.sf(abs(z))), tau2=tau2,
            )
        )  # fmt: skip
    return tuple(splits)
