"""One plan for all tests of this folder: it is made once."""

import numpy as np
import pytest
from delivered_plans import proposal, write_plan

from assuage.head import load_head
from assuage.readback import open_plan
from assuage.sources import Coil


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """Path of the head and folder of the plan."""
    return write_plan(tmp_path_factory.mktemp("planned"))


@pytest.fixture(scope="session")
def opened(written):
    head, folder = written
    return open_plan(folder, load_head(head))


@pytest.fixture(scope="session")
def coil():
    return Coil.figure_of_eight()


@pytest.fixture(scope="session")
def planned(written):
    return np.array(proposal(written[1], "tms")["proposal"]["pose"])
