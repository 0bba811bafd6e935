"""Small heads and slow plain-Python assembly shared by the tests of the field stage."""

import numpy as np

from assuage.field.elements import CORNERS, PAIRS, TRILINEAR
from assuage.head import Head
from assuage.head.gallery import sphere_head

RADII_MM = (30.0, 33.0, 38.0, 43.0)
SIGMA = (0.3, 1.6, 0.015, 0.4)
NAMES = ("grey_matter", "csf", "skull", "scalp")


def small_sphere(voxel_mm=3.0, **options):
    options = {"radii_mm": RADII_MM, "conductivity_S_per_m": SIGMA, "margin_mm": 4.0} | options
    return sphere_head(voxel_mm=voxel_mm, **options)


def patchwork(shape=(11, 10, 7), seed=0, voxel_mm=4.0):
    """Head of random clumps of four tissues and air."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice(5, size=[-(-n // 2) for n in shape], p=[0.2, 0.2, 0.2, 0.2, 0.2])
    labels = np.kron(coarse, np.ones((2, 2, 2), int))[tuple(slice(n) for n in shape)].astype(np.uint8)
    tissues = {k + 1: name for k, name in enumerate(NAMES)}
    return Head.from_labels(
        labels,
        np.diag([voxel_mm, voxel_mm, voxel_mm, 1.0]),
        tissues=tissues,
        conductivity_S_per_m=dict(zip(NAMES, SIGMA, strict=True)),
    )


def full(off_diagonal):
    """8 x 8 matrix from its 28 stored entries."""
    K = np.zeros((8, 8))
    for value, (a, b) in zip(off_diagonal, PAIRS, strict=True):
        K[a, b] = K[b, a] = value
    return K - np.diag(K.sum(1))


def dense_matrix(kind, table_K, unit):
    """K over all padded nodes, element by element."""
    shape = [n + 3 for n in kind.shape]
    K = np.zeros((int(np.prod(shape)),) * 2)
    for i, j, k in np.ndindex(kind.shape):
        n = kind[i, j, k]
        if n == -1:
            continue
        element = full(table_K[n]) if n >= 0 else unit[-n - 1] * full(TRILINEAR)
        nodes = np.ravel_multi_index((CORNERS + np.array([i + 1, j + 1, k + 1])).T, shape)
        K[np.ix_(nodes, nodes)] += element
    return K
