"""A state that is another network's, or damaged, is refused; that a network goes on from one: test_resumption."""

import json

import pytest
from small_networks import network_of

from netmodels import LinkSpec

SLOW = {
    "rate": "250 kbit/s", "mtu": "200 B", "delay": {"kind": "normal", "mean": "20 ms", "jitter": "15 ms"}, "fifo": False
}  # fmt: skip
CRASH = {"kind": "crash", "node": 1, "at": "5 ms", "for": "9 ms"}
DEGRADE = {"kind": "degrade", "edge": [0, 1], "at": "1 ms", "link": {"loss": "10%"}}


def idle(n_agents=3, link=SLOW, **changes):
    defaults = {"share": "node", "deadline": 0.003, "control_period": 0.01, "faults": [CRASH, DEGRADE]}
    return network_of(n_agents, link=LinkSpec(**link), **defaults | changes)


def state_of(network):
    """What there is after a few exchanges."""
    for update in range(3):
        network.act(1)
        for kind in ("td", "gt"):
            network.exchange(kind, rounds=2, size_bytes=700, episode=update, update=update)
    return network.state()


@pytest.mark.parametrize(
    ("ours", "theirs", "said"),
    [
        ({"n_agents": 5}, {}, "compute: expected the times of 5 agents, got 3"),
        ({"link": SLOW | {"loss": "10%"}}, {}, "state of a link: expected latest_ns, loss, .*, got latest_ns, delay"),
        ({"share": "node"}, {"share": "link"}, r"servers: expected those of \[0, 1, 2\], got those of \[\(0, 1\)"),
        ({}, {"faults": [CRASH]}, "state of a link: expected latest_ns, .*, degraded, got latest_ns, "),
    ],
    ids=["agents", "losses", "servers", "degradations"],
)
def test_the_state_of_another_network_is_refused(ours, theirs, said):
    with pytest.raises(ValueError, match=said):
        idle(**ours).restore(state_of(idle(**theirs)))


@pytest.fixture(scope="module")
def damaged():
    """A way to damage a state of every part, and to put it back."""
    written = json.dumps(state_of(idle()))

    def put_back(damage):
        state = json.loads(written)
        damage(state)
        idle().restore(state)

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
    assert len(parts) > 25
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
    "compute: expected the times of 3 agents, got 2": lambda state: state.update(compute=[1, 2]),
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
