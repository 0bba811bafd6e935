"""Where a target may lie: a record that later stages sample the field over, and that travels as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import f as fisher_f

from assuage.errors import DataError

Float = NDArray[np.float64]

COVERED = 0.95
SCHEMA = "assuage.target"
SCHEMA_VERSION = 1
DIMENSIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ellipsoid:
    """The points p with (p - center)^T axes diag(1 / semi_axes^2) axes^T (p - center) <= 1.

    Attributes
    ----------
    center_mm
        (3,).
    axes
        (3, 3), unit vectors as columns, longest first.
    semi_axes_mm
        (3,).
    covered
        Share of recordings in which the ellipsoid is meant to hold the true target.
    """

    center_mm: Float
    axes: Float
    semi_axes_mm: Float
    covered: float = COVERED

    def contains(self, points_mm: ArrayLike) -> NDArray[np.bool_]:
        """Say which points (n, 3) lie in it."""
        offset = (np.asarray(points_mm, dtype=np.float64).reshape(-1, 3) - self.center_mm) @ self.axes
        return np.asarray(((offset / self.semi_axes_mm) ** 2).sum(1) <= 1.0)


def ellipsoid(center_mm: Float, covariance_mm2: Float, *, samples: float) -> Ellipsoid:
    """Return the 95 % ellipsoid of a mean whose covariance rests on `samples` independent samples (Hotelling 1931).

    The squared radius is 3 n / (n - 2) F_0.95(3, n - 2) with n = samples - 1 instead of chi-squared.
    """
    free = max(samples - 1.0, DIMENSIONS + 1.0)
    below = free - DIMENSIONS + 1
    radius2 = DIMENSIONS * free / below * float(fisher_f.ppf(COVERED, DIMENSIONS, below))
    value, vector = np.linalg.eigh(covariance_mm2)
    return Ellipsoid(
        center_mm=center_mm, axes=vector[:, ::-1], semi_axes_mm=np.sqrt(np.maximum(value[::-1], 0) * radius2)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OverTarget:
    """A quantity over the distribution of a target: expected value, standard deviation and quantiles."""

    expected: float
    sd: float
    quantiles: dict[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetDistribution:
    """Where the target of one person may lie, RAS+ mm of the head.

    Attributes
    ----------
    points_mm
        (n, 3) places in the search region; the field is to be sampled there.
    weights
        (n,) probabilities, sum 1.
    mean_mm, covariance_mm2
        (3,) best single point and (3, 3) covariance of its error.
    ellipsoid
        95 % ellipsoid of the true target, for the method used; a bias of the method itself is not in it.
    method
        Name out of `methods.METHODS`.
    minutes
        Length of the recording after scrubbing, min.
    provenance
        Whatever is needed to make it again; JSON values only.
    """

    points_mm: Float
    weights: Float
    mean_mm: Float
    covariance_mm2: Float
    ellipsoid: Ellipsoid
    method: str
    minutes: float
    provenance: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Refuse what is no distribution."""
        shapes = (self.weights.shape, self.mean_mm.shape, self.covariance_mm2.shape)
        if self.points_mm.ndim != 2 or shapes != ((len(self.points_mm),), (3,), (3, 3)) or not len(self.points_mm):
            raise DataError(f"a target distribution of shapes {self.points_mm.shape}, {shapes}; give (n, 3), (n,) ...")
        if not all(np.isfinite(a).all() for a in (self.points_mm, self.weights, self.mean_mm, self.covariance_mm2)):
            raise DataError("a target distribution holds NaN or infinity; make it again")
        if (self.weights < 0).any() or abs(float(self.weights.sum()) - 1) > 1e-6:
            raise DataError(
                f"weights of a target distribution sum to {self.weights.sum():.6g}; they must be 1, none below 0"
            )

    def over(self, values: ArrayLike, *, quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)) -> OverTarget:
        """Return expected value and weighted quantiles of values (n,) sampled at `points_mm`, in their own unit.

        Raises
        ------
        DataError
            Another number of values, or values that are not finite.
        """
        sampled = np.asarray(values, dtype=np.float64)
        if sampled.shape != self.weights.shape or not np.isfinite(sampled).all():
            raise DataError(f"{sampled.shape} values for {len(self.weights)} points; give one finite value each")
        order = np.argsort(sampled)
        reached = np.cumsum(self.weights[order])
        expected = float(self.weights @ sampled)
        return OverTarget(
            expected=expected,
            sd=float(np.sqrt(self.weights @ (sampled - expected) ** 2)),
            quantiles={
                q: float(sampled[order][np.searchsorted(reached, q - 1e-12).clip(max=len(order) - 1)])
                for q in quantiles
            },
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "points_mm": np.round(self.points_mm, 3).tolist(),
            "weights": self.weights.tolist(),
            "mean_mm": np.round(self.mean_mm, 3).tolist(),
            "covariance_mm2": np.round(self.covariance_mm2, 4).tolist(),
            "ellipsoid": {
                "center_mm": np.round(self.ellipsoid.center_mm, 3).tolist(),
                "axes": np.round(self.ellipsoid.axes, 6).tolist(),
                "semi_axes_mm": np.round(self.ellipsoid.semi_axes_mm, 3).tolist(),
                "covered": self.ellipsoid.covered,
            },
            "method": self.method,
            "minutes": round(self.minutes, 3),
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Make it from the values of `as_json`.

        Raises
        ------
        DataError
            A part is missing or is not what it should be.
        """
        try:
            shape = value["ellipsoid"]
            return cls(
                points_mm=np.array(value["points_mm"], dtype=np.float64),
                weights=np.array(value["weights"], dtype=np.float64),
                mean_mm=np.array(value["mean_mm"], dtype=np.float64),
                covariance_mm2=np.array(value["covariance_mm2"], dtype=np.float64),
                ellipsoid=Ellipsoid(
                    center_mm=np.array(shape["center_mm"], dtype=np.float64),
                    axes=np.array(shape["axes"], dtype=np.float64),
                    semi_axes_mm=np.array(shape["semi_axes_mm"], dtype=np.float64),
                    covered=float(shape["covered"]),
                ),
                method=str(value["method"]),
                minutes=float(value["minutes"]),
                provenance=dict(value["provenance"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"not a target distribution ({type(error).__name__}: {error}); run assuage target"
            ) from None


def read_target(path: str | Path) -> TargetDistribution:
    """Read the distribution out of the target.json that `assuage target` writes.

    Raises
    ------
    DataError
        No such file, no JSON, or JSON that is something else.
    """
    file = Path(path)
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}; run assuage target first") from None
    except ValueError as error:
        raise DataError(f"{file} is not JSON ({error}); run assuage target") from None
    if not isinstance(value, dict) or (value.get("schema"), value.get("schema_version")) != (SCHEMA, SCHEMA_VERSION):
        raise DataError(f"{file} is not a target of this version; run assuage target")
    return TargetDistribution.from_json(value.get("distribution", {}))
