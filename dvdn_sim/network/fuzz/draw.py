"""What the fuzzer varies: a variation is a list of changes to a scenario, as ``--set`` takes them."""

from collections.abc import Callable

import numpy as np
import yaml

from netmodels.streams import stream

BASE = """\
name: fuzz
seeds: [0]
env: {kind: lbf, field_size: [12, 12], players: 4, max_num_food: 2, sight: 12, max_episode_steps: 10}
algorithm: {kind: dvdn, consensus: {rounds: 2, policy: self, weights: metropolis}}
network:
  topology: {kind: complete}
  link: {rate: 12 Mbit/s, delay: 1 ms}
  deadline: 20 ms
  control_period: 10 ms
  compute: 2 ms
training: {steps: 1000, batch: 8, buffer: 8, epsilon: {steps: 1000}}
evaluation: {every: 1000, episodes: 1}
"""
"""What is varied where no scenario is named."""

Change = tuple[str, object]
"""A path and its value, as YAML would have read it."""
Draw = Callable[[np.random.Generator, int], object]
"""A value for so many agents."""


def written(change: Change) -> str:
    """The change as ``--set`` takes it.

    >>> written(("network.link.loss", {"kind": "bernoulli", "p": "10%"}))
    'network.link.loss={kind: bernoulli, p: 10%}'
    """
    path, value = change
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9, sort_keys=False).strip()
    return f"{path}={text.removesuffix('...').strip()}"


def variation(seed: int, index: int, attempt: int = 0) -> list[Change]:
    """Draw a variation: the number of agents, and a random half of everything else.

    Args:
        seed: Of the search.
        index: Of the variation; with the seed, all that it depends on.
        attempt: How often this one was drawn before, and refused.
    """
    rng = stream(seed, "fuzz", index, attempt)
    n_agents = int(rng.integers(2, 13))
    changes: list[Change] = [("env.players", n_agents)]
    changes += [(path, draw(rng, n_agents)) for path, draw in DRAWS.items() if rng.random() < 0.5]
    chosen = dict(changes)
    if "network.link.retries" in chosen:
        changes.append(("network.link.retry_delay", _one_of(rng, "0 ms", "1 ms")))
    policy = str(chosen.get("algorithm.consensus.policy", "self"))
    if policy == "symmetric" or rng.random() < 0.2:
        changes += [("network.acks", True), *_of_acks(rng)]
    if chosen.get("network.share", "link") != "link" and rng.random() < 0.5:
        changes.append(("network.broadcast", True))
    return changes


def _of_acks(rng: np.random.Generator) -> list[Change]:
    changes: list[Change] = []
    if rng.random() < 0.5:
        changes.append(("network.ack_repeat", int(rng.integers(1, 4))))
    if rng.random() < 0.5:
        changes.append(("network.ack_deadline", _one_of(rng, "3 ms", "20 ms", "auto")))
    return changes


def _one_of(rng: np.random.Generator, *options: object) -> object:
    return options[int(rng.integers(len(options)))]


def _chosen(*options: object) -> Draw:
    return lambda rng, n_agents: _one_of(rng, *options)


def _time(rng: np.random.Generator, most_ms: int) -> str:
    return f"{int(rng.integers(most_ms + 1))} ms"


def _pair(rng: np.random.Generator, n_agents: int) -> list[int]:
    return [int(agent) for agent in rng.permutation(n_agents)[:2]]


def _group(rng: np.random.Generator, n_agents: int) -> list[int]:
    return sorted(int(agent) for agent in rng.permutation(n_agents)[: int(rng.integers(1, n_agents))])


def _topology(rng: np.random.Generator, n_agents: int) -> object:
    pairs = [_pair(rng, n_agents) for _ in range(int(rng.integers(1, 2 * n_agents)))]
    listed = [list(pair) for pair in sorted({(min(pair), max(pair)) for pair in pairs})]
    one_way = [list(pair) for pair in sorted({(pair[0], pair[1]) for pair in pairs})]
    most = n_agents * (n_agents - 1) // 2
    resampled = {"resample": _one_of(rng, "episode", "update", "round")}
    drawn = {"connected": bool(rng.integers(2))}
    area = {"kind": "random_waypoint", "area": ["9 m", "9 m"], "speed": ["50 m/s", "90 m/s"], "pause": "0 s"}
    kinds: list[dict[str, object]] = [
        {"kind": _one_of(rng, "complete", "path", "star")},
        {"kind": "ring"} if n_agents > 2 else {"kind": "path"},
        {"kind": "grid"},
        {"kind": "edges", "edges": listed},
        {"kind": "edges", "edges": one_way, "directed": True},
        {"kind": "k_regular", "degree": 2 if n_agents > 2 else 1},
        {"kind": "erdos_renyi", "p": "60%", **drawn},
        {"kind": "barabasi_albert", "links": 1},
        {"kind": "watts_strogatz", "neighbours": 2, "p": "20%"} if n_agents > 2 else {"kind": "complete"},
        {"kind": "random_geometric", "radius": 0.8},
        {"kind": "random_connected", "edges": int(rng.integers(n_agents - 1, most + 1)), **resampled},
        {"kind": "edge_markov", "up": "30 ms", "down": "10 ms", "base": {"kind": "complete"}},
        {"kind": "range", "radius": "5 m", "mobility": area},
        {
            "kind": "schedule",
            "entries": [{"at": "0 s", "topology": {"kind": "path"}}, {"at": "40 ms", "topology": {"kind": "complete"}}],
        },
    ]
    return _one_of(rng, *kinds)


def _delay(rng: np.random.Generator, n_agents: int) -> object:
    del n_agents
    kind = _one_of(rng, "constant", "uniform", "normal", "lognormal", "pareto", "exponential", "empirical", "trace")
    if kind in {"empirical", "trace"}:
        return {"kind": kind, "values": [_time(rng, 8) for _ in range(3)]}
    mean = int(rng.integers(1, 9))
    spread = {} if kind in {"constant", "exponential"} else {"jitter": f"{int(rng.integers(1, mean + 1))} ms"}
    return {"kind": kind, "mean": f"{mean} ms", **spread}


def _fault(rng: np.random.Generator, n_agents: int) -> object:
    options: list[dict[str, object]] = [
        {"kind": "crash", "node": int(rng.integers(n_agents)), "state": _one_of(rng, "kept", "lost")},
        {"kind": "link_down", "edge": _pair(rng, n_agents)},
        {"kind": "one_way", "edge": _pair(rng, n_agents)},
        {"kind": "partition", "groups": [_group(rng, n_agents)]},
        {"kind": "blackout"},
        {"kind": "flap", "up": "15 ms", "down": "5 ms"},
        {"kind": "degrade", "link": _one_of(rng, {"loss": "60%"}, {"delay": "9 ms"}, {"rate": "1 Mbit/s"})},
        {"kind": "straggler", "node": int(rng.integers(n_agents)), "factor": _one_of(rng, 0.5, 6.0)},
    ]
    fault = {**dict(_one_of(rng, *options)), "at": _time(rng, 100)}  # type: ignore[call-overload]
    if rng.random() < 0.8:
        fault["for"] = f"{int(rng.integers(1, 60))} ms"
    return fault


def _faults(rng: np.random.Generator, n_agents: int) -> object:
    return [_fault(rng, n_agents) for _ in range(int(rng.integers(1, 5)))]


def _other_links(rng: np.random.Generator, n_agents: int) -> object:
    return [
        {"edge": _pair(rng, n_agents), "one_way": bool(rng.integers(2)), "link": {"loss": "50%", "delay": "4 ms"}}
        for _ in range(int(rng.integers(1, 3)))
    ]


DRAWS: dict[str, Draw] = {
    "seeds": lambda rng, _: [int(rng.integers(1000))],
    "training.batch": _chosen(1, 4, 8),
    "algorithm.consensus.rounds": lambda rng, _: int(rng.integers(1, 7)),
    "algorithm.consensus.policy": _chosen(
        "self", "renormalize", "symmetric", "stale", "running_sum", "push_sum", "zero_fill"
    ),
    "algorithm.consensus.weights": _chosen("metropolis", "lazy", "max_degree"),
    "network.topology": _topology,
    "network.link.rate": _chosen("unlimited", "1 Mbit/s", "250 kbit/s"),
    "network.link.delay": _delay,
    "network.link.loss": _chosen("5%", "30%", "90%", {"kind": "gemodel", "p": "20%", "r": "40%"}),
    "network.link.corrupt": _chosen("10%", "40%"),
    "network.link.duplicate": _chosen("10%", "60%"),
    "network.link.retries": _chosen(1, 3),
    "network.link.limit": _chosen(8, 1000),
    "network.link.mtu": _chosen("64 B", "200 B", "1472 B"),
    "network.link.fifo": _chosen(True, False),  # noqa: FBT003  (values of a key, not flags of this function)
    "network.other_links": _other_links,
    "network.share": _chosen("link", "node", "medium"),
    "network.deadline": _chosen("0 ms", "2 ms", "8 ms", "100 ms", "auto"),
    "network.compute": _chosen("0 ms", "5 ms", {"kind": "lognormal", "mean": "5 ms", "jitter": "5 ms"}),
    "network.schedule": _chosen("blocking", "overlap"),
    "network.faults": _faults,
}
"""Paths that a variation may change, and what to."""
