"""Direct against indirect evidence: by hand on triangles, and against the full models on larger networks."""

import numpy as np
import pytest
from network_cases import network_of, random_studies

from assuage.synthesis.network_analysis import comparison, network_meta_analysis, turned
from assuage.synthesis.network_inconsistency import back_calculation, decompose, direct_estimate, node_splits
from assuage.synthesis.network_model import consistency_columns, fit, rows_of


def two_arms(a, b, effect, variance):
    return [(a, effect, variance / 2), (b, 0.0, variance / 2)]


TRIANGLE = [two_arms("A", "B", 0.5, 0.04), two_arms("B", "C", 0.3, 0.06), two_arms("A", "C", 1.4, 0.05)]


def test_a_triangle_is_bucher_by_hand():
    """Bucher et al. 1997: indirect A - C = (A - B) + (B - C), and variances add."""
    network = network_of(TRIANGLE)
    rows = rows_of(network)
    z = (1.4 - 0.8) / np.sqrt(0.05 + 0.10)
    done = fit(rows, consistency_columns(rows, network.treatments, "A"), 0.0)
    split = next(s for s in back_calculation(network, done) if (s.first, s.second) == ("A", "C"))
    assert (split.direct.effect, split.direct.se) == pytest.approx((1.4, 0.05**0.5))
    assert (split.indirect.effect, split.indirect.se) == pytest.approx((0.8, 0.10**0.5))
    assert split.direct_proportion == pytest.approx((1 / 0.05) / (1 / 0.05 + 1 / 0.10))
    assert split.z == pytest.approx(z)
    found = decompose(network, rows, "DL")
    assert found.between.q == pytest.approx(z**2)
    assert (found.between.df, found.within.df, found.within.p_value) == (1, 0, None)
    assert found.interaction_tau2_source.startswith("no design has two studies")


def test_refitting_is_back_calculation_where_all_studies_have_two_arms():
    rng = np.random.default_rng(3)
    pairs = [("A", "B"), ("B", "C"), ("A", "C"), ("C", "D"), ("A", "D")] * 3
    studies = [two_arms(a, b, float(rng.normal()), float(rng.uniform(0.02, 0.2))) for a, b in pairs]
    network = network_of(studies)
    rows = rows_of(network)
    common = {
        (s.first, s.second): s
        for s in back_calculation(network, fit(rows, consistency_columns(rows, network.treatments, "A"), 0.0))
    }
    refitted = node_splits(network, rows, None)
    assert len(refitted) == 5
    for split in refitted:
        other = common[split.first, split.second]
        assert split.difference.effect == pytest.approx(other.difference.effect, abs=1e-9)
        assert split.z == pytest.approx(other.z, abs=1e-9)
        assert split.direct_proportion == pytest.approx(other.direct_proportion, abs=1e-9)


def test_q_adds_up_and_detaching_a_design_takes_its_share():
    network = network_of(random_studies(21, count=30)[0])
    found = decompose(network, rows_of(network), "DL")
    assert found.within.q + found.between.q == pytest.approx(found.total.q)
    assert sum(row.within.q for row in found.designs) == pytest.approx(found.within.q)
    assert sum(row.within.df for row in found.designs) == found.within.df
    assert sum(row.studies for row in found.designs) == 30
    for row in found.designs:
        assert row.detached.q <= found.between.q + 1e-9
        assert row.detached.df <= found.between.df


def test_consistent_data_show_no_inconsistency_and_shifted_ones_do():
    truth = dict(zip("ABCDE", (0.0, 0.5, 1.0, -0.5, 0.2), strict=True))
    studies, _ = random_studies(2, count=60, tau=0.0, truth=truth, spread=(0.01, 0.03))
    calm = network_meta_analysis(network_of(studies))
    moved = [
        [(n, v + (0.9 if n == "B" and len(arms) == 2 and "A" in {a[0] for a in arms} else 0.0), s) for n, v, s in arms]
        for arms in studies
    ]
    loud = network_meta_analysis(network_of(moved))
    assert calm.decomposition.between.p_value > 0.05
    assert loud.decomposition.between.p_value < 1e-6
    assert comparison(loud, "A", "B", model=loud.common).p_value < 1e-3


def test_comparisons_without_a_loop_are_not_split():
    studies = [two_arms("A", "B", 0.1, 0.1), two_arms("A", "B", 0.3, 0.1), two_arms("B", "C", 0.2, 0.1)]
    network = network_of(studies)
    result = network_meta_analysis(network)
    assert result.random.node_splits == ()
    assert comparison(result, "A", "B").indirect is None
    only = comparison(result, "A", "C")
    assert (only.direct, only.studies, only.direct_proportion) == (None, 0, 0.0)
    assert result.decomposition.between.p_value is None


def test_a_multi_arm_study_alone_cannot_contradict_itself():
    network = network_of([[("A", 0.0, 0.1), ("B", 1.0, 0.1), ("C", 5.0, 0.1)]] * 3)
    found = decompose(network, rows_of(network), "DL")
    assert (found.between.q, found.between.df) == (pytest.approx(0.0, abs=1e-9), 0)


def test_direct_evidence_counts_multi_arm_studies():
    studies = [two_arms("A", "B", 0.4, 0.1), [("A", 1.0, 0.05), ("B", 0.2, 0.05), ("C", 0.0, 0.05)]]
    found, count = direct_estimate(network_of(studies), "A", "B", 0.0)
    assert count == 2
    assert (found.effect, found.se) == pytest.approx((0.6, 0.05**0.5))
    assert direct_estimate(network_of(studies), "B", "Z", 0.0) is None


def test_a_comparison_can_be_turned_round():
    split = comparison(network_meta_analysis(network_of(TRIANGLE)), "A", "C")
    back = turned(split)
    assert back.network.effect == -split.network.effect
    assert back.difference.effect == -split.difference.effect
    assert (back.z, back.p_value) == (-split.z, split.p_value)
