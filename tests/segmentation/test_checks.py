"""What a scan lacks is said; what is no T1 of a head is refused. The scan is the embedded head's own T1, spoilt."""

import numpy as np
import pytest

from assuage import load_head
from assuage.errors import HeadError
from assuage.segmentation.build import _deep
from assuage.segmentation.checks import noise_findings, scan_findings
from assuage.segmentation.grid import Grid
from assuage.segmentation.mixture import GREY, OWNER, TISSUES, Mixture
from assuage.segmentation.template import Registered, template


@pytest.fixture(scope="module")
def t1() -> tuple[np.ndarray, np.ndarray]:
    """Return the embedded scan without its padded neck, and its affine."""
    head = load_head("colin27")
    assert head.t1 is not None
    low = round(head.metadata["neck_extension"]["cut_z_mm"] - head.affine[2, 3]) + 1
    affine = head.affine.copy()
    affine[2, 3] += low
    return head.t1[:, :, low:].astype(np.float32), affine


def findings(values: np.ndarray, affine: np.ndarray, age_years: float | None = None):
    return scan_findings(values, affine, np.eye(4), age_years=age_years)


def test_a_whole_t1_gives_no_warning(t1) -> None:
    assert findings(*t1).warnings == ()


def test_a_stripped_scan_is_refused(t1) -> None:
    values, affine = t1
    head = load_head("colin27")
    brain = np.isin(head.labels, [1, 2, 3])[:, :, -values.shape[2] :]
    with pytest.raises(HeadError, match="skull-stripped"):
        findings(values * brain, affine)


def test_a_defaced_scan_is_told_with_what_it_does(t1) -> None:
    values, affine = t1
    y, z = affine[1, 3] + np.arange(values.shape[1]), affine[2, 3] + np.arange(values.shape[2])
    spoilt = values.copy()
    spoilt[:, (y[:, None] > 45) & (z[None, :] < -20)] = 0
    (warning,) = findings(spoilt, affine).warnings
    assert "defaced" in warning
    assert "Fp1" in warning


def test_a_cropped_top_is_told_and_half_a_head_refused(t1) -> None:
    values, affine = t1
    (warning,) = findings(values[:, :, :-30], affine).warnings
    assert "cropped" in warning
    assert "Cz" in warning
    with pytest.raises(HeadError, match=r"covers .* % of the brain"):
        findings(values[:, :, :90], affine)


def test_a_cut_cerebellum_is_told(t1) -> None:
    values, affine = t1
    low = round(-35 - affine[2, 3])
    moved = affine.copy()
    moved[2, 3] += low
    (warning,) = findings(values[:, :, low:], moved).warnings
    assert "of it lies outside the scan" in warning


def test_other_contrasts_are_refused(t1) -> None:
    values, affine = t1
    with pytest.raises(HeadError, match="T2 or FLAIR"):
        findings(np.where(values > 25, 160 - values, values), affine)
    with pytest.raises(HeadError, match="no T1 of usual contrast"):
        findings(np.where(values > 25, 100 + 0.01 * values, values), affine)


def test_a_minor_is_told_that_the_template_is_an_adult(t1) -> None:
    (warning,) = findings(*t1, age_years=15).warnings
    assert "age 15" in warning
    assert findings(*t1, age_years=30).warnings == ()


def mixture_with(white: tuple[float, float], grey_mean: float) -> Mixture:
    mean, deviation = np.full((1, len(OWNER)), 0.3), np.full((1, len(OWNER)), 0.05)
    at = TISSUES.index("white_matter") == OWNER
    mean[0, at], deviation[0, at] = white
    mean[0, OWNER == GREY] = grey_mean
    return Mixture(mean=mean, deviation=deviation, weight=np.full(len(OWNER), 0.5))


def test_noise_is_told_with_what_it_does() -> None:
    quiet = noise_findings(mixture_with((1.0, 0.06), 0.75))
    assert quiet.warnings == ()
    assert quiet.numbers["white_signal_to_noise"] == pytest.approx(1 / 0.06)
    assert quiet.numbers["grey_white_contrast_to_noise"] == pytest.approx(0.25 / 0.06)
    (warning,) = noise_findings(mixture_with((1.0, 0.2), 0.75)).warnings
    assert "ratio of 5.0" in warning
    assert "cortex" in warning


def test_carried_shares_stay_shares() -> None:
    """A share of 1 + 1e-7 gave the logarithm of a negative number, and NaN for all tissues, on one real scan."""
    affine = np.eye(4)
    affine[:3, 3] = (-28.37, -30.11, -14.73)
    registered = Registered(grid=Grid(shape=(56, 50, 38), affine=affine), affine=np.diag([1.03, 0.97, 1.01, 1.0]))
    raw = registered.carried(template().deep[None])[0]
    assert raw.max() > 1
    assert _deep(registered).max() == 1
