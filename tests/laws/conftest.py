"""The laws are held with all threads: kernels that run side by side must not get into each other's way."""

from collections.abc import Iterator

import numba
import pytest


@pytest.fixture(autouse=True, scope="package")
def all_threads() -> Iterator[None]:
    before = numba.get_num_threads()
    numba.set_num_threads(numba.config.NUMBA_NUM_THREADS)
    yield
    numba.set_num_threads(before)
