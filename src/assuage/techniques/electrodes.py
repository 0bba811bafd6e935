"""Electrodes on every 10-10 site, and the target's sensitivity to each.

The sensitivity of a contact is the mean field in the target per ampere that it injects, up to a constant common to all
contacts that cancels in any montage whose currents sum to zero:

    mean E = sum_i I_i S_i,    sum_i I_i = 0
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, vstack

from assuage.errors import PlanError, SourceError
from assuage.sources import Contact, Disc, Electrode, place
from assuage.techniques.scalp import Scalp, fiducial

if TYPE_CHECKING:
    from assuage.field import Conductor, Landscape
    from assuage.head import Head
    from assuage.sources.montage import Shape

Array = NDArray[np.float64]

BETWEEN_MM = 1.0
"""Discs on the sites are at least this far apart."""

FACE_SITES = re.compile(r"(?i)nz|iz|n[12]|[lr]pa|[a-z]+(9|10)|[aim][12]")
"""Sites on the face, the ears, the inion and their line: no electrode of a plan goes there."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ElectrodeSet:
    """One electrode of the same shape on each site that can hold it.

    Attributes
    ----------
    names
        Sites, in the head's order.
    centers_mm
        (n, 3) centres on the scalp.
    contacts
        What each covers.
    refused
        Site to the reason why no electrode fits there.
    """

    names: tuple[str, ...]
    centers_mm: Array
    contacts: tuple[Contact, ...]
    refused: dict[str, str]


def electrode_set(scalp: Scalp, shape: "Shape") -> ElectrodeSet:
    """Place an electrode on every 10-10 site above the face and ears.

    Parameters
    ----------
    scalp
        Of the head.
    shape
        Disc, pad or ring.

    Raises
    ------
    PlanError
        Fewer than two sites can hold it.
    """
    head = scalp.head
    names: list[str] = []
    contacts: list[Contact] = []
    refused: dict[str, str] = {}
    for name, point in head.ten_ten_mm.items():
        if FACE_SITES.fullmatch(name) or scalp.axes.height_mm(np.asarray(point)[None])[0] < 0:
            refused[name] = "on the face, the ears, or below them"
            continue
        taken = _overlapped(np.asarray(point), shape, names, contacts)
        if taken:
            refused[name] = f"overlaps {taken}"
            continue
        try:
            contacts.append(place(Electrode(name=name, current_A=0.0, shape=shape), head))
        except SourceError as error:
            refused[name] = str(error)
            continue
        names.append(name)
    if len(names) < 2:
        raise PlanError(f"{len(names)} sites of head {head.name!r} can hold {shape}; two are needed: {refused}")
    centers = np.array([contact.center_mm for contact in contacts])
    return ElectrodeSet(names=tuple(names), centers_mm=centers, contacts=tuple(contacts), refused=refused)


def _overlapped(point: Array, shape: "Shape", names: list[str], contacts: list[Contact]) -> str:
    """Name the earlier site whose disc a disc here would touch (small heads, half steps); empty if none.

    Pads overlap on most neighbouring sites: their search compares the two it takes.
    """
    if not isinstance(shape, Disc):
        return ""
    for name, contact in zip(names, contacts, strict=True):
        if np.linalg.norm(contact.center_mm - point) < 2 * shape.radius_mm + BETWEEN_MM:
            return name
    return ""


def injections(conductor: "Conductor", contacts: Iterable[Contact]) -> csr_array:
    """Return the nodal currents (n, nodes) of contacts that carry 1 A each; the same for every target."""
    rows = []
    for contact in contacts:
        nodes, currents = conductor.injection(contact)
        rows.append(csr_array((currents, nodes, [0, len(nodes)]), shape=(1, conductor.active.size)))
    return csr_array(vstack(rows))


def sensitivities(landscape: "Landscape", injected: csr_array) -> Array:
    """Return the sensitivity (n, 3), V/m per A, of the target to each row of `injections`, up to a common constant."""
    return np.asarray(-(injected @ landscape.adjoint_V.reshape(3, -1).T))


def point_contacts(points_mm: Array) -> tuple[Contact, ...]:
    """Return contacts of no extent at scalp points (n, 3), for maps."""
    return tuple(
        Contact(label=str(k), points_mm=point[None], weights=np.ones(1), area_mm2=0.0, center_mm=point)
        for k, point in enumerate(points_mm)
    )


def cap_limit_mm(head: "Head", scalp: Scalp) -> float:
    """Return how far below the fiducial plane the electrode map reaches, mm: to the inion's level."""
    return float(max(0.0, -scalp.axes.height_mm(fiducial(head, "Iz")[None])[0]))
