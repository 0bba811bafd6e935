"""A small head with a lead in it, shared by the tests of deep brain stimulation."""

import numpy as np

from assuage.head.gallery import sphere_head
from assuage.techniques.dbs_trajectory import Rules

SIGMA = 0.2
RULES = Rules(least_height_mm=25.0, behind_nasion_mm=10.0, before_inion_mm=30.0, midline_mm=8.0, spacing_mm=8.0)


def shells(**options):
    """Four shells of a small head, the brain 50 mm in radius."""
    return sphere_head(
        **(
            {
                "radii_mm": (50.0, 52.0, 57.0, 62.0),
                "conductivity_S_per_m": (SIGMA, 1.6, 0.01, 0.4),
                "voxel_mm": 2.0,
            }
            | options
        )
    )


def point_fields(fields, source_mm, sigma=SIGMA):
    """The same grid with the field of a point source of 1 A in place of contact 1's."""
    from dataclasses import replace  # noqa: PLC0415

    grid = fields.conductor.grid
    nodes = np.stack(np.meshgrid(*map(np.arange, grid.node_shape), indexing="ij"), -1).reshape(-1, 3)
    r = np.linalg.norm(grid.world_mm(nodes - 1.5) - source_mm, axis=1)
    phi = fields.phi_per_A.copy()
    phi[0] = (1e3 / (4 * np.pi * sigma * np.maximum(r, 0.05))).reshape(grid.node_shape)
    centers = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1).reshape(-1, 3)
    offset = grid.world_mm(centers.astype(float)) - source_mm
    distance = np.maximum(np.linalg.norm(offset, axis=1), 0.05)[:, None]
    e = fields.e_per_A.copy()
    e[0] = (1e6 / (4 * np.pi * sigma) * offset / distance**3).reshape(*grid.shape, 3)
    return replace(fields, phi_per_A=phi, e_per_A=e)
