"""Numba with a cache that knows the whole package.

Numba's own cache looks at the file of the compiled function only; constants and functions from other modules can change
without it noticing. Here the cache lives in a folder named after a digest of every module with kernels, so a changed
package never runs old machine code. NUMBA_CACHE_DIR, where set, is respected as the parent.
"""

import hashlib
import os
import sys
from pathlib import Path

import numba

PACKAGE = Path(__file__).parent
KERNEL_IMPORT = b"from assuage.compile import"


def cache_dir() -> Path:
    """Return the folder of compiled kernels of this very version of the package."""
    digest = hashlib.sha256(f"{numba.__version__} {sys.version_info[:3]}".encode())
    for path in sorted(PACKAGE.rglob("*.py")):
        text = path.read_bytes()
        if KERNEL_IMPORT in text:
            digest.update(text)
    parent = os.environ.get("NUMBA_CACHE_DIR")
    base = Path(parent) if parent else user_cache() / "assuage"
    return base / f"kernels-{digest.hexdigest()[:16]}"


def user_cache() -> Path:
    """Return the folder where programs of this user keep what can be made again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", str(Path.home() / "AppData" / "Local")))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")))


numba.config.CACHE_DIR = str(cache_dir())

njit = numba.njit
prange = numba.prange

__all__ = ["cache_dir", "njit", "prange", "user_cache"]
