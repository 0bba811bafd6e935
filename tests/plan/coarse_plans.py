"""A sphere with an MNI registration, and settings that plan on it in seconds."""

from dataclasses import replace

import numpy as np

from assuage.head.gallery import sphere_head

COARSE = {"voxel_mm": 4.0, "coarse_voxel_mm": 8.0, "spacing_mm": 30.0, "angle_step_deg": 60.0, "draws": 40}


class SameSpace:
    """An MNI registration of a sphere: the identity."""

    space = "that of the sphere"

    def mni_to_head(self, points_mm):
        return np.asarray(points_mm, float)

    head_to_mni = mni_to_head


def registered_sphere():
    """Four shells on 4 mm voxels, whose own coordinates are those of MNI."""
    return replace(sphere_head(voxel_mm=4.0), mni=SameSpace())
