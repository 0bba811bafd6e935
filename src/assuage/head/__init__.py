"""Labels or T1 -> tissue fractions -> `Head`; the embedded head; scalp; 10-10 sites; quality control.

The picture of a head is in `assuage.head.pictures` (it imports Matplotlib), model heads are in `assuage.head.gallery`.
"""

from assuage.head.files import load_head
from assuage.head.mni import MniTransform
from assuage.head.model import Head, site
from assuage.head.quality import HeadQc, qc
from assuage.head.surface import Surface
from assuage.head.tissues import Conductivity, conductivities

__all__ = [
    "Conductivity",
    "Head",
    "HeadQc",
    "MniTransform",
    "Surface",
    "conductivities",
    "load_head",
    "qc",
    "site",
]
