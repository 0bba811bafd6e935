"""Labels or T1 -> tissue fractions -> `Head`; the embedded head; scalp; 10-10 sites; quality control.

The picture of a head is in `assuage.head.pictures` (it imports Matplotlib), model heads are in `assuage.head.gallery`.
"""

from assuage.head.cap import Cap, read_cap
from assuage.head.files import load_head
from assuage.head.mni import MniTransform
from assuage.head.model import Head, site
from assuage.head.quality import HeadQc, qc
from assuage.head.surface import Surface
from assuage.head.tissues import Conductivity, conductivities
from assuage.head.white_matter import with_white_matter_tensors

__all__ = [
    "Cap",
    "Conductivity",
    "Head",
    "HeadQc",
    "MniTransform",
    "Surface",
    "conductivities",
    "load_head",
    "qc",
    "read_cap",
    "site",
    "with_white_matter_tensors",
]
