"""`Head.from_labels`: what it keeps, what it refuses; look-ups by place and name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assuage.errors import HeadError
from assuage.head import Head, conductivities

TISSUES = {1: "grey_matter", 2: "scalp"}


def small_labels() -> np.ndarray:
    labels = np.zeros((8, 9, 10), dtype=np.int16)
    labels[2:6, 2:7, 2:8] = 2
    labels[3:5, 3:6, 3:7] = 1
    return labels


def test_keeps_what_it_is_given() -> None:
    labels, affine = small_labels(), np.diag([2.0, 2.0, 3.0, 1.0])
    head = Head.from_labels(labels, affine, tissues=TISSUES, conductivity_S_per_m={"scalp": 0.3})
    assert np.array_equal(head.labels, labels)
    assert np.array_equal(head.affine, affine)
    assert dict(head.tissues) == TISSUES
    assert head.conductivity_S_per_m == {"grey_matter": conductivities()["grey_matter"].value, "scalp": 0.3}
    assert np.allclose(head.voxel_mm, [2, 2, 3])


def test_input_is_copied_and_frozen() -> None:
    labels = small_labels()
    head = Head.from_labels(labels, np.diag([2.0, 2, 2, 1]), tissues=TISSUES)
    labels[:] = 0
    assert head.labels.max() == 2
    with pytest.raises(ValueError, match="read-only"):
        head.labels[0, 0, 0] = 1


def test_left_handed_affine_is_fine() -> None:
    affine = np.diag([-2.0, 2.0, 2.0, 1.0])
    assert np.array_equal(Head.from_labels(small_labels(), affine, tissues=TISSUES).affine, affine)


def test_labels_above_255_are_kept() -> None:
    labels = small_labels().astype(np.int64) * 1000
    head = Head.from_labels(labels, np.diag([2.0, 2, 2, 1]), tissues={1000: "grey_matter", 2000: "scalp"})
    assert np.array_equal(head.labels, labels)
    assert head.mask("grey_matter").sum() == (labels == 1000).sum()


@settings(max_examples=30)
@given(st.permutations([1, 2, 3]), st.integers(0, 2**32 - 1))
def test_tissue_at_voxel_centres_agrees_with_labels(order: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 4, (4, 5, 6))
    labels[0, 0, :3] = [1, 2, 3]
    names = dict(zip(order, ("grey_matter", "csf", "skull"), strict=True))
    rotation, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    affine = np.eye(4)
    affine[:3, :3] = rotation * [1.0, 1.5, 2.0]
    affine[:3, 3] = rng.normal(size=3) * 50
    head = Head.from_labels(labels, affine, tissues=names)
    index = np.argwhere(np.ones(labels.shape, dtype=bool))
    found = head.tissue_at(index @ affine[:3, :3].T + affine[:3, 3])
    expected = [({0: "air"} | names)[int(labels[tuple(i)])] for i in index]
    assert list(found) == expected


def test_outside_the_volume_is_air() -> None:
    head = Head.from_labels(small_labels(), np.diag([2.0, 2, 2, 1]), tissues=TISSUES)
    assert list(head.tissue_at([[-500, 0, 0], [500, 500, 500]])) == ["air", "air"]


def test_air_label_does_not_conduct() -> None:
    labels = small_labels()
    labels[3, 3, 3] = 7
    head = Head.from_labels(labels, np.diag([2.0, 2, 2, 1]), tissues={**TISSUES, 7: "air"})
    assert "air" not in head.conductivity_S_per_m
    assert head.mask("air").sum() == (small_labels() == 0).sum() + 1
    assert head.inside_fraction()[3, 3, 3] == 0


def test_with_conductivities_changes_only_the_named() -> None:
    head = Head.from_labels(small_labels(), np.diag([2.0, 2, 2, 1]), tissues=TISSUES)
    other = head.with_conductivities({"scalp": 0.2})
    assert other.conductivity_S_per_m["scalp"] == 0.2
    assert other.conductivity_S_per_m["grey_matter"] == head.conductivity_S_per_m["grey_matter"]


GOOD = np.diag([2.0, 2.0, 2.0, 1.0])
SHEARED = np.array([[2, 0.1, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [0, 0, 0, 1.0]])
NOT_FINITE = np.diag([2.0, np.nan, 2.0, 1.0])
TRANSPOSED = np.array([[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0], [5, 5, 5, 1.0]])


@pytest.mark.parametrize(
    ("labels", "affine", "tissues", "sigma", "words"),
    [
        (small_labels()[0], GOOD, TISSUES, None, "2 dimensions"),
        (small_labels() * 1.0, GOOD, TISSUES, None, "not integers"),
        (-small_labels(), GOOD, TISSUES, None, "run from -2"),
        (small_labels() * 0, GOOD, TISSUES, None, "every label is 0"),
        (small_labels(), GOOD, {1: "grey_matter"}, None, "no tissue name: 2"),
        (small_labels(), GOOD, {0: "scalp", **TISSUES}, None, "label 0"),
        (small_labels(), GOOD, {1: "", 2: "scalp"}, None, "tissue name ''"),
        (small_labels(), GOOD, {1: "grey_matter", 2: "jelly"}, None, "no known conductivity for 'jelly'"),
        (small_labels(), GOOD, {1: "grey_matter", 2: "lesion"}, None, "no known conductivity for 'lesion'"),
        (small_labels(), GOOD, TISSUES, {"scalpp": 0.3}, "'scalpp', which is no tissue"),
        (small_labels(), GOOD, TISSUES, {"scalp": -0.3}, "-0.3 S/m"),
        (small_labels(), GOOD, TISSUES, {"scalp": float("nan")}, "nan S/m"),
        (small_labels(), GOOD, TISSUES, {"scalp": 0.0}, "positive"),
        (small_labels(), SHEARED, TISSUES, None, "sheared"),
        (small_labels(), NOT_FINITE, TISSUES, None, "finite"),
        (small_labels(), TRANSPOSED, TISSUES, None, "last row"),
        (small_labels(), np.diag([0.1, 2, 2, 1.0]), TISSUES, None, "voxel size"),
        (small_labels(), np.diag([2, 2, 6, 1.0]), TISSUES, None, "voxel size"),
    ],
)
def test_refusals_say_what_and_the_value(labels, affine, tissues, sigma, words) -> None:
    with pytest.raises(HeadError, match=words):
        Head.from_labels(labels, affine, tissues=tissues, conductivity_S_per_m=sigma)


def test_fractions_must_fit() -> None:
    share = np.zeros((8, 9, 10), dtype=np.uint8)
    with pytest.raises(HeadError, match="uint8"):
        Head.from_labels(small_labels(), GOOD, tissues=TISSUES, fractions={"scalp": share[1:]})
    with pytest.raises(HeadError, match="no label names"):
        Head.from_labels(small_labels(), GOOD, tissues=TISSUES, fractions={"csf": share})
    with pytest.raises(HeadError, match="t1 has shape"):
        Head.from_labels(small_labels(), GOOD, tissues=TISSUES, t1=share[1:])


def test_unknown_tissue_in_mask_is_refused() -> None:
    head = Head.from_labels(small_labels(), GOOD, tissues=TISSUES)
    with pytest.raises(HeadError, match="no tissue 'skull'"):
        head.mask("skull")


def test_every_default_conductivity_has_a_range_and_a_source() -> None:
    for name, row in conductivities().items():
        assert 0 < row.low <= row.value <= row.high, name
        assert row.source, name
        assert row.source_level, name
        assert row.range_source, name
        assert row.range_source_level, name
    assert "lesion" not in conductivities()
