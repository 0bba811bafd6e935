"""The pose printed in docs/navigators.md is the one that the code converts, and no axis is sold as a direction."""

import re
from pathlib import Path

import numpy as np

from assuage.space import brainsight, localite
from assuage.space.pose import handle_words

TEXT = (Path(__file__).parents[2] / "docs" / "navigators.md").read_text(encoding="utf-8")


def printed():
    rows = [line.split() for line in TEXT.splitlines() if re.fullmatch(r"(\s*-?\d+(\.\d+)?){8}", line)]
    numbers = np.array(rows, dtype=float)
    last = [[0.0, 0.0, 0.0, 1.0]]
    return [np.vstack([numbers[k : k + 3, c : c + 4], last]) for k in (0, 3) for c in (0, 4)]


def test_the_printed_pose_is_one_pose():
    ours, in_brainsight, ras, lps = printed()
    np.testing.assert_array_equal(in_brainsight @ brainsight.FLIP, ours)
    np.testing.assert_array_equal(ras @ localite.SWAP, ours)
    np.testing.assert_array_equal(localite.WORLD["LPS"] @ lps @ localite.SWAP, ours)
    assert "handle back and left" in TEXT
    assert handle_words(ours) == "back and left"


def test_the_handle_is_named_not_an_axis():
    assert "y direction" not in TEXT
    assert "handle points to" in TEXT
    # seen from above with the handle to the back: y front, z down, x to the left
    np.testing.assert_array_equal(np.cross([0, 1, 0], [0, 0, -1]), [-1, 0, 0])
