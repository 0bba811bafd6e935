"""The Bayesian check for counts with their own likelihood: events are binomial, not normal log odds ratios.

    r_ik ~ Binomial(n_ik, p_ik),   logit p_ik = mu_i + d_t(ik) + tau / sqrt(2) e_ik,   e_ik ~ N(0, 1)

Two arms of a study then differ by d_a - d_b with variance tau^2, and two such contrasts share half of it, as in the
normal model. Zero cells need no correction. Priors: mu_i, d ~ N(0, 100^2), tau as in `network_bayes`. NUTS of NumPyro
draws from it, the only part of the stage that needs the extra `bayes`; chains that have not mixed (split R-hat above
1.05) are refused.

Sources: Lu & Ades 2004, 10.1002/sim.1875; Dias et al. 2013, 10.1177/0272989X12458724 (TSD 2, program 1). NumPyro: Phan,
Pradhan & Jankowiak 2019, arXiv:1912.11554.
"""

import importlib
import math
from typing import Any

import numpy as np

from assuage.errors import DataError
from assuage.synthesis.network_bayes import BayesCheck, Posterior, Prior
from assuage.synthesis.network_model import Network

WORST_RHAT = 1.05
"""Gelman et al. 2013 ask for 1.1, Vehtari et al. 2021 (10.1214/20-BA1221) for 1.01; the check prints two digits."""


def binomial_check(
    network: Network,
    *,
    reference: str,
    prior: Prior,
    level: float = 0.95,
    seed: int = 0,
    draws: int = 4000,
    chains: int = 2,
) -> BayesCheck:
    """Return posterior summaries of the binomial model, effects as log odds ratios against `reference`.

    Raises
    ------
    DataError
        NumPyro is not installed, these are not counts compared by odds ratios, or the chains have not mixed.
    """
    if network.measure != "OR" or any(not study.events or None in study.events for study in network.studies):
        raise DataError("--bayes binomial needs arms with events and n and --measure OR; write --bayes normal")
    try:
        jax, numpyro = importlib.import_module("jax"), importlib.import_module("numpyro")
    except ImportError:
        raise DataError(
            "--bayes binomial needs NumPyro, which is not installed; pip install 'assuage[bayes]', or write "
            "--bayes normal"
        ) from None
    dist, infer = importlib.import_module("numpyro.distributions"), importlib.import_module("numpyro.infer")
    names = [name for name in network.treatments if name != reference]
    place = {reference: 0, **{name: i for i, name in enumerate(names, 1)}}
    arms = [
        (i, place[name], events, people)
        for i, study in enumerate(network.studies)
        for name, events, people in zip(study.treatments, study.events, study.participants, strict=True)
    ]
    study, treatment, events, people = (np.array(column) for column in zip(*arms, strict=True))

    def model() -> None:
        baseline = numpyro.sample("mu", dist.Normal(0.0, 100.0).expand([len(network.studies)]))
        effect = numpyro.sample("d", dist.Normal(0.0, 100.0).expand([len(names)]))
        shape = dist.Uniform(0.0, prior.scale) if prior.kind == "uniform" else dist.HalfNormal(prior.scale)
        tau = numpyro.sample("tau", shape)
        noise = numpyro.sample("e", dist.Normal(0.0, 1.0).expand([len(arms)]))
        shift = jax.numpy.concatenate([jax.numpy.zeros(1), effect])[treatment]
        logit = baseline[study] + shift + tau / math.sqrt(2) * noise
        numpyro.sample("r", dist.Binomial(people.astype(int), logits=logit), obs=events.astype(int))

    kernel = infer.NUTS(
        model, target_accept_prob=0.95, init_strategy=infer.init_to_value(values=_start(arms, len(names)))
    )
    sampler = infer.MCMC(
        kernel, num_warmup=draws // 2, num_samples=draws // chains, num_chains=chains, chain_method="sequential",
        progress_bar=False,
    )  # fmt: skip
    sampler.run(jax.random.PRNGKey(seed))
    kept = sampler.get_samples(group_by_chain=True)
    rhat = importlib.import_module("numpyro.diagnostics").split_gelman_rubin
    worst = max(float(np.max(rhat(np.asarray(kept[name])))) for name in ("d", "tau"))
    if not worst <= WORST_RHAT:
        raise DataError(
            f"the chains of --bayes binomial have not mixed (R-hat {worst:.2f}); give a tighter --bayes-prior or write "
            "--bayes normal"
        )
    effect = np.asarray(kept["d"]).reshape(-1, len(names))
    return BayesCheck(
        prior=prior, tau=_summary("tau", np.asarray(kept["tau"]).ravel(), level),
        effects=tuple(_summary(name, effect[:, i], level) for i, name in enumerate(names)),
    )  # fmt: skip


def _start(arms: list[tuple[int, int, float | None, float | None]], effects: int) -> dict[str, Any]:
    """Start where every study has its own pooled log odds and no treatment differs."""
    totals = np.zeros((max(arm[0] for arm in arms) + 1, 2))
    for study, _, events, people in arms:
        totals[study] += (events or 0.0, people or 0.0)
    odds = (totals[:, 0] + 0.5) / (totals[:, 1] - totals[:, 0] + 0.5)
    return {"mu": np.log(odds), "d": np.zeros(effects), "tau": 0.3, "e": np.zeros(len(arms))}


def _summary(name: str, draws: Any, level: float) -> Posterior:
    low, middle, high = (float(q) for q in np.quantile(draws, [(1 - level) / 2, 0.5, (1 + level) / 2]))
    return Posterior(
        name=name, mean=float(draws.mean()), sd=float(draws.std(ddof=1)), low=low, median=middle, high=high
    )
