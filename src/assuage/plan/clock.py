"""How far a plan is, and where its time went.

The steps of a plan are known once its techniques and regions are. Each weighs what it took when it was measured, so
that the fraction grows like the time.
"""

import time
from collections.abc import Callable, Collection, Mapping

from assuage.plan.bench import CORE, LABELS

Progress = Callable[[str, float], None]
"""Called with a stage in words and the fraction of the whole work done."""

SET_UP, ADJOINT, LEAD = "building the conductor", "adjoint of the target", "off-target field of every electrode"
OVER = "the distribution of the target"
FORWARD, CORTEX, COARSE = "forward solutions of the finalists", "reference dose", "reference dose, coarse grid"
REGION, ERRORS, MAPS, COMMON, DONE = "what could be done for", "error bars", "maps", "the common dose", "done"

SECONDS: Mapping[str, float] = {
    SET_UP: 4.0,
    ADJOINT: 1.4,
    LEAD: 6.5,
    OVER: 22.0,
    FORWARD: 0.6,
    CORTEX: 2.3,
    COARSE: 2.0,
    REGION: 1.8,
    ERRORS: 1.5,
    MAPS: 0.3,
    COMMON: 0.4,
    "search tms": 3.5,
    "search tdcs": 2.8,
    "search hd_tdcs_4x1": 0.4,
    "search hd_tdcs": 0.1,
    "search hd_tdcs_focal": 2.6,
    "tacs": 8.6,
    "hd_tacs": 8.0,
    "ti": 7.7,
    "ect": 7.4,
    "mst": 5.6,
    "dbs": 17.5,
}
"""Measured on the embedded head at 2 mm, two quiet cores, compiled kernels in the cache; only the ratios count.
FORWARD, ERRORS and COMMON are for one technique, REGION for one region."""


class Clock:
    """Reports progress and keeps the time of each step."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress or (lambda _stage, _fraction: None)
        self._stage, self._since, self._done = "", time.monotonic(), 0.0
        self._starts: dict[str, float] = {}
        self._weights: dict[str, float] = {}
        self.seconds: dict[str, float] = {}

    def expect(self, steps: Mapping[str, float]) -> None:
        """Say which steps will come, in this order, and what each weighs."""
        total, before = sum(steps.values()), 0.0
        for step, weight in steps.items():
            self._starts[step], self._weights[step] = before / total, weight / total
            before += weight

    def __call__(self, step: str, words: str = "", *, part: float = 0.0) -> None:
        """Say which step runs, and which part of it is done; the fraction never falls.

        Parameters
        ----------
        step
            One of those that were expected.
        words
            What is new about it; the step itself where nothing is said.
        part
            Of the step, from 0 to 1.
        """
        now = time.monotonic()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = step, now
        self._done = max(self._done, self._starts[step] + part * self._weights[step])
        self._progress(words or step, self._done)

    def finish(self) -> None:
        """Say that everything is done."""
        now = time.monotonic()
        self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._done = "", 1.0
        self._progress(DONE, 1.0)


def steps_of(
    names: Collection[str], further: Collection[str], regions: Collection[str], *, over: bool = False
) -> dict[str, float]:
    """Return the steps of a plan, in order, and what each weighs.

    Parameters
    ----------
    names, further
        Techniques of the plan, and those of them that bring their own placements.
    regions
        The other regions of the circuit.
    over
        Whether the techniques choose again by the distribution of the target, which brings its own forward solutions.
    """
    core = [name for name in CORE if name in names]
    steps = {SET_UP: SECONDS[SET_UP], ADJOINT: SECONDS[ADJOINT]}
    for name in core:
        if name == "hd_tdcs_focal":
            steps[LEAD] = SECONDS[LEAD]
        steps[search_step(name)] = SECONDS[f"search {name}"]
    steps |= {OVER: SECONDS[OVER]} if over else {FORWARD: SECONDS[FORWARD] * len(core)}
    if core:
        steps |= {CORTEX: SECONDS[CORTEX], COARSE: SECONDS[COARSE]}
        steps |= {region_step(region): SECONDS[REGION] for region in regions}
    steps |= {ERRORS: SECONDS[ERRORS] * len(core), MAPS: SECONDS[MAPS]}
    steps |= {LABELS[name]: SECONDS[name] for name in further}
    steps[COMMON] = SECONDS[COMMON] * (len(core) + len(further))
    return steps


def search_step(name: str) -> str:
    """Return the step in which a technique of `bench.CORE` proposes."""
    return f"search: {LABELS[name]}"


def region_step(region: str) -> str:
    """Return the step in which every search is made for another region."""
    return f"{REGION} {region}"
