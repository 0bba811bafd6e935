"""Sources of the field: coils and electrodes, their geometry, files and limits."""

from assuage.sources.coil import Coil, PlacedCoil
from assuage.sources.contact import Contact, place, place_montage
from assuage.sources.kernels import magnetic_field_T, vector_potential_T_m
from assuage.sources.montage import Disc, Electrode, Montage, Pad, Ring
from assuage.sources.ring_montage import ring_montage

__all__ = [
    "Coil",
    "Contact",
    "Disc",
    "Electrode",
    "Montage",
    "Pad",
    "PlacedCoil",
    "Ring",
    "magnetic_field_T",
    "place",
    "place_montage",
    "ring_montage",
    "vector_potential_T_m",
]
