"""assuage plans brain stimulation for clinical research. A research planning aid, not a medical device.

The public names load on first use, so that `import assuage` stays fast.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assuage.field import Conductor, Field, Landscape
    from assuage.head import Head, load_head
    from assuage.plan import Plan, plan
    from assuage.sources import Coil, Montage
    from assuage.targets import Target

__version__ = "0.1.0"

_HOME = {
    "Coil": "sources",
    "Conductor": "field",
    "Field": "field",
    "Head": "head",
    "Landscape": "field",
    "Montage": "sources",
    "Plan": "plan",
    "Target": "targets",
    "load_head": "head",
    "plan": "plan",
}

__all__ = [
    "Coil",
    "Conductor",
    "Field",
    "Head",
    "Landscape",
    "Montage",
    "Plan",
    "Target",
    "__version__",
    "load_head",
    "plan",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'assuage' has no attribute {name!r}; public names: {', '.join(__all__)}")
    value = getattr(import_module(f"assuage.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
