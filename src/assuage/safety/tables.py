"""Tables of trains, of pauses, and of what a stimulator can do."""

from bisect import bisect_left
from dataclasses import replace

from assuage.safety.judge import WHICH_THRESHOLD, Case, age_gap
from assuage.safety.quantities import to_shown
from assuage.safety.records import ROUNDING, IntervalTable, Outcome, OutputTable, Source, TrainTable, Verdict
from assuage.units import S_PER_MIN

INTENSITY = "intensity_percent_resting_mt"
"""The tables are in percent of the resting motor threshold."""


def judge_train(table: TrainTable, case: Case) -> Verdict:
    """Hold a train against the cell of the next higher frequency and intensity.

    Without an intensity it is held against the lowest one: what is too long there is too long at any.
    """
    blank = _verdict(table.rule_id, case, table.quantity, table.unit, table.population, table.source)
    missing = [key for key in (table.quantity, "frequency_Hz") if key not in case.values]
    if missing:
        return replace(blank, why=f"{table.says}: {', '.join(missing)} not given")
    value, frequency = to_shown(case.values[table.quantity], table.unit), case.values["frequency_Hz"]
    intensity = case.values.get(INTENSITY, table.intensity_percent_mt[0])
    row, column = _next(table.frequency_Hz, frequency), _next(table.intensity_percent_mt, intensity)
    if row is None or column is None:
        why = f"{table.says}: {frequency:g} Hz at {intensity:g} % MT lies beyond the table"
        return replace(blank, outcome=table.beyond, value=value, why=why)
    cell = table.cells[row][column]
    at = f"{table.frequency_Hz[row]:g} Hz, {table.intensity_percent_mt[column]:g} % MT"
    said = f"{table.says}: {value:.4g} against {cell.limit:g} {table.unit} at {at}"
    verdict = replace(blank, value=value, limit=cell.limit)
    if value > cell.limit * (1 + ROUNDING):
        outcome, end = (table.open_beyond, "; longer was not tried") if cell.open_ended else (table.beyond, "")
        return replace(verdict, outcome=outcome, why=said + end)
    if INTENSITY not in case.values:
        return replace(verdict, why=f"{said}, but {INTENSITY} is not given")
    return _kept(verdict, table, case, said)


def judge_interval(table: IntervalTable, case: Case) -> Verdict:
    """Hold a pause against the tabulated ones on both sides of it, at the next higher intensity."""
    blank = _verdict(table.rule_id, case, "inter_train_interval_s", "s", table.population, table.source)
    missing = [key for key in ("inter_train_interval_s", INTENSITY) if key not in case.values]
    if missing:
        return replace(blank, why=f"{table.says}: {', '.join(missing)} not given")
    interval, intensity = case.values["inter_train_interval_s"], case.values[INTENSITY]
    if intensity < table.intensity_percent_mt[0]:
        why = f"{table.says}: the table begins at {table.intensity_percent_mt[0]:g} % MT"
        return replace(blank, value=interval, why=why)
    column = _next(table.intensity_percent_mt, intensity)
    column = len(table.intensity_percent_mt) - 1 if column is None else column
    found = {seconds: line[column] for seconds, line in zip(table.interval_s, table.found, strict=True)}
    at_least = [s for s in table.interval_s if s >= interval * (1 - ROUNDING)]
    shorter = [s for s in table.interval_s if s <= interval * (1 + ROUNDING)]
    at = f"at {table.intensity_percent_mt[column]:g} % MT"
    longest_too_short = max((s for s in found if found[s] == "too short"), default=None)
    verdict = replace(blank, value=interval, limit=longest_too_short)
    if at_least and found[min(at_least)] == "too short":
        return replace(
            verdict, outcome="stop", why=f"{table.says}: {interval:g} s; {min(at_least):g} s was too short {at}"
        )
    if at_least and shorter and max(shorter) < min(at_least) and found[max(shorter)] == "too short":
        said = f"{max(shorter):g} s was too short {at}, and less than {min(at_least):g} s was not tried"
        return replace(verdict, outcome="warn", why=f"{table.says}: {interval:g} s; {said}")
    row = min(at_least) if at_least else max(shorter)
    said = f"{table.says}: {interval:g} s; {row:g} s: {found[row]} {at}"
    if found[row] != "tolerated":
        return replace(verdict, why=said)
    return _kept(verdict, table, case, said)


def judge_output(table: OutputTable, case: Case) -> Verdict:
    """Hold a train against what a stimulator can do at this output: its frequency, or its time in any minute."""
    if table.frequency_Hz:
        return _highest_frequency(table, case)
    return _time_in_a_minute(table, case)


def _highest_frequency(table: OutputTable, case: Case) -> Verdict:
    blank = _verdict(table.rule_id, case, "frequency_Hz", "Hz", table.device, table.source)
    frequency, row, why = _at_output(table, case)
    if row is None:
        return replace(blank, value=frequency, why=f"{table.says}: {why}")
    limit = table.frequency_Hz[row]
    said = f"{table.says}: {frequency:.4g} against {limit:g} Hz at {table.output_percent_mso[row]:g} % MSO"
    verdict = replace(blank, value=frequency, limit=limit, why=said)
    if frequency is not None and frequency > limit * (1 + ROUNDING):
        return replace(verdict, outcome="stop")
    return replace(verdict, outcome=_passed(table.source))


def _time_in_a_minute(table: OutputTable, case: Case) -> Verdict:
    blank = _verdict(table.rule_id, case, "train_duration_s", "s", table.device, table.source)
    frequency, row, why = _at_output(table, case)
    train = case.values.get("train_duration_s")
    if row is None or frequency is None or train is None:
        return replace(blank, why=f"{table.says}: {why or 'train_duration_s is not given'}")
    pause = case.values.get("inter_train_interval_s", 0.0)
    on = _busiest_minute(train, pause, case.values.get("trains_per_session"))
    limit = table.joule_per_minute / max(frequency * table.joule_per_pulse[row], ROUNDING)
    said = f"{table.says}: {on:.4g} against {limit:.4g} s at {table.output_percent_mso[row]:g} % MSO"
    verdict = replace(blank, value=on, limit=limit, why=said)
    if on > limit * (1 + ROUNDING):
        return replace(verdict, outcome="stop")
    return replace(verdict, outcome=_passed(table.source))


def _busiest_minute(train_s: float, pause_s: float, trains: float | None) -> float:
    """Return the most time of stimulation in any minute of a session, s; a minute that begins with a train."""
    period = train_s + pause_s
    if period <= 0:
        return 0.0
    whole = int(S_PER_MIN // period)
    on = whole * train_s + min(train_s, S_PER_MIN - whole * period)
    return on if trains is None else min(on, trains * train_s)


def _at_output(table: OutputTable, case: Case) -> tuple[float | None, int | None, str]:
    """Return the rate of pulses, the row of the next higher output, and why there is none."""
    frequency = case.values.get("frequency_Hz", case.values.get("burst_frequency_Hz"))
    output = case.values.get("output_percent_mso")
    if frequency is None or output is None:
        return frequency, None, f"{'frequency_Hz' if frequency is None else 'output_percent_mso'} is not given"
    row = _next(table.output_percent_mso, output)
    return frequency, row, "" if row is not None else f"{output:g} % MSO lies beyond the table"


def _next(steps: tuple[float, ...], value: float) -> int | None:
    """Return the place of the first step that is at least the value."""
    place = bisect_left(steps, value * (1 - ROUNDING))
    return place if place < len(steps) else None


def _kept(verdict: Verdict, table: TrainTable | IntervalTable, case: Case, said: str) -> Verdict:
    if not table.source.was_read:
        return replace(verdict, why=f"{said}, but the table was not read at its source")
    if INTENSITY in case.unsure:
        return replace(verdict, why=f"{said}, but {WHICH_THRESHOLD}")
    gap = age_gap(table.ages_years, case.values)
    if gap:
        return replace(verdict, why=f"{said}, but {gap}")
    return replace(verdict, outcome="within cited range", why=said)


def _passed(source: Source) -> Outcome:
    return "within cited range" if source.was_read else "cannot say"


def _verdict(rule_id: str, case: Case, quantity: str, unit: str, population: str, source: Source) -> Verdict:
    return Verdict(
        rule_id=rule_id,
        technique=case.technique,
        quantity=quantity,
        outcome="cannot say",
        value=None,
        limit=None,
        unit=unit,
        population=population,
        source=source.citation,
        source_level=source.level,
        why="",
        kind="table",
    )
