"""Stimulator-coil pairs: sourced, proportional, and nothing for a pair that nobody measured."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assuage.errors import SourceError
from assuage.techniques.stimulators import find_pair, pairs


def test_every_pair_has_a_source_and_a_plausible_largest_rate():
    assert len(pairs()) >= 25
    for pair in pairs():
        assert pair.source
        assert pair.source_level != "from memory, unverified"
        assert 5e7 < pair.max_didt_A_per_s < 3e8
        assert any("proportional" in text for text in pair.assumptions)


@given(percent=st.floats(0.1, 100.0))
def test_output_and_rate_convert_both_ways(percent):
    pair = find_pair("MagPro X100", "MagVenture_MCF-B65")
    didt = pair.didt_A_per_s(percent)
    assert didt == pytest.approx(percent / 100 * 147.86e6)
    assert pair.percent_output(didt) == pytest.approx(percent)


@pytest.mark.parametrize("coil", ["MagVenture_MCF-B65", "mcf b65", "MCF-B65", "magventure mcf-b65"])
def test_names_are_forgiving_about_writing_only(coil):
    assert find_pair("magpro x100", coil).coil == "MagVenture_MCF-B65"


def test_a_pair_says_where_the_display_differs():
    assert any("stimulator shows 173" in text for text in find_pair("MagPro X100", "C-100").assumptions)
    assert len(find_pair("Magstim Rapid", "D70").assumptions) == 1


@pytest.mark.parametrize(
    ("stimulator", "coil"),
    [("MagPro R30", "MagVenture_MCF-B65"), ("MagPro X100", "MagStim_D70"), ("MagPro X100", "B65"), ("", "")],
)
def test_an_unknown_pair_is_refused_with_the_known_ones(stimulator, coil):
    with pytest.raises(SourceError, match="no sourced largest dI/dt") as refusal:
        find_pair(stimulator, coil)
    own = {pair.coil for pair in pairs() if pair.stimulator == stimulator}
    known = own or {pair.stimulator for pair in pairs()}
    assert all(name in str(refusal.value) for name in known)
    assert "dI/dt" in str(refusal.value)


@pytest.mark.parametrize("percent", [0.0, -5.0, 100.1, float("nan")])
def test_a_setting_that_no_stimulator_has_is_refused(percent):
    with pytest.raises(SourceError, match="from above 0 to 100 %"):
        pairs()[0].didt_A_per_s(percent)
