"""The images of a plan."""

import numpy as np

from assuage.field import Field
from assuage.head import Head
from assuage.plan.bench import LABELS
from assuage.plan.regions import RegionTarget
from assuage.plan.result import Volume
from assuage.targets import Target


def volumes(head: Head, fields: dict[str, Field], target: Target, found: tuple[RegionTarget, ...]) -> dict[str, Volume]:
    """Return the images of a plan by file name."""
    images = {
        f"fields/{name}.nii.gz": Volume(
            array=field.magnitude_V_per_m.astype(np.float32),
            affine=field.affine,
            says=f"|E| in V/m of {LABELS[name]} at the reference intensity",
        )
        for name, field in fields.items()
    }
    images["target.nii.gz"] = Volume(
        array=target.mask_in(head).astype(np.uint8), affine=head.affine, says="1 in the target, on the head's grid"
    )
    label_type = np.uint8 if head.labels.max() < 256 else np.uint16
    images["tissues.nii.gz"] = Volume(
        array=head.labels.astype(label_type),
        affine=head.affine,
        says="labels of the head, see head.tissues",
    )
    if head.t1 is not None:
        images["t1.nii.gz"] = Volume(array=np.asarray(head.t1), affine=head.affine, says="T1 image of the head")
    located = [item for item in found if item.target is not None]
    if located:
        table = np.zeros(head.labels.shape, dtype=np.uint8)
        for k, item in enumerate(located, start=1):
            assert item.target is not None
            table[item.target.mask_in(head)] = k
        names = ", ".join(f"{k} {item.region.label}" for k, item in enumerate(located, start=1))
        images["regions.nii.gz"] = Volume(array=table, affine=head.affine, says=f"regions of the circuit: {names}")
    return images
