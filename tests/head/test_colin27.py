"""The embedded head as the rest of the package sees it."""

import time

import numpy as np
import pytest

from assuage.head import Head, load_head, qc, site
from assuage.head.files import _colin27


@pytest.fixture(scope="module")
def colin() -> Head:
    return load_head("colin27")


def test_loads_quickly_and_only_once(colin) -> None:
    assert load_head("colin27") is colin
    _colin27.cache_clear()
    start = time.perf_counter()
    load_head("colin27")
    assert time.perf_counter() - start < 8, "decoding takes about 1.2 s; much more means a slow path"


def test_tissues_and_fractions(colin) -> None:
    assert {"white_matter", "grey_matter", "csf", "skull", "scalp", "eyes"} <= set(colin.tissues.values())
    assert colin.fractions is not None
    total = sum(share.astype(np.uint16) for share in colin.fractions.values())
    assert total.max() <= 255
    assert set(colin.conductivity_S_per_m) == set(colin.tissues.values()) - {"air"}
    assert colin.t1 is not None


def test_labels_are_the_largest_share(colin) -> None:
    rng = np.random.default_rng(1)
    names = list(colin.fractions)
    for _ in range(300):
        voxel = tuple(int(rng.integers(n)) for n in colin.labels.shape)
        shares = {name: int(colin.fractions[name][voxel]) for name in names}
        outside = 255 - sum(shares.values())
        label = int(colin.labels[voxel])
        found = outside if label == 0 else shares[colin.tissues[label]]
        assert found == max(outside, *shares.values())


def test_own_conductivities(colin) -> None:
    other = load_head("colin27", conductivity_S_per_m={"skull": 0.006})
    assert other.conductivity_S_per_m["skull"] == 0.006
    assert colin.conductivity_S_per_m["skull"] != 0.006


def test_mni_round_trip(colin) -> None:
    index = np.argwhere(colin.mask("grey_matter"))[::499]
    points = index @ colin.affine[:3, :3].T + colin.affine[:3, 3]
    error = colin.mni.round_trip_error_mm(points)
    assert error.mean() < 0.3
    assert error.max() < 1.5


def test_sites_sit_where_they_should(colin) -> None:
    sites = colin.ten_ten_mm
    assert len(sites) >= 64
    assert colin.fiducial_origin == "given"
    for left, right in (("F3", "F4"), ("C3", "C4"), ("P7", "P8"), ("O1", "O2"), ("Fp1", "Fp2")):
        assert sites[left][0] < -10 < 10 < sites[right][0]
        assert sites[left] * [-1, 1, 1] == pytest.approx(sites[right], abs=8)
    order = [sites[name][1] for name in ("Fpz", "AFz", "Fz", "FCz", "Cz", "CPz", "Pz", "POz", "Oz")]
    assert (np.diff(order) < 0).all()
    assert abs(sites["Cz"][0]) < 4
    assert sites["Cz"][2] > sites["Fz"][2]
    assert np.array_equal(site(colin, "t4"), sites["T8"])


def test_skin_is_one_piece_around_the_brain(colin) -> None:
    cut = colin.scalp.rim_mm
    assert len(cut) == 0 or np.ptp(cut[:, 2]) < 3
    grey = np.argwhere(colin.mask("grey_matter"))[::997] @ colin.affine[:3, :3].T + colin.affine[:3, 3]
    foot, normal, distance = colin.scalp.nearest(grey)
    assert (np.einsum("na,na->n", foot - grey, normal) > 0).mean() > 0.99
    assert distance.min() > 5


def test_quality_of_the_embedded_head(colin) -> None:
    found = qc(colin)
    assert found.leak_calvaria_count == 0
    assert found.skull is not None
    assert found.skull.missing_share < 0.01
    assert found.extension is not None
    assert abs(found.asymmetry["grey_matter"]) < 0.05
