"""What tells one file or one head from another."""

import hashlib
from pathlib import Path

import numpy as np

from assuage.head.model import Head


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file, however large."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def head_hash(head: Head) -> str:
    """Return the SHA-256 of labels, affine, tissue names and fractions."""
    digest = hashlib.sha256()
    digest.update(np.ascontiguousarray(head.labels).tobytes())
    digest.update(np.ascontiguousarray(head.affine, dtype=np.float64).tobytes())
    digest.update(repr(sorted(head.tissues.items())).encode())
    for name, values in sorted((head.fractions or {}).items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()
