"""Registration of a scan to the embedded head: an affine by mutual information, then diffeomorphic demons on tissues.

Maps run from the person's mm to the template's mm:  q = A (p + v(p)).  The affine compares the two scans, whose
contrast may differ (Mattes mutual information). The deformation v compares pictures of tissue, sum_t c_t P_t, made of
the posteriors of the person and the fractions of the template, so that the contrast of the scan plays no part (demons:
Vercauteren et al. 2009, doi:10.1016/j.neuroimage.2008.10.040). Both methods are SimpleITK's.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeadError
from assuage.segmentation.itk import LPS, from_itk, itk, to_itk

Float = NDArray[np.float64]
Volume = NDArray[np.float32]

PICTURE = {"white_matter": 1.0, "grey_matter": 0.75, "scalp": 0.55, "csf": 0.35, "eyes": 0.3, "skull": 0.1, "air": 0.0}
"""Brightness of each tissue in the picture that the demons compare; outside is 0."""
FLIP = np.array([-1, -1, 1], dtype=np.float32)
"""RAS to LPS for vectors, and back."""
SEED = 1
SAMPLES = 0.1
LEVELS_MM = ((4.0, 80), (2.0, 60))
"""Spacing of a level of the demons, at least that of the grid, and its iterations."""
SMOOTH_MM = 3.0
"""Width of the Gaussian that keeps the deformation smooth."""


def affine_to_template(scan: Any, template_t1: Any, template_seen: Any) -> Float:
    """Return the affine (4, 4) from the person's mm to the template's mm.

    Parameters
    ----------
    scan, template_t1
        SimpleITK images; the first without its bias field.
    template_seen
        SimpleITK mask of where the template's scan has data.

    Raises
    ------
    HeadError
        The optimiser ends outside any plausible head: scale not within 0.6 to 1.5 of the template.
    """
    sitk = itk()
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(40)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(SAMPLES, SEED)
    method.SetMetricMovingMask(template_seen)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsGradientDescentLineSearch(1.0, 100, 1e-5, 10)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([6, 4, 2])
    method.SetSmoothingSigmasPerLevel([4, 2, 1])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    start = sitk.CenteredTransformInitializer(
        scan, template_t1, sitk.AffineTransform(3), sitk.CenteredTransformInitializerFilter.MOMENTS
    )
    method.SetInitialTransform(start, True)
    method.Execute(scan, template_t1)
    affine = _ras(start)
    scale = np.linalg.svd(affine[:3, :3], compute_uv=False)
    if not (scale.min() > 0.6 and scale.max() < 1.7 and np.linalg.det(affine[:3, :3]) > 0):
        raise HeadError(
            f"registration to the embedded head gives scales {np.round(scale, 2).tolist()}, which no head has; "
            "check that the image is a whole T1 of a head and its orientation is right"
        )
    return affine


def rigid_to(first: Any, second: Any) -> Float:
    """Return the rigid map (4, 4) from the second image's mm to the first's, by mutual information.

    Parameters
    ----------
    first, second
        Records with `values` and `affine`: scans of one person.
    """
    sitk = itk()
    fixed, moving = to_itk(first.values, first.affine), to_itk(second.values, second.affine)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(40)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(SAMPLES, SEED)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsGradientDescentLineSearch(1.0, 100, 1e-5, 10)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2])
    method.SetSmoothingSigmasPerLevel([2, 1])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    start = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.Euler3DTransform(), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    method.SetInitialTransform(start, True)
    method.Execute(fixed, moving)
    return np.asarray(np.linalg.inv(_ras(start)), dtype=np.float64)


def _ras(transform: Any) -> Float:
    """Return a linear SimpleITK transform, fixed to moving, as (4, 4) in RAS mm."""
    turn = np.array(transform.GetMatrix()).reshape(3, 3)
    centre, shift = np.array(transform.GetCenter()), np.array(transform.GetTranslation())
    affine = np.eye(4)
    affine[:3, :3] = turn
    affine[:3, 3] = shift + centre - turn @ centre
    return np.asarray(LPS @ affine @ LPS, dtype=np.float64)


def picture(parts: Mapping[str, NDArray[Any]]) -> Volume:
    """Return sum_t c_t P_t of tissue shares in 0..1."""
    total = np.zeros(next(iter(parts.values())).shape, dtype=np.float32)
    for name, share in parts.items():
        if PICTURE[name]:
            total += share.astype(np.float32) * np.float32(PICTURE[name])
    return total


def deformation(person: Volume, template: Volume, affine: Float, start: Volume | None) -> Volume:
    """Return the displacement v (nx, ny, nz, 3) mm in RAS world axes on the person's grid.

    Parameters
    ----------
    person, template
        Pictures on the person's grid, the template's already carried there by the affine.
    affine
        (4, 4) of the grid.
    start
        Displacement to begin with, on the same grid.
    """
    sitk = itk()
    fixed, moving = to_itk(person, affine), to_itk(template, affine)
    field = None if start is None else to_itk(start * FLIP, affine, vector=True)
    for level_mm, iterations in LEVELS_MM:
        spacing_mm = max(level_mm, float(np.linalg.norm(affine[:3, 0])))
        still, moved = (_at(image, spacing_mm) for image in (fixed, moving))
        demons = sitk.DiffeomorphicDemonsRegistrationFilter()
        demons.SetNumberOfIterations(iterations)
        demons.SetSmoothDisplacementField(True)
        demons.SetStandardDeviations(SMOOTH_MM / spacing_mm)
        demons.SetMaximumUpdateStepLength(2.0)
        initial = (
            sitk.Resample(field, still, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkVectorFloat64)
            if field is not None
            else sitk.Image(still.GetSize(), sitk.sitkVectorFloat64, 3)
        )
        initial.CopyInformation(still)
        field = demons.Execute(still, moved, initial)
    full = sitk.Resample(field, fixed, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkVectorFloat32)
    return np.asarray(from_itk(full) * FLIP, dtype=np.float32)


def _at(image: Any, spacing_mm: float) -> Any:
    """Return the image on a grid of about the given spacing, smoothed first."""
    sitk = itk()
    spacing = np.array(image.GetSpacing())
    size = [max(8, round(n * s / spacing_mm)) for n, s in zip(image.GetSize(), spacing, strict=True)]
    smooth = sitk.SmoothingRecursiveGaussian(image, 0.5 * spacing_mm)
    new = np.array(image.GetSize()) * spacing / size
    turn = np.array(image.GetDirection()).reshape(3, 3)
    origin = np.array(image.GetOrigin()) + turn @ (0.5 * (new - spacing))
    return sitk.Resample(
        smooth, size, sitk.Transform(), sitk.sitkLinear, origin.tolist(), new.tolist(), image.GetDirection(), 0.0
    )
