"""Invariant 8 for the network: saved and put back whenever it is asked for something, it does what it would have done.

The network that is compared is a new one before everything that it is asked for: made again from its parameters and
seed, and given what JSON says of the one before. So every state is one that came from a state, too.
"""

import json
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import pytest
from forgotten import differences
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import ConstantTime, LognormalTime, NormalTime, network_of

from dvdn_sim.errors import ExchangeStuckError
from dvdn_sim.network import SimulatedNetwork
from netmodels import LinkSpec
from netmodels.faults import FAULTS
from netmodels.links import DELAYS, LOSSES
from netmodels.topology import topology_of

DELAY = {
    "constant": {"mean": "2 ms"},
    "uniform": {"mean": "4 ms", "jitter": "2 ms"},
    "normal": {"mean": "4 ms", "jitter": "4 ms"},
    "lognormal": {"mean": "4 ms", "jitter": "4 ms"},
    "pareto": {"mean": "4 ms", "shape": 1.5},
    "exponential": {"mean": "8 ms"},
    "empirical": {"values": ["1 ms", "9 ms", "30 ms"]},
    "trace": {"values": ["1 ms", "9 ms", "30 ms"]},
}
LOSS = {
    "bernoulli": {"p": "20%"},
    "gemodel": {"p": "20%", "r": "40%", "one_minus_k": "5%"},
    "trace": {"values": [0, 0, 0, 0, 0, 0, 0, 1, 1]},
}
TOPOLOGY = (
    {"kind": "complete"},
    {"kind": "ring"},
    {"kind": "random_connected", "resample": "episode"},
    {"kind": "random_connected", "resample": "round"},
    {"kind": "erdos_renyi", "p": "80%", "connected": False},
    {"kind": "edge_markov", "up": "30 ms", "down": "10 ms", "base": {"kind": "complete"}},
    {
        "kind": "range",
        "radius": "5 m",
        "mobility": {"kind": "random_waypoint", "area": ["9 m", "9 m"], "speed": ["50 m/s", "90 m/s"], "pause": 0},
    },
    {"kind": "schedule", "entries": [{"at": 0, "topology": {"kind": "path"}},
                                     {"at": "40 ms", "topology": {"kind": "complete"}}]},
)  # fmt: skip
ms = st.integers(0, 40).map(lambda at: f"{at} ms")


def test_all_kinds_are_among_them():
    assert DELAY.keys() == DELAYS.keys()
    assert LOSS.keys() == LOSSES.keys()
    assert FAULT.keys() == FAULTS.keys()


links = st.builds(
    LinkSpec,
    rate=st.sampled_from(["unlimited", "12 Mbit/s", "1 Mbit/s", "200 kbit/s"]),
    delay=st.sampled_from([{"kind": kind, **options} for kind, options in DELAY.items()]),
    loss=st.sampled_from([0.0, *({"kind": kind, **options} for kind, options in LOSS.items())]),
    corrupt=st.sampled_from([0.0, 0.2]),
    duplicate=st.sampled_from([0.0, 0.3]),
    retries=st.sampled_from([0, 0, 2]),
    retry_delay=st.just("1 ms"),
    limit=st.sampled_from([2, 8, 1000]),
    limit_bytes=st.sampled_from([None, 600, 5000]),
    mtu=st.sampled_from([30, 200, 1472]),
    fifo=st.booleans(),
)
agents = st.integers(0, 99)
FAULT = {
    "crash": {"node": agents, "state": st.sampled_from(["kept", "lost"])},
    "link_down": {"edge": st.tuples(agents, agents)},
    "one_way": {"edge": st.tuples(agents, agents)},
    "partition": {"groups": st.sampled_from([[[0]], [[1]]])},
    "blackout": {},
    "flap": {"up": st.just("15 ms"), "down": st.just("5 ms")},
    "degrade": {"link": st.sampled_from([{"loss": 0.5, "delay": "9 ms"}, {"rate": "100 kbit/s"}, {"duplicate": 0.9}])},
    "straggler": {"node": agents, "factor": st.sampled_from([0.5, 6.0])},
}


@st.composite
def faults_of(draw, n_agents):
    kind = draw(st.sampled_from([*FAULT, "crash", "crash"]))
    fault = {"kind": kind, "at": draw(ms), **{name: draw(options) for name, options in FAULT[kind].items()}}
    if "node" in fault:
        fault["node"] %= n_agents
    if "edge" in fault:
        fault["edge"] = draw(st.permutations(range(n_agents)))[:2]
    if draw(st.sampled_from([True, True, False])):
        fault["for"] = draw(st.integers(1, 30).map(lambda at: f"{at} ms"))
    return fault


@dataclass(frozen=True)
class Team:
    """A network, and what it is asked for."""

    parameters: dict
    asked: list[tuple]

    def network(self, probe) -> SimulatedNetwork:
        return network_of(**self.parameters, probe=probe)


asked = st.one_of(
    st.tuples(st.just("act"), st.sampled_from([0, 1, 1, 3, 20])),
    st.tuples(st.just("compute")),
    st.tuples(st.just("take_restarted")),
    st.tuples(st.just("down_while_acting"), st.integers(0, 6)),
    *[
        st.tuples(
            st.just("exchange"), st.sampled_from(["td", "gt"]), st.integers(1, 3), st.sampled_from([1, 100, 3000]),
            st.booleans(),
        )
    ]
    * 3,
)  # fmt: skip


ACKS = {"acks": True}
AUTO_ACKS = ACKS | {"ack_repeat": 2, "ack_deadline": "auto"}


@st.composite
def teams(draw):
    n_agents = draw(st.integers(2, 5))
    share = draw(st.sampled_from(["link", "node", "medium"]))
    faults = draw(st.lists(faults_of(n_agents), max_size=4))
    acks = draw(st.sampled_from([{}, ACKS, ACKS | {"ack_repeat": 3, "ack_deadline": 0.002}, AUTO_ACKS]))
    patience = [0.0, 0.003, 0.02, "auto"] if faults or acks else [None, 0.003, 0.02]
    link, broadcast, other_links = draw(links), share != "link" and draw(st.booleans()), {}
    others = st.lists(st.tuples(st.permutations(range(n_agents)), links), max_size=0 if broadcast else 2)
    other_links = {tuple(order[:2]): _fields(other) for order, other in draw(others)}
    parameters = {
        "n_agents": n_agents, "seed": draw(st.integers(0, 1000)),
        "topology": topology_of(draw(st.sampled_from(TOPOLOGY[1 if n_agents > 2 else 2 :]))),
        "link": link, "share": share, "broadcast": broadcast, "deadline": draw(st.sampled_from(patience)),
        "control_period": draw(st.sampled_from([1e-9, 0.001, 0.01])),
        "compute": draw(st.sampled_from([ConstantTime(0.0), NormalTime(0.005, 0.005), LognormalTime(0.005, 0.005)])),
        "agent_keys": tuple(draw(st.permutations(range(n_agents + 2)))[:n_agents]),
        "other_links": other_links, "faults": tuple(faults), **acks,
        "schedule": draw(st.sampled_from(["blocking", "overlap"])),
    }  # fmt: skip
    return Team(parameters, draw(st.lists(asked, min_size=2, max_size=8)))


def _fields(spec):
    return {field.name: getattr(spec, field.name) for field in fields(spec) if field.init}


class Lives(list):
    message = list.append


def plain(value):
    """Numbers, text and lists, which compare."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    return value.tolist() if isinstance(value, np.ndarray) else value


def ask(network, number, what, *about):
    """What the network answers; an error's words, where links may lose all and agents wait for ever."""
    try:
        return answer(network, number, what, *about)
    except (ExchangeStuckError, ValueError) as error:
        return str(error)


def answer(network, number, what, *about):
    if what != "exchange":
        return plain(getattr(network, what)(*about))
    kind, rounds, size_bytes, computing = about
    return plain(network.exchange(
        kind, rounds=rounds, size_bytes=size_bytes, episode=number, update=number, computing=computing
    ))  # fmt: skip


def said_by(network):
    return network.now_ns, plain(network.counters), network.counters.audit()


def put_back(team, network, lives):
    state = network.state()
    written = json.dumps(state)
    assert json.loads(written) == state
    again = team.network(lives)
    again.restore(json.loads(written))
    assert json.dumps(again.state()) == written
    assert list(differences(network, again)) == []
    return again


def check(team) -> list[dict]:
    """Ask one network for everything, and a new one for each thing; the states that these came from."""
    whole_lives, lives, states = Lives(), Lives(), []
    whole, network = team.network(whole_lives), team.network(lives)
    for number, (what, *about) in enumerate(team.asked):
        expected = ask(whole, number, what, *about)
        states.append(network.state())
        network = put_back(team, network, lives)
        assert ask(network, number, what, *about) == expected
        assert said_by(network) == said_by(whole)
        assert lives == whole_lives
    for each in (whole, network := put_back(team, network, lives)):
        each.act(10**9)  # all has landed
    assert said_by(network) == said_by(whole)
    assert lives == whole_lives
    assert whole.counters.messages.in_flight == 0
    return states


@settings(max_examples=100)
@given(teams())
def test_a_new_process_before_everything_that_is_asked_for(team):
    check(team)


BUSY = {"rate": "1 Mbit/s", "delay": {"kind": "normal", "mean": "8 ms", "jitter": "6 ms"}, "loss": 0.1, "mtu": 200}
ASKED = [
    *[("exchange", "td", 2, 700, True), ("exchange", "gt", 1, 300, False), ("act", 1), ("take_restarted",)] * 3,
    ("compute",), ("down_while_acting", 9), ("act", 3), ("exchange", "td", 1, 1, True),
]  # fmt: skip


def busy(link=(), **changes):
    defaults = {
        "n_agents": 3, "seed": 3, "topology": topology_of({"kind": "complete"}), "share": "link", "deadline": 0.008,
        "link": LinkSpec(**{**BUSY, **dict(link)}), "control_period": 0.004, "compute": LognormalTime(0.003, 0.003),
    }  # fmt: skip
    return Team(defaults | changes, ASKED)


def faulty(*faults):
    return busy(faults=faults)


CASES = {
    **{f"delay {kind}": busy({"delay": {"kind": kind, **options}}) for kind, options in DELAY.items()},
    **{f"loss {kind}": busy({"loss": {"kind": kind, **options}}) for kind, options in LOSS.items()},
    **{f"topology {options['kind']}": busy(topology=topology_of(options)) for options in TOPOLOGY},
    **{
        f"{name} {value}": busy({name: value, "retry_delay": "1 ms"})
        for name, value in (
            ("corrupt", 0.2),
            ("duplicate", 0.5),
            ("retries", 2),
            ("limit", 2),
            ("limit_bytes", 300),
            ("fifo", False),
            ("rate", "unlimited"),
            ("rate", "60 kbit/s"),
        )
    },
    **{
        f"{share}, broadcast {broadcast}": busy(share=share, broadcast=broadcast)
        for share, broadcast in (("node", False), ("node", True), ("medium", False), ("medium", True))
    },
    "duplicates of a constant delay": busy({"delay": "9 ms", "duplicate": 0.5}),
    "a retransmission that is corrupted": busy({"corrupt": 0.3, "retries": 1, "retry_delay": 0}, share="node"),
    "acknowledged": busy(**ACKS),
    "acknowledged twice": busy(**ACKS, ack_repeat=2, ack_deadline=0.002),
    "acknowledged, worked out": busy(**AUTO_ACKS, deadline="auto"),
    "patient": busy({"loss": 0.0}, deadline=None),
    "impatient": busy(deadline=0.0),
    "overlap": busy(schedule="overlap"),
    "constant compute": busy(compute=ConstantTime(0.002)),
    "normal compute": busy(compute=NormalTime(0.002, 0.002)),
    "other links": busy(other_links={(0, 1): {"rate": "9 kbit/s", "delay": 0, "loss": 0.5}}),
    "other names": busy(agent_keys=(4, 0, 2), share="medium"),
    "crash, state lost": faulty(
        {"kind": "crash", "node": 1, "at": "9 ms", "for": "7 ms", "state": "lost"},
        {"kind": "crash", "node": 1, "at": "40 ms", "for": "30 ms", "state": "lost"},
        {"kind": "crash", "node": 2, "at": "50 ms"},
    ),
    "crash, state kept": faulty({"kind": "crash", "node": 1, "at": "9 ms", "for": "7 ms"}),
    "link down": faulty({"kind": "link_down", "edge": [0, 1], "at": "9 ms", "for": "30 ms"}),
    "one way": faulty({"kind": "one_way", "edge": [0, 1], "at": "9 ms"}),
    "partition": faulty({"kind": "partition", "groups": [[0, 1]], "at": "9 ms", "for": "30 ms"}),
    "blackout": faulty({"kind": "blackout", "at": "20 ms", "for": "9 ms"}),
    "flap": faulty({"kind": "flap", "up": "9 ms", "down": "5 ms"}),
    "degrade": faulty(
        {"kind": "degrade", "at": "9 ms", "for": "20 ms", "link": {"loss": 0.5, "delay": "9 ms"}},
        {"kind": "degrade", "at": "20 ms", "for": "30 ms", "link": {"duplicate": 0.5}, "edge": [0, 1]},
    ),
    "straggler": faulty({"kind": "straggler", "node": 0, "at": "9 ms", "for": "30 ms", "factor": 4.0}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_feature(case):
    states = check(CASES[case])
    waiting = [
        server for state in states for _, server in state["transport"]["network"]["servers"] if server["batches"]
    ]
    assert case in {"patient", "limit_bytes 300"} or any(state["flights"] for state in states)
    assert case != "rate 60 kbit/s" or waiting
    assert case != "crash, state lost" or any(state["crashes"]["restarted"] for state in states)


def test_what_happens_at_the_very_instant_of_the_cut():
    """Messages take 10 ms, exchanges and acting 5 ms: some arrive, and an agent crashes or comes back, just then."""
    faults = [{"kind": "crash", "node": 1, "at": f"{at} ms", "for": "10 ms", "state": "lost"} for at in (20, 40, 60)]
    parameters = busy().parameters | {
        "link": LinkSpec(rate="unlimited", delay="10 ms", duplicate=0.5), "deadline": 0.005, "faults": faults,
        "control_period": 0.005, "compute": ConstantTime(0.0),
    }  # fmt: skip
    states = check(Team(parameters, [("exchange", "td", 1, 900, True), ("act", 1)] * 10))
    due = [flight for state in states for flight in state["flights"] if flight[-1] == state["now_ns"]]
    assert len(due) > 20
    assert len({tuple(state["crashes"]["coming"][0]) for state in states if state["crashes"]["coming"]}) == 6


FIELDS = {
    "a new one of the network": lambda network: (network, "new"),
    "a new one of the counters": lambda network: (network.counters, "new"),
    "a new one of crashes": lambda network: (network._crashes, "new"),
    "a new one of compute times": lambda network: (network._compute, "new"),
    "a new one of the transport": lambda network: (network._transport, "new"),
    "a new one of all links": lambda network: (network._transport._network, "new"),
    "a count": lambda network: (network.counters.packets["td", 1, 2], "late"),
    "a draw": lambda network: (network._compute._draws[1], "_next"),
    "one of a link": lambda network: (link(network, 1, 2), "latest_ns"),
    "a draw of a link": lambda network: (link(network, 1, 2)._plain.delay, "_next"),
    "one of a degraded link": lambda network: (link(network, 0, 1), "latest_ns"),
    "a draw of a degradation": lambda network: (link(network, 0, 1)._degraded[0][1].delay, "_next"),
    "one of a server": lambda network: (link(network, 1, 2)._server, "_bytes"),
}


def link(network, sender, receiver):
    return network._transport._network._links[sender, receiver]


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_that_is_forgotten_would_be_seen(field):
    degraded = {"kind": "degrade", "at": 0, "link": {"loss": 0.5}, "edge": [0, 1]}
    one, other = (
        network_of(
            n_agents=3, seed=0, topology=topology_of({"kind": "path"}), share="link", deadline=0.01,
            link=LinkSpec(rate="1 Mbit/s", delay={"kind": "exponential", "mean": "8 ms"}), control_period=0.01,
            compute=ConstantTime(0.0), faults=[degraded, {"kind": "crash", "node": 0, "at": "1 s"}],
        )
        for _ in range(2)
    )  # fmt: skip
    for network in (one, other):
        ask(network, 0, "exchange", "td", 2, 3000, True)
    assert list(differences(one, other)) == []
    owner, name = FIELDS[field](one)
    setattr(owner, name, getattr(owner, name, 0) + 1)
    assert list(differences(one, other))
