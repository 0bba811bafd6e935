"""The cranial cavity: everything inside the skull (brain, CSF, dura, venous sinuses) with the spinal canal.

Evidence per voxel: bone and air are darker than CSF on this scan; the cavity is reached from the brain without
crossing bone (geodesic distance); marrow and fat beyond the dura are brighter than dura.
"""

import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import cKDTree
from skimage.graph import MCP_Geometric

from .volume import ball, closed, dilate, distance_to, erode, fill, gauss, largest, opened, smooth_cut

BONE_CSF_EDGE = 30.0  # T1 units: compact bone 10-24, diploe up to 35, outer CSF 35-55 on this scan
DURA_BRIGHTEST = 82.0  # dura and venous sinuses stay below, marrow and fat lie above
SHEET_CEILING = 50.0
USUAL_SKULL_MM = 5.0  # depth below which the cavity needs stronger evidence
LEAST_SKULL_MM = 2.0  # depth that the cavity never undercuts
REGION_MM = 28.0
CANAL_TOP_MM = -56.0  # the foramen magnum of this head


def clean_brain(t1, brain, template):
    """Brain mask without the spurs into bone, air and cavernous sinus.

    Parameters
    ----------
    t1 : array
        Scan.
    brain : bool array
        Mask to clean.
    template : bool array
        Grey and white matter of the template, warped onto the scan: the mask may exceed it by 3 mm.
    """
    core = brain & (gauss(t1, 0.5) > 25.0) & dilate(template, 3.0)
    return largest(fill(opened(core, 1.5) | (core & erode(brain, 1.5))))


def spinal_canal(t1, affine):
    """Cord and canal below the foramen magnum, slice by slice: bright cord in a dark ring of CSF."""
    cord = np.zeros(t1.shape, bool)
    canal = np.zeros(t1.shape, bool)
    z_mm = affine[2, 3] + np.arange(t1.shape[2])
    top = int(np.searchsorted(z_mm, CANAL_TOP_MM))
    seed = np.round(np.linalg.solve(affine, [0.0, -44.0, z_mm[0], 1.0])[:3]).astype(int)
    x, y = np.mgrid[: t1.shape[0], : t1.shape[1]]
    for k in range(top):
        image = gauss(t1[:, :, k], 0.6)
        near = np.hypot(x - seed[0], y - seed[1]) < 11
        blob, _ = ndi.label((image > 55) & near)
        peak = np.argmax(np.where(np.hypot(x - seed[0], y - seed[1]) < 5, image, 0))
        inside = blob == blob.flat[peak]
        centre = ndi.center_of_mass(inside) if inside.sum() < 350 else tuple(seed[:2])
        cord[:, :, k] = inside & (np.hypot(x - centre[0], y - centre[1]) < 9)
        canal[:, :, k] = ray_edge(image, centre)
    return cord, canal


def ray_edge(image, centre, *, inner=7.0, outer=14.0, rays=48):
    """Region inside the strongest dark-to-bright edge seen from a centre, smoothed around the circle."""
    angle = np.arange(rays) * 2 * np.pi / rays
    radius = np.arange(inner, outer, 0.25)
    sample = [centre[0] + radius * np.cos(angle)[:, None], centre[1] + radius * np.sin(angle)[:, None]]
    profile = ndi.map_coordinates(image, sample, order=1)
    edge = np.gradient(profile, axis=1)
    edge[(profile > 75) | (profile < 15)] = 0
    best = ndi.median_filter(radius[edge.argmax(1)], 9, mode="wrap")
    best = ndi.gaussian_filter1d(best, 3, mode="wrap")
    x, y = np.mgrid[: image.shape[0], : image.shape[1]]
    theta = np.arctan2(y - centre[1], x - centre[0]) % (2 * np.pi)
    limit = np.interp(theta, np.append(angle, 2 * np.pi), np.append(best, best[0]))
    return np.hypot(x - centre[0], y - centre[1]) <= limit


def without_thin_sheets(t1):
    """Scan in which thin dark sheets (the inner table beside diploe) are as dark as thick bone.

    A black top-hat of 2.5 voxels on the scan clipped at the brightness of outer CSF is subtracted.
    """
    clipped = np.minimum(gauss(t1, 0.4), SHEET_CEILING)
    closing = ndi.grey_erosion(ndi.grey_dilation(clipped, footprint=ball(2.5)), footprint=ball(2.5))
    return t1 - 1.5 * (closing - clipped)


def geodesic_from_brain(image, brain, *, reach_mm=24.0):
    """Path length from the brain where bone costs many times its length."""
    near = dilate(brain, 20.0)
    cost = 1.0 + 14.0 * np.clip((BONE_CSF_EDGE + 2.0 - image) / 8.0, 0, 1) + 5.0 * np.clip((image - 75.0) / 20.0, 0, 1)
    cost[brain] = 0.05
    cost[~near] = -1
    surface = np.argwhere(brain & ~erode(brain, 1.0))
    length, _ = MCP_Geometric(cost, fully_connected=True).find_costs(surface)
    return np.minimum(np.where(near, length, reach_mm), reach_mm).astype(np.float32)


def vault_weight(shape, affine):
    """1 over the vault and occiput, where scalp and skull part clearly, 0 over the skull base."""
    y_mm = (affine[1, 3] + np.arange(shape[1]))[:, None]
    z_mm = (affine[2, 3] + np.arange(shape[2]))[None, :]
    above = np.clip((z_mm - (-25.0 + 0.25 * np.maximum(y_mm, 0.0))) / 25.0, 0, 1)
    behind = np.clip((-45.0 - y_mm) / 15.0, 0, 1) * np.clip((z_mm + 50.0) / 10.0, 0, 1)
    return np.broadcast_to(np.maximum(above, behind), shape).astype(np.float32)


def reach_limit(shape, affine):
    """How far (mm) the cavity may lie from the brain: wide over the vault and round the medulla, else narrow."""
    x, y, z = np.meshgrid(*[affine[a, 3] + np.arange(shape[a]) for a in range(3)], indexing="ij", sparse=True)
    medulla = np.clip((32.0 - np.abs(x)) / 8.0, 0, 1) * np.clip((-8.0 - y) / 8.0, 0, 1)
    limit = 5.0 + np.maximum(7.0 * vault_weight(shape, affine), 4.0 * medulla)
    floor = np.clip((-38.0 - z) / 5.0, 0, 1) * np.clip((y + 10.0) / 5.0, 0, 1)  # below the middle fossa: foramina
    return (limit * (1 - floor) + 1.5 * floor).astype(np.float32)


def cavity_evidence(t1, start, outer, affine):
    """Evidence for the cavity from brightness, reach from the brain and depth under the skull's outer surface."""
    image = without_thin_sheets(t1)
    reach = geodesic_from_brain(image, start)
    fine = gauss(image, 0.45)
    evidence = np.clip((fine - BONE_CSF_EDGE) / 8.0, -1, 1)
    bright = np.clip((fine - DURA_BRIGHTEST) / 10.0, 0, 1)
    evidence = evidence * (1 - bright) - bright
    limit = reach_limit(t1.shape, affine)
    evidence = np.where(evidence > 0, evidence * np.clip((limit - reach) / 3.0, -1, 1), evidence)
    depth = distance_to(~outer)
    vault = vault_weight(t1.shape, affine)
    evidence -= vault * np.clip((USUAL_SKULL_MM - depth) / 3.0, 0, 1.2)
    evidence[dilate(start, 1.0)] += 1.0
    evidence[(reach >= 20.0) | (distance_to(start) > 13.0)] = -9.0
    evidence[start] = 9.0
    evidence[(depth < LEAST_SKULL_MM) & (vault > 0.5)] = -9.0
    return evidence


def cranial_cavity(t1, brain, outer, spine, affine):
    """Cavity of skull and upper spinal canal.

    Parameters
    ----------
    t1 : array
        Scan.
    brain : bool array
        Clean brain mask (:func:`clean_brain`).
    outer : bool array
        Everything inside the skull's outer surface, first estimate.
    spine : tuple of bool array
        Cord and canal (:func:`spinal_canal`).
    affine : array (4, 4)
        Voxel to RAS mm.

    Returns
    -------
    bool array
    """
    cord, canal = spine
    start = brain | cord
    evidence = cavity_evidence(t1, start, outer, affine)
    z_mm = affine[2, 3] + np.arange(t1.shape[2])
    below = np.broadcast_to(z_mm < CANAL_TOP_MM, t1.shape) & ~dilate(brain, 3.0)
    evidence[below & ~canal] = -9.0
    evidence[below & canal] = 9.0
    cavity = smooth_cut(evidence, weight=0.7) > 0.5
    cavity &= ~thin_spots(cavity, outer, dilate(start, 1.0), vault_weight(t1.shape, affine) > 0.3)
    solid = opened(largest(cavity) | start, 1.5) | start
    closing = closed(solid, 3.0) & (evidence > -5.0)
    return fill(largest(opened(closing, 2.0) | solid))


def thin_spots(cavity, outer, keep, vault):
    """Places where the cavity has run into the diploe: much thinner skull than round about on
    both sides of the head.

    Parameters
    ----------
    cavity, outer : bool array
        Cavity, and all within the skull's outer surface.
    keep : bool array
        Never flagged (brain and its cover).
    vault : bool array
        Where the comparison makes sense.
    """
    depth = ndi.distance_transform_edt(outer).astype(np.float32)
    rim = cavity & ~erode(cavity, 1.0) & vault
    points = np.argwhere(rim)
    sample = points[np.random.default_rng(0).permutation(len(points))[:6000]]
    value = depth[tuple(sample.T)]
    tree = cKDTree(sample)
    near = [value[n] for n in tree.query_ball_point(sample, REGION_MM)]
    mirrored = sample * np.array([-1, 1, 1]) + np.array([cavity.shape[0] - 1, 0, 0])
    across = [value[n] for n in tree.query_ball_point(mirrored, REGION_MM)]
    usual = np.array([np.percentile(np.r_[a, b], 70) for a, b in zip(near, across, strict=True)], np.float32)
    shell = np.argwhere(cavity & vault & (depth < 12.0) & ~keep)
    nearest = tree.query(shell)[1]
    bad = depth[tuple(shell.T)] < 0.85 * usual[nearest]
    result = np.zeros(cavity.shape, bool)
    result[tuple(shell[bad].T)] = True
    return result
