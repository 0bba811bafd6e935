"""The electric field: conductor, forward fields, and the adjoint landscape of a target."""

from assuage.field.conductor import Conductor, Field
from assuage.field.landscape import Landscape
from assuage.field.readout import ReadOut

__all__ = ["Conductor", "Field", "Landscape", "ReadOut"]
