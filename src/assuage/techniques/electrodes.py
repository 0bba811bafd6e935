"""Electrodes on every 10-10 site, and the target's sensitivity to each.

The sensitivity of a contact is the mean field in the target per ampere that it injects, up to a constant common to all
contacts that cancels in any montage whose currents sum to zero:

    mean E = sum_i I_i S_i,    sum_i I_i = 0
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assuage.errors import PlanError, SourceError
from assuage.sources import Contact, Electrode, place
from assuage.techniques.scalp import Scalp, fiducial

if TYPE_CHECKING:
    from assuage.field import Landscape
    from assuage.head import Head
    from assuage.sources.montage import Shape

Array = NDArray[np.float64]

POINTS_PER_CONTACT = 200
"""A contact's quadrature is thinned to this many points for the search; the finalist's forward solution uses all."""

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


def electrode_set(head: "Head", shape: "Shape", *, scalp: Scalp) -> ElectrodeSet:
    """Place an electrode on every 10-10 site above the face and ears.

    Parameters
    ----------
    head, scalp
        The head and its scalp.
    shape
        Disc, pad or ring.

    Raises
    ------
    PlanError
        Fewer than two sites can hold it.
    """
    names, contacts, refused = [], [], {}
    for name, point in head.ten_ten_mm.items():
        if FACE_SITES.fullmatch(name) or scalp.axes.height_mm(np.asarray(point)[None])[0] < 0:
            refused[name] = "on the face, the ears, or below them"
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


def sensitivities(landscape: "Landscape", contacts: tuple[Contact, ...]) -> Array:
    """Return the sensitivity (n, 3), V/m per A, of the target to each contact, up to a common constant."""
    points, weights, counts = [], [], [0]
    for contact in contacts:
        step = max(1, len(contact.weights) // POINTS_PER_CONTACT)
        share = contact.weights[::step]
        points.append(contact.points_mm[::step])
        weights.append(share / share.sum())
        counts.append(counts[-1] + len(share))
    each = landscape.electrodes(np.concatenate(points)) * np.concatenate(weights)[:, None]
    return np.array([each[first:last].sum(0) for first, last in pairwise(counts)])


def scalp_sensitivity(landscape: "Landscape", points_mm: Array) -> Array:
    """Return the sensitivity (n, 3), V/m per A, to point electrodes on the scalp, with zero mean over them."""
    each = landscape.electrodes(points_mm)
    return np.asarray(each - each.mean(0))


def cap_limit_mm(head: "Head", scalp: Scalp) -> float:
    """Return how far below the fiducial plane the electrode map reaches, mm: to the inion's level."""
    return float(max(0.0, -scalp.axes.height_mm(fiducial(head, "Iz")[None])[0]))
