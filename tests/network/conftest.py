"""Small scenes: a few agents, links that do what a script says, and a clock whose events are counted."""

from collections import Counter, defaultdict
from itertools import count

import pytest
import small_networks
from small_networks import exchange_of, faults_of

from dvdn_sim.network import Clock, NetworkCounters
from netmodels import Transfer
from netmodels.topology import Graph

MS = 1_000_000
LOST = None


class ScriptedLink:
    """Takes a set time for the n-th message handed over, or loses it."""

    def __init__(self, transits_ns):
        self.transits_ns = iter(transits_ns)

    def offer(self, now_ns, size_bytes):
        transit_ns = next(self.transits_ns)
        lost = transit_ns is LOST
        return Transfer(
            handed_over_ns=now_ns, size_bytes=size_bytes, packets=1,
            complete_ns=-1 if lost else now_ns + transit_ns,
            lost_reason="loss" if lost else None, packets_lost=(("loss", 1),) if lost else (),
            wire_bytes=size_bytes, airtime_ns=0, duplicates=0,
            arrivals=[-1 if lost else now_ns + transit_ns], fates=[1] if lost else None, attempts=None,
        )  # fmt: skip


class ScriptedTransport:
    """Links by (sender, receiver): what becomes of each message in turn, and from then on of all others."""

    def __init__(self, transit_ns, special):
        scripts = {edge: self._with_default(transits, transit_ns) for edge, transits in special.items()}
        self._links = defaultdict(lambda: ScriptedLink(transit_ns for _ in count()))
        self._links.update((edge, ScriptedLink(script)) for edge, script in scripts.items())

    @staticmethod
    def _with_default(transits, transit_ns):
        yield from transits
        yield from (transit_ns for _ in count())

    share, broadcast = "link", False

    def link(self, sender, receiver):
        return self._links[sender, receiver]

    def hand_over_order(self, sender, receivers):
        return list(receivers)


class Scene:
    """Exchanges in turn over scripted or real links; `events` are counted over all."""

    def __init__(self, transport, deadline_ns=None, size_bytes=1472):
        self.transport, self.counters = transport, NetworkCounters()
        self.deadline_ns, self.size_bytes = deadline_ns, size_bytes
        self.now_ns = self.events = 0
        self.faults = self.acks = None
        self.lives = []

    def crashing(self, *faults, n_agents):
        """The same with crashes: faults as mappings."""
        self.faults = faults_of(faults, n_agents)
        return self

    def acknowledging(self, deadline_ns, repeat=1):
        """The same with acknowledgements of 24 bytes."""
        self.acks = (deadline_ns, repeat)
        return self

    def message(self, life):
        self.lives.append(life)

    def exchange(self, graphs, starts_ns, kind="td"):
        clock = Clock(self.now_ns)
        step = clock.environment.step

        def counted():
            step()
            self.events += 1

        clock.environment.step = counted
        under_way = exchange_of(
            clock, self.transport, self.counters, graphs, kind=kind, size_bytes=self.size_bytes,
            deadline_ns=self.deadline_ns, acks=self.acks, faults=self.faults, probe=self, update=3,
        )  # fmt: skip
        try:
            return under_way.run(starts_ns)
        finally:
            self.now_ns = clock.now_ns

    def wait_until(self, now_ns):
        """Let what is in flight arrive."""
        self.now_ns = now_ns
        self.counters.land(now_ns, self)

    @property
    def counts(self):
        return outcomes(self.counters.messages)


def outcomes(counts):
    """The outcomes of a `MessageCounts` that occurred."""
    names = ("delivered", "late", "expired", "in_flight")
    return dict(Counter({name: getattr(counts, name) for name in names}) + counts.lost)


@pytest.fixture
def scripted():
    """Make a scene: transit time of all messages, and `special` ones by link."""

    def make(transit_ns, *, deadline_ns=None, special=None):
        return Scene(ScriptedTransport(transit_ns, special or {}), deadline_ns)

    return make


@pytest.fixture
def over():
    """Make a scene over given links."""
    return Scene


@pytest.fixture
def outcomes_of():
    return outcomes


@pytest.fixture
def pair():
    return Graph.undirected(2, [(0, 1)])


def pytest_generate_tests(metafunc):
    """What is asked of the network of a team is asked of both engines."""
    if hasattr(metafunc.module, "network_of"):
        metafunc.fixturenames.append("engine")
        metafunc.parametrize("engine", ["compiled", "simpy"], indirect=True)


@pytest.fixture
def engine(request, monkeypatch):
    """The engine of the networks that a test makes."""
    monkeypatch.setattr(small_networks, "ENGINE", request.param)
