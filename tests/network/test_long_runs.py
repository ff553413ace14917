"""However long a network goes on, it needs the same memory, and its books balance.

For a million exchanges, in all cases: SOAK=180 pytest tests/network/test_long_runs.py
"""

import gc
import sys

import pytest
from long_networks import CASES, exchanging, network_of
from soak import TIMES

EXCHANGES, EARLY = 700 * TIMES, 300
MOST_BLOCKS = 1500
"""Python objects that may come and go: blocks of drawn numbers, long queues. One exchange is worth tens of them."""


def held_blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


@pytest.mark.parametrize("name", CASES if TIMES > 1 else ["acks", "one radio", "bursts", "moving"])
def test_memory_stays_flat_and_the_books_balance(name):
    """From the first half to the end of 700 exchanges, with some 35 faults."""
    case = CASES[name]
    network = network_of(case, seed=1, exchanges=EXCHANGES)
    held = []
    for done in exchanging(network, case, EXCHANGES):
        if done > EARLY and done % 100 == 0:
            assert network.counters.audit() == "ok"
            held.append(held_blocks())
    first, second = held[: len(held) // 2], held[len(held) // 2 :]
    assert min(second) - min(first) < MOST_BLOCKS
    counts = network.counters.messages
    assert counts.sent == counts.settled + counts.in_flight
    assert {"loss", "link_down", "node_down"} <= counts.lost.keys()
    assert min(counts.delivered, counts.lost.total()) > 250


def test_a_leak_would_be_seen(monkeypatch):
    """With a network that remembers what became of every exchange."""
    case, kept = CASES["bursts"], []
    network = network_of(case, seed=1, exchanges=600)
    exchange = network.exchange
    monkeypatch.setattr(network, "exchange", lambda *args, **options: kept.append(exchange(*args, **options)))
    held = [held_blocks() for done in exchanging(network, case, 600) if done % 100 == 0]
    assert held[-1] - held[2] > 2 * MOST_BLOCKS
