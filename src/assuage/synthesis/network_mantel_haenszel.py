r"""Mantel-Haenszel network meta-analysis of odds ratios: rare events without a continuity correction.

Studies that compare the same treatments are one design. Within a design of k arms, sums run over its studies:

| symbol | meaning |
|---|---|
| a_x, b_x, n_x, N | events, non-events, people of arm x; people of all arms of the study |
| C_xy = sum a_x b_y / N | |
| L_xy = log(C_xy / C_yx) | log odds ratio of x against y; two arms: that of Mantel and Haenszel |
| theta_x = sum_y L_xy / k | arms about their mean: L_xy of several arms do not close, theta_x - theta_y do [1] |

    var L_xy        = 1/2 sum [a_x b_y (a_x + b_y) / C_xy^2 + (a_x b_y (a_y + b_x) + a_y b_x (a_x + b_y)) / (C_xy C_yx)
                      + a_y b_x (a_y + b_x) / C_yx^2] / N^2                                          [2, 3]
    cov(L_xy, L_xz) = 1/3 sum [a_x b_y b_z / (C_xy C_xz) + b_x a_y a_z / (C_yx C_zx)
                      + n_x a_y b_z / (C_yx C_xz) + n_x b_y a_z / (C_xy C_zx)] / N^2                   [3]

The covariance is the mean of three estimates (the first two terms together are one) of n_x o_x n_y q_y n_z q_z / N^2
over C_xy C_xz, o odds and q = 1 - p: that is the covariance of (a_x b_y - w b_x a_y) / N and (a_x b_z - w' b_x a_z) / N
with w and w' the odds ratios. It is the same when y and z, or events and non-events, change places. Variance and
covariance hold for many small studies and for few large ones. Pairs without a common arm are independent.

The designs are then combined as if each were one study, by weighted least squares with that covariance
(`network_model`); the Q of this regression is inconsistency between designs, with sum (k - 1) - (T - 1) degrees of
freedom. The effect is common to all studies: heterogeneity within designs is neither estimated nor tested.

Studies without events in all arms, or with events only, carry nothing. An arm without events, or without non-events, in
all studies of its design has no finite odds ratio: it is taken out of the design, and what is left joins the design
that it then belongs to.

Sources: Efthimiou et al. 2019, Stat Med 38:2992, 10.1002/sim.8158 (abstract read). [2] Robins, Breslow & Greenland
1986, 10.2307/2531052. From memory and not read: [1] Mickey & Elashoff 1985, Biometrics 41:623; [3] Greenland 1989,
Biometrics 45:183. Their formulas were derived anew, simulated, and held against another program
(docs/network_meta_analysis.md).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from assuage.errors import DataError
from assuage.synthesis.network_model import Array, Network, NetworkStudy, centred_covariance, incidence
from assuage.synthesis.network_tables import CORRECTED, require_connected


def pooled_designs(network: Network) -> tuple[Network, Network]:
    """Return the network without what carries nothing, and the same with every design as one study.

    Raises
    ------
    DataError
        Another measure than the odds ratio of counts, a network that falls apart, or events too few.
    """
    if network.measure != "OR" or not all(study.events for study in network.studies):
        raise DataError(
            f"--method MH pools odds ratios of arms with events and n, and this is {network.measure}; take --method "
            "common, or --measure OR"
        )
    studies, excluded = _informative(network.studies)
    if not studies:
        raise DataError("--method MH: no two arms with events are left; take --measure RD")
    treatments = tuple(name for name in network.treatments if any(name in study.treatments for study in studies))
    require_connected(studies, treatments)
    notes = tuple(note for note in network.notes if CORRECTED not in note)
    kept = replace(
        network, studies=tuple(studies), treatments=treatments, excluded=(*network.excluded, *excluded), notes=notes
    )
    designs = tuple(
        _as_study(design, [study for study in studies if study.design == design]) for design in kept.designs
    )
    return kept, replace(kept, studies=designs)


def _informative(studies: Iterable[NetworkStudy]) -> tuple[list[NetworkStudy], list[tuple[str, str]]]:
    """Return the studies without arms that have no finite odds ratio in their design, and what was left out."""
    kept, excluded = list(studies), []
    while True:
        totals: dict[tuple[tuple[str, ...], str, bool], float] = defaultdict(float)
        for study in kept:
            for name, events, others in _arms(study):
                totals[study.design, name, True] += events
                totals[study.design, name, False] += others
        next_ones: list[NetworkStudy] = []
        for study in kept:
            bad = {
                name: "events" if totals[study.design, name, True] == 0 else "non-events"
                for name in study.treatments
                if 0 in {totals[study.design, name, True], totals[study.design, name, False]}
            }
            excluded += [
                (study.name, f"no {what} in arm {name} of any study of {' and '.join(study.design)}")
                for name, what in bad.items()
            ]
            left = _without(study, bad)
            if len(left.treatments) > 1 and _says_something(left):
                next_ones.append(left)
            elif len(left.treatments) > 1:
                excluded.append((study.name, "no event, or an event for everyone, in the arms that are left"))
        if [study.treatments for study in next_ones] == [study.treatments for study in kept]:
            return next_ones, excluded
        kept = next_ones


def _arms(study: NetworkStudy) -> list[tuple[str, float, float]]:
    """Return treatment, events and non-events of every arm."""
    return [
        (name, float(events or 0), float(people or 0) - float(events or 0))
        for name, events, people in zip(study.treatments, study.events, study.participants, strict=True)
    ]


def _says_something(study: NetworkStudy) -> bool:
    return any(events for _, events, _ in _arms(study)) and any(others for _, _, others in _arms(study))


def _without(study: NetworkStudy, names: Iterable[str]) -> NetworkStudy:
    out = set(names)
    keep = [name not in out for name in study.treatments]
    pairs = [x and y for x, y in combinations(keep, 2)]
    if all(keep):
        return study
    return replace(
        study,
        treatments=tuple(name for name, stays in zip(study.treatments, keep, strict=True) if stays),
        effects=study.effects[pairs],
        variances=study.variances[pairs],
        participants=tuple(n for n, stays in zip(study.participants, keep, strict=True) if stays),
        events=tuple(n for n, stays in zip(study.events, keep, strict=True) if stays),
    )


def _as_study(design: tuple[str, ...], studies: Sequence[NetworkStudy]) -> NetworkStudy:
    """Return a design as one study; a moderator that all its studies share stays."""
    table = np.array([[dict((n, (e, o)) for n, e, o in _arms(study))[name] for name in design] for study in studies])
    effects, variances = pooled_contrasts(table[:, :, 0], table[:, :, 1])
    values = np.linalg.eigvalsh(centred_covariance(variances, len(design)))[1:] if np.isfinite(variances).all() else [0]
    if not np.isfinite(effects).all() or min(values) <= 0:
        raise DataError(
            f"--method MH: {' and '.join(design)}: {table[:, :, 0].sum():g} events in {len(studies)} studies are too "
            "few for their odds ratios; take an arm out, or --bayes binomial with --method common"
        )
    shared = {
        key: value
        for key, value in studies[0].moderators.items()
        if all(study.moderators.get(key) == value for study in studies)
    }
    return NetworkStudy(
        name=" : ".join(design), treatments=design, effects=effects, variances=variances,
        participants=tuple(table.sum((0, 2))), events=tuple(table[:, :, 0].sum(0)), moderators=shared,
    )  # fmt: skip


def pooled_contrasts(a: Array, b: Array) -> tuple[Array, Array]:
    """Return log odds ratios (m,) of one design and their variances (m,), nan or infinite where there are none.

    Parameters
    ----------
    a, b
        Events and non-events (studies, k); contrasts in the order of `itertools.combinations`.
    """
    k = a.shape[1]
    per_person = 1.0 / (a + b).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        c = np.einsum("sx,sy,s->xy", a, b, per_person)
        arms = incidence(k)
        first, second = np.triu_indices(k, 1)
        covariance = _covariance(a, b, c, per_person**2)
        theta = arms.T @ np.log(c / c.T)[first, second] / k
        spread = arms @ (arms.T @ covariance @ arms / k**2) @ arms.T
    return arms @ theta, np.diag(spread).copy()


def _covariance(a: Array, b: Array, c: Array, w: Array) -> Array:
    """Return the covariance (m, m) of all L_xy, x before y."""

    def own(x: int, y: int) -> float:
        up, down = a[:, x] * b[:, y], a[:, y] * b[:, x]
        p, q = a[:, x] + b[:, y], a[:, y] + b[:, x]
        terms = (up * p / c[x, y] + (up * q + down * p) / c[y, x]) / c[x, y] + down * q / c[y, x] ** 2
        return float((w * terms).sum()) / 2

    def shared(x: int, y: int, z: int) -> float:
        n = a[:, x] + b[:, x]
        ways = (
            a[:, x] * b[:, y] * b[:, z] / (c[x, y] * c[x, z]) + b[:, x] * a[:, y] * a[:, z] / (c[y, x] * c[z, x]),
            n * a[:, y] * b[:, z] / (c[y, x] * c[x, z]),
            n * b[:, y] * a[:, z] / (c[x, y] * c[z, x]),
        )
        return float((w * sum(ways)).sum()) / 3

    pairs = list(combinations(range(a.shape[1]), 2))
    matrix = np.zeros((len(pairs), len(pairs)))
    for i, (x, y) in enumerate(pairs):
        matrix[i, i] = own(x, y)
        for j, (u, v) in enumerate(pairs[:i]):
            common = {x, y} & {u, v}
            if common:
                hub = common.pop()
                sign = 1.0 if (x == hub) == (u == hub) else -1.0
                matrix[i, j] = matrix[j, i] = sign * shared(hub, x + y - hub, u + v - hub)
    return matrix
