"""`assuage check` reads a protocol.json; every example of every technique is judged, and none is called safe."""

import pytest

from assuage.cli.check import check_file
from assuage.protocols import read_protocol, write_protocol
from assuage.protocols.gallery import TECHNIQUES, example


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_protocol_file_is_judged(technique, tmp_path):
    path = tmp_path / "protocol.json"
    write_protocol(example(technique), path)
    checked = check_file(path)
    assert checked.technique == read_protocol(path).technique
    assert checked.verdicts
    assert "safe" not in checked.summary().lower()
