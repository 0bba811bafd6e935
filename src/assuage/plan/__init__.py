"""Plans: search, compare, rank, with error bars; `plan.json`.

The package shares its name with its main function. `assuage.plan` is the function whichever of the two was imported
first: the package itself can be called and calls the function.
"""

import sys
from types import ModuleType
from typing import Any

from assuage.plan.comparison import Choosing
from assuage.plan.driving import Driving
from assuage.plan.planning import plan
from assuage.plan.records import SCHEMA_VERSION, PlanRecord, json_schema
from assuage.plan.result import Plan, check_writable, load_record
from assuage.plan.rhythm import Rhythm
from assuage.plan.sessions import Sessions

__all__ = [
    "SCHEMA_VERSION",
    "Choosing",
    "Driving",
    "Plan",
    "PlanRecord",
    "Rhythm",
    "Sessions",
    "check_writable",
    "json_schema",
    "load_record",
    "plan",
]


class _Callable(ModuleType):
    def __call__(self, *args: Any, **kwargs: Any) -> Plan:
        return plan(*args, **kwargs)


sys.modules[__name__].__class__ = _Callable
