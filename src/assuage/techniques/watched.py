"""Regions whose field is reported whatever the target: those of the four circuits, and the sensitive ones."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from assuage.circuits import circuit_names, load_circuit
from assuage.errors import TargetError
from assuage.targets import Target, from_coordinate
from assuage.targets.coordinate import DEFAULT_RADIUS_MM
from assuage.techniques.patches import Located, Patch, locate
from assuage.techniques.tables import read_table

if TYPE_CHECKING:
    from assuage.head import Head

NO_MNI = "the head has no MNI registration"


def circuit_patches(
    head: "Head", make: Callable[[Target], Patch], *, radius_mm: float = DEFAULT_RADIUS_MM
) -> dict[str, Located]:
    """Return the located regions of each of the four circuits, by domain; names are the regions' keys.

    Parameters
    ----------
    head
        The head.
    make
        Turns a target into a patch of the wanted grid, for example ``lambda target: patch_on(conductor, target)``; it
        is called once for every centroid, though several circuits may share it.
    radius_mm
        Of every region.
    """
    shared: dict[tuple[float, float, float], Target | str] = {}
    patches: dict[int, Patch] = {}

    def target_at(point_mm: tuple[float, float, float], label: str) -> Target | str:
        if point_mm not in shared:
            shared[point_mm] = _target(head, point_mm, label, radius_mm)
        return shared[point_mm]

    def made_once(target: Target) -> Patch:
        if id(target) not in patches:
            patches[id(target)] = make(target)
        return patches[id(target)]

    found = {}
    for domain in circuit_names():
        targets: dict[str, Target | str] = {
            region.key: "no centroid in the literature read"
            if region.mni_mm is None
            else target_at(region.mni_mm, region.label)
            for region in load_circuit(domain).regions
        }
        found[domain] = locate(targets, made_once)
    return found


def sensitive_patches(
    head: "Head", make: Callable[[Target], Patch], *, radius_mm: float = DEFAULT_RADIUS_MM
) -> Located:
    """Return the sensitive regions that the head holds; parameters as `circuit_patches`."""
    data = read_table("sensitive_regions")
    targets: dict[str, Target | str] = {
        row["name"]: _target(head, tuple(row["mni_mm"]), row["name"], radius_mm) for row in data["region"]
    }
    for row in data["tissue"]:
        held = row["tissue"] in head.tissues.values() and head.mask(row["tissue"]).any()
        targets[row["name"]] = (
            Target.from_mask(head.mask(row["tissue"]), head.affine, tissue=row["tissue"], name=row["name"])
            if held
            else f"head {head.name!r} labels no {row['tissue']}"
        )
    for row in data["unlocated"]:
        targets[row["name"]] = row["problem"]
    return locate(targets, make)


def _target(head: "Head", point_mm: tuple[float, float, float], name: str, radius_mm: float) -> Target | str:
    if head.mni is None:
        return NO_MNI
    try:
        return from_coordinate(head, point_mm, space="mni", radius_mm=radius_mm, name=name)
    except TargetError as error:
        return str(error)
