"""One network meta-analysis: both models, heterogeneity, league table, inconsistency and ranks in one record.

| what | how |
|---|---|
| confidence interval | estimate -/+ z se, normal |
| prediction interval | estimate -/+ t sqrt(se^2 + tau^2), t with df_Q - 1 degrees of freedom (Higgins et al. 2009) |
| league table | every pair; direct, indirect and network side by side |
| z, p | estimate / se, two-sided normal |
| MH | designs pooled by `network_mantel_haenszel` stand for studies; Q is inconsistency; no tau^2, no I^2 |

Source of the prediction interval: 10.1111/j.1467-985X.2008.00552.x.
"""

import math
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from assuage.errors import DataError
from assuage.synthesis.magnitude import require_comparable
from assuage.synthesis.network_arms import RATIOS
from assuage.synthesis.network_inconsistency import (
    Decomposition,
    Estimate,
    Split,
    back_calculation,
    decompose,
    node_splits,
)
from assuage.synthesis.network_inconsistency import Test as ChiSquare
from assuage.synthesis.network_mantel_haenszel import pooled_designs
from assuage.synthesis.network_model import (
    METHODS,
    Array,
    Network,
    Rows,
    all_effects,
    consistency_columns,
    estimate_tau2,
    fit,
    i_squared,
    observed_covariance,
    rows_of,
    tau2_interval,
)
from assuage.synthesis.network_ranks import Rank, rank_treatments

SCHEMA = "assuage.nma/1"
COMMON = ("common", "MH")
"""Methods without tau^2."""
SMALL_VALUES = {"desirable": True, "good": True, "undesirable": False, "bad": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """The network at one tau^2: effects (t,) of all treatments against the reference and their covariance (t, t)."""

    name: str
    tau2: float
    effects: Array
    covariance: Array
    observed: Array | None
    """As `covariance`, with the uncertainty of tau^2 (REML and ML)."""
    splits: tuple[Split, ...]
    node_splits: tuple[Split, ...]
    ranks: tuple[Rank, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkMetaAnalysis:
    """What `network_meta_analysis` found."""

    network: Network
    fitted: Network
    """What was fitted: the network, or its designs as studies (MH)."""
    method: str
    reference: str
    small_is_good: bool
    level: float
    seed: int
    draws: int
    common: Model
    random: Model | None
    q: ChiSquare
    i2: float | None
    i2_interval: tuple[float, float] | None
    tau2: float | None
    tau2_interval: tuple[float, float] | None
    tau2_by_method: dict[str, float | None]
    decomposition: Decomposition
    notes: tuple[str, ...]

    @property
    def model(self) -> Model:
        """The model that was asked for."""
        return self.random or self.common

    @property
    def is_ratio(self) -> bool:
        """Whether effects are logarithms of ratios."""
        return self.network.measure in RATIOS

    def as_json(self) -> dict[str, Any]:
        """Return all of it for machines; keys are explained in docs/network_meta_analysis.md."""
        return _as_json(self)


def network_meta_analysis(
    network: Network,
    *,
    method: str = "DL",
    reference: str | None = None,
    small_values: str = "desirable",
    level: float = 0.95,
    seed: int = 0,
    draws: int = 20_000,
) -> NetworkMetaAnalysis:
    """Analyse a network under the common-effect and, unless `method` is common, the random-effects model.

    Parameters
    ----------
    method
        Estimator of tau^2: DL (generalised moments), REML or ML; or common; or MH (Mantel-Haenszel, common).
    reference
        Treatment that the others are shown against; default: the one that most studies use.
    small_values
        desirable or undesirable: what a small effect means for the ranking.
    level
        Of all intervals, between 0 and 1.
    seed, draws
        Of the simulation of ranks.

    Raises
    ------
    DataError
        An option that cannot be, one study only, or studies that contradict themselves.
    """
    if method not in {*METHODS, *COMMON}:
        raise DataError(f"--method {method!r} is not known; write one of {', '.join((*METHODS, *COMMON))}")
    if small_values not in SMALL_VALUES:
        raise DataError(f"--small-values {small_values!r} is not known; write desirable or undesirable")
    if not 0 < level < 1:
        raise DataError(f"--level {level:g} is not between 0 and 1; write for example 0.95")
    if seed < 0 or draws < 100:
        raise DataError(f"--seed {seed} and --draws {draws}: a seed is 0 or more, and ranks need 100 draws or more")
    if len(network.studies) < 2:
        raise DataError(f"study {network.studies[0].name} is the only one; a meta-analysis needs two studies")
    _require_comparable(network)
    network, fitted = pooled_designs(network) if method == "MH" else (network, network)
    chosen = _reference(network, reference)
    small = SMALL_VALUES[small_values]
    rows = rows_of(fitted)
    columns = consistency_columns(rows, network.treatments, chosen)
    base = fit(rows, columns, 0.0)
    by_method = {} if method == "MH" else {name: estimate_tau2(rows, columns, name) for name in METHODS}
    tau2 = None if method in COMMON else by_method[method]
    notes = [*network.notes, *_method_notes(method, base.df)]

    def model(name: str, at: float, estimator: str | None) -> Model:
        done = fit(rows, columns, at)
        effects, covariance = all_effects(done, network.treatments, chosen)
        observed = None
        if estimator in {"REML", "ML"}:
            wider = observed_covariance(rows, columns, done, restricted=estimator == "REML")
            observed = all_effects(replace(done, covariance=wider), network.treatments, chosen)[1]
        first = fit(rows, consistency_columns(rows, network.treatments, network.treatments[0]), at)
        return Model(
            name=name, tau2=at, effects=effects, covariance=covariance, observed=observed,
            splits=_counted(network, back_calculation(fitted, first)),
            node_splits=_counted(network, node_splits(fitted, rows, estimator)),
            ranks=rank_treatments(
                network.treatments, effects, covariance, small_is_good=small, level=level, draws=draws, seed=seed
            ),
        )  # fmt: skip

    i2 = None if method == "MH" else i_squared(base.q, base.df, level)
    return NetworkMetaAnalysis(
        network=network, fitted=fitted, method=method, reference=chosen, small_is_good=small, level=level,
        seed=seed, draws=draws,
        common=model("common", 0.0, None), random=None if tau2 is None else model("random", tau2, method),
        q=ChiSquare(q=base.q, df=base.df, p_value=float(stats.chi2.sf(base.q, base.df)) if base.df else None),
        i2=i2[0] if i2 else None, i2_interval=i2[1] if i2 else None, tau2=tau2,
        tau2_interval=None if method == "MH" else tau2_interval(rows, columns, level), tau2_by_method=by_method,
        decomposition=_decomposed(network, fitted, rows, method), notes=tuple(notes),
    )  # fmt: skip


def _method_notes(method: str, df: int) -> list[str]:
    if method == "MH":
        notes = ["Mantel-Haenszel takes one effect for all studies; heterogeneity within designs is not tested"]
        return notes if df > 0 else [*notes, "no two designs say the same: inconsistency cannot be tested"]
    once = "every contrast is estimated once: tau^2, Q and I^2 cannot be estimated; only the common-effect model"
    return [once] if df < 1 else []


def _counted(network: Network, splits: tuple[Split, ...]) -> tuple[Split, ...]:
    """Return splits with the number of studies, not of designs, that make each comparison."""
    return tuple(
        replace(split, studies=sum({split.first, split.second} <= set(s.treatments) for s in network.studies))
        for split in splits
    )


def _decomposed(network: Network, fitted: Network, rows: Rows, method: str) -> Decomposition:
    found = decompose(fitted, rows, "DL" if method in COMMON else method)
    if method != "MH":
        return found
    size = Counter(study.design for study in network.studies)
    return replace(
        found, designs=tuple(replace(row, studies=size[row.design]) for row in found.designs),
        interaction=found.between, interaction_tau2=None, interaction_tau2_source="common effect",
    )  # fmt: skip


def _require_comparable(network: Network) -> None:
    y, v = (np.concatenate([getattr(study, name) for study in network.studies]) for name in ("effects", "variances"))
    names = [f"study {study.name}" for study in network.studies for _ in study.effects]
    require_comparable(y, v, names, is_log=network.measure in RATIOS)


def _reference(network: Network, asked: str | None) -> str:
    if asked is None:
        count = Counter(name for study in network.studies for name in study.treatments)
        return max(network.treatments, key=lambda name: count[name])
    matches = [name for name in network.treatments if name == asked] or [
        name for name in network.treatments if name.lower() == asked.lower()
    ]
    if not matches:
        raise DataError(f"--reference {asked!r} is no treatment; the network has {', '.join(network.treatments)}")
    return matches[0]


def comparison(result: NetworkMetaAnalysis, first: str, second: str, *, model: Model | None = None) -> Split:
    """Return one comparison, first minus second, from the league table (turned round where needed)."""
    for split in (model or result.model).splits:
        if (split.first, split.second) == (first, second):
            return split
        if (split.second, split.first) == (first, second):
            return turned(split)
    raise DataError(f"no comparison of {first!r} and {second!r}; treatments are {', '.join(result.network.treatments)}")


def turned(split: Split) -> Split:
    """Return the same comparison as second minus first."""

    def swap(e: Estimate | None) -> Estimate | None:
        return None if e is None else Estimate(effect=-e.effect, se=e.se)

    network = Estimate(effect=-split.network.effect, se=split.network.se)
    return Split(
        first=split.second, second=split.first, studies=split.studies, network=network, direct=swap(split.direct),
        indirect=swap(split.indirect), direct_proportion=split.direct_proportion, difference=swap(split.difference),
        z=None if split.z is None else -split.z, p_value=split.p_value, tau2=split.tau2,
    )  # fmt: skip


def interval(estimate: Estimate, level: float) -> tuple[float, float]:
    """Return the normal confidence interval."""
    reach = float(stats.norm.ppf(0.5 + level / 2)) * estimate.se
    return estimate.effect - reach, estimate.effect + reach


def prediction(estimate: Estimate, tau2: float, df: int, level: float) -> tuple[float, float] | None:
    """Return the interval that holds the effect in a new study; None with fewer than two degrees of freedom."""
    if df < 2:
        return None
    reach = float(stats.t.ppf(0.5 + level / 2, df - 1)) * math.sqrt(estimate.se**2 + tau2)
    return estimate.effect - reach, estimate.effect + reach


def _as_json(result: NetworkMetaAnalysis) -> dict[str, Any]:
    network, found = result.network, result.decomposition
    pairs = [split for split in result.common.splits if split.studies]
    return {
        "schema": SCHEMA, "measure": network.measure, "scale": "log" if result.is_ratio else "identity",
        "method": result.method, "model": result.model.name,
        "level": result.level, "reference": result.reference,
        "small_values": "desirable" if result.small_is_good else "undesirable",
        "treatments": list(network.treatments), "n_studies": len(network.studies),
        "n_treatments": len(network.treatments), "n_designs": len(network.designs),
        "n_pairwise_comparisons": sum(split.studies for split in pairs), "n_direct_comparisons": len(pairs),
        "columns": dict(network.columns), "notes": list(result.notes),
        "excluded": [{"study": name, "why": why} for name, why in network.excluded],
        "tau2": result.tau2, "tau": None if result.tau2 is None else math.sqrt(result.tau2),
        "tau2_ci": _pair(result.tau2_interval), "tau2_by_method": dict(result.tau2_by_method),
        "q": result.q.q, "q_df": result.q.df, "q_p_value": result.q.p_value,
        "i2_percent": None if result.i2 is None else 100 * result.i2,
        "i2_ci_percent": None if result.i2_interval is None else [100 * bound for bound in result.i2_interval],
        "inconsistency": {
            "total": asdict(found.total), "within_designs": asdict(found.within),
            "between_designs": asdict(found.between),
            "design_by_treatment": {
                **asdict(found.interaction), "tau2": found.interaction_tau2, "tau2_from": found.interaction_tau2_source,
                "method": "DL" if result.method == "common" else result.method,
            },
            "designs": [
                {
                    "design": list(row.design), "studies": row.studies, "within": asdict(row.within),
                    "between_after_detaching": asdict(row.detached),
                }
                for row in found.designs
            ],
        },
        "common": _model_json(result, result.common),
        "random": _model_json(result, result.random) if result.random else None,
    }  # fmt: skip


def _pair(value: tuple[float, float] | None) -> list[float] | None:
    return None if value is None else list(value)


def _model_json(result: NetworkMetaAnalysis, model: Model) -> dict[str, Any]:
    reference, treatments = result.reference, result.network.treatments
    against = [
        _split_json(result, comparison(result, name, reference, model=model), model)
        for name in treatments
        if name != reference
    ]
    if model.observed is not None:
        for row in against:
            at = treatments.index(row["treatment1"])
            row["se_observed"] = math.sqrt(model.observed[at, at])
    return {
        "tau2": model.tau2,
        "against_reference": [{"treatment": row.pop("treatment1"), **row} for row in against],
        "league": [_split_json(result, split, model) for split in model.splits],
        "node_splits": [_node_json(result, split) for split in model.node_splits],
        "ranks": [asdict(rank) for rank in model.ranks],
        "covariance": {
            "treatments": [name for name in treatments if name != reference],
            "matrix": _without(model.covariance, treatments.index(reference)),
        },
    }


def _without(matrix: Array, place: int) -> list[list[float]]:
    return np.delete(np.delete(matrix, place, 0), place, 1).tolist()  # type: ignore[no-any-return]


def estimate_json(result: NetworkMetaAnalysis, estimate: Estimate | None) -> dict[str, Any] | None:
    """Return an estimate with interval, z and p, and for ratios the same as a ratio; None stays None."""
    if estimate is None:
        return None
    low, high = interval(estimate, result.level)
    z = estimate.effect / estimate.se
    row: dict[str, Any] = {
        "estimate": estimate.effect, "se": estimate.se, "ci_low": low, "ci_high": high, "z": z,
        "p_value": float(2 * stats.norm.sf(abs(z))),
    }  # fmt: skip
    if result.is_ratio:
        # beyond e^700 no number is left
        ratio, ratio_low, ratio_high = (math.exp(min(x, 700.0)) for x in (estimate.effect, low, high))
        row |= {"ratio": ratio, "ratio_low": ratio_low, "ratio_high": ratio_high}
    return row


def _split_json(result: NetworkMetaAnalysis, split: Split, model: Model) -> dict[str, Any]:
    row = {"treatment1": split.first, "treatment2": split.second, **(estimate_json(result, split.network) or {})}
    if model.name == "random":
        row["prediction"] = _pair(prediction(split.network, model.tau2, result.q.df, result.level))
    return row | _evidence_json(result, split)


def _node_json(result: NetworkMetaAnalysis, split: Split) -> dict[str, Any]:
    return {"treatment1": split.first, "treatment2": split.second, "tau2": split.tau2} | _evidence_json(result, split)


def _evidence_json(result: NetworkMetaAnalysis, split: Split) -> dict[str, Any]:
    difference = None
    if split.difference is not None:
        low, high = interval(split.difference, result.level)
        difference = {
            "estimate": split.difference.effect, "se": split.difference.se, "ci_low": low, "ci_high": high,
            "z": split.z, "p_value": split.p_value,
        }  # fmt: skip
    return {
        "studies": split.studies, "direct_proportion": split.direct_proportion,
        "direct": estimate_json(result, split.direct), "indirect": estimate_json(result, split.indirect),
        "difference": difference,
    }  # fmt: skip
