"""What a plan over a distribution says in words: what it gained, and whether individualising changes the dose."""

from assuage.plan.distribution_records import AimRecord, TargetDistributionRecord


def says(record: TargetDistributionRecord) -> tuple[str, ...]:
    """Return the sentences of a record."""
    searched = [item for item in record.techniques if item.aims_at == "distribution"]
    lines = [
        f"Proposals maximise the {record.objective} over where the target may lie ({len(record.places)} groups of "
        f"places), where coil or electrodes end up ({record.placements} draws) and the conductivities "
        f"({record.conductivities} draws)."
    ]
    lines += [_gained(item) for item in searched if item.made_for != "mean"]
    kept = [item.label for item in searched if item.made_for == "mean"]
    if kept:
        lines.append(f"The proposal for the mean of the distribution is the best one for {', '.join(kept)}.")
    return (*lines, *_beside_group(record, searched))


def _gained(item: AimRecord) -> str:
    assert item.over is not None
    assert item.of_mean is not None
    gain = item.over.objective_V_per_m / item.of_mean.objective_V_per_m - 1
    moved = "" if item.moved_mm is None else f", with the coil moved by {item.moved_mm:.0f} mm"
    which = ", by the proposal for the group target" if item.made_for == "group" else ""
    return f"{item.label}: {100 * gain:.1f} % more than the proposal for the mean of the distribution{moved}{which}."


def _beside_group(record: TargetDistributionRecord, searched: list[AimRecord]) -> list[str]:
    """Say what aiming at the group target would give, and when individualising is not worth it."""
    group = record.group
    if group is None:
        return []
    lines = [] if group.worth_individualising else list(group.says[:1])
    compared = [(item.label, item.over_group) for item in searched if item.over_group is not None]
    if not compared:
        return lines
    gains = ", ".join(f"{label} {100 * gain.objective_gain:+.1f} %" for label, gain in compared)
    lines.append(
        f"Against aiming at the group target, {group.distance_mm:.1f} mm away, the {record.objective} over this "
        f"person's distribution changes by: {gains}."
    )
    level = [f"{label} ({100 * gain.better_share:.0f} %)" for label, gain in compared if not gain.worth]
    if level:
        lines.append(
            "In dose, individualising is not worth it with these data where the difference is smaller than its own "
            f"standard deviation over where the target may lie: {', '.join(level)}; in brackets how often the "
            "individual proposal gives more."
        )
    return lines
