"""What the page of temporal interference tabulates: its Pareto front, and what more electrodes would gain."""

from assuage.plan.describe import number
from assuage.plan.records import Table
from assuage.techniques.ti import TiMontage, TiProposal
from assuage.techniques.ti_gain import FEW, TiArrays, TiGain
from assuage.units import A_PER_MA

FRONT = "Pareto front"
ARRAYS = "More electrodes in each carrier, in place of the proposed pairs"
ARRAYS_FRONT = f"Pareto front with {FEW} electrodes in each carrier"
TARGET, CORTEX, PEAK = "depth in the target, V/m", "cortex off target, V/m RMS", "its 99th percentile, V/m"
FRONT_COLUMNS = ("pairs and their currents, mA", TARGET, CORTEX, PEAK, "target over RMS")
ARRAYS_COLUMNS = ("electrodes in each carrier at most: currents of the first | second, mA", TARGET, CORTEX, PEAK,
                  "target over RMS", "more in the target than two pairs, %")  # fmt: skip
PROPOSED, STRONGEST = "proposed", "largest depth"
SMALL = 0.05
"""Gain in the target below which more electrodes are not worth their wires (a working choice)."""


def front_table(found: TiProposal) -> Table:
    """Return the montages of two pairs that no other beats."""
    return Table(
        title=FRONT, columns=FRONT_COLUMNS, rows=tuple((_named(found, item), *_depths(item)) for item in found.front)
    )


def arrays_tables(found: TiProposal, gain: TiGain) -> tuple[Table, Table]:
    """Return what more electrodes do in place of the proposed pairs, by their number, and along the front."""
    pairs = (f"2: {pairs_words(found.proposed)}", *_depths(found.proposed), 0.0)
    return (
        Table(title=ARRAYS, columns=ARRAYS_COLUMNS, rows=(pairs, *(_row(item) for item in gain.by_count))),
        Table(title=ARRAYS_FRONT, columns=ARRAYS_COLUMNS, rows=tuple(_row(item) for item in gain.front)),
    )


def gain_words(gain: TiGain) -> str:
    """Return in one sentence whether more electrodes in each carrier are worth it."""
    few, most = gain.few, gain.by_count[-1]
    said = (
        f"more electrodes: with {few.electrodes} in each carrier, the same current and no more depth in the cortex, "
        f"the target gets {few.target_V_per_m:.3g} V/m instead of {few.pairs.target_V_per_m:.3g} V/m "
        f"({100 * few.gain:.0f} % more); with {most.electrodes}, {most.target_V_per_m:.3g} V/m"
    )
    return f"{said}. Little is gained over two pairs" if most.gain < SMALL else said


def pairs_words(item: TiMontage) -> str:
    """Return two pairs with their currents."""
    return ", ".join(
        f"{'–'.join(pair)} {amps / A_PER_MA:.3g}" for pair, amps in zip(item.pairs, item.currents_A, strict=True)
    )


def _named(found: TiProposal, item: TiMontage) -> str:
    """Return the pairs with their currents, after what the montage is, if it is one of the two that stand out."""
    is_what = [word for word, one in ((PROPOSED, found.proposed), (STRONGEST, found.strongest)) if item is one]
    return f"{', '.join(is_what)}: {pairs_words(item)}" if is_what else pairs_words(item)


def _row(item: TiArrays) -> tuple[str | float, ...]:
    carriers = " | ".join(
        ", ".join(
            f"{name} {amps / A_PER_MA:+.3g}" for name, amps in sorted(one.items(), key=lambda pair: -abs(pair[1]))
        )
        for one in item.currents_A
    )
    return (f"{item.electrodes}: {carriers}", *_depths(item), number(100 * item.gain))


def _depths(item: TiMontage | TiArrays) -> tuple[float, float, float, float]:
    return (
        number(item.target_V_per_m),
        number(item.cortex_V_per_m),
        number(item.cortex_peak_V_per_m),
        number(item.focality),
    )
