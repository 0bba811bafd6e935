"""What tells one head from another: the hash of its tissues and where they lie."""

import hashlib

import numpy as np

from assuage.head.model import Head


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
