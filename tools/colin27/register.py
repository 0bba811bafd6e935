"""Nonlinear registration of the brain to ICBM152 (nilearn's template) with ANTs, and the warped priors."""

import shutil
from pathlib import Path

import ants
import nilearn.datasets
import numpy as np
import pandas as pd

LPS = np.array([-1.0, -1.0, 1.0])
ITERATIONS = (60, 40, 25)
SEED = 1


def template_folder():
    """Folder of nilearn's wheel with the ICBM152 2009a symmetric T1 and tissue maps (1 mm)."""
    return Path(nilearn.datasets.__file__).parent / "data"


def register(scan, brain, work, names=("t1", "gm", "wm")):
    """Register and write ``n4.nii.gz inv0.mat inv1.nii.gz fwd0.nii.gz fwd1.mat prior_*.nii.gz`` into a work folder.

    Parameters
    ----------
    scan, brain : path
        T1 and brain-extracted T1 (its support is the mask).
    work : Path
        Folder for transforms and warped priors.
    """
    image = ants.image_read(str(scan))
    mask = ants.get_mask(ants.image_read(str(brain)), low_thresh=1, high_thresh=1e9, cleanup=0)
    corrected = ants.n4_bias_field_correction(image, mask=mask, shrink_factor=3)
    ants.image_write(corrected, str(work / "n4.nii.gz"))
    path = {t: str(template_folder() / f"mni_icbm152_{t}_tal_nlin_sym_09a_converted.nii.gz") for t in names}
    result = ants.registration(
        fixed=ants.image_read(path["t1"]),
        moving=corrected * mask,
        type_of_transform="SyN",
        random_seed=SEED,
        reg_iterations=ITERATIONS,
    )
    for key, files in (("fwd", result["fwdtransforms"]), ("inv", result["invtransforms"])):
        for n, name in enumerate(files):
            shutil.copy(name, work / f"{key}{n}{'.mat' if name.endswith('mat') else '.nii.gz'}")
    for t in names:
        moved = ants.apply_transforms(
            image, ants.image_read(path[t]), result["invtransforms"], whichtoinvert=[True, False]
        )
        ants.image_write(moved, str(work / f"prior_{t}.nii.gz"))


def map_points(work, points_mm, *, to_mni):
    """Map RAS points (..., 3) between head and MNI with the stored transforms."""
    flat = points_mm.reshape(-1, 3) * LPS
    table = pd.DataFrame(flat, columns=["x", "y", "z"])
    if to_mni:
        moved = ants.apply_transforms_to_points(
            3, table, [str(work / "inv0.mat"), str(work / "inv1.nii.gz")], whichtoinvert=[True, False]
        )
    else:
        moved = ants.apply_transforms_to_points(
            3, table, [str(work / "fwd0.nii.gz"), str(work / "fwd1.mat")], whichtoinvert=[False, False]
        )
    return (np.asarray(moved)[:, :3] * LPS).reshape(points_mm.shape)
