"""Published protocols: sourced, only what was read, consistent, and a start that states nothing more."""

import pytest

from assuage.errors import DataError, ProtocolError
from assuage.protocols import draft, from_content, load_published, published_protocols
from assuage.protocols.gallery import example_content
from assuage.protocols.mandatory import look_up
from assuage.protocols.published import _published, rows_not_taken

ALL = published_protocols()


@pytest.mark.parametrize("published", ALL, ids=lambda p: p.name)
def test_each_names_its_source_and_what_it_leaves_out(published):
    assert published.source
    assert published.source_level in {"abstract", "registry", "secondary", "secondary_web"}
    assert "memory" not in published.source_level
    assert published.parts["dose"] or published.says, "an entry says something about the dose, or that it says nothing"
    assert bool(published.evidence_row) != bool(published.without_row)
    for path in published.not_reported:
        assert look_up(published.parts, path) is None
    for text in published.derived:
        assert look_up(published.parts, text.split(":")[0]) is not None


@pytest.mark.parametrize("published", ALL, ids=lambda p: p.name)
def test_a_draft_holds_what_was_read_and_nothing_else(published):
    content, empty = draft(published), draft(published.technique)
    for part in ("dose", "target", "blinding"):
        read = {path: value for path, value in leaves(published.parts[part]).items() if path != "technique"}
        assert {path: value for path, value in leaves(content[part]).items() if value is not None} == {
            **{path: value for path, value in leaves(empty[part]).items() if value is not None}, **read
        }  # fmt: skip
    for path in published.not_reported:
        assert set(leaves(look_up(content, path)).values()) <= {None}
    assert content["evidence"][0]["source_level"] == published.source_level
    with pytest.raises(ProtocolError, match=r"item\(s\) that have to be known are missing"):
        from_content(content)


def leaves(value, path=""):
    if isinstance(value, dict):
        return {p: v for key, each in value.items() for p, v in leaves(each, f"{path}.{key}".lstrip(".")).items()}
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return {p: v for k, each in enumerate(value) for p, v in leaves(each, f"{path}.{k}").items()}
    return {} if value == [] else {path: value}


def completed(name):
    """A published dose in an otherwise complete protocol."""
    published = load_published(name)
    content = example_content(published.technique)
    dose = draft(published)["dose"]
    dose["pulse"] = content["dose"]["pulse"]
    return {**content, "dose": dose}


def test_macmaster_2019_is_3000_pulses_in_75_trains():
    protocol = from_content(completed("macmaster2019"))
    assert protocol.dose.session.pulses == protocol.dose.stated["pulses_per_session"] == 3000
    assert protocol.dose.session.duration_with_last_pause_s == 2250
    assert protocol.dose.course.sessions == 15


def test_a_missing_pause_is_asked_for_and_not_made_up():
    content = completed("nct06139484_rtms")
    with pytest.raises(ProtocolError, match=r"2 session.* session_interval_s none"):
        from_content(content)
    content["dose"]["course"]["phases"][0]["day"]["session_interval_s"] = 7200
    protocol = from_content(content)
    assert protocol.dose.session.pulses == 4000
    assert protocol.dose.course.sessions * protocol.dose.session.pulses == 40_000


def test_what_a_source_states_is_held_against_what_the_user_fills_in():
    content = draft("nct06139484_snt")
    session = example_content("snt")["dose"]["session"]
    dose = content["dose"] | {"pulse": example_content("snt")["dose"]["pulse"], "session": {**session, "trains": 20}}
    dose["course"]["phases"][0]["day"]["session_interval_s"] = 3000
    with pytest.raises(ProtocolError, match=r"pulses_per_session = 1800, but its parts give 600"):
        from_content({**example_content("snt"), "dose": dose})
    dose["session"] = session
    assert from_content({**example_content("snt"), "dose": dose}).dose.session.pulses == 1800


def test_the_words_of_a_source_are_not_turned_into_numbers():
    triple = load_published("nct06919432")
    assert any("inconsistent" in text for text in triple.says)
    assert "dose.electrodes.0.current_A" in triple.not_reported
    snt = load_published("nct06210100")
    assert "dose.course.phases.0.day.session_interval_s" in snt.not_reported


def test_the_whole_table_of_trials_was_gone_through():
    taken = {published.evidence_row for published in ALL if published.evidence_row}
    left = rows_not_taken()
    assert all(left.values())
    assert not taken & set(left)
    assert len(taken | set(left)) == 74


def test_a_row_without_evidence_says_why():
    assert {published.name for published in ALL if published.without_row} == {
        "macmaster2019", "nct02611206", "villamar2013", "ma2022"
    }  # fmt: skip
    reportable = {"tdcs": ()}
    row = {"technique": "tdcs", "citation": "c", "population": "p", "source": "s", "source_level": "abstract"}
    with pytest.raises(DataError, match="x needs its evidence_row, or without_row"):
        _published("x", row, reportable)


def test_names():
    assert load_published("MacMaster2019").name == "macmaster2019"
    with pytest.raises(DataError, match=r"no published protocol 'x'; known: macmaster2019"):
        load_published("x")
    with pytest.raises(DataError, match=r"neither a technique .* nor a published protocol"):
        draft("x")
    assert len(ALL) == len({each.name for each in ALL}) >= 35
