"""Labels or T1 -> tissue fractions -> `Head`; the embedded head; scalp; 10-10 sites; quality control."""

from assuage.head.files import load_head
from assuage.head.mni import MniTransform
from assuage.head.model import Head, site
from assuage.head.surface import Surface
from assuage.head.tissues import Conductivity, conductivities

__all__ = ["Conductivity", "Head", "MniTransform", "Surface", "conductivities", "load_head", "site"]
