"""Settings of all tests."""

import os

if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # Workers side by side share the cores: each with threads for all of them is twice as slow. Set before NumPy loads.
    SHARE = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(SHARE))
else:
    SHARE = None

import numba
from hypothesis import settings

if SHARE is not None:
    numba.set_num_threads(min(SHARE, numba.config.NUMBA_NUM_THREADS))

# No deadlines: the first example of a test may compile kernels. The same examples every time: a change is judged by
# what it changes; `pytest --hypothesis-profile explore` looks for new ones.
settings.register_profile("explore", deadline=None)
settings.register_profile("assuage", deadline=None, derandomize=True)
settings.load_profile("assuage")
