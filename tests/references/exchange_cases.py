"""Scenes in which `consensus` must measure what `predict` says, for every policy that each allows."""

import sys
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from unittest.mock import patch

import numpy as np

from dvdn_sim.consensus import POLICIES
from dvdn_sim.network import Setting, exchanges, measure, predict
from dvdn_sim.scenario import load_scenario

LOSSY = Path(__file__).parents[2] / "scenarios" / "lossy_lbf.yaml"

# Constant delays, starts and a transmitter per link: nothing is late, so that closed forms apply.
CALM = ("network.link.delay=5 ms", "network.compute=10 ms", "network.share=link")
# The same with acknowledgements that take as long as messages.
ACKS = (*CALM, "network.link.rate=unlimited", "network.acks=true")


def scene(agents, topology, loss, rounds, *more):
    return [
        f"env.players={agents}", f"network.topology={topology}", f"network.link.loss={loss}",
        f"algorithm.consensus.rounds={rounds}", *more,
    ]  # fmt: skip


COMPLETE, RING, PATH, STAR = "{kind: complete}", "{kind: ring}", "{kind: path}", "{kind: star}"
EPISODE = "{kind: random_connected, edges: 6, resample: episode}"
ROUND = "{kind: random_connected, edges: 3, resample: round}"
REGULAR = "{kind: k_regular, degree: 3}"
MARKOV = "{kind: edge_markov, base: {kind: complete}, up: 3 s, down: 2 s}"
LAZY = "algorithm.consensus.weights=lazy"

SCENES = {
    "complete_1": scene(4, COMPLETE, "20%", 1, *CALM),
    "complete_3": scene(4, COMPLETE, "20%", 3, *CALM),
    "ring_4": scene(5, RING, "10%", 4, *CALM, LAZY),
    "path_2": scene(3, PATH, "30%", 2, *CALM),
    "star_2": scene(6, STAR, "20%", 2, *CALM, "algorithm.consensus.weights=max_degree"),
    "lossless_2": scene(5, EPISODE, "0%", 2, *CALM),
    "episode_3": scene(5, EPISODE, "30%", 3, *CALM),
    "round_2": scene(4, ROUND, "10%", 2, *CALM),
    "markov_2": scene(4, MARKOV, "10%", 2, *CALM),
    "ring_10": scene(5, RING, "10%", 10, *CALM, LAZY),
    "regular_3": scene(6, REGULAR, "15%", 3, *CALM),
    "bursts_1": scene(4, COMPLETE, "{kind: gemodel, p: 3%, r: 25%}", 1, "env.max_episode_steps=50"),
    "bursts_3": scene(4, RING, "{kind: gemodel, p: 5%, r: 40%}", 3),
    "late_2": scene(4, COMPLETE, "5%", 2, "network.deadline=9 ms"),
    "acks_3": scene(4, RING, "10%", 3, *ACKS),
    "acks_5": scene(5, EPISODE, "30%", 2, *ACKS),
    "acks_twice": scene(4, RING, "30%", 1, *ACKS, "network.ack_repeat=2"),
    "retries_1": scene(4, RING, "30%", 1, *CALM, "network.link.retries=1", "network.link.retry_delay=1 ms"),
    "medium_1": scene(3, COMPLETE, "20%", 1, "network.share=medium", "network.broadcast=true", "network.compute=10 ms"),
    "auto_2": scene(3, RING, "15%", 2, "network.deadline=auto"),
    "trace_1": scene(4, COMPLETE, "{kind: trace, values: [0, 0, 0, 0, 1, 1, 1]}", 1, *CALM),
    "trace_3": scene(4, RING, "{kind: trace, values: [1, 1, 1, 0, 0, 0, 0, 0]}", 3, *CALM),
    "trace_step": scene(4, RING, "{kind: trace, values: [0, 0, 0, 1, 0], lockstep: true}", 1, *CALM),
    "trace_given": scene(4, RING, "{kind: trace, values: [0, 0, 0, 1, 0], offset: 2}", 1, *CALM),
    "trace_late": scene(3, COMPLETE, "10%", 2, *CALM, "network.link.delay={kind: trace, values: [1 ms, 2 ms, 90 ms]}"),
    "crash_2": scene(4, COMPLETE, "10%", 2, "network.faults=[{kind: crash, node: 1, at: 1000 s, for: 4000 s}]"),
}  # fmt: skip


@lru_cache(maxsize=64)
def setting_of(name, values=None):
    return Setting.from_scenario(load_scenario(LOSSY, SCENES[name]), values=values)[0]


@lru_cache(maxsize=64)
def measured_in(name, trials, values=None):
    return measure(setting_of(name, values), trials)


@lru_cache(maxsize=256)
def predicted_in(name, policy, values=None):
    setting = setting_of(name, values)
    with patch.object(sys.modules["dvdn_sim.network.trials"], "exchanges", shared_exchanges):
        return predict(replace(setting, sent=replace(setting.sent, policy=policy)))


def shared_exchanges(setting, plan, numbers):
    """Those of a scene, which do not depend on what policies make of them, once for all of its policies."""
    every = exchanged(replace(setting, sent=replace(setting.sent, policy="self"), values=None), plan)
    return [every[number] for number in numbers]


@lru_cache(maxsize=4)
def exchanged(setting, plan):
    return list(exchanges(setting, plan))


def furthest(one, other):
    """How many standard errors two numbers are apart at most; what is exact must be equal."""
    value, error, expected, doubt = map(np.atleast_1d, (one.value, one.error, other.value, other.error))
    off = np.abs(value - expected)
    negligible = 1e-9 * (1.0 + np.abs(expected))
    return float(np.where(off <= negligible, 0.0, off / np.maximum(np.hypot(error, doubt), 1e-300)).max())


def policies_of(name):
    """Those that the scene allows."""
    if "network.acks=true" in SCENES[name]:
        return ["symmetric", "self"]
    simulated = name.startswith(("retries", "medium", "auto", "crash", "trace"))
    allowed = ["self", "running_sum"] if simulated else list(POLICIES)
    return [policy for policy in allowed if policy != "symmetric"]


def worst_policy_figure(name, policy, trials, *values):
    """The figure of a policy that is furthest from its prediction: (name of the figure, standard errors)."""
    # Given values or none at all: for a cache, None is another question.
    measured = measured_in(name, trials, *values).policies[policy]
    predicted = predicted_in(name, policy, *values).figures
    found = {figure: furthest(ours, predicted[figure]) for figure, ours in measured.items()}
    return max(found.items(), key=lambda pair: pair[1])
