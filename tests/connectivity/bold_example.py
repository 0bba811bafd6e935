"""A person made of a sphere, with a planted network: shared by the tests of this folder."""

import json
from dataclasses import replace
from functools import cache

import nibabel as nib
import numpy as np
import pandas as pd

from assuage.connectivity.confounds import MOTION
from assuage.connectivity.simulate import Planted, grid_points, simulate
from assuage.head.gallery import sphere_head
from assuage.head.mni import MniTransform

SPACING_MM = 5.0
GROUP_MM = (-44.0, 40.0, 29.0)
PLANTED = Planted(target_mm=(-36.0, 30.0, 40.0), seed_mm=(6.0, 16.0, -10.0), strength=0.6)


@cache
def head():
    return replace(sphere_head(voxel_mm=3.0), mni=MniTransform.affine(np.eye(4)))


@cache
def recording(minutes=12.0, seed=1, rate=0.03):
    """Return a recording of the region around target and seed, in head space, with its confounds."""
    centers = [np.array(GROUP_MM), np.array(PLANTED.seed_mm), *(np.array(x) for x in ((28, -3, -20), (-6, -5, 58)))]
    grid = grid_points(np.zeros(3), 75.0, SPACING_MM)
    near = np.min([np.linalg.norm(grid - center, axis=1) for center in centers], axis=0) <= 22.0
    return simulate(
        grid[near], replace(PLANTED, motion_rate=rate), minutes=minutes, tr_s=2.0, seed=seed, spacing_mm=SPACING_MM
    )


def write_bold(folder, *, minutes=8.0, name="sub-1_space-T1w_desc-preproc_bold", sidecar=True):
    """Write a recording as the files of fMRIPrep; returns the path of the BOLD image."""
    made, confounds = recording(minutes=minutes, seed=2)
    low = made.points_mm.min(0)
    index = np.round((made.points_mm - low) / SPACING_MM).astype(int)
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = low
    shape = tuple(index.max(0) + 1)
    data = np.zeros((*shape, made.frames), dtype=np.float32)
    data[tuple(index.T)] = made.series.T
    mask = np.zeros(shape, dtype=np.uint8)
    mask[tuple(index.T)] = 1
    for values, stem in ((data, name), (mask, name.replace("desc-preproc_bold", "desc-brain_mask"))):
        image = nib.Nifti1Image(values, affine)
        image.header.set_xyzt_units("mm", "sec")
        image.set_qform(affine, 1)
        image.set_sform(affine, 1)
        if values.ndim == 4:
            image.header.set_zooms([*[SPACING_MM] * 3, 2.0])
        nib.save(image, folder / f"{stem}.nii.gz")
    bold = folder / f"{name}.nii.gz"
    if sidecar:
        (folder / f"{name}.json").write_text(json.dumps({"RepetitionTime": 2.0}), encoding="utf-8")
    table = pd.DataFrame(confounds.regressors[:, :6], columns=list(MOTION))
    table["global_signal"] = confounds.regressors[:, -1]
    table["framewise_displacement"] = confounds.fd_mm
    table.loc[0, "framewise_displacement"] = np.nan
    rng = np.random.default_rng(0)
    table["csf"], table["white_matter"] = rng.standard_normal((2, made.frames))
    table.to_csv(folder / "confounds.tsv", sep="\t", index=False, na_rep="n/a")
    return bold
