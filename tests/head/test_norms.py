"""A range holds for the ages that its source measured; for others there are words and no verdict."""

from dataclasses import replace

import pytest

from assuage.head import qc
from assuage.head.gallery import sphere_head
from assuage.head.norms import SKULL, _table, norm, parts_of
from assuage.report import head_quality

FIGURES = (*parts_of(), SKULL)


@pytest.mark.parametrize("name", FIGURES)
def test_an_adult_has_a_range_a_boy_of_13_has_none(name):
    assert norm(name, 30).reference is not None
    assert norm(name, 30).says == ""
    young = norm(name, 13)
    assert young.reference is None
    assert "no range with a source for age 13" in young.says
    assert norm(name, None).reference == norm(name, 30).reference
    assert "age not known" in norm(name, None).says


def test_the_edges_are_those_of_the_people_measured():
    assert norm("intracranial", 19.9).reference is None
    assert norm("intracranial", 20).reference is not None
    assert norm("eyes", 36).reference is None
    assert norm(SKULL, 17.9).reference is None


def test_words_come_with_their_source():
    for rows in _table()["other_ages"].values():
        for row in rows:
            assert row["source"]
            assert row["source_level"]
            assert row["ages_years"][0] < row["ages_years"][1]
    assert "10 to 12 years" in norm("brain", 13).says
    assert "Peterson" in norm("brain", 13).source
    assert "1344 at 10" in norm("intracranial", 10).says
    assert norm("intracranial", 15).source == ""


def test_figures_of_a_minor_are_neither_inside_nor_outside():
    head = sphere_head(voxel_mm=5.0)
    adult = qc(replace(head, metadata={"age_years": 30.0}))
    young = qc(replace(head, metadata={"age_years": 13.0}))
    assert any("outside the cited adult range" in line for line in adult.warnings)
    assert not any("cited" in line for line in young.warnings)
    assert all(volume.within_cited_range is None for volume in young.volumes)
    rows = {row["name"]: row for row in head_quality.rows(head_quality.as_json(young))}
    assert rows["Brain, volume"]["stands"] == ""
    assert "No range with a source for age 13" in rows["Brain, volume"]["expected"]
    assert head_quality.rows(head_quality.as_json(adult))[0]["stands"] in {"inside", "outside"}
