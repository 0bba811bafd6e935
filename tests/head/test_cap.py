"""Electrode caps: every kind of line, the old and the new names of four sites, and what is refused."""

import numpy as np
import pytest

from assuage.errors import NavigatorError
from assuage.head import read_cap
from assuage.sources import Montage

CAP = """type,x,y,z,name
Electrode,-84.2,-16.0,-9.3,T7
Electrode,85.1,-15.5,-9.4,T4
ReferenceElectrode,0.3,-9.2,100.2,0,1,0,Cz
Electrode,-49.1,52.5,39.3,1,0,0,F3,spare
Fiducial,0,82.9,-43,Nz
CoilPos,0,0,100,0,0,-1,0,1,0,4,spot
Generic,0,-116,-30,Iz
"""


@pytest.fixture
def put(tmp_path):
    def write(text):
        path = tmp_path / "cap.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_every_kind_of_line(put):
    cap = read_cap(put(CAP))
    assert list(cap.electrodes_mm) == ["T7", "T4", "Cz", "F3"]
    assert cap.references == ("Cz",)
    assert list(cap.places_mm) == ["Nz", "Iz"]
    np.testing.assert_array_equal(cap.electrodes_mm["Cz"], [0.3, -9.2, 100.2])
    np.testing.assert_array_equal(cap.electrodes_mm["F3"], [-49.1, 52.5, 39.3])
    assert cap.notes == ("1 lines of kind 'CoilPos' were left out",)
    without_heading = read_cap(put(CAP.partition("\n")[2]))
    assert list(without_heading.electrodes_mm) == list(cap.electrodes_mm)


@pytest.mark.parametrize(("old", "new"), [("T3", "T7"), ("T4", "T8"), ("T5", "P7"), ("T6", "P8")])
def test_old_and_new_names_are_one_site(put, old, new):
    for written in (old, new):
        cap = read_cap(put(f"Electrode,-84,-16,-9,{written}\nElectrode,0,0,100,Cz\n"))
        for asked in (old, new):
            np.testing.assert_array_equal(cap.site(asked), [-84, -16, -9])


def test_a_cap_makes_a_montage(put):
    cap = read_cap(put(CAP))
    montage = Montage.at_points_mm([cap.site("T3"), cap.site("T8")], [1e-3, -1e-3], radius_mm=6)
    np.testing.assert_array_equal(montage.electrodes[0].center_mm, [-84.2, -16.0, -9.3])


def test_a_missing_electrode_is_named(put):
    with pytest.raises(NavigatorError, match=r"no electrode 'cz'; it has T7, T4, Cz"):
        read_cap(put(CAP)).site("cz")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no electrode"),
        ("Electrode,1,2,x,F3\nElectrode,1,2\n", "line 1 is not KIND"),
        ("Electrode,1,2,nan,F3\n", "line 1 is not KIND"),
        ("Electrode,1,2,3,\n", "line 1 is not KIND"),
        ("Electrode,1,2,3,F3\nElectrode,1,2,4,F3\n", "line 2: 'F3' is there twice"),
        ("".join(f"Electrode,{x / 1000},0,0,E{x}\n" for x in (-80, -40, 40, 80)), "span 0.16 mm"),
    ],
)
def test_what_would_be_misread_is_refused(put, text, said):
    with pytest.raises(NavigatorError, match=said):
        read_cap(put(text))


def test_what_is_no_table_is_refused(tmp_path):
    with pytest.raises(NavigatorError, match="cannot be read as a table"):
        read_cap(tmp_path / "none.csv")
