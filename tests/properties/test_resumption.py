"""Invariant 8 for the network: saved and put back whenever it is asked for something, it does what it would have done.

The network that is compared is a new one before everything that it is asked for: made again from its parameters and
seed, and given what JSON says of the one before. So every state is one that came from a state, too. Networks are
compared by what they answer, and field by field: what a state forgets is found whoever added it and wherever it is.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import _lru_cache_wrapper, partial

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from random_scenarios import DELAYS, LOSSES, MARKOV, MOVING, SCHEDULE, scenarios
from small_networks import ConstantTime, Lives, LognormalTime, NormalTime, network_of

from dvdn_sim.errors import ExchangeStuckError
from dvdn_sim.network import SimulatedNetwork, TeamFaults, Transport
from netmodels import LinkSpec
from netmodels.faults import FaultPlan
from netmodels.links import Availability, Regime, Server
from netmodels.streams import Draws
from netmodels.topology import AnyTopology

topology_of = TypeAdapter(AnyTopology).validate_python

WORKED_OUT = (
    Availability,  # remembers when links are down around the time that it was last asked about
    FaultPlan,  # when faults begin and end, drawn by name
    TeamFaults,  # the same, by agent
    np.random.Generator,  # only ever inside one of these, or of Draws
    _lru_cache_wrapper,
)
CACHES = {
    (Transport, "_links"): "the links of the network, by agents in place of keys",
    (Regime, "offsets"): "a table that grows with the longest message",
}


def differences(one: object, other: object, path: str = "network") -> Iterator[str]:
    """Paths of all fields that differ, and how."""
    if isinstance(one, WORKED_OUT):
        return
    mine, others = _parts(one), _parts(other)
    if mine is None or others is None:
        if one != other:
            yield f"{path}: {one!r}, {other!r}"
    elif mine.keys() != others.keys():
        yield f"{path}: {list(mine)}, {list(others)}"
    else:
        for name, value in mine.items():
            yield from differences(value, others[name], f"{path}.{name}")


def _parts(thing: object) -> dict[str, object] | None:
    """What something is made of, by name; None for what can be compared as it is."""
    if thing is None or isinstance(thing, str | int | float | set | frozenset):
        return None
    if isinstance(thing, Mapping):
        return {str(key): value for key, value in thing.items()}
    if isinstance(thing, Sequence | np.ndarray):
        return {str(index): value for index, value in enumerate(thing)}
    if isinstance(thing, Draws):  # what was drawn ahead, and is not handed out yet, is drawn again
        return {"drawn": thing.drawn}
    if isinstance(thing, Server):  # it forgets what has left when it is next asked, and who came with whom
        backlog = thing._backlog(thing.now_ns)
        return thing.state() | {"backlog": backlog if thing._batches else (thing._packets, thing._bytes)}
    slots = [name for cls in type(thing).__mro__ for name in getattr(cls, "__slots__", ())]
    every = {name: getattr(thing, name) for name in slots} | getattr(thing, "__dict__", {})
    return {name: value for name, value in every.items() if (type(thing), name) not in CACHES}


@dataclass(frozen=True)
class Team:
    """A network, made with a probe, and what it is asked for."""

    network: Callable[..., SimulatedNetwork]
    asked: list[tuple]


exchanges = st.tuples(
    st.just("exchange"), st.sampled_from(["td", "gt"]), st.integers(1, 3), st.sampled_from([1, 100, 3000]),
    st.booleans(),
)  # fmt: skip
asked = st.one_of(
    st.tuples(st.just("act"), st.sampled_from([0, 1, 1, 3, 20])),
    st.tuples(st.just("compute")),
    st.tuples(st.just("take_restarted")),
    st.tuples(st.just("down_while_acting"), st.integers(0, 6)),
    exchanges, exchanges, exchanges,
)  # fmt: skip


@st.composite
def teams(draw):
    scenario = draw(scenarios())
    n_agents = scenario.env.n_agents
    keys = tuple(draw(st.permutations(range(n_agents + 2)))[:n_agents])
    network = partial(SimulatedNetwork, scenario.network, n_agents=n_agents, seed=scenario.seeds[0], agent_keys=keys)
    return Team(network, draw(st.lists(asked, min_size=2, max_size=8)))


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
    written, arrivals = json.dumps(state), [flight[-1] for flight in state["counters"]["flights"]]
    assert json.loads(written) == state
    assert arrivals == sorted(arrivals)
    again = team.network(probe=lives)
    again.restore(json.loads(written))
    assert json.dumps(again.state()) == written
    assert list(differences(network, again)) == []
    return again


def check(team) -> list[dict]:
    """Ask one network for everything, and a new one for each thing; the states that these came from."""
    whole_lives, lives, states = Lives(), Lives(), []
    whole, network = team.network(probe=whole_lives), team.network(probe=lives)
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


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(teams())
def test_a_new_process_before_everything_that_is_asked_for(team):
    check(team)


BUSY = {"rate": "1 Mbit/s", "delay": DELAYS[2] | {"mean": "8 ms"}, "loss": 0.1, "mtu": 200}
ASKED = [
    *[("exchange", "td", 2, 700, True), ("exchange", "gt", 1, 300, False), ("act", 1), ("take_restarted",)] * 3,
    ("compute",), ("down_while_acting", 9), ("act", 3), ("exchange", "td", 1, 1, True),
]  # fmt: skip


def busy(link=(), asked=ASKED, **changes):
    defaults = {
        "n_agents": 3, "seed": 3, "topology": topology_of({"kind": "complete"}), "share": "link", "deadline": 0.008,
        "link": LinkSpec(**BUSY | dict(link)), "control_period": 0.004, "compute": LognormalTime(0.003, 0.003),
    }  # fmt: skip
    return Team(partial(network_of, **defaults | changes), asked)


def faulty(*faults):
    return busy(faults=faults)


LOST = {"kind": "crash", "node": 1, "state": "lost"}
ACKS = {"acks": True, "ack_repeat": 2}
CASES = {
    **{f"delay {delay['kind']}": busy({"delay": delay}) for delay in DELAYS},
    **{f"loss {loss['kind']}": busy({"loss": loss}) for loss in LOSSES},
    **{f"topology {each['kind']}": busy(topology=topology_of(each)) for each in (MARKOV, MOVING, SCHEDULE)},
    "topology of each round": busy(topology=topology_of({"kind": "random_connected", "resample": "round"})),
    **{
        f"{name} {value}": busy({name: value, "retry_delay": "1 ms"})
        for name, value in (
            ("duplicate", 0.5), ("retries", 2), ("limit", 2), ("limit_bytes", 300), ("fifo", False),
            ("rate", "unlimited"), ("rate", "60 kbit/s"),
        )
    },
    "node": busy(share="node"),
    "medium, broadcast": busy(share="medium", broadcast=True),
    "duplicates of a constant delay": busy({"delay": "9 ms", "duplicate": 0.5}),
    "a retransmission that is corrupted": busy({"corrupt": 0.3, "retries": 1, "retry_delay": 0}, share="node"),
    "acknowledged": busy(**ACKS, ack_deadline=0.002),
    "acknowledged, worked out": busy(**ACKS, ack_deadline="auto", deadline="auto"),
    "patient": busy({"loss": 0.0}, deadline=None),
    "impatient": busy(deadline=0.0),
    "overlap": busy(schedule="overlap"),
    "constant compute": busy(compute=ConstantTime(0.002)),
    "normal compute": busy(compute=NormalTime(0.002, 0.002)),
    "other links, other names": busy(
        other_links={(0, 1): {"rate": "9 kbit/s", "delay": 0, "loss": 0.5}}, agent_keys=(4, 0, 2)
    ),
    "crash, state lost": faulty(
        LOST | {"at": "9 ms", "for": "7 ms"}, LOST | {"at": "40 ms", "for": "30 ms"}, LOST | {"node": 2, "at": "50 ms"}
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
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_each_feature(case):
    states = check(CASES[case])
    waiting = [
        server for state in states for _, server in state["transport"]["network"]["servers"] if server["packets"]
    ]
    assert case in {"patient", "limit_bytes 300"} or any(state["counters"]["flights"] for state in states)
    assert case != "rate 60 kbit/s" or waiting
    assert case != "crash, state lost" or any(state["restarts_ns"] < state["past_ns"] for state in states)


def test_what_happens_at_the_very_instant_of_the_cut():
    """Messages take 10 ms, exchanges and acting 5 ms: some arrive, and an agent crashes or comes back, just then."""
    faults = [LOST | {"at": f"{at} ms", "for": "10 ms"} for at in (20, 40, 60)]
    states = check(busy(
        {"rate": "unlimited", "delay": "10 ms", "loss": 0.0, "mtu": 1472, "duplicate": 0.5},
        [("exchange", "td", 1, 900, True), ("act", 1)] * 10,
        deadline=0.005, faults=faults, control_period=0.005, compute=ConstantTime(0.0),
    ))  # fmt: skip
    due = [flight for state in states for flight in state["counters"]["flights"] if flight[-1] == state["now_ns"]]
    assert len(due) > 20
    assert len({state["now_ns"] for state in states} & {at * 1_000_000 for at in range(20, 80, 10)}) == 6


# Agents act until 10 ms and compute until 12, but agent 1 until 62; the others do not wait for that.
DOWN_AT_ITS_START = {"faults": [{"kind": "crash", "node": 1, "at": "11 ms", "for": "50 ms"}]}
# Agent 1 computes until 40 ms, hears nobody, and would wait until 60; it crashes when all others are done.
DOWN_AT_ITS_DEADLINE = {
    "link": {"loss": 1.0},
    "faults": [
        {"kind": "straggler", "node": 1, "at": 0, "factor": 15},
        {"kind": "crash", "node": 1, "at": "45 ms", "for": "9 ms"},
    ],
}


@pytest.mark.parametrize("changes", [DOWN_AT_ITS_START, DOWN_AT_ITS_DEADLINE])
def test_an_agent_that_is_down_when_the_others_are_done(changes):
    first = [("act", 1), ("exchange", "td", 1, 700, True)]
    timing = {"control_period": 0.01, "compute": ConstantTime(0.002), "deadline": 0.02}
    team = busy(asked=[*first, *ASKED], **timing | changes)
    network = team.network()
    network.act(1)
    assert network.exchange("td", rounds=1, size_bytes=700, episode=0, update=0).finished.tolist() == [1, 0, 1]
    check(team)


FIELDS = {
    "a new one of the network": lambda network: (network, "new"),
    "a new one of the counters": lambda network: (network.counters, "new"),
    "a new one of the transport": lambda network: (network._transport, "new"),
    "a new one of all links": lambda network: (network._transport._network, "new"),
    "a count": lambda network: (network.counters.packets["td", 1, 2], "late"),
    "a draw": lambda network: (network._compute, "drawn"),
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
            compute=ConstantTime(0.0), faults=[degraded, {"kind": "crash", "node": 0, "at": "1 s"}], engine="simpy",
        )
        for _ in range(2)
    )  # fmt: skip
    for network in (one, other):
        ask(network, 0, "exchange", "td", 2, 3000, True)
    assert list(differences(one, other)) == []
    owner, name = FIELDS[field](one)
    setattr(owner, name, getattr(owner, name, 0) + 1)
    assert list(differences(one, other))
