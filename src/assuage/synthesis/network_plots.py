"""Three pictures of a network: who was compared with whom, effects against the reference, ranks.

Network plot: a node's area grows with the people who got the treatment (all alike where counts are not known), a line's
width with the studies that make the comparison; multi-arm studies are shaded.
"""

import math
import textwrap
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from assuage.figures import ACCENT, INK, PALE, SERIES, drawing, styled, write
from assuage.synthesis.network_analysis import NetworkMetaAnalysis, comparison, interval, prediction
from assuage.synthesis.network_inconsistency import Estimate
from assuage.synthesis.network_model import Network

MOST_TICKS = 9
MOST_LABELS = 30
"""Lines that still carry their number; more would hide each other."""


def write_plots(result: NetworkMetaAnalysis, folder: Path) -> None:
    """Write network, forest and ranks, each as SVG and PNG, into an existing folder."""
    with drawing():
        for name, draw in (("network", network_plot), ("forest", forest_plot), ("ranks", rank_plot)):
            write(draw(result), folder, name)


def _axes(width: float, height: float) -> tuple[Figure, Any]:
    figure = styled(width, height)
    return figure, figure.add_subplot()


def network_plot(result: NetworkMetaAnalysis) -> Figure:
    """Draw treatments on a circle, in the order of their names."""
    network = result.network
    count = len(network.treatments)
    place = {
        name: (math.sin(2 * math.pi * i / count), math.cos(2 * math.pi * i / count))
        for i, name in enumerate(network.treatments)
    }
    crowded = count > 10
    figure, axes = _axes(*((10.5, 9.5) if crowded else (7.5, 6.5)))
    shaded = {study.design for study in network.studies if len(study.treatments) > 2}
    for design in sorted(shaded):
        corners = sorted((place[name] for name in design), key=lambda xy: math.atan2(xy[0], xy[1]))
        axes.add_patch(
            Polygon(
                corners,
                closed=True,
                facecolor=SERIES[4],
                alpha=min(0.18, 1.0 / len(shaded)),
                edgecolor="none",
                zorder=0,
            )
        )
    edges = Counter(pair for study in network.studies for pair in combinations(study.design, 2))
    most = max(edges.values())
    for (a, b), studies in edges.items():
        (x0, y0), (x1, y1) = place[a], place[b]
        width = (1.0 if crowded else 1.5) + 6 * (studies - 1) / max(most - 1, 4)
        axes.plot([x0, x1], [y0, y1], color=PALE, lw=width, solid_capstyle="round", zorder=1)
        if len(edges) > MOST_LABELS:
            continue
        # a third of the way keeps the labels of crossing lines apart
        at = 0.5 if count < 4 else 0.36
        axes.text(
            x0 + at * (x1 - x0), y0 + at * (y1 - y0), str(studies), ha="center", va="center", fontsize=8, color=INK,
            zorder=2, bbox={"boxstyle": "round,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85},
        )  # fmt: skip
    people = _people(network)
    largest = max(people.values()) if people else 1.0
    for name, (x, y) in place.items():
        size = 120 + 900 * (people[name] / largest) if people else 300
        axes.scatter([x], [y], s=size, color=ACCENT, edgecolor="white", lw=1.5, zorder=3)
        text = textwrap.fill(name, 18, break_long_words=False) + (f"\nn = {people[name]:,.0f}" if people else "")
        side = "left" if x > 0.15 else "right" if x < -0.15 else "center"
        height = "bottom" if y > 0.95 else "top" if y < -0.95 else "center"
        axes.text(1.16 * x, 1.13 * y, text, ha=side, va=height, color=INK, fontsize=10)
    axes.set(xlim=(-1.8, 1.8), ylim=(-1.4, 1.4), aspect="equal")
    axes.axis("off")
    said = f"{len(network.studies)} studies, {count} treatments"
    said += "; width of lines: studies" if len(edges) > MOST_LABELS else "; numbers on lines: studies"
    axes.set_title(said + ("; shaded: multi-arm" if shaded else ""), fontsize=10, color=INK)
    return figure


def _people(network: Network) -> dict[str, float]:
    """Return the people on each treatment, or nothing where a study does not tell."""
    total: dict[str, float] = dict.fromkeys(network.treatments, 0.0)
    for study in network.studies:
        if not study.participants or None in study.participants:
            return {}
        for name, number in zip(study.treatments, study.participants, strict=True):
            total[name] += number or 0.0
    return total


def forest_plot(result: NetworkMetaAnalysis) -> Figure:
    """Draw every treatment against the reference: confidence interval, and prediction interval as a thin line."""
    model = result.model
    names = [rank.treatment for rank in model.ranks if rank.treatment != result.reference]
    shown = math.exp if result.is_ratio else float
    figure, axes = _axes(9.0, 1.6 + 0.42 * len(names))
    for row, name in enumerate(reversed(names)):
        estimate = comparison(result, name, result.reference, model=model).network
        low, high = interval(estimate, result.level)
        if wide := _predicted(result, estimate):
            axes.plot([shown(wide[0]), shown(wide[1])], [row, row], color=PALE, lw=1.4, zorder=1)
        axes.plot([shown(low), shown(high)], [row, row], color=ACCENT, lw=3, solid_capstyle="butt", zorder=2)
        axes.plot([shown(estimate.effect)], [row], "s", color=INK, ms=6, zorder=3)
        text = f"{shown(estimate.effect):.2f} ({shown(low):.2f} to {shown(high):.2f})"
        axes.text(1.02, row, text, transform=axes.get_yaxis_transform(), va="center", fontsize=9, color=INK)
    axes.axvline(1 if result.is_ratio else 0, color=INK, lw=1, ls=(0, (4, 3)), zorder=0)
    if result.is_ratio:
        _log_axis(axes)
    axes.set_yticks(range(len(names)), [textwrap.fill(name, 34) for name in reversed(names)])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    better = "left" if result.small_is_good else "right"
    said = f"{_measure(result)} against {result.reference}; {better} of the line is better"
    axes.set_xlabel(textwrap.fill(said, 70))
    kind = f"random effects ({result.method})" if result.random else "common effect"
    wide_said = "; thin: prediction interval" if _predicted(result, Estimate(effect=0.0, se=1.0)) else ""
    axes.set_title(f"{kind}, {100 * result.level:g} % interval{wide_said}", fontsize=10, color=INK, loc="left")
    return figure


def _predicted(result: NetworkMetaAnalysis, estimate: Estimate) -> tuple[float, float] | None:
    if result.random is None:
        return None
    return prediction(estimate, result.random.tau2, result.q.df, result.level)


def _measure(result: NetworkMetaAnalysis) -> str:
    words = {
        "OR": "Odds ratio", "RR": "Risk ratio", "HR": "Hazard ratio", "IRR": "Rate ratio", "ROM": "Ratio of means",
        "MD": "Mean difference", "SMD": "Standardised mean difference", "RD": "Risk difference", "generic": "Effect",
    }  # fmt: skip
    return words[result.network.measure]


TICKS = (
    (1.0,),
    (1.0, 3.0),
    (1.0, 2.0, 5.0),
    (1.0, 2.0, 3.0, 5.0, 7.0),
    (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0),
    (1.0, 1.1, 1.2, 1.3, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 7.0, 7.5, 8.0, 8.5, 9.0, 9.5),
)


def _log_axis(axes: Any) -> None:
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    few: list[float] = []
    for steps in TICKS:
        inside = [step * 10.0**decade for decade in decades for step in steps if low <= step * 10.0**decade <= high]
        if len(inside) > MOST_TICKS:
            break
        few = inside
    axes.set_xticks(few, [f"{tick:g}" for tick in few])
    axes.set_xticks([], minor=True)


def rank_plot(result: NetworkMetaAnalysis) -> Figure:
    """Draw the probability of every rank, one small panel for each treatment, best P-score first."""
    ranks = result.model.ranks
    count = len(ranks)
    wide = min(count, 5)
    high = math.ceil(count / wide)
    figure = styled(2.1 * wide, 1.9 * high + 0.6)
    panels = figure.subplots(high, wide, sharex=True, sharey=True, squeeze=False).ravel()
    top = max(max(rank.probabilities) for rank in ranks)
    for panel, rank in zip(panels, ranks, strict=False):
        panel.bar(range(1, count + 1), rank.probabilities, color=ACCENT, width=0.82)
        panel.set_title(f"{_short(rank.treatment)}\nP-score {rank.p_score:.2f}", fontsize=9, color=INK)
        panel.spines[["top", "right"]].set_visible(False)
        panel.set_ylim(0, min(1.0, 1.08 * top))
        step = 1 if count <= 8 else 3
        panel.set_xticks(range(1, count + 1, step))
        panel.tick_params(labelsize=8, labelbottom=True)
    for panel in panels[count:]:
        panel.axis("off")
    figure.supxlabel("Rank (1 is best)", fontsize=10)
    figure.supylabel("Probability", fontsize=10)
    good = "small" if result.small_is_good else "large"
    figure.suptitle(f"{good} values are good; {result.draws:,} draws, seed {result.seed}", fontsize=10, color=INK)
    return figure


def _short(name: str) -> str:
    return name if len(name) <= 20 else name[:19] + "…"
