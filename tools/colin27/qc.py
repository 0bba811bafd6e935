"""Numbers that describe the quality of a set of tissue fractions."""

import tomllib
from pathlib import Path

import numpy as np
from scipy import ndimage as ndi

REFERENCES = Path(__file__).with_name("references.toml")


def labels_of(fractions):
    """Argmax labels: 0 outside, then 1.. in the order of the dict."""
    parts = np.stack([1.0 - np.sum(list(fractions.values()), axis=0), *fractions.values()])
    return parts.argmax(0).astype(np.uint8)


def face_contacts(labels, a, b):
    """Voxel faces between two labels, per voxel of the array (bool maps of the lower voxel along each axis)."""
    count = np.zeros(labels.shape, np.uint8)
    for axis in range(3):
        low, high = [slice(None)] * 3, [slice(None)] * 3
        low[axis], high[axis] = slice(None, -1), slice(1, None)
        p, q = labels[tuple(low)], labels[tuple(high)]
        count[tuple(low)] += ((p == a) & (q == b)) | ((p == b) & (q == a))
    return count


def report(fractions, affine):
    """QC numbers of fractions on a 1 mm grid."""
    names = list(fractions)
    labels = labels_of(fractions)
    code = {n: k + 1 for k, n in enumerate(names)}
    z_mm = affine[2, 3] + np.arange(labels.shape[2])
    result = {
        "volume_ml": {n: round(float(f.sum(dtype=np.float64)) / 1e3, 1) for n, f in fractions.items()},
        "volume_argmax_ml": {n: round(float((labels == code[n]).sum()) / 1e3, 1) for n in names},
    }
    cranial = z_mm > -55.0
    contacts = {}
    for a, b in (
        ("csf", "scalp"),
        ("csf", "air"),
        ("csf", "eyes"),
        ("grey_matter", "scalp"),
        ("grey_matter", "skull"),
        ("grey_matter", "air"),
        ("white_matter", "skull"),
        ("csf", "skull"),
        ("grey_matter", "csf"),
    ):
        contacts[f"{a}-{b}"] = int(face_contacts(labels, code[a], code[b])[:, :, cranial].sum())
    for n in ("white_matter", "grey_matter", "csf"):
        contacts[f"{n}-outside"] = int(face_contacts(labels, code[n], 0)[:, :, 1:].sum())
    result["face_contacts_above_foramen"] = contacts
    result["csf_scalp_contacts_anywhere"] = int(face_contacts(labels, code["csf"], code["scalp"]).sum())
    result["components"] = {n: int(ndi.label(labels == code[n])[1]) for n in names}
    result["outside_components"] = int(ndi.label(labels == 0)[1])
    result["skull_thickness_mm"] = skull_thickness(labels, code, affine)
    result["left_right_dice"] = symmetry(labels, code)
    brain = result["volume_ml"]["white_matter"] + result["volume_ml"]["grey_matter"]
    above = {
        n: float(fractions[n][:, :, cranial].sum(dtype=np.float64)) / 1e3
        for n in ("csf", "grey_matter", "white_matter")
    }
    cavity = sum(above.values())
    result["intracranial_ml"] = round(cavity, 1)
    result["brain_per_intracranial"] = round((cavity - above["csf"]) / cavity, 3)
    result["csf_per_intracranial"] = round(above["csf"] / cavity, 3)
    result["grey_per_white"] = round(result["volume_ml"]["grey_matter"] / result["volume_ml"]["white_matter"], 2)
    result["brain_ml"] = round(brain, 1)
    total = contacts["grey_matter-skull"] + contacts["grey_matter-csf"]
    result["grey_skull_contact_fraction"] = round(contacts["grey_matter-skull"] / total, 4)
    result["references"] = tomllib.loads(REFERENCES.read_text())
    return result


REGIONS = {  # boxes in head mm: |x|, y, z
    "frontal": ((0, 60), (30, 95), (20, 90)),
    "parietal": ((0, 60), (-70, -10), (50, 120)),
    "temporal": ((50, 95), (-20, 30), (-15, 20)),
    "occipital": ((0, 50), (-130, -85), (-15, 35)),
    "vault": ((0, 95), (-130, 95), (20, 120)),
}


def skull_thickness(labels, code, affine):
    """Percentiles of the distance from outer skull voxels to the cavity (mm) per region."""
    inner = np.isin(labels, [code["csf"], code["grey_matter"], code["white_matter"]])
    rim = (labels == code["skull"]) & ndi.binary_dilation(labels == code["scalp"])
    points = np.argwhere(rim)
    value = ndi.distance_transform_edt(~inner)[rim]
    signed = points @ affine[:3, :3].T + affine[:3, 3]
    mm = np.c_[np.abs(signed[:, 0]), signed[:, 1:]]
    result = {}
    for name, box in REGIONS.items():
        here = np.all([(mm[:, a] >= lo) & (mm[:, a] < hi) for a, (lo, hi) in enumerate(box)], axis=0)
        p5, p50, p95 = np.percentile(value[here], [5, 50, 95])
        result[name] = {"p5": round(float(p5), 1), "median": round(float(p50), 1), "p95": round(float(p95), 1)}
    return result


def symmetry(labels, code):
    """Dice of each tissue with its mirror image about the grid's middle plane."""
    mirror = labels[::-1]
    out = {}
    for n, k in code.items():
        a, b = labels == k, mirror == k
        out[n] = round(float(2 * (a & b).sum() / max(1, a.sum() + b.sum())), 3)
    return out


def show(result):
    """Print a report."""
    for key, value in result.items():
        print(f"  {key}: {value}")


def compare(before, after):
    """Print volumes before and after the container's quantisation."""
    for n, f in before.items():
        a, b = float(f.sum(dtype=np.float64)) / 1e3, float(after[n].sum(dtype=np.float64)) / 255e3
        print(f"  {n:13s} {a:8.1f} ml -> {b:8.1f} ml")
