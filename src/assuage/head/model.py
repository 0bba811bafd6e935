"""The head of one person: labels, tissue fractions, conductivities, and the places on its scalp.

Shapes: labels (nx, ny, nz); affine (4, 4) from voxel index to RAS+ mm; voxel (i, j, k) covers [i-1/2, i+1/2] and so on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assuage.errors import HeadError
from assuage.head.checks import checked_affine, checked_fractions, checked_labels, used_names
from assuage.head.fiducials import ALIASES as FIDUCIAL_ALIASES
from assuage.head.fiducials import (
    SNAP_LIMIT_MM,
    checked_fiducials_mm,
    estimated_fiducials_mm,
    is_ball,
    mni_fiducials_mm,
    snapped_mm,
)
from assuage.head.mni import MniTransform
from assuage.head.registration import SPACE as ESTIMATED_SPACE
from assuage.head.registration import estimated_mni
from assuage.head.surface import Surface, scalp_surface
from assuage.head.ten_ten import ALIASES as TEN_TWENTY_ALIASES
from assuage.head.ten_ten import ten_ten_sites
from assuage.head.tissue_tensors import TissueTensors
from assuage.head.tissues import AIR, BRAIN_NAMES, resolve_conductivities


@dataclass(frozen=True, kw_only=True, eq=False)
class Head:
    """A head model; build it with `Head.from_labels` or `load_head`, which validate.

    Attributes
    ----------
    labels
        (nx, ny, nz), unsigned integers; 0 is air.
    affine
        (4, 4) voxel index to RAS+ mm.
    tissues
        Label to tissue name.
    conductivity_S_per_m
        Tissue name to S/m, for every conducting tissue.
    fractions
        Tissue name to volume fraction * 255, uint8 (nx, ny, nz); what is missing to 255 is air. None for hard labels.
    t1
        Image on the same grid, or None.
    mni
        Transform to and from MNI space, or None.
    given_fiducials_mm
        Nasion, inion and preauricular points ("Nz Iz LPA RPA") if known; else None and `fiducials_mm` finds them.
    metadata
        Origin, extension below the scan, warnings, hash of the input.
    tensors
        Anisotropy of a tissue, or None; every conductor of the head uses it.
    sign_off
        What stands in the folder about who looked at the head, or None; read it with `assuage.head.signoff.sign_off`.
    """

    name: str
    labels: NDArray[np.unsignedinteger[Any]]
    affine: NDArray[np.float64]
    tissues: dict[int, str]
    conductivity_S_per_m: dict[str, float]
    fractions: dict[str, NDArray[np.uint8]] | None = None
    t1: NDArray[Any] | None = None
    mni: MniTransform | None = None
    given_fiducials_mm: dict[str, NDArray[np.float64]] | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    tensors: TissueTensors | None = None
    sign_off: Mapping[str, Any] | None = None

    @classmethod
    def from_labels(
        cls,
        labels: ArrayLike,
        affine: ArrayLike,
        *,
        tissues: Mapping[int, str],
        conductivity_S_per_m: Mapping[str, float] | None = None,
        name: str = "labels",
        fractions: Mapping[str, NDArray[np.uint8]] | None = None,
        t1: NDArray[Any] | None = None,
    ) -> Self:
        """Validate labels and build a head.

        Parameters
        ----------
        labels
            (nx, ny, nz) integers; 0 does not conduct.
        affine
            (4, 4) voxel index to RAS+ mm, without shear; left-handed is fine.
        tissues
            Label to tissue name, for every non-zero label.
        conductivity_S_per_m
            Tissue name to S/m; overrides the defaults of `conductivities()`.
        name
            Shown in reports.
        fractions
            Tissue name to volume fraction * 255, uint8, each (nx, ny, nz).
        t1
            Image on the same grid.

        Raises
        ------
        HeadError
            Not 3-D integers, empty, unnamed labels, unknown conductivity, bad affine, shear, voxel size.
        """
        array = checked_labels(labels)
        used = used_names(array, tissues)
        names = list(dict.fromkeys(tissues.values()))
        shares = checked_fractions(fractions, array.shape, names)
        if shares is not None:
            used |= {key for key, value in shares.items() if value.any()}
        if t1 is not None and t1.shape != array.shape:
            raise HeadError(f"t1 has shape {t1.shape}, labels have {array.shape}; resample it to the labels' grid")
        return cls(
            name=name,
            labels=array,
            affine=checked_affine(affine),
            tissues=dict(tissues),
            conductivity_S_per_m=resolve_conductivities(names, conductivity_S_per_m, in_use=used),
            fractions=shares,
            t1=t1,
        )

    def with_conductivities(self, conductivity_S_per_m: Mapping[str, float]) -> Self:
        """Return the same head with other conductivities, S/m; tissues that are not named keep theirs."""
        names = list(dict.fromkeys(self.tissues.values()))
        given = {**self.conductivity_S_per_m, **conductivity_S_per_m}
        values = resolve_conductivities(names, given, in_use=names)
        return self._changed(conductivity_S_per_m=values)

    def with_tensors(self, tensors: TissueTensors) -> Self:
        """Return the same head with an anisotropic tissue; see `assuage.head.with_white_matter_tensors`.

        Raises
        ------
        HeadError
            The head has no such tissue, or another number of its voxels.
        """
        count = int(self.mask(tensors.tissue).sum())
        if tensors.relative.shape != (count, 6):
            raise HeadError(
                f"tensors of {tensors.tissue!r} have shape {tensors.relative.shape}; this head needs {(count, 6)}, one "
                "row for each of its voxels"
            )
        return self._changed(tensors=tensors)

    @cached_property
    def tensor_S_per_m(self) -> dict[str, NDArray[np.float32]]:
        """Conductivity tensors by tissue name, (nx, ny, nz, 3, 3) along the world axes, S/m; empty without any."""
        if self.tensors is None:
            return {}
        name = self.tensors.tissue
        return {name: self.tensors.expanded(self.mask(name), self.conductivity_S_per_m[name])}

    def with_fiducials(self, fiducials_mm: Mapping[str, ArrayLike]) -> Self:
        """Return the same head with known fiducials.

        Parameters
        ----------
        fiducials_mm
            Nz, Iz, LPA, RPA (or nasion, inion, left_preauricular, right_preauricular), each (3,) mm.

        Raises
        ------
        HeadError
            One is missing, unknown, or far from the scalp.
        """
        given = checked_fiducials_mm(fiducials_mm)
        snapped_mm(given, self.scalp, limit_mm=SNAP_LIMIT_MM)
        return self._changed(given_fiducials_mm=given)

    def with_estimated_mni(self) -> Self:
        """Return the same head with an affine estimate of the MNI frame, from the outline of the brain.

        Raises
        ------
        HeadError
            The head holds no brain whose outline fits the template's.
        """
        found = self._mni_estimate
        if found is None:
            raise HeadError(
                f"the brain of {self.name!r} does not fit the MNI template (no brain, a ball, or cut); "
                "give points in head space, or a SimNIBS folder with its MNI fields"
            )
        transform, median_mm = found
        metadata = {**self.metadata, "mni": f"{transform.space}; median distance of the outlines {median_mm:.1f} mm"}
        return self._changed(mni=transform, metadata=metadata)

    def _changed(self, **changes: Any) -> Self:
        """Return a copy with some fields changed; what depends on labels and affine alone is not computed again."""
        new = replace(self, **changes)
        for name in ("scalp", "_mni_estimate"):
            if name in self.__dict__:
                new.__dict__[name] = self.__dict__[name]
        return new

    @cached_property
    def _mni_estimate(self) -> tuple[MniTransform, float] | None:
        brain = self._brain_index()
        if not len(brain) or is_ball(brain * self.voxel_mm):
            return None
        share = np.zeros(self.labels.shape, dtype=np.float32)
        share[tuple(brain.T)] = 1
        return estimated_mni(share, self.affine)

    def _brain_index(self) -> NDArray[np.intp]:
        """Return the voxel indices (n, 3) of the brain."""
        return np.argwhere(
            self._lookup([key for key, name in self.tissues.items() if name in BRAIN_NAMES])[self.labels]
        )

    @property
    def fiducial_origin(self) -> str:
        """How `fiducials_mm` was found: "given", "MNI positions" or "estimated from the shape of the head"."""
        if self.given_fiducials_mm is not None:
            return "given"
        if self.mni is not None and self.mni.space != ESTIMATED_SPACE:
            return "MNI positions"
        return "estimated from the shape of the head"

    @property
    def age_years(self) -> float | None:
        """Age of the person where the metadata know it."""
        age = self.metadata.get("age_years")
        return None if age is None else float(age)

    @property
    def warnings(self) -> list[str]:
        """What a reader of any result on this head must know, one line each."""
        lines = [str(line) for line in self.metadata.get("warnings", [])]
        if self.tensors is not None:
            lines += [str(line) for line in self.tensors.origin.get("warnings", [])]
        if self.fiducial_origin != "given":
            lines.append(
                f"nasion, inion and preauricular points are {self.fiducial_origin}, moved to the scalp; "
                "10-10 sites may be off by a centimetre: give them with Head.with_fiducials"
            )
        if self.mni is not None and self.mni.space == ESTIMATED_SPACE:
            lines.append(
                "MNI coordinates are placed by an affine estimate from the outline of the brain and may be off by "
                "several millimetres; prefer a registration of the scan or points in head space"
            )
        return lines

    @cached_property
    def fiducials_mm(self) -> dict[str, NDArray[np.float64]]:
        """Nz, Iz, LPA, RPA on the scalp, each (3,) mm; see `fiducial_origin`."""
        if self.given_fiducials_mm is not None:
            return snapped_mm(self.given_fiducials_mm, self.scalp, limit_mm=SNAP_LIMIT_MM)
        mni = self.mni
        if mni is None and self._mni_estimate is not None:
            mni = self._mni_estimate[0]
        if mni is not None:
            names = mni_fiducials_mm()
            points = mni.mni_to_head(np.array(list(names.values())))
            return snapped_mm(dict(zip(names, points, strict=True)), self.scalp, limit_mm=None)
        index = self._brain_index()
        if not len(index):
            index = np.argwhere(self.labels > 0)
        return estimated_fiducials_mm(index @ self.affine[:3, :3].T + self.affine[:3, 3], self.scalp)

    @cached_property
    def ten_ten_mm(self) -> dict[str, NDArray[np.float64]]:
        """The 10-10 sites measured on the scalp, name to (3,) mm; `site` also knows the fiducials and old names."""
        return ten_ten_sites(self.scalp, self.fiducials_mm)

    @property
    def voxel_mm(self) -> NDArray[np.float64]:
        """Edge lengths of a voxel, (3,) mm."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0), dtype=np.float64)

    @cached_property
    def scalp(self) -> Surface:
        """The outer skin: closed, but open where the scan cuts the head."""
        return scalp_surface(self.inside_fraction(), self.affine)

    def inside_fraction(self) -> NDArray[np.float32]:
        """Return the share of each voxel that is not air, (nx, ny, nz) in [0, 1]."""
        if self.fractions is None:
            return (~self.mask(AIR)).astype(np.float32)
        total = np.zeros(self.labels.shape, dtype=np.uint16)
        for tissue, values in self.fractions.items():
            if tissue != AIR:
                total += values
        return np.minimum(total, 255).astype(np.float32) / np.float32(255)

    def mask(self, name: str) -> NDArray[np.bool_]:
        """Return where the labels name a tissue, bool (nx, ny, nz); `air` includes label 0.

        Raises
        ------
        HeadError
            The head has no such tissue.
        """
        keys = [key for key, tissue in self.tissues.items() if tissue == name]
        if name == AIR:
            keys.append(0)
        if not keys:
            raise HeadError(
                f"no tissue {name!r} in this head; it has {', '.join(dict.fromkeys(self.tissues.values()))}"
            )
        inside: NDArray[np.bool_] = self._lookup(keys)[self.labels]
        return inside

    def _lookup(self, keys: list[int]) -> NDArray[np.bool_]:
        table = np.zeros(int(self.labels.max(initial=0)) + 1, dtype=np.bool_)
        table[[key for key in keys if 0 <= key < len(table)]] = True
        return table

    def tissue_at(self, points_mm: ArrayLike) -> NDArray[np.str_]:
        """Return the tissue name at each point, (n,); outside the volume is `air`.

        Parameters
        ----------
        points_mm
            (n, 3) world points.
        """
        points = np.asarray(points_mm, dtype=np.float64).reshape(-1, 3)
        inverse = np.linalg.inv(self.affine)
        index = np.floor(points @ inverse[:3, :3].T + inverse[:3, 3] + 0.5).astype(np.int64)
        within = ((index >= 0) & (index < self.labels.shape)).all(1)
        names = np.array([self.tissues.get(k, AIR) for k in range(int(self.labels.max(initial=0)) + 1)])
        result = np.full(len(points), AIR, dtype=names.dtype if names.dtype.itemsize >= 12 else "U3")
        i, j, k = index[within].T
        result[within] = names[self.labels[i, j, k]]
        return result


def site(head: Head, name: str) -> NDArray[np.float64]:
    """Return a named place on the scalp, (3,) mm.

    Parameters
    ----------
    head
        The head.
    name
        A 10-10 site, an old 10-20 name (T3, T4, T5, T6) or a fiducial; capitals do not matter.

    Raises
    ------
    HeadError
        No such place; names that look alike are shown.
    """
    wanted = name.strip().lower()
    if wanted in FIDUCIAL_ALIASES:
        return head.fiducials_mm[FIDUCIAL_ALIASES[wanted]]
    canonical = TEN_TWENTY_ALIASES.get(wanted, wanted).lower()
    for known, point in head.ten_ten_mm.items():
        if known.lower() == canonical:
            return point
    close = get_close_matches(canonical, [known.lower() for known in head.ten_ten_mm], n=3)
    alike = [known for known in head.ten_ten_mm if known.lower() in close]
    raise HeadError(f"no 10-10 site {name!r}; " + (f"close to it: {', '.join(alike)}" if alike else "e.g. F3, Cz, Oz"))
