"""Diffusion tensors from a NIfTI file, in world axes, at any point.

    T_world = F T F^T,      F = R (voxel),  R diag(-1, 1, 1) if det A > 0 else R (fsl),  1 (world)

| symbol | meaning |
|---|---|
| A | 3 x 3 part of the image's affine, voxel index to RAS+ mm |
| R | orthogonal part of A (polar decomposition); an oblique image has any R, a sheared one is refused |
| T | tensor as the file has it, in the file's own axes |

The order of the six components and the axes are never guessed: files of three programs look alike. `ORDERS` has what
each writes, `docs/anisotropy.md` where that was read.

Between voxels tensors are averaged by their logarithms (Arsigny et al. 2006, Magn Reson Med 56:411-421): the mean stays
positive definite, its determinant is the geometric mean of the neighbours' (the volume-normalised mapping rests on it),
and turning the world turns the result. Neighbours without a usable tensor do not count.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import Literal, get_args

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from assuage.errors import HeaderError, HeadError
from assuage.head.hashing import file_hash
from assuage.space.audit import Orientation, audit_header

Array = NDArray[np.float64]
Frame = Literal["fsl", "voxel", "world"]
Order = Literal["fsl", "mrtrix", "dipy", "ants"]

FRAMES: tuple[Frame, ...] = get_args(Frame)
COMPONENTS = ("xx", "xy", "xz", "yy", "yz", "zz")
"""Of a tensor (n, 6) in this package."""
FULL = np.array([[0, 1, 2], [1, 3, 4], [2, 4, 5]])
"""Place of each entry of the 3 x 3 matrix among `COMPONENTS`."""
INTENT_SYMMATRIX = 1005
LARGEST_RATIO = 10.0
"""Between the eigenvalues of a conductivity tensor: white matter has about 9 (Nicholson 1965, Exp Neurol 13:386-401);
smaller eigenvalues are raised, as SimNIBS does (aniso_maxratio)."""
LEAST_WEIGHT = 0.5
"""Share of the interpolation weight that usable neighbours must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How a program writes tensors: the six components in the file's order, and the axes they refer to."""

    components: tuple[str, ...]
    frame: Frame
    by: str


ORDERS: Mapping[Order, Written] = MappingProxyType(
    {
        "fsl": Written(
            components=("xx", "xy", "xz", "yy", "yz", "zz"),
            frame="fsl",
            by="FSL dtifit --save_tensor; DTI_coregT1_tensor.nii.gz of SimNIBS",
        ),
        "mrtrix": Written(components=("xx", "yy", "zz", "xy", "xz", "yz"), frame="world", by="MRtrix3 dwi2tensor"),
        "dipy": Written(
            components=("xx", "xy", "yy", "xz", "yz", "zz"),
            frame="fsl",
            by="dipy lower_triangular, fitted with a .bvec file as it is",
        ),
        "ants": Written(
            components=("xx", "xy", "yy", "xz", "yz", "zz"), frame="voxel", by="ANTs and ITK, NIfTI symmetric matrix"
        ),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TensorMap:
    """A map of diffusion tensors.

    Attributes
    ----------
    path, sha256
        Of the file.
    order, frame
        As stated.
    values
        (nx, ny, nz, 6) float32, `COMPONENTS`, in the axes of `frame`, in the unit of the file.
    affine
        (4, 4) voxel index to RAS+ mm.
    """

    path: Path
    sha256: str
    order: Order
    frame: Frame
    values: NDArray[np.float32]
    affine: Array

    @property
    def voxel_mm(self) -> Array:
        """Edge lengths of a voxel, (3,) mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    def index(self, points_mm: Array) -> Array:
        """Return the voxel index (n, 3) of world points (n, 3) mm."""
        return (points_mm - self.affine[:3, 3]) @ np.linalg.inv(self.affine[:3, :3]).T

    def holds(self, index: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Say which voxels (n, 3) the map has."""
        return np.asarray(((index >= 0) & (index < self.values.shape[:3])).all(1))

    def world_tensors(self, index: NDArray[np.intp]) -> Array:
        """Return the tensors (n, 3, 3) of voxels (n, 3) in world axes."""
        return turned(self.values[tuple(index.T)][:, FULL].astype(np.float64), frame_axes(self.affine, self.frame))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Eigen:
    """Tensors by their eigenvalues (n, 3), rising, and unit eigenvectors (n, 3, 3) in columns, world axes."""

    values: Array
    vectors: Array

    @property
    def principal(self) -> Array:
        """Direction of the largest eigenvalue, (n, 3)."""
        return np.asarray(self.vectors[:, :, 2])

    @property
    def anisotropy(self) -> Array:
        """Fractional anisotropy, (n,)."""
        off = self.values - self.values.mean(1, keepdims=True)
        return np.asarray(np.sqrt(1.5 * (off**2).sum(1) / (self.values**2).sum(1)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sampled:
    """The tensors of a map at n points.

    Attributes
    ----------
    eigen
        (n,); the unit tensor where there is none.
    usable
        (n,): there is one.
    outside, empty, not_positive
        (n,): why not, by the nearest voxel: none there; 0, not finite, or the rim of such; an eigenvalue of 0 or below.
    clipped
        (n,): the nearest voxel's smaller eigenvalues were raised to the largest by `LARGEST_RATIO`.
    """

    eigen: Eigen
    usable: NDArray[np.bool_]
    outside: NDArray[np.bool_]
    empty: NDArray[np.bool_]
    not_positive: NDArray[np.bool_]
    clipped: NDArray[np.bool_]


def read_tensors(
    path: str | Path, *, order: str, frame: str | None = None, orientation: Orientation = "auto"
) -> TensorMap:
    """Read a map of diffusion tensors.

    Parameters
    ----------
    path
        NIfTI: (nx, ny, nz, 6), or (nx, ny, nz, 1, 6) with the components of the NIfTI symmetric matrix.
    order
        Which program's order of components: one of `ORDERS`.
    frame
        Axes of the components where they are not the program's own: "fsl" (voxel axes, x flipped where the affine has a
        positive determinant), "voxel" or "world".
    orientation
        "sform" or "qform" where the two disagree; "auto" refuses.

    Raises
    ------
    HeaderError
        No such file, not NIfTI, not six components, or a header that fails the audit (shear among others).
    HeadError
        An order or a frame that is not known, or an order that the file's own declaration contradicts.
    """
    path = Path(path).expanduser()
    stated, written, chosen = _stated(order, frame)
    if not path.is_file():
        raise HeaderError(f"{path} does not exist; give a NIfTI file of diffusion tensors")
    try:
        image = nib.load(path)
        data = np.asarray(image.dataobj, dtype=np.float32)
    except (OSError, ValueError, EOFError, nib.filebasedimages.ImageFileError) as error:
        raise HeaderError(f"{path} cannot be read ({error}); give a NIfTI file of diffusion tensors") from None
    if not isinstance(image, nib.Nifti1Pair):
        raise HeaderError(f"{path.name} is {type(image).__name__}, not NIfTI; convert it first")
    symmetric = data.ndim == 5 and data.shape[3:] == (1, 6)
    if not symmetric and (data.ndim != 4 or data.shape[3] != 6):
        raise HeaderError(
            f"{path.name} has shape {data.shape}; tensors have (nx, ny, nz, 6), or (nx, ny, nz, 1, 6) as a NIfTI "
            "symmetric matrix"
        )
    intent = int(image.header["intent_code"])
    lower = ORDERS["ants"].components
    if (symmetric or intent == INTENT_SYMMATRIX) and written.components != lower:
        raise HeadError(
            f"{path.name} is a NIfTI symmetric matrix (lower triangle: {' '.join(lower)}) but the order {order!r} was "
            "stated; state ants, or dipy"
        )
    audited = audit_header(
        nib.Nifti1Image(np.empty(data.shape[:3], np.uint8), None, image.header), name=path.name, orientation=orientation
    ).require()
    values = data.reshape(*data.shape[:3], 6)[..., [written.components.index(name) for name in COMPONENTS]]
    sha256 = file_hash(path)
    return TensorMap(
        path=path, sha256=sha256, order=stated, frame=chosen, values=np.ascontiguousarray(values), affine=audited.affine
    )


def _stated(order: str, frame: str | None) -> tuple[Order, Written, Frame]:
    stated = next((name for name in ORDERS if name == order), None)
    if stated is None:
        said = "; ".join(f"{name} ({written.by})" for name, written in ORDERS.items())
        raise HeadError(f"tensor order {order!r} is not known; state which program wrote the file: {said}")
    written = ORDERS[stated]
    chosen = written.frame if frame is None else next((name for name in FRAMES if name == frame), None)
    if chosen is None:
        raise HeadError(f"tensor frame {frame!r} is not known; state one of {', '.join(FRAMES)}")
    return stated, written, chosen


def rotation_of(affine: Array) -> Array:
    """Return the orthogonal part of an affine, (3, 3): the factor of its polar decomposition, with any reflection."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    left, _, right = np.linalg.svd(axes)
    return np.asarray(left @ right)


def frame_axes(affine: Array, frame: Frame) -> Array:
    """Return the axes of a frame in the world, (3, 3) in columns."""
    if frame == "world":
        return np.eye(3)
    axes = rotation_of(affine)
    flip = frame == "fsl" and np.linalg.det(affine[:3, :3]) > 0
    return axes @ np.diag([-1.0, 1.0, 1.0]) if flip else axes


def turned(tensors: Array, axes: Array) -> Array:
    """Return tensors (n, 3, 3) given along axes (3, 3, in columns) in the frame of those axes: F T F^T."""
    return np.asarray(np.einsum("ij,njk,lk->nil", axes, tensors, axes, optimize=True))


def sample(tensors: TensorMap, points_mm: Array) -> Sampled:
    """Return the tensors of a map at points (n, 3) mm, averaged by their logarithms."""
    place = tensors.index(points_mm)
    low, nearest = np.floor(place).astype(np.intp), np.rint(place).astype(np.intp)
    part = place - low
    needed = np.unique(_flat(tensors, np.concatenate([low + np.array(c) for c in product((0, 1), repeat=3)])))
    needed = needed[needed >= 0]
    source = _SourceVoxels.of(tensors, needed)
    total, weight = np.zeros((len(place), 6)), np.zeros(len(place))
    for corner in product((0, 1), repeat=3):
        share = np.prod(np.where(np.array(corner) == 1, part, 1 - part), axis=1)
        row = source.row(_flat(tensors, low + np.array(corner)))
        share = np.where(source.usable[row], share, 0.0)
        weight += share
        total += share[:, None] * source.logarithms[row]
    usable = weight >= LEAST_WEIGHT
    total[usable] /= weight[usable, None]
    total[~usable] = 0.0
    exponents, vectors = np.linalg.eigh(total[:, FULL])
    row = source.row(_flat(tensors, nearest))
    outside = ~tensors.holds(nearest)
    not_positive = ~usable & ~outside & ~source.empty[row] & ~source.usable[row]
    return Sampled(
        eigen=Eigen(values=np.exp(exponents), vectors=vectors),
        usable=usable,
        outside=~usable & outside,
        empty=~usable & ~outside & ~not_positive,
        not_positive=not_positive,
        clipped=usable & source.clipped[row],
    )


def eigen_of(values: Array) -> tuple[Eigen, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return eigenvalues and vectors of tensors (n, 3, 3), which are 0 or not finite, and which positive definite."""
    empty = ~np.isfinite(values).all((1, 2)) | (values == 0).all((1, 2))
    found, vectors = np.linalg.eigh(np.where(empty[:, None, None], np.eye(3), values))
    return Eigen(values=found, vectors=vectors), empty, ~empty & (found[:, 0] > 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _SourceVoxels:
    """Logarithms of the tensors of some voxels of a map; the last row stands for every other voxel."""

    flat: NDArray[np.intp]
    logarithms: Array
    usable: NDArray[np.bool_]
    empty: NDArray[np.bool_]
    clipped: NDArray[np.bool_]

    @classmethod
    def of(cls, tensors: TensorMap, flat: NDArray[np.intp]) -> "_SourceVoxels":
        index = np.stack(np.unravel_index(flat, tensors.values.shape[:3]), 1)
        eigen, empty, positive = eigen_of(tensors.world_tensors(index))
        values = np.where(positive[:, None], eigen.values, 1.0)
        raised = np.maximum(values, values[:, 2:] / LARGEST_RATIO)
        matrix = np.einsum("nij,nj,nkj->nik", eigen.vectors, np.log(raised), eigen.vectors, optimize=True)
        logarithms = np.zeros((len(flat) + 1, 6))
        logarithms[:-1] = packed(matrix)
        return cls(
            flat=flat,
            logarithms=logarithms,
            usable=np.append(positive, False),
            empty=np.append(empty, True),
            clipped=np.append((raised > values).any(1), False),
        )

    def row(self, flat: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the row of each voxel (n,), the last for one that is not there."""
        if not len(self.flat):
            return np.zeros(len(flat), np.intp)
        found = np.minimum(np.searchsorted(self.flat, flat), len(self.flat) - 1)
        return np.where(self.flat[found] == flat, found, len(self.flat))


def packed(tensors: Array) -> Array:
    """Return symmetric tensors (n, 3, 3) as (n, 6), `COMPONENTS`."""
    return np.stack([tensors[:, "xyz".index(pair[0]), "xyz".index(pair[1])] for pair in COMPONENTS], 1)


def _flat(tensors: TensorMap, index: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the flat index (n,) of voxels (n, 3), -1 outside the map."""
    shape = tensors.values.shape[:3]
    flat = np.ravel_multi_index(tuple(np.clip(index, 0, np.array(shape) - 1).T), shape)
    return np.where(tensors.holds(index), flat, -1)
