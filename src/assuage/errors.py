"""The exception tree.

AssuageError                every refusal of this package; the command line prints it in one line and exits with 2
├── HeaderError             an image header is missing, contradictory, sheared, or not a head
├── HeadError               labels, tissues or conductivities that make no head model
├── PoseError               a coil pose that is not rigid, or lies in or far from the head
├── NavigatorError          a navigator or cap file that cannot be read, or would be misread
├── SourceError             a coil, electrode or montage that cannot be used as asked
│   └── CoilFileError       a coil file that cannot be read
├── TargetError             a target outside the tissue, empty, or too far to snap
├── SolverError             the linear solver did not reach its tolerance
├── DataError               a table or record of the package or the user breaks its schema
│   └── ProtocolError       a protocol that contradicts itself or leaves out what must be known
└── PlanError               a plan that cannot be made as asked

Every message names what was wrong, the value, and the way out.
"""


class AssuageError(Exception):
    """Base of every refusal of this package."""


class HeaderError(AssuageError):
    """An image header is missing, contradictory, sheared, or does not describe a head."""


class HeadError(AssuageError):
    """Labels, tissues or conductivities that make no head model."""


class PoseError(AssuageError):
    """A coil pose that is not rigid, or lies inside or far from the head."""


class NavigatorError(AssuageError):
    """A navigator or cap file that cannot be read or written without guessing what it means."""


class SourceError(AssuageError):
    """A coil, electrode or montage that cannot be used as asked."""


class CoilFileError(SourceError):
    """A coil file that cannot be read."""


class TargetError(AssuageError):
    """A target outside the tissue, empty, or too far to snap."""


class SolverError(AssuageError):
    """The linear solver did not reach its tolerance."""


class DataError(AssuageError):
    """A table or record breaks its schema."""


class ProtocolError(DataError, ValueError):
    """A protocol that contradicts itself or leaves out what must be known (also a ValueError: pydantic collects it)."""


class PlanError(AssuageError):
    """A plan that cannot be made as asked."""
