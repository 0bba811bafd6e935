"""Mantel-Haenszel networks: the pairwise code, plain code, simulated trials, and the numbers of another program."""

import csv
import math
from itertools import combinations

import numpy as np
import pytest
from network_cases import DATA

from assuage.cli.app import run
from assuage.errors import DataError
from assuage.synthesis import network_meta_analysis, read_network
from assuage.synthesis.network_mantel_haenszel import pooled_contrasts, pooled_designs
from assuage.synthesis.two_by_two import mantel_haenszel

RARE = {"events": "death"}


def written(path, studies):
    """Write {study: {treatment: (events, n)}}."""
    rows = [(study, name, *counts) for study, arms in studies.items() for name, counts in arms.items()]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("study", "treatment", "events", "n"), *rows])
    return path


def analysed(path, **options):
    network = read_network(path, columns=options.pop("columns", None))
    return network_meta_analysis(network, method="MH", draws=100, **options)


def studies_of(name):
    studies = {}
    for row in csv.DictReader((DATA / name).read_text(encoding="utf-8").splitlines()):
        size = row.get("randomized") or row["n"]
        studies.setdefault(row["study"], {})[row["treatment"]] = (int(row["death"]), int(size))
    return studies


def test_two_treatments_are_the_pairwise_method_without_correction(tmp_path):
    rng = np.random.default_rng(3)
    n1, n2 = rng.integers(20, 90, 12), rng.integers(20, 90, 12)
    a, c = rng.binomial(n1, 0.04), rng.binomial(n2, 0.07)
    assert ((a == 0) ^ (c == 0)).any()
    studies = {f"s{i}": {"A": (a[i], n1[i]), "B": (c[i], n2[i])} for i in range(12)}
    result = analysed(written(tmp_path / "two.csv", studies), reference="B")
    pair = mantel_haenszel("OR", {"a": a * 1.0, "b": n1 - a * 1.0, "c": c * 1.0, "d": n2 - c * 1.0})
    row = result.as_json()["common"]["against_reference"][0]
    assert (row["estimate"], row["se"]) == pytest.approx((pair.estimate, pair.se), rel=1e-12)
    assert row["studies"] == len(result.network.studies)
    assert result.q.df == 0
    assert result.i2 is None


def slow(a, b):
    """The formulas of the module in plain loops: theta differences and their variances."""
    studies, arms = range(len(a)), range(len(a[0]))
    total = [sum(a[s]) + sum(b[s]) for s in studies]
    C = [[sum(a[s][x] * b[s][y] / total[s] for s in studies) for y in arms] for x in arms]

    def log_odds(x, y):
        return 0.0 if x == y else math.log(C[x][y] / C[y][x])

    def covariance(x, y, u, v):
        if x == y or u == v or not {x, y} & {u, v}:
            return 0.0
        if (x, y) == (u, v):
            return sum(
                (a[s][x] * b[s][y] / C[x][y] + a[s][y] * b[s][x] / C[y][x])
                * ((a[s][x] + b[s][y]) / C[x][y] + (a[s][y] + b[s][x]) / C[y][x]) / (2 * total[s] ** 2)
                for s in studies
            )  # fmt: skip
        if (x, y) == (v, u) or x not in {u, v} or u not in {x, y}:
            return -covariance(x, y, v, u) if x in {u, v} else -covariance(y, x, u, v)
        return sum(
            (
                a[s][x] * b[s][y] * b[s][v] / (C[x][y] * C[x][v]) + b[s][x] * a[s][y] * a[s][v] / (C[y][x] * C[v][x])
                + (a[s][x] + b[s][x]) * a[s][y] * b[s][v] / (C[y][x] * C[x][v])
                + (a[s][x] + b[s][x]) * b[s][y] * a[s][v] / (C[x][y] * C[v][x])
            ) / (3 * total[s] ** 2)
            for s in studies
        )  # fmt: skip

    k = len(a[0])
    theta = [sum(log_odds(x, y) for y in arms) / k for x in arms]
    spread = [[sum(covariance(x, y, u, v) for y in arms for v in arms) / k**2 for u in arms] for x in arms]
    pairs = list(combinations(arms, 2))
    effects = [theta[x] - theta[y] for x, y in pairs]
    return effects, [spread[x][x] + spread[y][y] - 2 * spread[x][y] for x, y in pairs]


@pytest.mark.parametrize("k", [2, 3, 4])
def test_a_design_is_what_slow_code_says(k):
    rng = np.random.default_rng(k)
    n = rng.integers(30, 60, (5, k))
    a = rng.binomial(n, 0.15)
    effects, variances = pooled_contrasts(a.astype(float), (n - a).astype(float))
    plain_effects, plain_variances = slow(a.tolist(), (n - a).tolist())
    assert effects == pytest.approx(plain_effects, rel=1e-12)
    assert variances == pytest.approx(plain_variances, rel=1e-12)


@pytest.mark.parametrize(("people", "studies"), [(25, 60), (2000, 2)])
def test_variances_of_simulated_trials_are_those_computed(people, studies):
    """Many small trials of four unequal arms, and few large ones; three standard errors of a simulated variance."""
    rng = np.random.default_rng(8)
    odds = np.array([0.04, 0.08, 0.12, 0.2]) * np.exp(rng.normal(0, 0.5, (studies, 1)))
    n = np.full((studies, 4), people) * np.array([1, 2, 1, 3])
    found, computed = [], []
    for _ in range(1500):
        a = rng.binomial(n, odds / (1 + odds)).astype(float)
        effects, variances = pooled_contrasts(a, n - a)
        found.append(effects)
        computed.append(variances)
    ratio = np.mean(computed, 0) / np.var(found, 0)
    assert np.all(np.abs(ratio - 1) < 3 * math.sqrt(2 / 1500) + 0.03)
    first, second = np.triu_indices(4, 1)
    truth = np.log(odds[0])[first] - np.log(odds[0])[second]
    assert np.mean(found, 0) == pytest.approx(truth, abs=0.05)


def test_counting_the_others_turns_effects_round_and_keeps_their_variances():
    rng = np.random.default_rng(1)
    n = rng.integers(20, 50, (6, 3))
    a = rng.binomial(n, 0.2).astype(float)
    effects, variances = pooled_contrasts(a, n - a)
    turned, same = pooled_contrasts(n - a, a)
    assert turned == pytest.approx(-effects)
    assert same == pytest.approx(variances)


OTHER_PROGRAM = {
    "two arms": {
        "ICS": (-0.142450, 0.202556), "LABA": (0.040811, 0.163759), "LABA-ICS": (-0.422999, 0.221380),
        "TIO-HH": (-0.071609, 0.070937), "TIO-SMI": (0.416881, 0.186151),
    },
    "all designs": {
        "ICS": (0.016440, 0.083226), "LABA": (-0.075164, 0.081249), "LABA-ICS": (-0.250814, 0.088049),
        "TIO-HH": (-0.085170, 0.065615), "TIO-SMI": (0.416881, 0.186151),
    },
}  # fmt: skip
"""pimeta 1.1.0 against placebo, run on the studies of Dong 2013 without a zero cell; data/README.md."""


@pytest.mark.parametrize("which", OTHER_PROGRAM)
def test_six_digits_of_another_program(tmp_path, which):
    studies = {
        name: arms
        for name, arms in studies_of("dong2013.csv").items()
        if all(events > 0 for events, _ in arms.values()) and (which == "all designs" or len(arms) == 2)
    }
    result = analysed(written(tmp_path / "dong.csv", studies), reference="Placebo")
    rows = {row["treatment"]: row for row in result.as_json()["common"]["against_reference"]}
    for name, (estimate, se) in OTHER_PROGRAM[which].items():
        assert (rows[name]["estimate"], rows[name]["se"]) == pytest.approx((estimate, se), abs=6e-7)


def test_dong_2013_takes_every_trial_with_an_event():
    result = analysed(DATA / "dong2013.csv", columns=RARE, reference="Placebo")
    left_out = dict(result.network.excluded)
    assert {name for name, why in left_out.items() if why == "no event in any arm"} == {"5", "25", "37"}
    assert left_out["34"] == "no events in arm Placebo of any study of LABA-ICS and Placebo"
    assert len(result.network.studies) == 41 - len(left_out)
    assert not any("added" in note for note in result.notes)
    steps = sum(len(design) - 1 for design in result.network.designs)
    assert result.q.df == steps - (len(result.network.treatments) - 1) == 9
    assert result.decomposition.between.q == pytest.approx(result.q.q)
    assert sum(row.studies for row in result.decomposition.designs) == len(result.network.studies)
    assert result.random is None


def test_gurusamy_2011_loses_two_treatments_as_published():
    """metadat: antithrombin III and solvent detergent plasma are not in the Mantel-Haenszel network."""
    result = analysed(DATA / "gurusamy2011.csv", columns=RARE)
    assert set(result.network.treatments) == {"Aprotonin", "Control/Placebo", "EACA", "rFVIIa", "Tranexamic acid"}
    assert dict(result.network.excluded).keys() == {
        "Baudo 1992", "Williamson 1999", "Pugliese 2007", "Himmelreich 1992"
    }  # fmt: skip


def test_an_arm_without_events_leaves_its_study_to_the_other_design(tmp_path):
    studies = {
        "three": {"A": (0, 40), "B": (2, 40), "C": (5, 40)},
        "ab": {"A": (3, 50), "B": (6, 50)},
        "bc": {"B": (4, 30), "C": (7, 30)},
    }
    kept, designs = pooled_designs(read_network(written(tmp_path / "t.csv", studies)))
    assert kept.designs == (("A", "B"), ("B", "C"))
    assert dict(kept.excluded) == {"three": "no events in arm A of any study of A and B and C"}
    bc = next(study for study in designs.studies if study.design == ("B", "C"))
    alone, _ = pooled_contrasts(np.array([[2.0, 5], [4, 7]]), np.array([[38.0, 35], [26, 23]]))
    assert bc.effects == pytest.approx(alone)


def test_a_network_that_falls_apart_is_refused(tmp_path):
    studies = {
        "ab": {"A": (3, 50), "B": (6, 50)},
        "bc": {"B": (0, 30), "C": (7, 30)},
        "cd": {"C": (2, 30), "D": (7, 30)},
    }
    with pytest.raises(DataError, match="2 parts that no study connects"):
        analysed(written(tmp_path / "t.csv", studies))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--measure", "RR"], "this is RR; take --method common, or --measure OR"),
        (["--bayes", "normal"], "--bayes normal corrects zero cells, and --method MH does not"),
        (["--continuity", "0.1"], "--continuity 0.1: --method MH corrects no cells; leave it out"),
    ],
)
def test_what_does_not_go_with_it_is_refused(capsys, options, said):
    table = str(DATA / "gurusamy2011.csv")
    assert run(["evidence", "nma", table, "--method", "MH", "--columns", "events=death", *options]) == 2
    assert said in capsys.readouterr().err


def test_contrasts_have_no_counts():
    with pytest.raises(DataError, match="pools odds ratios of arms with events and n"):
        analysed(DATA / "senn2013_contrasts.csv")


def test_the_command_writes_all_of_it(tmp_path, capsys):
    table = str(DATA / "gurusamy2011.csv")
    options = ["--columns", "events=death", "--important", "1.25", "--plots", str(tmp_path / "p")]
    assert run(["evidence", "nma", table, "--method", "mh", *options, "--out", str(tmp_path / "o")]) == 0
    text = capsys.readouterr().out
    assert "10 studies, 5 treatments, 5 designs; OR, common effect by Mantel-Haenszel, no continuity correction" in text
    assert "between designs Q" in text
    assert "random effects" not in text
    assert "left out: Baudo 1992: no events in arm Antithrombin III" in text
