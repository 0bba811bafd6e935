"""A person's head from their T1: register the embedded head, segment, register again, close the layers.

1. Bias field (N4) and an affine to the embedded head.
2. Two rounds: mixture with the warped prior -> picture of tissues -> demons.
3. The prior as sharp as the scan deserves (by evidence), a last mixture, shares within voxels, closed layers.

What the scan does not cover, mostly the neck, keeps the prior: the embedded head's neck, warped to the person.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.head import Head
from assuage.segmentation import layers, mixture, partial_volume
from assuage.segmentation.brain import Brain, facts, with_brain
from assuage.segmentation.checks import ScanFindings, noise_findings, scan_findings
from assuage.segmentation.frame import fiducials_from_template, mni_of
from assuage.segmentation.grid import Grid, grid_of
from assuage.segmentation.itk import from_itk, itk, to_itk
from assuage.segmentation.mixture import TISSUES, Mixture
from assuage.segmentation.registration import affine_to_template, deformation, picture, rigid_to
from assuage.segmentation.scan import Scan
from assuage.segmentation.steps import Arrays, Steps
from assuage.segmentation.template import Registered, template

Float = NDArray[np.float64]
Volume = NDArray[np.float32]

VOXEL_MM = 1.0
ROUNDS = ((4.0, 15), (2.0, 10))
"""Width of the prior in mm and iterations of the mixture before each run of the demons."""
WIDTHS_MM = (0.7, 1.5, 2.5, 4.0)
"""Widths of the last prior; the scan chooses by evidence."""
LAST_ITERATIONS = 10
MARKOV_ROUNDS = 3
TEMPERED = np.float32(0.5)
"""Power of the last likelihood: neighbouring voxels share about half of their error (texture; the autocorrelation in
pure white matter of simulated person 6 is 0.46 to 0.56 over 1 to 3 mm), which the Markov field would count many times.
"""
N4_SHRINK = 4
N4_ITERATIONS = (30, 20, 10)
DARKEST = 1e-3
UNSURE = 0.05
"""Weight of what was found beside what the template has, where the template parts grey from white matter."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Built:
    """A built head with what its quality page shows.

    Attributes
    ----------
    head
        The head.
    findings
        What the scan lacks and what that does.
    prior_mm
        Width of the prior that the scan chose.
    mixture
        The fitted Gaussians.
    """

    head: Head
    findings: ScanFindings
    prior_mm: float
    mixture: Mixture


def build_head(
    scan: Scan,
    *,
    voxel_mm: float = VOXEL_MM,
    t2: Scan | None = None,
    brain: Brain | None = None,
    lesion: NDArray[np.bool_] | None = None,
    lesion_S_per_m: float | None = None,
    age_years: float | None = None,
    steps: Steps,
    name: str = "person",
) -> Built:
    """Build a head from a T1.

    Parameters
    ----------
    scan
        T1 of the whole head.
    voxel_mm
        Edge of the head's voxels.
    t2
        T2 of the same person; registered to the T1.
    brain
        Labels whose brain tissue replaces the scan's.
    lesion
        (nx, ny, nz) on the grid of the scan: becomes the tissue `lesion`.
    lesion_S_per_m
        Its conductivity; there is no default.
    age_years
        For the warning about an adult template.
    steps
        Keeps what was made, so that an interrupted run goes on.
    name
        Shown in reports.

    Raises
    ------
    HeadError
        No T1 of a whole head, or a registration that went astray.
    """
    affine = steps.run("affine", "bias field and affine registration", 0.02, lambda: _affine(scan))
    to_template = affine["affine"]
    findings = scan_findings(
        np.asarray(scan.values / affine["bias"], np.float32), scan.affine, to_template, age_years=age_years
    )
    grid = grid_of(scan.values.shape, scan.affine, _box_mm(to_template), voxel_mm=voxel_mm)
    images = _images(scan, affine["bias"], t2, grid)
    hidden = None if lesion is None else grid.resampled(lesion.astype(np.float32), scan.affine, beyond=0.0, order=1)
    if hidden is not None:
        images[:, hidden > 0.5] = np.nan
    registered = Registered(grid=grid, affine=to_template)
    moving = registered.carried(picture_of(template().parts)[None])[0]
    fit: Mixture | None = None
    for number, (width_mm, iterations) in enumerate(ROUNDS, start=1):
        share = 0.1 + 0.35 * (number - 1)
        made = steps.run(
            f"round-{number}",
            f"tissues and deformation, round {number} of {len(ROUNDS)}",
            share,
            lambda r=registered, f=fit, w=width_mm, i=iterations: _round(images, r, f, moving, w, i),  # type: ignore[misc]
        )
        registered = replace(registered, displacement_mm=made["displacement_mm"])
        fit = _mixture(made)
    made = steps.run("tissues", "tissues", 0.8, lambda: _tissues(images, registered, fit))
    last = _mixture(made)
    findings = findings.with_more(noise_findings(last))
    parts, agreement = (made["shares"], 1.0) if brain is None else with_brain(made["shares"], brain, grid)
    shares = steps.run("layers", "closed layers", 0.92, lambda: _layers(parts, registered))
    if hidden is not None:
        shares = _with_lesion(shares, hidden)
    head = _head(shares, images[0], grid, registered, name=name, lesion_S_per_m=lesion_S_per_m)
    return Built(
        head=replace(
            head,
            metadata=_metadata(scan, t2, findings, float(made["prior_mm"]), age_years)
            | ({} if brain is None else facts(brain, agreement)),
        ),
        findings=findings,
        prior_mm=float(made["prior_mm"]),
        mixture=last,
    )


def picture_of(parts: Volume) -> Volume:
    """Return the picture of stacked shares."""
    return picture(dict(zip(TISSUES, parts, strict=True)))


def _affine(scan: Scan) -> Arrays:
    """Return the bias of the scan and its affine to the template."""
    sitk, known = itk(), template()
    image = to_itk(scan.values.astype(np.float32), scan.affine)
    small = sitk.Shrink(image, [N4_SHRINK] * 3)
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(list(N4_ITERATIONS))
    n4.Execute(sitk.Maximum(small, 1e-3), sitk.OtsuThreshold(sitk.Median(small), 0, 1))
    bias = sitk.Cast(sitk.Exp(n4.GetLogBiasFieldAsImage(image)), sitk.sitkFloat32)
    affine = affine_to_template(
        sitk.Cast(image / bias, sitk.sitkFloat32),
        to_itk(known.head.t1.astype(np.float32), known.head.affine),  # type: ignore[union-attr]
        to_itk(known.seen, known.head.affine),
    )
    return {"affine": affine, "bias": from_itk(bias)}


def _box_mm(affine: Float) -> Float:
    """Return the corners of the template's head in the person's mm."""
    known = template()
    found = np.argwhere(known.parts[TISSUES.index("air")][::2, ::2, ::2] < 0.5) * 2
    low, high = found.min(0), found.max(0)
    corners = np.array([[x, y, z] for x in (low[0], high[0]) for y in (low[1], high[1]) for z in (low[2], high[2])])
    world = corners @ known.head.affine[:3, :3].T + known.head.affine[:3, 3]
    back = np.linalg.inv(affine)
    return np.asarray(world @ back[:3, :3].T + back[:3, 3], dtype=np.float64)


def _images(scan: Scan, bias: Volume, t2: Scan | None, grid: Grid) -> Volume:
    """Return the channels (channels, nx, ny, nz) on the head's grid, bright tissue near 1, NaN where no scan is."""
    found = [_scaled(grid.resampled(scan.values / bias, scan.affine))]
    if t2 is not None:
        found.append(_scaled(grid.resampled(t2.values, rigid_to(scan, t2) @ t2.affine)))
    return np.stack(found)


def _scaled(image: Volume) -> Volume:
    bright = image[image > np.nanmedian(image)]
    return np.asarray(np.maximum(image / np.percentile(bright, 95), DARKEST), dtype=np.float32)


def _round(
    images: Volume, registered: Registered, fit: Mixture | None, moving: Volume, width_mm: float, iterations: int
) -> Arrays:
    """Fit the mixture under the present prior, then deform the template towards the tissues found."""
    prior, deep = registered.prior(width_mm), _deep(registered)
    classes = mixture.in_classes(prior, deep)
    start = fit or mixture.first_mixture(images, classes)
    fit = mixture.fitted(images, classes, start, iterations=iterations, voxel_mm=registered.grid.voxel_mm)
    found = mixture.posteriors(mixture.log_likelihood(images, fit, deep), prior, rounds=MARKOV_ROUNDS)
    expected = registered.carried(template().parts)
    _split_as_expected(found, expected, deep)
    still = np.where(np.isfinite(images[0]), picture_of(found), picture_of(expected))
    moved = deformation(still, moving, registered.grid.affine, registered.displacement_mm)
    return {"displacement_mm": moved, **_fields(fit)}


def _split_as_expected(found: Volume, expected: Volume, deep: Volume) -> None:
    """Part grey from white matter among the deep nuclei as the template does, in place: their brightness may not drive
    the deformation, which would shrink the bright ones away; ventricles and the brain's surface do.
    """
    white, grey = found[0], found[1]
    brain = white + grey
    share = (expected[0] + UNSURE * white) / np.maximum(expected[0] + expected[1] + UNSURE * brain, 1e-6)
    white += deep * (brain * share - white)
    np.subtract(brain, white, out=grey)


def _deep(registered: Registered) -> Volume:
    """Return the template's `deep`, 0..1: rounding may carry a share of 1 a little above 1, and 1 - share has a log."""
    deep: Volume = np.clip(registered.carried(template().deep[None])[0], 0, 1)
    return deep


def _mixture(made: Arrays) -> Mixture:
    """Return the mixture that `_fields` has put among the arrays of a step."""
    return Mixture(mean=made["mean"], deviation=made["deviation"], weight=made["weight"], log_bias=made["log_bias"])


def _fields(fit: Mixture) -> Arrays:
    if fit.log_bias is None:  # a fitted mixture always has one
        raise AssertionError
    return {"mean": fit.mean, "deviation": fit.deviation, "weight": fit.weight, "log_bias": fit.log_bias}


def _tissues(images: Volume, registered: Registered, fit: Mixture | None) -> Arrays:
    """Return the shares of all tissues, with the prior as sharp as the scan's evidence asks."""
    if fit is None:  # there is at least one round
        raise AssertionError
    deep = _deep(registered)
    likelihood = mixture.log_likelihood(images, fit, deep)
    evidence = {w: mixture.evidence(likelihood, registered.prior(w)) for w in WIDTHS_MM}
    width_mm = max(evidence, key=lambda w: evidence[w])
    prior = registered.prior(width_mm)
    classes = mixture.in_classes(prior, deep)
    fit = mixture.fitted(images, classes, fit, iterations=LAST_ITERATIONS, voxel_mm=registered.grid.voxel_mm)
    likelihood = TEMPERED * mixture.log_likelihood(images, fit, deep)
    shares = mixture.posteriors(likelihood, prior, rounds=MARKOV_ROUNDS)
    without_bias = np.asarray(images[0] / mixture.bias_of(fit, images.shape[1:]), dtype=np.float32)
    shares[:3] = partial_volume.shares(without_bias, shares[:3], prior[:3], voxel_mm=registered.grid.voxel_mm)
    scalp, air = TISSUES.index("scalp"), TISSUES.index("air")
    shares[scalp], shares[air] = partial_volume.skin(
        without_bias, shares[scalp], shares[air], voxel_mm=registered.grid.voxel_mm
    )
    return {"shares": shares.astype(np.float16), "prior_mm": np.array(width_mm), **_fields(fit)}


def _layers(shares: Volume, registered: Registered) -> Arrays:
    known = template()
    vault, skull_mm = registered.carried(np.stack([known.vault, known.skull_mm]))
    skull_mm /= np.cbrt(np.linalg.det(registered.affine[:3, :3]))
    parts = dict(zip(TISSUES, shares.astype(np.float32), strict=True))
    closed = layers.closed_head(parts, vault=vault, skull_mm=skull_mm, voxel_mm=registered.grid.voxel_mm)
    return {name: np.round(255 * share).astype(np.uint8) for name, share in closed.items()}


def _with_lesion(shares: Mapping[str, NDArray[np.uint8]], hidden: Volume) -> Arrays:
    inside = np.clip(hidden, 0, 1)
    total = np.sum([share.astype(np.float32) for share in shares.values()], axis=0)
    result: Arrays = {name: np.floor(share * (1 - inside)).astype(np.uint8) for name, share in shares.items()}
    result["lesion"] = np.floor(total * inside).astype(np.uint8)
    return result


def _head(
    shares: Mapping[str, NDArray[np.uint8]],
    image: Volume,
    grid: Grid,
    registered: Registered,
    *,
    name: str,
    lesion_S_per_m: float | None,
) -> Head:
    outside = 255 - np.minimum(np.sum([s.astype(np.uint16) for s in shares.values()], axis=0), 255).astype(np.uint8)
    labels = np.stack([outside, *shares.values()]).argmax(0).astype(np.uint8)
    head = Head.from_labels(
        labels,
        grid.affine,
        tissues={number: tissue for number, tissue in enumerate(shares, start=1)},
        conductivity_S_per_m=None if lesion_S_per_m is None else {"lesion": lesion_S_per_m},
        name=name,
        fractions=shares,
        t1=np.nan_to_num(image),
    )
    head = replace(head, mni=mni_of(registered))
    return head.with_fiducials(fiducials_from_template(registered))


def _metadata(
    scan: Scan, t2: Scan | None, findings: ScanFindings, prior_mm: float, age_years: float | None
) -> dict[str, Any]:
    return {
        "origin": f"built from {scan.name}" + ("" if t2 is None else f" and {t2.name}"),
        "input_sha256": scan.sha256,
        "warnings": [*scan.header.warnings, *findings.warnings],
        "header": [{"severity": f.severity, "what": f.what, "value": f.value} for f in scan.header.findings],
        "scan": {name: round(value, 3) for name, value in findings.numbers.items()},
        "prior_mm": prior_mm,
        "age_years": age_years,
    }
