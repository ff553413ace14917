"""A network that is put back goes on as if nothing had happened (invariant 8), whatever it is made of."""

import json
from dataclasses import fields, is_dataclass

import numpy as np
import pytest
from random_scenarios import BASE

from dvdn_sim.network import SimulatedNetwork
from dvdn_sim.scenario import parse_scenario

SLOW = "network.link={rate: 250 kbit/s, mtu: 200 B, delay: {kind: normal, mean: 20 ms, jitter: 15 ms}, fifo: false}"


class Team:
    """A scenario's network, and all that it says."""

    def __init__(self, scenario) -> None:
        n_agents, self.said = scenario.env.n_agents, []
        self.network = SimulatedNetwork(scenario.network, n_agents=n_agents, seed=scenario.seeds[0])
        self.network.watch(self)
        self.rounds = max(scenario.algorithm.consensus.rounds, 1)

    def message(self, life) -> None:
        self.said.append(tuple(life))

    def go(self, updates: range) -> None:
        """Act, and exchange one kind of message after the other, as an update does; now and then only compute."""
        network = self.network
        for update in updates:
            network.act(1 + update % 3)
            self.said.append(plain(network.take_restarted()))
            self.said.append(plain(network.down_while_acting(3)))
            if update % 4 == 3:
                self.said.append(plain(network.compute()))
                continue
            about = {"episode": update, "update": update}
            self.said.append(plain(network.exchange("td", rounds=self.rounds, size_bytes=700, **about)))
            self.said.append(plain(network.exchange("gt", rounds=1, size_bytes=300, computing=False, **about)))
            assert network.counters.audit() == "ok"
        self.said.append((network.now_ns, plain(network.counters.state())))


def plain(value):
    """Numbers, texts and lists, of which equal ones are equal."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def through_a_file(state):
    return json.loads(json.dumps(state))


def check(scenario, first: int, then: int) -> dict:
    """Cut after so many updates, and compare; the state at the cut."""
    whole, before, after = (Team(scenario) for _ in range(3))
    whole.go(range(first))
    cut = len(whole.said)
    whole.go(range(first, first + then))
    before.go(range(first))
    state = before.network.state()
    assert state == through_a_file(state)
    after.network.restore(through_a_file(state))
    assert through_a_file(after.network.state()) == state
    after.go(range(first, first + then))
    assert after.said == whole.said[cut:]
    assert after.network.state() == whole.network.state()
    return state


def test_messages_on_their_way_arrive_and_expire():
    """After a short deadline most are still on their way; the state has each once, in the order of arrival."""
    scenario = parse_scenario(BASE, [SLOW, "network.deadline=3 ms", "algorithm.consensus.rounds=3"])
    state = check(scenario, first=3, then=3)
    arrivals = [flight[-1] for flight in state["counters"]["flights"]]
    assert len(arrivals) > 30
    assert arrivals == sorted(arrivals)
    assert len(arrivals) == state["counters"]["messages"]["in_flight"]


# Agents act until 10 ms and compute until 12, but agent 1 until 62; the others do not wait for that.
DOWN_AT_ITS_START = ["network.faults=[{kind: crash, node: 1, at: 11 ms, for: 50 ms}]"]
# Agent 1 computes until 40 ms, hears nobody, and would wait until 60; it crashes when all others are done.
DOWN_AT_ITS_DEADLINE = [
    "network.faults=[{kind: straggler, node: 1, at: 0 s, factor: 15}, {kind: crash, node: 1, at: 45 ms, for: 9 ms}]",
    "network.link.loss=100%",
]


@pytest.mark.parametrize("changes", [DOWN_AT_ITS_START, DOWN_AT_ITS_DEADLINE])
def test_an_agent_that_was_down_when_the_others_were_done(changes):
    scenario = parse_scenario(BASE, changes)
    whole, after = Team(scenario), Team(scenario)
    whole.network.act(1)
    report = whole.network.exchange("td", rounds=1, size_bytes=700, episode=0, update=0)
    assert report.finished.tolist() == [agent != 1 for agent in range(len(report.finished))]
    after.network.restore(through_a_file(whole.network.state()))
    whole.said.clear()
    for team in (whole, after):
        team.go(range(1, 7))
    assert after.said == whole.said


CRASH = "{kind: crash, node: 0, at: 900 s}"


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        (["env.players=5"], [], "compute: expected the times of 5 agents, got 3"),
        (
            ["network.link.loss=10%"],
            [],
            "state of a link: expected latest_ns, loss, .*, got latest_ns, delay, ",
        ),
        (["network.share=node"], [], r"servers: expected those of \[0, 1, 2\], got those of \[\(0, 1\)"),
        (
            [f"network.faults=[{CRASH}, {{kind: degrade, at: 1 s, link: {{loss: 10%}}}}]"],
            [f"network.faults=[{CRASH}]"],
            "state of a link: expected latest_ns, .*, degraded, got latest_ns, ",
        ),
    ],
    ids=["agents", "losses", "servers", "degradations"],
)
def test_the_state_of_another_network_is_refused(ours, theirs, said):
    common = ["env.players=3", "network.deadline=9 ms"]
    team = Team(parse_scenario(BASE, [*common, *theirs]))
    team.go(range(2))
    with pytest.raises(ValueError, match=said):
        Team(parse_scenario(BASE, [*common, *ours])).network.restore(team.network.state())


FAULTY = "[{kind: crash, node: 1, at: 5 ms, for: 9 ms}, {kind: degrade, edge: [0, 1], at: 1 ms, link: {loss: 10%}}]"


@pytest.fixture(scope="module")
def damaged():
    """A way to damage a state of every part, and to put it back."""
    scenario = parse_scenario(BASE, [SLOW, "network.deadline=3 ms", "network.share=node", f"network.faults={FAULTY}"])
    team = Team(scenario)
    team.go(range(3))
    written = json.dumps(team.network.state())

    def put_back(damage):
        state = json.loads(written)
        damage(state)
        Team(scenario).network.restore(state)

    put_back(lambda state: None)
    return put_back


def mappings(state):
    """Every mapping in a state but the reasons of losses, of which there may be any."""
    if isinstance(state, dict):
        yield state
    for name, value in state.items() if isinstance(state, dict) else enumerate(state):
        if isinstance(value, dict | list) and name != "lost":
            yield from mappings(value)


def test_what_lacks_something_or_has_too_much_is_refused(damaged):
    parts = []
    damaged(lambda state: parts.extend(map(list, mappings(state))))
    assert len(parts) > 40
    for place, names in enumerate(parts):
        for name in names:
            with pytest.raises(ValueError, match=rf"expected .*{name}.*, got "):
                damaged(lambda state, place=place, name=name: list(mappings(state))[place].pop(name))
        with pytest.raises(ValueError, match=r"got .*surplus"):
            damaged(lambda state, place=place: list(mappings(state))[place].update(surplus=0))


def links(state):
    return state["transport"]["network"]["links"]


DAMAGES = {
    "now_ns: expected a whole number of at least 0, got 5.5": lambda state: state.update(now_ns=5.5),
    "compute: expected the times of 4 agents, got 2": lambda state: state.update(compute=[1, 2]),
    "drawn: expected a whole number": lambda state: state["compute"].__setitem__(0, "1"),
    "drawn: expected a whole number of at least 0, got -1": lambda state: links(state)[0][2].update(delay=-1),
    "degraded: expected 1 degradations, got 0": lambda state: links(state)[0][2].update(degraded=[]),
    "link: expected two different agents": lambda state: links(state).append([0, 9, {}]),
    "servers: expected those of ": lambda state: state["transport"]["network"]["servers"].pop(),
    "state of a network: expected servers, links, got None": lambda state: state["transport"].update(network=None),
    "flights: expected the [0-9]+ messages on their way": lambda state: state["counters"]["flights"].pop(),
    "flights: expected kind, update, .*, got ": lambda state: state["counters"]["flights"][0].pop(),
}


@pytest.mark.parametrize("said", DAMAGES)
def test_what_cannot_be_is_refused(damaged, said):
    with pytest.raises(ValueError, match=said):
        damaged(DAMAGES[said])
