"""The cranial cavity: everything inside the skull (brain, CSF, dura, venous sinuses) with the spinal canal.

Evidence per voxel: bone and air are darker than CSF on this scan; the cavity is reached from the brain without
crossing bone (geodesic distance); marrow and fat beyond the dura are brighter than dura.
"""

import numpy as np
from scipy import ndimage as ndi
from skimage.graph import MCP_Geometric

from .volume import ball, dilate, distance_to, erode, fill, gauss, largest, opened, smooth_cut

BONE_CSF_EDGE = 25.0  # T1 units after bias correction: bone 10-22, CSF 28-50 on this scan
DURA_BRIGHTEST = 82.0  # dura and venous sinuses stay below, marrow and fat lie above
CANAL_TOP_MM = -56.0  # the foramen magnum of this head


def clean_brain(t1, brain):
    """Brain mask without the spurs into bone and air under the frontal and temporal lobes."""
    core = brain & (gauss(t1, 0.5) > BONE_CSF_EDGE)
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


def geodesic_from_brain(t1, brain, *, reach_mm=24.0):
    """Path length from the brain where bone costs many times its length."""
    near = dilate(brain, 20.0)
    cost = 1.0 + 14.0 * np.clip((BONE_CSF_EDGE + 3.0 - t1) / 9.0, 0, 1) + 5.0 * np.clip((t1 - 75.0) / 20.0, 0, 1)
    cost[brain] = 0.05
    cost[~near] = -1
    surface = np.argwhere(brain & ~erode(brain, 1.0))
    length, _ = MCP_Geometric(cost, fully_connected=True).find_costs(surface)
    return np.minimum(np.where(near, length, reach_mm), reach_mm).astype(np.float32)


def reach_limit(shape, affine):
    """How far (mm) the cavity may lie from the brain: wide over the vault, narrow over the skull base."""
    z_mm = affine[2, 3] + np.arange(shape[2])
    y_mm = affine[1, 3] + np.arange(shape[1])
    vault = np.clip((z_mm[None, :] - (-25.0 + 0.25 * np.maximum(y_mm, 0.0)[:, None])) / 25.0, 0, 1)
    behind = np.clip((-20.0 - y_mm[:, None]) / 15.0, 0, 1) * 3.0
    return np.broadcast_to(np.maximum(5.0 + 7.0 * vault, 5.0 + behind), shape).astype(np.float32)


def cranial_cavity(t1, brain, affine):
    """Cavity of skull and upper spinal canal.

    Returns
    -------
    dict of array
        ``cavity`` (smooth membership 0..1), ``cord`` and ``canal`` (bool), ``brain`` (cleaned mask).
    """
    brain = clean_brain(t1, brain)
    cord, canal = spinal_canal(t1, affine)
    start = brain | cord
    reach = geodesic_from_brain(t1, start)
    fine = gauss(t1, 0.45)
    evidence = np.clip((fine - BONE_CSF_EDGE) / 8.0, -1, 1)
    bright = np.clip((fine - DURA_BRIGHTEST) / 10.0, 0, 1)
    evidence = evidence * (1 - bright) - bright
    limit = reach_limit(t1.shape, affine)
    evidence = np.where(evidence > 0, evidence * np.clip((limit - reach) / 3.0, -1, 1), evidence)
    evidence[dilate(start, 1.0)] += 1.0
    evidence[start] = 9.0
    evidence[reach >= 20.0] = -9.0
    evidence[distance_to(brain) > 13.0] = -9.0
    z_mm = affine[2, 3] + np.arange(t1.shape[2])
    below = np.broadcast_to(z_mm < CANAL_TOP_MM, t1.shape) & ~dilate(brain, 3.0)
    evidence[below & ~canal] = -9.0
    evidence[below & canal] = 9.0
    cavity = smooth_cut(evidence, weight=0.7)
    solid = opened(largest(cavity > 0.5) | start, 1.5) | start
    solid = fill(largest(solid))
    return {"cavity": cavity * solid, "solid": solid, "cord": cord, "canal": canal, "brain": brain, "reach": reach}


__all__ = ["ball", "clean_brain", "cranial_cavity", "distance_to"]
