import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import netmodels
from netmodels import FaultPlan, LinkSpec, Network
from netmodels.faults import Crash, Degrade
from netmodels.links import REASONS, LossTrace

# 12 Mbit/s puts a full packet of 1472 + 28 bytes on the wire in exactly 1 ms.
MS = 1_000_000
FULL = 1472
SPEC = LinkSpec(rate="12 Mbit/s", delay="5 ms")
LOSSY = LinkSpec(rate="12 Mbit/s", delay={"kind": "normal", "mean": "5 ms", "jitter": "2 ms"}, loss="30%")


def complete(network, *offers):
    return [network.offer(now, size, sender, receiver).complete_ns for now, size, sender, receiver in offers]


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        ("link", [6 * MS, 6 * MS, 6 * MS, 7 * MS]),
        ("node", [6 * MS, 7 * MS, 6 * MS, 8 * MS]),
        ("medium", [6 * MS, 7 * MS, 8 * MS, 9 * MS]),
    ],
)
def test_several_senders(share, expected):
    network = Network(3, SPEC, share=share)
    assert complete(network, (0, FULL, 0, 1), (0, FULL, 0, 2), (0, FULL, 1, 0), (0, FULL, 0, 1)) == expected


def test_queue_of_a_medium_counts_all_senders():
    network = Network(4, dataclasses.replace(SPEC, limit=1), share="medium")
    reasons = [network.offer(0, FULL, sender, 3).lost_reason for sender in range(3)]
    assert reasons == [None, None, "queue_full"]
    assert network.offer(MS, FULL, 2, 0).complete_ns == 8 * MS


def test_broadcast_serialises_one_copy():
    network = Network(4, SPEC, share="medium")
    sent = network.broadcast(0, 2 * FULL, 0, [3, 1, 2])
    assert list(sent.transfers) == [1, 2, 3]
    assert [transfer.complete_ns for transfer in sent.transfers.values()] == [7 * MS] * 3
    assert (sent.wire_bytes, sent.airtime_ns) == (3000, 2 * MS)
    assert network.offer(0, FULL, 1, 0).complete_ns == 8 * MS


@pytest.mark.parametrize("packets", [5, 50])
def test_broadcast_has_independent_losses(packets, in_sigmas):
    network = Network(3, dataclasses.replace(LOSSY, loss="50%", limit=10**6), share="node")
    sent = [network.broadcast(0, packets * FULL, 0, [1, 2]).transfers for _ in range(40_000 // packets)]
    lost = [np.concatenate([one[receiver].arrival_ns == -1 for one in sent]) for receiver in (1, 2)]
    in_sigmas.mean(lost[0] & lost[1], 0.25)


def test_broadcast_is_not_retransmitted():
    spec = dataclasses.replace(SPEC, loss=LossTrace(values=(1, 0), offset=0), retries=3, retry_delay="1 ms")
    network = Network(2, spec, share="node")
    assert network.broadcast(0, 2 * FULL, 0, [1]).transfers[1].reason.tolist() == ["loss", None]
    assert network.offer(2 * MS, FULL, 0, 1).tries.tolist() == [2]


def test_broadcast_draws_like_the_link_itself():
    network, single = (Network(3, LOSSY, seed=5, share="node") for _ in range(2))
    heard = [network.broadcast(k * 20 * MS, 3 * FULL, 0, [1, 2]).transfers[1].complete_ns for k in range(40)]
    assert heard == [single.offer(k * 20 * MS, 3 * FULL, 0, 1).complete_ns for k in range(40)]


def test_broadcast_goes_at_the_lowest_rate():
    slow = dataclasses.replace(SPEC, rate="6 Mbit/s")
    network = Network(3, SPEC, share="node", overrides={(0, 2): slow})
    sent = network.broadcast(0, FULL, 0, [1, 2])
    assert [transfer.complete_ns for transfer in sent.transfers.values()] == [7 * MS, 7 * MS]


@pytest.mark.parametrize(
    ("options", "receivers", "message"),
    [
        ({}, [1], "broadcast.*'link'"),
        ({"share": "node"}, [], "receivers"),
        ({"share": "node"}, [0], "link.*0, 0"),
        ({"share": "node", "overrides": {(0, 2): dataclasses.replace(SPEC, mtu=100)}}, [1, 2], "receivers.*mtu"),
    ],
)
def test_broadcast_refuses(options, receivers, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        Network(3, SPEC, **options).broadcast(0, FULL, 0, receivers)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"share": "air"}, "share.*'air'"),
        ({"overrides": {(0, 3): SPEC}}, r"link.*\(0, 3\)"),
        ({"seed": -1}, "seed.*-1"),
        ({"n_agents": 0}, "n_agents.*0"),
        ({"faults": FaultPlan([], n_agents=2)}, "faults.*3.*2"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        Network(**{"n_agents": 3, "spec": SPEC, **options})


def test_adding_a_link_changes_no_other_links_draws():
    def run(network, edges):
        return {edge: [network.offer(k * 20 * MS, 2 * FULL, *edge).complete_ns for k in range(60)] for edge in edges}

    few = run(Network(3, LOSSY, seed=1), [(0, 1), (1, 0)])
    more = run(Network(9, LOSSY, seed=1, overrides={(2, 1): SPEC}), [(8, 0), (2, 1), (1, 0), (0, 1)])
    assert {edge: more[edge] for edge in few} == few


def test_directions_have_their_own_parameters():
    network = Network(2, SPEC, overrides={(1, 0): dataclasses.replace(SPEC, delay="1 ms")})
    assert complete(network, (0, FULL, 0, 1), (0, FULL, 1, 0)) == [6 * MS, 2 * MS]


def test_faults_reach_the_links():
    plan = FaultPlan(
        [
            Crash(node=1, at="10 ms", for_="10 ms"),
            Degrade(link={"delay": "50 ms", "rate": "6 Mbit/s"}, edge=(0, 2), at="10 ms", for_="10 ms"),
        ],
        n_agents=3,
    )
    network = Network(3, SPEC, faults=plan, share="node")
    assert complete(network, (0, FULL, 0, 1), (MS, FULL, 0, 2)) == [6 * MS, 7 * MS]
    assert network.offer(12 * MS, FULL, 0, 1).lost_reason == "node_down"
    # Behind the packet into the void, which takes its millisecond, and at half the rate.
    assert network.offer(12 * MS, FULL, 0, 2).complete_ns == 13 * MS + 2 * MS + 50 * MS
    # Degraded no more, but FIFO: the one on its way is not overtaken.
    assert complete(network, (20 * MS, FULL, 0, 1), (21 * MS, FULL, 0, 2)) == [26 * MS, 65 * MS]
    assert REASONS[4:] == ("link_down", "node_down")


def test_broadcast_under_degradation():
    plan = FaultPlan([Degrade(link={"loss": 1.0, "rate": "6 Mbit/s"}, edge=(0, 2), at="10 ms")], n_agents=3)
    network = Network(3, SPEC, faults=plan, share="medium")
    before, after = (network.broadcast(now, FULL, 0, [1, 2]).transfers for now in (0, 10 * MS))
    assert [before[1].complete_ns, before[2].complete_ns] == [6 * MS, 6 * MS]
    assert (after[1].complete_ns, after[2].lost_reason) == (17 * MS, "loss")


SCRIPT = """
import hashlib
from netmodels import FaultPlan, LinkSpec, Network
from pydantic import TypeAdapter
from netmodels.topology import AnyTopology, Instant
digest = hashlib.sha256()
spec = LinkSpec(rate=2e7, delay={"kind": "lognormal", "mean": 0.005, "jitter": 0.002}, loss=0.2, duplicate=0.1)
faults = [{"kind": "flap", "up": 2, "down": 1}, {"kind": "partition", "groups": [[0, 1]], "at": 3, "for": 1}]
network = Network(5, spec, seed=3, share="medium", faults=FaultPlan(faults, n_agents=5, seed=3))
for options in (
    {"kind": "k_regular", "degree": 2}, {"kind": "watts_strogatz", "neighbours": 2, "p": 0.3},
    {"kind": "random_connected", "edges": 5}, {"kind": "edge_markov", "up": 2, "down": 1},
    {"kind": "barabasi_albert", "links": 2}, {"kind": "random_geometric", "radius": 0.5},
):
    for episode in range(20):
        graph = TypeAdapter(AnyTopology).validate_python(options).graph(5, 3, Instant(episode, now_ns=episode * 10**9))
        digest.update(repr(graph.edges).encode())
        for sender, receiver in graph.edges:
            sent = network.offer(episode * 10**9, 6400, sender, receiver) if episode else None
            digest.update(repr(sent and (sent[:9], sent.arrival_ns.tolist())).encode())
    network = Network(5, spec, seed=4, share="medium", faults=FaultPlan(faults, n_agents=5, seed=3))
print(digest.hexdigest())
"""


def test_two_processes_agree():
    digests = {
        subprocess.run(  # noqa: S603
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(netmodels.__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == 64
