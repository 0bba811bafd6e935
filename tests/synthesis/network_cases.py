"""Networks made in code, for the tests of network meta-analysis."""

import csv
from itertools import combinations
from pathlib import Path

import numpy as np

from assuage.synthesis.network_model import Network, NetworkStudy

DATA = Path(__file__).parent / "data"


def study_of_arms(name, arms):
    """`arms`: (treatment, value, variance) each."""
    pairs = list(combinations(arms, 2))
    return NetworkStudy(
        name=name,
        treatments=tuple(a[0] for a in arms),
        effects=np.array([a[1] - b[1] for a, b in pairs]),
        variances=np.array([a[2] + b[2] for a, b in pairs]),
    )


def network_of(studies, measure="MD"):
    made = tuple(study_of_arms(f"s{i}", arms) for i, arms in enumerate(studies))
    return Network(studies=made, treatments=tuple(sorted({t for s in made for t in s.treatments})), measure=measure)


def random_studies(seed, *, treatments="ABCDE", count=20, tau=0.3, truth=None, spread=(0.02, 0.3)):
    """Arms of `count` studies with 2 to 4 treatments; consecutive pairs come first, so that all are connected."""
    rng = np.random.default_rng(seed)
    truth = dict(zip(treatments, rng.normal(0, 1, len(treatments)), strict=True)) if truth is None else truth
    studies = []
    for i in range(count):
        k = int(rng.integers(2, 5))
        chosen = list(rng.choice(list(treatments), k, replace=False))
        if i < len(treatments) - 1:
            chosen = [treatments[i], treatments[i + 1]]
        base = rng.normal()
        arms = []
        for name in chosen:
            variance = rng.uniform(*spread)
            value = base + truth[name] + rng.normal(0, tau / np.sqrt(2)) + rng.normal(0, np.sqrt(variance))
            arms.append((str(name), float(value), float(variance)))
        studies.append(arms)
    return studies, truth


def write_table(path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
    return path
