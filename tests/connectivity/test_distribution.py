"""The record of a target's distribution: laws of its numbers, and the way through JSON."""

import json

import numpy as np
import pytest

from assuage.connectivity.distribution import SCHEMA, SCHEMA_VERSION, TargetDistribution, ellipsoid, read_target
from assuage.connectivity.volume import probability_volume
from assuage.errors import DataError


def made(**changed):
    rng = np.random.default_rng(0)
    points = rng.standard_normal((50, 3)) * [4, 2, 1] + [-40, 30, 20]
    covariance = np.diag([16.0, 4.0, 1.0])
    values = {
        "points_mm": points, "weights": np.full(50, 0.02), "mean_mm": points.mean(0), "covariance_mm2": covariance,
        "ellipsoid": ellipsoid(points.mean(0), covariance, samples=60), "method": "peak", "minutes": 10.0,
        "provenance": {"seed": 0},
    }  # fmt: skip
    return TargetDistribution(**(values | changed))


def test_the_ellipsoid_covers_what_it_says_for_a_known_covariance():
    rng = np.random.default_rng(1)
    covariance = np.array([[9.0, 3.0, 0.0], [3.0, 4.0, 1.0], [0.0, 1.0, 2.0]])
    shape = ellipsoid(np.zeros(3), covariance, samples=1e6)
    held = shape.contains(rng.multivariate_normal(np.zeros(3), covariance, size=20000)).mean()
    assert held == pytest.approx(0.95, abs=0.006)
    assert (np.diff(shape.semi_axes_mm) <= 0).all()


def test_an_estimated_covariance_widens_the_ellipsoid_as_hotelling_says():
    rng = np.random.default_rng(2)
    held = []
    for _ in range(1500):
        sample = rng.standard_normal((12, 3))
        held.append(ellipsoid(np.zeros(3), np.cov(sample.T), samples=12).contains(rng.standard_normal(3))[0])
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_expected_value_and_quantiles_are_weighted():
    one = made(points_mm=np.zeros((3, 3)), weights=np.array([0.1, 0.6, 0.3]))
    found = one.over([10.0, 1.0, 2.0])
    assert found.expected == pytest.approx(2.2)
    assert found.quantiles == {0.05: 1.0, 0.5: 1.0, 0.95: 10.0}
    assert made().over(np.full(50, 3.0)).sd == pytest.approx(0.0, abs=1e-9)


def test_json_gives_the_same_distribution_back(tmp_path):
    path = tmp_path / "target.json"
    value = {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, "distribution": made().as_json()}
    path.write_text(json.dumps(value), encoding="utf-8")
    back = read_target(path)
    assert back.points_mm == pytest.approx(made().points_mm, abs=1e-3)
    assert back.ellipsoid.contains(back.mean_mm)[0]
    assert back.as_json() == TargetDistribution.from_json(back.as_json()).as_json()


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "not JSON"), ("{}", "not a target of this version"), ("[1]", "not a target of this version")],
)
def test_another_file_is_refused(text, says, tmp_path):
    path = tmp_path / "target.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        read_target(path)
    with pytest.raises(DataError, match="cannot read"):
        read_target(tmp_path / "none.json")


def test_a_record_without_a_part_is_refused():
    value = made().as_json()
    del value["ellipsoid"]
    with pytest.raises(DataError, match="ellipsoid"):
        TargetDistribution.from_json(value)


@pytest.mark.parametrize(
    "changed", [{"weights": np.full(50, 0.03)}, {"mean_mm": np.array([np.nan, 0, 0])}, {"points_mm": np.zeros((2, 3))}]
)
def test_what_is_no_distribution_is_refused(changed):
    with pytest.raises(DataError):
        made(**changed)


def test_values_have_to_fit_the_points():
    with pytest.raises(DataError, match="50 points"):
        made().over([1.0])


def test_the_image_holds_the_whole_probability_around_the_mean():
    values, affine = probability_volume(made())
    assert values.sum() == pytest.approx(1.0, abs=1e-4)
    index = np.argwhere(values >= 0)
    center = (index * values.reshape(-1)[:, None]).sum(0) @ affine[:3, :3].T + affine[:3, 3]
    assert center == pytest.approx(made().mean_mm, abs=0.05)
