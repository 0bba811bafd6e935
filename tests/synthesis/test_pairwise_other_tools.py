"""Results of metafor 4.6.0 and clubSandwich 0.5.11 to all digits, as pinned in the tests of PyMARE (MIT licence).

What does not agree, and why: metafor's REML and ML stop at a change of 1e-5 in tau², so those are held to 1e-4 only.
Where the likelihood has two maxima (design `unequal_k5`) metafor may end in the lower one, assuage takes the higher.
"""

from pathlib import Path

import numpy as np
import pytest

from assuage.synthesis.measures import MEASURES, exact_j
from assuage.synthesis.multilevel import fit_multilevel
from assuage.synthesis.pooling import pool
from assuage.synthesis.reading import read_studies
from assuage.synthesis.robust import robust_coefficients

DATA = Path(__file__).parent / "data"
NO_BOUND = (None, None)

# design, model, method, test, tau2, beta, se, p, (Q, p of Q), (I2, H2), bounds of tau2
METAFOR = [
    ("equal_k5", 1, "EE", "z", 0, [0.59124886747859351], [0.44265664589063253], [0.18165297415447376],
     (8.3983359150613381, 0.078029419298244626), (52.371516923650162, 2.0995839787653345), NO_BOUND),
    ("moderate_k20", 2, "EE", "z", 0, [0.71424045557617288, 0.65515464754474295],
     [0.14084471234529214, 0.16917980716735645], [3.9548102645066542e-07, 0.00010770940386508056],
     (12.446943265071944, 0.82332537450409671), (0, 0.69149684805955247), NO_BOUND),
    ("extreme_k10", 3, "EE", "z", 0, [0.3395171513210764, 0.65156082084807287, -0.12127406276771752],
     [0.034367023554020541, 0.028759448117667584, 0.099180863165782257],
     [5.1263369109800952e-23, 1.2302772325697296e-113, 0.22142161260838308],
     (14.400976720554908, 0.044492241224326719), (51.39218585077839, 2.0572823886507012), NO_BOUND),
    ("equal_k5", 1, "DL", "z", 1.08260596526162, [0.60497665381666177], [0.64379518699524474], [0.34736961888930795],
     (8.3983359150613381, 0.078029419298244626), (52.371516923650162, 2.0995839787653345), (0, 15.562063970721971)),
    ("unequal_k5", 1, "DL", "z", 0.28382585271252081, [-0.25834451420148669], [0.31823753095856316],
     [0.41690768865610461], (20.315605412654854, 0.00043261444283937314), (80.310702444002246, 5.0789013531637144),
     (0.37437910706976263, 62.648818709153389)),
    ("extreme_k10", 1, "DL", "z", 1.0914460604195859, [0.69453702188798982], [0.39079170141387481],
     [0.075526076516440638],
     (528.36542813689618, 4.8272097789668306e-108), (98.296633443309219, 58.707269792988463),
     (0.27621241313967376, 4.0683787385044337)),
    ("unequal_k5", 2, "DL", "z", 0.44482420458951955, [-0.090448214875049893, -1.923038837106835],
     [0.38939265054554356, 0.94903884952366124], [0.81632036583877809, 0.042733898429604678],
     (19.451611261114039, 0.00022048004795655233), (84.577113125855362, 6.4838704203713462),
     (0.19746423631486623, 45.327128288195816)),
    ("unequal_k5", 3, "DL", "z", 0.4717863239469125, [-0.076102991931022809, -3.0910321898139173, -2.5252015607289384],
     [0.39901562395069623, 1.0841059140587559, 1.113853893987879],
     [0.8487396037783228, 0.0043550848712978641, 0.023385027934051256],
     (5.3133148940953756, 0.070182418569350757), (62.358715042043215, 2.6566574470476878), (0, 17.40992233276512)),
    ("unequal_k5", 1, "HE", "z", 6.3777689219320006, [0.2891516435177009], [1.2258875926340904], [0.81353257507132448],
     (20.315605412654854, 0.00043261444283937314), (98.920736940938127, 92.655816541078309),
     (0.37437910706976263, 62.648818709153389)),
    ("extreme_k10", 3, "DL", "hk", 0.041031566660919866,
     [0.26915780054154353, 0.67216962808157354, -0.13691153321000071],
     [0.10495311877063326, 0.07318943465541386, 0.17877666396770878],
     [0.037303050571847352, 3.7389626388063899e-05, 0.46881200134135581],
     (14.400976720554908, 0.044492241224326719), (51.392185850778375, 2.0572823886507012), (0, 1.4208174995455576)),
    ("moderate_k20", 1, "HE", "hk", 0, [0.79061708473324921], [0.16760345027733919], [0.00014999107399305813],
     (27.443467066041269, 0.094740008781753912), (0, 1), (0, 0.94040725109002843)),
    ("unequal_k5", 2, "HE", "hk", 1.9505050157064572, [-0.023749990802700443, -2.898365534025575],
     [0.715112500765263, 1.4095362782835925], [0.97559200316963002, 0.13196919006268668],
     (19.451611261114039, 0.00022048004795655233), (96.007372979243186, 25.046166215907853),
     (0.19746423631486623, 45.327128288195816)),
    ("moderate_k20", 1, "ML", "hk", 0.19754570451620143, [0.78846476985175962], [0.18461153508277089],
     [0.00041283004861265735], (27.443467066041269, 0.094740008781753912), (32.264202007657786, 1.4763242327388744),
     (0, 0.94040725109002843)),
    ("equal_k5", 1, "REML", "hk", 1.0830683217408152, [0.60497869770208224], [0.63782041947034707],
     [0.39657996644396559], (8.3983359150613381, 0.078029419298244626), (52.382167455829745, None),
     (0, 15.562063970721971)),
]  # fmt: skip


@pytest.mark.parametrize("case", METAFOR, ids=lambda c: "-".join(str(x) for x in c[:4]))
def test_metafor(case):
    design, columns, method, test, tau2, beta, se, p, (q, q_p), (i2, h2), (low, high) = case
    table = read_studies(DATA / "small_sample.csv")
    mine = np.array([name == design for name in table.text("case")])
    y, v = table.numbers("yi")[mine], table.numbers("vi")[mine]
    x = np.column_stack([np.ones(y.size), table.numbers_in("mod1")[mine], table.numbers_in("mod2")[mine]])[:, :columns]
    fit = pool(y, v, x, names=("b", "m1", "m2")[:columns], method=method, test=test)
    loose = 1e-4 if method in {"ML", "REML"} else 1e-9
    h = fit.heterogeneity
    assert fit.tau2 == pytest.approx(tau2, rel=loose, abs=1e-12)
    assert fit.coefficients.estimate == pytest.approx(beta, rel=loose)
    assert fit.coefficients.se == pytest.approx(se, rel=loose)
    assert fit.coefficients.p_value == pytest.approx(p, rel=max(loose, 1e-8))
    assert (h.q.statistic, h.q.p_value) == pytest.approx((q, q_p), rel=1e-8)
    assert h.i2_percent == pytest.approx(i2, rel=loose, abs=1e-9)
    if h2 is not None:
        assert h.h2 == pytest.approx(h2, rel=loose)
    if high is not None:
        assert h.tau2_ci == pytest.approx((low, high), rel=1e-8, abs=1e-9)


# case: m sd n r m1 m2 sd1 sd2 n1 n2; (y, v) of MN COR ZCOR SMCC MD SMD; J of one and two samples
ESCALC = {
    (0.8, 1.0, 10, 0.5, 0.8, 0.2, 1.0, 1.0, 10, 10): (
        (0.8, 0.1), (0.5, 0.0625), (0.54930614433405478, 0.14285714285714285),
        (0.73109991343404213, 0.12672535417116321), (0.6, 0.2), (0.57458785621423214, 0.20825378011272169),
        0.91387489179255255, 0.95764642702372005),
    (2.0, 0.9, 12, -0.4, 2.0, 1.4, 0.9, 1.3, 12, 90): (
        (2, 0.0675), (-0.4, 0.064145454545454533), (-0.42364893019360184, 0.1111111111111111),
        (2.0665773555017304, 0.26128091526135522), (0.6, 0.086277777777777787),
        (0.47177727137710784, 0.095535492453209289),
        0.92995980997577854, 0.99247805498141328),
    (1.0, 0.7, 5, 0.95, 1.0, 0.1, 0.7, 1.5, 5, 400): (
        (1, 0.098), (0.95, 0.0023765625000000015), (1.8317808230648227, 0.5), (1.1398350868612361, 0.32992240252399618),
        (0.9, 0.103625), (0.60122105154316374, 0.20294625525039342), 0.79788456080286529, 0.99813760983513533),
    (1.0, 1.0, 5, -0.6, 1.0, 0.0, 1.0, 1.0, 5, 5): (
        (1, 0.2), (-0.6, 0.1024), (-0.69314718055994529, 0.5), (0.79788456080286529, 0.2636619772367581), (1, 0.4),
        (0.90270333367640987, 0.44074366543152521), 0.79788456080286529, 0.90270333367640987),
}  # fmt: skip


@pytest.mark.parametrize("given", list(ESCALC))
def test_effect_sizes_of_metafor(given):
    m, sd, n, r, m1, m2, sd1, sd2, n1, n2 = (np.array([float(x)]) for x in given)
    zero = np.zeros(1)
    tables = {
        "MN": {"m": m, "sd": sd, "n": n}, "COR": {"r": r, "n": n}, "ZCOR": {"r": r, "n": n},
        "SMCC": {"m1": m, "sd1": sd, "m2": zero, "sd2": zero, "r": zero, "n": n},
        "MD": {"m1": m1, "sd1": sd1, "n1": n1, "m2": m2, "sd2": sd2, "n2": n2},
        "SMD": {"m1": m1, "sd1": sd1, "n1": n1, "m2": m2, "sd2": sd2, "n2": n2},
    }  # fmt: skip
    for (name, table), printed in zip(tables.items(), ESCALC[given], strict=False):
        y, v = MEASURES[name].compute(table)
        assert (y[0], v[0]) == pytest.approx(printed, rel=1e-12), name
    assert float(exact_j(n - 1)[0]) == pytest.approx(ESCALC[given][6], rel=1e-12)
    assert float(exact_j(n1 + n2 - 2)[0]) == pytest.approx(ESCALC[given][7], rel=1e-12)


def test_other_effect_sizes_of_metafor():
    """metafor, tests/testthat/test_misc_escalc.r."""
    one = {name: np.array([value]) for name, value in {"x": 10.0, "n": 20.0, "t": 20.0}.items()}
    y, v = MEASURES["PAS"].compute(one)
    assert (y[0], v[0]) == pytest.approx((0.7854, 0.0125), abs=5.1e-5)
    paired = {"m1": 26.0, "m2": 22.0, "sd1": 30**0.5, "sd2": 20**0.5, "n": 60.0, "r": 0.7}
    y, v = MEASURES["MC"].compute({name: np.array([value]) for name, value in paired.items()})
    assert (y[0], v[0]) == pytest.approx((4.0, 0.2618), abs=5.1e-5)
    table = {name: np.array([value]) for name, value in {"a": 135.0, "b": 15.0, "c": 40.0, "d": 10.0}.items()}
    y, v = MEASURES["OR2D"].compute(table)
    assert (y[0], v[0] ** 0.5) == pytest.approx((0.4471, 0.2460), abs=5.1e-5)


def test_raw_score_change_of_metafor():
    """Becker's five studies (Morris 2008) in metafor, tests/testthat/test_misc_rma_uni.r: tau² of SMCR 0.3164."""
    given = {
        "m1": [38.5, 26.8, 0.7, 75.9, 36.0], "m2": [30.6, 23.5, 0.5, 53.4, 35.6], "sd1": [15.0, 3.1, 0.1, 14.5, 4.7],
        "n": [20, 50, 9, 10, 14], "r": [0.47, 0.64, 0.77, 0.89, 0.44],
    }  # fmt: skip
    y, v = MEASURES["SMCR"].compute({name: np.array(values, float) for name, values in given.items()})
    assert pool(y, v).tau2 == pytest.approx(0.3164, abs=5.1e-5)


# variances, moderators, method, se, degrees of freedom, p
CLUBSANDWICH = [
    ("var_constant_within_study", [], "EE", [0.259239381734923], [6.2235205324956793], [0.081805688003590601]),
    ("var_within_study", [], "EE", [0.25749684226447872], [6.1344887032545525], [0.10419385814171717]),
    ("var_within_study", ["within"], "EE", [0.25546141053709426, 0.12720698858577267],
     [6.287472801335956, 4.4898764740051895], [0.035479915373499184, 0.0084845254718426601]),
    ("var_constant_within_study", ["within", "between"], "EE",
     [0.33492272967249914, 0.1665475485776011, 0.28829709120047597],
     [2.8405811635263905, 4.1822109634869236, 2.0287125209396089],
     [0.64488710819193007, 0.033569344809408395, 0.10178828600597814]),
    ("var_within_study", ["within", "between"], "DL",
     [0.31813938703017364, 0.15692193533725682, 0.3101374172023138],
     [2.611154172132041, 4.2207352680476076, 2.0555366368637942],
     [0.75303322820044449, 0.023971531916840962, 0.12052945604062308]),
]  # fmt: skip


@pytest.mark.parametrize("case", CLUBSANDWICH, ids=lambda c: f"{c[0]}-{len(c[1])}-{c[2]}")
def test_clubsandwich(case):
    column, moderators, method, se, df, p = case
    table = read_studies(DATA / "clustered.csv", given={"yi": "effect"})
    y, v = table.numbers("yi"), table.numbers_in(column)
    x = np.column_stack([np.ones(y.size)] + [table.numbers_in(name) for name in moderators])
    names = ("intercept", *moderators)
    fit = pool(y, v, x, names=names, method=method)
    studies = np.array(table.text("study"))
    blocks = [np.flatnonzero(studies == study) for study in dict.fromkeys(studies)]
    sigma = [np.diag(v[rows] + fit.tau2) for rows in blocks]
    got = robust_coefficients(y, x, fit.coefficients.estimate, fit.model_covariance, blocks, sigma, names=names)
    assert got.se == pytest.approx(se, rel=1e-9)
    assert got.df_each == pytest.approx(df, rel=1e-8)
    assert got.p_value == pytest.approx(p, rel=1e-8)


def test_robust_errors_under_a_multilevel_model_are_those_of_its_blocks():
    table = read_studies(DATA / "clustered.csv", given={"yi": "effect"})
    y, v = table.numbers("yi"), table.numbers_in("var_within_study")
    labels = [str(text) for text in table.text("study")]
    fit = fit_multilevel(y, v, [("study", labels)])
    got = robust_coefficients(
        fit.y, fit.x, fit.coefficients.estimate, fit.M, fit.blocks, fit.sigma, names=("b",), kind="CR1"
    )
    scores = [
        fit.M @ fit.x[rows].T @ np.linalg.inv(s) @ (fit.y - fit.x @ fit.coefficients.estimate)[rows]
        for rows, s in zip(fit.blocks, fit.sigma, strict=True)
    ]
    assert got.se[0] ** 2 == pytest.approx(10 / 9 * sum(float(score[0]) ** 2 for score in scores))
