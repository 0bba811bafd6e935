"""Header audit: what an image header says about space, checked before a single voxel is used.

Each check gives a `Finding`. A `stop` is a refusal: guessing an orientation, a unit or a label would move the target
without a sign of it. NIfTI-1: world = sform if sform_code > 0, else qform if qform_code > 0; RAS+ mm.
"""

from dataclasses import dataclass
from typing import Any, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeaderError

Severity = Literal["stop", "warn", "note"]
Orientation = Literal["auto", "sform", "qform"]

SHEAR_TOLERANCE = 1e-3
"""Largest |cosine| between two voxel axes; float32 rounding stays below 1e-6."""
DISAGREEMENT_STOP_MM = 1.0
"""sform and qform that place a corner this far apart describe two different heads."""
DISAGREEMENT_WARN_MM = 0.1
VOXEL_STOP_MM = (0.2, 5.0)
VOXEL_WARN_MM = 1.5
"""Coarser voxels miss parts of a 5 mm skull."""
COARSE_EFFECT = "thin skull and narrow sulci may be missed, so that the field of electrodes is unsure; prefer 1 mm"
ANISOTROPY_WARN = 2.0
UNEVEN_EFFECT = "borders along the longest edge are unsure by half of it; prefer an isotropic scan"
FIELD_OF_VIEW_STOP_MM = 100.0
"""No adult or adolescent head fits into less along any axis; a slab or a crop gives wrong fields."""
FIELD_OF_VIEW_WARN_MM = 150.0
LABEL_COUNT_MAX = 150
"""More distinct integers than this are grey values; parcellations in use have about 110."""

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of the audit: how bad, what, the value, the way out."""

    severity: Severity
    what: str
    value: str
    way_out: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.what}: {self.value}; {self.way_out}"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeaderAudit:
    """The audited header of one image.

    Attributes
    ----------
    affine
        (4, 4) voxel index to RAS+ mm, chosen by the rule of the module.
    shape
        The three spatial sizes.
    sform_code, qform_code
        NIfTI codes; 0 means absent.
    findings
        In the order of the checks.
    """

    name: str
    affine: Float
    shape: tuple[int, int, int]
    sform_code: int
    qform_code: int
    findings: tuple[Finding, ...]

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """Findings that stop."""
        return tuple(finding for finding in self.findings if finding.severity == "stop")

    @property
    def warnings(self) -> list[str]:
        """Findings that warn, one line each."""
        return [str(finding) for finding in self.findings if finding.severity == "warn"]

    def require(self) -> "HeaderAudit":
        """Return the audit itself, or raise if anything stops.

        Raises
        ------
        HeaderError
            One line naming the first refusal and how many more there are.
        """
        if self.refusals:
            more = len(self.refusals) - 1
            raise HeaderError(f"{self.name}: {self.refusals[0]}" + (f" (and {more} more)" if more else ""))
        return self


def audit_header(image: Any, *, name: str = "image", orientation: Orientation = "auto") -> HeaderAudit:
    """Check the header of a NIfTI image.

    Parameters
    ----------
    image
        A nibabel NIfTI image; its data are not read.
    name
        Shown in messages.
    orientation
        Which affine to take where sform and qform disagree; "auto" refuses.

    Raises
    ------
    HeaderError
        Not NIfTI, or fewer than three dimensions, so that there is nothing to audit.
    """
    if not isinstance(image, nib.Nifti1Pair):
        raise HeaderError(f"{name} is {type(image).__name__}, not NIfTI; convert it, e.g. with dcm2niix or nibabel")
    header = image.header
    shape = tuple(int(n) for n in image.shape)
    if len(shape) < 3:
        raise HeaderError(f"{name} has shape {shape}; a head needs three dimensions")
    codes = int(header["sform_code"]), int(header["qform_code"])
    sform, qform = _affine(header.get_sform()), _affine(header.get_qform())
    findings = [*_dimension_findings(shape), *_unit_findings(header), *_code_findings(codes)]
    affine, disagreement = _choose(codes, sform, qform, shape[:3], orientation)
    findings += disagreement
    findings += _geometry_findings(affine, shape[:3])
    return HeaderAudit(
        name=name,
        affine=affine,
        shape=(shape[0], shape[1], shape[2]),
        sform_code=codes[0],
        qform_code=codes[1],
        findings=tuple(findings),
    )


def audit_label_values(data: NDArray[Any]) -> list[Finding]:
    """Check that voxel values are labels: finite non-negative integers, not too many of them.

    Parameters
    ----------
    data
        (nx, ny, nz) voxel values after scaling.
    """
    segment_first = "a head needs tissue labels; building a head from a T1 is a separate step: segment it first"
    if not np.isfinite(data).all():
        count = int((~np.isfinite(data)).sum())
        return [Finding(severity="stop", what="NaN or infinite voxels", value=str(count), way_out="write labels anew")]
    if np.issubdtype(data.dtype, np.floating):
        off = np.abs(data - np.round(data)) > 1e-3
        if off.any():
            value = f"{off.mean():.1%} of voxels are not integers"
            return [Finding(severity="stop", what="an intensity image, not labels", value=value, way_out=segment_first)]
    values = np.unique(np.round(data).astype(np.int64))
    if values[0] < 0:
        value = f"smallest is {values[0]}"
        return [Finding(severity="stop", what="negative labels", value=value, way_out="use 0 for air, 1 and up else")]
    if len(values) > LABEL_COUNT_MAX:
        value = f"{len(values)} distinct values"
        return [Finding(severity="stop", what="an intensity image, not labels", value=value, way_out=segment_first)]
    return []


def _affine(matrix: Any) -> Float:
    return np.asarray(matrix, dtype=np.float64)


def _dimension_findings(shape: tuple[int, ...]) -> list[Finding]:
    if len(shape) == 3:
        return []
    if all(n == 1 for n in shape[3:]):
        return [
            Finding(severity="note", what="trailing dimensions of size 1", value=str(shape), way_out="they are dropped")
        ]
    return [
        Finding(severity="stop", what="not one 3-D volume", value=f"shape {shape}", way_out="extract the volume to use")
    ]


def _unit_findings(header: Any) -> list[Finding]:
    unit = header.get_xyzt_units()[0]
    if unit == "mm":
        return []
    if unit == "unknown":
        return [
            Finding(severity="note", what="length unit missing in the header", value="unknown", way_out="taken as mm")
        ]
    return [Finding(severity="stop", what="length unit is not mm", value=str(unit), way_out="convert the header to mm")]


def _code_findings(codes: tuple[int, int]) -> list[Finding]:
    if max(codes) > 0:
        return []
    return [
        Finding(
            severity="stop",
            what="no orientation in the header",
            value="sform_code 0 and qform_code 0",
            way_out="left and right are unknown: convert again from DICOM, e.g. with dcm2niix",
        )
    ]


def _choose(
    codes: tuple[int, int], sform: Float, qform: Float, shape: tuple[int, ...], orientation: Orientation
) -> tuple[Float, list[Finding]]:
    """Return the affine in force and what to say where two are present and differ."""
    if orientation == "qform" and codes[1] > 0:
        return qform, []
    if codes[0] == 0 or orientation == "sform":
        return (sform, []) if codes[0] > 0 else (qform, [])
    if codes[1] == 0:
        return sform, []
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij")).reshape(3, -1).T
    apart = float(np.linalg.norm(corners @ (sform - qform)[:3, :3].T + (sform - qform)[:3, 3], axis=1).max())
    if apart <= DISAGREEMENT_WARN_MM:
        return sform, []
    severity: Severity = "stop" if apart > DISAGREEMENT_STOP_MM else "warn"
    finding = Finding(
        severity=severity,
        what="sform and qform disagree",
        value=f"corners up to {apart:.1f} mm apart; sform (code {codes[0]}) {_rows(sform)}, "
        f"qform (code {codes[1]}) {_rows(qform)}",
        way_out='say which one the navigator uses: orientation="sform" or "qform"',
    )
    return sform, [finding]


def _rows(affine: Float) -> str:
    return " | ".join(" ".join(f"{value:.3g}" for value in row) for row in affine[:3])


def _geometry_findings(affine: Float, shape: tuple[int, ...]) -> list[Finding]:
    size = np.linalg.norm(affine[:3, :3], axis=0)
    shown = " x ".join(f"{value:.3g}" for value in size)
    if not np.isfinite(affine).all() or size.min() <= 0 or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        return [Finding(severity="stop", what="affine is singular", value=shown, way_out="export the image again")]
    findings: list[Finding] = []
    axes = affine[:3, :3] / size
    shear = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if shear > SHEAR_TOLERANCE:
        findings.append(
            Finding(
                severity="stop",
                what="affine is sheared",
                value=f"|cosine| of two axes {shear:.3g}",
                way_out="resample to orthogonal axes",
            )
        )
    if size.min() < VOXEL_STOP_MM[0] or size.max() > VOXEL_STOP_MM[1]:
        findings.append(
            Finding(severity="stop", what="voxel size", value=f"{shown} mm", way_out="check the unit, or resample")
        )
    elif size.max() > VOXEL_WARN_MM:
        findings.append(Finding(severity="warn", what="coarse voxels", value=f"{shown} mm", way_out=COARSE_EFFECT))
    if size.max() > ANISOTROPY_WARN * size.min():
        findings.append(Finding(severity="warn", what="uneven voxels", value=f"{shown} mm", way_out=UNEVEN_EFFECT))
    return findings + _view_findings(size * np.asarray(shape))


def _view_findings(extent_mm: Float) -> list[Finding]:
    shown = " x ".join(f"{value:.0f}" for value in extent_mm) + " mm"
    if extent_mm.min() < FIELD_OF_VIEW_STOP_MM:
        return [
            Finding(
                severity="stop",
                what="field of view too small for a head",
                value=shown,
                way_out=f"every axis needs {FIELD_OF_VIEW_STOP_MM:.0f} mm: scan or export the whole head",
            )
        ]
    if extent_mm.min() < FIELD_OF_VIEW_WARN_MM:
        return [
            Finding(
                severity="warn",
                what="small field of view",
                value=shown,
                way_out="the head is probably cut; fields near the cut are wrong",
            )
        ]
    return []
