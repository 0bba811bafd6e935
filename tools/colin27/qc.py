"""Numbers that describe the quality of a set of tissue fractions."""

import numpy as np
from scipy import ndimage as ndi


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
    result["components"] = {n: int(ndi.label(labels == code[n])[1]) for n in names}
    outside, count = ndi.label(labels == 0)
    result["outside_components"] = int(count)
    result["skull_thickness_mm"] = skull_thickness(labels, code, z_mm)
    result["left_right_dice"] = symmetry(labels, code)
    return result


def skull_thickness(labels, code, z_mm):
    """Thickness over the vault (z > 20 mm): distance of outer skull voxels to the cavity."""
    inner = np.isin(labels, [code["csf"], code["grey_matter"], code["white_matter"]])
    scalp = labels == code["scalp"]
    rim = (labels == code["skull"]) & ndi.binary_dilation(scalp) & (z_mm > 20.0)
    value = ndi.distance_transform_edt(~inner)[rim]
    keys = ("p5", "median", "p95")
    return dict(zip(keys, (round(float(v), 1) for v in np.percentile(value, [5, 50, 95])), strict=True))


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
