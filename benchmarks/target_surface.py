"""A real recording on a surface: do the two halves of one person's run agree as well as the error bar says?

    pip install brainspace
    python -m benchmarks.target_surface

brainspace is no dependency; its wheel carries one resting run of one person (LEMON sub-010188, fsaverage5, 652 frames)
with its confounds. Written as CIFTI and read by the same reader as a user's file. The surface is the average one, so
places are MNI and not the person's own anatomy; the confounds have no names, so frames are not scrubbed by motion.

For each circuit pair and method: target of each half of the run, how far apart, what the ellipsoid of each half says of
the other's mean (two independent targets differ by the sum of their covariances), and how far chance would put them.
"""

import gzip
import sys
import tempfile
from dataclasses import replace
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import nibabel as nib
import nilearn
import numpy as np
from nibabel import cifti2
from scipy.stats import chi2

from assuage import load_head
from assuage.connectivity.confounds import Confounds
from assuage.connectivity.individual import individual_target
from assuage.connectivity.recording import Recording
from assuage.connectivity.seeds import question
from assuage.connectivity.surfaces import read_bold
from assuage.space.fsaverage import fsaverage_to_mni_mm

RUN = "sub-010188_ses-02_task-rest_acq-AP_run-01"
TR_S = 1.4
"""Of the LEMON resting runs; the file does not say it (Babayan et al. 2019, 10.1038/sdata.2018.308)."""
SIDES = {"left": "CortexLeft", "right": "CortexRight"}
PAIRS = ("emotion_regulation", "pain")
"""The other two circuits have their seeds below the cortex."""
METHODS = ("peak", "cluster", "network")


def packaged() -> Path:
    """Return the folder of the run, or stop with what to install."""
    spec = find_spec("brainspace")
    if spec is None or spec.origin is None:
        sys.exit("pip install brainspace first; it is no dependency of assuage")
    return Path(spec.origin).parent / "datasets" / "preprocessing"


def surface_mm(side: str) -> np.ndarray:
    """Return the vertices (10242, 3) half-way between white and pial surface of fsaverage5, in MNI152."""
    folder = Path(nilearn.__file__).parent / "datasets" / "data" / "fsaverage5"
    layers = []
    for layer in ("white", "pial"):
        packed = gzip.decompress((folder / f"{layer}_{side}.gii.gz").read_bytes())
        layers.append(nib.GiftiImage.from_bytes(packed).darrays[0].data)
    return fsaverage_to_mni_mm(np.mean(layers, axis=0))


def as_cifti(source: Path, out: Path) -> Recording:
    """Write the run and its surfaces as a user has them, and read them."""
    values, axis, geometry = [], None, []
    for side, structure in SIDES.items():
        series = np.asarray(nib.load(source / f"{RUN}.fsa5.{side[0]}h.mgz").dataobj, dtype=np.float32)[:, 0, 0]
        used = series.std(1) > 0
        values.append(series[used].T)
        half = cifti2.BrainModelAxis.from_mask(used, name=structure)
        axis = half if axis is None else axis + half
        array = nib.gifti.GiftiDataArray(surface_mm(side).astype(np.float32), intent="NIFTI_INTENT_POINTSET")
        geometry.append(out / f"{side}.surf.gii")
        nib.save(nib.GiftiImage(darrays=[array]), geometry[-1])
    frames = cifti2.SeriesAxis(0.0, TR_S, len(values[0]), "second")
    path = out / "run.dtseries.nii"
    nib.save(cifti2.Cifti2Image(np.hstack(values), header=(frames, axis)), path)
    return read_bold(path, geometry=tuple(geometry), space="mni")


def half_of(recording: Recording, regressors: np.ndarray, part: slice) -> tuple[Recording, Confounds]:
    """Return a part of a run and of its confounds; motion is unknown."""
    kept = regressors[part]
    kept = kept[:, kept.std(0) > 0]
    names = tuple(f"unnamed_{k}" for k in range(kept.shape[1]))
    fd_mm, steady = np.full(len(kept), np.nan), np.ones(len(kept), dtype=bool)
    return replace(recording, series=recording.series[part]), Confounds(
        regressors=kept, names=names, fd_mm=fd_mm, steady=steady
    )


def main() -> None:
    """Print one line for each pair and method."""
    source, head = packaged(), load_head("colin27")
    with tempfile.TemporaryDirectory() as folder:
        recording = as_cifti(source, Path(folder))
    regressors = np.loadtxt(source / f"{RUN}_confounds.txt")
    middle = recording.frames // 2
    parts = [half_of(recording, regressors, part) for part in (slice(middle), slice(middle, None), slice(None))]
    print(f"{recording.frames} frames, {recording.minutes:.1f} min, {len(recording.points_mm)} vertices")
    print("circuit             method    apart  stated  chance  within 95 %  r at target  repeat of whole run, mm")
    for circuit, method in product(PAIRS, METHODS):
        asked = question(circuit)
        one, other, whole = (individual_target(*part, head, asked, method=method) for part in parts)
        off = one.distribution.mean_mm - other.distribution.mean_mm
        covariance = one.distribution.covariance_mm2 + other.distribution.covariance_mm2
        within = off @ np.linalg.solve(covariance, off) <= chi2.ppf(0.95, 3)
        print(
            f"{circuit:19s} {method:8s} {np.linalg.norm(off):6.1f} {np.sqrt(np.trace(covariance)):7.1f}"
            f" {whole.facts.chance_mm:7.1f}  {'yes' if within else 'no':11s} {whole.facts.strength:+11.2f}"
            f" {whole.facts.repeat_mm:8.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
