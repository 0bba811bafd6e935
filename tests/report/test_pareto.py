"""The Pareto front of temporal interference in the report: drawn from the record's own table, or not at all."""

import pytest
from plan_example import example_record

from assuage.plan.interference_tables import ARRAYS_COLUMNS, ARRAYS_FRONT, FRONT, FRONT_COLUMNS, PROPOSED, STRONGEST
from assuage.plan.records import Table
from assuage.report.pareto import front, interference

ROWS = (
    (f"{STRONGEST}: F7–O2 1, F8–O1 1", 0.29, 0.16, 0.32, 1.8),
    (f"{PROPOSED}: F7–T7 1, Fp1–F8 1", 0.20, 0.05, 0.17, 4.0),
    ("F7–T7 1, Fp1–F8 0.8", 0.15, 0.04, 0.12, 3.7),
)


MORE = (
    ("4: F7 +1, O2 -0.6, Oz -0.4 | F8 +1, O1 -1", 0.295, 0.16, 0.33, 1.8, 1.7),
    ("4: F7 +1, T7 -1 | Fp1 +1, F8 -0.7, F6 -0.3", 0.24, 0.05, 0.18, 4.8, 20.0),
)


def montage(rows=ROWS, carriers=(2000.0, 2020.0), more=()):
    item = next(item for item in example_record().techniques if item.technique == "hd_tdcs_4x1")
    electrodes = tuple(
        e.model_copy(update={"carrier_Hz": carriers[k % 2] if carriers else None})
        for k, e in enumerate(item.proposal.electrodes[:4])
    )
    proposal = item.proposal.model_copy(update={"electrodes": electrodes})
    tables = (Table(title=FRONT, columns=FRONT_COLUMNS, rows=rows),) if rows else ()
    if more:
        tables += (Table(title=ARRAYS_FRONT, columns=ARRAYS_COLUMNS, rows=more),)
    return item.model_copy(update={"proposal": proposal, "tables": tables})


def test_the_front_is_drawn():
    drawn = front(montage())
    assert drawn.startswith("<svg")
    assert drawn == front(montage()), "equal plans give equal reports"
    assert drawn != front(montage(ROWS[:2]))


def test_more_electrodes_are_drawn_beside_the_pairs():
    drawn = interference(montage(more=MORE))
    assert drawn["front"] not in {front(montage()), front(montage(more=MORE[:1]))}
    assert "4 electrodes in each carrier" in drawn["front_caption"]
    assert "each carrier" not in interference(montage())["front_caption"]


def test_one_montage_may_be_both():
    both = ((f"{PROPOSED}, {STRONGEST}: F7–O2 1, F8–O1 1", 0.29, 0.16, 0.32, 1.8),)
    assert front(montage(both)).startswith("<svg")


def test_no_front_without_a_table():
    assert front(montage(rows=())) == ""
    assert interference(example_record().techniques[0]) == {"front": "", "front_caption": ""}


def test_the_pairs_are_told_apart():
    caption = interference(montage())["caption"]
    assert "at 2000 Hz" in caption
    assert "at 2020 Hz" in caption
    assert "caption" not in interference(montage(carriers=()))


def test_a_row_without_depths_is_refused():
    with pytest.raises(TypeError, match="instead of depths"):
        front(montage((("F7–O2 1, F8–O1 1", None, 0.1, 0.1, 1.0),)))
