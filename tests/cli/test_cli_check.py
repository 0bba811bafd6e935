"""`assuage check`: what it prints, its exit codes, and what it refuses."""

import hashlib
import json

import pytest

from assuage.cli.app import run
from assuage.safety import load_rule_set

TDCS = {
    "technique": "tdcs", "age_years": 30, "total_current_A": 2e-3, "current_per_electrode_A": 2e-3,
    "duration_s": 1200, "skin_density_A_per_m2": 0.57, "sessions_per_day": 1, "sessions_in_course": 10,
}  # fmt: skip


@pytest.fixture
def checked(tmp_path, capsys):
    """Write a protocol and check it: exit code, stdout, stderr."""

    def call(document, *options):
        path = tmp_path / "protocol.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        code = run(["check", str(path), *options])
        output = capsys.readouterr()
        assert [p.name for p in tmp_path.iterdir()] == ["protocol.json"]
        return code, output.out, output.err

    return call


def test_a_usual_protocol_is_listed_and_not_called_safe(checked):
    code, out, err = checked({**TDCS, "screen_pregnancy": "no", "screen_shunt": "no"})
    assert (code, err) == (0, "")
    assert "within cited range" in out
    assert "Bikson 2016" in out
    assert "screening answers: 2" in out
    assert "No limit stops this protocol; a clinician reads" in out
    assert str(load_rule_set()) in out
    assert "safe" not in out.casefold().replace("safety", "")


def test_a_stop_is_exit_code_1_and_comes_first(checked):
    code, out, _ = checked({**TDCS, "total_current_A": 6e-3})
    assert code == 1
    assert out.splitlines()[2].startswith("stop")
    assert "A limit stops this protocol." in out


FAST = {
    "technique": "rtms_1hz", "age_years": 30, "frequency_Hz": 20, "train_duration_s": 1, "inter_train_interval_s": 0.3,
    "intensity_percent_mt": 110, "motor_threshold": "resting", "trains_per_session": 10,
}  # fmt: skip


@pytest.mark.parametrize("technique", ["tms", "rtms_1hz", "rtms_10hz", "itbs", "tdcs"])
def test_no_name_hides_what_is_done(technique, checked):
    code, out, _ = checked({**FAST, "technique": technique}, "--json")
    found = {verdict["rule_id"] for verdict in json.loads(out)["verdicts"] if verdict["outcome"] == "stop"}
    assert code == 1
    assert ("tms-interval-harm" in found) == (technique != "tdcs")
    assert found & {"label-1hz-fast", "label-10hz-fast", "contradicts-label:frequency_Hz"} or technique == "tms"


@pytest.mark.parametrize("change", [{"current_per_electrode_A": 0.05}, {"frequency_Hz": 50}])
def test_a_current_that_contradicts_itself_is_stopped(change, checked):
    assert checked({**TDCS, **change})[0] == 1


def test_what_is_missing_is_said(checked):
    code, out, _ = checked({"technique": "ect", "age_years": 30})
    assert code == 0
    assert "quantities are missing" in out
    assert "missing-mandatory" in out


def test_a_warning_is_said(checked):
    code, out, _ = checked({**TDCS, "screen_pregnancy": "yes"})
    assert code == 0
    assert "a clinician reads the warnings" in out


def test_json_holds_everything(checked):
    document = {**TDCS, "total_current_A": 6e-3}
    code, out, _ = checked(document, "--json")
    found = json.loads(out, parse_constant=pytest.fail)
    assert code == 1
    assert found["worst"] == "stop"
    assert found["technique"] == "tdcs"
    assert found["missing"] == []
    assert found["rule_set"]["sha256"] == load_rule_set().sha256
    assert found["protocol_sha256"] == hashlib.sha256(json.dumps(document).encode()).hexdigest()
    assert sum(found["counts"].values()) == len(found["verdicts"])
    assert found["verdicts"][0]["outcome"] == "stop"
    assert {"rule_id", "quantity", "value", "limit", "unit", "population", "source", "source_level", "why"} <= set(
        found["verdicts"][0]
    )


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("{", "is not JSON"),
        ("[1]", "found: list"),
        ("{}", "names no technique"),
        ({"kind": "tdcs"}, "found: kind"),
        ({"technique": "laser"}, "'laser'"),
        ({**TDCS, "duration_s": "20 min"}, "'20 min' is not a number"),
        ({**TDCS, "duration_s": -5}, "duration_s = -5"),
        ({**TDCS, "sessions": [1, 2]}, "sessions is nested"),
        ({**TDCS, "total_current_mA": 6}, "total_current_mA is no quantity; write total_current_A, in SI"),
        ({**TDCS, "colour": 6}, "colour is no quantity; assuage.safety.quantities.QUANTITIES lists the names"),
        ("[" * 100_000, "is not JSON"),
        ({"dose": {"technique": "astrology"}}, "dose.technique 'astrology' is not known; known: tms, rtms_1hz"),
        ({"dose": {"trains": 3}}, "dose.technique"),
        ({**TDCS, "motor_threshold": "rest"}, "motor_threshold = 'rest'; it is one of resting, active"),
        ({**TDCS, "screen_pregnancy": True}, "screen_pregnancy = True"),
        ('{"technique": "tdcs", "duration_s": NaN}', "duration_s = nan"),
        ('{"technique": "tdcs", "duration_s": 1, "duration_s": 2}', "duration_s twice"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(document, said, checked):
    code, out, err = checked(document)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("assuage: ")
    assert said in err


def test_a_file_that_is_not_there(capsys, tmp_path):
    assert run(["check", str(tmp_path / "none.json")]) == 2
    assert "no such file" in capsys.readouterr().err
