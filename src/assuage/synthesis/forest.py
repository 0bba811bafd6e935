"""The forest plot: every effect with its interval, squares by weight, pooled diamond, prediction interval."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from scipy.stats import norm

from assuage.figures import ACCENT, INK, MUTED, RULE, drawing
from assuage.synthesis.analysis import Analysis
from assuage.synthesis.heterogeneity import Array
from assuage.synthesis.measures import back_transform
from assuage.synthesis.pooling import Fit, Omnibus

ROW_IN, HEAD_IN, FOOT_IN = 0.235, 0.42, 0.82
LONGEST_LABEL = 44
LARGEST_SQUARE, SMALLEST_SQUARE = 62.0, 5.0
WIDTH_IN, TEXT_IN = 3.6, 2.25
_RATIO_TICKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the plot: a study, a heading, a pooled diamond, or a prediction interval."""

    kind: str
    label: str
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    weight_percent: float = math.nan


def forest_figure(analysis: Analysis) -> Figure:
    """Draw the forest plot of an analysis; heterogeneity stands below, ratios are on a logarithmic axis."""
    lines = forest_lines(analysis)
    name = analysis.effects.measure.name
    labels = max(len(_short(line.label)) for line in lines)
    left_in = 0.25 + 0.068 * labels
    width, height = left_in + WIDTH_IN + TEXT_IN, HEAD_IN + FOOT_IN + ROW_IN * len(lines)
    with drawing():
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((left_in / width, FOOT_IN / height, WIDTH_IN / width, ROW_IN * len(lines) / height))
        limits = _limits(lines, name)
        axes.set_xlim(*limits)
        axes.set_ylim(len(lines) - 0.5, -0.5)
        top = max((line.weight_percent for line in lines if line.kind == "study"), default=1.0)
        digits = _digits(lines, name)
        for row, line in enumerate(lines):
            _draw(axes, row, line, limits, top)
            _write(axes, row, line, name, digits, left=left_in / WIDTH_IN, indent=0.04 * bool(analysis.subgroups))
        _frame(axes, lines, analysis, left_in / WIDTH_IN)
        figure.text(0.03 * WIDTH_IN / width, 0.13 / height, heterogeneity_words(analysis), color=MUTED, fontsize=7.8)
    return figure


def forest_lines(analysis: Analysis) -> list[Line]:
    """Return the lines of the plot from top to bottom."""
    effects, fit = analysis.effects, analysis.fit
    z = float(norm.ppf(0.5 + fit.level / 2))
    half = z * np.sqrt(effects.v)
    weights = _weights(analysis)

    def study(i: int) -> Line:
        y = float(effects.y[i])
        return Line(kind="study", label=effects.labels[i], estimate=y, low=y - float(half[i]), high=y + float(half[i]),
                    weight_percent=float(weights[i]))  # fmt: skip

    lines: list[Line] = []
    if analysis.subgroups:
        placed = _groups(analysis)
        for name, group in analysis.subgroups.groups:
            lines.append(Line(kind="heading", label=name))
            lines += [study(i) for i in placed[name]]
            lines += [_diamond(group, _model_words(group.method), kind="part"), Line(kind="gap", label="")]
        loose = sorted(set(range(effects.k)) - {i for members in placed.values() for i in members})
        lines += [study(i) for i in loose]
    else:
        lines += [study(i) for i in range(effects.k)]
        lines.append(Line(kind="gap", label=""))
    return lines + _summary(analysis)


def _groups(analysis: Analysis) -> dict[str, list[int]]:
    """Return the effects of each subgroup, found by their values (each fit keeps its own)."""
    result: dict[str, list[int]] = {}
    taken: set[int] = set()
    for name, group in analysis.subgroups.groups if analysis.subgroups else ():
        members = []
        for y, v in zip(group.y, group.v, strict=True):
            same = np.flatnonzero((analysis.effects.y == y) & (analysis.effects.v == v))
            i = next(int(j) for j in same if int(j) not in taken)
            taken.add(i)
            members.append(i)
        result[name] = members
    return result


def _weights(analysis: Analysis) -> Array:
    if analysis.multilevel is None:
        return analysis.fit.weights_percent
    fit = analysis.multilevel
    weights = np.zeros(fit.k)
    for rows, sigma in zip(fit.blocks, fit.sigma, strict=True):
        weights[rows] = np.linalg.solve(sigma, np.ones(rows.size))
    return np.asarray(100 * weights / weights.sum())


def _model_words(method: str) -> str:
    return "Common effect" if method == "EE" else f"Random effects ({method})"


def _diamond(fit: Fit, label: str, *, kind: str) -> Line:
    c = fit.coefficients
    return Line(kind=kind, label=label, estimate=float(c.estimate[0]), low=float(c.ci_low[0]), high=float(c.ci_high[0]))


def _summary(analysis: Analysis) -> list[Line]:
    """Return the diamond and the prediction interval of the model asked for; none of a meta-regression."""
    level = f"{100 * analysis.choices.level:g} %"
    counted = analysis.counted_result
    if counted:
        label = "Mantel-Haenszel" if counted.method == "MH" else "Peto"
        return [Line(kind="pooled", label=label, estimate=counted.estimate, low=counted.ci_low, high=counted.ci_high)]
    prediction = (analysis.multilevel or analysis.fit).prediction
    c = analysis.robust or (analysis.multilevel or analysis.fit).coefficients
    if c.estimate.size != 1 or (analysis.multilevel is None and not analysis.fit.intercept_only):
        return []
    label = "Multilevel model" if analysis.multilevel else _model_words(analysis.fit.method)
    lines = [
        Line(
            kind="pooled", label=label, estimate=float(c.estimate[0]), low=float(c.ci_low[0]), high=float(c.ci_high[0])
        )
    ]
    if prediction:
        lines.append(
            Line(kind="prediction", label=f"Prediction interval, {level}", low=prediction[0], high=prediction[1])
        )
    return lines


def _limits(lines: list[Line], name: str) -> tuple[float, float]:
    """Return the range of the axis: all intervals, cut where they are far wider than most."""
    low = np.array([line.low for line in lines if math.isfinite(line.low)])
    high = np.array([line.high for line in lines if math.isfinite(line.high)])
    centre = np.array([line.estimate for line in lines if math.isfinite(line.estimate)])
    reach = 4 * max(float(np.median(high - low)), float(np.ptp(centre)) / 2, 1e-9)
    middle = float(np.median(centre))
    pooled = [x for line in lines if line.kind in {"pooled", "prediction"} for x in (line.low, line.high)]
    bottom = min(max(float(low.min()), middle - reach), float(centre.min()), *pooled or [math.inf])
    top = max(min(float(high.max()), middle + reach), float(centre.max()), *pooled or [-math.inf])
    null = null_value(name)
    if null is not None:
        bottom, top = min(bottom, null), max(top, null)
    margin = 0.03 * (top - bottom)
    return bottom - margin, top + margin


def null_value(name: str) -> float | None:
    """Return the value that says no effect; None for a proportion, rate or mean of one group."""
    return None if name in {"PR", "PLN", "PLO", "PAS", "PFT", "IR", "IRLN", "MN"} else 0.0


def _draw(axes: Axes, row: int, line: Line, limits: tuple[float, float], top: float) -> None:
    if line.kind == "study":
        _whisker(axes, row, line, limits)
        size = max(SMALLEST_SQUARE, LARGEST_SQUARE * line.weight_percent / top)
        axes.scatter([line.estimate], [row], s=size, marker="s", color=ACCENT, linewidth=0, zorder=3)
    elif line.kind in {"pooled", "part"}:
        tall = 0.36 if line.kind == "pooled" else 0.27
        corners = [(line.low, row), (line.estimate, row - tall), (line.high, row), (line.estimate, row + tall)]
        axes.add_patch(
            Polygon(corners, closed=True, facecolor=INK if line.kind == "pooled" else MUTED, edgecolor="none", zorder=3)
        )
    elif line.kind == "prediction":
        axes.plot([line.low, line.high], [row, row], color=INK, linewidth=3.2, solid_capstyle="butt", zorder=3)


def _whisker(axes: Axes, row: int, line: Line, limits: tuple[float, float]) -> None:
    """Draw an interval; where it leaves the axis, an arrow says so."""
    low, high = max(line.low, limits[0]), min(line.high, limits[1])
    axes.plot([low, high], [row, row], color=INK, linewidth=0.9, zorder=2, solid_capstyle="butt")
    for end, cut, mark in ((low, line.low < limits[0], "<"), (high, line.high > limits[1], ">")):
        if cut:
            axes.plot([end], [row], marker=mark, markersize=4, color=INK, clip_on=False, zorder=3)


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1].rstrip() + "…"


def _write(axes: Axes, row: int, line: Line, name: str, digits: int, *, left: float, indent: float) -> None:
    bold = "bold" if line.kind in {"pooled", "heading"} else "normal"
    colour = MUTED if line.kind == "part" else INK
    transform = axes.get_yaxis_transform()
    start = -left + 0.03 + (indent if line.kind in {"study", "part"} else 0.0)
    axes.text(start, row, _short(line.label), transform=transform, va="center", ha="left", weight=bold, color=colour)
    if not math.isfinite(line.low):
        return
    interval = f"[{_number(line.low, name, digits)}, {_number(line.high, name, digits)}]"
    text = interval if line.kind == "prediction" else f"{_number(line.estimate, name, digits)} {interval}"
    right = 1 + TEXT_IN / WIDTH_IN
    axes.text(right - 0.19, row, text, transform=transform, va="center", ha="right", weight=bold, color=colour)
    if math.isfinite(line.weight_percent):
        axes.text(right - 0.03, row, f"{line.weight_percent:.1f}", transform=transform, va="center", ha="right")


def _number(value: float, name: str, digits: int) -> str:
    """Return a value on the scale people read."""
    text = f"{_shown(value, name):.{digits}f}"
    return (text if float(text) else text.lstrip("-")).replace("-", "−")


def _shown(value: float, name: str) -> float:
    back = back_transform(name, value)
    return value if back is None else back


def _digits(lines: list[Line], name: str) -> int:
    """Return how many decimals tell the typical effect apart from 0, the same for every line."""
    size = float(np.median([abs(_shown(line.high, name)) for line in lines if math.isfinite(line.high)]))
    return 1 if size >= 100 else 2 if size >= 0.2 else 3 if size >= 0.02 else 4


def _frame(axes: Axes, lines: list[Line], analysis: Analysis, left: float) -> None:
    name = analysis.effects.measure.name
    null = null_value(name)
    if null is not None:
        axes.axvline(null, color=MUTED, linewidth=0.8, zorder=1)
    for line in lines:
        if line.kind == "pooled":
            axes.axvline(line.estimate, color=ACCENT, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.set_yticks([])
    scale_ticks(axes, name)
    axes.set_xlabel(axis_words(analysis), labelpad=4)
    right = 1 + TEXT_IN / WIDTH_IN
    transform = axes.get_yaxis_transform()
    heading = _heading(analysis)
    for x, text, side in (
        (-left + 0.03, "Study", "left"),
        (right - 0.19, heading, "right"),
        (right - 0.03, "Weight\n%", "right"),
    ):
        axes.text(x, -0.85, text, transform=transform, ha=side, va="bottom", weight="bold", linespacing=1.05)
    axes.plot(
        [-left + 0.03, right - 0.03], [-0.62, -0.62], transform=transform, color=RULE, linewidth=0.8, clip_on=False
    )


def _heading(analysis: Analysis) -> str:
    return f"{_scale_words(analysis)} [{100 * analysis.choices.level:g} % CI]"


def _scale_words(analysis: Analysis) -> str:
    short = {
        "OR": "OR",
        "PETO": "OR",
        "RR": "RR",
        "HR": "HR",
        "IRR": "IRR",
        "SMD": "g",
        "ZCOR": "r",
        "COR": "r",
        "GEN": "Effect",
        "PLO": "Proportion",
        "PR": "Proportion",
        "PAS": "Proportion",
        "PLN": "Proportion",
    }
    return short.get(analysis.effects.measure.name, analysis.effects.measure.name)


def axis_words(analysis: Analysis) -> str:
    """Return what stands below the axis of effects."""
    measure = analysis.effects.measure
    words = {"log": measure.words.removeprefix("log ").capitalize() + " (logarithmic axis)", "atanh": "Correlation",
             "logit": "Proportion (logit axis)", "arcsine": "Proportion (arcsine axis)"}  # fmt: skip
    return words.get(measure.scale, measure.words[0].upper() + measure.words[1:])


def scale_ticks(axes: Axes, name: str) -> None:
    """Put ticks at round numbers of the scale people read."""
    low, high = axes.get_xlim()
    inverse = _inverse(name)
    if inverse is None:
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}".replace("-", "−")))
        return
    shown = _round_values(name, low, high)
    axes.xaxis.set_major_locator(FixedLocator([inverse(x) for x in shown]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{back_transform(name, x):.3g}".replace("-", "−")))


def _inverse(name: str) -> Callable[[float], float] | None:
    if back_transform(name, 0.0) is None:
        return None
    return {
        "ZCOR": math.atanh, "PLO": lambda p: math.log(p / (1 - p)), "PAS": lambda p: math.asin(math.sqrt(p))
    }.get(name, math.log)  # fmt: skip


def _round_values(name: str, low: float, high: float) -> list[float]:
    if name in {"ZCOR", "PLO", "PAS"}:
        candidates = (
            np.round(np.linspace(-0.95, 0.95, 39), 2) if name == "ZCOR" else np.round(np.linspace(0.02, 0.98, 49), 2)
        )
        step = 0.2 if name == "ZCOR" else 0.1
        bottom, top = back_transform(name, low) or 0.0, back_transform(name, high) or 0.0
        if top - bottom < 0.5:
            step /= 2
        return [float(x) for x in candidates if bottom <= x <= top and abs(x / step - round(x / step)) < 1e-9]
    inside = [x for x in _RATIO_TICKS if low <= math.log(x) <= high]
    if len(inside) < 3:
        fine = [round(m * 10.0**e, 6) for e in range(-3, 3) for m in (1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)]
        inside = [x for x in fine if low <= math.log(x) <= high]
    while len(inside) > 8:
        inside = [x for x in inside if x == 1 or round(math.log10(x) * 3) % 3 == 0] if len(inside) > 9 else inside[::2]
    return inside


def heterogeneity_words(analysis: Analysis) -> str:
    """Return the line on heterogeneity that stands below the plot."""
    if analysis.multilevel:
        fit = analysis.multilevel
        parts = ", ".join(f"σ² {level.name} {level.variance:.4f}" for level in fit.levels)
        return f"k = {fit.k}; {parts}; I² = {fit.i2_percent:.1f} %; {_q_words(fit.q)}"
    counted = analysis.counted_result
    h = analysis.fit.heterogeneity
    q = counted.q if counted else h.q
    i2 = counted.i2_percent if counted else h.i2_percent
    tau2 = "" if counted or analysis.fit.method == "EE" else f"τ² = {h.tau2:.4f}; "
    interval = "" if counted or not math.isfinite(h.i2_ci[0]) else f" ({h.i2_ci[0]:.1f} to {h.i2_ci[1]:.1f})"
    return f"k = {analysis.effects.k}; {tau2}I² = {i2:.1f} %{interval}; {_q_words(q)}"


def _q_words(q: Omnibus) -> str:
    p_value = "p < 0.0001" if q.p_value < 0.0001 else f"p = {q.p_value:.4f}"
    return f"Q({q.df1}) = {q.statistic:.2f}, {p_value}"
