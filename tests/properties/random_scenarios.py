"""Random scenarios: 2 to 12 agents, and any topology, link, fault, deadline and policy that needs no file."""

from copy import copy
from dataclasses import replace

import yaml
from hypothesis import reject
from hypothesis import strategies as st
from small_networks import Given
from strategies import any_graphs

from dvdn_sim.consensus import POLICIES, WEIGHTS
from dvdn_sim.errors import ScenarioError
from dvdn_sim.network import Setting
from dvdn_sim.scenario import parse_scenario

BASE = """\
name: random
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
LONGEST_MS = 60
"""Of a fault that ends."""
MARKOV = {"kind": "edge_markov", "up": "30 ms", "down": "10 ms", "base": {"kind": "complete"}}
WAYPOINTS = {"kind": "random_waypoint", "area": ["9 m", "9 m"], "speed": ["50 m/s", "90 m/s"], "pause": "0 s"}
MOVING = {"kind": "range", "radius": "5 m", "mobility": WAYPOINTS}
SCHEDULE = {
    "kind": "schedule",
    "entries": [{"at": "0 s", "topology": {"kind": "path"}}, {"at": "40 ms", "topology": {"kind": "complete"}}],
}
DELAYS = (
    {"kind": "constant", "mean": "2 ms"}, {"kind": "uniform", "mean": "4 ms", "jitter": "2 ms"},
    {"kind": "normal", "mean": "4 ms", "jitter": "4 ms"}, {"kind": "lognormal", "mean": "4 ms", "jitter": "4 ms"},
    {"kind": "pareto", "mean": "4 ms", "shape": 1.5}, {"kind": "exponential", "mean": "8 ms"},
    {"kind": "empirical", "values": ["1 ms", "9 ms", "30 ms"]}, {"kind": "trace", "values": ["1 ms", "9 ms", "30 ms"]},
)  # fmt: skip
"""One of every kind; so are the next."""
LOSSES = (
    {"kind": "bernoulli", "p": "30%"}, {"kind": "gemodel", "p": "20%", "r": "40%", "one_minus_k": "5%"},
    {"kind": "trace", "values": [0, 0, 0, 0, 0, 0, 0, 1, 1]},
)  # fmt: skip


def written(path, value):
    """A change as `--set` takes it."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10**9, sort_keys=False).strip()
    return f"{path}={text.removesuffix('...').strip()}"


def ms(least, most):
    return st.integers(least, most).map(lambda time: f"{time} ms")


def pairs(n_agents):
    return st.permutations(range(n_agents)).map(lambda agents: list(agents[:2]))


def topologies(n_agents):
    kind, more = lambda **keys: st.fixed_dictionaries({name: of(value) for name, value in keys.items()}), n_agents > 2
    edges = st.lists(pairs(n_agents).map(tuple), min_size=1, max_size=2 * n_agents, unique=True)
    both_ways = edges.map(lambda each: [list(pair) for pair in sorted({tuple(sorted(edge)) for edge in each})])
    links = st.integers(n_agents - 1, n_agents * (n_agents - 1) // 2)
    resample = st.sampled_from(["episode", "update", "round"])
    return st.one_of(
        kind(kind=st.sampled_from(["complete", "path", "star", "grid", *(["ring"] if more else [])])),
        kind(kind="edges", edges=both_ways),
        kind(kind="edges", directed=True, edges=edges.map(lambda each: [list(pair) for pair in sorted(each)])),
        kind(kind="k_regular", degree=2 if more else 1),
        kind(kind="erdos_renyi", p="60%", connected=st.booleans()),
        kind(kind="barabasi_albert", links=1),
        kind(kind="watts_strogatz", neighbours=2, p="20%") if more else kind(kind="complete"),
        kind(kind="random_geometric", radius=0.8),
        kind(kind="random_connected", edges=links, resample=resample),
        st.sampled_from([MARKOV, MOVING, SCHEDULE]),
    )


def of(value):
    return value if isinstance(value, st.SearchStrategy) else st.just(value)


@st.composite
def faults(draw, n_agents, *, latest_ms=100, longest_ms=LONGEST_MS, heals=False):
    """Any fault of agents that there are; with `heals` one that ends, and that makes nobody forget or slow."""
    agents = st.integers(0, n_agents - 1)
    group = st.permutations(range(n_agents)).flatmap(
        lambda order: st.integers(1, n_agents - 1).map(lambda size: [sorted(order[:size])])
    )
    worse = [{"loss": "60%"}, {"delay": "9 ms"}, {"duplicate": "30%", "loss": "30%"}]
    options = {
        "crash": {"node": agents, "state": st.sampled_from(["kept"] if heals else ["kept", "lost"])},
        "link_down": {"edge": pairs(n_agents)},
        "one_way": {"edge": pairs(n_agents)},
        "partition": {"groups": group},
        "blackout": {},
        "flap": {"up": st.just("15 ms"), "down": st.just("5 ms")},
        "degrade": {"link": st.sampled_from(worse if heals else [*worse, {"rate": "1 Mbit/s"}])},
        "straggler": {"node": agents, "factor": st.sampled_from([0.5, 6.0])},
    }
    kind = draw(st.sampled_from([kind for kind in options if kind != "straggler" or not heals]))
    at = ms(0, latest_ms) if heals else st.one_of(ms(0, latest_ms), st.just({"kind": "exponential", "mean": "30 ms"}))
    fault = {"kind": kind, "at": draw(at), **{name: draw(value) for name, value in options[kind].items()}}
    return fault | {"for": draw(ms(1, longest_ms))} if heals or draw(st.integers(0, 4)) else fault


def other_links(n_agents):
    link = {"loss": "50%", "delay": "4 ms"}
    return st.fixed_dictionaries({"edge": pairs(n_agents), "one_way": st.booleans(), "link": st.just(link)})


@st.composite
def changes(draw):
    """The number of agents, and any part of everything else, as `--set` takes it."""
    n_agents = draw(st.integers(2, 12))
    options = {
        "seeds": st.integers(0, 999).map(lambda seed: [seed]),
        "training.batch": st.sampled_from([1, 4, 8]),
        "algorithm.consensus.rounds": st.integers(1, 6),
        "algorithm.consensus.policy": st.sampled_from(list(POLICIES)),
        "algorithm.consensus.weights": st.sampled_from(["auto", *WEIGHTS]),
        "network.topology": topologies(n_agents),
        "network.link.rate": st.sampled_from(["unlimited", "1 Mbit/s", "250 kbit/s"]),
        "network.link.delay": st.one_of(ms(0, 8), st.sampled_from(DELAYS)),
        "network.link.loss": st.sampled_from(["90%", *LOSSES]),
        "network.link.corrupt": st.sampled_from(["10%", "40%"]),
        "network.link.duplicate": st.sampled_from(["10%", "60%"]),
        "network.link.retries": st.sampled_from([1, 3]),
        "network.link.limit": st.sampled_from([8, 1000]),
        "network.link.limit_bytes": st.sampled_from(["600 B", "5000 B"]),
        "network.link.mtu": st.sampled_from(["64 B", "200 B", "1472 B"]),
        "network.link.fifo": st.booleans(),
        "network.other_links": st.lists(other_links(n_agents), min_size=1, max_size=2),
        "network.share": st.sampled_from(["link", "node", "medium"]),
        "network.deadline": st.sampled_from(["0 ms", "2 ms", "8 ms", "100 ms", "auto"]),
        "network.control_period": st.sampled_from(["1 ms", "50 ms"]),
        "network.compute": st.sampled_from(["0 ms", "5 ms", {"kind": "lognormal", "mean": "5 ms", "jitter": "5 ms"}]),
        "network.schedule": st.sampled_from(["blocking", "overlap"]),
        "network.faults": st.lists(faults(n_agents), min_size=1, max_size=4),
    }
    chosen = {path: draw(value) for path, value in options.items() if draw(st.booleans())}
    if "network.link.retries" in chosen:
        chosen["network.link.retry_delay"] = draw(st.sampled_from(["0 ms", "1 ms"]))
    if chosen.get("algorithm.consensus.policy") == "symmetric" or not draw(st.integers(0, 4)):
        chosen["network.acks"] = True
        if draw(st.booleans()):
            chosen["network.ack_repeat"] = draw(st.integers(1, 3))
        if draw(st.booleans()):
            chosen["network.ack_deadline"] = draw(st.sampled_from(["3 ms", "20 ms", "auto"]))
    if chosen.get("network.share", "link") != "link" and draw(st.booleans()):
        chosen["network.broadcast"] = True
    return [f"env.players={n_agents}", *(written(path, value) for path, value in chosen.items())]


@st.composite
def scenarios(draw):
    """Scenarios that the rules allow."""
    try:
        return parse_scenario(BASE, draw(changes()))
    except ScenarioError:
        reject()


@st.composite
def settings_of(draw):
    """Their exchanges; of one in three the graphs are any, those of each round of each update others."""
    setting = Setting.from_scenario(draw(scenarios()))[0]
    if draw(st.integers(0, 2)) == 0:
        rounds = st.lists(any_graphs(setting.n_agents, one_way=True), min_size=setting.rounds, max_size=setting.rounds)
        network = copy(setting.network)
        object.__setattr__(network, "topology", Given(*draw(st.lists(rounds, min_size=1, max_size=3))))
        setting = replace(setting, network=network)
    return setting
