"""From the pulse to the course: counts and times of repeated stimulation, in exact arithmetic.

=========  =====================================================  ==============================================
record     what it repeats                                        what follows
=========  =====================================================  ==============================================
Burst      pulses at ``frequency_Hz``                             lasts (pulses - 1) / frequency, first to last pulse
Train      bursts at ``burst_rate_Hz``                            lasts bursts / rate: the last period counts
Session    trains, ``inter_train_interval_s`` between them        n T + (n - 1) I; with its last pause n (T + I)
Day        sessions, ``session_interval_s`` between them          end of one to the start of the next
Phase      days, at most ``days_per_week`` in any seven
Course     phases, one after the other
=========  =====================================================  ==============================================

A plain train is a train of bursts of one pulse. Day, Phase and Course hold no session: they are the calendar that every
technique shares. The conventions are those of the literature: 40 pulses at 10 Hz are a train of 4 s; iTBS of 20 trains
of
2 s with 8 s between them lasts 192 s (600 pulses); 75 trains of 4 s with 26 s take 37.5 min if the last pause counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from pydantic import ConfigDict

from assuage.protocols.exact import Exact, Number, count, exact, positive, require, show

SECONDS_PER_DAY = Fraction(86_400)
DAYS_PER_WEEK = 7

STRICT = ConfigDict(extra="forbid", use_attribute_docstrings=True)
"""How pydantic reads a dataclass of this stage from a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """Pulses close together; a burst of one pulse has no frequency of its own."""

    __pydantic_config__ = STRICT

    pulses: int = 1
    """Pulses per burst."""
    frequency_Hz: Exact | None = None
    """Rate of the pulses within the burst; none for a single pulse."""

    def __post_init__(self) -> None:
        """Check the counts."""
        count("pulses per burst", self.pulses)
        positive("burst frequency_Hz", self.frequency_Hz)
        require(
            (self.pulses > 1) == (self.frequency_Hz is not None),
            f"a burst of {self.pulses} pulse(s) has frequency_Hz {_or_none(self.frequency_Hz)}; give it for two or "
            "more "
            "pulses and leave it out for one",
        )

    @property
    def duration_s(self) -> Fraction:
        """First to last pulse."""
        return Fraction(0) if self.frequency_Hz is None else (self.pulses - 1) / self.frequency_Hz


@dataclass(frozen=True, slots=True, kw_only=True)
class Train:
    """Bursts in a row."""

    __pydantic_config__ = STRICT

    bursts: int
    """Bursts per train; for a plain train the pulses."""
    burst_rate_Hz: Exact
    """Bursts per second; for a plain train the rate of its pulses."""
    burst: Burst = field(default_factory=Burst)
    """What is repeated."""

    def __post_init__(self) -> None:
        """Check that bursts do not run into one another."""
        count("bursts per train", self.bursts)
        positive("burst_rate_Hz", self.burst_rate_Hz)
        require(
            self.burst.duration_s < 1 / self.burst_rate_Hz,
            f"a burst of {self.burst.pulses} pulses lasts {show(self.burst.duration_s)} s, but the next one starts "
            "after "
            f"{show(1 / self.burst_rate_Hz)} s; check burst_rate_Hz and the frequency within the burst",
        )

    @property
    def pulses(self) -> int:
        """Pulses per train."""
        return self.bursts * self.burst.pulses

    @property
    def duration_s(self) -> Fraction:
        """Bursts times their period."""
        return self.bursts / self.burst_rate_Hz


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Trains with pauses."""

    __pydantic_config__ = STRICT

    train: Train
    """What is repeated."""
    trains: int
    """Trains per session."""
    inter_train_interval_s: Exact | None = None
    """End of one train to the start of the next; none for a single train."""

    def __post_init__(self) -> None:
        """Check the pauses."""
        count("trains per session", self.trains)
        positive("inter_train_interval_s", self.inter_train_interval_s)
        require(
            (self.trains > 1) == (self.inter_train_interval_s is not None),
            f"a session of {self.trains} train(s) has inter_train_interval_s "
            f"{_or_none(self.inter_train_interval_s)}; give "
            "it for two or more trains and leave it out for one",
        )

    @property
    def pulses(self) -> int:
        """Pulses per session."""
        return self.trains * self.train.pulses

    @property
    def on_s(self) -> Fraction:
        """Seconds within trains."""
        return self.trains * self.train.duration_s

    @property
    def duration_s(self) -> Fraction:
        """Start of the first train to the end of the last."""
        return self.on_s + (self.trains - 1) * (self.inter_train_interval_s or Fraction(0))

    @property
    def duration_with_last_pause_s(self) -> Fraction:
        """The same with a pause after the last train, as many papers count."""
        return self.on_s + self.trains * (self.inter_train_interval_s or Fraction(0))

    @property
    def duty(self) -> Fraction:
        """Share of the session within trains."""
        return self.on_s / self.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Sessions of one treatment day."""

    __pydantic_config__ = STRICT

    sessions: int = 1
    """Sessions per day."""
    session_interval_s: Exact | None = None
    """End of one session to the start of the next; none for a single session."""

    def __post_init__(self) -> None:
        """Check the pauses."""
        count("sessions per day", self.sessions)
        positive("session_interval_s", self.session_interval_s)
        require(
            (self.sessions > 1) == (self.session_interval_s is not None),
            f"a day of {self.sessions} session(s) has session_interval_s {_or_none(self.session_interval_s)}; give "
            "it for "
            "two or more sessions and leave it out for one",
        )

    def length_s(self, session_s: Fraction) -> Fraction:
        """Return the time from the first start to the last end, sessions lasting `session_s`."""
        return self.sessions * session_s + (self.sessions - 1) * (self.session_interval_s or Fraction(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """Treatment days of one kind."""

    __pydantic_config__ = STRICT

    days: int
    """Treatment days."""
    day: Day = field(default_factory=Day)
    """What happens on each."""
    days_per_week: int | None = None
    """Treatment days in any seven; none: not fixed."""

    def __post_init__(self) -> None:
        """Check the counts."""
        count("treatment days", self.days)
        if self.days_per_week is not None:
            count("days_per_week", self.days_per_week)
            require(
                self.days_per_week <= DAYS_PER_WEEK,
                f"days_per_week is {self.days_per_week}; a week has {DAYS_PER_WEEK} days",
            )

    @property
    def sessions(self) -> int:
        """Sessions of the phase."""
        return self.days * self.day.sessions

    @property
    def least_calendar_days(self) -> int:
        """Shortest time the treatment days fit into, the first and the last counted."""
        per_week = self.days_per_week or DAYS_PER_WEEK
        return (self.days - 1) // per_week * DAYS_PER_WEEK + (self.days - 1) % per_week + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """All treatment days."""

    __pydantic_config__ = STRICT

    phases: tuple[Phase, ...]
    """One after the other."""
    minimum_interval_s: Exact | None = None
    """The least pause between two sessions that the study allows; none: not stated."""

    def __post_init__(self) -> None:
        """Check the study's own minimum against the pauses of each day."""
        require(len(self.phases) > 0, "a course has no phase; give at least one with its treatment days")
        positive("minimum_interval_s", self.minimum_interval_s)
        if self.minimum_interval_s is None:
            return
        for phase in self.phases:
            pause = phase.day.session_interval_s
            require(
                pause is None or pause >= self.minimum_interval_s,
                f"sessions of one day are {_or_none(pause)} s apart, but the course demands at least "
                f"{show(self.minimum_interval_s)} s; lengthen the pause or correct minimum_interval_s",
            )

    @property
    def days(self) -> int:
        """Treatment days."""
        return sum(phase.days for phase in self.phases)

    @property
    def sessions(self) -> int:
        """Sessions of the course."""
        return sum(phase.sessions for phase in self.phases)

    @property
    def most_sessions_per_day(self) -> int:
        """Sessions of the fullest day."""
        return max(phase.day.sessions for phase in self.phases)

    @property
    def least_calendar_days(self) -> int:
        """Shortest time from the first to the last treatment day, both counted."""
        return sum(phase.least_calendar_days for phase in self.phases)

    def shortest_interval_s(self, session_s: Fraction) -> Fraction | None:
        """Return the shortest pause between sessions, over night included; None for a single session."""
        if self.sessions == 1:
            return None
        pauses = [phase.day.session_interval_s for phase in self.phases if phase.day.session_interval_s is not None]
        nights = [SECONDS_PER_DAY - phase.day.length_s(session_s) for phase in self.phases if self.days > 1]
        return min([*pauses, *nights])

    def check_days(self, session_s: Fraction) -> None:
        """Refuse a day that does not hold its sessions, or a night shorter than the study's own least pause.

        Raises
        ------
        ProtocolError
            With both times.
        """
        for phase in self.phases:
            length = phase.day.length_s(session_s)
            require(
                length <= SECONDS_PER_DAY,
                f"{phase.day.sessions} session(s) of {show(session_s)} s with their pauses take {show(length)} s, more "
                f"than a day ({show(SECONDS_PER_DAY)} s); plan fewer sessions or shorter pauses",
            )
        shortest = self.shortest_interval_s(session_s)
        require(
            shortest is None or self.minimum_interval_s is None or shortest >= self.minimum_interval_s,
            f"the shortest pause between sessions is {_or_none(shortest)} s (over night), but the course demands at "
            "least "
            f"{_or_none(self.minimum_interval_s)} s; plan fewer sessions a day or correct minimum_interval_s",
        )

    def cumulative(self, per_session: int) -> tuple[int, ...]:
        """Return the sum of something counted per session after each treatment day."""
        sums, total = [], 0
        for phase in self.phases:
            for _ in range(phase.days):
                total += phase.day.sessions * per_session
                sums.append(total)
        return tuple(sums)

    def totals(self) -> dict[str, tuple[Fraction, ...]]:
        """Return what follows from the calendar alone, by the names of `quantities`."""
        found = {"days": self.days, "sessions_in_course": self.sessions}
        if len({phase.day.sessions for phase in self.phases}) == 1:
            found["sessions_per_day"] = self.most_sessions_per_day
        return {name: (Fraction(value),) for name, value in found.items()}


def plain_session(
    *, frequency_Hz: Number, pulses_per_train: int, trains: int, pause_s: Number | None = None
) -> Session:
    """Return a session of plain trains, for example 10 Hz, 40 pulses, 75 trains, 26 s between them."""
    train = Train(bursts=pulses_per_train, burst_rate_Hz=exact(frequency_Hz))
    return Session(train=train, trains=trains, inter_train_interval_s=None if pause_s is None else exact(pause_s))


def theta_burst_session(
    *,
    bursts_per_train: int,
    trains: int = 1,
    pause_s: Number | None = None,
    pulses_per_burst: int = 3,
    burst_frequency_Hz: Number = 50,
    burst_rate_Hz: Number = 5,
) -> Session:
    """Return a theta-burst session: intermittent (several trains) or continuous (one).

    The usual pattern, three pulses at 50 Hz five times a second, is the default (Huang et al. 2005 as described in a
    later paper; the original was not read). iTBS of 600 pulses: 10 bursts, 20 trains, 8 s; cTBS of 600: 200 bursts.
    """
    burst = Burst(pulses=pulses_per_burst, frequency_Hz=exact(burst_frequency_Hz))
    train = Train(bursts=bursts_per_train, burst_rate_Hz=exact(burst_rate_Hz), burst=burst)
    return Session(train=train, trains=trains, inter_train_interval_s=None if pause_s is None else exact(pause_s))


def simple_course(
    *, days: int, sessions_per_day: int = 1, session_interval_s: Number | None = None, days_per_week: int | None = None
) -> Course:
    """Return a course of one phase."""
    interval = None if session_interval_s is None else exact(session_interval_s)
    day = Day(sessions=sessions_per_day, session_interval_s=interval)
    return Course(phases=(Phase(days=days, day=day, days_per_week=days_per_week),))


def computed(values: Mapping[str, Fraction | int]) -> dict[str, tuple[Fraction, ...]]:
    """Return totals in the form `check_stated` takes."""
    return {name: (Fraction(value),) for name, value in values.items()}


def _or_none(value: Fraction | None) -> str:
    return "none" if value is None else show(value)
