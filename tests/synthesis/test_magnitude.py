"""Numbers that no sum of doubles holds are refused in one line, in the pairwise and in the network half."""

import numpy as np
import pytest

from assuage.cli.app import run
from assuage.errors import DataError
from assuage.synthesis.magnitude import FARTHEST, LARGEST, LARGEST_LOG, WIDEST, require_comparable

YI = "study,yi,vi\na,{},{}\nb,0.2,0.1\nc,0.3,0.1\n"
MEANS = "study,m1,sd1,n1,m2,sd2,n2\na,{},{},20,2,1,20\nb,1,1,20,2,1,20\n"
COUNTS = "study,ai,n1i,ci,n2i\na,{},{},2,20\nb,1,20,2,20\n"
CONTRASTS = "study,treat1,treat2,te,sete\na,x,y,{},{}\nb,y,z,0.2,0.1\nc,x,z,0.5,0.2\n"
ARMS = "study,treatment,events,n\na,x,{0},{1}\na,y,{0},{1}\nb,y,{0},{1}\nb,z,{0},{1}\nc,x,{0},{1}\nc,z,{0},{1}\n"


@pytest.mark.parametrize(
    ("command", "text", "values", "more", "said"),
    [
        ("meta", YI, ("1e308", "0.1"), (), "t.csv row 2, column yi: '1e308' is beyond 1e+30"),
        ("meta", YI, ("0.1", "1e308"), (), "t.csv row 2, column vi: '1e308' is beyond 1e+30"),
        ("meta", YI, ("1e20", "0.1"), (), "t.csv row 2 (a): an effect of 1e+20 with a standard error of 0.316228"),
        ("meta", YI, ("0", "1e-20"), (), "t.csv row 2 (a) has a variance of 1e-20 and t.csv row 3 (b) one of 0.1"),
        ("meta", YI, ("0", "1e-300"), (), "t.csv row 2 (a): a standard error of 1e-150"),
        ("meta", YI, ("800", "0.1"), ("--measure", "OR"), "t.csv row 2 (a): exp(800) is no effect"),
        ("meta", MEANS, ("1e308", "1"), ("--measure", "MD"), "column m1: '1e308' is beyond"),
        ("meta", MEANS, ("1e20", "1"), ("--measure", "SMD"), "and t.csv row 2 (a) one of 1.20077e+38"),
        ("meta", COUNTS, ("1e-308", "20"), ("--measure", "OR"), "t.csv row 2 (a):"),
        ("nma", CONTRASTS, ("0.1", "1e308"), (), "row 2, study a: '1e308' in column sete is beyond 1e+30"),
        ("nma", CONTRASTS, ("0.1", "1e30"), (), "study a one of 1e+60, too far apart"),
        ("nma", ARMS, ("1e-200", "20"), ("--measure", "OR"), "study a: a standard error of"),
    ],
)  # fmt: skip
def test_a_number_beyond_all_others_is_one_refused_line(tmp_path, capsys, command, text, values, more, said):
    (tmp_path / "t.csv").write_text(text.format(*values))
    assert run(["evidence", command, str(tmp_path / "t.csv"), *more]) == 2
    refused = capsys.readouterr().err
    assert said in refused
    assert refused.count("\n") == 1


def test_the_bounds_are_those_that_the_module_states():
    names = ["one", "two"]
    inside = [
        ((0.0, LARGEST_LOG), (1.0, 1.0), True),
        ((0.0, FARTHEST), (1.0, 1.0), False),
        ((0.0, 0.0), (1.0, WIDEST), False),
        ((0.0, LARGEST), (LARGEST**2, LARGEST**2), False),
    ]
    for y, v, is_log in inside:
        require_comparable(np.array(y), np.array(v), names, is_log=is_log)
        for farther_y, wider_v in ((1.001, 1.0), (1.0, 1.01)):
            both = np.array(y) * farther_y, np.array(v) * [1.0, wider_v]
            if (farther_y > 1 and any(y)) or (wider_v > 1 and not any(y)):
                with pytest.raises(DataError):
                    require_comparable(*both, names, is_log=is_log)
