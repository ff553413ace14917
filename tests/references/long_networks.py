"""Small teams whose networks fail at random, again and again: what must hold however long they go on.

Every case has crashes (half of them with the loss of what was held), links that go down one way or both, partitions,
blackouts, degraded links and stragglers at times that a seed draws, and links that flap throughout.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from small_networks import LognormalTime
from small_networks import network_of as any_network_of

from dvdn_sim.network import SimulatedNetwork
from netmodels import LinkSpec
from netmodels.topology import Complete, EdgeMarkov, RandomConnected, RandomWaypoint, Range, Ring

NORMAL = {"kind": "normal", "mean": "5 ms", "jitter": "3 ms"}
BURSTS = {"kind": "gemodel", "p": "3%", "r": "25%"}
SIZES = (800, 6424, 40_000)
"""Bytes: of one packet; of five; and of so many that they are worked out in numpy."""
STEP_S = 0.1
EXCHANGE_S = 0.35
"""Simulated time of an exchange, with the acting before it, roughly: how far apart faults are drawn."""


@dataclass(frozen=True)
class Case:
    """A network of one kind.

    Attributes:
        link: Of all pairs.
        topology: Which of them exist when.
        n_agents: N.
        rounds: Of an exchange.
        options: Further fields of the network.
    """

    link: LinkSpec
    topology: Any = field(default_factory=RandomConnected)
    n_agents: int = 3
    rounds: int = 1
    options: dict[str, Any] = field(default_factory=dict)


ACKS = {"acks": True, "ack_repeat": 2}
CASES: dict[str, Case] = {
    "bursts": Case(LinkSpec(rate="20 Mbit/s", delay=NORMAL, loss=BURSTS)),
    "acks": Case(LinkSpec(rate="20 Mbit/s", delay=NORMAL, loss="20%"), Complete(), rounds=2, options=ACKS),
    "one radio": Case(
        LinkSpec(rate="6 Mbit/s", delay="1 ms", loss="10%", limit=40),
        Complete(),
        options={"share": "medium", "broadcast": True, **ACKS},
    ),
    "queues": Case(
        LinkSpec(rate="1 Mbit/s", delay="20 ms", loss="5%", retries=2, retry_delay="1 ms", limit_bytes=30_000),
        Ring(),
        n_agents=4,
        options={"share": "node"},
    ),
    "copies": Case(
        LinkSpec(rate="unlimited", delay=NORMAL | {"jitter": "20 ms"}, duplicate="10%", corrupt="5%", fifo=False),
        rounds=3,
    ),
    "heavy tails": Case(
        LinkSpec(rate="50 Mbit/s", delay={"kind": "pareto", "mean": "30 ms", "shape": 1.5}, loss="1%", fifo=False),
        EdgeMarkov(up="2 s", down="1 s"),
        n_agents=4,
        options={"deadline": 0.2},
    ),
    "moving": Case(
        LinkSpec(rate="20 Mbit/s", delay={"kind": "exponential", "mean": "10 ms"}, loss=BURSTS),
        Range("30 m", RandomWaypoint(area=("60 m", "60 m"), speed=("1 m/s", "20 m/s"), pause="1 s")),
        n_agents=4,
    ),
    "overlap": Case(
        LinkSpec(rate="10 Mbit/s", delay={"kind": "lognormal", "mean": "10 ms", "jitter": "20 ms"}, loss="30%"),
        options={"schedule": "overlap", "share": "node", "deadline": "auto"},
    ),
}


def faults_of(case: Case, seed: int, exchanges: int) -> list[dict[str, Any]]:
    """Faults over as long as so many exchanges take, in one of twenty of which something begins to go wrong."""
    rng, pairs = np.random.default_rng(seed), case.n_agents * (case.n_agents - 1)
    span_s, count = exchanges * EXCHANGE_S, min(exchanges // 20, 300)

    def pair() -> list[int]:
        return rng.choice(case.n_agents, 2, replace=False).tolist()

    def one(kind: str) -> dict[str, Any]:
        when = {"kind": kind, "at": f"{rng.uniform(0, span_s):.3f} s"}
        lasting = when | {"for": {"kind": "exponential", "mean": f"{rng.uniform(0.2, 4.0):.3f} s"}}
        return (
            lasting
            | {
                "crash": lambda: {"node": int(rng.integers(case.n_agents)), "state": str(rng.choice(["kept", "lost"]))},
                "link_down": lambda: {"edge": pair()},
                "one_way": lambda: {"edge": pair()},
                "partition": lambda: {"groups": [[int(rng.integers(case.n_agents))]]},
                "blackout": dict,
                "straggler": lambda: {"node": int(rng.integers(case.n_agents)), "factor": float(rng.uniform(1, 5))},
            }[kind]()
        )

    kinds = ["crash", "crash", "crash", "link_down", "one_way", "partition", "blackout", "straggler"]
    drawn = [one(str(rng.choice(kinds))) for _ in range(count)]
    # Each degraded link is one of its own for good, so there are few of them, early.
    degraded = [
        {"kind": "degrade", "link": {"loss": "60%"}, "at": f"{k + 1} s", "for": "5 s"} for k in range(2 * pairs // 6)
    ]
    return [*drawn, *degraded, {"kind": "flap", "up": "1 s", "down": "150 ms"}]


def network_of(case: Case, seed: int, exchanges: int) -> SimulatedNetwork:
    """The network of a case, whose faults are spread over so many exchanges."""
    return any_network_of(
        case.n_agents,
        seed=seed,
        topology=case.topology,
        link=case.link,
        control_period=STEP_S,
        compute=LognormalTime(0.01, 0.005),
        faults=faults_of(case, seed, exchanges),
        **{"deadline": 0.05} | case.options,
    )


def exchanging(network: SimulatedNetwork, case: Case, exchanges: int) -> Iterator[int]:
    """Act a little and exchange something, over and over; yields the number of exchanges made."""
    sizes = np.random.default_rng(0).choice(SIZES, 1000).tolist()
    for index in range(exchanges):
        network.take_restarted()
        network.act(1 + index % 3)
        network.exchange("td", rounds=case.rounds, size_bytes=sizes[index % 1000], episode=index, update=index)
        yield index + 1
