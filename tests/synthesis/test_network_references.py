"""Published analyses, reproduced to the digits that were printed. Sources and what does not agree: data/README.md."""

import pytest
from network_cases import DATA

from assuage.synthesis.network_analysis import comparison, interval, network_meta_analysis
from assuage.synthesis.network_bayes import bayes_check, read_prior
from assuage.synthesis.network_tables import read_network


@pytest.fixture(scope="module")
def senn():
    return network_meta_analysis(
        read_network(DATA / "senn2013_contrasts.csv", measure="MD"), reference="placebo", small_values="desirable"
    )


def test_senn_heterogeneity(senn):
    assert senn.tau2 == pytest.approx(0.1087, abs=5e-5)
    assert senn.tau2**0.5 == pytest.approx(0.3297, abs=5e-5)
    assert 100 * senn.i2 == pytest.approx(81.4, abs=0.05)
    assert [100 * bound for bound in senn.i2_interval] == pytest.approx([72.0, 87.7], abs=0.05)


def test_senn_decomposition_of_q(senn):
    found = senn.decomposition
    for test, (q, df) in zip(
        (found.total, found.within, found.between), ((96.99, 18), (74.46, 11), (22.53, 7)), strict=True
    ):
        assert test.q == pytest.approx(q, abs=0.005)
        assert test.df == df
    assert found.between.p_value == pytest.approx(0.0021, abs=5e-5)
    assert found.interaction.q == pytest.approx(2.19, abs=0.005)
    assert found.interaction.p_value == pytest.approx(0.9483, abs=5e-5)
    assert found.interaction_tau2**0.5 == pytest.approx(0.3797, abs=5e-5)


SENN_DESIGNS = {
    "metformin placebo": (42.16, 2, None, None), "placebo rosiglitazone": (21.27, 5, 16.29, 0.0123),
    "benfluorex placebo": (4.38, 1, None, None), "miglitol placebo": (6.45, 2, None, None),
    "metformin rosiglitazone": (0.19, 1, None, None), "rosiglitazone sulfonylurea": (0, 0, 6.77, 0.3425),
    "metformin sulfonylurea": (0, 0, 7.51, 0.2760),
}  # fmt: skip
"""Q within a design and its df; Q between the others once it is detached (6 df) and p: netmeta, read in a course."""


@pytest.mark.parametrize("design", SENN_DESIGNS)
def test_senn_designs(senn, design):
    q, df, detached, p = SENN_DESIGNS[design]
    row = next(row for row in senn.decomposition.designs if " ".join(row.design) == design)
    assert (row.within.q, row.within.df) == (pytest.approx(q, abs=0.005), df)
    if detached is not None:
        assert (row.detached.q, row.detached.df) == (pytest.approx(detached, abs=0.005), 6)
        assert row.detached.p_value == pytest.approx(p, abs=5e-5)


SENN_P_SCORES = {
    "rosiglitazone": 0.8934, "metformin": 0.7818, "pioglitazone": 0.7746, "miglitol": 0.6137, "acarbose": 0.5203,
    "benfluorex": 0.4358, "vildagliptin": 0.4232, "sitagliptin": 0.3331, "sulfonylurea": 0.2103, "placebo": 0.0139,
}  # fmt: skip


def test_senn_p_scores(senn):
    assert [rank.treatment for rank in senn.random.ranks] == list(SENN_P_SCORES)
    for rank in senn.random.ranks:
        assert rank.p_score == pytest.approx(SENN_P_SCORES[rank.treatment], abs=5e-5)
        assert rank.sucra == pytest.approx(rank.p_score, abs=0.01)


SENN_COMMON = {
    "acarbose": -0.8274, "benfluorex": -0.9052, "metformin": -1.1141, "miglitol": -0.9439, "pioglitazone": -1.0664,
    "rosiglitazone": -1.2018, "sitagliptin": -0.5700, "sulfonylurea": -0.4395, "vildagliptin": -0.7000,
}  # fmt: skip


@pytest.mark.parametrize("treatment", SENN_COMMON)
def test_senn_common_effect(senn, treatment):
    found = comparison(senn, treatment, "placebo", model=senn.common).network
    assert found.effect == pytest.approx(SENN_COMMON[treatment], abs=6e-5)


def test_senn_arms_say_what_the_rounded_contrasts_say(senn):
    arms = network_meta_analysis(read_network(DATA / "senn2013.csv"), reference="placebo")
    assert arms.tau2 == pytest.approx(senn.tau2, abs=2e-5)
    assert arms.q.q == pytest.approx(senn.q.q, abs=0.005)
    for name in SENN_COMMON:
        one, two = (comparison(result, name, "placebo").network for result in (arms, senn))
        assert one.effect == pytest.approx(two.effect, abs=1e-4)


@pytest.fixture(scope="module")
def smoking():
    return network_meta_analysis(
        read_network(DATA / "smoking_higgins.csv"), method="REML", reference="A", small_values="undesirable"
    )


def test_smoking_consistency_model_by_reml(smoking):
    """White et al. 2012; standard errors there are those of the observed information."""
    printed = {"B": (0.398, 0.331), "C": (0.702, 0.199), "D": (0.866, 0.376)}
    for name, (effect, se) in printed.items():
        found = comparison(smoking, name, "A").network
        at = smoking.network.treatments.index(name)
        assert found.effect == pytest.approx(effect, abs=5e-4)
        assert smoking.random.observed[at, at] ** 0.5 == pytest.approx(se, abs=5e-4)
    assert smoking.tau2**0.5 == pytest.approx(0.67, abs=0.005)


def test_smoking_design_by_treatment_interaction(smoking):
    found = smoking.decomposition.interaction
    assert (found.df, found.q) == (7, pytest.approx(5.11, abs=0.005))
    assert found.p_value == pytest.approx(0.65, abs=0.005)


PARKINSON_COMMON = {
    "2": (-1.81, 0.33, -2.46, -1.16), "3": (-0.47, 0.49, -1.43, 0.49), "4": (-0.52, 0.48, -1.46, 0.43),
    "5": (-0.82, 0.52, -1.84, 0.22),
}  # fmt: skip
PARKINSON_RANDOM = {
    "2": (-1.85, 0.54, -1.84, -2.91, -0.85), "3": (-0.50, 0.66, -0.50, -1.78, 0.75),
    "4": (-0.53, 0.65, -0.53, -1.77, 0.71), "5": (-0.83, 0.80, -0.83, -2.35, 0.69),
}  # fmt: skip
MONTE_CARLO = 0.02
"""TSD 2 prints Markov chains: their last digit moves by one or two."""


@pytest.mark.parametrize("table", ["parkinson_arms.csv", "parkinson_differences.csv"])
def test_parkinson_common_effect(table):
    result = network_meta_analysis(read_network(DATA / table, measure="MD"), reference="1", method="common")
    for name, (mean, sd, low, high) in PARKINSON_COMMON.items():
        found = comparison(result, name, "1").network
        assert (found.effect, *interval(found, 0.95)) == pytest.approx((mean, low, high), abs=MONTE_CARLO + 0.005)
        assert found.se == pytest.approx(sd, abs=0.005)


@pytest.mark.parametrize("table", ["parkinson_arms.csv", "parkinson_differences.csv"])
def test_parkinson_posterior_of_the_random_effects_model(table):
    network = read_network(DATA / table, measure="MD")
    check = bayes_check(network, reference="1", prior=read_prior("uniform:5", network))
    for found in check.effects:
        mean, sd, median, low, high = PARKINSON_RANDOM[found.name]
        assert (found.mean, found.sd) == pytest.approx((mean, sd), abs=0.006)
        assert (found.median, found.low, found.high) == pytest.approx((median, low, high), abs=MONTE_CARLO)
    tau = check.tau
    assert (tau.mean, tau.sd, tau.median, tau.low, tau.high) == pytest.approx((0.40, 0.43, 0.28, 0.01, 1.55), abs=0.005)


def test_parkinson_arms_and_differences_are_the_same_trials():
    one, two = (
        network_meta_analysis(read_network(DATA / table, measure="MD"), reference="1")
        for table in ("parkinson_arms.csv", "parkinson_differences.csv")
    )
    for name in PARKINSON_COMMON:
        a, b = (comparison(result, name, "1").network for result in (one, two))
        assert (a.effect, a.se) == pytest.approx((b.effect, b.se), abs=6e-4)


def test_a_network_with_a_multi_arm_study_that_does_not_close():
    """Cognitive remediation by netmeta (DL): the three contrasts of one study miss each other by 0.013."""
    result = network_meta_analysis(read_network(DATA / "remediation.csv", measure="SMD"), reference="ACC")
    assert (result.tau2, result.tau2**0.5) == pytest.approx((0.0377, 0.1942), abs=5e-5)
    assert (100 * result.i2, *(100 * bound for bound in result.i2_interval)) == pytest.approx(
        (28.0, 0.0, 62.7), abs=0.05
    )
    found = result.decomposition
    assert (found.total.q, found.within.q) == pytest.approx((16.66, 15.97), abs=0.01)
    assert (found.total.df, found.within.df, found.between.df) == (12, 9, 3)
    printed = {
        ("CRT", "ACC"): (4, 0.86, 0.5543, 0.6039, 0.2584, 0.3455, 0.74, 0.4604),
        ("DCRT", "ACC"): (9, 0.93, 0.4733, 0.4459, 0.8279, -0.3821, -0.81, 0.4195),
        ("CRT", "DCRT"): (2, 0.29, 0.0810, -0.1613, 0.1787, -0.3400, -0.81, 0.4195),
    }
    for pair, (studies, share, network, direct, indirect, difference, z, p) in printed.items():
        split = comparison(result, *pair)
        assert (split.studies, round(split.direct_proportion, 2)) == (studies, share)
        assert split.network.effect == pytest.approx(network, abs=6e-5)
        assert (split.direct.effect, split.indirect.effect) == pytest.approx((direct, indirect), abs=1.5e-4)
        assert split.difference.effect == pytest.approx(difference, abs=1.5e-4)
        assert split.z == pytest.approx(z, abs=0.005)
        assert split.p_value == pytest.approx(p, abs=2e-4)
    assert interval(comparison(result, "CRT", "ACC").network, 0.95) == pytest.approx((0.2328, 0.8759), abs=1e-4)
    assert interval(comparison(result, "DCRT", "ACC").network, 0.95) == pytest.approx((0.2338, 0.7128), abs=1e-4)


TRIANGLE = {
    "common": {"DrugB": (0.7885, 0.6627, 0.9382, -2.68, 0.0074), "DrugC": (0.7735, 0.6360, 0.9408, -2.57, 0.0102)},
    "random": {"DrugB": (0.7810, 0.6267, 0.9734, -2.20, 0.0278), "DrugC": (0.7751, 0.6120, 0.9817, -2.11, 0.0346)},
}


def test_three_drugs_and_three_trials():
    """A worked example with netmeta 2.9-0."""
    found = network_meta_analysis(read_network(DATA / "triangle.csv", measure="RR"), reference="DrugA").as_json()
    assert (found["tau2"], found["tau"], found["i2_percent"] / 100) == pytest.approx((0.0068, 0.0826, 0.304), abs=5e-4)
    assert found["tau2"] == pytest.approx(0.0068, abs=5e-5)
    assert (found["q"], found["q_df"], found["q_p_value"]) == (
        pytest.approx(1.44, abs=5e-3),
        1,
        pytest.approx(0.2308, abs=5e-5),
    )
    for model, rows in TRIANGLE.items():
        for row in found[model]["against_reference"]:
            ratio, low, high, z, p = rows[row["treatment"]]
            assert (row["ratio"], row["ratio_low"], row["ratio_high"]) == pytest.approx((ratio, low, high), abs=6e-5)
            assert row["z"] == pytest.approx(z, abs=0.005)
            assert row["p_value"] == pytest.approx(p, abs=5e-5)


METAFOR = {
    ("senn2013.csv", "placebo"): (
        0.0999145,
        {
            "acarbose": (-0.841364, 0.238426), "benfluorex": (-0.736900, 0.277600), "metformin": (-1.128404, 0.149402),
            "miglitol": (-0.949885, 0.225253), "pioglitazone": (-1.129405, 0.211917),
            "rosiglitazone": (-1.233739, 0.123457), "sitagliptin": (-0.570000, 0.341447),
            "sulfonylurea": (-0.417528, 0.232610), "vildagliptin": (-0.700000, 0.340755),
        },
    ),
    ("dogliotti2014.csv", "VKAs"): (
        0.0226338,
        {
            "Apixaban": (-0.216764, 0.147048), "Aspirin": (0.611537, 0.108029),
            "Aspirin+Clopidogtrel": (0.367264, 0.151928), "Dabigatran 110mg": (-0.079891, 0.185012),
            "Dabigatran 150mg": (-0.436181, 0.191246), "Placebo/Control": (0.885874, 0.143087),
            "Rivaroxaban": (-0.250455, 0.180030),
        },
    ),
    ("baker2009.csv", "Placebo"): (
        0.0044126,
        {
            "Budesonide": (-0.207423, 0.149166), "Budesonide+Formoterol": (-0.406944, 0.143666),
            "Fluticasone": (-0.146961, 0.062299), "Fluticasone+Salmeterol": (-0.282662, 0.058982),
            "Formoterol": (-0.002187, 0.108316), "Salmeterol": (-0.205352, 0.048421),
            "Tiotropium": (-0.365000, 0.052283),
        },
    ),
    ("stowe2010.csv", "Placebo"): (
        0.1290449,
        {
            "COMTI": (-0.938373, 0.156775), "Dopamine Agonist": (-1.497196, 0.183949),
            "MAOBI": (-1.025498, 0.257063),
        },
    ),
    ("linde2016.csv", "Placebo"): (
        0.0182739,
        {
            "Face-to-face CBT": (0.720963, 0.252053), "Face-to-face CBT + SSRI": (3.429462, 0.935406),
            "Face-to-face interpsy": (0.104939, 0.193096), "Face-to-face interpsy + SSRI": (0.562781, 0.229305),
            "Face-to-face PST": (0.328633, 0.186123), "Face-to-face PST + SSRI": (0.433867, 0.431278),
            "Face-to-face psychodyn": (0.433729, 0.600913), "Hypericum": (0.695534, 0.107753),
            "Ind drug": (0.935156, 0.500044), "Low-dose SARI": (0.608190, 0.196565), "NaSSa": (0.197224, 0.158439),
            "No contact CBT": (0.570007, 0.284002), "NRI": (0.370127, 0.231312),
            "Other face-to-face": (0.651276, 0.249232), "Remote CBT": (0.760788, 0.258950),
            "rMAO-A": (0.073322, 0.201101), "Self-help CBT": (0.664471, 0.274993), "SNRI": (0.655768, 0.131301),
            "SSRI": (0.539090, 0.081925), "TCA": (0.557442, 0.087411), "UC": (0.148710, 0.212985),
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize(("table", "reference"), METAFOR)
def test_reml_is_that_of_metafor(table, reference):
    """Run with metafor 3.8-1, an arm-based model with study effects or one of contrasts; how: data/README.md."""
    tau2, effects = METAFOR[table, reference]
    result = network_meta_analysis(read_network(DATA / table), method="REML", reference=reference, draws=100)
    assert result.tau2 == pytest.approx(tau2, abs=2e-7)
    for name, expected in effects.items():
        found = comparison(result, name, reference).network
        assert (found.effect, found.se) == pytest.approx(expected, abs=2e-6)


METAFOR_Q = {"baker2009.csv": (60.859613, 46), "stowe2010.csv": (48.152604, 27), "linde2016.csv": (102.447522, 87)}


@pytest.mark.parametrize("table", METAFOR_Q)
def test_total_q_is_that_of_metafor(table):
    """Linde 2016 gives contrasts of 6 digits, which in trials of three arms do not close to the last."""
    result = network_meta_analysis(read_network(DATA / table), method="common", draws=100)
    q, df = METAFOR_Q[table]
    assert (result.q.q, result.q.df) == (pytest.approx(q, abs=6e-6), df)


def test_dietary_fat_with_two_arms_of_one_diet():
    """TSD 2, program 3: rates. By metafor's IRR (EE) of the merged arms; GeMTC's Poisson likelihood says -0.0084."""
    network = read_network(DATA / "dietary_fat.csv", measure="IRR")
    assert network.notes == ("arms of one treatment merged in: London Corn/Olive",)
    result = network_meta_analysis(network, reference="1", method="common", draws=100)
    found = comparison(result, "2", "1").network
    assert (found.effect, found.se) == pytest.approx((-0.009710, 0.053869), abs=6e-7)
    assert (found.effect, found.se) == pytest.approx((-0.0084, 0.0537), abs=0.0015)
