"""A network that is put back goes on as if nothing had happened (invariant 8), whatever it is made of."""

import json
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

from dvdn_sim.errors import ScenarioError
from dvdn_sim.network import SimulatedNetwork
from dvdn_sim.network.fuzz.draw import BASE, variation, written
from dvdn_sim.scenario import parse_scenario

SLOW = "network.link={rate: 250 kbit/s, mtu: 200 B, delay: {kind: normal, mean: 20 ms, jitter: 15 ms}, fifo: false}"


class Team:
    """A scenario's network, and all that it says."""

    def __init__(self, scenario) -> None:
        n_agents, self.said = scenario.env.n_agents, []
        self.network = SimulatedNetwork.of(scenario.network, n_agents=n_agents, seed=scenario.seeds[0])
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
            assert network.ledger.audit() == "ok"
        self.said.append((network.now_ns, plain(network.ledger.state())))


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


def drawn(index: int):
    for attempt in range(50):
        try:
            scenario = parse_scenario(BASE, [written(change) for change in variation(7, index, attempt)])
            Team(scenario).go(range(1))
        except (ScenarioError, ValueError):  # the latter from messages so long that `deadline: auto` has no answer
            continue
        return scenario
    raise AssertionError("nothing but mistakes")


@pytest.mark.parametrize("index", range(40))
def test_any_network_goes_on_where_it_was(index):
    """Every topology, link, share, fault and acknowledgement that the fuzzer varies (its own test counts them)."""
    check(drawn(index), first=1 + index % 7, then=4)


def test_messages_on_their_way_arrive_and_expire():
    """After a short deadline most are still on their way; the state has each once, in the order of arrival."""
    scenario = parse_scenario(BASE, [SLOW, "network.deadline=3 ms", "algorithm.consensus.rounds=3"])
    state = check(scenario, first=3, then=3)
    arrivals = [flight[-1] for flight in state["flights"]]
    assert len(arrivals) > 30
    assert arrivals == sorted(arrivals)
    assert len(arrivals) == state["ledger"]["messages"]["flying"]


def test_cut_twice_with_the_same_messages_on_their_way():
    """What was put back can be saved again before it arrives."""
    scenario = parse_scenario(
        BASE, [SLOW, "network.deadline=3 ms", "network.control_period=1 ns", "network.compute=0 s"]
    )
    first, second = Team(scenario), Team(scenario)
    first.go(range(3))
    second.network.restore(through_a_file(first.network.state()))
    third = Team(scenario)
    third.network.restore(through_a_file(second.network.state()))
    assert first.network.state() == third.network.state()
    first.said.clear()
    for team in (first, third):
        team.go(range(3, 8))
    assert first.said == third.said


def test_queues_with_a_backlog():
    scenario = parse_scenario(BASE, [SLOW, "network.deadline=3 ms", "network.link.limit=40", "network.share=node"])
    state = check(scenario, first=3, then=3)
    assert any(server["batches"] for _, server in state["transport"]["network"]["servers"])


@pytest.mark.parametrize("first", range(1, 12))
def test_crashes_wherever_it_is_cut(first):
    faults = (
        "network.faults=[{kind: crash, node: 1, at: 40 ms, for: 50 ms, state: lost}, {kind: crash, node: 2, at: 40 ms,"
        " for: 50 ms}, {kind: crash, node: 1, at: 200 ms, for: 90 ms, state: lost}, {kind: crash, node: 0, at: 250 ms}]"
    )
    check(parse_scenario(BASE, [faults, "network.schedule=overlap", "network.control_period=10 ms"]), first, then=12)


@pytest.mark.parametrize("wrong", ["network.faults=[{kind: crash, node: 1, at: 40 ms}]", "env.players=5"])
def test_the_state_of_another_network_is_refused(wrong):
    state = Team(parse_scenario(BASE, [])).network.state()
    with pytest.raises(ValueError, match=r"a state of .* found; .* expected"):
        Team(parse_scenario(BASE, [wrong])).network.restore(state)


def test_the_state_of_another_link_is_refused():
    team = Team(parse_scenario(BASE, ["network.link.loss=10%"]))
    team.go(range(1))
    with pytest.raises(ValueError, match="state: expected latest_ns"):
        Team(parse_scenario(BASE, [])).network.restore(team.network.state())
