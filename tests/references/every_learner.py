"""Every learner of the catalogue, in each of the ways in which it can be varied, and what it learns from."""

import numpy as np
from plain_team import made_up_episodes, ragged
from teams import minibatch_of, trained

from dvdn_sim.consensus import POLICIES, WEIGHTS, Facts, lossless_facts
from dvdn_sim.scenario import ALGORITHMS, Dvdn, DvdnGt, NetworkedQ, ParameterExchange, Sharing, Tracking
from netmodels.topology import Complete

AVAILABLE = np.array([[1, 1, 1], [1, 1, 0], [1, 1, 1]], bool)
SEEDS, BATCH, STEPS, UPDATES, OBS_DIM = (5, 6, 7), 3, 8, 5, 3
LONGEST = (4, 8, 6)  # of each replica's minibatches
SELF = POLICIES["self"](WEIGHTS["metropolis"])
SOFT = {"target_tau": 0.2}

VARIATIONS = {
    # of the algorithms of a class: (what the algorithm says, what the training says)
    object: [({}, {}), ({"recurrent": False}, SOFT)],
    Sharing: [({"share_parameters": True}, {}), ({"share_parameters": True, "agent_ids": False, "clip": None}, SOFT)],
    Dvdn: [({"self_estimate": "count_aware", "reward_model": "individual", "bootstrap_on_timeout": True}, {})],
    DvdnGt: [
        ({"tracking": Tracking(form="adapt_then_combine", every=2)}, {}),
        ({"tracking": Tracking(form="running_sum", blocks=3)}, SOFT),
    ],
    NetworkedQ: [({"averaging": ParameterExchange(every=2, blocks=2), "reward_model": "individual"}, {})],
}


def said(changes):
    return " ".join(str(value) for value in changes.values())


CASES = {
    f"{kind} {said(algorithm)}{' soft' * bool(training)}": (
        made(**{"hidden": 5, "lr": 1e-3, "clip": 0.5} | algorithm),
        {"target_update": 2} | training,
    )
    for kind, made in ALGORITHMS.items()
    for varied, ways in VARIATIONS.items()
    if issubclass(made, varied)
    for algorithm, training in ways
}


def learner_of(name, seeds, available=AVAILABLE, **options):
    spec, training = CASES[name]
    return trained(
        spec, seeds=seeds, available=available, obs_dim=OBS_DIM, steps=STEPS, batch=BATCH, **training, **options
    )


def drawn_facts(rng, n_agents=3, unheard=None):
    """One round on the complete graph, in which about a third of the messages is lost."""
    whole = lossless_facts([Complete().graph(n_agents, seed=0)])
    held = (rng.random(whole.active.shape) < 0.7) & (whole.edges[:, 0] != unheard)
    return Facts(n_agents, whole.edges, whole.active, np.where(held, 0, -1))


def experience(seed, updates=UPDATES, available=AVAILABLE, longest=STEPS, **facts):
    """Of each update, a minibatch and who heard whom."""
    rng, n_agents = np.random.default_rng(seed), len(available)
    sizes = {"n_agents": n_agents, "obs_dim": OBS_DIM, "available": available, "timed_out": 0.5}
    return [
        (made_up_episodes(rng, ragged(rng, BATCH, longest), **sizes), drawn_facts(rng, n_agents, **facts))
        for _ in range(updates)
    ]


def learn(made, experiences, active=None):
    """One update; experiences holds (minibatch, facts) of each replica."""
    minibatches, facts = zip(*experiences, strict=True)
    operators = np.stack([SELF.operator(each)[-1] for each in facts])
    _, figures = made.learn(minibatch_of(list(minibatches)), operators, facts, active)
    return figures


def everything(made):
    """All that an update may change, by name; the replica is the first axis."""
    kept = dict(made.learner.state)
    for name in kept.keys() & {"parameters", "mixing"}:
        kept[name], kept[f"target {name}"] = kept[name]
    return kept


def three_replicas():
    return [experience(seed, longest=longest) for seed, longest in zip(SEEDS, LONGEST, strict=True)]
