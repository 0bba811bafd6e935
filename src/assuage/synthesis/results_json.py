"""A pairwise meta-analysis as one JSON document: numbers unrounded, null where there is none."""

import math
from collections.abc import Callable
from typing import Any

from scipy.stats import norm

from assuage.synthesis.analysis import Analysis
from assuage.synthesis.multilevel import MultilevelFit
from assuage.synthesis.p_curve import CurveTest, PCurve
from assuage.synthesis.pooling import Coefficients, Fit, Omnibus
from assuage.synthesis.small_study import SmallStudy
from assuage.synthesis.subgroups import Subgroups
from assuage.synthesis.trim_fill import TrimFill
from assuage.synthesis.two_by_two import CountFit

SCHEMA = "assuage.meta/1"

Back = Callable[[float], float | None]
"""From the scale that is pooled to the one that people read; None where they are the same."""


def as_json(analysis: Analysis, *, source: str) -> dict[str, Any]:
    """Return everything of an analysis for machines."""
    effects, choices, fit = analysis.effects, analysis.choices, analysis.fit
    name, back = effects.measure.name, effects.back
    document = {
        "schema": SCHEMA,
        "file": source,
        "measure": {"name": name, "words": effects.measure.words, "scale": effects.measure.scale},
        "k": effects.k,
        "dropped": [{"row": d.line, "label": d.label, "why": d.why} for d in effects.dropped],
        "notes": list(analysis.notes),
        "model": {
            "kind": _kind(analysis), "method": choices.method, "test": choices.test, "level": choices.level,
            "moderators": list(choices.moderators), "cluster": list(choices.cluster), "rho": choices.rho,
            "robust": choices.robust,
        },
        **_main(analysis),
        "independent_effects_model": _fit(fit, back),
        "mantel_haenszel_and_peto": [_counted(counted, back) for counted in analysis.counted],
        "by_method": {method: _fit(one, back, short=True) for method, one in analysis.by_method.items()},
        "by_test": {test: _fit(one, back, short=True) for test, one in analysis.by_test.items()},
        "multilevel": _multilevel(analysis.multilevel, back),
        "robust": analysis.robust.rows() if analysis.robust else None,
        "subgroups": _subgroups(analysis.subgroups, back),
        "studies": _studies(analysis),
        "influence": _influence(analysis),
        "small_study": _small_study(analysis.small_study),
        "trim_and_fill": {estimator: _trim(one, back) for estimator, one in analysis.trim_fill.items()},
        "p_curve": _p_curve(analysis.p_curve),
    }  # fmt: skip
    return dict(_clean(document))


def _kind(analysis: Analysis) -> str:
    if analysis.counted_result:
        return analysis.counted_result.method
    if analysis.multilevel:
        return "multilevel"
    return "common effect" if analysis.fit.method == "EE" else "random effects"


def _main(analysis: Analysis) -> dict[str, Any]:
    """Return the result of the model that was asked for, under the same keys whatever the model."""
    back = analysis.effects.back
    counted = analysis.counted_result
    if counted:
        return _counted(counted, back)
    if analysis.multilevel:
        return {**_multilevel(analysis.multilevel, back, robust=analysis.robust)}  # type: ignore[dict-item]
    return _fit(analysis.fit, back)


def _first(coefficients: Coefficients, back: Back, *, pooled: bool) -> dict[str, Any]:
    row = coefficients.rows()[0]
    result = {key: row[key] for key in ("estimate", "se", "statistic", "p_value", "ci_low", "ci_high", "df")}
    if pooled:
        result["back_transformed"] = _back(back, row["estimate"], row["ci_low"], row["ci_high"])
    return result


def _back(back: Back, estimate: float, low: float, high: float) -> dict[str, float | None] | None:
    if back(estimate) is None:
        return None
    return {
        key: back(value) for key, value in zip(("estimate", "ci_low", "ci_high"), (estimate, low, high), strict=True)
    }


def _prediction(low_high: tuple[float, float] | None, df: float | None, back: Back) -> dict[str, Any] | None:
    if low_high is None:
        return None
    low, high = low_high
    return {
        "low": low, "high": high, "df": df,
        "back_transformed": None if back(low) is None
        else {"low": back(low), "high": back(high)},
    }  # fmt: skip


def _omnibus(test: Omnibus | None) -> dict[str, Any] | None:
    if test is None:
        return None
    return {
        "statistic": test.statistic, "kind": "chi2" if test.df2 is None else "F",
        "df": test.df1, "df2": test.df2, "p_value": test.p_value,
    }  # fmt: skip


def _fit(fit: Fit, back: Back, *, short: bool = False) -> dict[str, Any]:
    h = fit.heterogeneity
    result = {
        **_first(fit.coefficients, back, pooled=fit.intercept_only),
        "prediction_interval": _prediction(fit.prediction, fit.prediction_df, back),
        "tau2": h.tau2, "tau2_se": h.tau2_se, "tau2_ci": list(h.tau2_ci), "tau": math.sqrt(h.tau2),
        "tau_ci": [math.sqrt(bound) for bound in h.tau2_ci],
        "i2_percent": h.i2_percent, "i2_ci_percent": list(h.i2_ci), "h2": h.h2, "h2_ci": list(h.h2_ci),
        "i2_from_q_percent": h.i2_from_q[0], "i2_from_q_ci_percent": list(h.i2_from_q[1:]),
        "q": h.q.statistic, "q_df": h.q.df1, "q_p_value": h.q.p_value,
        "r2_percent": fit.r2_percent, "moderator_test": _omnibus(fit.moderators),
    }  # fmt: skip
    if not short or not fit.intercept_only:
        result["coefficients"] = fit.coefficients.rows()
    if not short:
        result["fit_statistics"] = {
            likelihood: {"log_likelihood": i.log_likelihood, "aic": i.aic, "bic": i.bic, "aicc": i.aicc}
            for likelihood, i in fit.likelihood.items()
        }
    return result


def _counted(fit: CountFit, back: Back) -> dict[str, Any]:
    return {
        "method": fit.method, "k_informative": fit.k,
        "estimate": fit.estimate, "se": fit.se, "statistic": fit.statistic, "p_value": fit.p_value,
        "ci_low": fit.ci_low, "ci_high": fit.ci_high,
        "back_transformed": _back(back, fit.estimate, fit.ci_low, fit.ci_high),
        "i2_percent": fit.i2_percent, "h2": fit.h2,
        "q": fit.q.statistic, "q_df": fit.q.df1, "q_p_value": fit.q.p_value,
        "mantel_haenszel_test": _omnibus(fit.association),
    }  # fmt: skip


def _multilevel(fit: MultilevelFit | None, back: Back, *, robust: Coefficients | None = None) -> dict[str, Any] | None:
    if fit is None:
        return None
    shown = robust or fit.coefficients
    return {
        **_first(shown, back, pooled=fit.prediction is not None),
        "coefficients": shown.rows(),
        "variance_components": [
            {
                "level": level.name, "units": level.units, "sigma2": level.variance, "sigma": math.sqrt(level.variance),
                "ci": list(level.ci), "share_of_total_percent": level.share_percent,
            }
            for level in fit.levels
        ],
        "i2_percent": fit.i2_percent,
        "prediction_interval": _prediction(fit.prediction, fit.coefficients.df, back),
        "q": fit.q.statistic, "q_df": fit.q.df1, "q_p_value": fit.q.p_value,
        "moderator_test": _omnibus(fit.moderators),
        "fit_statistics": {fit.method: {
            "log_likelihood": fit.likelihood.log_likelihood, "aic": fit.likelihood.aic, "bic": fit.likelihood.bic,
            "aicc": fit.likelihood.aicc,
        }},
    }  # fmt: skip


def _subgroups(found: Subgroups | None, back: Back) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "column": found.column,
        "groups": [{"name": group, "k": fit.k, **_fit(fit, back, short=True)} for group, fit in found.groups],
        "between_separate_tau2": _omnibus(found.separate_tau2),
        "between_common_tau2": _omnibus(found.common_tau2),
    }


def _studies(analysis: Analysis) -> list[dict[str, Any]]:
    effects, fit = analysis.effects, analysis.fit
    z = float(norm.ppf(0.5 + fit.level / 2))
    rows = []
    for i, label in enumerate(effects.labels):
        y, v = float(effects.y[i]), float(effects.v[i])
        low, high = y - z * math.sqrt(v), y + z * math.sqrt(v)
        rows.append(
            {
                "label": label, "table_row": int(effects.rows[i]) + 1, "yi": y, "vi": v, "sei": math.sqrt(v),
                "people": None if math.isnan(effects.people[i]) else float(effects.people[i]),
                "ci_low": low, "ci_high": high, "weight_percent": float(fit.weights_percent[i]), "way": effects.way[i],
                "back_transformed": _back(effects.back, y, low, high),
            }
        )  # fmt: skip
    return rows


def _influence(analysis: Analysis) -> list[dict[str, Any]]:
    names = analysis.fit.coefficients.names
    return [
        {
            "label": analysis.effects.labels[d.index],
            "leave_one_out": {
                "estimate": d.estimate, "se": d.se, "p_value": d.p_value, "ci_low": d.ci_low, "ci_high": d.ci_high,
                "q": d.q, "q_p_value": d.q_p_value, "tau2": d.tau2, "i2_percent": d.i2_percent, "h2": d.h2,
            },
            "rstudent": d.rstudent, "dffits": d.dffits, "cook": d.cook, "covratio": d.covratio, "hat": d.hat,
            "dfbetas": dict(zip(names, d.dfbetas, strict=True)), "weight_percent": d.weight_percent,
            "influential": d.influential,
        }
        for d in analysis.influence
    ]  # fmt: skip


def _small_study(found: SmallStudy | None) -> dict[str, Any] | None:
    if found is None:
        return None
    mixed, classical = found.egger_mixed, found.egger_classical
    return {
        "egger_mixed": mixed
        and {"statistic": mixed.statistic, "p_value": mixed.p_value, "coefficients": mixed.coefficients.rows()},
        "egger_classical": {
            "statistic": classical.statistic,
            "p_value": classical.p_value,
            "coefficients": classical.coefficients.rows(),
        },
        "rank_test": {"kendall_tau": found.rank.tau, "p_value": found.rank.p_value, "exact": found.rank.exact},
        "pet": classical.coefficients.rows()[0],
        "peese": found.peese.rows()[0],
        "pet_peese_takes": found.pet_peese,
        "fail_safe_n": {"rosenthal": found.fail_safe_rosenthal, "rosenberg": found.fail_safe_rosenberg},
    }


def _trim(one: TrimFill, back: Back) -> dict[str, Any]:
    return {
        "side": one.side, "missing": one.missing, "missing_se": one.se,
        "added": [{"yi": float(y), "vi": float(v)} for y, v in zip(one.added_y, one.added_v, strict=True)],
        **_fit(one.fit, back, short=True),
    }  # fmt: skip


def _p_curve(curve: PCurve | None) -> dict[str, Any] | None:
    if curve is None:
        return None

    def shown(test: CurveTest) -> dict[str, float]:
        return {
            "binomial_p": test.binomial_p, "full_z": test.full_z, "full_p": test.full_p,
            "half_z": test.half_z, "half_p": test.half_p,
        }  # fmt: skip

    return {
        "flat_half_z_of_the_app": curve.flat_half_z_of_the_app,
        "given": curve.given, "significant": curve.significant, "below_025": curve.below_025,
        "right_skew": shown(curve.right_skew), "flatter_than_33_percent_power": shown(curve.flat),
        "power_percent": curve.power_percent, "power_ci90_percent": list(curve.power_ci_percent),
        "evidential_value": curve.evidential_value, "inadequate": curve.inadequate,
    }  # fmt: skip


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
