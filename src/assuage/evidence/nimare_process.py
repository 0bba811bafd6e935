"""NiMARE as a separate program: a request as JSON on stdin, maps in a folder. Never imported by the package.

`python -m assuage.evidence.nimare_process` reads method ("ale" or "mkda"), studyset (the document of
`coordinates.studyset_document`), voxel_p, iterations, seed and out.
"""

import json
import sys
from typing import Any


def run(asked: dict[str, Any]) -> None:
    """Fit, correct by cluster-level family-wise error, and write the maps."""
    import numpy as np
    from nimare.correct import FWECorrector
    from nimare.meta.cbma import ALE, MKDADensity
    from nimare.nimads import Studyset

    np.random.seed(asked["seed"])  # noqa: NPY002  (the generator that NiMARE's permutations draw from)
    estimator = ALE() if asked["method"] == "ale" else MKDADensity()
    result = estimator.fit(Studyset(asked["studyset"], target="mni152_2mm"))
    corrector = FWECorrector(method="montecarlo", voxel_thresh=asked["voxel_p"], n_iters=asked["iterations"], n_cores=1)
    corrector.transform(result).save_maps(output_dir=asked["out"])


if __name__ == "__main__":
    run(json.load(sys.stdin))
