"""Small teams whose networks fail at random, again and again: what must hold however long they go on.

Every case has crashes (half of them with the loss of what was held), links that go down one way or both, partitions,
blackouts, degraded links and stragglers at times that a seed draws, and links that flap throughout.
"""

from collections.abc import Iterator
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


ACKS = {"acks": True, "ack_repeat": 2}
CASES: dict[str, dict[str, Any]] = {
    "bursts": {"link": LinkSpec(rate="20 Mbit/s", delay=NORMAL, loss=BURSTS)},
    "acks": {"link": LinkSpec(rate="20 Mbit/s", delay=NORMAL, loss="20%"), "topology": Complete(), "rounds": 2, **ACKS},
    "one radio": {
        "link": LinkSpec(rate="6 Mbit/s", delay="1 ms", loss="10%", limit=40), "topology": Complete(),
        "share": "medium", "broadcast": True, **ACKS,
    },
    "queues": {
        "link": LinkSpec(rate="1 Mbit/s", delay="20 ms", loss="5%", retries=2, retry_delay="1 ms", limit_bytes=30_000),
        "topology": Ring(), "n_agents": 4, "share": "node",
    },
    "copies": {
        "link": LinkSpec(
            rate="unlimited", delay=NORMAL | {"jitter": "20 ms"}, duplicate="10%", corrupt="5%", fifo=False
        ),
        "rounds": 3,
    },
    "heavy tails": {
        "link": LinkSpec(
            rate="50 Mbit/s", delay={"kind": "pareto", "mean": "30 ms", "shape": 1.5}, loss="1%", fifo=False
        ),
        "topology": EdgeMarkov(up="2 s", down="1 s"), "n_agents": 4, "deadline": 0.2,
    },
    "moving": {
        "link": LinkSpec(rate="20 Mbit/s", delay={"kind": "exponential", "mean": "10 ms"}, loss=BURSTS),
        "topology": Range("30 m", RandomWaypoint(area=("60 m", "60 m"), speed=("1 m/s", "20 m/s"), pause="1 s")),
        "n_agents": 4,
    },
    "overlap": {
        "link": LinkSpec(rate="10 Mbit/s", delay={"kind": "lognormal", "mean": "10 ms", "jitter": "20 ms"}, loss="30%"),
        "schedule": "overlap", "share": "node", "deadline": "auto",
    },
}  # fmt: skip
"""By name: fields of the network, n_agents where they are not 3, rounds where there is not 1."""


def faults_of(n_agents: int, seed: int, exchanges: int) -> list[dict[str, Any]]:
    """Faults over as long as so many exchanges take, in one of twenty of which something begins to go wrong."""
    rng, span_s = np.random.default_rng(seed), exchanges * EXCHANGE_S

    def one(kind: str) -> dict[str, Any]:
        agent, pair = int(rng.integers(n_agents)), rng.choice(n_agents, 2, replace=False).tolist()
        options = {
            "crash": {"node": agent, "state": str(rng.choice(["kept", "lost"]))}, "link_down": {"edge": pair},
            "one_way": {"edge": pair}, "partition": {"groups": [[agent]]}, "blackout": {},
            "straggler": {"node": agent, "factor": float(rng.uniform(1, 5))},
        }  # fmt: skip
        lasts = {"kind": "exponential", "mean": f"{rng.uniform(0.2, 4.0):.3f} s"}
        return {"kind": kind, "at": f"{rng.uniform(0, span_s):.3f} s", "for": lasts, **options[kind]}

    kinds = ["crash", "crash", "crash", "link_down", "one_way", "partition", "blackout", "straggler"]
    drawn = [one(str(rng.choice(kinds))) for _ in range(min(exchanges // 20, 300))]
    # Each degraded link is one of its own for good, so there are few of them, early.
    degraded = [
        {"kind": "degrade", "link": {"loss": "60%"}, "at": f"{k + 1} s", "for": "5 s"}
        for k in range(n_agents * (n_agents - 1) // 3)
    ]
    return [*drawn, *degraded, {"kind": "flap", "up": "1 s", "down": "150 ms"}]


def network_of(case: dict[str, Any], seed: int, exchanges: int) -> SimulatedNetwork:
    """The network of a case, whose faults are spread over so many exchanges."""
    defaults = {
        "n_agents": 3, "topology": RandomConnected(), "deadline": 0.05, "control_period": STEP_S,
        "compute": LognormalTime(0.01, 0.005),
    }  # fmt: skip
    fields = {name: value for name, value in (defaults | case).items() if name != "rounds"}
    return any_network_of(**fields, seed=seed, faults=faults_of(fields["n_agents"], seed, exchanges))


def exchanging(network: SimulatedNetwork, case: dict[str, Any], exchanges: int) -> Iterator[int]:
    """Act a little and exchange something, over and over; yields the number of exchanges made."""
    sizes = np.random.default_rng(0).choice(SIZES, 1000).tolist()
    for index in range(exchanges):
        network.take_restarted()
        network.act(1 + index % 3)
        network.exchange(
            "td", rounds=case.get("rounds", 1), size_bytes=sizes[index % 1000], episode=index, update=index
        )
        yield index + 1
