"""The living review as one offline page: what is known, how far it was read, where it disagrees, what is missing."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assuage import __version__
from assuage.circuits.pooled import Comparison, SynthesisGroup
from assuage.circuits.review import Effect, Review
from assuage.evidence.tables import EMBEDDED
from assuage.figures import ACCENT, MUTED, drawing, styled, svg
from assuage.protocols.protocol import write_whole
from assuage.report.templating import environment, template_text
from assuage.report.words import given
from assuage.synthesis.forest import forest_figure
from assuage.synthesis.pairwise_confidence import interval_of

ROW_IN, FRAME_IN = 0.27, 0.75
LONGEST_PART = 38
"""Characters of each part of a label; the rest stands in the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """A pooled effect as the page shows it: numbers on the scale people read, and the forest plot as inline SVG."""

    group: SynthesisGroup
    comparison: Comparison
    effect: tuple[float, float, float]
    """With its interval."""
    prediction: tuple[float, float] | None
    tau2: float
    tau2_interval: tuple[float, float]
    i2_percent: float
    i2_interval: tuple[float, float]
    q: float
    q_df: int
    q_p: float
    forest: str


def write_review_page(found: Review, path: Path, *, command: str, rows_sha256: str) -> Path:
    """Write the page; `command` and `rows_sha256`, the hash of all rows, say how to make it again."""
    ratios = [effect for effect in found.effects if effect.is_ratio]
    differences = [effect for effect in found.effects if effect.is_drawn and not effect.is_ratio]
    text = (
        environment()
        .get_template("review.html.j2")
        .render(
            review=found,
            pooled=[pooled_of(group, one) for group in found.groups for one in group.pooled],
            unpooled=unpooled_of(found.groups),
            why_not=why_not_of(found.groups),
            read_in_full=any(counts.get("full_text") for counts in found.levels.values()),
            own=sum(not row.file.startswith(f"{EMBEDDED}/") for row in found.rows),
            with_units=sum(not effect.is_drawn for effect in found.effects),
            of_nssi=sum(effect.nssi == "yes" for effect in found.effects),
            ratios=forest_svg(ratios, "ratio against the comparison", log=True) if ratios else "",
            differences=forest_svg(differences, "standardised difference", log=False) if differences else "",
            css=template_text("report.css"),
            version=__version__,
            command=command,
            sha256=rows_sha256,
        )
    )
    return write_whole(path, text)


Line = tuple[list[str], SynthesisGroup]
"""Outcomes with the same rows and reasons, and one group of them."""


def unpooled_of(groups: Sequence[SynthesisGroup]) -> dict[tuple[str, ...], list[Line]]:
    """Return by technique the groups with rows that are not pooled; outcomes of the same rows and reasons in one."""
    lines: dict[tuple[tuple[str, ...], str, tuple[tuple[str, tuple[str, ...]], ...]], Line] = {}
    for group in groups:
        same = tuple((why, tuple(row.id for row in rows)) for why, rows in group.reasons)
        if same:
            lines.setdefault((group.technique, group.age, same), ([], group))[0].append(group.outcome)
    grouped: dict[tuple[str, ...], list[Line]] = {}
    for (technique, _, _), line in sorted(lines.items(), key=lambda item: item[0][0]):
        grouped.setdefault(technique, []).append(line)
    return grouped


def why_not_of(groups: Sequence[SynthesisGroup]) -> list[tuple[str, int, int]]:
    """Return every reason with the number of groups and of rows that it keeps from being pooled, most rows first."""
    found: dict[str, tuple[int, set[str]]] = {}
    for group in groups:
        for why, rows in group.reasons:
            count, ids = found.get(why.partition(" (")[0], (0, set()))
            found[why.partition(" (")[0]] = (count + 1, ids | {row.id for row in rows})
    counted = [(why, count, len(ids)) for why, (count, ids) in found.items()]
    return sorted(counted, key=lambda line: (-line[2], line[0]))


def pooled_of(group: SynthesisGroup, comparison: Comparison) -> Pooled:
    """Return a pooled effect as the page shows it."""
    analysis = comparison.analysis
    assert analysis is not None
    fit, scale = analysis.fit, analysis.effects

    def shown(*values: float) -> tuple[float, ...]:
        return tuple(value if (back := scale.back(value)) is None else back for value in values)

    middle, low, high = shown(float(fit.coefficients.estimate[0]), *interval_of(fit))
    found = fit.heterogeneity
    reach = shown(*fit.prediction) if fit.prediction else None
    return Pooled(
        group=group, comparison=comparison, effect=(middle, low, high),
        prediction=None if reach is None else (reach[0], reach[1]), tau2=fit.tau2, tau2_interval=found.tau2_ci,
        i2_percent=found.i2_percent, i2_interval=found.i2_ci, q=found.q.statistic, q_df=found.q.df1,
        q_p=found.q.p_value, forest=svg(forest_figure(analysis)),
    )  # fmt: skip


def forest_svg(effects: Sequence[Effect], label: str, *, log: bool) -> str:
    """Draw effects with their intervals, one a line, without a pooled one; returns inline SVG."""
    with drawing():
        figure = styled(9.2, FRAME_IN + ROW_IN * len(effects))
        axes = figure.subplots()
        for row, effect in enumerate(effects):
            axes.plot([effect.low, effect.high], [row, row], color=ACCENT, linewidth=1.1)
            axes.plot(effect.value, row, "s", color=ACCENT, markersize=4.5)
            text = f"{effect.value:g} ({effect.low:g} to {effect.high:g})"
            axes.text(1.02, row, text.replace("-", "−"), transform=axes.get_yaxis_transform(), va="center", fontsize=8)
        axes.axvline(1.0 if log else 0.0, color=MUTED, linewidth=0.8)
        axes.set(ylim=(len(effects) - 0.5, -0.5), xlabel=label)
        labels = [_label(effect) for effect in effects]
        axes.set_yticks(range(len(effects)), labels, fontsize=8)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        if log:
            axes.set_xscale("log")
            axes.set_xticks([0.1, 0.2, 0.5, 1, 2, 5, 10, 20], ["0.1", "0.2", "0.5", "1", "2", "5", "10", "20"])
            axes.minorticks_off()
        return svg(figure)


def _label(effect: Effect) -> str:
    """Return who, what and on what of an effect, each short enough to leave room for the effect itself."""
    who = effect.citation.split(" et al.")[0].split(",")[0]
    what = effect.printed or given(effect.techniques)
    parts = (textwrap.shorten(part, LONGEST_PART, placeholder=" …") for part in (who, what, effect.says) if part)
    return f"{', '.join(parts)}: {effect.measure}"
