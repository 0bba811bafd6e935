"""Make head/data/reference_brain.npz: the outline of the ICBM152 brain, from the maps in nilearn's wheel."""

from pathlib import Path

import numpy as np
from nilearn.datasets import load_mni152_gm_template, load_mni152_wm_template

from assuage.head.registration import outline

TARGET = Path(__file__).parents[1] / "src" / "assuage" / "head" / "data" / "reference_brain.npz"


def main() -> None:
    """Write the file."""
    grey, white = load_mni152_gm_template(resolution=2), load_mni152_wm_template(resolution=2)
    share = np.clip(grey.get_fdata(), 0, 1) + np.clip(white.get_fdata(), 0, 1)
    found = outline(np.clip(share, 0, 1).astype(np.float32), np.asarray(grey.affine, dtype=np.float64))
    assert found is not None
    np.savez_compressed(
        TARGET,
        distance_mm=np.round(found.distance_mm).astype(np.int8),
        origin_mm=found.origin_mm,
        points_mm=np.round(found.points_mm, 2).astype(np.float32),
    )
    print(
        TARGET.name,
        TARGET.stat().st_size,
        "bytes",
        found.distance_mm.shape,
        found.points_mm.min(0),
        found.points_mm.max(0),
    )


if __name__ == "__main__":
    main()
