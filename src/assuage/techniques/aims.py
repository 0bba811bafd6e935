"""Several places where a target may lie, and what a source is worth over all of them.

A distribution of n places is quantised to K groups by weighted k-means, w_k their weights. A group is read out as the
weighted mean of the read-outs of its places, so that for a fixed direction d the expected component is exact:

    sum_k w_k d . E_k  =  sum_s w_s d . E_s

The magnitude is taken for each group; within one the field turns little.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError
from assuage.techniques.goal import Goal

if TYPE_CHECKING:
    from assuage.field import Landscape

Array = NDArray[np.float64]

GROUPS = 6
"""At most this many: each costs three adjoint problems."""
NEAR_MM = 2.5
"""Root mean square distance within groups below which no more are made: little beside a target of 10 mm radius."""
ROUNDS = 50
"""Of k-means; it settles in a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """What counts over a distribution: the expected value, or a quantile of it.

    Attributes
    ----------
    quantile
        Between 0 and 1; None: the expected value.
    """

    quantile: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no quantile."""
        if self.quantile is not None and not 0 < self.quantile < 1:
            raise PlanError(f"target quantile {self.quantile:g}; give a number between 0 and 1, for example 0.1")

    @property
    def words(self) -> str:
        """Name it."""
        return "expected field" if self.quantile is None else f"{self.quantile:g} quantile of the field"

    def of(self, values: Array, weights: Array) -> Array:
        """Return the objective (...) of values (..., n) with weights (n,), sum 1."""
        if self.quantile is None:
            return np.asarray(values @ weights)
        return weighted_quantile(values, weights, self.quantile)


def weighted_quantile(values: Array, weights: Array, q: float) -> Array:
    """Return the least of the values (..., n) up to which at least the share q of the weights (n,) lies."""
    order = np.argsort(values, axis=-1, kind="stable")
    reached = np.cumsum(weights[order], axis=-1)
    first = np.argmax(reached >= q - 1e-12, axis=-1)
    return np.asarray(np.take_along_axis(np.take_along_axis(values, order, -1), first[..., None], -1)[..., 0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aims:
    """The groups of a distribution on one conductor, and what counts.

    Attributes
    ----------
    landscapes
        K adjoints, one for each group.
    weights
        (K,), sum 1.
    goal
        What counts in a target.
    objective
        What counts over the targets.
    """

    landscapes: "tuple[Landscape, ...]"
    weights: Array
    goal: Goal
    objective: Objective

    def of(self, means: Array, weights: Array | None = None) -> Array:
        """Return the objective (...) of mean fields (K, ..., 3), V/m."""
        scores = np.moveaxis(self.goal.score(means), 0, -1)
        return self.objective.of(scores, self.weights if weights is None else weights)

    def either_sign(self, means: Array, weights: Array | None = None) -> Array:
        """Return the objective (...) of mean fields (K, ..., 3) under the better sign of a reversible source."""
        if self.goal.direction is None:
            return self.of(means, weights)
        return np.maximum(self.of(means, weights), self.of(-means, weights))

    def signed(self, means: Array) -> tuple[Array, Array]:
        """Return the objective (...) of mean fields (K, ..., 3) under the better sign of a reversible source, and it.

        Where only the magnitude counts, both are alike and the sign is that of `Goal.polarity` for the expected field.
        """
        if self.goal.direction is None:
            mean = np.tensordot(self.weights, means, 1)
            sign = np.array([self.goal.polarity(row) for row in mean.reshape(-1, 3)]).reshape(mean.shape[:-1])
            return self.of(means), sign
        both = np.stack([self.of(means), self.of(-means)])
        return both.max(0), np.where(both[0] >= both[1], 1.0, -1.0)


def grouped(points_mm: Array, weights: Array, *, seed: int) -> NDArray[np.int64]:
    """Return the group (n,) of every place (n, 3), by weighted k-means with as few groups as `NEAR_MM` allows."""
    label = np.zeros(len(points_mm), dtype=np.int64)
    for count in range(1, min(GROUPS, len(points_mm)) + 1):
        label = _k_means(points_mm, weights, count, seed)
        if rms_within(points_mm, weights, label) <= NEAR_MM:
            break
    return label


def rms_within(points_mm: Array, weights: Array, label: NDArray[np.int64]) -> float:
    """Return the root mean square distance, mm, of places (n, 3) from the centre of their group."""
    centers = _centers(points_mm, weights, label)
    return float(np.sqrt(weights @ ((points_mm - centers[label]) ** 2).sum(1) / weights.sum()))


def _k_means(points_mm: Array, weights: Array, count: int, seed: int) -> NDArray[np.int64]:
    """Start far apart (Arthur and Vassilvitskii 2007), then Lloyd's rounds; groups that run empty are left out."""
    rng = np.random.default_rng(seed)
    centers = points_mm[[rng.choice(len(points_mm), p=weights / weights.sum())]]
    for _ in range(count - 1):
        far = weights * _squares(points_mm, centers).min(1)
        if far.sum() == 0:
            break
        centers = np.vstack([centers, points_mm[rng.choice(len(points_mm), p=far / far.sum())]])
    label = np.full(len(points_mm), -1)
    for _ in range(ROUNDS):
        new = np.unique(_squares(points_mm, centers).argmin(1), return_inverse=True)[1]
        if (new == label).all():
            break
        label, centers = new, _centers(points_mm, weights, new)
    return np.asarray(label, dtype=np.int64)


def _centers(points_mm: Array, weights: Array, label: NDArray[np.int64]) -> Array:
    total = np.bincount(label, weights)
    return np.stack([np.bincount(label, weights * column) / total for column in points_mm.T], 1)


def _squares(points_mm: Array, centers_mm: Array) -> Array:
    return np.asarray(((points_mm[:, None] - centers_mm[None]) ** 2).sum(-1))
