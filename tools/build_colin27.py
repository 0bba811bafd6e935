"""Build the embedded head (Colin27) from the Debian package ``mricron-data`` and nilearn's ICBM152 maps.

    python tools/build_colin27.py --out src/assuage/head/data/colin27.npz --work /tmp/colin27_work

Needs the ``build-head`` extra (antspyx). Registration takes the most time and is kept in the work folder; delete the
folder to start afresh. ``docs/head_colin27.md`` describes every step. Seeds are fixed; the registration runs on one
thread unless ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS says otherwise.
"""

import argparse
import hashlib
import time
from importlib.metadata import version
from pathlib import Path

import nibabel as nib
import numpy as np
from colin27 import assemble, brain, cavity, face, fiducials, figure, neck, pack, qc, register, skull
from scipy import ndimage as ndi

from assuage.head.colin27_codec import decode, encode

SOURCE = Path("/usr/share/mricron/templates")
OUT = Path(__file__).resolve().parent.parent / "src/assuage/head/data/colin27.npz"
FIGURE = Path(__file__).resolve().parent.parent / "docs/img/colin27_overlay.png"


def read(path):
    """Voxels (float32) and affine of a NIfTI file."""
    image = nib.load(path)
    return np.asarray(image.dataobj, np.float32), np.asarray(image.affine, float)


def say(start, text):
    """Progress line with the time since start."""
    print(f"[{time.time() - start:6.0f} s] {text}", flush=True)


def anatomy(t1, bet, affine, work, start):
    """Every membership on the scan's grid."""
    say(start, "head surface, first outer skull")
    grey, white = (read(work / f"prior_{t}.nii.gz")[0] / 255.0 for t in ("gm", "wm"))
    parts = {"brain": cavity.clean_brain(t1, bet, grey + white > 0.4), "head": skull.head_mask(t1)}
    parts["cord"], parts["canal"] = spine = cavity.spinal_canal(t1, affine)
    seed = cavity.dilate(parts["brain"], 1.0) | parts["canal"]
    outer = skull.outer_skull(t1, seed, parts["head"], affine, reach_mm=16.0) > 0.5
    say(start, "cranial cavity")
    parts["solid"] = cavity.cranial_cavity(t1, parts["brain"], outer, spine, affine)
    say(start, "outer skull, facial bone, eyes, air")
    parts["outer"] = skull.outer_skull(t1, parts["solid"], parts["head"], affine)
    parts["outer"] = np.maximum(parts["outer"], outer & (cavity.vault_weight(t1.shape, affine) > 0.5))
    parts["face"] = skull.facial_bone(t1, parts["outer"], parts["head"], parts["canal"], affine)
    parts["eyes"], parts["eye_centers_mm"] = face.globes(t1, affine, parts["head"])
    parts["air"] = face.internal_air(t1, parts["head"], parts["solid"], affine)
    say(start, "brain tissues")
    corrected = read(work / "n4.nii.gz")[0] if (work / "n4.nii.gz").exists() else t1
    grid, _ = pack.lattice(affine[:3, 3], affine[:3, 3] + np.array(t1.shape) - 1)
    coarse = register.map_points(work, grid, to_mni=True)
    index = np.stack(np.meshgrid(*[np.arange(n) / pack.STEP_MM for n in t1.shape], indexing="ij"))
    mni = np.stack([ndi.map_coordinates(coarse[..., a], index, order=1) for a in range(3)], -1).astype(np.float32)
    ratio = np.median(corrected[parts["brain"]] / t1[parts["brain"]])
    parts |= brain.brain_tissues(
        corrected / ratio,
        parts["brain"],
        grey=grey,
        white=white,
        deep=brain.nuclei_prior(mni),
        stem=brain.brainstem_prior(mni),
    )
    return parts


def mni_warps(work, affine, shape):
    """Both directions of the MNI map on 4 mm lattices."""
    low, high = affine[:3, 3] + np.array([0, 0, neck.PAD_LOW[2]]), affine[:3, 3] + np.array(shape)
    head, head_affine = pack.lattice(low, high)
    there = register.map_points(work, head, to_mni=True)
    box = (np.array([-98.0, -134.0, -74.0]), np.array([98.0, 100.0, 116.0]))
    mni, mni_affine = pack.lattice(*box)
    back = register.map_points(work, mni, to_mni=False)
    inner = np.abs(head - np.array([0, -17, 10])).max(-1) < 70
    linear = pack.best_linear(head[inner], there[inner])
    return {
        "head_to_mni": pack.warp(head, there, linear, head_affine),
        "mni_to_head": pack.warp(mni, back, np.linalg.inv(linear), mni_affine),
    }


def describe(source, affine, fractions, parts, report):
    """Metadata of the container."""
    cut_mm = float(affine[2, 3] + neck.PAD_LOW[2])
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    return {
        "name": "colin27",
        "source": "Colin27 (27 averaged T1 scans of one adult man, Holmes et al. 1998, "
        "doi:10.1097/00004728-199803000-00032), file ch2.nii.gz of the Debian package mricron-data 1.2.20211006+dfsg-4",
        "source_sha256": digest,
        "licence": "Colin27: McConnell Brain Imaging Centre, Montreal Neurological Institute, McGill University, "
        "free use with notice; as packaged by Debian: BSD-3-Clause",
        "mni_space": "ICBM152 nonlinear symmetric 2009a (nilearn's template), 1 mm",
        "neck_extension": {
            "cut_z_mm": cut_mm,
            "bottom_z_mm": float(affine[2, 3]),
            "note": "below cut_z_mm the head is made by rule: soft tissue tapering to a neck, cord and CSF in a bone "
            "ring; crop at cut_z_mm for the head as scanned",
        },
        "padding_voxels": {"low": list(neck.PAD_LOW), "high": list(neck.PAD_HIGH)},
        "eye_centers_mm": {k: [round(float(x), 1) for x in v] for k, v in parts["eye_centers_mm"].items()},
        "shape": list(next(iter(fractions.values())).shape),
        "made_with": {n: version(n) for n in ("antspyx", "nilearn", "numpy", "scipy", "scikit-image")},
        "qc": report,
    }


def main():
    """Build, check, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, default=SOURCE, help="folder of ch2.nii.gz and ch2bet.nii.gz")
    parser.add_argument("--work", type=Path, default=Path("/tmp/colin27_work"))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--figure", type=Path, default=FIGURE)
    options = parser.parse_args()
    start = time.time()
    options.work.mkdir(parents=True, exist_ok=True)
    scan = options.source / "ch2.nii.gz"
    if not (options.work / "prior_wm.nii.gz").exists():
        say(start, "registration to ICBM152 (minutes)")
        register.register(scan, options.source / "ch2bet.nii.gz", options.work)
    t1, small_affine = read(scan)
    bet = read(options.source / "ch2bet.nii.gz")[0] > 0
    parts = anatomy(t1, bet, small_affine, options.work, start)
    np.savez(options.work / "parts.npz", **{k: v for k, v in parts.items() if k != "eye_centers_mm"})
    affine = neck.padded_affine(small_affine)
    say(start, "fractions")
    fractions = assemble.tissue_fractions(parts, affine)
    display = np.where(sum(fractions.values()) > 0.02, neck.padded(t1), 0).astype(np.uint8)
    points = fiducials.find(fractions, affine)
    report = qc.report(fractions, affine)
    qc.show(report)
    mni = mni_warps(options.work, affine, display.shape)
    metadata = describe(scan, affine, fractions, parts, report) | {"fiducials": fiducials.HOW}
    encode(options.out, affine=affine, t1=display, fractions=fractions, mni=mni, fiducials_mm=points, metadata=metadata)
    say(start, f"wrote {options.out} ({options.out.stat().st_size / 1e6:.2f} MB)")
    data = decode(options.out)
    qc.compare(fractions, data["fractions"])
    figure.overlay(data, options.figure)
    say(start, "done")


if __name__ == "__main__":
    main()
